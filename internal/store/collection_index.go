package store

import (
	"context"
	"errors"
	"slices"
)

// reindexBatch is how many records are looked at in one go.
const reindexBatch = 500

// Reindex writes the index entries that records lack because an index was added
// since they were written. It can be repeated, and goes on where it was
// interrupted; what is indexed already is only read.
func (c Collection[T]) Reindex(ctx context.Context, db *DB) error {
	from := ""
	for {
		lacking, last, err := c.lacking(ctx, db, from)
		if err != nil || last == "" {
			return err
		}
		if len(lacking) > 0 {
			if err := db.Update(ctx, func(tx *Tx) error { return c.putAgain(tx, lacking) }); err != nil {
				return err
			}
		}
		from = last + "\x00"
	}
}

// lacking returns the keys of the next records whose entries are not those that
// they should have, and the last key that was looked at.
func (c Collection[T]) lacking(ctx context.Context, db *DB, from string) (keys []string, last string, err error) {
	base := c.recordKey("")
	r := Range{Limit: reindexBatch, From: append(slices.Clone(base[1:]), from...)}
	return keys, last, db.View(ctx, func(tx *Tx) error {
		for rec, err := range tx.scan(base, r) {
			if err != nil {
				return err
			}
			last = string(rec.Key[len(base):])
			s, err := parseStored(c.name, last, rec.Value)
			if err != nil {
				return err
			}
			v, err := c.decode(last, s)
			if err != nil {
				return err
			}
			want, err := c.entries(last, v)
			if err != nil {
				return err
			}
			if !slices.Equal(want, s.Entries) {
				keys = append(keys, last)
			}
		}
		return nil
	})
}

func (c Collection[T]) putAgain(tx *Tx, keys []string) error {
	for _, key := range keys {
		v, err := c.Get(tx, key)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = c.Put(tx, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
