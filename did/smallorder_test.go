package did

import (
	"bytes"
	"crypto/ecdh"
	"encoding/binary"
	"testing"
)

// crypto/ecdh refuses a shared secret of zeros: its word is compared with the
// list, for the list, its neighbours and points of no special kind.
func TestX25519PointsAreRefusedExactlyWhenTheSharedSecretIsZero(t *testing.T) {
	scalar, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{0x42}, 32))
	if err != nil {
		t.Fatal(err)
	}
	tried, refused := 0, 0
	try := func(u [32]byte) {
		pub, err := ecdh.X25519().NewPublicKey(u[:])
		if err != nil {
			t.Fatal(err)
		}
		_, zero := scalar.ECDH(pub)
		if got := checkX25519(u[:]); (got != nil) != (zero != nil) {
			t.Errorf("%x: %v, and by multiplication %v", u, got, zero)
		}
		tried++
		if zero != nil {
			refused++
		}
	}
	for _, u := range smallOrder {
		for bit := range 256 {
			near := u
			near[bit/8] ^= 1 << (bit % 8) // 255 leaves the point the same
			try(near)
		}
		try(u)
	}
	for i := range 500 {
		var u [32]byte
		binary.LittleEndian.PutUint64(u[:], uint64(i))
		try(u)
		for j := range u {
			u[j] = byte(i*131 + j*37)
		}
		try(u)
	}
	if tried < 2000 || refused < 14 {
		t.Errorf("only %d points were tried, %d refused", tried, refused)
	}
}
