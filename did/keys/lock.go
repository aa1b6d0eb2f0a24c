package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/hyperledger/aries-framework-go/spi/secretlock"
)

// lock is the secret lock under which Aries seals its keysets: AES-256-GCM
// with a random nonce in front.
type lock struct{ aead cipher.AEAD }

func newLock(secret []byte) (*lock, error) {
	if len(secret) != 32 {
		return nil, fmt.Errorf("a key store needs a secret of 32 bytes, not %d", len(secret))
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &lock{aead}, err
}

func (l *lock) seal(plain, extra []byte) ([]byte, error) {
	nonce := make([]byte, l.aead.NonceSize(), l.aead.NonceSize()+len(plain)+l.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return l.aead.Seal(nonce, nonce, plain, extra), nil
}

func (l *lock) open(sealed, extra []byte) ([]byte, error) {
	n := l.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("sealed text too short")
	}
	return l.aead.Open(nil, sealed[:n], sealed[n:], extra)
}

// Encrypt implements Aries' secret lock, which speaks base64url.
func (l *lock) Encrypt(_ string, r *secretlock.EncryptRequest) (*secretlock.EncryptResponse, error) {
	plain, extra, err := decodeBoth(r.Plaintext, r.AdditionalAuthenticatedData)
	if err != nil {
		return nil, err
	}
	b, err := l.seal(plain, extra)
	if err != nil {
		return nil, err
	}
	return &secretlock.EncryptResponse{Ciphertext: base64.URLEncoding.EncodeToString(b)}, nil
}

// Decrypt implements Aries' secret lock.
func (l *lock) Decrypt(_ string, r *secretlock.DecryptRequest) (*secretlock.DecryptResponse, error) {
	sealed, extra, err := decodeBoth(r.Ciphertext, r.AdditionalAuthenticatedData)
	if err != nil {
		return nil, err
	}
	b, err := l.open(sealed, extra)
	if err != nil {
		return nil, err
	}
	return &secretlock.DecryptResponse{Plaintext: base64.URLEncoding.EncodeToString(b)}, nil
}

func decodeBoth(a, b string) ([]byte, []byte, error) {
	x, err := base64.URLEncoding.DecodeString(a)
	if err != nil {
		return nil, nil, err
	}
	y, err := base64.URLEncoding.DecodeString(b)
	return x, y, err
}

// tinkAEAD is the lock as Tink's keyset writer and reader want it.
type tinkAEAD struct{ *lock }

func (t tinkAEAD) Encrypt(plain, extra []byte) ([]byte, error)  { return t.seal(plain, extra) }
func (t tinkAEAD) Decrypt(sealed, extra []byte) ([]byte, error) { return t.open(sealed, extra) }
