package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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
//	c/<name>/<key>                    the record
//	x/<name>/<index>/<value>\x00<key> an index entry
type Collection[T any] struct {
	name    string
	key     func(T) string
	indexes []Index[T]
}

// NewCollection describes a collection. Names must not change once in use.
func NewCollection[T any](name string, key func(T) string, indexes ...Index[T]) Collection[T] {
	return Collection[T]{name, key, indexes}
}

// stored is the form of a record.
type stored struct {
	Entries []string        `json:"x,omitempty"` // "<index>/<value>"
	Value   json.RawMessage `json:"v"`
}

func (c Collection[T]) recordKey(key string) []byte { return []byte("c/" + c.name + "/" + key) }

func (c Collection[T]) entryKey(entry, key string) []byte {
	return []byte("x/" + c.name + "/" + entry + "\x00" + key)
}

func ignoreMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (c Collection[T]) load(tx *Tx, key string) (stored, error) {
	raw, err := tx.Get(c.recordKey(key))
	if err != nil {
		return stored{}, err
	}
	return c.parse(key, raw)
}

func (c Collection[T]) parse(key string, raw []byte) (stored, error) {
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%w: %s %q: %v", ErrCorrupt, c.name, key, err)
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
	_, err := tx.Get(c.recordKey(c.key(v)))
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
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s %q: %w", c.name, key, err)
	}
	now := stored{Value: raw}
	for _, i := range c.indexes {
		for _, val := range i.Values(v) {
			if e := i.Name + "/" + val; !slices.Contains(now.Entries, e) {
				now.Entries = append(now.Entries, e)
			}
		}
	}
	for _, e := range old.Entries {
		if !slices.Contains(now.Entries, e) {
			if err := tx.Delete(c.entryKey(e, key)); err != nil {
				return err
			}
		}
	}
	for _, e := range now.Entries {
		if !slices.Contains(old.Entries, e) {
			if err := tx.Put(c.entryKey(e, key), nil); err != nil {
				return err
			}
		}
	}
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return tx.Put(c.recordKey(key), b)
}

// Delete removes a record and its index entries; a missing one is no error.
func (c Collection[T]) Delete(tx *Tx, key string) error {
	old, err := c.load(tx, key)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range old.Entries {
		if err := tx.Delete(c.entryKey(e, key)); err != nil {
			return err
		}
	}
	return tx.Delete(c.recordKey(key))
}

// List yields the records in key order. From and Prefix of the range are keys
// of the collection.
func (c Collection[T]) List(tx *Tx, r Range) iter.Seq2[T, error] {
	base := c.recordKey("")
	in := Range{Prefix: append(slices.Clone(base), r.Prefix...), Reverse: r.Reverse, Limit: r.Limit}
	if r.From != nil {
		in.From = append(slices.Clone(base), r.From...)
	}
	return func(yield func(T, error) bool) {
		for rec, err := range tx.Scan(in) {
			var v T
			if err == nil {
				key := string(rec.Key[len(base):])
				var s stored
				if s, err = c.parse(key, rec.Value); err == nil {
					v, err = c.decode(key, s)
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// By yields the records that an index has under value, in key order.
func (c Collection[T]) By(tx *Tx, index, value string) iter.Seq2[T, error] {
	return c.follow(tx, Range{Prefix: []byte("x/" + c.name + "/" + index + "/" + value + "\x00"), KeysOnly: true}, "")
}

// UpTo yields the records whose indexed value is at most last, in the order of
// the values.
func (c Collection[T]) UpTo(tx *Tx, index, last string) iter.Seq2[T, error] {
	prefix := "x/" + c.name + "/" + index + "/"
	return c.follow(tx, Range{Prefix: []byte(prefix), KeysOnly: true}, prefix+last+"\x00\xff")
}

func (c Collection[T]) follow(tx *Tx, r Range, end string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for rec, err := range tx.Scan(r) {
			var v T
			if err == nil {
				if end != "" && string(rec.Key) > end {
					return
				}
				k := string(rec.Key)
				key := k[strings.LastIndexByte(k, 0)+1:]
				if v, err = c.Get(tx, key); errors.Is(err, ErrNotFound) {
					err = fmt.Errorf("%w: an index of %s names %q, which is missing", ErrCorrupt, c.name, key)
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}
