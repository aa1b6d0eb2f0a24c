package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// Tx is a transaction: a snapshot, and in [DB.Update] its own writes over it.
// It must not be used after its function has returned, nor by two goroutines.
type Tx struct {
	db      *DB
	txn     *badger.Txn
	over    map[string]*write // nil in a View
	journal journalHead
}

type write struct {
	value []byte
	gone  bool
}

// Record is a key with its value; Value is nil when only keys were asked for.
type Record struct{ Key, Value []byte }

// Range selects records in key order. From is the first key (within Prefix);
// a reverse scan starts there and goes down, or at the end when From is nil.
type Range struct {
	Prefix, From []byte
	Reverse      bool
	Limit        int // 0: all
	KeysOnly     bool
}

// Spaces of the engine's keys.
const (
	spaceData    = 'd'
	spaceJournal = 'j'
)

func dataKey(key []byte) []byte { return append([]byte{spaceData}, key...) }

// Get returns the value under key, a copy. The error wraps [ErrNotFound] or
// [ErrCorrupt].
func (tx *Tx) Get(key []byte) ([]byte, error) { return tx.get(dataKey(key)) }

func (tx *Tx) get(key []byte) ([]byte, error) {
	if w, ok := tx.over[string(key)]; ok {
		if w.gone {
			return nil, fmt.Errorf("%w: %q", ErrNotFound, key[1:])
		}
		return bytes.Clone(w.value), nil
	}
	item, err := tx.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, key[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %v", ErrCorrupt, key[1:], err)
	}
	return tx.read(item)
}

func (tx *Tx) read(item *badger.Item) ([]byte, error) {
	var out []byte
	err := item.Value(func(v []byte) (err error) {
		out, err = tx.db.openRecord(item.Key(), v)
		return err
	})
	if err != nil && !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %q: %v", ErrCorrupt, item.Key()[1:], err)
	}
	return out, err
}

// sealRecord binds a value to its key: AES-256-GCM with the key as additional
// data, so that neither a flipped bit nor a value moved elsewhere is believed.
func (db *DB) sealRecord(key, value []byte) []byte {
	n := db.aead.NonceSize()
	out := make([]byte, n, n+len(value)+db.aead.Overhead())
	rand.Read(out) // never fails (crypto/rand)
	return db.aead.Seal(out, out, value, key)
}

func (db *DB) openRecord(key, sealed []byte) ([]byte, error) {
	n := db.aead.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("%w: %q is cut", ErrCorrupt, key[1:])
	}
	out, err := db.aead.Open(nil, sealed[:n], sealed[n:], key)
	if err != nil {
		return nil, fmt.Errorf("%w: %q was altered", ErrCorrupt, key[1:])
	}
	return out, nil
}

// Put writes value under key. The error wraps [ErrTooLarge].
func (tx *Tx) Put(key, value []byte) error {
	if err := tx.writable(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: value of %q has %d bytes (at most %d)", ErrTooLarge, key, len(value), MaxValue)
	}
	tx.over[string(dataKey(key))] = &write{value: bytes.Clone(value)}
	return nil
}

// Delete removes the record under key; a missing one is no error. A deletion
// is for tidiness: an old copy of the directory brings the record back.
func (tx *Tx) Delete(key []byte) error {
	if err := tx.writable(key); err != nil {
		return err
	}
	tx.over[string(dataKey(key))] = &write{gone: true}
	return nil
}

func (tx *Tx) writable(key []byte) error {
	if tx.over == nil {
		return errors.New("a view cannot write")
	}
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: a key of %d bytes (1 to %d)", ErrTooLarge, len(key), MaxKey)
	}
	return nil
}

// Scan yields the records of a range in key order, the transaction's own
// writes among them. It stops after yielding an error.
func (tx *Tx) Scan(r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		n := 0
		for rec, err := range tx.scan(dataKey(r.Prefix), r) {
			if err == nil {
				rec.Key = rec.Key[1:]
			}
			if !yield(rec, err) || err != nil {
				return
			}
			if n++; r.Limit > 0 && n >= r.Limit {
				return
			}
		}
	}
}

// scan merges the engine's records with the overlay's.
func (tx *Tx) scan(prefix []byte, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		opt := badger.DefaultIteratorOptions
		opt.Prefix, opt.Reverse, opt.PrefetchValues = prefix, r.Reverse, false
		it := tx.txn.NewIterator(opt)
		defer it.Close()
		start := startKey(prefix, r)
		it.Seek(start)
		mine := tx.overlay(prefix, start, r.Reverse)
		before := func(a, b []byte) bool {
			c := bytes.Compare(a, b)
			return c < 0 && !r.Reverse || c > 0 && r.Reverse
		}
		for {
			var under []byte
			if it.Valid() {
				under = it.Item().KeyCopy(nil)
			}
			if len(mine) > 0 && (under == nil || !before(under, []byte(mine[0]))) {
				key := []byte(mine[0])
				if bytes.Equal(key, under) {
					it.Next()
				}
				w := tx.over[mine[0]]
				mine = mine[1:]
				if w.gone {
					continue
				}
				if !yield(Record{key, bytes.Clone(w.value)}, nil) {
					return
				}
				continue
			}
			if under == nil {
				return
			}
			rec := Record{Key: under}
			var err error
			if !r.KeysOnly {
				rec.Value, err = tx.read(it.Item())
			}
			if !yield(rec, err) || err != nil {
				return
			}
			it.Next()
		}
	}
}

func startKey(prefix []byte, r Range) []byte {
	switch {
	case r.From != nil && bytes.HasPrefix(append([]byte{prefix[0]}, r.From...), prefix):
		return append([]byte{prefix[0]}, r.From...)
	case r.Reverse:
		return append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, MaxKey)...)
	}
	return prefix
}

// overlay returns the own keys of a range, in the order of the scan.
func (tx *Tx) overlay(prefix, start []byte, reverse bool) []string {
	var keys []string
	for k := range tx.over {
		if !bytes.HasPrefix([]byte(k), prefix) {
			continue
		}
		if c := bytes.Compare([]byte(k), start); c < 0 && !reverse || c > 0 && reverse {
			continue
		}
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if reverse {
		slices.Reverse(keys)
	}
	return keys
}
