package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/multiformats/go-multibase"
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name: "bench", Usage: "measure the engine on a badge, beside the bare signature", ArgsUsage: "[DIR]",
		Description: example("DIR holds issuer.json (the private key as secretKeyMultibase, privateKeyMultibase, seed or privateKeyJwk, and id), unsigned.json, unsigned.nq and, if they are there, signed-rdfc.json and signed-jcs.json. Without DIR, a badge of 3 KB is made; --write keeps it as such a folder, for other implementations to run on.\n\nPrints a JSON object on each line, with or without --json: the CPU time of one operation in microseconds, and as a multiple of one bare Ed25519 verification, which takes turns with it. Refuses when the canonical form is not unsigned.nq.", "trustme bench"),
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
	bare     func() error // one bare verification
	verifier *credentials.Verifier
	mu       sync.Mutex
	lists    map[string][]byte
	at       time.Time // when the badge is in its time
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
	b.bare = func() error {
		if !ed25519.Verify(pub, message, sig) {
			return errBench
		}
		return nil
	}
	s, err := rounds(5, during(b.each/5, b.bare), during(b.each/20, b.bare))
	if err != nil {
		return err
	}
	s.bare = s.cpu // it is the unit
	if err := b.print("bare ed25519.Verify", s); err != nil {
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
