package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Bounds of one caller's transaction, whatever the engine.
const (
	maxTxBytes  = 1 << 20
	maxTxWrites = 4000
)

// Bounds of a shared commit. The engine takes 15 % of a memtable, 1.2 MiB, to
// which values in the value log add only a pointer.
const (
	groupBytes  = 4 << 20
	groupInline = 1 << 20
	groupWrites = 8000
)

// group is a shared commit under construction: a snapshot, and over it the
// writes of the callers admitted so far.
type group struct {
	txn    *badger.Txn
	all    *layer
	inline int
	served []*request
	failed []failure
	facts  uint64
	hash   [32]byte
}

// failure is a caller whose function refused, over what the group has: it may
// rest on writes of callers before it, and so is told only when they are on
// disk.
type failure struct {
	r   *request
	err error
}

func (db *DB) newGroup() *group {
	return &group{txn: db.bg.NewTransaction(false), all: newLayer(), facts: db.state.facts, hash: db.state.factHash}
}

// admit runs one caller over the group; a full group is committed first.
func (db *DB) admit(g *group, r *request) *group {
	if !r.take() {
		return g
	}
	tx := &Tx{db: db, txn: g.txn, group: g.all, own: newLayer(), facts: g.facts, hash: g.hash}
	r.turn <- tx
	err := <-r.ran
	tx.end()
	if err == nil {
		err = tx.own.bounded()
	}
	if err != nil {
		g.failed = append(g.failed, failure{r, err})
		return g
	}
	inline := tx.own.inline(db.dir == "")
	if g.all.bytes+tx.own.bytes > groupBytes || g.inline+inline > groupInline || len(g.all.keys)+len(tx.own.keys) > groupWrites {
		if db.commit(g) != nil { // what r has read may not have happened
			if err := db.settle(); err != nil {
				r.done <- err
				return db.newGroup()
			}
			return db.admit(db.newGroup(), r)
		}
		g = db.newGroup()
	}
	if err := g.lookBefore(tx.own); err != nil {
		r.done <- err
		return g
	}
	g.all.add(tx.own)
	g.inline += inline
	g.facts, g.hash = tx.facts, tx.hash
	g.served = append(g.served, r)
	return g
}

// lookBefore finds out which keys of own the snapshot has.
func (g *group) lookBefore(own *layer) error {
	for _, k := range own.keys {
		if _, known := g.all.writes[k]; known {
			continue
		}
		w := own.writes[k]
		var err error
		if w.before, err = exists(g.txn, []byte(k)); err != nil {
			return err
		}
		own.writes[k] = w
	}
	return nil
}

// bounded refuses a transaction that no engine should be asked to take.
func (l *layer) bounded() error {
	if l.bytes > maxTxBytes || len(l.keys) > maxTxWrites {
		return fmt.Errorf("%w: a transaction of %d writes and %d bytes (at most %d and %d); split it", ErrTooLarge, len(l.keys), l.bytes, maxTxWrites, maxTxBytes)
	}
	return nil
}

// inline estimates what the writes take in the engine's tree, where in memory
// everything is.
func (l *layer) inline(memory bool) int {
	n := 0
	for _, k := range l.keys {
		n += len(k) + 64
		if size := len(l.writes[k].value); memory || size < valueThreshold {
			n += size
		}
	}
	return n
}

// commit writes the group, then the head, both synced, and tells every caller.
func (db *DB) commit(g *group) error {
	defer g.txn.Discard()
	var err error
	if len(g.all.keys) > 0 {
		err = db.write(g)
	}
	for _, r := range g.served {
		r.done <- err
	}
	for _, f := range g.failed {
		if err == nil {
			f.r.done <- f.err
		} else {
			f.r.done <- err // what it saw may not have happened
		}
	}
	return err
}

func (db *DB) write(g *group) error {
	txn := db.bg.NewTransaction(true)
	defer txn.Discard()
	next, err := db.fill(txn, g)
	if err != nil {
		return err
	}
	if err := txn.Commit(); err != nil {
		db.doubt = true
		return engineError(err)
	}
	db.state = next
	return db.saveHead()
}

// fill seals the writes of a group into an engine transaction, with the state
// that results.
func (db *DB) fill(txn *badger.Txn, g *group) (state, error) {
	next := db.state
	next.commits++
	next.facts, next.factHash = g.facts, g.hash
	for _, k := range g.all.keys {
		key, w := []byte(k), g.all.writes[k]
		next.count(k, w.before, !w.gone)
		var err error
		switch {
		case !w.gone:
			err = txn.Set(key, db.seal.sealRecord(key, w.value))
		case w.before:
			err = txn.Delete(key)
		}
		if err != nil {
			return next, engineError(err)
		}
	}
	if err := txn.Set(stateKey, db.seal.sealRecord(stateKey, next.encode())); err != nil {
		return next, engineError(err)
	}
	return next, nil
}

func (s *state) count(key string, before, after bool) {
	if before == after {
		return
	}
	by := uint64(1)
	if before {
		by = ^uint64(0) // minus one
	}
	s.keys += by
	if isRecord(key) {
		s.records += by
	}
}

func exists(txn *badger.Txn, key []byte) (bool, error) {
	switch _, err := txn.Get(key); {
	case err == nil:
		return true, nil
	case errors.Is(err, badger.ErrKeyNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("%w: %s: %v", ErrCorrupt, describe(key), err)
	}
}

func engineError(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: writing to the store: %v", ErrNoSpace, err)
	}
	return fmt.Errorf("writing to the store: %v", err)
}
