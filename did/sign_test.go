package did

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	mathrand "math/rand/v2"
	"testing"
)

func TestMessagesSignedTogetherAreSignedAsEachAlone(t *testing.T) {
	for round := range 200 {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		k := ed25519.NewKeyFromSeed(seed)
		messages := make([][]byte, round%40)
		for i := range messages {
			messages[i] = make([]byte, mathrand.IntN(300))
			rand.Read(messages[i])
		}
		got := SignAll(k, messages)
		if len(got) != len(messages) {
			t.Fatalf("%d signatures of %d messages", len(got), len(messages))
		}
		for i, m := range messages {
			if want := ed25519.Sign(k, m); !bytes.Equal(got[i], want) {
				t.Fatalf("seed %x, message %x: signed %x, want %x", seed, m, got[i], want)
			}
		}
	}
}

func FuzzSignAll(f *testing.F) {
	f.Add(make([]byte, ed25519.SeedSize), []byte(nil), []byte("b"))
	f.Fuzz(func(t *testing.T, seed, a, b []byte) {
		own := sha256.Sum256(seed) // any bytes give a key
		k := ed25519.NewKeyFromSeed(own[:])
		for i, got := range SignAll(k, [][]byte{a, b}) {
			if m := [][]byte{a, b}[i]; !bytes.Equal(got, ed25519.Sign(k, m)) {
				t.Errorf("signed %x", got)
			}
		}
	})
}

// BenchmarkSignAll reports the time of one of a hundred signatures, beside that
// of ed25519.Sign.
func BenchmarkSignAll(b *testing.B) {
	k := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	messages := make([][]byte, 100)
	for i := range messages {
		messages[i] = make([]byte, 64)
	}
	b.Run("together", func(b *testing.B) {
		for b.Loop() {
			SignAll(k, messages)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(messages)), "ns/signature")
	})
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			ed25519.Sign(k, messages[0])
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/signature")
	})
}
