package dataintegrity

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"github.com/trust-me/trustme/did"
)

// The proofs of a batch differ in their value alone. So the hash of options that
// came twice in a row is kept, by all the bytes that it follows from.

// optionsKey is what the hash of options follows from: suite, key type, the
// bytes of the proof before and behind its value, and the document's contexts.
type optionsKey struct {
	suite                    string
	key                      did.KeyType
	before, behind, contexts []byte
}

type hashedOptions struct {
	optionsKey
	sum []byte
}

type lastOptions struct {
	p    atomic.Pointer[hashedOptions]
	came atomic.Uint64 // the digest of those that were not kept
}

var optionsSeed = maphash.MakeSeed()

// sum returns the hash of the options, nothing if they are not those kept.
func (l *lastOptions) sum(k optionsKey) []byte {
	o := l.p.Load()
	if o == nil || o.suite != k.suite || o.key != k.key || !bytes.Equal(o.before, k.before) || !bytes.Equal(o.behind, k.behind) || !bytes.Equal(o.contexts, k.contexts) {
		return nil
	}
	return o.sum
}

// keep keeps the first half of what was hashed, if the same came just before.
func (l *lastOptions) keep(k optionsKey, data []byte) {
	var h maphash.Hash
	h.SetSeed(optionsSeed)
	for _, b := range [][]byte{k.before, k.behind, k.contexts} {
		h.Write(b) // never fails
	}
	if digest := h.Sum64(); l.came.Swap(digest) != digest {
		return
	}
	k.before, k.behind, k.contexts = bytes.Clone(k.before), bytes.Clone(k.behind), bytes.Clone(k.contexts)
	l.p.Store(&hashedOptions{k, bytes.Clone(data[:len(data)/2])})
}
