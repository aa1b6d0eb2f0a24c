package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Report is what [Fsck] found.
type Report struct {
	Records  uint64   `json:"records"`
	Facts    uint64   `json:"facts"`
	Problems []string `json:"problems"`
}

// maxProblems bounds a report; a store with more needs its backup.
const maxProblems = 1000

func (r *Report) add(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Fsck opens every record of a store that nobody uses, and holds indexes,
// values in parts and the journal's chain together. progress, which may be
// nil, is told how many records were looked at. The error says that it could
// not look; what is wrong is in the report.
func Fsck(ctx context.Context, dir string, o Options, progress func(done uint64)) (Report, error) {
	r := Report{Problems: []string{}}
	db, err := Open(dir, o)
	if errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) {
		r.add("%v", err)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	err = db.View(ctx, func(tx *Tx) error {
		if err := r.records(ctx, tx, progress); err != nil {
			return err
		}
		for _, err := range tx.Facts(1) {
			if err != nil {
				r.add("%v", err)
				break
			}
			r.Facts++
		}
		return nil
	})
	return r, errors.Join(err, db.Close())
}

func (r *Report) records(ctx context.Context, tx *Tx, progress func(uint64)) error {
	for rec, err := range tx.Scan(Range{KeysOnly: true}) {
		if err != nil {
			r.add("%v", err)
			return nil // the engine cannot go on
		}
		if r.Records++; r.Records%1000 == 0 {
			if progress != nil {
				progress(r.Records)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		value, err := tx.Get(rec.Key)
		if err != nil {
			r.add("%v", err)
			continue
		}
		switch key := string(rec.Key); {
		case strings.HasPrefix(key, "c/"):
			r.collected(tx, key, value)
		case strings.HasPrefix(key, "x/"):
			r.indexed(tx, key)
		case len(key) > 4 && key[len(key)-4:len(key)-2] == "\x00p":
			r.part(tx, key)
		}
	}
	return nil
}

// collected checks that every index entry which a record lists is there.
func (r *Report) collected(tx *Tx, key string, value []byte) {
	name, id, _ := strings.Cut(strings.TrimPrefix(key, "c/"), "/")
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		r.add("%s %q cannot be read: %v", name, id, err)
		return
	}
	for _, e := range s.Entries {
		if _, err := tx.Get([]byte("x/" + name + "/" + e + "\x00" + id)); err != nil {
			r.add("%s %q is missing from its index %q", name, id, e)
		}
	}
}

// indexed checks that an index entry names a record that lists it.
func (r *Report) indexed(tx *Tx, key string) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(key, "x/"), "/")
	entry, id := rest, ""
	if i := strings.LastIndexByte(rest, 0); i >= 0 {
		entry, id = rest[:i], rest[i+1:]
	}
	raw, err := tx.Get([]byte("c/" + name + "/" + id))
	if err != nil {
		r.add("index %q of %s names %q, which is missing", entry, name, id)
		return
	}
	var s stored
	if json.Unmarshal(raw, &s) == nil && !slices.Contains(s.Entries, entry) {
		r.add("index %q of %s names %q, which does not list it", entry, name, id)
	}
}

// part checks that a part of a large value belongs to one that has it.
func (r *Report) part(tx *Tx, key string) {
	whole := []byte(key[:len(key)-4])
	n, err := parts(tx, whole)
	if err != nil {
		r.add("%v", err)
		return
	}
	if i := int(binary.BigEndian.Uint16([]byte(key[len(key)-2:]))); i >= n {
		r.add("part %d of %q is left over: the value has %d", i, whole, n)
		return
	}
	if _, err := GetLarge(tx, whole); err != nil {
		r.add("%v", err)
	}
}
