package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Resolve implements [did.Resolver]: the issuer's document is at hand.
func (b *bench) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	switch {
	case id == b.issuer:
		m := did.VerificationMethod{ID: b.ed.method, Controller: id.String(), Type: "Multikey", Key: b.ed.public}
		return did.Resolution{Document: did.Document{ID: id, Methods: []did.VerificationMethod{m}, Purposes: map[did.Relationship][]string{did.AssertionMethod: {m.ID}}}}, nil
	case id.Method() == "jwk":
		return jwk.Resolver{}.Resolve(ctx, id)
	}
	return key.Resolver{}.Resolve(ctx, id)
}

// StatusList implements [credentials.StatusSource]: the list of any address is
// at hand, and nothing is set in it.
func (b *bench) StatusList(ctx context.Context, url string) (status.Fetched, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lists[url] == nil {
		purpose := status.Revocation
		for _, p := range []string{status.Suspension, status.Refresh} {
			if strings.HasSuffix(url, "/"+p) {
				purpose = p
			}
		}
		now := b.at
		raw, err := credentials.SignStatusList(ctx, status.Description{ID: url, Issuer: b.issuer.String(), Purpose: purpose, TTL: time.Hour, ValidFrom: now.Add(-time.Hour), ValidUntil: now.Add(time.Hour)}, status.NewBitmap(0), b.ed, now)
		if err != nil {
			return status.Fetched{}, err
		}
		b.lists[url] = raw
	}
	return status.Fetched{Body: b.lists[url], At: b.at}, nil
}

// figure is one line of the answer. CPU is in microseconds, of all threads.
type figure struct {
	Side string  `json:"side"`
	Name string  `json:"name"`
	CPU  float64 `json:"cpuUs"`
	V    float64 `json:"vsEd25519Verify"`
	Wall float64 `json:"wallUs"`
	N    int     `json:"operations"`
}

// timed runs f and returns the CPU time of all threads, and the time by the
// clock.
func timed(f func() error) (cpu, wall time.Duration, err error) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return 0, 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	start := time.Now()
	if err := f(); err != nil {
		return 0, 0, err
	}
	wall = time.Since(start)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return 0, 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()), wall, nil
}

// micros is the time of one of n operations in microseconds.
func micros(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }

// sample is what one operation took in microseconds, and what one bare
// verification did meanwhile.
type sample struct {
	cpu, wall, bare float64
	n               int
}

// rounds runs f by turns with bare verifications, so that what else goes on in
// the machine slows both, and takes the medians. Each returns how many
// operations it ran.
func rounds(many int, f, bare func() (int, error)) (s sample, err error) {
	var cpus, walls, bares []float64
	for range many {
		for _, of := range []struct {
			f          func() (int, error)
			cpus, wall *[]float64
			n          *int
		}{{f, &cpus, &walls, &s.n}, {bare, &bares, new([]float64), new(int)}} {
			count := 0
			c, w, err := timed(func() (err error) { count, err = of.f(); return err })
			if err != nil {
				return s, err
			}
			*of.cpus, *of.wall = append(*of.cpus, micros(c, count)), append(*of.wall, micros(w, count))
			*of.n += count
		}
	}
	middle := func(all []float64) float64 { slices.Sort(all); return all[len(all)/2] }
	s.cpu, s.wall, s.bare = middle(cpus), middle(walls), middle(bares)
	return s, nil
}

// during returns a function that runs f over and over for a time.
func during(d time.Duration, f func() error) func() (int, error) {
	return func() (n int, err error) {
		for start := time.Now(); n == 0 || time.Since(start) < d; n++ {
			if err := f(); err != nil {
				return n, err
			}
		}
		return n, nil
	}
}

// line measures f, of which one run is so many operations.
func (b *bench) line(name string, per int, f func() error) error {
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	runtime.GC()
	s, err := rounds(5, during(b.each/5, f), during(b.each/20, b.bare))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return b.print(name, sample{s.cpu / float64(per), s.wall / float64(per), s.bare, s.n * per})
}

func (b *bench) print(name string, s sample) error {
	round := func(x float64) float64 { return math.Round(x*1000) / 1000 }
	raw, err := jsondoc.Marshal(figure{"trustme", name, round(s.cpu), round(s.cpu / s.bare), round(s.wall), s.n})
	if err == nil {
		say(b.c, "%s", raw)
	}
	return err
}

func (b *bench) report(ctx context.Context, raw []byte) error {
	r := b.verifier.Report(ctx, raw, credentials.ReportOptions{})
	if r.Verdict != credentials.Valid {
		return fmt.Errorf("%w: the badge is %s: %s", errBench, r.Verdict, r.Why())
	}
	return nil
}

func (b *bench) suites(ctx context.Context) error {
	if err := b.line("issue eddsa-rdfc-2022, lint to self-verification", 1, func() error {
		_, err := credentials.Issue(ctx, b.verifier, b.unsigned, b.ed, b.at)
		return err
	}); err != nil {
		return err
	}
	if err := b.bareP256(ctx); err != nil {
		return err
	}
	ec := bytes.ReplaceAll(b.unsigned, []byte(b.issuer.String()), []byte(b.ecIssuer.String()))
	for _, s := range []struct {
		suite            string
		unsigned, signed []byte
		k                benchKey
	}{{dataintegrity.EdDSARDFC, b.unsigned, b.rdfc, b.ed}, {dataintegrity.EdDSAJCS, b.unsigned, b.jcs, b.ed}, {dataintegrity.ECDSARDFC, ec, nil, b.ec}} {
		if err := b.line("issue "+s.suite, 1, func() error { _, err := b.prove(s.unsigned, s.suite, s.k); return err }); err != nil {
			return err
		}
		var err error
		if s.signed == nil {
			if s.signed, err = b.prove(s.unsigned, s.suite, s.k); err != nil {
				return err
			}
		}
		if err := b.line("verify "+s.suite, 1, func() error { return b.report(ctx, s.signed) }); err != nil {
			return err
		}
	}
	if err := b.line("issue vc-jwt EdDSA", 1, func() error { _, err := jose.Sign(ctx, b.unsigned, b.ed); return err }); err != nil {
		return err
	}
	jwt, err := jose.Sign(ctx, b.unsigned, b.ed)
	if err != nil {
		return err
	}
	return b.line("verify vc-jwt EdDSA", 1, func() error { return b.report(ctx, jwt) })
}

// bareP256 measures what ecdsa-rdfc-2019 cannot do without.
func (b *bench) bareP256(ctx context.Context) error {
	message := make([]byte, 64)
	sig, err := b.ec.Sign(ctx, message)
	if err != nil {
		return err
	}
	return b.line("bare ecdsa.Verify P-256", 1, func() error { return b.ec.public.Verify(message, sig) })
}

// neverSeen verifies badges of more issuers than are remembered; their DID
// documents are at hand.
func (b *bench) neverSeen(ctx context.Context) error {
	var all [][]byte
	for range 600 {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed) // never fails
		k, id, err := newBenchKey("", seed)
		if err != nil {
			return err
		}
		raw, err := b.prove(bytes.ReplaceAll(b.unsigned, []byte(b.issuer.String()), []byte(id.String())), dataintegrity.EdDSARDFC, k)
		if err != nil {
			return err
		}
		all = append(all, raw)
	}
	for _, raw := range all {
		if err := b.report(ctx, raw); err != nil {
			return err
		}
	}
	i := 0
	return b.line("verify eddsa-rdfc-2022, issuer never seen", 1, func() error { i++; return b.report(ctx, all[i%len(all)]) })
}

// parallel runs f for 0 <= i < n on so many cores.
func parallel(n, workers int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (b *bench) batches(ctx context.Context) error {
	const n = 10_000
	c, err := credentials.Parse(b.unsigned)
	if err != nil {
		return err
	}
	unsigned, signed := make([][]byte, n), make([][]byte, n)
	for i := range unsigned {
		if unsigned[i] = b.unsigned; c.ID() != "" {
			unsigned[i] = bytes.Replace(b.unsigned, []byte(c.ID()), fmt.Appendf(nil, "%s-%d", c.ID(), i), 1)
		}
	}
	each := func(from, to int) (err error) {
		for i := from; i < to && err == nil; i++ {
			err = b.report(ctx, signed[i])
		}
		return err
	}
	o := dataintegrity.Options{Created: b.at}
	if err := b.batch("batch issue 10000 eddsa-rdfc-2022", n, runtime.GOMAXPROCS(0), func(from, to int) error {
		proved, err := dataintegrity.AddProofs(ctx, unsigned[from:to], o, batchKey{b.ed})
		copy(signed[from:to], proved)
		return err
	}); err != nil {
		return err
	}
	if err := b.batch("batch verify 10000 eddsa-rdfc-2022", n, runtime.GOMAXPROCS(0), each); err != nil {
		return err
	}
	return b.batch("batch verify 10000 eddsa-rdfc-2022, one core", n, 1, each)
}

// batch measures f, which does the work of from <= i < to, for 0 <= i < n on so
// many cores, and a bare verification too.
func (b *bench) batch(name string, n, cores int, f func(from, to int) error) error {
	const many, together = 10, 50
	runtime.GC()
	at := 0
	s, err := rounds(many, func() (int, error) {
		begin := at
		at += n / many
		return n / many, parallel(n/many/together, cores, func(i int) error {
			from := begin + i*together
			return f(from, from+together)
		})
	}, func() (int, error) {
		return n / many / 5, parallel(n/many/5, cores, func(int) error { return b.bare() })
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return b.print(name, s)
}

// statusLists measures lists in which one entry in a thousand is set.
func (b *bench) statusLists(ctx context.Context) error {
	for _, n := range []int{131_072, 1 << 20, 1 << 24} {
		bits := status.NewBitmap(n)
		for range n / 1000 {
			bits.Set(mathrand.IntN(n), true)
		}
		last := 0
		revoke := func() { // another one each time, so that the list stays as full
			bits.Set(last, false)
			last = mathrand.IntN(n)
			bits.Set(last, true)
		}
		if err := b.line(fmt.Sprint("status encode ", n), 1, func() error {
			revoke()
			_, err := status.Encode(bits)
			return err
		}); err != nil {
			return err
		}
		d := status.Description{ID: "https://alder.example/status/9/revocation", Issuer: b.issuer.String(), Purpose: status.Revocation, ValidFrom: time.Now()}
		var raw []byte
		if err := b.line(fmt.Sprint("status publish ", n), 1, func() (err error) {
			revoke()
			raw, err = credentials.SignStatusList(ctx, d, bits, b.ed, time.Now())
			return err
		}); err != nil {
			return err
		}
		v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: 8 << 20})
		if err != nil {
			return err
		}
		l, err := status.ParseList(v)
		if err != nil {
			return err
		}
		e := status.NewEntry(d.ID, d.Purpose, 0)
		if err := b.line(fmt.Sprint("status check ", n), 1000, func() error {
			for i := range 1000 {
				e.Index = i * 97 % n
				if got, err := l.Value(e); err != nil || got.Set != bits.Get(e.Index) {
					return fmt.Errorf("%w: entry %d", errBench, e.Index)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
