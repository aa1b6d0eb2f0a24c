package credentials

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
)

// A verified list is taken again for the same bytes under the same document,
// and for a minute.
func TestAVerifiedListIsTakenForTheSameBytesUnderTheSameDocumentForAMinute(t *testing.T) {
	c := newListCache()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	body := []byte("list")
	key := listKey{url: "https://a.example/1", body: c.sum("https://a.example/1", body), doc: sha256.Sum256([]byte("document"))}
	c.put(key, status.List{ID: "1"}, now)
	other := key
	other.doc = sha256.Sum256([]byte("another document"))
	for _, tt := range []struct {
		name string
		key  listKey
		at   time.Time
		want bool
	}{
		{"at once", key, now, true},
		{"after a minute", key, now.Add(time.Minute), true},
		{"later", key, now.Add(time.Minute + 1), false},
		{"as of long before", key, now.Add(-time.Hour), false},
		{"under another document", other, now, false},
	} {
		if l, ok := c.get(tt.key, tt.at); ok != tt.want || ok && l.ID != "1" {
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
		c.put(listKey{url: url, body: c.sum(url, []byte(url))}, status.List{}, now)
	}
	if len(c.m) > maxLists || len(c.keys) > maxLists || len(c.sums) > maxLists {
		t.Errorf("%d lists, %d keys, %d digests", len(c.m), len(c.keys), len(c.sums))
	}
}
