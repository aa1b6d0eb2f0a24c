package store

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"
)

// Range selects records in key order. From is the first key: a scan starts
// there, or where Prefix begins; a reverse scan starts there and goes down, or
// where Prefix ends.
type Range struct {
	Prefix, From []byte
	Reverse      bool
	Limit        int // 0: all
	KeysOnly     bool
}

// Scan yields the records of a range in key order as they are when the
// iteration begins, the transaction's own writes among them; writing meanwhile
// is allowed and not seen. It stops after yielding an error.
func (tx *Tx) Scan(r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for rec, err := range tx.scan(dataKey(r.Prefix), r) {
			if err == nil {
				rec.Key = rec.Key[1:]
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// scan is Scan in engine keys; prefix begins with a space.
func (tx *Tx) scan(prefix []byte, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if tx.over {
			yield(Record{}, fmt.Errorf("%w: the transaction has ended", ErrClosed))
			return
		}
		left := r.Limit
		m := tx.merge(newBounds(prefix, r))
		defer m.close()
		for {
			rec, item, ok := m.next()
			if !ok {
				return
			}
			var err error
			switch {
			case tx.over:
				err = fmt.Errorf("%w: the transaction has ended", ErrClosed)
			case r.KeysOnly:
				rec.Value = nil
			case item:
				rec.Value, err = tx.read(m.it.Item(), rec.Key)
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
			if item {
				m.it.Next()
			}
		}
	}
}

// merger walks the engine's records and the pending writes side by side.
type merger struct {
	tx   *Tx
	it   *badger.Iterator
	b    bounds
	mine []pending
}

func (tx *Tx) merge(b bounds) *merger {
	opt := badger.DefaultIteratorOptions
	opt.Prefix, opt.Reverse, opt.PrefetchValues = b.prefix, b.reverse, false
	it := tx.txn.NewIterator(opt)
	tx.open = append(tx.open, it)
	if b.reverse {
		it.Seek(b.high)
	} else {
		it.Seek(b.low)
	}
	return &merger{tx: tx, it: it, b: b, mine: span(b, tx.group, tx.own)}
}

func (m *merger) close() {
	for i, it := range m.tx.open {
		if it == m.it { // still ours: the transaction has not ended
			m.tx.open = append(m.tx.open[:i], m.tx.open[i+1:]...)
			m.it.Close()
			return
		}
	}
}

// next returns the next record; item says that it is the engine's current one,
// whose value is still to be read and which is still to be passed.
func (m *merger) next() (rec Record, item, ok bool) {
	for {
		var under []byte
		if !m.tx.over && m.it.Valid() && m.b.holds(m.it.Item().Key()) {
			under = m.it.Item().KeyCopy(nil)
		}
		if len(m.mine) == 0 {
			return Record{Key: under}, true, under != nil
		}
		w := m.mine[0]
		if under != nil {
			c := bytes.Compare(under, []byte(w.key))
			if m.b.reverse {
				c = -c
			}
			if c < 0 {
				return Record{Key: under}, true, true
			}
			if c == 0 {
				m.it.Next()
			}
		}
		m.mine = m.mine[1:]
		if !w.gone {
			return Record{[]byte(w.key), bytes.Clone(w.value)}, false, true
		}
	}
}
