package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/store"
)

// BenchmarkVerifyMany compares a stream of 1,000 badges of one issuer on the
// command line with the same in process, on one core: the goal is below 2.
func BenchmarkVerifyMany(b *testing.B) {
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	ks, err := keys.Open(b.Context(), db, make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	pub, err := ks.Create(b.Context(), did.Ed25519)
	if err != nil {
		b.Fatal(err)
	}
	id, err := key.New(pub)
	if err != nil {
		b.Fatal(err)
	}
	s := ks.Signer(pub, key.MethodID(id))
	now := time.Now()
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}})
	file := filepath.Join(b.TempDir(), "many.jsonl")
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	var all [][]byte
	for i := range 1000 {
		raw, err := credentials.Build(credentials.Award{ID: fmt.Sprint("urn:x:", i), Issuer: credentials.Profile{ID: id.String(), Name: "A"}, ValidFrom: now.Add(-time.Hour),
			Subject: credentials.Subject{ID: id.String()}, Achievement: []byte(`{"id":"urn:x:a","type":["Achievement"],"name":"N","description":"D","criteria":{"narrative":"C"}}`)})
		if err != nil {
			b.Fatal(err)
		}
		signed, err := credentials.Issue(b.Context(), v, raw, s, now)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, signed.Credential().Bytes())
		if _, err := f.Write(append(signed.Credential().Bytes(), '\n')); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	b.Setenv("GOMAXPROCS", "1")
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	dir := filepath.Join(b.TempDir(), "v")
	var inProcess, command time.Duration
	for b.Loop() {
		start := time.Now()
		for _, raw := range all {
			if r := v.Report(context.Background(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid {
				b.Fatal(r.Why())
			}
		}
		inProcess += time.Since(start)
		a := app()
		a.Writer = out
		start = time.Now()
		if err := a.RunContext(b.Context(), []string{"trustme", "verify", "--dir", dir, file}); err != nil {
			b.Fatal(err)
		}
		command += time.Since(start)
	}
	b.ReportMetric(float64(command)/float64(inProcess), "×in-process")
}
