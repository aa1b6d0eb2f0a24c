package keys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/hyperledger/aries-framework-go/spi/storage"

	"github.com/trust-me/trustme/internal/store"
)

// ariesProvider gives Aries its stores, all in one database. Aries hands no
// context on, so its reads and writes end with the database only.
//
//	data "aries/<store>/<key>"       the value, in parts where it is large
//	collection aries, <store>/<key>  its tags, indexed
//	collection aries-store, <store>  the store's configuration
//
// Names of stores are lower-cased; names and keys are escaped as in a URL.
type ariesProvider struct {
	db   *store.DB
	mu   sync.Mutex
	open map[string]*ariesStore
}

func newAriesProvider(db *store.DB) *ariesProvider {
	return &ariesProvider{db: db, open: map[string]*ariesStore{}}
}

// ariesConfig is the configuration of a store. Every tag is indexed, so it is
// kept for those who ask only.
type ariesConfig struct {
	Store    string   `json:"store"`
	TagNames []string `json:"tagNames"`
}

// ariesItem is what a value is tagged with.
type ariesItem struct {
	Store string        `json:"store"` // escaped, as is the key
	Key   string        `json:"key"`
	Tags  []storage.Tag `json:"tags,omitempty"`
}

func (i ariesItem) id() string { return i.Store + "/" + i.Key }

// tagIndex holds a digest for each tag and one for its name alone, so that an
// entry is short however long a tag is. Who follows it compares the tags.
const tagIndex = "tag"

var (
	ariesConfigs = store.NewCollection("aries-store", func(c ariesConfig) string { return c.Store })
	ariesItems   = store.NewCollection("aries", ariesItem.id, store.Index[ariesItem]{Name: tagIndex, Values: func(i ariesItem) []string {
		var out []string
		for _, t := range i.Tags {
			out = append(out, tagDigest(i.Store, t.Name), tagDigest(i.Store, t.Name, t.Value))
		}
		return out
	}})
)

// tagDigest takes an escaped store, a tag's name and perhaps its value; none
// of the first two holds a colon.
func tagDigest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h[:16])
}

func storeName(name string) (string, error) {
	if name == "" {
		return "", errors.New("the name of the store is empty")
	}
	return escape(strings.ToLower(name)), nil
}

// escape leaves neither slash, colon nor NUL.
func escape(s string) string { return url.QueryEscape(s) }

func unescape(s string) (string, error) {
	key, err := url.QueryUnescape(s)
	if err != nil {
		return "", fmt.Errorf("%w: %q is no key: %v", store.ErrCorrupt, s, err)
	}
	return key, nil
}

// OpenStore implements storage.Provider. Nothing is written before the first
// value or configuration is.
func (p *ariesProvider) OpenStore(name string) (storage.Store, error) {
	s, err := p.store(name)
	if err != nil {
		return nil, err // a nil *ariesStore would be no nil storage.Store
	}
	return s, nil
}

func (p *ariesProvider) store(name string) (*ariesStore, error) {
	name, err := storeName(name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s, found := p.open[name]
	if !found {
		s = &ariesStore{p: p, db: p.db, name: name}
		p.open[name] = s
	}
	return s, nil
}

// SetStoreConfig implements storage.Provider. The error wraps
// storage.ErrStoreNotFound for a store that is not open.
func (p *ariesProvider) SetStoreConfig(name string, c storage.StoreConfiguration) error {
	name, err := storeName(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	_, found := p.open[name]
	p.mu.Unlock()
	if !found {
		return fmt.Errorf("%w: %s is not open", storage.ErrStoreNotFound, name)
	}
	for _, n := range c.TagNames {
		if err := checkTag(storage.Tag{Name: n}); err != nil {
			return err
		}
	}
	return p.db.Update(context.Background(), func(tx *store.Tx) error {
		return ariesConfigs.Put(tx, ariesConfig{name, c.TagNames})
	})
}

// GetStoreConfig implements storage.Provider. The error wraps
// storage.ErrStoreNotFound when neither a configuration nor a value was ever
// written.
func (p *ariesProvider) GetStoreConfig(name string) (storage.StoreConfiguration, error) {
	var out storage.StoreConfiguration
	name, err := storeName(name)
	if err != nil {
		return out, err
	}
	err = p.db.View(context.Background(), func(tx *store.Tx) error {
		c, err := ariesConfigs.Get(tx, name)
		if !errors.Is(err, store.ErrNotFound) {
			out.TagNames = c.TagNames
			return err
		}
		for _, err := range ariesItems.List(tx, store.Range{Prefix: []byte(name + "/"), Limit: 1}) {
			return err
		}
		return fmt.Errorf("%w: %s", storage.ErrStoreNotFound, name)
	})
	return out, err
}

// GetOpenStores implements storage.Provider.
func (p *ariesProvider) GetOpenStores() []storage.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]storage.Store, 0, len(p.open))
	for _, name := range slices.Sorted(maps.Keys(p.open)) {
		out = append(out, p.open[name])
	}
	return out
}

// Close implements storage.Provider. The database stays open: it is another's.
func (p *ariesProvider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.open)
	return nil
}

func (p *ariesProvider) closeStore(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, name)
}
