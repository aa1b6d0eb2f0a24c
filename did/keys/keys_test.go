package keys_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/store"
)

var secret = bytes.Repeat([]byte{1}, 32)

func newStore(t *testing.T, db *store.DB) *keys.Store {
	t.Helper()
	s, err := keys.Open(t.Context(), db, secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func memory(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestEveryKeyTypeSignsWhatItsPublicHalfVerifies(t *testing.T) {
	s := newStore(t, memory(t))
	for _, typ := range []did.KeyType{did.Ed25519, did.P256, did.P384, did.RSA} {
		k, err := s.Create(t.Context(), typ)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := s.Sign(t.Context(), k, []byte("a message"))
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Verify([]byte("a message"), sig); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if err := k.Verify([]byte("another"), sig); !errors.Is(err, did.ErrSignature) {
			t.Errorf("%s: another message: %v", typ, err)
		}
	}
}

func TestKeysAreThereAfterReopeningAndNotUnderAnotherSecret(t *testing.T) {
	db := memory(t)
	k, err := newStore(t, db).Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newStore(t, db).Sign(t.Context(), k, nil); err != nil {
		t.Errorf("after reopening: %v", err)
	}
	if _, err := keys.Open(t.Context(), db, bytes.Repeat([]byte{2}, 32)); !errors.Is(err, keys.ErrWrongSecret) {
		t.Errorf("another secret: %v", err)
	}
}

func TestAKeyOfSomebodyElseCannotBeUsed(t *testing.T) {
	k, err := newStore(t, memory(t)).Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	other := newStore(t, memory(t))
	if held, err := other.Holds(t.Context(), k); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
	if _, err := other.Sign(t.Context(), k, nil); !errors.Is(err, keys.ErrNotHeld) {
		t.Errorf("got %v", err)
	}
}

func importAll(t *testing.T, s *keys.Store, db *store.DB, secret []byte, ps []keys.Portable) error {
	t.Helper()
	add, err := s.Imports(t.Context(), secret, ps)
	if err != nil {
		return err
	}
	return db.Update(t.Context(), func(tx *store.Tx) error {
		for _, write := range add {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestExportedKeysWorkElsewhereAndAlteredOnesAreRefused(t *testing.T) {
	from := newStore(t, memory(t))
	var want []did.PublicKey
	for _, typ := range []did.KeyType{did.Ed25519, did.X25519, did.P256, did.RSA} {
		k, err := from.Create(t.Context(), typ)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, k)
	}
	transfer := bytes.Repeat([]byte{9}, 32)
	ps, err := from.Export(t.Context(), transfer)
	if err != nil || len(ps) != 4 {
		t.Fatalf("%d keys, %v", len(ps), err)
	}
	db := memory(t)
	to := newStore(t, db)
	for range 2 { // a second time adds nothing and is no error
		if err := importAll(t, to, db, transfer, ps); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range want {
		if k.Type == did.X25519 {
			continue // which signs nothing
		}
		if sig, err := to.Sign(t.Context(), k, []byte("m")); err != nil || k.Verify([]byte("m"), sig) != nil {
			t.Errorf("%s: an imported key does not sign: %v", k.Type, err)
		}
	}
	for _, k := range want {
		if held, err := to.Holds(t.Context(), k); !held || err != nil {
			t.Errorf("%s: held %v, %v", k.Type, held, err)
		}
	}
	db = memory(t)
	for i, p := range ps {
		other := ps[(i+1)%len(ps)]
		if err := importAll(t, newStore(t, db), db, transfer, []keys.Portable{{Public: p.Public, Sealed: other.Sealed}}); err == nil {
			t.Errorf("%s: a key under another's name was imported", p.Public)
		}
	}
	if err := importAll(t, newStore(t, db), db, secret, ps); err == nil {
		t.Error("keys were imported under a wrong secret")
	}
}

func TestAnRSAKeyIsSealedInTheStoreAndSurvivesReopening(t *testing.T) {
	dir := t.TempDir()
	open := func() *store.DB {
		db, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	k, err := newStore(t, db).Create(t.Context(), did.RSA)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	defer db.Close()
	s := newStore(t, db)
	sig, err := s.Sign(t.Context(), k, []byte("m"))
	if err != nil || k.Verify([]byte("m"), sig) != nil {
		t.Errorf("after reopening: %v", err)
	}
	// It signs, and unwraps nothing.
	if _, err := s.Unwrap(t.Context(), k, keys.Wrapped{}); !errors.Is(err, did.ErrUnsupported) {
		t.Errorf("unwrapping with it: %v", err)
	}
	// A portable one that was sealed for another key is refused.
	transfer := bytes.Repeat([]byte{9}, 32)
	other, err := s.Create(t.Context(), did.RSA)
	if err != nil {
		t.Fatal(err)
	}
	ps, err := s.Export(t.Context(), transfer)
	if err != nil || len(ps) != 2 {
		t.Fatalf("%d keys, %v", len(ps), err)
	}
	ps[0].Sealed, ps[1].Sealed = ps[1].Sealed, ps[0].Sealed
	to := memory(t)
	if err := importAll(t, newStore(t, to), to, transfer, ps); err == nil {
		t.Error("two keys under each other's names were imported")
	}
	if held, err := newStore(t, to).Holds(t.Context(), other); held || err != nil {
		t.Errorf("after a refused import: held %v, %v", held, err)
	}
}
