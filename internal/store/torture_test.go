package store_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// The child of the torture tests: it writes numbered records from several
// goroutines and prints each number once the store has acknowledged it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TORTURE_CHILD"); dir != "" {
		torture(dir)
		return
	}
	os.Exit(m.Run())
}

func torture(dir string) {
	first, err := strconv.Atoi(os.Getenv("STORE_TORTURE_FIRST"))
	if err != nil {
		panic(err)
	}
	db, err := store.Open(dir, store.Options{Key: testKey, ReserveBytes: 1 << 20})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(3)
	}
	var mu sync.Mutex
	next := first
	for range 4 {
		go func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					if _, err := tx.Append("wrote", n); err != nil {
						return err
					}
					return tx.Put(tortureKey(n), tortureValue(n))
				})
				if err != nil {
					fmt.Println("update:", err)
					os.Exit(3)
				}
				fmt.Println("ok", n)
			}
		}()
	}
	select {}
}

func tortureKey(n int) []byte { return binary.BigEndian.AppendUint32([]byte("t/"), uint32(n)) }

// tortureValue lies in the value log or in the tree, by turns.
func tortureValue(n int) []byte {
	return fmt.Appendf(nil, "%d%s", n, strings.Repeat("x", n%3*900))
}

// runAndKill lets a child write and kills it after d; it returns the numbers
// that were acknowledged.
func runAndKill(t *testing.T, dir string, first int, d time.Duration) []int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TORTURE_CHILD="+dir, fmt.Sprintf("STORE_TORTURE_FIRST=%d", first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(d, func() { cmd.Process.Kill() })
	var acked []int
	for sc := bufio.NewScanner(out); sc.Scan(); {
		text, found := strings.CutPrefix(sc.Text(), "ok ")
		if !found {
			t.Errorf("child: %s", sc.Text())
			continue
		}
		if n, err := strconv.Atoi(text); err == nil {
			acked = append(acked, n)
		}
	}
	cmd.Wait() // it was killed: the error says just that
	return acked
}

// lost returns how many acknowledged records are missing or wrong.
func lost(t *testing.T, dir string, acked []int) int {
	t.Helper()
	db, err := store.Open(dir, store.Options{Key: testKey, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	err = db.View(t.Context(), func(tx *store.Tx) error {
		for _, k := range acked {
			if v, err := tx.Get(tortureKey(k)); err != nil || string(v) != string(tortureValue(k)) {
				n++
			}
		}
		for _, err := range tx.Facts(1) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKilledAtAnyMomentNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 10
	}
	dir := t.TempDir()
	var acked []int
	for round := range rounds {
		first := 0
		if len(acked) > 0 {
			first = acked[len(acked)-1] + 100
		}
		acked = append(acked, runAndKill(t, dir, first, time.Duration(20+rand.IntN(120))*time.Millisecond)...)
		if round%20 == 19 || round == rounds-1 {
			if n := lost(t, dir, acked); n > 0 {
				t.Fatalf("round %d: %d of %d acknowledged records are lost", round, n, len(acked))
			}
		}
	}
	t.Logf("%d kills, %d acknowledged records, 0 lost", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d records in %d rounds: the children hardly wrote", len(acked), rounds)
	}
}

// Bits are flipped in every kind of file. A read then gives the right value or
// an error that names the damage; never another value, never silence.
func TestAFlippedBitIsNeverASilentWrongAnswer(t *testing.T) {
	master := t.TempDir()
	acked := runAndKill(t, master, 0, 600*time.Millisecond) // memtable files
	db, err := store.Open(master, store.Options{Key: testKey, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // flushed to tables
		t.Fatal(err)
	}
	acked = append(acked, runAndKill(t, master, acked[len(acked)-1]+100, 300*time.Millisecond)...)
	files, err := os.ReadDir(master)
	if err != nil {
		t.Fatal(err)
	}
	flips := 12
	if testing.Short() {
		flips = 2
	}
	kinds := map[string]int{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Size() == 0 || f.Name() == "LOCK" {
			continue
		}
		for range flips {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "s"), os.DirFS(master)); err != nil {
				t.Fatal(err)
			}
			flip(t, filepath.Join(dir, "s", f.Name()))
			judge(t, filepath.Join(dir, "s"), f.Name(), acked)
			os.RemoveAll(dir)
		}
		kinds[filepath.Ext(f.Name())+" "+strings.TrimRight(f.Name(), "0123456789.")]++
	}
	t.Logf("files flipped, by kind: %v", kinds)
}

func flip(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(raw)
	for end > 1 && raw[end-1] == 0 { // preallocated space holds nothing
		end--
	}
	raw[rand.IntN(end)] ^= 1 << rand.IntN(8)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func judge(t *testing.T, dir, file string, acked []int) {
	t.Helper()
	db, err := store.Open(dir, store.Options{Key: testKey, ReserveBytes: 1})
	if err != nil {
		return // told at open
	}
	defer db.Close()
	err = db.View(t.Context(), func(tx *store.Tx) error {
		missing, journal := 0, false
		for _, n := range acked {
			v, err := tx.Get(tortureKey(n))
			switch {
			case err == nil && string(v) != string(tortureValue(n)):
				t.Errorf("%s: record %d reads as another value", file, n)
			case errors.Is(err, store.ErrNotFound):
				missing++
			}
		}
		for _, err := range tx.Facts(1) {
			journal = journal || err != nil
		}
		if missing > 0 && !journal {
			t.Errorf("%s: %d records are gone, and neither opening nor the journal tells", file, missing)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
