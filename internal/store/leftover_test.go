package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

// A power cut leaves logs that were made and not sized yet, and what was about
// to become a file. The next opening takes them away, and misses nothing.
func TestWhatAPowerCutLeavesIsSweptAtOpening(t *testing.T) {
	for name, left := range map[string][]string{
		"an empty log of values":    {"engine/000009.vlog"},
		"an empty log of memory":    {"engine/00009.mem"},
		"several of both":           {"engine/000009.vlog", "engine/000010.vlog", "engine/00009.mem", "engine/00010.mem"},
		"a blob half written":       {"blobs/new-1", "blobs/new-2"},
		"of everything one":         {"engine/000009.vlog", "engine/00009.mem", "blobs/new-1"},
		"a log before the others":   {"engine/00000.mem"},
		"a value log of the future": {"engine/065536.vlog"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			for _, f := range left {
				content := []byte(nil)
				if filepath.Dir(f) == "blobs" {
					content = []byte("half")
				}
				if err := os.WriteFile(filepath.Join(dir, f), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // and the one after it
				db, err := store.Open(dir, withKey)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range left {
					if st, err := os.Stat(filepath.Join(dir, f)); !errors.Is(err, os.ErrNotExist) && (err != nil || st.Size() == 0 || filepath.Dir(f) == "blobs") {
						t.Errorf("%s is left", f)
					}
				}
				r, err := db.Check(t.Context(), nil)
				if err = errors.Join(err, r.Err()); err != nil {
					t.Error(err)
				}
				err = db.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := items.Get(tx, "one"); err != nil {
						return err
					}
					if raw, err := store.GetLarge(tx, []byte("l")); err != nil || len(raw) != 200_000 {
						t.Errorf("%d bytes, %v", len(raw), err)
					}
					return tx.Put([]byte("b"), []byte("2"))
				})
				if err = errors.Join(err, db.Close()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What stands beside a file while it is replaced belongs to a write that was
// not told done; the store opens without it, and the next write replaces it.
func TestAFileThatWasAboutToReplaceAnotherIsNotTaken(t *testing.T) {
	dir := made(t)
	for _, f := range []string{"FORMAT.new", "HEAD.new"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(dir, withKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Check(t.Context(), nil)
	if err = errors.Join(err, r.Err(), db.Close()); err != nil {
		t.Error(err)
	}
}

// A store opened to be read leaves everything as it is, also what it could
// sweep.
func TestReadingSweepsNothing(t *testing.T) {
	dir := made(t)
	left := filepath.Join(dir, "blobs", "new-1")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := withKey
	o.ReadOnly = true
	db, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Error(err)
	}
}
