package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

func counts(t *testing.T, db *store.DB) {
	fill(t, db, "a", "b")
	fill(t, db, "b", "c")
	update(t, db, func(tx *store.Tx) error {
		if err := people.Insert(tx, person{"ann", []string{"x", "y"}}); err != nil {
			return err
		}
		if _, err := tx.Append("k", 1); err != nil {
			return err
		}
		return errors.Join(tx.Delete([]byte("a")), tx.Delete([]byte("never there")))
	})
	s, err := db.Stats()
	if err != nil || s.Records != 3 || s.Commits != 3 || s.Journal != 1 { // b, c, ann
		t.Errorf("%+v, %v", s, err)
	}
	r, err := db.Check(t.Context(), nil)
	if err != nil || r.Err() != nil || r.Records != 3 || r.Entries != 2 || r.Facts != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func closed(t *testing.T, db *store.DB) {
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	nothing := func(*store.Tx) error { t.Error("it ran"); return nil }
	for name, err := range map[string]error{
		"view":   db.View(t.Context(), nothing),
		"update": db.Update(t.Context(), nothing),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := db.PutBlob(t.Context(), strings.NewReader("x")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("blob: %v", err)
	}
}

// Sizes around the piece of 64 KiB in which blobs are sealed.
var blobSizes = []int{0, 1, 65_535, 65_536, 65_537, 200_000}

func content(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8), 7}, n/3+1)[:n] }

func putBlob(t *testing.T, db *store.DB, raw []byte) string {
	t.Helper()
	digest, size, err := db.PutBlob(t.Context(), bytes.NewReader(raw))
	want := sha256.Sum256(raw)
	if err != nil || size != int64(len(raw)) || digest != hex.EncodeToString(want[:]) {
		t.Fatalf("%d bytes were put as %s, %d, %v", len(raw), digest, size, err)
	}
	return digest
}

func sameBlob(t *testing.T, db *store.DB, digest string, want []byte) {
	t.Helper()
	r, err := db.OpenBlob(digest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back as %d, %v", len(want), len(got), err)
	}
}

func blobs(t *testing.T, db *store.DB) {
	for _, n := range blobSizes {
		digest := putBlob(t, db, content(n))
		putBlob(t, db, content(n)) // twice is no error
		sameBlob(t, db, digest, content(n))
	}
	digest := putBlob(t, db, []byte("x"))
	if err := errors.Join(db.DeleteBlob(digest), db.DeleteBlob(digest)); err != nil {
		t.Error(err)
	}
	for _, d := range []string{digest, "", "../../etc/passwd", strings.ToUpper(digest)} {
		if _, err := db.OpenBlob(d); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("blob %q: %v", d, err)
		}
	}
	_, _, err := db.PutBlob(t.Context(), io.MultiReader(strings.NewReader("half"), failing{}))
	if !errors.Is(err, errStop) {
		t.Errorf("a source that fails: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errStop }

// A backup taken from one store and restored into a new directory has the same
// records, facts and blobs, and goes on from there.
func backup(t *testing.T, db *store.DB) {
	fill(t, db, "a", "b")
	update(t, db, func(tx *store.Tx) error {
		if _, err := tx.Append("k", "one"); err != nil {
			return err
		}
		return people.Insert(tx, person{"ann", []string{"x"}})
	})
	digest := putBlob(t, db, content(200_000))
	var out bytes.Buffer
	info, err := db.Backup(t.Context(), &out)
	if err != nil || info.Records != 3 || info.Facts != 1 || info.Blobs != 1 || info.Bytes != int64(out.Len()) {
		t.Fatalf("%+v, %v", info, err)
	}
	read, err := store.VerifyBackup(bytes.NewReader(out.Bytes()))
	if err != nil || read != info {
		t.Errorf("verified as %+v, %v", read, err)
	}
	dir := t.TempDir() + "/new"
	o := store.Options{Key: bytes.Repeat([]byte{9}, 32), ReserveBytes: 1}
	if restored, err := store.Restore(t.Context(), dir, &out, o); err != nil || restored != info {
		t.Fatalf("restored as %+v, %v", restored, err)
	}
	again, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	sameBlob(t, again, digest, content(200_000))
	goesOn(t, again)
}

func goesOn(t *testing.T, again *store.DB) {
	t.Helper()
	update(t, again, func(tx *store.Tx) error {
		n, err := tx.Append("k", "two")
		if n != 2 {
			t.Errorf("the next fact has the number %d", n)
		}
		return err
	})
	view(t, again, func(tx *store.Tx) error {
		if got := keys(t, tx, store.Range{}) + " " + by(t, tx, "x"); got != "a b ann" {
			t.Errorf("restored %q", got)
		}
		return nil
	})
	if n, err := again.VerifyJournal(t.Context()); n != 2 || err != nil {
		t.Errorf("the journal has %d facts, %v", n, err)
	}
}
