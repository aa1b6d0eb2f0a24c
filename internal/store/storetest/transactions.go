package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

func scanning(t *testing.T, db *store.DB) {
	fill(t, db, "a", "b", "c", "d")
	update(t, db, func(tx *store.Tx) error {
		var seen []string
		for rec, err := range tx.Scan(store.Range{}) {
			if err != nil {
				return err
			}
			seen = append(seen, string(rec.Key)+"="+string(rec.Value))
			if err := errors.Join(tx.Delete(rec.Key), tx.Delete([]byte("c")), tx.Put([]byte("d"), []byte("new")), tx.Put([]byte("e"), nil)); err != nil {
				return err
			}
		}
		if got := strings.Join(seen, " "); got != "a=va b=vb c=vc d=vd" {
			t.Errorf("the scan gave %q", got)
		}
		if got := keys(t, tx, store.Range{}); got != "d e" {
			t.Errorf("a later scan gives %q", got) // d was put again after its deletion
		}
		return nil
	})
}

func nested(t *testing.T, db *store.DB) {
	fill(t, db, "a", "b", "c")
	var left iter.Seq2[store.Record, error]
	update(t, db, func(tx *store.Tx) error {
		if err := tx.Put([]byte("bb"), nil); err != nil {
			return err
		}
		n := 0
		for range tx.Scan(store.Range{}) {
			for range tx.Scan(store.Range{Reverse: true}) {
				n++
			}
		}
		if n != 16 {
			t.Errorf("4 records in 4 make %d", n)
		}
		next, _ := iter.Pull2(tx.Scan(store.Range{})) // never stopped
		if rec, _, _ := next(); string(rec.Key) != "a" {
			t.Errorf("first %q", rec.Key)
		}
		left = tx.Scan(store.Range{})
		return nil
	})
	for _, err := range left {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("a scan after the end: %v", err)
		}
	}
	fill(t, db, "d")
}

func ranges(t *testing.T, db *store.DB) {
	long := strings.Repeat("\xff", store.MaxKey-2)
	fill(t, db, "a", "b/", "b/1", "b/\xff", "b/"+long, "b0", "c")
	for _, inFlight := range []bool{false, true} {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if inFlight { // the same records, as own writes
				for _, k := range strings.Fields(keys(t, tx, store.Range{})) {
					if err := tx.Put([]byte(k), nil); err != nil {
						return err
					}
				}
			}
			all := "b/ b/1 b/\xff b/" + long
			for _, tt := range []struct {
				name string
				r    store.Range
				want string
			}{
				{"prefix", store.Range{Prefix: []byte("b/")}, all},
				{"from before the prefix", store.Range{Prefix: []byte("b/"), From: []byte("a")}, all},
				{"from behind the prefix", store.Range{Prefix: []byte("b/"), From: []byte("b0")}, ""},
				{"down from the prefix's end", store.Range{Prefix: []byte("b/"), Reverse: true, Limit: 1}, "b/" + long},
				{"down from behind the prefix", store.Range{Prefix: []byte("b/"), From: []byte("c"), Reverse: true, Limit: 1}, "b/" + long},
				{"down from before the prefix", store.Range{Prefix: []byte("b/"), From: []byte("a"), Reverse: true}, ""},
				{"down from a key that is not there", store.Range{From: []byte("b/2"), Reverse: true}, "b/1 b/ a"},
				{"limit", store.Range{Limit: 2}, "a b/"},
			} {
				if got := keys(t, tx, tt.r); got != tt.want {
					t.Errorf("%s (in flight: %v): %q, want %q", tt.name, inFlight, got, tt.want)
				}
			}
			for rec, err := range tx.Scan(store.Range{KeysOnly: true}) {
				if err != nil || rec.Value != nil {
					t.Errorf("keys only: %q has a value, %v", rec.Key, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func ended(t *testing.T, db *store.DB) {
	var kept *store.Tx
	update(t, db, func(tx *store.Tx) error { kept = tx; return nil })
	if err := kept.Put([]byte("a"), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a late put: %v", err)
	}
	if _, err := kept.Get([]byte("a")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a late get: %v", err)
	}
}

func goexit(t *testing.T, db *store.DB) {
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			if err := tx.Put([]byte("a"), nil); err != nil {
				return err
			}
			runtime.Goexit() // as t.FailNow does
			return nil
		})
		t.Errorf("Update returned %v after the end of its goroutine", err)
	})
	wg.Wait()
	fill(t, db, "b")
	view(t, db, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}); got != "b" {
			t.Errorf("keys %q", got)
		}
		return nil
	})
}

func cancelled(t *testing.T, db *store.DB) {
	inside, goOn := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			close(inside)
			<-goOn
			return tx.Put([]byte("a"), nil)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		err := db.Update(ctx, func(tx *store.Tx) error { return tx.Put([]byte("b"), nil) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left got %v", err)
		}
		close(goOn)
	})
	cancel()
	wg.Wait()
	view(t, db, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}); got != "a" {
			t.Errorf("keys %q", got)
		}
		return nil
	})
}

// Write skew: each of many takes the last seat only if it is free; a store that
// merely compares the keys written would seat several.
func serialisable(t *testing.T, db *store.DB) {
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				for rec, err := range tx.Scan(store.Range{Prefix: []byte("seat/")}) {
					if err != nil {
						return err
					}
					return fmt.Errorf("%w: taken by %s", errStop, rec.Key)
				}
				return tx.Put(fmt.Appendf(nil, "seat/%d", i), nil)
			})
			if err != nil && !errors.Is(err, errStop) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	view(t, db, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}); len(strings.Fields(got)) != 1 {
			t.Errorf("seated: %q", got)
		}
		return nil
	})
}

// Groups of callers are split into commits that the engine can take; the
// largest transaction that the bounds allow passes on its own.
func crowd(t *testing.T, db *store.DB) {
	var wg sync.WaitGroup
	for i := range 600 {
		wg.Go(func() {
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				return tx.Put(fmt.Appendf(nil, "crowd/%d", i), make([]byte, 5<<10))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	update(t, db, func(tx *store.Tx) error {
		for i := range 4000 {
			if err := tx.Put(fmt.Appendf(nil, "small/%04d", i), make([]byte, 1<<20/4000-11)); err != nil {
				return err
			}
		}
		return nil
	})
	if s, err := db.Stats(); err != nil || s.Records != 4600 {
		t.Errorf("%+v, %v", s, err)
	}
}
