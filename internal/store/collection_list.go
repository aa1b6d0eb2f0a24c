package store

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// List yields the records in key order. From and Prefix of the range are keys
// of the collection.
func (c Collection[T]) List(tx *Tx, r Range) iter.Seq2[T, error] {
	base := c.recordKey("")
	in := Range{Reverse: r.Reverse, Limit: r.Limit}
	if r.From != nil {
		in.From = append(slices.Clone(base[1:]), r.From...)
	}
	return func(yield func(T, error) bool) {
		for rec, err := range tx.scan(append(slices.Clone(base), r.Prefix...), in) {
			var v T
			if err == nil {
				key := string(rec.Key[len(base):])
				var s stored
				if s, err = parseStored(c.name, key, rec.Value); err == nil {
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
	return c.ByAfter(tx, index, value, "")
}

// ByAfter is [Collection.By] from the record after the one with a key on, so
// that a long walk can be taken in steps.
func (c Collection[T]) ByAfter(tx *Tx, index, value, key string) iter.Seq2[T, error] {
	prefix := entryKey(c.name, index+"/"+value, "")
	r := Range{KeysOnly: true}
	if key != "" {
		r.From = append(slices.Clone(prefix[1:]), key+"\x00"...)
	}
	return c.follow(tx, prefix, r, "")
}

// Starting yields the records whose indexed value begins with prefix, in the
// order of the values; a record once for each such value.
func (c Collection[T]) Starting(tx *Tx, index, prefix string) iter.Seq2[T, error] {
	return c.follow(tx, []byte(string(spaceEntry)+c.name+"/"+index+"/"+prefix), Range{KeysOnly: true}, "")
}

// UpTo yields the records whose indexed value is at most last, in the order of
// the values.
func (c Collection[T]) UpTo(tx *Tx, index, last string) iter.Seq2[T, error] {
	prefix := string(spaceEntry) + c.name + "/" + index + "/"
	return c.follow(tx, []byte(prefix), Range{KeysOnly: true}, prefix+last+"\x01")
}

// follow yields the records that the entries with a prefix, in r and below end,
// name.
func (c Collection[T]) follow(tx *Tx, prefix []byte, r Range, end string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for rec, err := range tx.scan(prefix, r) {
			var v T
			if err == nil {
				k := string(rec.Key)
				if end != "" && k >= end {
					return
				}
				key := k[strings.LastIndexByte(k, 0)+1:]
				v, err = c.Get(tx, key)
				if errors.Is(err, ErrNotFound) {
					if _, gone := tx.get(rec.Key); errors.Is(gone, ErrNotFound) {
						continue // removed by this transaction since the iteration began
					}
					err = fmt.Errorf("%w: an index of %s names %q, which is missing", ErrCorrupt, c.name, key)
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}
