package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// Fact is an entry of the journal. Hash is the SHA-256 of the record as
// written, which holds the hash of the entry before, so that the last hash
// stands for the whole.
type Fact struct {
	Seq  uint64          `json:"seq"`
	Time time.Time       `json:"time"`
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
	Prev string          `json:"prev"`
	Hash string          `json:"-"`
}

type journalHead struct {
	seq  uint64
	hash [32]byte
}

func journalKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{spaceJournal}, seq) }

// Append adds a fact to the journal in this transaction and returns its
// number, from 1. body is marshalled as JSON.
func (tx *Tx) Append(kind string, body any) (uint64, error) {
	if tx.over == nil {
		return 0, errors.New("a view cannot write")
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	f := Fact{Seq: tx.journal.seq + 1, Time: tx.db.opt.Now().UTC(), Kind: kind, Body: raw, Prev: hex.EncodeToString(tx.journal.hash[:])}
	rec, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	if len(rec) > MaxValue {
		return 0, fmt.Errorf("%w: a fact of %d bytes", ErrTooLarge, len(rec))
	}
	tx.over[string(journalKey(f.Seq))] = &write{value: rec}
	tx.journal = journalHead{f.Seq, sha256.Sum256(rec)}
	return f.Seq, nil
}

// Facts yields the journal from the number first on, checking that each entry
// continues the one before. The error wraps [ErrCorrupt] and names the entry.
func (tx *Tx) Facts(first uint64) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		first = max(first, 1)
		want, prev := first, ""
		if first > 1 {
			h, err := tx.factHash(first - 1)
			if err != nil {
				yield(Fact{}, err)
				return
			}
			prev = hex.EncodeToString(h[:])
		} else {
			prev = hex.EncodeToString(make([]byte, 32))
		}
		for rec, err := range tx.scan([]byte{spaceJournal}, Range{From: journalKey(first)[1:]}) {
			var f Fact
			if err == nil {
				f, err = readFact(rec, want, prev)
			}
			if err != nil {
				err = fmt.Errorf("journal entry %d: %w", want, err)
			}
			if !yield(f, err) || err != nil {
				return
			}
			want, prev = want+1, f.Hash
		}
	}
}

func readFact(rec Record, want uint64, prev string) (Fact, error) {
	var f Fact
	if err := json.Unmarshal(rec.Value, &f); err != nil {
		return f, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	h := sha256.Sum256(rec.Value)
	f.Hash = hex.EncodeToString(h[:])
	if seq := binary.BigEndian.Uint64(rec.Key[1:]); seq != want || f.Seq != want {
		return f, fmt.Errorf("%w: number %d stands in its place", ErrCorrupt, seq)
	}
	if f.Prev != prev {
		return f, fmt.Errorf("%w: it does not continue the entry before", ErrCorrupt)
	}
	return f, nil
}

func (tx *Tx) factHash(seq uint64) ([32]byte, error) {
	rec, err := tx.get(journalKey(seq))
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(rec), nil
}

// lastFact returns the head of the journal as the engine has it.
func (tx *Tx) lastFact() (journalHead, error) {
	for rec, err := range tx.scan([]byte{spaceJournal}, Range{Reverse: true}) {
		if err != nil {
			return journalHead{}, err
		}
		return journalHead{binary.BigEndian.Uint64(rec.Key[1:]), sha256.Sum256(rec.Value)}, nil
	}
	return journalHead{}, nil
}

// openJournal compares the journal with the head that is kept outside of the
// engine. A longer journal comes from a crash between the two writes; a
// shorter one, or another past, means that facts were lost.
func (db *DB) openJournal() error {
	var err error
	if db.head, err = openHead(db.dir); err != nil {
		return err
	}
	return db.View(context.Background(), func(tx *Tx) error {
		have, err := tx.lastFact()
		if err != nil {
			return err
		}
		db.journal = have
		told := db.head.last
		if told.seq > have.seq {
			return fmt.Errorf("%w: it has %d entries, and %d were written in %s; restore the directory from a backup", ErrTruncated, have.seq, told.seq, db.dir)
		}
		if told.seq > 0 {
			h, err := tx.factHash(told.seq)
			if err != nil {
				return err
			}
			if h != told.hash {
				return fmt.Errorf("%w: entry %d is not the one that was written in %s; restore the directory from a backup", ErrTruncated, told.seq, db.dir)
			}
		}
		if have.seq > told.seq {
			return db.head.write(have)
		}
		return nil
	})
}

// headFile keeps number and hash of the last fact: two slots, written in turn
// and synced, so that a torn write leaves the other.
type headFile struct {
	f    *os.File
	turn int64
	last journalHead
}

const slotSize = 64

func openHead(dir string) (*headFile, error) {
	if dir == "" {
		return &headFile{}, nil
	}
	f, err := os.OpenFile(filepath.Join(dir, "HEAD"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal's head: %w", err)
	}
	h := &headFile{f: f}
	damaged, filled := 0, 0
	for i := range int64(2) {
		var b [slotSize]byte
		n, err := f.ReadAt(b[:], i*slotSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, errors.Join(err, f.Close())
		}
		if n == 0 {
			continue
		}
		filled++
		if n != slotSize || crc32.ChecksumIEEE(b[:60]) != binary.BigEndian.Uint32(b[60:]) {
			if b != [slotSize]byte{} {
				damaged++
			}
			continue
		}
		s := journalHead{seq: binary.BigEndian.Uint64(b[:8]), hash: [32]byte(b[8:40])}
		if s.seq >= h.last.seq {
			h.last, h.turn = s, 1-i
		}
	}
	if damaged > 0 && h.last.seq == 0 && filled == damaged {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrCorrupt, f.Name()), f.Close())
	}
	return h, nil
}

func (h *headFile) write(j journalHead) error {
	h.last = j
	if h.f == nil {
		return nil
	}
	var b [slotSize]byte
	binary.BigEndian.PutUint64(b[:], j.seq)
	copy(b[8:], j.hash[:])
	binary.BigEndian.PutUint32(b[60:], crc32.ChecksumIEEE(b[:60]))
	if _, err := h.f.WriteAt(b[:], h.turn*slotSize); err != nil {
		return fmt.Errorf("writing the journal's head: %w", err)
	}
	h.turn = 1 - h.turn
	if err := h.f.Sync(); err != nil {
		return fmt.Errorf("writing the journal's head: %w", err)
	}
	return nil
}

func (h *headFile) close() error {
	if h == nil || h.f == nil {
		return nil
	}
	return h.f.Close()
}
