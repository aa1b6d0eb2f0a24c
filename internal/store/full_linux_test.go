package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/powertest"
	"github.com/trust-me/trustme/internal/store"
)

// A disk of 160 MiB fills up: writing stops with an error that says so, reading
// goes on, closing and opening work, and with room writing resumes.
func TestAFullDiskLosesNothingAndWritingResumes(t *testing.T) {
	mnt := powertest.Mount(t, "-t", "tmpfs", "-o", "size=160m", "tmpfs").Dir
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(mnt, "store")
	o := store.Options{Key: testKey, ReserveBytes: 64 << 20}
	db, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	acked := fillDisk(t, db)
	wholeDisk(t, db, acked, "on the full disk")
	if _, _, err := db.PutBlob(t.Context(), bytes.NewReader(nil)); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("a blob on the full disk: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(dir, o); err != nil {
		t.Fatal("opening on the full disk:", err)
	}
	wholeDisk(t, db, acked, "reopened on the full disk")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := writeDisk(db, acked); err != nil {
		t.Fatal("with room again:", err)
	}
	wholeDisk(t, db, acked+1, "with room again")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records of 4 KB before the reserve was reached", acked)
}

func diskValue(n int) []byte { return bytes.Repeat(fmt.Append(nil, n), 1000) }

func writeDisk(db *store.DB, n int) error {
	return db.Update(context.Background(), func(tx *store.Tx) error { return tx.Put(tortureKey(n), diskValue(n)) })
}

// fillDisk writes until the store refuses and returns how many it took.
func fillDisk(t *testing.T, db *store.DB) int {
	t.Helper()
	for n := range 100_000 {
		err := writeDisk(db, n)
		if errors.Is(err, store.ErrNoSpace) {
			return n
		}
		if err != nil {
			t.Fatalf("after %d records: %v", n, err)
		}
	}
	t.Fatal("the disk does not fill")
	return 0
}

func wholeDisk(t *testing.T, db *store.DB, acked int, when string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		for n := range acked {
			if v, err := tx.Get(tortureKey(n)); err != nil || !bytes.Equal(v, diskValue(n)) {
				return fmt.Errorf("record %d: %v", n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}
