package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	valueLogFile   = 64 << 20
	valueThreshold = 1 << 10 // in bytes, sealed
)

// tuned sets what was measured: synced writes, conflicts detected, one version
// kept, small memory, values above 1 KB in the value log, and blocks checked
// against their checksums when they are read.
func tuned(b badger.Options, s sealer, log *slog.Logger) badger.Options {
	b = b.WithSyncWrites(true).WithDetectConflicts(true).WithNumVersionsToKeep(1).
		WithMemTableSize(8 << 20).WithNumMemtables(2).WithNumLevelZeroTables(2).WithNumLevelZeroTablesStall(6).WithCompactL0OnClose(true).
		WithBlockCacheSize(8 << 20).WithIndexCacheSize(8 << 20).WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogFile).WithBaseTableSize(4 << 20).WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithNumCompactors(2).WithMetricsEnabled(false).WithExternalMagic(formatVersion).WithLogger(engineLog{log})
	if s.engine != nil {
		b = b.WithEncryptionKey(s.engine).WithEncryptionKeyRotationDuration(30 * 24 * time.Hour)
	}
	return b
}

func openMemoryEngine(o Options, s sealer) (*badger.DB, error) {
	b := tuned(badger.DefaultOptions("").WithInMemory(true), s, o.Log)
	bg, err := badger.Open(b.WithValueThreshold(1 << 20)) // there is no value log
	if err != nil {
		return nil, fmt.Errorf("opening a store in memory: %v", err)
	}
	return bg, nil
}

// openEngine opens Badger and translates its errors. Logs of no length, left by
// a crash between making and sizing them, are swept first: the engine refuses
// them once, and sizes them while refusing (its issue 2207).
func openEngine(dir string, o Options, s sealer) (*badger.DB, error) {
	if !o.ReadOnly {
		if err := sweepEmpty(dir); err != nil {
			return nil, fmt.Errorf("opening the store: %w", err)
		}
	}
	bg, err := openContained(tuned(badger.DefaultOptions(dir), s, o.Log).WithReadOnly(o.ReadOnly))
	if err == nil {
		return bg, nil
	}
	if told := translate(dir, err); told != nil {
		return nil, told
	}
	return nil, fmt.Errorf("%w: opening the store in %s: %v; restore it from a backup", ErrCorrupt, dir, err)
}

// openContained turns a panic of the engine over damaged files into an error.
func openContained(b badger.Options) (bg *badger.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the engine gave up: %v", p)
		}
	}()
	return badger.Open(b)
}

// translate returns our error for one of the engine that is not damage.
func translate(dir string, err error) error {
	switch {
	case strings.Contains(err.Error(), "acquire directory lock"):
		return fmt.Errorf("%w: %s; stop that process first", ErrLocked, dir)
	case errors.Is(err, badger.ErrEncryptionKeyMismatch): // FORMAT knows the key already
		return fmt.Errorf("%w: %s; restore the directory from a backup", ErrCorrupt, filepath.Join(dir, badger.KeyRegistryFileName))
	case errors.Is(err, badger.ErrTruncateNeeded):
		return fmt.Errorf("opening the store in %s to read: it was not closed properly; open it once to write", dir)
	case isNoSpace(err):
		return fmt.Errorf("%w: %s: make room, then try again", ErrNoSpace, dir)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("opening the store: %v", err)
	}
	return nil
}

func sweepEmpty(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, f := range files {
			if st, err := os.Stat(f); err == nil && st.Size() == 0 {
				if err := os.Remove(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// collectGarbage rewrites value logs that are half empty, while there is room
// for the copy.
func (db *DB) collectGarbage() {
	t := time.NewTicker(db.opt.GCEvery)
	defer t.Stop()
	for {
		select {
		case <-db.quit:
			return
		case <-t.C:
			db.collectOnce()
		}
	}
}

func (db *DB) collectOnce() {
	for {
		select {
		case <-db.quit:
			return
		default:
		}
		free, err := db.freeFn(db.dir)
		if err != nil || free < db.opt.ReserveBytes+2*valueLogFile {
			return
		}
		if db.bg.RunValueLogGC(0.5) != nil { // nothing is left to rewrite
			return
		}
	}
}

// engineLog passes Badger's warnings on.
type engineLog struct{ log *slog.Logger }

func (l engineLog) Errorf(f string, a ...any)   { l.say(slog.LevelError, f, a...) }
func (l engineLog) Warningf(f string, a ...any) { l.say(slog.LevelWarn, f, a...) }
func (l engineLog) Infof(string, ...any)        {}
func (l engineLog) Debugf(string, ...any)       {}

func (l engineLog) say(level slog.Level, f string, a ...any) {
	l.log.Log(context.Background(), level, "store engine", "err", strings.TrimSpace(fmt.Sprintf(f, a...)))
}
