package store_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// The test binary is its own child: it writes until it is killed, or judges
// what is left of a directory.
func TestMain(m *testing.M) {
	switch dir := os.Getenv("STORE_DIR"); os.Getenv("STORE_CHILD") {
	case "write":
		writeUntilKilled(dir)
	case "bulk":
		writeBulk(dir)
	case "judge":
		judge(dir, os.Getenv("STORE_ACKED"))
	default:
		os.Exit(m.Run())
	}
}

var tortureOptions = store.Options{Key: testKey, ReserveBytes: 1 << 20, GCEvery: 50 * time.Millisecond}

func child(role, dir string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "STORE_CHILD="+role, "STORE_DIR="+dir), env...)
	return cmd
}

func give(err error) {
	if err != nil {
		fmt.Println("child:", err)
		os.Exit(3)
	}
}

// writeUntilKilled writes numbered records, facts and blobs from four
// goroutines and prints each number once the store has acknowledged it.
func writeUntilKilled(dir string) {
	next, err := strconv.Atoi(os.Getenv("STORE_FIRST"))
	give(err)
	db, err := store.Open(dir, tortureOptions)
	give(err)
	fmt.Println("open")
	var mu sync.Mutex
	for range 4 {
		go func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				give(writeOne(db, n))
				fmt.Println("ok", n)
			}
		}()
	}
	select {}
}

func writeOne(db *store.DB, n int) error {
	if n%blobEvery == 0 {
		if _, _, err := db.PutBlob(context.Background(), tortureBlob(n)); err != nil {
			return err
		}
	}
	return db.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.Append("wrote", n); err != nil {
			return err
		}
		if err := tx.Put(tortureKey(n), tortureValue(n)); err != nil || os.Getenv("STORE_LOAD") == "" {
			return err
		}
		for i := range 60 { // overwritten in turn, so that there is much to flush and to collect
			if err := tx.Put(fmt.Appendf(nil, "load/%d/%d", n%400, i), tortureValue(n+i)); err != nil {
				return err
			}
		}
		return nil
	})
}

const blobEvery = 40

func tortureKey(n int) []byte { return binary.BigEndian.AppendUint32([]byte("t/"), uint32(n)) }

// tortureValue lies in the value log or in the tree, by turns.
func tortureValue(n int) []byte {
	return fmt.Appendf(nil, "%d%s", n, strings.Repeat("x", n%3*900))
}

func tortureBlob(n int) io.Reader { return strings.NewReader(strings.Repeat(fmt.Sprint(n), 20_000)) }

// stopAfter lets a child write and calls stop d after it has opened, or sooner;
// it returns the numbers that were acknowledged.
func stopAfter(t *testing.T, dir string, first int, d time.Duration, stop func(*os.Process)) []int {
	t.Helper()
	cmd := child("write", dir, fmt.Sprintf("STORE_FIRST=%d", first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if first%3 == 1 { // now and then while it opens
		time.AfterFunc(d/2, func() { stop(cmd.Process) })
	}
	var acked []int
	for sc := bufio.NewScanner(out); sc.Scan(); {
		text, found := strings.CutPrefix(sc.Text(), "ok ")
		n, err := strconv.Atoi(text)
		switch {
		case sc.Text() == "open":
			if first%3 == 1 {
				continue
			}
			time.AfterFunc(d, func() { stop(cmd.Process) })
		case !found || err != nil:
			t.Errorf("%s", sc.Text())
		default:
			acked = append(acked, n)
		}
	}
	cmd.Wait() // it was killed: the error says just that
	return acked
}

func kill(p *os.Process) { p.Kill() }

// missing says what of the acknowledged is not there, or not as it was.
func missing(db *store.DB, acked []int) error {
	return db.View(context.Background(), func(tx *store.Tx) error {
		have := map[string]bool{}
		for rec, err := range tx.Scan(store.Range{Prefix: []byte("t/"), KeysOnly: true}) {
			if err != nil {
				return err
			}
			have[string(rec.Key)] = true
		}
		for _, n := range acked {
			v, err := tx.Get(tortureKey(n))
			if err != nil {
				return fmt.Errorf("record %d: %w", n, err)
			}
			if string(v) != string(tortureValue(n)) || !have[string(tortureKey(n))] {
				return fmt.Errorf("record %d is another one, or no scan finds it", n)
			}
			if n%blobEvery == 0 {
				if err := sameBlob(db, n); err != nil {
					return fmt.Errorf("blob %d: %w", n, err)
				}
			}
		}
		return nil
	})
}

func sameBlob(db *store.DB, n int) error {
	want, err := io.ReadAll(tortureBlob(n))
	if err != nil {
		return err
	}
	r, err := db.OpenBlob(sha256hex(want))
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if string(got) != string(want) {
		return errors.New("it is another one")
	}
	return nil
}

// allThere opens dir after a crash and checks everything.
func allThere(t *testing.T, dir string, acked []int) {
	t.Helper()
	if err := whole(t, dir, acked); err != nil {
		t.Fatal("after a crash:", err)
	}
}

func whole(t *testing.T, dir string, acked []int) error {
	db, err := store.Open(dir, tortureOptions)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := missing(db, acked); err != nil {
		return err
	}
	r, err := db.Check(t.Context(), nil)
	return errors.Join(err, r.Err())
}

func nextAfter(acked []int) int {
	if len(acked) == 0 {
		return 0
	}
	return slices.Max(acked) + 100 // beyond what was written and not acknowledged
}

func TestKilledAtAnyMomentNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 10
	}
	dir := t.TempDir()
	var acked []int
	for round := range rounds {
		acked = append(acked, stopAfter(t, dir, nextAfter(acked), time.Duration(rand.IntN(120))*time.Millisecond, kill)...)
		if round%10 == 9 {
			allThere(t, dir, acked)
		}
	}
	allThere(t, dir, acked)
	t.Logf("%d kills, %d acknowledged records, 0 lost", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d records in %d rounds: the children hardly wrote", len(acked), rounds)
	}
}

func TestAnotherProcessIsNamedAndItsEndFreesTheDirectory(t *testing.T) {
	dir := t.TempDir()
	stopAfter(t, dir, 0, 0, func(p *os.Process) {
		_, err := store.Open(dir, tortureOptions)
		if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", p.Pid)) {
			t.Errorf("while process %d writes: %v", p.Pid, err)
		}
		p.Kill()
	})
	open(t, dir, tortureOptions)
}

// judge is the child that opens a damaged directory: its own process, since
// the engine may end it. It prints "told" and the error, "whole", or "SILENT".
func judge(dir, ackedFile string) {
	raw, err := os.ReadFile(ackedFile)
	give(err)
	var acked []int
	give(json.Unmarshal(raw, &acked))
	o := tortureOptions
	o.GCEvery = time.Hour
	db, err := store.Open(dir, o)
	if err != nil {
		fmt.Println("told at opening:", err)
		return
	}
	store.CollectGarbage(db)
	err = missing(db, acked)
	switch {
	case err == nil:
		fmt.Println("whole")
	case errors.Is(err, store.ErrCorrupt):
		fmt.Println("told at reading:", err)
	default:
		fmt.Println("SILENT:", err)
	}
	if shut := db.Close(); !errors.Is(err, store.ErrCorrupt) || !errors.Is(shut, store.ErrCorrupt) {
		give(shut)
	}
}
