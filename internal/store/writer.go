package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// request is one caller's transaction on its way through the writer.
type request struct {
	ctx  context.Context
	fn   func(*Tx) error
	done chan error
}

// Bounds of one commit. The engine's own limit is 15 % of a memtable.
const (
	groupBytes   = 1 << 20
	groupWrites  = 4000
	groupCallers = 512
)

// Update runs fn and returns nil only when its writes are on disk. All updates
// run one after the other, so they are serialisable and fn sees every earlier
// one; those that wait together share one synced commit. fn must not block,
// may run more than once, and must not keep the [Tx]. An error of fn leaves
// nothing behind.
//
// An error of the commit itself may come although the writes have happened
// (the disk failed while saying so): do the same again under the same keys.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	r := &request{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case db.writes <- r:
	case <-db.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-db.quit:
		select { // it may have been served while closing
		case err := <-r.done:
			return err
		default:
		}
		db.wg.Wait()
		select {
		case err := <-r.done:
			return err
		default:
			return ErrClosed
		}
	}
}

func (db *DB) writer() {
	for {
		select {
		case r := <-db.writes:
			db.serve(db.gather(r))
		case <-db.quit:
			for { // what was taken in is still answered
				select {
				case r := <-db.writes:
					db.serve(db.gather(r))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits already; nobody is kept waiting for company.
func (db *DB) gather(first *request) []*request {
	rs := []*request{first}
	for len(rs) < groupCallers {
		select {
		case r := <-db.writes:
			rs = append(rs, r)
		default:
			return rs
		}
	}
	return rs
}

// group is a shared engine transaction under construction.
type group struct {
	txn     *badger.Txn
	served  []*request
	bytes   int
	writes  int
	journal journalHead
}

func (db *DB) serve(rs []*request) {
	if err := db.roomToWrite(); err != nil {
		for _, r := range rs {
			r.done <- err
		}
		return
	}
	g := db.newGroup()
	for _, r := range rs {
		g = db.run(g, r)
	}
	db.commit(g)
}

func (db *DB) newGroup() *group {
	return &group{txn: db.bg.NewTransaction(true), journal: db.journal}
}

// run executes one caller in the group, on an overlay of its own; a group that
// is full is committed first and the caller runs in the next.
func (db *DB) run(g *group, r *request) *group {
	if err := r.ctx.Err(); err != nil {
		r.done <- err
		return g
	}
	tx := &Tx{db: db, txn: g.txn, over: map[string]*write{}, journal: g.journal}
	if err := call(r.fn, tx); err != nil {
		r.done <- err
		return g
	}
	if len(tx.over) == 0 {
		g.served = append(g.served, r)
		return g
	}
	bytes := tx.size()
	if bytes > groupBytes || len(tx.over) > groupWrites {
		r.done <- fmt.Errorf("%w: a transaction of %d writes and %d bytes (at most %d and %d); split it", ErrTooLarge, len(tx.over), bytes, groupWrites, groupBytes)
		return g
	}
	if g.bytes+bytes > groupBytes || g.writes+len(tx.over) > groupWrites {
		db.commit(g)
		return db.run(db.newGroup(), r)
	}
	if err := tx.flush(); err != nil { // the shared transaction is in doubt: give it up as a whole
		g.txn.Discard()
		for _, s := range append(g.served, r) {
			s.done <- err
		}
		return db.newGroup()
	}
	g.bytes, g.writes, g.journal = g.bytes+bytes, g.writes+len(tx.over), tx.journal
	g.served = append(g.served, r)
	return g
}

// call contains a panic of a caller's function: it must not end the writer.
func call(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return fn(tx)
}

func (db *DB) commit(g *group) {
	defer g.txn.Discard()
	var err error
	if g.writes > 0 {
		if err = g.txn.Commit(); err == nil && g.journal.seq != db.journal.seq {
			err = db.head.write(g.journal)
		}
		if err == nil {
			db.journal = g.journal
		} else {
			err = db.afterFailure(err)
		}
	}
	for _, r := range g.served {
		r.done <- err
	}
}

// afterFailure reads the journal's head again, since a commit that failed may
// have happened.
func (db *DB) afterFailure(cause error) error {
	err := fmt.Errorf("writing to the store: %w", cause)
	txn := db.bg.NewTransaction(false)
	defer txn.Discard()
	h, readErr := (&Tx{db: db, txn: txn}).lastFact()
	if readErr == nil {
		db.journal = h
	}
	return errors.Join(err, readErr)
}

func (db *DB) roomToWrite() error {
	if db.dir == "" {
		return nil
	}
	free, err := db.freeFn(db.dir)
	if err != nil {
		return fmt.Errorf("asking for free space: %w", err)
	}
	if free < db.opt.ReserveBytes {
		return fmt.Errorf("%w: %d MiB are free in %s and %d MiB are kept in reserve; nothing acknowledged is lost, writing goes on when there is room", ErrNoSpace, free>>20, db.dir, db.opt.ReserveBytes>>20)
	}
	return nil
}

// flush moves the overlay into the shared transaction, in key order.
func (tx *Tx) flush() error {
	keys := make([]string, 0, len(tx.over))
	for k := range tx.over {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		w := tx.over[k]
		var err error
		if w.gone {
			err = tx.txn.Delete([]byte(k))
		} else {
			err = tx.txn.Set([]byte(k), tx.db.sealRecord([]byte(k), w.value))
		}
		if err != nil {
			return fmt.Errorf("writing to the store: %v", err)
		}
	}
	return nil
}

func (tx *Tx) size() int {
	n := 0
	for k, w := range tx.over {
		n += len(k) + len(w.value) + 64
	}
	return n
}
