package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

// journalOf writes a journal of n entries to a file, and returns the hash of
// each.
func journalOf(t *testing.T, word string, n int) (file string, hashes map[uint64]string) {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hashes = map[uint64]string{}
	for i := range n {
		if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Append(word, map[string]any{"n": i}); return err }); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	err = db.View(t.Context(), func(tx *store.Tx) error {
		for f, err := range tx.Facts(1) {
			if err != nil {
				return err
			}
			hashes[f.Seq] = f.Hash
			line, err := f.Line()
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s\n", line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, hashes
}

func TestAJournalInAFileIsHeldToWhatWasKeptOfIt(t *testing.T) {
	whole, hashes := journalOf(t, "a.b", 8)
	rewritten, _ := journalOf(t, "a.c", 8)
	raw, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(raw), "\n")
	short := filepath.Join(t.TempDir(), "short.jsonl")
	if err := os.WriteFile(short, []byte(strings.Join(lines[:5], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := map[uint64]node.Checkpoint{}
	for _, seq := range []uint64{3, 7} {
		kept[seq] = node.Checkpoint{Seq: seq, Hash: hashes[seq], Signed: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}
	}
	for name, tt := range map[string]struct {
		file   string
		broken uint64
		fit    int
		why    string
	}{
		"as it was":    {whole, 0, 2, ""},
		"cut short":    {short, 6, 1, "it ends here, and a checkpoint of entry 7 is kept"},
		"written anew": {rewritten, 3, 0, "its hash is not the one that was signed on 2026-11-27"},
	} {
		f, err := os.Open(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		got := heldTo(f, kept)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got.OK != (tt.broken == 0) || got.Broken != tt.broken || got.Checkpoints != tt.fit || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
