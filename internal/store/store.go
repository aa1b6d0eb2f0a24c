// Package store is where things rest: ordered byte keys, serialisable
// transactions that are durable when they return, typed collections with
// indexes, larger blobs beside them, and a journal that cannot be shortened
// unnoticed. It is the one door to Badger; no exported name mentions it.
//
// # What is kept, and what someone who alters it gains
//
//	FORMAT   version and a check of the key; altered: the store refuses to open
//	HEAD     how many commits and facts there were, under a MAC; altered: refused
//	LOCK     the process that holds the directory
//	engine/  the records, each sealed together with its key; an altered one is
//	         an [ErrCorrupt] that names it, a missing end is an [ErrTruncated]
//	blobs/   larger contents, each under its SHA-256, sealed in pieces
//
// Without [Options.Key] the seals tell accidents, not an attacker. With it,
// putting back an older copy of the whole directory is the one alteration that
// cannot be seen from inside: compare [Stats] with a figure kept elsewhere.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
)

var (
	// ErrNotFound says that there is no record under a key.
	ErrNotFound = errors.New("no such record")
	// ErrExists says that there is a record already.
	ErrExists = errors.New("record exists")
	// ErrLocked says that another process holds the directory.
	ErrLocked = errors.New("directory is in use by another process")
	// ErrNewerVersion says that a newer version of the program wrote the directory.
	ErrNewerVersion = errors.New("directory was written by a newer version")
	// ErrWrongKey says that the directory was encrypted under another key.
	ErrWrongKey = errors.New("directory is encrypted under another key")
	// ErrNoSpace says that a write was refused to keep the free-space reserve.
	// Reading goes on, and writing resumes when there is room.
	ErrNoSpace = errors.New("disk is full")
	// ErrCorrupt says that something is not what was written.
	ErrCorrupt = errors.New("record is damaged")
	// ErrTruncated says that less is there than was acknowledged.
	ErrTruncated = errors.New("store was shortened")
	// ErrTooLarge says that a key, value or transaction exceeds its bound.
	ErrTooLarge = errors.New("too large for the store")
	// ErrReadOnly says that a view, or a store opened to be read, cannot write.
	ErrReadOnly = errors.New("store is open for reading only")
	// ErrClosed says that the store, or the transaction, is over.
	ErrClosed = errors.New("store is closed")
)

// Bounds in bytes. A larger value is kept in parts by [PutLarge], or as a blob.
const (
	MaxKey   = 1 << 10
	MaxValue = 64<<10 - 64
)

// DefaultReserve is the free space, in bytes, that is kept unless told
// otherwise.
const DefaultReserve = 64 << 20

// Options open a store. Zero fields mean the defaults.
type Options struct {
	// Key encrypts everything at rest, 32 bytes. Without one, records are
	// still checked against accidental damage, not against an attacker.
	Key []byte
	// ReserveBytes is the free space below which nothing is written. Default
	// [DefaultReserve]; a full disk would end the process inside a memory map.
	ReserveBytes int64
	// ReadOnly opens a store that was closed properly, beside other readers.
	ReadOnly bool
	// Now tells the time. Default [time.Now].
	Now func() time.Time
	// Log receives warnings of the engine. Default: none.
	Log *slog.Logger
	// GCEvery is how often the value log is cleaned. Default 5 minutes.
	GCEvery time.Duration
}

func (o Options) filled() Options {
	o.ReserveBytes = cmp.Or(o.ReserveBytes, DefaultReserve)
	o.GCEvery = cmp.Or(o.GCEvery, 5*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	bg      *badger.DB
	dir     string // empty in memory
	opt     Options
	seal    sealer
	writes  chan *request
	quit    chan struct{}
	wg      sync.WaitGroup
	lock    io.Closer
	head    *headFile
	state   state // owned by the writer goroutine after opening, as is doubt
	doubt   bool  // a commit failed and may have happened
	watch   manifestWatch
	blobs   blobStore
	keep    sync.RWMutex // held by backups, against the deletion of blobs
	refused error        // why a store opened for Fsck is not to be written
	freeFn  func(dir string) (int64, error)
	torn    atomic.Bool // a damaged record was read
	ended   error       // how the engine closed

	mu      sync.Mutex // guards what follows
	idle    *sync.Cond
	using   int
	closing bool
	closed  error
	done    chan struct{}
}

// Open opens the store in dir, or makes one where dir is missing or empty.
// The error wraps [ErrLocked], [ErrNewerVersion], [ErrWrongKey], [ErrNoSpace],
// [ErrCorrupt] or [ErrTruncated]; nothing is changed by an opening refused for
// the first four.
func Open(dir string, o Options) (*DB, error) { return openDisk(dir, o.filled(), strict) }

// strictness says whether a store that lacks acknowledged writes opens.
type strictness int

const (
	strict  strictness = iota
	lenient            // for Fsck: what is missing is reported, not refused
)

func openDisk(dir string, o Options, s strictness) (_ *DB, err error) {
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	lock, err := takeDir(dir, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := layOut(dir, seal, o.ReadOnly); err != nil {
		return nil, err
	}
	head, err := openHead(filepath.Join(dir, headName), seal, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	db := &DB{dir: dir, opt: o, seal: seal, lock: lock, head: head, freeFn: FreeSpace}
	db.watch, err = openEngineFiles(filepath.Join(dir, engineDir), head.last, seal)
	if err == nil {
		db.bg, err = openEngine(filepath.Join(dir, engineDir), o, seal)
	}
	if err != nil {
		return nil, errors.Join(err, head.close())
	}
	if db.blobs, err = openBlobDir(filepath.Join(dir, blobDir), seal, o.ReadOnly); err == nil {
		err = db.begin(s)
	}
	if err != nil {
		return nil, errors.Join(err, db.bg.Close(), head.close())
	}
	return db, nil
}

// OpenMemory opens an empty store that is gone when it is closed.
func OpenMemory(o Options) (*DB, error) {
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	o = o.filled()
	o.ReadOnly = false
	db := &DB{opt: o, seal: seal, head: &headFile{}, blobs: newMemoryBlobs(), freeFn: FreeSpace}
	if db.bg, err = openMemoryEngine(o, seal); err != nil {
		return nil, err
	}
	if err := db.begin(strict); err != nil {
		return nil, errors.Join(err, db.bg.Close())
	}
	return db, nil
}

// begin compares what the engine holds with the head and starts the writer.
func (db *DB) begin(s strictness) error {
	db.writes, db.quit, db.done = make(chan *request, 1024), make(chan struct{}), make(chan struct{})
	db.idle = sync.NewCond(&db.mu)
	if db.refused = db.checkState(); db.refused != nil && s == strict {
		return db.refused
	}
	if !db.writable() {
		return nil
	}
	if db.dir != "" {
		if err := db.saveHead(); err != nil && !errors.Is(err, ErrNoSpace) {
			return err
		}
		db.wg.Go(db.collectGarbage)
	}
	db.wg.Go(db.writer)
	return nil
}

// writable says whether there is a writer, and a head to tell.
func (db *DB) writable() bool { return !db.opt.ReadOnly && db.refused == nil }

// enter counts a caller in, so that Close waits for it.
func (db *DB) enter() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closing {
		return ErrClosed
	}
	db.using++
	return nil
}

func (db *DB) leave() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.using--; db.using == 0 {
		db.idle.Broadcast()
	}
}

// Close waits for the transactions under way and closes the store. Closing
// twice is not an error. It must not be called from within a transaction.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closing {
		db.mu.Unlock()
		<-db.done
		return db.closed
	}
	db.closing = true
	for db.using > 0 {
		db.idle.Wait()
	}
	db.mu.Unlock()
	close(db.quit)
	if !db.settled() {
		db.closed = fmt.Errorf("%w: the store in %s was left without being closed, since a damaged record holds the engine; what was acknowledged is on the disk: restore the directory from a backup", ErrCorrupt, db.dir)
		close(db.done)
		return db.closed // with the lock, for as long as this process lives
	}
	errs := []error{db.ended}
	if db.dir != "" {
		if db.writable() {
			errs = append(errs, db.saveHead()) // the engine has moved records into tables
		}
		errs = append(errs, db.head.close(), db.lock.Close())
	}
	db.closed = errors.Join(errs...)
	close(db.done)
	return db.closed
}

const closeLimit = 5 * time.Second

// settled ends the engine. Where Badger has read a damaged record it may have
// kept that file's lock (valueLog.Read, "Invalid read"), and closing it would
// then wait for ever; after such a read it is given closeLimit, no more.
func (db *DB) settled() bool {
	over := make(chan struct{})
	go func() {
		defer close(over)
		db.wg.Wait()
		db.ended = db.bg.Close()
	}()
	var limit <-chan time.Time
	if db.torn.Load() {
		limit = time.After(closeLimit)
	}
	select {
	case <-over:
		return true
	case <-limit:
		return false
	}
}

// View runs fn over a consistent snapshot.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	txn := db.bg.NewTransaction(false)
	defer txn.Discard()
	tx := &Tx{db: db, txn: txn}
	defer tx.end()
	return fn(tx)
}

// Stats tell how large a store is.
type Stats struct {
	Bytes   int64  // on disk, without blobs
	Free    int64  // room left on the disk; 0 in memory
	Records uint64 // records and members of collections
	Commits uint64 // commits since the store was made
	Journal uint64 // facts of the journal
}

// Stats returns sizes and counts.
func (db *DB) Stats() (Stats, error) {
	var s Stats
	err := db.View(context.Background(), func(tx *Tx) error {
		st, err := tx.state()
		s.Records, s.Commits, s.Journal = st.records, st.commits, st.facts
		return err
	})
	if err != nil {
		return s, err
	}
	if db.dir == "" {
		lsm, vlog := db.bg.Size()
		s.Bytes = lsm + vlog
		return s, nil
	}
	if s.Bytes, err = allocated(filepath.Join(db.dir, engineDir)); err != nil {
		return s, fmt.Errorf("measuring the store: %w", err)
	}
	s.Free, err = db.freeFn(db.dir)
	return s, err
}

// allocated adds up what the files of a folder take on disk; the engine's
// files are longer than what they hold.
func allocated(dir string) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // compacted away meanwhile
		}
		if err != nil {
			return n, err
		}
		n += onDisk(info)
	}
	return n, nil
}
