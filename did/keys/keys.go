// Package keys holds private keys: it makes them, keeps them sealed in the
// store, signs with them and unwraps what is encrypted to them. It is the one
// door to Aries (localkms, tinkcrypto), which holds all but RSA keys; no
// exported name mentions it.
package keys

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/tink/go/keyset"
	cryptoapi "github.com/hyperledger/aries-framework-go/pkg/crypto"
	"github.com/hyperledger/aries-framework-go/pkg/crypto/tinkcrypto"
	arieskms "github.com/hyperledger/aries-framework-go/pkg/kms"
	"github.com/hyperledger/aries-framework-go/pkg/kms/localkms"
	"github.com/hyperledger/aries-framework-go/spi/kms"
	"github.com/hyperledger/aries-framework-go/spi/secretlock"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

var (
	// ErrNotHeld says that the private half of a key is not in this store.
	ErrNotHeld = errors.New("private key not held here")
	// ErrWrongSecret says that the store was made with another secret.
	ErrWrongSecret = errors.New("keys are sealed with another secret")
)

// kmsTypes maps what is held to what Aries calls it.
var kmsTypes = map[did.KeyType]kms.KeyType{
	did.Ed25519: kms.ED25519Type,
	did.X25519:  kms.X25519ECDHKWType,
	did.P256:    kms.ECDSAP256TypeIEEEP1363,
	did.P384:    kms.ECDSAP384TypeIEEEP1363,
}

// Store keeps private keys. It is safe for concurrent use.
type Store struct {
	db     *store.DB
	kms    *localkms.LocalKMS
	crypto *tinkcrypto.Crypto
	lock   *lock
	sealed *ariesStore // where kms keeps the keysets
	mu     sync.RWMutex
	cache  map[string]private // by multibase; Aries reads and parses a key at every use
}

// maxCached bounds the handles kept in memory: a wallet with a key a
// connection, or a node, has fewer.
const maxCached = 4096

// entry says under which id Aries keeps a key, or holds it sealed.
type entry struct {
	Public  string    `json:"public"` // multibase
	KMS     string    `json:"kms,omitempty"`
	Sealed  []byte    `json:"sealed,omitempty"` // RSA: PKCS #8
	Created time.Time `json:"created"`
}

// private is a key that was opened: Aries' handle, or an RSA key.
type private struct {
	handle *keyset.Handle
	rsa    *rsa.PrivateKey
}

var entries = store.NewCollection("key", func(e entry) string { return e.Public })

// canaryKey holds a known text under the secret, since Aries notices a wrong
// secret only when a key is used.
var canaryKey = []byte("keys/canary")

const canaryText = "trustme keys v1"

// Open opens the keys in db under secret (32 bytes). The error wraps
// [ErrWrongSecret] when the keys were made under another one.
func Open(ctx context.Context, db *store.DB, secret []byte) (*Store, error) {
	l, err := newLock(secret)
	if err != nil {
		return nil, err
	}
	if err := checkCanary(ctx, db, l); err != nil {
		return nil, err
	}
	c, err := tinkcrypto.New()
	if err != nil {
		return nil, fmt.Errorf("opening keys: %v", err)
	}
	stores := newAriesProvider(db)
	sealed, err := arieskms.NewAriesProviderWrapper(stores)
	if err != nil {
		return nil, fmt.Errorf("opening keys: %v", err)
	}
	s := &Store{db: db, crypto: c, lock: l, cache: map[string]private{}}
	if s.sealed, err = stores.store(arieskms.AriesWrapperStoreName); err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	if s.kms, err = localkms.New("local-lock://trustme", provider{sealed, l}); err != nil {
		return nil, fmt.Errorf("opening keys: %v", err)
	}
	return s, nil
}

type provider struct {
	sealed kms.Store
	lock   secretlock.Service
}

func (p provider) StorageProvider() kms.Store     { return p.sealed }
func (p provider) SecretLock() secretlock.Service { return p.lock }

func checkCanary(ctx context.Context, db *store.DB, l *lock) error {
	var found []byte
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.Get(canaryKey)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		sealed, err := l.seal([]byte(canaryText), nil)
		if err != nil {
			return err
		}
		return db.Update(ctx, func(tx *store.Tx) error { return tx.Put(canaryKey, sealed) })
	}
	if err != nil {
		return fmt.Errorf("opening keys: %w", err)
	}
	if text, err := l.open(found, nil); err != nil || string(text) != canaryText {
		return ErrWrongSecret
	}
	return nil
}

// Create makes a key of type t and returns its public half. Once Create
// returns the private half is durable. An RSA key has 3072 bits.
func (s *Store) Create(ctx context.Context, t did.KeyType) (did.PublicKey, error) {
	if t == did.RSA {
		return s.createRSA(ctx)
	}
	kt, ok := kmsTypes[t]
	if !ok {
		return did.PublicKey{}, fmt.Errorf("%w: keys of type %q are not made here", did.ErrUnsupported, t)
	}
	id, raw, err := s.kms.CreateAndExportPubKeyBytes(kt)
	if err != nil {
		return did.PublicKey{}, fmt.Errorf("making a %s key: %v", t, err)
	}
	pub, err := publicKey(t, raw)
	if err != nil {
		return did.PublicKey{}, err
	}
	e := entry{Public: pub.Multibase(), KMS: id, Created: time.Now().UTC()}
	err = s.db.Update(ctx, func(tx *store.Tx) error { return entries.Put(tx, e) })
	return pub, err
}

// publicKey reads the forms in which Aries exports: raw for Ed25519, an
// uncompressed point for ECDSA, JSON for X25519.
func publicKey(t did.KeyType, raw []byte) (did.PublicKey, error) {
	switch t {
	case did.X25519:
		var k cryptoapi.PublicKey
		if err := json.Unmarshal(raw, &k); err != nil {
			return did.PublicKey{}, fmt.Errorf("reading a new key: %v", err)
		}
		return did.NewPublicKey(t, k.X)
	case did.P256, did.P384:
		if len(raw) < 3 || raw[0] != 4 {
			return did.PublicKey{}, fmt.Errorf("%w: unexpected form of a new key", did.ErrWeakKey)
		}
		n := (len(raw) - 1) / 2
		return did.NewPublicKey(t, append([]byte{2 | raw[len(raw)-1]&1}, raw[1:1+n]...))
	}
	return did.NewPublicKey(t, raw)
}

// Holds reports whether the private half of k is here.
func (s *Store) Holds(ctx context.Context, k did.PublicKey) (bool, error) {
	_, err := s.private(ctx, k)
	if errors.Is(err, ErrNotHeld) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) private(ctx context.Context, k did.PublicKey) (private, error) {
	id := k.Multibase()
	s.mu.RLock()
	p, ok := s.cache[id]
	s.mu.RUnlock()
	if ok {
		return p, nil
	}
	var e entry
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		e, err = entries.Get(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return private{}, fmt.Errorf("%w: %s", ErrNotHeld, id)
	}
	if err == nil {
		p, err = s.unseal(e)
	}
	if err != nil {
		return private{}, fmt.Errorf("reading key %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) >= maxCached {
		clear(s.cache)
	}
	s.cache[id] = p
	return p, nil
}

// unseal opens the key of an entry.
func (s *Store) unseal(e entry) (p private, err error) {
	if e.Sealed != nil {
		p.rsa, err = openRSA(s.lock, e.Public, e.Sealed)
		return p, err
	}
	got, err := s.kms.Get(e.KMS)
	if err != nil {
		return private{}, fmt.Errorf("%v", err)
	}
	h, ok := got.(*keyset.Handle)
	if !ok {
		return private{}, errors.New("unexpected form")
	}
	return private{handle: h}, nil
}

// handle returns a key that Aries keeps.
func (s *Store) handle(ctx context.Context, k did.PublicKey) (*keyset.Handle, error) {
	p, err := s.private(ctx, k)
	if err == nil && p.handle == nil {
		err = fmt.Errorf("%w: a key of type %q signs and does nothing else", did.ErrUnsupported, k.Type)
	}
	return p.handle, err
}

// Sign signs message with the private half of k: Ed25519 (64 bytes), ECDSA as
// r||s, or RSASSA-PKCS1-v1_5 with SHA-256. The error wraps [ErrNotHeld].
func (s *Store) Sign(ctx context.Context, k did.PublicKey, message []byte) ([]byte, error) {
	p, err := s.private(ctx, k)
	if err != nil {
		return nil, err
	}
	if p.rsa != nil {
		return signRSA(p.rsa, message)
	}
	sig, err := s.crypto.Sign(message, p.handle)
	if err != nil {
		return nil, fmt.Errorf("signing: %v", err)
	}
	return sig, nil
}

// Signer signs as one verification method of a DID document.
type Signer struct {
	store  *Store
	key    did.PublicKey
	method string
}

// Signer returns a signer with the private half of k that names itself by the
// verification method's absolute DID URL.
func (s *Store) Signer(k did.PublicKey, method string) Signer { return Signer{s, k, method} }

// Sign signs message.
func (s Signer) Sign(ctx context.Context, message []byte) ([]byte, error) {
	return s.store.Sign(ctx, s.key, message)
}

// VerificationMethod returns the DID URL of the key.
func (s Signer) VerificationMethod() string { return s.method }

// Key returns the public half.
func (s Signer) Key() did.PublicKey { return s.key }
