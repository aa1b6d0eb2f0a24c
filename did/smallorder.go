package did

import (
	"encoding/hex"
	"errors"
	"slices"
)

// smallOrder are the u-coordinates of Curve25519 and its twist whose points
// have an order of at most 8, in every form below 2^255 (RFC 7748 §6.1: the
// shared secret of any of them is all zeros). Comparing costs nothing, where
// trying a multiplication would cost as much as a signature.
var smallOrder = func() (list [7][32]byte) {
	for i, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", // 0
		"0100000000000000000000000000000000000000000000000000000000000000", // 1
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", // of order 8
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", // of order 8
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, which is 0
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1, which is 1
	} {
		if _, err := hex.Decode(list[i][:], []byte(s)); err != nil {
			panic(err) // a constant
		}
	}
	return list
}()

func checkX25519(b []byte) error {
	if len(b) != 32 {
		return errors.New("not 32 bytes")
	}
	u := [32]byte(b)
	u[31] &= 0x7f // RFC 7748 §5: the highest bit does not count
	if slices.Contains(smallOrder[:], u) {
		return errors.New("a point of small order")
	}
	return nil
}
