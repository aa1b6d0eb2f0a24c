package node

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// ListSize is the number of entries of a status list: the least that Bitstring
// Status List 1.0 §2.2 allows, so that one holder hides among 131,072.
const ListSize = 1 << 17

// permutation maps the counter of a list to an index of it, each exactly once,
// in an order that nobody can tell without the key: a four-round Feistel
// network over 18 bits, walked until the value falls into the 17 of the list
// (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", method 3).
type permutation struct{ key []byte }

func (p permutation) round(i byte, half uint32) uint32 {
	m := hmac.New(sha256.New, p.key)
	var b [5]byte
	b[0] = i
	binary.BigEndian.PutUint32(b[1:], half)
	m.Write(b[:]) // never fails (hash.Hash)
	return binary.BigEndian.Uint32(m.Sum(nil)) & 0x1ff
}

// index returns the place of the n-th entry; n must be below [ListSize].
func (p permutation) index(n uint32) uint32 {
	v := n
	for {
		left, right := v>>9, v&0x1ff
		for i := range byte(4) {
			left, right = right, left^p.round(i, right)
		}
		if v = left<<9 | right; v < ListSize {
			return v
		}
	}
}
