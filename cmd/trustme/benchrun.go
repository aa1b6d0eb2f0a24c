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

// measure runs f in five rounds and takes the median.
func (b *bench) measure(f func() error) (cpu, wall float64, n int, err error) {
	var cpus, walls []float64
	if err := f(); err != nil {
		return 0, 0, 0, err
	}
	runtime.GC()
	for range 5 {
		count := 0
		c, w, err := timed(func() error {
			for start := time.Now(); count == 0 || time.Since(start) < b.each/5; count++ {
				if err := f(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, 0, err
		}
		cpus, walls = append(cpus, micros(c, count)), append(walls, micros(w, count))
		n += count
	}
	slices.Sort(cpus)
	slices.Sort(walls)
	return cpus[2], walls[2], n, nil
}

func (b *bench) line(name string, per int, f func() error) error {
	cpu, wall, n, err := b.measure(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return b.print(name, cpu/float64(per), wall/float64(per), n*per)
}

func (b *bench) print(name string, cpu, wall float64, n int) error {
	round := func(x float64) float64 { return math.Round(x*1000) / 1000 }
	raw, err := jsondoc.Marshal(figure{"trustme", name, round(cpu), round(cpu / b.bare), round(wall), n})
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

// parallel runs f for 0 <= i < n on all cores.
func parallel(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
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
	for _, p := range []struct {
		name string
		f    func(i int) error
	}{
		{"batch issue 10000 eddsa-rdfc-2022", func(i int) (err error) {
			signed[i], err = b.prove(unsigned[i], dataintegrity.EdDSARDFC, b.ed)
			return err
		}},
		{"batch verify 10000 eddsa-rdfc-2022", func(i int) error { return b.report(ctx, signed[i]) }},
	} {
		runtime.GC()
		cpu, wall, err := timed(func() error { return parallel(n, p.f) })
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := b.print(p.name, micros(cpu, n), micros(wall, n), n); err != nil {
			return err
		}
	}
	return nil
}

// statusLists measures lists in which one entry in a thousand is set.
func (b *bench) statusLists(ctx context.Context) error {
	for _, n := range []int{131_072, 1 << 20} {
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
