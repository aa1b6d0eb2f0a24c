package store

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealer derives what protects each kind of file from the one key of a store.
type sealer struct {
	engine  []byte // nil: the engine does not encrypt
	record  cipher.AEAD
	blob    cipher.AEAD
	mac     []byte // HEAD, FORMAT and the names of blobs
	hasRoot bool
}

func newSealer(key []byte) (sealer, error) {
	s := sealer{hasRoot: key != nil}
	root := key
	if root == nil {
		root = make([]byte, 32) // detects damage; hides nothing
	}
	if len(root) != 32 {
		return s, fmt.Errorf("opening the store: the key has %d bytes, want 32", len(root))
	}
	var keys [4][]byte
	for i, use := range []string{"engine", "record", "blob", "mac"} {
		var err error
		if keys[i], err = hkdf.Key(sha256.New, root, nil, "trustme store "+use, 32); err != nil {
			return s, fmt.Errorf("opening the store: %w", err)
		}
	}
	if s.hasRoot {
		s.engine = keys[0]
	}
	s.mac = keys[3]
	var errR, errB error
	s.record, errR = chacha20poly1305.NewX(keys[1])
	s.blob, errB = chacha20poly1305.NewX(keys[2])
	return s, errors.Join(errR, errB)
}

// tag authenticates what under a use, so that no tag serves another use.
func (s sealer) tag(use string, what []byte) []byte {
	h := hmac.New(sha256.New, s.mac)
	h.Write([]byte(use))
	h.Write([]byte{0})
	h.Write(what)
	return h.Sum(nil)
}

// sealRecord binds a value to its key: XChaCha20-Poly1305 with the key as
// additional data, so that neither a flipped bit nor a value moved elsewhere
// is believed. Nonces are random; at 192 bits they do not meet.
func (s sealer) sealRecord(key, value []byte) []byte {
	n := s.record.NonceSize()
	out := make([]byte, n, n+len(value)+s.record.Overhead())
	rand.Read(out) // never fails (crypto/rand)
	return s.record.Seal(out, out, value, key)
}

func (s sealer) openRecord(key, sealed []byte) ([]byte, error) {
	n := s.record.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("%w: %s is cut short", ErrCorrupt, describe(key))
	}
	out, err := s.record.Open(nil, sealed[:n], sealed[n:], key)
	if err != nil {
		return nil, fmt.Errorf("%w: %s was altered; restore it from a backup", ErrCorrupt, describe(key))
	}
	return out, nil
}
