package dataintegrity

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// A figure of these benchmarks is read in units of BenchmarkBareSignature of
// the same run: one ed25519.Verify.

func BenchmarkBareSignature(b *testing.B) {
	k := ed25519.NewKeyFromSeed(make([]byte, 32))
	pub, msg := k.Public().(ed25519.PublicKey), make([]byte, 64)
	sig := ed25519.Sign(k, msg)
	for b.Loop() {
		if !ed25519.Verify(pub, msg, sig) {
			b.Fatal("does not verify")
		}
	}
}

// realBadge is an unsigned badge of the ordinary size.
func realBadge(b *testing.B) []byte {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(b, "conformance", "ob3", "own"), "valid-eddsa-rdfc-2022.json"))
	if err != nil {
		b.Fatal(err)
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	if v, err = without(v, "proof"); err != nil {
		b.Fatal(err)
	}
	return v.Raw()
}

func benchSuites(b *testing.B, run func(b *testing.B, unsigned, signed []byte, o Options, s Signer)) {
	k := ed25519.NewKeyFromSeed(make([]byte, 32))
	pub, err := did.NewPublicKey(did.Ed25519, k.Public().(ed25519.PublicKey))
	if err != nil {
		b.Fatal(err)
	}
	s := vectorSigner{k, pub}
	for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
		b.Run(suite, func(b *testing.B) {
			o := Options{Cryptosuite: suite, Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
			unsigned := realBadge(b)
			signed, err := AddProof(b.Context(), unsigned, o, s)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			run(b, unsigned, signed, o, s)
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	benchSuites(b, func(b *testing.B, _, signed []byte, _ Options, _ Signer) {
		for b.Loop() {
			v, err := jsondoc.Parse(signed)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := Verify(b.Context(), v, VerifyOptions{Resolver: resolver, Now: time.Now()}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	benchSuites(b, func(b *testing.B, unsigned, _ []byte, o Options, s Signer) {
		for b.Loop() {
			if _, err := AddProof(b.Context(), unsigned, o, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
