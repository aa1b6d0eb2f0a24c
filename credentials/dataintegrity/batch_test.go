package dataintegrity

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// batchSigner signs together, and counts how often.
type batchSigner struct {
	vectorSigner
	calls *int
	lose  int // signatures that are not given
}

func (s batchSigner) SignAll(_ context.Context, messages [][]byte) ([][]byte, error) {
	*s.calls++
	return did.SignAll(s.key, messages)[s.lose:], nil
}

func TestABatchIsSignedAsEachDocumentAlone(t *testing.T) {
	var docs [][]byte
	for _, learner := range []string{"did:key:b", "did:key:c", "did:key:d", "did:key:e"} {
		docs = append(docs, []byte(strings.Replace(small, "did:key:b", learner, 1)))
	}
	alone, calls := testSigner(t, 1), 0
	for _, suite := range []string{"", EdDSARDFC, EdDSAJCS} {
		o := Options{Cryptosuite: suite, Created: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		for _, s := range []Signer{batchSigner{alone, &calls, 0}, alone} {
			got, err := AddProofs(t.Context(), docs, o, s)
			if err != nil {
				t.Fatal(err)
			}
			for i := range docs {
				if want := add(t, string(docs[i]), o, alone); string(got[i]) != want {
					t.Errorf("%s by %T: document %d is %s, want %s", suite, s, i, got[i], want)
				}
			}
		}
	}
	if calls != 3 {
		t.Errorf("signed %d times together, want once for each of 3", calls)
	}
	if got, err := AddProofs(t.Context(), nil, Options{}, batchSigner{alone, &calls, 0}); len(got) != 0 || err != nil {
		t.Errorf("no documents: %q, %v", got, err)
	}
}

func TestABatchWithADocumentThatCannotBeSignedNamesIt(t *testing.T) {
	calls := 0
	s := batchSigner{testSigner(t, 1), &calls, 0}
	for name, c := range map[string]struct {
		second string
		o      Options
		want   error
	}{
		"no JSON":         {`{"a":`, Options{}, jsondoc.ErrMalformed},
		"two members":     {`{"a":1,"a":1}`, Options{}, jsondoc.ErrMalformed},
		"an unknown term": {strings.Replace(small, `"type"`, `"unheard":1,"type"`, 1), Options{}, nil},
		"not an object":   {`[]`, Options{Cryptosuite: EdDSAJCS}, ErrMalformed},
	} {
		for _, by := range []Signer{s, s.vectorSigner} {
			got, err := AddProofs(t.Context(), [][]byte{[]byte(small), []byte(c.second)}, c.o, by)
			if err == nil || got != nil || !strings.Contains(err.Error(), "document 1: ") || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s by %T: %d documents, error %v", name, by, len(got), err)
			}
		}
	}
	docs := [][]byte{[]byte(small), []byte(small)}
	if _, err := AddProofs(t.Context(), docs, Options{Cryptosuite: ECDSARDFC}, s); !errors.Is(err, ErrUnsupported) {
		t.Errorf("with the suite of another key: %v", err)
	}
	s.lose = 1
	if got, err := AddProofs(t.Context(), docs, Options{}, s); err == nil || got != nil {
		t.Errorf("with a signature too few: %s", bytes.Join(got, nil))
	}
}
