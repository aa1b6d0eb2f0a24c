package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/tink/go/aead"
	"github.com/google/tink/go/keyset"
	"github.com/hyperledger/aries-framework-go/component/kmscrypto/kms/localkms"
	"github.com/hyperledger/aries-framework-go/spi/storage"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

// Portable is a private key on its way from one store to another, sealed under
// a transfer secret.
type Portable struct {
	Public string `json:"public"` // multibase
	Sealed []byte `json:"sealed"`
}

// Export returns every key, sealed under secret (32 bytes), ordered by public
// half.
func (s *Store) Export(ctx context.Context, secret []byte) ([]Portable, error) {
	to, err := newLock(secret)
	if err != nil {
		return nil, err
	}
	var all []entry
	err = s.db.View(ctx, func(tx *store.Tx) error {
		for e, err := range entries.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	var out []Portable
	for _, e := range all {
		p, err := s.unseal(e)
		if err != nil {
			return nil, fmt.Errorf("reading key %s: %w", e.Public, err)
		}
		sealed, err := sealFor(to, e.Public, p)
		if err != nil {
			return nil, fmt.Errorf("sealing key %s: %w", e.Public, err)
		}
		out = append(out, Portable{Public: e.Public, Sealed: sealed})
	}
	return out, nil
}

func sealFor(to *lock, public string, p private) ([]byte, error) {
	if p.rsa != nil {
		return sealRSA(to, public, p.rsa)
	}
	var b bytes.Buffer
	if err := p.handle.Write(keyset.NewBinaryWriter(&b), tinkAEAD{to}); err != nil {
		return nil, fmt.Errorf("%v", err)
	}
	return b.Bytes(), nil
}

// Imports opens keys that [Store.Export] sealed under secret, and returns for
// each that is not held here the write that adds it. There are no writes when
// one of the keys does not open, or does not match its public half.
func (s *Store) Imports(ctx context.Context, secret []byte, ps []Portable) ([]func(*store.Tx) error, error) {
	from, err := newLock(secret)
	if err != nil {
		return nil, err
	}
	var add []func(*store.Tx) error
	for _, p := range ps {
		pub, err := did.ParseMultikey(p.Public)
		if err != nil {
			return nil, err
		}
		b, err := s.reseal(from, pub, p.Sealed)
		if err != nil {
			return nil, fmt.Errorf("importing key %s: %w", p.Public, err)
		}
		held, err := s.Holds(ctx, pub)
		if err != nil {
			return nil, err
		}
		if held {
			continue
		}
		e := entry{Public: p.Public, Created: time.Now().UTC()}
		if pub.Type == did.RSA {
			e.Sealed = b
		} else {
			e.KMS = "import-" + p.Public
		}
		add = append(add, func(tx *store.Tx) error {
			if e.KMS != "" {
				if err := s.sealed.write(tx, storage.Operation{Key: e.KMS, Value: b}); err != nil {
					return err
				}
			}
			return entries.Put(tx, e)
		})
	}
	return add, nil
}

var errOtherKey = errors.New("the sealed key is not that of its public half")

// reseal opens a portable key, proves that it belongs to pub, and returns it as
// it is kept here: a keyset of Aries, or a sealed RSA key.
func (s *Store) reseal(from *lock, pub did.PublicKey, sealed []byte) ([]byte, error) {
	if pub.Type == did.RSA {
		k, err := openRSA(from, pub.Multibase(), sealed)
		if err != nil {
			return nil, err
		}
		return sealRSA(s.lock, pub.Multibase(), k)
	}
	h, err := keyset.Read(keyset.NewBinaryReader(bytes.NewReader(sealed)), tinkAEAD{from})
	if err != nil {
		return nil, fmt.Errorf("%v", err)
	}
	if err := s.matches(h, pub); err != nil {
		return nil, err
	}
	return s.encode(h)
}

func (s *Store) matches(h *keyset.Handle, pub did.PublicKey) error {
	public, err := h.Public()
	if err != nil {
		return fmt.Errorf("%v", err)
	}
	var raw bytes.Buffer
	if err := public.WriteWithNoSecrets(localkms.NewWriter(&raw)); err != nil {
		return fmt.Errorf("%v", err)
	}
	got, err := publicKey(pub.Type, raw.Bytes())
	if err != nil {
		return err
	}
	if !got.Equal(pub) {
		return errOtherKey
	}
	return nil
}

// encode seals a keyset as localkms does: an envelope AEAD over the lock.
func (s *Store) encode(h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	env := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), tinkAEAD{s.lock})
	if err := h.Write(keyset.NewJSONWriter(&b), env); err != nil {
		return nil, fmt.Errorf("%v", err)
	}
	return b.Bytes(), nil
}
