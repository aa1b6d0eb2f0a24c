package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// Report is what a check has read and found.
type Report struct {
	Records  uint64   `json:"records"` // records and members of collections
	Entries  uint64   `json:"entries"` // of indexes
	Facts    uint64   `json:"facts"`
	Blobs    uint64   `json:"blobs"`
	Problems []string `json:"problems"` // what is wrong, and where
}

// maxProblems bounds a report; a store with more needs its backup.
const maxProblems = 1000

func (r *Report) add(where string, err error) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, where+": "+err.Error())
	}
}

// Err is nil when nothing is wrong, and otherwise wraps [ErrCorrupt].
func (r Report) Err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrCorrupt, strings.Join(r.Problems, "; "))
}

// Fsck checks the store in dir: every record, index entry, value in parts,
// fact and blob, and the counts of what should be there. progress, which may
// be nil, hears how many are done. What is wrong is in the report; the error
// says why the check could not be done ([ErrLocked], [ErrWrongKey],
// [ErrNewerVersion], [ErrNoSpace]). Like any opening it completes what a crash
// left undone; a store that lacks acknowledged commits is left as it is.
func Fsck(ctx context.Context, dir string, o Options, progress func(done uint64)) (Report, error) {
	r := Report{Problems: []string{}}
	db, err := openDisk(dir, o.filled(), lenient)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated) {
		r.add(dir, err)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if db.refused != nil {
		r.add(dir, db.refused)
	}
	checked, err := db.Check(ctx, progress)
	checked.Problems = append(r.Problems, checked.Problems...)
	return checked, errors.Join(err, db.Close())
}

// Check is [Fsck] for an open store, over a snapshot, beside its use.
func (db *DB) Check(ctx context.Context, progress func(done uint64)) (Report, error) {
	if progress == nil {
		progress = func(uint64) {}
	}
	c := &checker{db: db, progress: progress, Report: Report{Problems: []string{}}}
	db.keep.RLock()
	defer db.keep.RUnlock()
	err := db.View(ctx, func(tx *Tx) error {
		for _, part := range []func(context.Context, *Tx) error{c.records, c.journal, c.blobs} {
			if err := part(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	return c.Report, err
}

type checker struct {
	Report
	db       *DB
	progress func(uint64)
	keys     uint64
	done     uint64
}

func (c *checker) step() {
	if c.done++; c.done%1000 == 0 {
		c.progress(c.done)
	}
}

// records opens every seal. Unlike a scan it goes on behind a damaged record.
func (c *checker) records(ctx context.Context, tx *Tx) error {
	opt := badger.DefaultIteratorOptions
	opt.PrefetchValues = false
	it := tx.txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := it.Item().KeyCopy(nil)
		if bytes.Equal(key, stateKey) {
			continue
		}
		c.step()
		c.keys++
		value, err := tx.read(it.Item(), key)
		if err == nil {
			err = c.record(tx, key, value)
		}
		if err != nil {
			c.add(describe(key), err)
		}
	}
	st, err := tx.state()
	if err == nil && (c.keys != st.keys || c.Records != st.records) {
		err = fmt.Errorf("%w: %d records of %d, %d keys of %d are there; restore the directory from a backup", ErrTruncated, c.Records, st.records, c.keys, st.keys)
	}
	if err != nil {
		c.add("the state of the store", err)
	}
	return nil
}

func (c *checker) record(tx *Tx, key, value []byte) error {
	rest := string(key[1:])
	switch key[0] {
	case spaceData:
		c.Records++
	case spacePart:
		return checkPart(tx, key[1:])
	case spaceMember:
		c.Records++
		return checkMember(tx, rest, value)
	case spaceEntry:
		c.Entries++
		return checkEntry(tx, rest)
	case spaceJournal: // read in order later
	default:
		return fmt.Errorf("%w: %q was never written", ErrCorrupt, key)
	}
	return nil
}

// checkMember says whether the index has every entry of a record.
func checkMember(tx *Tx, rest string, value []byte) error {
	name, key, _ := strings.Cut(rest, "/")
	s, err := parseStored(name, key, value)
	if err != nil {
		return err
	}
	for _, e := range s.Entries {
		if _, err := tx.get(entryKey(name, e, key)); err != nil {
			return fmt.Errorf("%w: %s %q is not in its index under %q: %v", ErrCorrupt, name, key, e, err)
		}
	}
	return nil
}

// checkEntry says whether the record that an entry names knows it.
func checkEntry(tx *Tx, rest string) error {
	name, more, _ := strings.Cut(rest, "/")
	cut := strings.LastIndexByte(more, 0)
	if cut < 0 {
		return fmt.Errorf("%w: index entry %q names no record", ErrCorrupt, rest)
	}
	entry, key := more[:cut], more[cut+1:]
	raw, err := tx.get(memberKey(name, key))
	if err != nil {
		return fmt.Errorf("%w: index entry %q of %s %q: %v", ErrCorrupt, entry, name, key, err)
	}
	s, err := parseStored(name, key, raw)
	if err == nil && !slices.Contains(s.Entries, entry) {
		err = fmt.Errorf("%w: index entry %q is unknown to %s %q", ErrCorrupt, entry, name, key)
	}
	return err
}

func (c *checker) journal(ctx context.Context, tx *Tx) error {
	st, err := tx.state()
	if err != nil {
		return nil // reported with the records
	}
	for f, err := range tx.Facts(1) {
		if err != nil {
			c.add("journal", err)
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Facts = f.Seq
	}
	if err := tx.checkJournalEnd(st, st); err != nil {
		c.add("journal", err)
	}
	return nil
}

func (c *checker) blobs(ctx context.Context, _ *Tx) error {
	for digest, err := range c.db.blobs.list() {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Blobs++
		c.step()
		if err == nil {
			err = c.blob(digest)
		}
		if err != nil {
			c.add("blob "+digest, err)
		}
	}
	return nil
}

func (c *checker) blob(digest string) error {
	r, err := c.db.blobs.open(digest)
	if err != nil {
		return err
	}
	got, err := discardBlob(r)
	if err == nil && got != digest {
		err = fmt.Errorf("%w: blob %s has the content of %s", ErrCorrupt, digest, got)
	}
	return errors.Join(err, r.Close())
}
