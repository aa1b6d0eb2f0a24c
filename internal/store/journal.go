package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
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

// FactError names the first entry of the journal that is not what was written.
type FactError struct {
	Seq uint64
	Err error // wraps ErrCorrupt or ErrTruncated
}

func (e *FactError) Error() string { return fmt.Sprintf("journal entry %d: %v", e.Seq, e.Err) }

func (e *FactError) Unwrap() error { return e.Err }

func journalKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{spaceJournal}, seq) }

// Append adds a fact to the journal in this transaction and returns its
// number, from 1. body is marshalled as JSON.
func (tx *Tx) Append(kind string, body any) (uint64, error) {
	if tx.own == nil {
		return 0, ErrReadOnly
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	f := Fact{Seq: tx.facts + 1, Time: tx.db.opt.Now().UTC(), Kind: kind, Body: raw, Prev: hexOf(tx.hash)}
	rec, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	if err := tx.put(journalKey(f.Seq), rec); err != nil {
		return 0, err
	}
	tx.facts, tx.hash = f.Seq, sha256.Sum256(rec)
	return f.Seq, nil
}

// LastFact returns the number of the last fact as the snapshot has it; 0 when
// there is none.
func (tx *Tx) LastFact() (uint64, error) {
	st, err := tx.state()
	return st.facts, err
}

// Facts yields the journal from the number first on, checking that each entry
// continues the one before. The error is a [*FactError].
func (tx *Tx) Facts(first uint64) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		want := max(first, 1)
		var before [32]byte
		if want > 1 {
			var err error
			if before, err = tx.factHash(want - 1); err != nil {
				if !errors.Is(err, ErrNotFound) { // beyond the end there is nothing to yield
					yield(Fact{}, &FactError{want - 1, err})
				}
				return
			}
		}
		prev := hexOf(before)
		for rec, err := range tx.scan([]byte{spaceJournal}, Range{From: journalKey(want)[1:]}) {
			var f Fact
			if err == nil {
				f, err = readFact(rec, want, prev)
			}
			if err != nil {
				yield(f, &FactError{want, err})
				return
			}
			if !yield(f, nil) {
				return
			}
			want, prev = want+1, f.Hash
		}
	}
}

// hexOf is [hex.EncodeToString] with one allocation.
func hexOf(h [sha256.Size]byte) string {
	var b [2 * sha256.Size]byte
	hex.Encode(b[:], h[:])
	return string(b[:])
}

// readFact reads the entry want, which continues the one with the hash prev.
func readFact(rec Record, want uint64, prev string) (Fact, error) {
	f, ok := asAppended(rec.Value, prev)
	if !ok {
		var err error
		if f, err = asJSON(rec.Value); err != nil {
			return f, fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
	}
	f.Hash = hexOf(sha256.Sum256(rec.Value))
	if seq := binary.BigEndian.Uint64(rec.Key[1:]); seq != want || f.Seq != want {
		return f, fmt.Errorf("%w: number %d stands in its place", ErrCorrupt, seq)
	}
	if f.Prev != prev {
		return f, fmt.Errorf("%w: it does not continue the entry before", ErrCorrupt)
	}
	return f, nil
}

func asJSON(rec []byte) (f Fact, err error) { return f, json.Unmarshal(rec, &f) }

// asAppended reads a fact in the form in which [Tx.Append] writes it, in a
// quarter of the time that a reader of any JSON takes; the record is
// authenticated. It is false for any other form. before is the hash that the
// fact most likely names, so that it need not be copied.
func asAppended(rec []byte, before string) (f Fact, ok bool) {
	rest, ok := bytes.CutPrefix(rec, []byte(`{"seq":`))
	number, rest, more := bytes.Cut(rest, []byte(`,"time":"`))
	when, rest, more2 := bytes.Cut(rest, []byte(`","kind":"`))
	kind, rest, more3 := bytes.Cut(rest, []byte(`","body":`))
	end := len(rest) - len(`,"prev":"`) - 2*sha256.Size - len(`"}`)
	if !ok || !more || !more2 || !more3 || end < 0 || bytes.ContainsRune(kind, '\\') {
		return f, false
	}
	prev, ok := bytes.CutPrefix(rest[end:], []byte(`,"prev":"`))
	if !ok || !bytes.HasSuffix(prev, []byte(`"}`)) {
		return f, false
	}
	seq, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || f.Time.UnmarshalText(when) != nil {
		return f, false
	}
	f.Seq, f.Kind, f.Body, f.Prev = seq, string(kind), rest[:end:end], before
	if p := prev[:2*sha256.Size]; string(p) != before {
		f.Prev = string(p)
	}
	return f, true
}

func (tx *Tx) factHash(seq uint64) ([32]byte, error) {
	rec, err := tx.get(journalKey(seq))
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(rec), nil
}

// VerifyJournal reads the whole journal and returns how many facts it has. The
// error is a [*FactError] that names the first bad entry.
func (db *DB) VerifyJournal(ctx context.Context) (uint64, error) {
	var n uint64
	err := db.View(ctx, func(tx *Tx) error {
		st, err := tx.state()
		if err != nil {
			return err
		}
		for f, err := range tx.Facts(1) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			n = f.Seq
		}
		return tx.checkJournalEnd(st, st)
	})
	return n, err
}

// checkJournalEnd compares the journal's last entry with the engine's state,
// and the entry that was the last when HEAD was told with what HEAD says.
func (tx *Tx) checkJournalEnd(have, told state) error {
	last := uint64(0)
	for rec, err := range tx.scan([]byte{spaceJournal}, Range{Reverse: true, Limit: 1, KeysOnly: true}) {
		if err != nil {
			return err
		}
		last = binary.BigEndian.Uint64(rec.Key[1:])
	}
	if last != have.facts {
		return &FactError{last + 1, fmt.Errorf("%w: the journal ends at %d and %d facts were written; restore the directory from a backup", ErrTruncated, last, have.facts)}
	}
	for _, s := range []state{have, told} {
		if s.facts == 0 {
			continue
		}
		h, err := tx.factHash(s.facts)
		if err == nil && h != s.factHash {
			err = fmt.Errorf("%w: it is not the one that was written; restore the directory from a backup", ErrCorrupt)
		}
		if err != nil {
			return &FactError{s.facts, err}
		}
	}
	return nil
}
