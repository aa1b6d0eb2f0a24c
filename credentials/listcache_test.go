package credentials

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
)

// A verified list is taken again for the same bytes, for a minute.
func TestAVerifiedListIsTakenForTheSameBytesForAMinute(t *testing.T) {
	c := newListCache()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	body := []byte("list")
	key := listKey{"https://a.example/1", c.sum("https://a.example/1", body)}
	c.put(key, keptList{List: status.List{ID: "1"}, at: now})
	for _, tt := range []struct {
		name string
		at   time.Time
		want bool
	}{{"at once", now, true}, {"after a minute", now.Add(time.Minute), true}, {"later", now.Add(time.Minute + 1), false}, {"as of long before", now.Add(-time.Hour), false}} {
		if l, ok := c.get(key, tt.at); ok != tt.want || ok && l.ID != "1" {
			t.Errorf("%s: %+v, %v", tt.name, l, ok)
		}
	}
	for _, b := range [][]byte{body, bytes.Clone(body), []byte("tsil"), nil} {
		if got := c.sum("https://a.example/1", b); got != sha256.Sum256(b) {
			t.Errorf("the digest of %q is another's", b)
		}
	}
	for i := range 10 * maxLists {
		url := fmt.Sprint("https://a.example/", i)
		c.put(listKey{url, c.sum(url, []byte(url))}, keptList{at: now})
	}
	if len(c.m) > maxLists || len(c.keys) > maxLists || c.sums.Len() > maxLists {
		t.Errorf("%d lists, %d keys, %d digests", len(c.m), len(c.keys), c.sums.Len())
	}
}

// Under another document of its issuer, or for the badge of somebody who does
// not trust that issuer, a list is verified anew.
func TestAListVerifiedUnderAnotherDocumentIsVerifiedAnew(t *testing.T) {
	alder, birch := mustDID(did.Parse("did:web:alder.example")), mustDID(did.Parse("did:web:birch.example"))
	l := keptList{issuer: alder, document: sha256.Sum256([]byte("document"))}
	for _, tt := range []struct {
		name     string
		issuer   did.DID
		document string
		trusts   string
		want     bool
	}{
		{"the same document", alder, "document", "", true},
		{"another document", alder, "another", "", false},
		{"another's badge", birch, "document", "", false},
		{"another's badge, who is trusted to list", birch, "of birch", "did:web:alder.example", true},
	} {
		r := resolverFunc(func(id did.DID) (did.Resolution, error) { return did.Resolution{Raw: []byte("document")}, nil })
		j := &judgement{v: NewVerifier(VerifierConfig{Resolver: r, ListIssuers: []string{tt.trusts}}), issuer: tt.issuer, document: []byte(tt.document)}
		if got := j.stillVerified(t.Context(), l); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

type resolverFunc func(did.DID) (did.Resolution, error)

func (f resolverFunc) Resolve(_ context.Context, id did.DID) (did.Resolution, error) { return f(id) }

func mustDID(id did.DID, err error) did.DID {
	if err != nil {
		panic(err) // constants of a test
	}
	return id
}
