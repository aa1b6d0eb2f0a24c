// Package store is where things rest: ordered byte keys, serialisable
// transactions that are durable when they return, typed collections with
// indexes, and a journal that cannot be shortened unnoticed. It is the one
// door to Badger; no exported name mentions it.
package store

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
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
	// ErrCorrupt says that a record is not what was written.
	ErrCorrupt = errors.New("record is damaged")
	// ErrTruncated says that the journal is shorter than it was.
	ErrTruncated = errors.New("journal was shortened")
	// ErrTooLarge says that a key, value or transaction exceeds its bound.
	ErrTooLarge = errors.New("too large for the store")
	// ErrClosed says that the store is closed.
	ErrClosed = errors.New("store is closed")
)

// Bounds. A larger value is kept in parts by [PutLarge].
const (
	MaxKey   = 1 << 10
	MaxValue = 64<<10 - 64
)

// formatVersion is the version of what is written; a directory of a higher one
// is refused. It is also given to the engine, which checks it on its own.
const formatVersion = 1

// Options open a store. Zero fields mean the defaults.
type Options struct {
	// Key encrypts everything at rest, 32 bytes. Without one, records are
	// still checked against accidental damage, not against an attacker.
	Key []byte
	// ReserveBytes is the free space below which nothing is written. Default
	// 64 MiB; a full disk would end the process inside a memory map.
	ReserveBytes int64
	// Now tells the time. Default [time.Now].
	Now func() time.Time
	// Log receives warnings of the engine. Default: none.
	Log *slog.Logger
	// GCEvery is how often the value log is cleaned. Default 5 minutes.
	GCEvery time.Duration
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	bg      *badger.DB
	dir     string // empty in memory
	opt     Options
	aead    cipher.AEAD
	writes  chan *request
	quit    chan struct{}
	wg      sync.WaitGroup
	closing sync.Once
	closed  error
	head    *headFile
	journal journalHead // owned by the writer goroutine after Open
	freeFn  func(dir string) (int64, error)
}

// Open opens or makes the store in dir.
func Open(dir string, o Options) (*DB, error) {
	o.ReserveBytes = cmp.Or(o.ReserveBytes, 64<<20)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	bg, err := openEngine(dir, o)
	if err != nil {
		return nil, err
	}
	if err := writeFormat(dir); err != nil {
		return nil, errors.Join(err, bg.Close())
	}
	return start(bg, dir, o)
}

// OpenMemory opens an empty store that is gone when it is closed.
func OpenMemory(o Options) (*DB, error) {
	bg, err := badger.Open(tuned(badger.DefaultOptions("").WithInMemory(true), o).WithValueThreshold(1 << 20)) // there is no value log
	if err != nil {
		return nil, fmt.Errorf("opening a store in memory: %v", err)
	}
	return start(bg, "", o)
}

func start(bg *badger.DB, dir string, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.GCEvery = cmp.Or(o.GCEvery, 5*time.Minute)
	db := &DB{bg: bg, dir: dir, opt: o, writes: make(chan *request, 1024), quit: make(chan struct{}), freeFn: freeSpace}
	var err error
	if db.aead, err = recordAEAD(o.Key); err == nil {
		err = db.openJournal()
	}
	if err != nil {
		return nil, errors.Join(err, bg.Close())
	}
	db.wg.Go(db.writer)
	if dir != "" {
		db.wg.Go(db.collectGarbage)
	}
	return db, nil
}

func recordAEAD(key []byte) (cipher.AEAD, error) {
	if key == nil {
		key = make([]byte, 32) // detects damage; hides nothing
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	return cipher.NewGCM(block)
}

// tuned sets what DESIGN.md §5 measured: synced writes, one version, small
// memory, values above 1 KB in the value log.
func tuned(b badger.Options, o Options) badger.Options {
	b = b.WithSyncWrites(true).WithDetectConflicts(true).WithNumVersionsToKeep(1).
		WithMemTableSize(16 << 20).WithNumMemtables(2).WithNumLevelZeroTables(2).WithNumLevelZeroTablesStall(6).
		WithBlockCacheSize(8 << 20).WithIndexCacheSize(8 << 20).WithValueThreshold(1 << 10).
		WithValueLogFileSize(64 << 20).WithBaseTableSize(4 << 20).WithCompression(options.None).
		WithNumCompactors(2).WithMetricsEnabled(false).WithExternalMagic(formatVersion).WithLogger(engineLog{o.Log})
	if o.Key != nil {
		b = b.WithEncryptionKey(o.Key).WithEncryptionKeyRotationDuration(30 * 24 * time.Hour)
	}
	return b
}

// openEngine opens Badger and translates its errors. Files of no length, left
// by a crash at a bad moment, are swept and opening is tried once more.
func openEngine(dir string, o Options) (*badger.DB, error) {
	b := tuned(badger.DefaultOptions(dir), o)
	bg, err := badger.Open(b)
	if err == nil {
		return bg, nil
	}
	if translated := translate(dir, err); translated != nil {
		return nil, translated
	}
	swept, sweepErr := sweepEmpty(dir)
	if sweepErr == nil && swept > 0 {
		if bg, again := badger.Open(b); again == nil {
			return bg, nil
		}
	}
	return nil, fmt.Errorf("%w: opening the store in %s: %v; restore it from a backup, or run fsck", ErrCorrupt, dir, err)
}

func translate(dir string, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "acquire directory lock"):
		return fmt.Errorf("%w: %s%s; stop that process first", ErrLocked, dir, lockOwner(dir))
	case errors.Is(err, badger.ErrEncryptionKeyMismatch):
		return fmt.Errorf("%w: %s", ErrWrongKey, dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %s: make room, then try again", ErrNoSpace, dir)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("opening the store: %v", err)
	}
	return nil
}

func lockOwner(dir string) string {
	raw, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil {
		return ""
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}

func sweepEmpty(dir string) (int, error) {
	n := 0
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return n, err
		}
		for _, f := range files {
			if st, err := os.Stat(f); err == nil && st.Size() == 0 {
				if err := os.Remove(f); err != nil {
					return n, err
				}
				n++
			}
		}
	}
	return n, nil
}

const formatFile = "FORMAT"

func checkFormat(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, formatFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s holds no version", ErrCorrupt, filepath.Join(dir, formatFile))
	case v > formatVersion:
		return fmt.Errorf("%w: %s has format %d, this program knows %d; use the newer program", ErrNewerVersion, dir, v, formatVersion)
	}
	return nil
}

func writeFormat(dir string) error {
	path := filepath.Join(dir, formatFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(strconv.Itoa(formatVersion)+"\n"), 0o600)
}

func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// Close waits for writes under way and closes the store. Closing twice is not
// an error.
func (db *DB) Close() error {
	db.closing.Do(func() {
		close(db.quit)
		db.wg.Wait()
		db.closed = errors.Join(db.bg.Close(), db.head.close())
	})
	return db.closed
}

func (db *DB) collectGarbage() {
	t := time.NewTicker(db.opt.GCEvery)
	defer t.Stop()
	for {
		select {
		case <-db.quit:
			return
		case <-t.C:
			for db.bg.RunValueLogGC(0.5) == nil { // an error says that nothing is left to rewrite
			}
		}
	}
}

// View runs fn over a consistent snapshot.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-db.quit:
		return ErrClosed
	default:
	}
	txn := db.bg.NewTransaction(false)
	defer txn.Discard()
	return fn(&Tx{db: db, txn: txn})
}

// Stats tell how large a store is.
type Stats struct {
	Bytes, Free int64
	Journal     uint64
}

// Stats returns sizes; Free is the room left on the disk.
func (db *DB) Stats() (Stats, error) {
	lsm, vlog := db.bg.Size()
	s := Stats{Bytes: lsm + vlog}
	if db.dir != "" {
		var err error
		if s.Free, err = db.freeFn(db.dir); err != nil {
			return s, err
		}
	}
	err := db.View(context.Background(), func(tx *Tx) error {
		h, err := tx.lastFact()
		s.Journal = h.seq
		return err
	})
	return s, err
}

// engineLog passes Badger's warnings on.
type engineLog struct{ log *slog.Logger }

func (l engineLog) Errorf(f string, a ...any) { l.say(slog.LevelError, f, a...) }
func (l engineLog) Warningf(f string, a ...any) {
	l.say(slog.LevelWarn, f, a...)
}
func (l engineLog) Infof(string, ...any)  {}
func (l engineLog) Debugf(string, ...any) {}

func (l engineLog) say(level slog.Level, f string, a ...any) {
	if l.log != nil {
		l.log.Log(context.Background(), level, "store engine", "err", strings.TrimSpace(fmt.Sprintf(f, a...)))
	}
}
