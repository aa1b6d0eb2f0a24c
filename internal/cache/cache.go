// Package cache keeps what was fetched from strangers, with its age: DID
// documents and status lists. While a copy is fresh no request is made, so
// that a publisher does not see each check; when a publisher is out of reach
// the older copy serves, and the caller is told how old it is.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// Getter fetches a URL; [fetch.Client] is one.
type Getter interface {
	Get(ctx context.Context, url string) (fetch.Response, error)
}

// Cache answers from its store or through Client. It is safe for concurrent
// use. The zero Fresh means five minutes.
type Cache struct {
	DB     *store.DB
	Client Getter
	Now    func() time.Time
	// Fresh is how long a copy serves without a request, unless the publisher
	// allows less (Cache-Control max-age).
	Fresh time.Duration
	// Offline makes no request at all.
	Offline bool
	// Refresh asks the publisher each time, whatever the age of the copy.
	Refresh bool
	// Used, when not nil, is told every answer that is given.
	Used func(url string, r fetch.Response)

	mu     sync.RWMutex
	recent map[string]copyOf // the store's copies that were read last
	puts   int               // counted, so that nothing read before one is kept after it
}

// maxRecent and maxRecentBody bound what is kept in memory: 32 lists of the
// usual size take a megabyte.
const (
	maxRecent     = 32
	maxRecentBody = 256 << 10
)

type record struct {
	URL         string        `json:"url"`
	Fetched     time.Time     `json:"fetched"`
	ContentType string        `json:"contentType,omitempty"`
	MaxAge      time.Duration `json:"maxAge"`
	Missing     int           `json:"missing,omitempty"` // the HTTP code of a definite no
}

func key(kind, url string) []byte {
	h := sha256.Sum256([]byte(url))
	return []byte("cache/" + kind + "/" + hex.EncodeToString(h[:]))
}

type anewKey struct{}

// Anew asks the publishers, for what is fetched under the context that it
// returns, as [Cache.Refresh] does.
func Anew(ctx context.Context) context.Context { return context.WithValue(ctx, anewKey{}, true) }

// Get returns the answer for url. Errors are those of [fetch.Client.Get]; a
// 404 or 410 is remembered like an answer.
func (c *Cache) Get(ctx context.Context, url string) (fetch.Response, error) {
	r, err := c.get(ctx, url)
	if err == nil && c.Used != nil {
		c.Used(url, r)
	}
	return r, err
}

func (c *Cache) get(ctx context.Context, url string) (fetch.Response, error) {
	held, heldErr := c.held(ctx, url)
	if heldErr != nil && !errors.Is(heldErr, store.ErrNotFound) {
		var status *fetch.StatusError
		if !errors.As(heldErr, &status) {
			return fetch.Response{}, heldErr
		}
	}
	if !errors.Is(heldErr, store.ErrNotFound) && (c.Offline || !c.Refresh && ctx.Value(anewKey{}) == nil && c.fresh(held)) {
		return held.Response, heldErr
	}
	if c.Offline {
		return fetch.Response{}, fmt.Errorf("%w: %s is not among the copies kept here, and --offline forbids to fetch it", fetch.ErrUnreachable, url)
	}
	got, err := c.Client.Get(ctx, url)
	var status *fetch.StatusError
	switch {
	case err == nil:
		return got, c.Put(ctx, url, got)
	case errors.As(err, &status) && (status.Code == 404 || status.Code == 410):
		if putErr := c.put(ctx, record{URL: url, Fetched: c.Now().UTC(), Missing: status.Code}, nil); putErr != nil {
			return fetch.Response{}, putErr
		}
		return fetch.Response{}, err
	case errors.Is(err, fetch.ErrUnreachable) && !errors.Is(heldErr, store.ErrNotFound):
		return held.Response, heldErr
	}
	return fetch.Response{}, err
}

type copyOf struct {
	fetch.Response
	maxAge time.Duration
}

func (c *Cache) fresh(h copyOf) bool {
	limit := c.Fresh
	if limit == 0 {
		limit = 5 * time.Minute
	}
	if h.maxAge > 0 {
		limit = min(limit, h.maxAge)
	}
	age := c.Now().Sub(h.Fetched)
	return age >= 0 && age < limit
}

// held reads the copy of url. The error wraps [store.ErrNotFound], or is the
// [*fetch.StatusError] that was remembered.
func (c *Cache) held(ctx context.Context, url string) (copyOf, error) {
	c.mu.RLock()
	h, ok := c.recent[url]
	puts := c.puts
	c.mu.RUnlock()
	if ok {
		return h, nil
	}
	h, err := c.stored(ctx, url)
	if err == nil && len(h.Body) <= maxRecentBody {
		c.remember(url, h, puts)
	}
	return h, err
}

func (c *Cache) remember(url string, h copyOf, puts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.puts != puts {
		return // it may be older than what was put meanwhile
	}
	if len(c.recent) >= maxRecent {
		clear(c.recent)
	}
	if c.recent == nil {
		c.recent = map[string]copyOf{}
	}
	c.recent[url] = h
}

func (c *Cache) stored(ctx context.Context, url string) (copyOf, error) {
	var r record
	var body []byte
	err := c.DB.View(ctx, func(tx *store.Tx) error {
		raw, err := tx.Get(key("head", url))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("%w: cache: %v", store.ErrCorrupt, err)
		}
		if r.Missing != 0 {
			return nil
		}
		body, err = store.GetLarge(tx, key("body", url))
		return err
	})
	if err != nil {
		return copyOf{}, err
	}
	h := copyOf{fetch.Response{Body: body, ContentType: r.ContentType, Fetched: r.Fetched, MaxAge: r.MaxAge, Cached: true}, r.MaxAge}
	if r.Missing != 0 {
		return h, &fetch.StatusError{URL: url, Code: r.Missing}
	}
	return h, nil
}

// Put keeps an answer, as a verification pack brings it.
func (c *Cache) Put(ctx context.Context, url string, r fetch.Response) error {
	return c.put(ctx, record{URL: url, Fetched: r.Fetched.UTC(), ContentType: r.ContentType, MaxAge: r.MaxAge}, r.Body)
}

func (c *Cache) put(ctx context.Context, r record, body []byte) error {
	head, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Put(key("head", r.URL), head); err != nil {
			return err
		}
		if body == nil {
			return nil
		}
		return store.PutLarge(tx, key("body", r.URL), body)
	})
	c.mu.Lock()
	delete(c.recent, r.URL)
	c.puts++
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("keeping a copy of %s: %w", r.URL, err)
	}
	return nil
}
