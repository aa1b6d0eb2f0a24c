package status

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// Any list unpacks to itself: with the standard library, which checks length
// and CRC, with gzip(1), and with our own reader.
func TestAListInBlocksIsOneGzipMember(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 16 << 10, 3*blockSize + 100, 2 << 20} {
		for _, set := range []int{0, 1, size / 50, size * 4} {
			bits := make(Bitmap, size)
			for range set {
				if size > 0 {
					bits.Set(r.IntN(bits.Len()), true)
				}
			}
			packed, err := pack(bits)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatalf("%d bytes, %d set: %v", size, set, err)
			}
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, bits) {
				t.Fatalf("%d bytes, %d set: %d bytes, %v", size, set, len(got), err)
			}
			text, err := Encode(bits)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Decode(text); err != nil || !bytes.Equal(got, bits) {
				t.Fatalf("%d bytes, %d set: %v", size, set, err)
			}
			if size == 2<<20 {
				cmd := exec.Command("gzip", "-dc")
				cmd.Stdin = bytes.NewReader(packed)
				if got, err := cmd.Output(); err != nil || !bytes.Equal(got, bits) {
					t.Errorf("gzip(1): %d bytes, %v", len(got), err)
				}
			}
		}
	}
}

// What is at hand from another list is not taken for a block of this one, and
// what is kept is bounded.
func TestEqualListsGiveEqualTextWhateverWasPackedBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bits := NewBitmap(MinLength)
	texts := map[string]string{}
	for range 3000 {
		bits.Set(r.IntN(bits.Len()), r.IntN(3) > 0)
		text, err := Encode(bits)
		if err != nil {
			t.Fatal(err)
		}
		texts[string(bits)] = text
	}
	for list, text := range texts {
		if again, err := Encode(Bitmap(list)); err != nil || again != text {
			t.Fatalf("packed again it is another text, %v", err)
		}
	}
}

func TestCRCsAreJoined(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	text := make([]byte, 3*blockSize)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	for _, n := range []int{0, 1, 7, 100, blockSize, 2*blockSize + 5} {
		a, b := text[:len(text)-n], text[len(text)-n:]
		if got := joinCRC(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), n); got != crc32.ChecksumIEEE(text) {
			t.Errorf("%d bytes behind: %08x", n, got)
		}
	}
}

// BenchmarkEncodeChanged packs a list in which one bit of a hundredth changed.
func BenchmarkEncodeChanged(b *testing.B) {
	for _, n := range []int{131_072, 1 << 20, 1 << 24} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bits := NewBitmap(n)
			r := rand.New(rand.NewPCG(7, 8))
			for range n / 1000 {
				bits.Set(r.IntN(n), true)
			}
			for b.Loop() {
				bits.Set(r.IntN(n), true)
				if _, err := Encode(bits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
