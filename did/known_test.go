package did

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"math/big"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
)

func point(t testing.TB, b []byte) *edwards25519.Point {
	t.Helper()
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// torsion returns the points of small order, from one of order 8.
func torsion(t testing.TB) []*edwards25519.Point {
	t.Helper()
	for y := byte(2); ; y++ {
		b := make([]byte, 32)
		b[0] = y
		p, err := new(edwards25519.Point).SetBytes(b)
		if err != nil {
			continue
		}
		// L·P is of small order.
		l := new(edwards25519.Point).Set(edwards25519.NewIdentityPoint())
		order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
		for i := order.BitLen() - 1; i >= 0; i-- {
			l.Add(l, l)
			if order.Bit(i) == 1 {
				l.Add(l, p)
			}
		}
		four := new(edwards25519.Point).Add(l, l)
		four.Add(four, four)
		if four.Equal(edwards25519.NewIdentityPoint()) == 1 {
			continue
		}
		all := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
		for range 7 {
			all = append(all, new(edwards25519.Point).Add(all[len(all)-1], l))
		}
		return all
	}
}

// nonCanonical are encodings of y above p, with and without sign.
func nonCanonical() (all [][]byte) {
	for y := byte(0xed); y != 0; y++ {
		b := make([]byte, 32)
		for i := range b {
			b[i] = 0xff
		}
		b[0], b[31] = y, 0x7f
		all = append(all, slices.Clone(b))
		b[31] = 0xff
		all = append(all, b)
	}
	return all
}

// The points that verifiers disagree about: keys and R of small and mixed
// order, encodings that are not canonical, S with the group order added. The
// answers must be those of crypto/ed25519, whatever they are.
func TestAKnownKeyAnswersAsTheStandardLibraryOnHostileSignatures(t *testing.T) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small := torsion(t)
	var keys, rs, ss [][]byte
	for _, p := range small {
		keys = append(keys, p.Bytes(), new(edwards25519.Point).Add(p, point(t, pub)).Bytes())
		rs = append(rs, p.Bytes())
	}
	for _, b := range nonCanonical() {
		rs = append(rs, b)
		if _, err := new(edwards25519.Point).SetBytes(b); err == nil {
			keys = append(keys, b)
		}
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	for _, s := range []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(order, big.NewInt(1)), order, new(big.Int).Add(order, big.NewInt(1)), new(big.Int).Lsh(big.NewInt(1), 255)} {
		b := s.FillBytes(make([]byte, 32))
		slices.Reverse(b)
		ss = append(ss, b)
	}
	held, all := 0, 0
	for _, key := range keys {
		m := newMultiples(point(t, key))
		check := func(message, sig []byte) {
			t.Helper()
			all++
			want := ed25519.Verify(key, message, sig)
			if want {
				held++
			}
			if got := m.verify(key, message, sig); got != want {
				t.Errorf("key %x, message %x, signature %x: %v, want %v", key, message, sig, got, want)
			}
		}
		for i := range byte(4) {
			message := []byte{i}
			sig := ed25519.Sign(priv, message)
			for _, r := range append(rs, sig[:32]) {
				for _, s := range append(ss, sig[32:]) {
					check(message, slices.Concat(r, s))
				}
			}
		}
		check(nil, nil)
		check(nil, make([]byte, 63))
		check(nil, make([]byte, 65))
	}
	t.Logf("%d signatures, of which crypto/ed25519 takes %d", all, held)
	if held == 0 || held == all {
		t.Error("the vectors tell nothing")
	}
}

// A million signatures, each good or with one thing changed.
func TestAKnownKeyAnswersAsTheStandardLibrary(t *testing.T) {
	total := 1_000_000
	if testing.Short() {
		total = 20_000
	}
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	var good, bad [64]int
	for w := range workers {
		wg.Go(func() {
			r := mathrand.New(mathrand.NewPCG(seed, uint64(w)))
			var pub ed25519.PublicKey
			var priv ed25519.PrivateKey
			var m *multiples
			for i := range total / workers {
				if i%2_000 == 0 {
					s := make([]byte, 32)
					for j := 0; j < 32; j += 8 {
						binary.LittleEndian.PutUint64(s[j:], r.Uint64())
					}
					priv = ed25519.NewKeyFromSeed(s)
					pub = priv.Public().(ed25519.PublicKey)
					p, err := new(edwards25519.Point).SetBytes(pub)
					if err != nil {
						t.Error(err)
						return
					}
					m = newMultiples(p)
				}
				message := binary.LittleEndian.AppendUint64(nil, r.Uint64())
				sig := ed25519.Sign(priv, message)
				if r.IntN(8) > 0 {
					sig[r.IntN(64)] ^= 1 << r.IntN(8)
				}
				want := ed25519.Verify(pub, message, sig)
				if want {
					good[w]++
				} else {
					bad[w]++
				}
				if m.verify(pub, message, sig) != want {
					t.Errorf("key %x, message %x, signature %x: want %v", pub, message, sig, want)
					return
				}
			}
		})
	}
	wg.Wait()
	g, b := 0, 0
	for w := range good {
		g, b = g+good[w], b+bad[w]
	}
	t.Logf("%d good and %d bad signatures", g, b)
	if g < total/16 || b < total/2 {
		t.Error("hardly any of one kind")
	}
}

func TestAKeyThatComesBackGetsATableAndAllAreBounded(t *testing.T) {
	k := newKnownKeys()
	message := []byte("m")
	for n := range maxTables + 2 {
		pub, priv, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sig := ed25519.Sign(priv, message)
		for range sightings {
			if !k.verify(pub, message, sig) || k.verify(pub, []byte("x"), sig) {
				t.Fatal("a wrong answer")
			}
		}
		if func() bool { t, _ := k.tables.Get([32]byte(pub)); return t == nil }() || k.tables.Len() > maxTables {
			t.Fatalf("key %d: %d tables", n, k.tables.Len())
		}
		if !k.verify(pub, message, sig) || k.verify(pub, []byte("x"), sig) {
			t.Fatal("a wrong answer from the table")
		}
	}
}

func BenchmarkKnownKey(b *testing.B) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	// Each time another signature: one alone would find its part of the tables
	// close by.
	messages, sigs := make([][]byte, 4096), make([][]byte, 4096)
	for i := range messages {
		messages[i] = binary.LittleEndian.AppendUint64(make([]byte, 56), uint64(i))
		sigs[i] = ed25519.Sign(priv, messages[i])
	}
	m := newMultiples(point(b, pub))
	b.Run("standard library", func(b *testing.B) {
		for i := 0; b.Loop(); i = (i + 1) % len(sigs) {
			ed25519.Verify(pub, messages[i], sigs[i])
		}
	})
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i = (i + 1) % len(sigs) {
			if !m.verify(pub, messages[i], sigs[i]) {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("table", func(b *testing.B) {
		p := point(b, pub)
		for b.Loop() {
			newMultiples(p)
		}
	})
}
