package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Tx is a transaction: a snapshot, and in [DB.Update] its own writes over it.
// It must not be used after its function has returned, nor by two goroutines.
type Tx struct {
	db    *DB
	txn   *badger.Txn
	group *layer // of the callers before, in the same commit
	own   *layer // nil in a View
	facts uint64 // the journal's end
	hash  [32]byte
	open  []*badger.Iterator
	over  bool
}

// Record is a key with its value; Value is nil when only keys were asked for.
type Record struct{ Key, Value []byte }

// end closes what the caller left open, and the transaction to further use.
func (tx *Tx) end() {
	tx.over = true
	for _, it := range tx.open {
		it.Close()
	}
	tx.open = nil
}

func dataKey(key []byte) []byte { return append([]byte{spaceData}, key...) }

// Get returns the value under key, a copy. The error wraps [ErrNotFound] or
// [ErrCorrupt].
func (tx *Tx) Get(key []byte) ([]byte, error) { return tx.get(dataKey(key)) }

func (tx *Tx) get(key []byte) ([]byte, error) {
	if tx.over {
		return nil, fmt.Errorf("%w: the transaction has ended", ErrClosed)
	}
	for _, l := range []*layer{tx.own, tx.group} {
		if l == nil {
			continue
		}
		if w, ok := l.writes[string(key)]; ok {
			if w.gone {
				return nil, fmt.Errorf("%w: %s", ErrNotFound, describe(key))
			}
			return bytes.Clone(w.value), nil
		}
	}
	item, err := tx.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, describe(key))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, describe(key), err)
	}
	return tx.read(item, key)
}

// read opens the seal of an item. A damaged log can make the engine stumble;
// that is contained.
func (tx *Tx) read(item *badger.Item, key []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: the engine gave up: %v", ErrCorrupt, describe(key), p)
		}
		if err != nil {
			tx.db.torn.Store(true)
		}
	}()
	err = item.Value(func(v []byte) (err error) {
		out, err = tx.db.seal.openRecord(key, v)
		return err
	})
	if err != nil && !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %s: %v", ErrCorrupt, describe(key), err)
	}
	return out, err
}

// Put writes value under key. The error wraps [ErrTooLarge].
func (tx *Tx) Put(key, value []byte) error { return tx.put(dataKey(key), value) }

// Delete removes the record under key; a missing one is no error. A deletion
// is for tidiness, never for security: the content stays in the log until it
// is collected, and an old copy of the directory brings the record back. What
// must stay revoked or forbidden is a record that says so.
func (tx *Tx) Delete(key []byte) error { return tx.remove(dataKey(key)) }

func (tx *Tx) put(key, value []byte) error {
	if err := tx.writable(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: the value of %s has %d bytes (at most %d)", ErrTooLarge, describe(key), len(value), MaxValue)
	}
	tx.own.set(string(key), write{value: append([]byte{}, value...)})
	return nil
}

func (tx *Tx) remove(key []byte) error {
	if err := tx.writable(key); err != nil {
		return err
	}
	tx.own.set(string(key), write{gone: true})
	return nil
}

func (tx *Tx) writable(key []byte) error {
	switch {
	case tx.over:
		return fmt.Errorf("%w: the transaction has ended", ErrClosed)
	case tx.own == nil:
		return ErrReadOnly
	case len(key) < 2 || len(key) > MaxKey+1: // with the byte of its space
		return fmt.Errorf("%w: a key of %d bytes (1 to %d)", ErrTooLarge, len(key)-1, MaxKey)
	}
	return nil
}

var stateKey = []byte{spaceState, 's'}

// state reads the counts as the snapshot has them.
func (tx *Tx) state() (state, error) {
	raw, err := tx.get(stateKey)
	if errors.Is(err, ErrNotFound) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return decodeState(raw)
}

// checkSpaces looks for keys that nobody wrote, which a log decrypted with a
// damaged header gives.
func (tx *Tx) checkSpaces() error {
	opt := badger.DefaultIteratorOptions
	opt.PrefetchValues = false
	it := tx.txn.NewIterator(opt)
	defer it.Close()
	for it.Seek([]byte{0}); it.Valid(); {
		k := it.Item().Key()
		if !bytes.Contains(spaces, k[:1]) {
			return fmt.Errorf("%w: %s holds a key that was never written; restore the directory from a backup", ErrCorrupt, tx.db.dir)
		}
		it.Seek([]byte{k[0] + 1})
	}
	return nil
}
