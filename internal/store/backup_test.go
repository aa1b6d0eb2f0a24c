package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

type item struct{ ID, Group string }

var items = store.NewCollection("item", func(i item) string { return i.ID }, store.Index[item]{Name: "group", Values: func(i item) []string { return []string{i.Group} }})

func filled(t *testing.T) *store.DB {
	t.Helper()
	db := open(t, t.TempDir(), store.Options{Key: testKey})
	for i := range 50 {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := items.Put(tx, item{fmt.Sprint("i", i), fmt.Sprint("g", i%3)}); err != nil {
				return err
			}
			if err := store.PutLarge(tx, fmt.Appendf(nil, "large/%d", i), bytes.Repeat([]byte{byte(i)}, 3000*i)); err != nil {
				return err
			}
			_, err := tx.Append("made", i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestARestoredBackupHoldsTheSameUnderAnotherKey(t *testing.T) {
	db := filled(t)
	var b bytes.Buffer
	info, err := db.Backup(t.Context(), &b)
	if err != nil || info.Facts != 50 {
		t.Fatalf("%+v, %v", info, err)
	}
	if got, err := store.VerifyBackup(bytes.NewReader(b.Bytes())); err != nil || got.Records != info.Records {
		t.Errorf("verifying: %+v, %v", got, err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	other := store.Options{Key: bytes.Repeat([]byte{8}, 32), ReserveBytes: 1}
	if _, err := store.Restore(t.Context(), dir, bytes.NewReader(b.Bytes()), other); err != nil {
		t.Fatal(err)
	}
	if r, err := store.Fsck(t.Context(), dir, other, nil); err != nil || len(r.Problems) > 0 || r.Facts != 50 || r.Records != info.Records {
		t.Errorf("fsck: %+v, %v", r, err)
	}
	if _, err := store.Restore(t.Context(), dir, bytes.NewReader(b.Bytes()), other); !errors.Is(err, store.ErrExists) {
		t.Errorf("into a full directory: %v", err)
	}
	back := open(t, dir, other)
	err = back.View(t.Context(), func(tx *store.Tx) error {
		v, err := store.GetLarge(tx, []byte("large/49"))
		if len(v) != 3000*49 {
			t.Errorf("large/49 has %d bytes", len(v))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Update(t.Context(), func(tx *store.Tx) error {
		n, err := tx.Append("made", 50)
		if n != 51 {
			t.Errorf("the journal goes on with %d", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestACutOrAlteredBackupIsRefusedAndLeavesNothing(t *testing.T) {
	var b bytes.Buffer
	if _, err := filled(t).Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	parent := t.TempDir()
	for i := range 60 {
		bad := bytes.Clone(good)
		if i%2 == 0 {
			bad = bad[:len(bad)*i/60]
		} else {
			bad[len(bad)*i/60] ^= 0x10
		}
		dir := filepath.Join(parent, "r")
		if _, err := store.Restore(t.Context(), dir, bytes.NewReader(bad), store.Options{ReserveBytes: 1}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("spoiled %d: got %v", i, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Fatalf("spoiled %d: left behind %v, %v", i, left, err)
		}
	}
}

func TestABackupTakenUnderWritingIsConsistent(t *testing.T) {
	db := open(t, t.TempDir(), store.Options{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			err := db.Update(ctx, func(tx *store.Tx) error {
				if err := tx.Put([]byte("a"), fmt.Append(nil, i)); err != nil {
					return err
				}
				return tx.Put([]byte("b"), fmt.Append(nil, i))
			})
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	for n := range 5 {
		var b bytes.Buffer
		if _, err := db.Backup(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), fmt.Sprint(n))
		if _, err := store.Restore(t.Context(), dir, &b, store.Options{ReserveBytes: 1}); err != nil {
			t.Fatal(err)
		}
		back := open(t, dir, store.Options{})
		err := back.View(t.Context(), func(tx *store.Tx) error {
			x, _ := tx.Get([]byte("a"))
			y, _ := tx.Get([]byte("b"))
			if !bytes.Equal(x, y) {
				t.Errorf("half a transaction: a=%s b=%s", x, y)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	<-done
}
