package credentials

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
)

// listKey names verified bytes: the same bytes at the same address for the
// same issuer of badges.
type listKey struct {
	url    string
	issuer did.DID
	sum    [sha256.Size]byte
}

// maxLists bounds the lists kept: 64 of 131,072 entries take 1 MiB.
const maxLists = 64

// listCache keeps decoded lists whose signature was verified.
type listCache struct {
	mu   sync.RWMutex
	m    map[listKey]status.List
	keys []listKey // oldest first
}

func newListCache() *listCache { return &listCache{m: map[listKey]status.List{}} }

func (c *listCache) get(k listKey) (status.List, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	l, ok := c.m[k]
	return l, ok
}

func (c *listCache) put(k listKey, l status.List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[k]; ok || l.Len() > 8*status.MinLength {
		return
	}
	if len(c.keys) >= maxLists {
		delete(c.m, c.keys[0])
		c.keys = c.keys[1:]
	}
	c.m[k] = l
	c.keys = append(c.keys, k)
}

// memoryMarks is a SeenMarks that lasts as long as the process.
type memoryMarks struct {
	mu sync.Mutex
	m  map[string]time.Time
}

func newMemoryMarks() *memoryMarks { return &memoryMarks{m: map[string]time.Time{}} }

// maxMarks bounds the memory that addresses can take.
const maxMarks = 10_000

func (m *memoryMarks) Mark(_ context.Context, url string, validFrom time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.m[url]; ok && !validFrom.After(old) {
		return old, nil
	}
	if len(m.m) >= maxMarks {
		clear(m.m)
	}
	m.m[url] = validFrom
	return validFrom, nil
}

// computed keeps the documents that follow from their identifiers alone, such
// as those of did:key: they cannot change.
type computed struct {
	inner did.Resolver
	mu    sync.RWMutex
	m     map[did.DID]did.Resolution
}

const (
	maxComputed   = 1024
	maxComputedID = 256 // a longer identifier carries a document of its own
)

func (c *computed) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	c.mu.RLock()
	r, ok := c.m[id]
	c.mu.RUnlock()
	if ok {
		return r, nil
	}
	r, err := c.inner.Resolve(ctx, id)
	if err != nil || !r.Fetched.IsZero() || len(id.String()) > maxComputedID {
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= maxComputed {
		clear(c.m)
	}
	c.m[id] = r
	return r, nil
}
