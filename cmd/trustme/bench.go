package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/multiformats/go-multibase"
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name: "bench", Usage: "measure the engine on a badge, beside the bare signature", ArgsUsage: "[DIR]",
		Description: example("DIR holds issuer.json (the private key as secretKeyMultibase, privateKeyMultibase, seed or privateKeyJwk, and id), unsigned.json, unsigned.nq and, if they are there, signed-rdfc.json and signed-jcs.json. Without DIR, a badge of 3 KB is made; --write keeps it as such a folder, for other implementations to run on.\n\nPrints a JSON object on each line, with or without --json: the CPU time of one operation in microseconds, and as a multiple of one bare Ed25519 verification in the same run. Refuses when the canonical form is not unsigned.nq.", "trustme bench"),
		Flags:       []cli.Flag{jsonFlag, &cli.StringFlag{Name: "write", Usage: "keep the badge that was made in the new folder `DIR`"}, &cli.DurationFlag{Name: "time", Usage: "`TIME` for each figure", Value: time.Second}},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one DIR")
			if err != nil {
				return err
			}
			if len(args) == 1 && c.String("write") != "" {
				return usagef("--write is for a badge that is made here: leave out DIR")
			}
			b := &bench{c: c, each: c.Duration("time")}
			if len(args) == 1 {
				err = b.read(args[0])
			} else {
				err = b.make(c.String("write"))
			}
			if err != nil {
				return err
			}
			return b.run(c.Context)
		},
	}
}

// benchKey signs as one party.
type benchKey struct {
	method string
	public did.PublicKey
	sign   func([]byte) ([]byte, error)
}

func (k benchKey) Sign(_ context.Context, m []byte) ([]byte, error) { return k.sign(m) }
func (k benchKey) VerificationMethod() string                       { return k.method }
func (k benchKey) Key() did.PublicKey                               { return k.public }

type bench struct {
	c        *cli.Context
	each     time.Duration
	issuer   did.DID
	ed, ec   benchKey
	ecIssuer did.DID
	unsigned []byte
	nquads   []byte
	rdfc     []byte
	jcs      []byte
	bare     float64 // microseconds of one bare verification
	verifier *credentials.Verifier
	mu       sync.Mutex
	lists    map[string][]byte
	at       time.Time // when the badge is in its time
}

func newBenchKey(method string, seed []byte) (benchKey, did.DID, error) {
	private := ed25519.NewKeyFromSeed(seed)
	pub, err := did.NewPublicKey(did.Ed25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	id, err := key.New(pub)
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	if method == "" {
		method = key.MethodID(id)
	}
	return benchKey{method, pub, func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }}, id, nil
}

func newBenchP256() (benchKey, did.DID, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	pub, err := did.NewPublicKey(did.P256, append([]byte{2 + point[64]&1}, point[1:33]...))
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	id, err := key.New(pub)
	return benchKey{key.MethodID(id), pub, func(m []byte) ([]byte, error) {
		sum := sha256.Sum256(m)
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
	}}, id, err
}

// seeds returns what in a text could be an Ed25519 private key: in hex,
// base64, multibase, a JWK's d, or PKCS #8.
func seeds(text string) (out [][]byte) {
	add := func(b []byte) {
		switch b = bytes.TrimPrefix(b, []byte{0x80, 0x26}); len(b) { // multicodec ed25519-priv
		case ed25519.SeedSize, ed25519.PrivateKeySize:
			out = append(out, b[:ed25519.SeedSize])
		default:
			if k, err := x509.ParsePKCS8PrivateKey(b); err == nil {
				if e, ok := k.(ed25519.PrivateKey); ok {
					out = append(out, e.Seed())
				}
			}
		}
	}
	if p, _ := pem.Decode([]byte(text)); p != nil {
		add(p.Bytes)
	}
	if b, err := hex.DecodeString(text); err == nil {
		add(b)
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding, base64.URLEncoding} {
		if b, err := e.DecodeString(text); err == nil {
			add(b)
		}
	}
	if _, b, err := multibase.Decode(text); err == nil {
		add(b)
	}
	return out
}

// texts yields every text within a value with the name of its member.
func texts(v jsondoc.Value, yield func(name, text string)) {
	for m := v.Child(); m.Exists(); m = m.Next() {
		if s, ok := m.Text(); ok {
			yield(m.Name(), s)
		}
		texts(m, yield)
	}
}

// keyOf finds the issuer's private key in issuer.json: the one whose public
// key is there too, or in a did:key of the badge; else the one under a usual
// name.
func keyOf(v jsondoc.Value, badge string) ([]byte, error) {
	var all strings.Builder
	all.WriteString(badge)
	texts(v, func(_, s string) { all.WriteString(" " + s) })
	var named []byte
	var found []byte
	texts(v, func(name, s string) {
		for _, seed := range seeds(s) {
			public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
			k, err := did.NewPublicKey(did.Ed25519, public)
			if err == nil && (strings.Contains(all.String(), k.Multibase()) || strings.Contains(all.String(), base64.RawURLEncoding.EncodeToString(public))) {
				found = seed
			}
			if slices.Contains([]string{"secretKeyMultibase", "privateKeyMultibase", "seed", "secretKey", "privateKey", "d"}, name) && named == nil {
				named = seed
			}
		}
	})
	if found == nil {
		found = named
	}
	if found == nil {
		return nil, usagef("issuer.json names no Ed25519 private key: write secretKeyMultibase, privateKeyMultibase, seed or privateKeyJwk")
	}
	return found, nil
}

func (b *bench) read(dir string) error {
	files := map[string]*[]byte{"unsigned.json": &b.unsigned, "unsigned.nq": &b.nquads, "signed-rdfc.json": &b.rdfc, "signed-jcs.json": &b.jcs}
	for name, into := range files {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && (!errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(name, "signed")) {
			return usagef("%v", err)
		}
		*into = bytes.TrimSpace(raw)
	}
	b.nquads = append(b.nquads, '\n')
	raw, err := os.ReadFile(filepath.Join(dir, "issuer.json"))
	if err != nil {
		return usagef("%v", err)
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return usagef("issuer.json: %v", err)
	}
	seed, err := keyOf(v, string(b.unsigned)+string(b.rdfc))
	if err != nil {
		return err
	}
	method := ""
	for _, name := range []string{"verificationMethod", "keyId", "kid", "id"} {
		if s := v.Get(name).ID(); strings.HasPrefix(s, "did:") && strings.Contains(s, "#") && method == "" {
			method = s
		}
	}
	return b.adopt(method, seed)
}

// adopt takes the issuer's key, and its identifier from the badge.
func (b *bench) adopt(method string, seed []byte) (err error) {
	c, err := credentials.Parse(b.unsigned)
	if err != nil {
		return usagef("unsigned.json: %v", err)
	}
	if b.issuer, err = did.Parse(c.IssuerID()); err != nil {
		return usagef("unsigned.json: issuer: %v", err)
	}
	own := did.DID{}
	if b.ed, own, err = newBenchKey(method, seed); err != nil {
		return err
	}
	b.at = time.Now()
	if until := c.ValidUntil(); !until.IsZero() && until.Before(b.at) {
		b.at = until
	}
	if from := c.ValidFrom(); from.After(b.at) {
		b.at = from
	}
	if method == "" && own != b.issuer {
		b.ed.method = b.issuer.String() + "#key"
		if signed, err := jsondoc.Parse(b.rdfc); err == nil {
			if m, ok := signed.Get("proof").First().Get("verificationMethod").Text(); ok {
				b.ed.method = m
			}
		}
	}
	if b.ec, b.ecIssuer, err = newBenchP256(); err != nil {
		return err
	}
	b.lists = map[string][]byte{}
	b.verifier = credentials.NewVerifier(credentials.VerifierConfig{Resolver: b, Status: b, ListIssuers: []string{b.issuer.String()}, Now: func() time.Time { return b.at }})
	return nil
}

// make makes a badge of the usual size.
func (b *bench) make(keep string) error {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	_, issuer, err := newBenchKey("", seed)
	if err != nil {
		return err
	}
	_, learner, err := newBenchKey("", bytes.Repeat([]byte{1}, ed25519.SeedSize))
	if err != nil {
		return err
	}
	entry := status.NewEntry("https://alder.example/status/1/revocation", status.Revocation, 94567)
	a := credentials.Award{
		ID: "urn:uuid:5c2f3bd0-7a54-4f0e-9e55-6a3c0a2f9a11", Issuer: credentials.Profile{ID: issuer.String(), Name: "Alder", URL: "https://alder.example"},
		Achievement: []byte(benchAchievement), Subject: credentials.Subject{ID: learner.String()}, Status: &entry,
		ValidFrom: time.Now().UTC().Add(-time.Hour).Truncate(time.Second), ValidUntil: time.Now().UTC().AddDate(2, 0, 0).Truncate(time.Second),
		Results:   []credentials.Result{{ResultDescription: "https://alder.example/openbadges/a/designer#status", Status: "Completed"}},
		Narrative: "Earned by validation of prior learning.",
	}
	for i := range 4 {
		a.Evidence = append(a.Evidence, credentials.Evidence{Name: fmt.Sprintf("Session %d given", i+1), Genre: "text", Narrative: "Gave a session about badges for the youth association, with a handout."})
	}
	if b.unsigned, err = credentials.Build(a); err != nil {
		return err
	}
	v, err := jsondoc.Parse(b.unsigned)
	if err != nil {
		return err
	}
	if b.nquads, err = jsonld.Canonicalize(v); err != nil {
		return err
	}
	if err := b.adopt("", seed); err != nil {
		return err
	}
	for _, s := range []struct {
		suite string
		into  *[]byte
	}{{dataintegrity.EdDSARDFC, &b.rdfc}, {dataintegrity.EdDSAJCS, &b.jcs}} {
		if *s.into, err = b.prove(b.unsigned, s.suite, b.ed); err != nil {
			return err
		}
	}
	if keep == "" {
		return nil
	}
	secret, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x80, 0x26}, seed...))
	if err != nil {
		return err
	}
	issuerJSON, err := json.MarshalIndent(fields{"id": issuer.String(), "secretKeyMultibase": secret, "publicKeyMultibase": b.ed.public.Multibase()}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.Mkdir(keep, 0o700); err != nil {
		return usagef("%v", err)
	}
	for name, raw := range map[string][]byte{"issuer.json": issuerJSON, "unsigned.json": b.unsigned, "unsigned.nq": b.nquads, "signed-rdfc.json": b.rdfc, "signed-jcs.json": b.jcs} {
		if err := os.WriteFile(filepath.Join(keep, name), raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}

const benchAchievement = `{"id":"https://alder.example/openbadges/a/designer","type":["Achievement"],"name":"Badge Designer",` +
	`"description":"Designs badges that people and machines understand.","achievementType":"Competency",` +
	`"criteria":{"id":"https://alder.example/openbadges/a/designer#criteria","narrative":"- **align** Aligns each of them with a framework."},` +
	`"creditsAvailable":0.5,"humanCode":"openbadges/designer","version":"1.0.0","inLanguage":"en","tag":["kind:competence"],` +
	`"alignment":[{"type":["Alignment"],"targetName":"EQF level 4","targetUrl":"http://data.europa.eu/snb/eqf/4","targetType":"ext:EQFLevel"}],` +
	`"resultDescription":[{"id":"https://alder.example/openbadges/a/designer#status","type":["ResultDescription"],"name":"Status","resultType":"Status"}]}`

func (b *bench) prove(doc []byte, suite string, k benchKey) ([]byte, error) {
	return dataintegrity.AddProof(b.c.Context, doc, dataintegrity.Options{Cryptosuite: suite, Created: b.at}, k)
}

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

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs f in five rounds and takes the median.
func (b *bench) measure(f func() error) (cpu, wall float64, n int, err error) {
	var cpus, walls []float64
	if err := f(); err != nil {
		return 0, 0, 0, err
	}
	runtime.GC()
	for range 5 {
		begin, start, count := cpuTime(), time.Now(), 0
		for time.Since(start) < b.each/5 {
			if err := f(); err != nil {
				return 0, 0, 0, err
			}
			count++
		}
		cpus = append(cpus, float64((cpuTime()-begin).Nanoseconds())/1000/float64(count))
		walls = append(walls, float64(time.Since(start).Nanoseconds())/1000/float64(count))
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

// errBench says that nothing was measured, since the answers are not right.
var errBench = errors.New("the figures would mean nothing")

func (b *bench) run(ctx context.Context) error {
	v, err := jsondoc.Parse(b.unsigned)
	if err != nil {
		return fmt.Errorf("%w: unsigned.json: %v", errBench, err)
	}
	if got, err := jsonld.Canonicalize(v); err != nil || !bytes.Equal(got, b.nquads) {
		return fmt.Errorf("%w: the canonical form of unsigned.json is not unsigned.nq: %s", errBench, difference(got, b.nquads, err))
	}
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	message := make([]byte, 64)
	sig := ed25519.Sign(private, message)
	if b.bare, _, _, err = b.measure(func() error {
		if !ed25519.Verify(pub, message, sig) {
			return errBench
		}
		return nil
	}); err != nil {
		return err
	}
	if err := b.print("bare ed25519.Verify", b.bare, b.bare, 1); err != nil {
		return err
	}
	for _, f := range []func(context.Context) error{b.suites, b.neverSeen, b.batches, b.statusLists} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// difference says what two canonical forms differ in.
func difference(got, want []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d is %s", i+1, jsondoc.Clip(a[i]))
		}
	}
	return fmt.Sprintf("it ends after %d of %d lines", len(a)-1, len(b)-1)
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
		begin, start := cpuTime(), time.Now()
		if err := parallel(n, p.f); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		cpu, wall := float64((cpuTime()-begin).Nanoseconds())/1000/n, float64(time.Since(start).Nanoseconds())/1000/n
		if err := b.print(p.name, cpu, wall, n); err != nil {
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
