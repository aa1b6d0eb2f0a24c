package key_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// Every published did:key vector resolves to the keys that its own document
// holds, whatever verification method type either side writes.
func TestResolvedKeysAreThoseOfThePublishedVectors(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "did-key")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s", dir)
	}
	n := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var vectors map[string]struct {
			Document json.RawMessage `json:"didDocument"`
		}
		if err := json.Unmarshal(raw, &vectors); err != nil {
			t.Fatal(err)
		}
		for id, v := range vectors {
			if v.Document != nil && compare(t, id, v.Document) {
				n++
			}
		}
	}
	t.Logf("read %s: %d vectors agree", dir, n)
	if n == 0 {
		t.Error("no vector was compared")
	}
}

func compare(t *testing.T, text string, document []byte) bool {
	id, err := did.Parse(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return false
	}
	got, err := key.Resolver{}.Resolve(context.Background(), id)
	if err != nil {
		var unknown map[string]any
		if errors.Is(err, did.ErrInvalidDocument) && json.Unmarshal(document, &unknown) == nil && len(text) > 11 && text[8:11] == "zQ3" {
			return false // secp256k1 is not supported
		}
		t.Errorf("%s: %v", text, err)
		return false
	}
	want, err := did.ParseDocument(document)
	if err != nil {
		t.Errorf("%s: its own document: %v", text, err)
		return false
	}
	for _, rel := range []did.Relationship{did.AssertionMethod, did.Authentication, did.KeyAgreement} {
		a, b := got.Document.For(rel), want.For(rel)
		if rel == did.KeyAgreement && len(a) == 0 {
			continue // older documents agree keys with a signing key of a NIST curve
		}
		if len(a) != len(b) {
			t.Errorf("%s: %d keys for %s, the vector has %d", text, len(a), rel, len(b))
			continue
		}
		for i := range a {
			if !a[i].Key.Equal(b[i].Key) {
				t.Errorf("%s: key %d for %s differs", text, i, rel)
			}
		}
	}
	return true
}

func TestADidKeyInAnotherEncodingIsRefused(t *testing.T) {
	for _, text := range []string{"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWq", "did:key:u7QE", "did:key:z"} {
		id, err := did.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (key.Resolver{}).Resolve(t.Context(), id); !errors.Is(err, did.ErrInvalidDocument) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestAKeyOfAnotherLengthThanItsTypeIsRefused(t *testing.T) {
	// The first two bytes say Ed25519, of which four are left.
	id, err := did.Parse("did:key:zTjsVPtY")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (key.Resolver{}).Resolve(t.Context(), id); !errors.Is(err, did.ErrKeyLength) || !errors.Is(err, did.ErrWeakKey) {
		t.Errorf("got %v", err)
	}
}

func TestDidJwkResolvesToItsOwnKey(t *testing.T) {
	k, err := did.ParseMultikey("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")
	if err != nil {
		t.Fatal(err)
	}
	id, err := jwk.New(k)
	if err != nil {
		t.Fatal(err)
	}
	r, err := jwk.Resolver{}.Resolve(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := r.Document.Method(did.AssertionMethod, id.String()+"#0"); err != nil || !m.Key.Equal(k) {
		t.Errorf("got %v, %v", m, err)
	}
}
