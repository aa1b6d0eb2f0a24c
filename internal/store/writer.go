package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
)

// request is one caller's transaction on its way through the writer. The
// writer gives each caller its turn; the function runs on the caller's own
// goroutine.
type request struct {
	fn    func(*Tx) error
	state atomic.Int32
	turn  chan *Tx
	ran   chan error
	done  chan error
}

const (
	waiting int32 = iota
	taken
	cancelled
)

// Update runs fn and returns nil only when its writes are on disk. All updates
// run one after the other, so they are serialisable and fn sees every earlier
// one; those that wait together share one synced commit. fn must not block or
// open another transaction, may run more than once, and must not keep the
// [Tx]. An error of fn leaves nothing behind, and comes only when all that fn
// has seen is on disk; a panic in it becomes an error.
// A context that ends before fn's turn ends the wait; later it does not.
//
// An error of the commit itself may come although the writes have happened
// (the disk failed while saying so): do the same again under the same keys.
// The error wraps [ErrNoSpace], [ErrTooLarge], [ErrReadOnly] or [ErrClosed].
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	if !db.writable() {
		return ErrReadOnly
	}
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	r := &request{fn: fn, turn: make(chan *Tx, 1), ran: make(chan error, 1), done: make(chan error, 1)}
	select {
	case db.writes <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	ended := ctx.Done()
	for {
		select {
		case tx := <-r.turn:
			r.run(tx)
		case err := <-r.done:
			return err
		case <-ended:
			if r.state.CompareAndSwap(waiting, cancelled) {
				return ctx.Err()
			}
			ended = nil
		}
	}
}

// run gives the writer an answer in every case: fn returns, panics, or ends
// its goroutine.
func (r *request) run(tx *Tx) {
	err := errors.New("the transaction's function did not return")
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
		r.ran <- err
	}()
	err = r.fn(tx)
}

// take gives the request its turn, unless its caller has left.
func (r *request) take() bool {
	return r.state.CompareAndSwap(waiting, taken) || r.state.Load() == taken
}

func (db *DB) writer() {
	for {
		select {
		case r := <-db.writes:
			db.serve(db.gather(r))
		case <-db.quit: // Close has waited for every caller
			return
		}
	}
}

// groupCallers is how many callers share a commit at most.
const groupCallers = 512

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

func (db *DB) serve(rs []*request) {
	if err := errors.Join(db.roomToWrite(), db.settle()); err != nil {
		for _, r := range rs {
			if r.take() {
				r.done <- err
			}
		}
		return
	}
	g := db.newGroup()
	for _, r := range rs {
		g = db.admit(g, r)
	}
	db.commit(g)
}

func (db *DB) roomToWrite() error {
	if db.dir == "" {
		return nil
	}
	free, err := db.freeFn(db.dir)
	if err != nil {
		return err
	}
	if free < db.opt.ReserveBytes {
		return fmt.Errorf("%w: %d MiB are free in %s and %d MiB are kept in reserve; make room, and writing goes on; nothing acknowledged is lost", ErrNoSpace, free>>20, db.dir, db.opt.ReserveBytes>>20)
	}
	return nil
}

// settle finds out after a failed commit whether it has happened.
func (db *DB) settle() error {
	if !db.doubt {
		return nil
	}
	txn := db.bg.NewTransaction(false)
	defer txn.Discard()
	st, err := (&Tx{db: db, txn: txn}).state()
	if err != nil {
		return err
	}
	db.state, db.doubt = st, false
	return nil
}
