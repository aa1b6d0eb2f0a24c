// Package storetest is the contract of a store, as tests that any engine
// behind it must pass.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

// Run runs the contract, each part on a fresh store.
func Run(t *testing.T, open func(t *testing.T) *store.DB) {
	for name, part := range map[string]func(*testing.T, *store.DB){
		"keys are ordered":                           ordered,
		"a failed update leaves nothing":             failed,
		"an update sees its own writes":              ownWrites,
		"bounds are told":                            bounds,
		"large values come back whole":               large,
		"indexes follow their records":               indexes,
		"an index that was added finds all records":  reindexed,
		"a walk along an index goes on after a key":  steps,
		"a view is a snapshot":                       snapshot,
		"a panic is an error and writing goes on":    panics,
		"facts are numbered and chained":             facts,
		"a transaction that is too large is refused": tooLarge,
		"a scan sees the records as it began":        scanning,
		"scans may be nested and abandoned":          nested,
		"ranges begin and end where they say":        ranges,
		"a transaction ends with its function":       ended,
		"a function that ends its goroutine is told": goexit,
		"a caller may leave the queue":               cancelled,
		"updates are serialisable":                   serialisable,
		"many may write much at once":                crowd,
		"counts follow the records":                  counts,
		"a closed store says so":                     closed,
		"blobs come back whole":                      blobs,
		"a backup is restored as it was":             backup,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

func update(t *testing.T, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, tx *store.Tx, r store.Range) string {
	t.Helper()
	var out []string
	for rec, err := range tx.Scan(r) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(rec.Key))
	}
	return strings.Join(out, " ")
}

func fill(t *testing.T, db *store.DB, ks ...string) {
	update(t, db, func(tx *store.Tx) error {
		for _, k := range ks {
			if err := tx.Put([]byte(k), []byte("v"+k)); err != nil {
				return err
			}
		}
		return nil
	})
}

func ordered(t *testing.T, db *store.DB) {
	fill(t, db, "b/2", "a", "b/10", "b/1", "c", "b")
	view(t, db, func(tx *store.Tx) error {
		for _, tt := range []struct {
			r    store.Range
			want string
		}{
			{store.Range{}, "a b b/1 b/10 b/2 c"},
			{store.Range{Prefix: []byte("b/")}, "b/1 b/10 b/2"},
			{store.Range{Prefix: []byte("b/"), Reverse: true}, "b/2 b/10 b/1"},
			{store.Range{Prefix: []byte("b/"), From: []byte("b/10")}, "b/10 b/2"},
			{store.Range{Prefix: []byte("b/"), From: []byte("b/10"), Reverse: true}, "b/10 b/1"},
			{store.Range{Limit: 2, KeysOnly: true}, "a b"},
			{store.Range{Prefix: []byte("x")}, ""},
		} {
			if got := keys(t, tx, tt.r); got != tt.want {
				t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
			}
		}
		return nil
	})
}

var errStop = errors.New("stop")

func failed(t *testing.T, db *store.DB) {
	fill(t, db, "a")
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.Delete([]byte("a")); err != nil {
			return err
		}
		if err := tx.Put([]byte("b"), nil); err != nil {
			return err
		}
		return errStop
	})
	if !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
	view(t, db, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}); got != "a" {
			t.Errorf("keys %q", got)
		}
		return nil
	})
}

func ownWrites(t *testing.T, db *store.DB) {
	fill(t, db, "b", "d")
	update(t, db, func(tx *store.Tx) error {
		for _, k := range []string{"a", "c", "e"} {
			if err := tx.Put([]byte(k), []byte(k)); err != nil {
				return err
			}
		}
		if err := tx.Delete([]byte("d")); err != nil {
			return err
		}
		if got := keys(t, tx, store.Range{}); got != "a b c e" {
			t.Errorf("forward %q", got)
		}
		if got := keys(t, tx, store.Range{Reverse: true}); got != "e c b a" {
			t.Errorf("reverse %q", got)
		}
		if _, err := tx.Get([]byte("d")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a deleted record: %v", err)
		}
		return nil
	})
}

func bounds(t *testing.T, db *store.DB) {
	for name, kv := range map[string][2][]byte{
		"no key":         {nil, nil},
		"long key":       {bytes.Repeat([]byte("k"), store.MaxKey+1), nil},
		"too long value": {[]byte("k"), make([]byte, store.MaxValue+1)},
	} {
		err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Put(kv[0], kv[1]) })
		if !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	update(t, db, func(tx *store.Tx) error {
		return tx.Put(bytes.Repeat([]byte("k"), store.MaxKey), make([]byte, store.MaxValue))
	})
}

func large(t *testing.T, db *store.DB) {
	for _, n := range []int{0, 1, 61_440, 61_441, 500_000, 10} {
		want := bytes.Repeat([]byte{byte(n)}, n)
		update(t, db, func(tx *store.Tx) error { return store.PutLarge(tx, []byte("l"), want) })
		view(t, db, func(tx *store.Tx) error {
			got, err := store.GetLarge(tx, []byte("l"))
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back as %d", n, len(got))
			}
			return err
		})
	}
	update(t, db, func(tx *store.Tx) error { return store.DeleteLarge(tx, []byte("l")) })
	view(t, db, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}); got != "" {
			t.Errorf("left behind: %q", got)
		}
		return nil
	})
}

type person struct {
	Name  string
	Towns []string
}

var people = store.NewCollection("person", func(p person) string { return p.Name },
	store.Index[person]{Name: "town", Values: func(p person) []string { return p.Towns }})

func by(t *testing.T, tx *store.Tx, town string) string {
	var out []string
	for p, err := range people.By(tx, "town", town) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Name)
	}
	return strings.Join(out, " ")
}

func indexes(t *testing.T, db *store.DB) {
	update(t, db, func(tx *store.Tx) error {
		for _, p := range []person{{"ann", []string{"x", "y"}}, {"bob", []string{"x"}}} {
			if err := people.Insert(tx, p); err != nil {
				return err
			}
		}
		return people.Put(tx, person{"ann", []string{"y", "z"}})
	})
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return people.Insert(tx, person{Name: "bob"}) }); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second bob: %v", err)
	}
	view(t, db, func(tx *store.Tx) error {
		for town, want := range map[string]string{"x": "bob", "y": "ann", "z": "ann", "": ""} {
			if got := by(t, tx, town); got != want {
				t.Errorf("in %q: %q, want %q", town, got, want)
			}
		}
		var upTo []string
		for p, err := range people.UpTo(tx, "town", "y") {
			if err != nil {
				return err
			}
			upTo = append(upTo, p.Name)
		}
		if !slices.Equal(upTo, []string{"bob", "ann"}) {
			t.Errorf("up to y: %v", upTo)
		}
		return nil
	})
	update(t, db, func(tx *store.Tx) error { return people.Delete(tx, "ann") })
	view(t, db, func(tx *store.Tx) error {
		if got := by(t, tx, "y"); got != "" {
			t.Errorf("an index entry outlived its record: %q", got)
		}
		return nil
	})
}

// older are people as they were kept before there was an index.
var older = store.NewCollection("person", func(p person) string { return p.Name })

func reindexed(t *testing.T, db *store.DB) {
	const many = 1203 // in several batches
	for from := 0; from < many; from += 401 {
		update(t, db, func(tx *store.Tx) error {
			for i := from; i < from+401; i++ {
				if err := older.Put(tx, person{fmt.Sprintf("p%04d", i), []string{"x"}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	update(t, db, func(tx *store.Tx) error { return people.Put(tx, person{"p0007", []string{"y"}}) })
	for range 2 {
		before, err := db.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if err := people.Reindex(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		view(t, db, func(tx *store.Tx) error {
			if n := len(strings.Fields(by(t, tx, "x"))); n != many-1 || by(t, tx, "y") != "p0007" {
				t.Errorf("%d in x, %q in y", n, by(t, tx, "y"))
			}
			return nil
		})
		if after, err := db.Stats(); err != nil || after.Records != before.Records {
			t.Errorf("%d records became %d, %v", before.Records, after.Records, err)
		}
	}
}

func steps(t *testing.T, db *store.DB) {
	update(t, db, func(tx *store.Tx) error {
		for _, p := range []person{{"a", []string{"x"}}, {"ab", []string{"x"}}, {"b", []string{"y"}}, {"c", []string{"x", "xa"}}} {
			if err := people.Insert(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(tx *store.Tx) error {
		for after, want := range map[string]string{"": "a ab c", "a": "ab c", "aa": "ab c", "ab": "c", "b": "c", "c": ""} {
			var got []string
			for p, err := range people.ByAfter(tx, "town", "x", after) {
				if err != nil {
					return err
				}
				got = append(got, p.Name)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("after %q: %v, want %s", after, got, want)
			}
		}
		return nil
	})
}

func snapshot(t *testing.T, db *store.DB) {
	fill(t, db, "a")
	view(t, db, func(tx *store.Tx) error {
		fill(t, db, "b")
		if got := keys(t, tx, store.Range{}); got != "a" {
			t.Errorf("the view sees %q", got)
		}
		if err := tx.Put([]byte("c"), nil); err == nil {
			t.Error("a view has written")
		}
		return nil
	})
}

func panics(t *testing.T, db *store.DB) {
	if err := db.Update(t.Context(), func(*store.Tx) error { panic("boom") }); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v", err)
	}
	fill(t, db, "a")
}

func facts(t *testing.T, db *store.DB) {
	for i := range 3 {
		update(t, db, func(tx *store.Tx) error {
			n, err := tx.Append("k", i)
			if n != uint64(i+1) {
				t.Errorf("fact %d has the number %d", i+1, n)
			}
			return err
		})
	}
	view(t, db, func(tx *store.Tx) error {
		prev := strings.Repeat("0", 64)
		for f, err := range tx.Facts(1) {
			if err != nil {
				return err
			}
			if f.Prev != prev {
				t.Errorf("fact %d continues %s, not %s", f.Seq, f.Prev, prev)
			}
			prev = f.Hash
		}
		return nil
	})
}

func tooLarge(t *testing.T, db *store.DB) {
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 20 {
			if err := tx.Put(fmt.Appendf(nil, "k%d", i), make([]byte, store.MaxValue)); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
