package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

func sha256hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// writeBulk fills memory tables as fast as it can, so that a kill finds one
// that is full and not yet a table.
func writeBulk(dir string) {
	db, err := store.Open(dir, tortureOptions)
	give(err)
	for n := 0; ; n += 500 {
		give(db.Update(context.Background(), func(tx *store.Tx) error {
			for i := range 500 {
				if err := tx.Put(fmt.Appendf(nil, "bulk/%d", n+i), make([]byte, 900)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// damagedSoon makes a directory as a crash leaves it, with every kind of file,
// and returns what was acknowledged in it.
func damagedSoon(t *testing.T) (dir string, acked []int) {
	t.Helper()
	dir = t.TempDir()
	acked = stopAfter(t, dir, 0, 500*time.Millisecond, kill)
	allThere(t, dir, acked) // and flushed to tables by Close
	acked = append(acked, stopAfter(t, dir, nextAfter(acked), 300*time.Millisecond, kill)...)
	cmd := child("bulk", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !fullLog(t, dir) && time.Now().Before(deadline); {
	}
	cmd.Process.Kill()
	cmd.Wait() // it was killed
	return dir, acked
}

// fullLog says whether one log is full and another one has been begun.
func fullLog(t *testing.T, dir string) bool {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "engine", "*.mem"))
	if err != nil {
		t.Fatal(err)
	}
	full, empty := 0, 0
	for _, l := range logs {
		f, err := os.Open(l)
		if err != nil {
			continue // it has become a table
		}
		if _, err := f.Seek(7<<20, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		late, err := io.ReadAll(io.LimitReader(f, 4096))
		switch {
		case err != nil || f.Close() != nil || len(late) == 0:
		case bytes.Count(late, []byte{0}) < len(late):
			full++
		default:
			empty++
		}
	}
	return full > 0 && full+empty > 1
}

// Bits are flipped in every kind of file. Opening and reading then give what
// was written, or an error; never another value, never fewer records.
func TestAFlippedBitIsNeverASilentWrongAnswer(t *testing.T) {
	master, acked := damagedSoon(t)
	raw, err := json.Marshal(acked)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "acked")
	if err := os.WriteFile(list, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	files := filesByKind(t, master)
	if len(files["engine/*.mem"]) < 2 {
		t.Error("no full log was caught before it became a table")
	}
	flips := 16
	if testing.Short() {
		flips = 3
	}
	work := filepath.Join(t.TempDir(), "work")
	if out := judged(t, master, work, list, nil); out != "whole" {
		t.Fatalf("nothing was flipped: %s", out)
	}
	for _, kind := range slices.Sorted(maps.Keys(files)) {
		verdicts := map[string]int{}
		for i := range flips {
			path := files[kind][i%len(files[kind])]
			verdict := judged(t, master, work, list, func() string {
				at := flip(t, filepath.Join(work, path), i/len(files[kind]) < 4)
				return fmt.Sprintf("%s, a bit of byte %d", path, at)
			})
			verdicts[verdict]++
		}
		t.Logf("%-14s %d files: %v", kind, len(files[kind]), verdicts)
	}
}

// judged lets a child open a copy of master, spoiled or not.
func judged(t *testing.T, master, work, list string, spoil func() string) string {
	t.Helper()
	if out, err := exec.Command("cp", "-r", master, work).CombinedOutput(); err != nil {
		t.Fatalf("copying: %v %s", err, out)
	}
	where := "nothing"
	if spoil != nil {
		where = spoil()
	}
	cmd := child("judge", work, "STORE_ACKED="+list)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Signal(syscall.SIGQUIT) }) // it then tells where it hangs
	err := cmd.Wait()
	hung.Stop()
	verdict := verdictOf(out.String(), err)
	if verdict == "SILENT" || verdict == "died" {
		t.Errorf("%s: %s", where, out.String())
	}
	if err := os.RemoveAll(work); err != nil {
		t.Fatal(err)
	}
	return verdict
}

func verdictOf(out string, err error) string {
	if err != nil {
		return "died"
	}
	for _, v := range []string{"told at opening", "told at reading", "whole", "SILENT"} {
		if strings.Contains(out, v) {
			return v
		}
	}
	return "died"
}

func filesByKind(t *testing.T, dir string) map[string][]string {
	t.Helper()
	kinds := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		kind := rel
		if filepath.Dir(rel) == "blobs" {
			kind = "blobs/*"
		} else if ext := filepath.Ext(rel); ext != "" {
			kind = filepath.Join(filepath.Dir(rel), "*"+ext)
		}
		kinds[kind] = append(kinds[kind], rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// flip turns a bit over: among the first bytes, where lengths and headers are,
// or anywhere before the zeros of space not used yet.
func flip(t *testing.T, path string, early bool) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(raw)
	for end > 1 && raw[end-1] == 0 {
		end--
	}
	if early {
		end = min(end, 40)
	}
	at := rand.IntN(end)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{raw[at] ^ 1<<rand.IntN(8)}, int64(at)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return at
}
