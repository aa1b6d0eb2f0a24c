package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/aries-framework-go/spi/storage"

	"github.com/trust-me/trustme/internal/store"
)

// ariesStore is one store of an [ariesProvider]. What Put, Delete and Batch
// have written is durable when they return. It holds nothing of its own, so
// that it works on for those who share it after one has closed it.
type ariesStore struct {
	p    *ariesProvider
	db   *store.DB
	name string // escaped
}

var errNoKey = errors.New("the key is empty")

func (s *ariesStore) dataKey(key string) []byte { return []byte("aries/" + s.name + "/" + key) }

// Put implements storage.Store: values of up to 900 KiB.
func (s *ariesStore) Put(key string, value []byte, tags ...storage.Tag) error {
	if value == nil {
		return fmt.Errorf("the value of %q is nil", key)
	}
	return s.apply(storage.Operation{Key: key, Value: value, Tags: tags})
}

// Delete implements storage.Store.
func (s *ariesStore) Delete(key string) error { return s.apply(storage.Operation{Key: key}) }

// Batch implements storage.Store: all of the operations or none. The error
// wraps storage.ErrDuplicateKey, or store.ErrTooLarge for a batch that must be
// split.
func (s *ariesStore) Batch(ops []storage.Operation) error {
	if len(ops) == 0 {
		return errors.New("a batch without operations")
	}
	return s.apply(ops...)
}

func (s *ariesStore) apply(ops ...storage.Operation) error {
	for _, o := range ops {
		if o.Key == "" {
			return errNoKey
		}
		if err := checkTags(o.Tags); err != nil {
			return fmt.Errorf("%q: %w", o.Key, err)
		}
	}
	return s.db.Update(context.Background(), func(tx *store.Tx) error {
		for _, o := range ops {
			if err := s.write(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *ariesStore) write(tx *store.Tx, o storage.Operation) error {
	item := ariesItem{s.name, escape(o.Key), o.Tags}
	if o.Value == nil {
		if err := store.DeleteLarge(tx, s.dataKey(item.Key)); err != nil {
			return err
		}
		return ariesItems.Delete(tx, item.id())
	}
	put := ariesItems.Put
	if o.PutOptions != nil && o.PutOptions.IsNewKey {
		put = ariesItems.Insert
	}
	err := put(tx, item)
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("%w: %q", storage.ErrDuplicateKey, o.Key)
	}
	if err != nil {
		return err
	}
	return store.PutLarge(tx, s.dataKey(item.Key), o.Value)
}

func checkTags(tags []storage.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return err
		}
		if seen[t.Name] {
			return fmt.Errorf("two tags are named %q", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

// checkTag refuses what no query could ask for.
func checkTag(t storage.Tag) error {
	if t.Name == "" {
		return errors.New("a tag without a name")
	}
	for _, s := range []string{t.Name, t.Value} {
		if strings.ContainsRune(s, ':') {
			return fmt.Errorf("the tag %q has a colon, which separates a name from a value", s)
		}
	}
	return nil
}

// missing is Aries' error for ours.
func missing(key string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %q", storage.ErrDataNotFound, key)
	}
	return err
}

// Get implements storage.Store.
func (s *ariesStore) Get(key string) ([]byte, error) {
	if key == "" {
		return nil, errNoKey
	}
	var value []byte
	err := s.db.View(context.Background(), func(tx *store.Tx) (err error) {
		value, err = store.GetLarge(tx, s.dataKey(escape(key)))
		return err
	})
	return value, missing(key, err)
}

// GetTags implements storage.Store.
func (s *ariesStore) GetTags(key string) ([]storage.Tag, error) {
	if key == "" {
		return nil, errNoKey
	}
	var item ariesItem
	err := s.db.View(context.Background(), func(tx *store.Tx) (err error) {
		item, err = ariesItems.Get(tx, ariesItem{Store: s.name, Key: escape(key)}.id())
		return err
	})
	return item.Tags, missing(key, err)
}

// GetBulk implements storage.Store: all as they were at one moment, nil for
// those that are not there.
func (s *ariesStore) GetBulk(keys ...string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, errors.New("no keys are given")
	}
	out := make([][]byte, len(keys))
	err := s.db.View(context.Background(), func(tx *store.Tx) error {
		for i, key := range keys {
			if key == "" {
				return errNoKey
			}
			value, err := store.GetLarge(tx, s.dataKey(escape(key)))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			out[i] = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Flush implements storage.Store. Nothing waits.
func (s *ariesStore) Flush() error { return nil }

// Close implements storage.Store.
func (s *ariesStore) Close() error {
	s.p.closeStore(s.name)
	return nil
}
