package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/trust-me/trustme/internal/durable"
)

// Restore makes the store in dir, which must be missing or empty, from a
// backup, under the key of o. Everything is checked before dir becomes the
// store: checksums, journal, indexes, blobs and the backup's end. A restore
// that fails leaves nothing. The error wraps [ErrExists] when dir holds
// something, [ErrCorrupt] when the backup is damaged, [ErrNewerVersion] or
// [ErrNoSpace].
func Restore(ctx context.Context, dir string, r io.Reader, o Options) (info BackupInfo, err error) {
	dir = filepath.Clean(dir)
	if err := checkEmpty(dir); err != nil {
		return info, err
	}
	if err := durable.MkdirAll(filepath.Dir(dir)); err != nil {
		return info, fmt.Errorf("restoring: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".restoring-*") // mode 0700
	if err != nil {
		return info, fmt.Errorf("restoring: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if info, err = restoreInto(ctx, temp, r, o); err != nil {
		return BackupInfo{}, err
	}
	if err := durable.Rename(temp, dir); err != nil {
		return BackupInfo{}, fmt.Errorf("restoring: %w", err)
	}
	return info, nil
}

func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restoring: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: restoring: %s is not empty; choose a directory that is, or move it away", ErrExists, dir)
	}
	return nil
}

func restoreInto(ctx context.Context, dir string, r io.Reader, o Options) (BackupInfo, error) {
	o.ReadOnly = false
	db, err := Open(dir, o)
	if err != nil {
		return BackupInfo{}, err
	}
	info, err := db.load(ctx, r)
	if err == nil {
		var report Report
		if report, err = db.Check(ctx, nil); err == nil {
			err = report.Err()
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return BackupInfo{}, fmt.Errorf("restoring: %w", err)
	}
	return info, nil
}

// load fills an empty store. Facts keep their numbers and hashes.
func (db *DB) load(ctx context.Context, r io.Reader) (BackupInfo, error) {
	batch := newLayer()
	flush := func() error {
		full := batch
		batch = newLayer()
		return db.Update(ctx, func(tx *Tx) error { return tx.adopt(full) })
	}
	info, err := readBackup(ctx, r, func(key, value []byte) error {
		if batch.bytes+len(key)+len(value) > maxTxBytes || len(batch.keys) >= maxTxWrites {
			if err := flush(); err != nil {
				return err
			}
		}
		batch.set(string(key), write{value: value})
		return nil
	}, func(r io.Reader) (string, error) {
		digest, _, err := db.PutBlob(ctx, r)
		return digest, err
	})
	if err != nil {
		return info, err
	}
	return info, flush()
}

// adopt takes records over as they are, and the journal's end with them.
func (tx *Tx) adopt(l *layer) error {
	for _, k := range l.keys {
		value := l.writes[k].value
		if err := tx.put([]byte(k), value); err != nil {
			return err
		}
		if k[0] != spaceJournal {
			continue
		}
		f, err := readFact(Record{[]byte(k), value}, tx.facts+1, hexOf(tx.hash))
		if err != nil {
			return &FactError{tx.facts + 1, err}
		}
		tx.facts = f.Seq
		if _, err := hex.Decode(tx.hash[:], []byte(f.Hash)); err != nil {
			return fmt.Errorf("restoring: %w", err)
		}
	}
	return nil
}
