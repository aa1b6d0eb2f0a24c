package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Index finds the records of a collection by a derived value.
type Index[T any] struct {
	Name   string
	Values func(T) []string
}

// Collection is a set of records of one type under a name, each with a unique
// key, kept as JSON together with the index entries it has, so that entries
// are removed with the record that made them.
//
//	c <name>/<key>                    the record
//	x <name>/<index>/<value> NUL <key> an index entry
type Collection[T any] struct {
	name    string
	key     func(T) string
	indexes []Index[T]
}

// NewCollection describes a collection. Names must not change once in use;
// one with a slash or NUL in it is a mistake of the program, and panics.
func NewCollection[T any](name string, key func(T) string, indexes ...Index[T]) Collection[T] {
	names := []string{name}
	for _, i := range indexes {
		names = append(names, i.Name)
	}
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, "/\x00") {
			panic(fmt.Sprintf("store: %q cannot name a collection or an index", n))
		}
	}
	return Collection[T]{name, key, indexes}
}

// stored is the form of a record.
type stored struct {
	Entries []string        `json:"x,omitempty"` // "<index>/<value>"
	Value   json.RawMessage `json:"v"`
}

func (c Collection[T]) recordKey(key string) []byte { return memberKey(c.name, key) }

func memberKey(name, key string) []byte { return []byte(string(spaceMember) + name + "/" + key) }

func entryKey(name, entry, key string) []byte {
	return []byte(string(spaceEntry) + name + "/" + entry + "\x00" + key)
}

func ignoreMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (c Collection[T]) load(tx *Tx, key string) (stored, error) {
	raw, err := tx.get(c.recordKey(key))
	if err != nil {
		return stored{}, err
	}
	return parseStored(c.name, key, raw)
}

func parseStored(name, key string, raw []byte) (stored, error) {
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%w: %s %q: %v", ErrCorrupt, name, key, err)
	}
	return s, nil
}

func (c Collection[T]) decode(key string, s stored) (T, error) {
	var v T
	if err := json.Unmarshal(s.Value, &v); err != nil {
		return v, fmt.Errorf("%w: %s %q: %v", ErrCorrupt, c.name, key, err)
	}
	return v, nil
}

// Get returns the record of a key. The error wraps [ErrNotFound].
func (c Collection[T]) Get(tx *Tx, key string) (T, error) {
	s, err := c.load(tx, key)
	if err != nil {
		var none T
		return none, err
	}
	return c.decode(key, s)
}

// Insert adds a new record. The error wraps [ErrExists] when there is one.
func (c Collection[T]) Insert(tx *Tx, v T) error {
	_, err := tx.get(c.recordKey(c.key(v)))
	if err == nil {
		return fmt.Errorf("%w: %s %q", ErrExists, c.name, c.key(v))
	}
	if err := ignoreMissing(err); err != nil {
		return err
	}
	return c.Put(tx, v)
}

// Put adds or replaces a record.
func (c Collection[T]) Put(tx *Tx, v T) error {
	key := c.key(v)
	if key == "" || strings.Contains(key, "\x00") {
		return fmt.Errorf("%s: %q is no key", c.name, key)
	}
	old, err := c.load(tx, key)
	if err := ignoreMissing(err); err != nil {
		return err
	}
	now := stored{}
	if now.Value, err = json.Marshal(v); err != nil {
		return fmt.Errorf("%s %q: %w", c.name, key, err)
	}
	if now.Entries, err = c.entries(key, v); err != nil {
		return err
	}
	if err := c.reindex(tx, key, old.Entries, now.Entries); err != nil {
		return err
	}
	b, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("%s %q: %w", c.name, key, err)
	}
	return tx.put(c.recordKey(key), b)
}

// entries derives the index entries of a record.
func (c Collection[T]) entries(key string, v T) ([]string, error) {
	var out []string
	for _, i := range c.indexes {
		for _, val := range i.Values(v) {
			if strings.Contains(val, "\x00") {
				return nil, fmt.Errorf("%s %q: %q is no value of the index %s", c.name, key, val, i.Name)
			}
			if e := i.Name + "/" + val; !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// reindex removes the entries that a record had and adds those it has now.
func (c Collection[T]) reindex(tx *Tx, key string, old, now []string) error {
	for _, e := range old {
		if !slices.Contains(now, e) {
			if err := tx.remove(entryKey(c.name, e, key)); err != nil {
				return err
			}
		}
	}
	for _, e := range now {
		if !slices.Contains(old, e) {
			if err := tx.put(entryKey(c.name, e, key), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete removes a record and its index entries; a missing one is no error.
func (c Collection[T]) Delete(tx *Tx, key string) error {
	old, err := c.load(tx, key)
	if err != nil {
		return ignoreMissing(err)
	}
	if err := c.reindex(tx, key, old.Entries, nil); err != nil {
		return err
	}
	return tx.remove(c.recordKey(key))
}
