package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/internal/store/storetest"
)

var testKey = bytes.Repeat([]byte{7}, 32)

func open(t testing.TB, dir string, o store.Options) *store.DB {
	t.Helper()
	o.ReserveBytes = 1
	db, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestStoreOnDiskKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB { return open(t, t.TempDir(), store.Options{Key: testKey}) })
}

func TestStoreInMemoryKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB {
		db, err := store.OpenMemory(store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	})
}

func put(t testing.TB, db *store.DB, key, value string) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.Put([]byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, store.Options{Key: testKey})
	put(t, db, "a", "1")
	if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Append("made", map[string]int{"n": 1}); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Key: testKey})
	err := db.View(t.Context(), func(tx *store.Tx) error {
		if v, err := tx.Get([]byte("a")); err != nil || string(v) != "1" {
			t.Errorf("a = %q, %v", v, err)
		}
		n := 0
		for f, err := range tx.Facts(1) {
			if err != nil || f.Kind != "made" {
				t.Errorf("fact %+v, %v", f, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d facts", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASecondProcessIsToldWhoHoldsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, store.Options{})
	_, err := store.Open(dir, store.Options{})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v", err)
	}
}

func TestAnotherKeyAndANewerFormatAreTold(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, store.Options{Key: testKey})
	put(t, db, "a", "1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, store.Options{Key: bytes.Repeat([]byte{8}, 32)}); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), store.FormatText(2, testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, store.Options{Key: testKey}); !errors.Is(err, store.ErrNewerVersion) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestNothingIsWrittenBelowTheReserveAndReadingGoesOn(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, store.Options{})
	put(t, db, "a", "1")
	restore := store.PretendFree(db, 1<<20)
	store.SetReserve(db, 2<<20)
	err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Put([]byte("b"), nil) })
	if !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("a write on a full disk: %v", err)
	}
	err = db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Get([]byte("a")); return err })
	if err != nil {
		t.Errorf("a read on a full disk: %v", err)
	}
	restore()
	put(t, db, "b", "2")
}

func TestASilentlyShortenedJournalIsSeenAtOpen(t *testing.T) {
	dir := t.TempDir()
	o := store.Options{Key: testKey}
	db := open(t, dir, o)
	fact := func(db *store.DB) {
		if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Append("k", 1); return err }); err != nil {
			t.Fatal(err)
		}
	}
	fact(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	if err := os.CopyFS(filepath.Join(old, "copy"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, o)
	fact(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "copy", "HEAD"), head, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(filepath.Join(old, "copy"), o); !errors.Is(err, store.ErrTruncated) {
		t.Errorf("an old store under a newer head: %v", err)
	}
}

func TestConcurrentUpdatesShareCommitsAndLoseNothing(t *testing.T) {
	db := open(t, t.TempDir(), store.Options{})
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					v, err := tx.Get([]byte("count"))
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					if err := tx.Put([]byte("count"), append(v, 'x')); err != nil {
						return err
					}
					return tx.Put(fmt.Appendf(nil, "k/%d/%d", w, i), nil)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if st, err := db.Stats(); err != nil || st.Commits > writers*each/4 {
		t.Errorf("%d updates took %d commits, %v: they hardly share any", writers*each, st.Commits, err)
	}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		v, err := tx.Get([]byte("count"))
		if len(v) != writers*each {
			t.Errorf("counted %d, want %d: an update was lost", len(v), writers*each)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
