package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// made is a closed store with a bit of everything.
func made(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	db := open(t, dir, store.Options{Key: testKey})
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Append("made", 1); err != nil {
			return err
		}
		return errors.Join(items.Put(tx, item{"one", "g"}), tx.Put([]byte("a"), []byte("1")),
			store.PutLarge(tx, []byte("l"), make([]byte, 200_000)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.PutBlob(t.Context(), strings.NewReader("blob")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

var withKey = store.Options{Key: testKey, ReserveBytes: 1}

func TestAMissingFileIsToldAtOpening(t *testing.T) {
	for name, want := range map[string]error{
		"FORMAT":             store.ErrCorrupt,
		"HEAD":               store.ErrCorrupt,
		"engine/MANIFEST":    store.ErrTruncated,
		"engine/KEYREGISTRY": store.ErrCorrupt,
		"engine":             store.ErrTruncated,
	} {
		dir := made(t)
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if name == "engine" {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Open(dir, withKey); !errors.Is(err, want) {
			t.Errorf("without %s: %v, want %v", name, err, want)
		}
	}
}

func TestAForeignDirectoryIsNotMadeAStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, withKey); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("got %v", err)
	}
}

// The length of a value in the log is made greater than its record: the engine
// then keeps the file's lock, for which its closing would wait for ever.
func TestAStoreClosesAfterADamagedRecordWasRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := store.Open(dir, withKey)
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, "ann", strings.Repeat("a", 2000))
	path := filepath.Join(dir, "engine", "000001.vlog")
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const lengthAt = 20 + 1 + 1 + 1 // behind the file's head, meta, user meta, the key's length
	var length [2]byte
	if _, err := log.ReadAt(length[:], lengthAt); err != nil {
		t.Fatal(err)
	}
	if n, _ := binary.Uvarint(length[:]); n < 2000 || n > 2100 {
		t.Fatalf("the value's length is not where it was: %x", length)
	}
	if _, err := log.WriteAt([]byte{length[1] | 0x40}, lengthAt+1); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	err = db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Get([]byte("ann")); return err })
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), `"ann"`) {
		t.Errorf("reading: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	select {
	case err := <-closed:
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("closing: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("closing does not end")
	}
}

func TestAValueUnderAnotherKeyIsNotBelieved(t *testing.T) {
	for _, key := range [][]byte{testKey, nil} {
		db := open(t, t.TempDir(), store.Options{Key: key})
		put(t, db, "ann", "may sign")
		put(t, db, "bob", "may not sign")
		if err := store.Move(db, "ann", "bob"); err != nil {
			t.Fatal(err)
		}
		err := db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Get([]byte("bob")); return err })
		if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), `"bob"`) {
			t.Errorf("got %v", err)
		}
		if _, err := db.Backup(t.Context(), &bytes.Buffer{}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("a backup of a damaged store: %v", err)
		}
	}
}

func TestABackupOfANewerFormatIsToldApartFromADamagedOne(t *testing.T) {
	for text, want := range map[string]error{
		"trustme store backup 2\n":  store.ErrNewerVersion,
		"trustme store backup 1\n":  store.ErrCorrupt, // and nothing after it
		"trustme store journal 1\n": store.ErrCorrupt,
		"":                          store.ErrCorrupt,
	} {
		if _, err := store.VerifyBackup(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// Each case spoils one thing behind the store's back; fsck names it.
func TestFsckNamesWhatIsWrong(t *testing.T) {
	stored := `{"x":["group/g"],"v":{"ID":"two","Group":"g"}}`
	for name, tt := range map[string]struct {
		spoil func(*store.DB) error
		names string
	}{
		"nothing":                       {func(*store.DB) error { return nil }, ""},
		"a record without its index":    {func(db *store.DB) error { return store.Spoil(db, 'c', "item/two", []byte(stored)) }, `item "two"`},
		"an index entry without record": {func(db *store.DB) error { return store.Spoil(db, 'x', "item/group/g\x00three", nil) }, "three"},
		"an index entry nobody lists":   {func(db *store.DB) error { return store.Spoil(db, 'x', "item/group/h\x00one", nil) }, `"group/h"`},
		"an index entry that is gone":   {func(db *store.DB) error { return store.Remove(db, 'x', "item/group/g\x00one") }, `item "one"`},
		"a record that is no JSON":      {func(db *store.DB) error { return store.Spoil(db, 'c', "item/one", []byte("{")) }, `item "one"`},
		"a record that is gone":         {func(db *store.DB) error { return store.Remove(db, 'd', "a") }, "2 records of 3"},
		"a fact that is gone":           {func(db *store.DB) error { return store.Remove(db, 'j', "\x00\x00\x00\x00\x00\x00\x00\x01") }, "journal entry 1"},
		"a fact that is another": {func(db *store.DB) error {
			return store.Spoil(db, 'j', "\x00\x00\x00\x00\x00\x00\x00\x01", []byte("{}"))
		}, "journal entry 1"},
		"a part of a value that is gone": {func(db *store.DB) error { return store.Remove(db, 'p', "l\x00\x02") }, `"l"`},
		"a part of nothing":              {func(db *store.DB) error { return store.Spoil(db, 'p', "m\x00\x01", nil) }, `part 1 of "m"`},
		"a key that nobody writes":       {func(db *store.DB) error { return store.Spoil(db, 'q', "?", nil) }, "never written"},
		"a value of another key":         {func(db *store.DB) error { return store.Move(db, "l", "a") }, `"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			db := open(t, dir, withKey)
			if err := errors.Join(tt.spoil(db), db.Close()); err != nil {
				t.Fatal(err)
			}
			r, err := store.Fsck(t.Context(), dir, withKey, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := strings.Join(r.Problems, "\n")
			if (tt.names == "") != (found == "") || !strings.Contains(found, tt.names) {
				t.Errorf("found %q, want %q named", found, tt.names)
			}
		})
	}
}

func TestFsckReadsBlobsAndLeavesAShortenedStoreAsItIs(t *testing.T) {
	dir := made(t)
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil || len(blobs) != 1 {
		t.Fatal(blobs, err)
	}
	flip(t, filepath.Join(dir, "blobs", blobs[0].Name()), false)
	if r, err := store.Fsck(t.Context(), dir, withKey, nil); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "blob") {
		t.Errorf("%v, %v", r.Problems, err)
	}
	short := shortened(t)
	for range 2 {
		if r, err := store.Fsck(t.Context(), short, withKey, nil); err != nil || !strings.Contains(strings.Join(r.Problems, ""), "shortened") {
			t.Errorf("%v, %v", r.Problems, err)
		}
		if _, err := store.Open(short, withKey); !errors.Is(err, store.ErrTruncated) {
			t.Errorf("after fsck: %v", err)
		}
	}
}

// shortened is a store whose engine is put back to an earlier day under the
// HEAD of a later one; no fact was written in between.
func shortened(t *testing.T) string {
	t.Helper()
	dir := made(t)
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	db := open(t, dir, withKey)
	put(t, db, "b", "2")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "HEAD"), head, 0o600); err != nil {
		t.Fatal(err)
	}
	return old
}

func TestLostCommitsAreSeenAtOpening(t *testing.T) {
	_, err := store.Open(shortened(t), withKey)
	if !errors.Is(err, store.ErrTruncated) || !strings.Contains(err.Error(), "2 commits were acknowledged") {
		t.Errorf("got %v", err)
	}
}

func TestReadersShareAStoreThatIsClosed(t *testing.T) {
	dir := made(t)
	o := withKey
	o.ReadOnly = true
	one, two := open(t, dir, o), open(t, dir, o)
	for _, db := range []*store.DB{one, two} {
		err := db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Get([]byte("a")); return err })
		if err != nil {
			t.Error(err)
		}
		if err := db.Update(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("a reader's update: %v", err)
		}
	}
	if _, err := store.Open(dir, withKey); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a writer beside readers: %v", err)
	}
}

func TestTheFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir, withKey)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestNothingAtRestShowsKeysValuesOrBlobs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := open(t, dir, withKey)
	put(t, db, "learner/Ada Lovelace", "holds welding")
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Append("issued", "Ada Lovelace")
		return errors.Join(err, items.Put(tx, item{"Ada Lovelace", "welding"}), store.PutLarge(tx, []byte("x"), bytes.Repeat([]byte("welding"), 1000)))
	}); err != nil {
		t.Fatal(err)
	}
	digest, _, err := db.PutBlob(t.Context(), strings.NewReader("Ada Lovelace, welding"))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for kind, files := range filesByKind(t, dir) {
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"Lovelace", "welding", digest} {
				if bytes.Contains(raw, []byte(secret)) || strings.Contains(f, secret) {
					t.Errorf("%s (%s) shows %q", f, kind, secret)
				}
			}
		}
	}
}

// The value log is collected: what was overwritten makes room, what was kept
// is whole.
func TestOverwrittenValuesMakeRoom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	o := withKey
	o.GCEvery = time.Hour
	db := open(t, dir, o)
	const keys, size = 40, 60_000
	write := func(round int) {
		for i := range keys {
			put(t, db, fmt.Sprint("k", i), strings.Repeat(fmt.Sprint(round%10), size))
		}
	}
	for round := range 60 { // 144 MB for 2.4 MB that stay
		write(round)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, o)
	before, err := db.Stats()
	if err != nil {
		t.Fatal(err)
	}
	store.CollectGarbage(db)
	after, err := db.Stats()
	if err != nil || after.Bytes > before.Bytes/2 {
		t.Errorf("%d MB, then %d MB, %v", before.Bytes>>20, after.Bytes>>20, err)
	}
	err = db.View(context.Background(), func(tx *store.Tx) error {
		for i := range keys {
			if v, err := tx.Get(fmt.Appendf(nil, "k%d", i)); err != nil || string(v) != strings.Repeat("9", size) {
				return fmt.Errorf("k%d: %d bytes, %v", i, len(v), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
