package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup that is accepted restores to a store whose own backup says the
// same; one that is refused leaves nothing. The checksums of the input are
// mended first, as one who forges a backup would.
func FuzzABackupIsRefusedOrRestoresToWhatItSays(f *testing.F) {
	f.Add(smallBackup(f, false))
	f.Add(smallBackup(f, true))
	f.Fuzz(func(t *testing.T, raw []byte) {
		forged := mend(raw)
		said, err := VerifyBackup(bytes.NewReader(forged))
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewerVersion) {
			t.Fatalf("refused with %v", err)
		}
		if err != nil {
			return // Restore reads it the same way
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "s")
		o := Options{ReserveBytes: 1}
		got, err := Restore(t.Context(), dir, bytes.NewReader(forged), o)
		if errors.Is(err, ErrCorrupt) { // an index that does not fit
			if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
				t.Fatalf("left behind %v, %v", left, err)
			}
			return
		}
		if err != nil || got != said {
			t.Fatalf("verified as %+v, %v and restored as %+v", said, err, got)
		}
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal("what was restored does not open:", err)
		}
		again, err := db.Backup(t.Context(), new(bytes.Buffer))
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if again.Records != said.Records || again.Facts != said.Facts || again.Head != said.Head || again.Blobs != said.Blobs {
			t.Errorf("restored as %+v, of %+v", again, said)
		}
	})
}

func smallBackup(f *testing.F, full bool) []byte {
	db, err := OpenMemory(Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	if full {
		type named struct{ Name, Town string }
		people := NewCollection("person", func(p named) string { return p.Name }, Index[named]{"town", func(p named) []string { return []string{p.Town} }})
		err := db.Update(f.Context(), func(tx *Tx) error {
			_, err1 := tx.Append("made", 1)
			_, err2 := tx.Append("made", 2)
			return errors.Join(err1, err2, people.Put(tx, named{"ann", "x"}), tx.Put([]byte("a"), []byte("1")),
				PutLarge(tx, []byte("l"), []byte("one part")))
		})
		if err != nil {
			f.Fatal(err)
		}
		if _, _, err := db.PutBlob(f.Context(), strings.NewReader("blob")); err != nil {
			f.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := db.Backup(f.Context(), &b); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// mend gives every frame its checksum, and the last one the digest.
func mend(raw []byte) []byte {
	out := bytes.Clone(raw)
	for at := len(backupMagic); at+9 <= len(out); {
		size := int(binary.BigEndian.Uint32(out[at+1:]))
		if size > len(out)-at-9 {
			break
		}
		body := out[at+5 : at+5+size]
		var e backupEnd
		if out[at] == frameEnd && json.Unmarshal(body, &e) == nil && len(e.Digest) == 2*sha256.Size {
			sum := sha256.Sum256(out[:at])
			if i := bytes.Index(body, []byte(e.Digest)); i >= 0 {
				copy(body[i:], hex.EncodeToString(sum[:]))
			}
		}
		end := at + 5 + size
		binary.BigEndian.PutUint32(out[end:], crc32.Checksum(out[at:end], castagnoli))
		at = end + 4
	}
	return out
}
