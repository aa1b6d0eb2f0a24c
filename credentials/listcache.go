package credentials

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/bounded"
)

// listKey names bytes at an address.
type listKey struct {
	url  string
	body [sha256.Size]byte
}

// maxLists bounds the lists kept: 64 of 131,072 entries take 1 MiB.
const maxLists = 64

// keptFor is how long a verified list is taken as verified: what ends with
// time, such as a key or a proof, is looked at again after that.
const keptFor = time.Minute

// keptList is a list that was verified: by whose DID document, and when.
type keptList struct {
	status.List
	issuer   did.DID
	document [sha256.Size]byte
	at       time.Time
}

// listCache keeps decoded lists whose signature was verified.
type listCache struct {
	mu   sync.RWMutex
	m    map[listKey]keptList
	keys []listKey                    // oldest first
	sums *bounded.Map[string, summed] // by URL, or DID
}

// summed is the digest of bytes that are still the same slice.
type summed struct {
	body []byte
	sum  [sha256.Size]byte
}

func newListCache() *listCache {
	return &listCache{m: map[listKey]keptList{}, sums: bounded.NewMap[string, summed](maxLists)}
}

func (c *listCache) get(k listKey, now time.Time) (keptList, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	l, ok := c.m[k]
	return l, ok && now.Sub(l.at).Abs() <= keptFor
}

func (c *listCache) put(k listKey, l keptList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.Len() > 8*status.MinLength {
		return
	}
	if _, ok := c.m[k]; !ok {
		if len(c.keys) >= maxLists {
			delete(c.m, c.keys[0])
			c.keys = c.keys[1:]
		}
		c.keys = append(c.keys, k)
	}
	c.m[k] = l
}

// sum returns the digest of the bytes of a list, or of an issuer's document. A
// source that keeps its answers gives the same slice again, which nobody may
// change.
func (c *listCache) sum(url string, body []byte) [sha256.Size]byte {
	if len(body) == 0 {
		return sha256.Sum256(nil)
	}
	if s, ok := c.sums.Get(url); ok && len(s.body) == len(body) && &s.body[0] == &body[0] {
		return s.sum
	}
	s := summed{body, sha256.Sum256(body)}
	c.sums.Put(url, s)
	return s.sum
}

// memoryMarks is a SeenMarks that lasts as long as the process.
type memoryMarks struct {
	m *bounded.Map[string, time.Time]
}

// maxMarks bounds the memory that addresses can take.
const maxMarks = 10_000

func newMemoryMarks() memoryMarks { return memoryMarks{bounded.NewMap[string, time.Time](maxMarks)} }

func (m memoryMarks) Mark(_ context.Context, url string, validFrom time.Time) (time.Time, error) {
	return m.m.Update(url, func(old time.Time, ok bool) time.Time {
		if ok && !validFrom.After(old) {
			return old
		}
		return validFrom
	}), nil
}

// computed keeps the documents that follow from their identifiers alone, such
// as those of did:key: they cannot change.
type computed struct {
	inner did.Resolver
	m     *bounded.Map[did.DID, did.Resolution]
}

const (
	maxComputed   = 1024
	maxComputedID = 256 // a longer identifier carries a document of its own
)

func newComputed(inner did.Resolver) *computed {
	return &computed{inner, bounded.NewMap[did.DID, did.Resolution](maxComputed)}
}

func (c *computed) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	if r, ok := c.m.Get(id); ok {
		return r, nil
	}
	r, err := c.inner.Resolve(ctx, id)
	if err == nil && r.Fetched.IsZero() && len(id.String()) <= maxComputedID {
		c.m.Put(id, r)
	}
	return r, err
}
