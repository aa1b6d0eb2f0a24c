package store_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/powertest"
)

// disk loses by a cut what is not durable: a file system of its own, where the
// test is root, or a folder that is watched.
type disk interface {
	CutPower()
	Restart()
}

func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	d := powertest.Ext4(t)
	powerCuts(t, d, d.Dir, 20, 400*time.Millisecond)
}

func TestAPowerCutThatLeavesOnlyWhatWasSyncedLosesNothingAcknowledged(t *testing.T) {
	d := powertest.Watch(t, os.Args[0])
	powerCuts(t, d, d.Dir, 20, 400*time.Millisecond)
}

// The power goes while memory tables are flushed, logs change and garbage is
// collected.
func TestAPowerCutUnderLoadLosesNothingAcknowledged(t *testing.T) {
	t.Setenv("STORE_LOAD", "yes")
	d := powertest.Ext4(t)
	powerCuts(t, d, d.Dir, 12, 2*time.Second)
}

func TestAPowerCutUnderLoadThatLeavesOnlyWhatWasSyncedLosesNothingAcknowledged(t *testing.T) {
	t.Setenv("STORE_LOAD", "yes")
	d := powertest.Watch(t, os.Args[0])
	powerCuts(t, d, d.Dir, 12, 2*time.Second)
}

// powerCuts lets a child write for up to longest a round.
func powerCuts(t *testing.T, d disk, mnt string, rounds int, longest time.Duration) {
	t.Helper()
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(mnt, "store")
	var acked []int
	for range rounds {
		acked = append(acked, cutAfter(t, d, dir, acked, rand.N(longest))...)
		allThere(t, dir, acked)
	}
	t.Logf("%d power cuts, %d acknowledged transactions, 0 lost", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d transactions in %d rounds: the children hardly wrote", len(acked), rounds)
	}
}

// cutAfter returns what a child wrote before the power went.
func cutAfter(t *testing.T, d disk, dir string, acked []int, after time.Duration) []int {
	t.Helper()
	wrote := stopAfter(t, dir, nextAfter(acked), after, func(p *os.Process) {
		powertest.Halt(t, p)
		d.CutPower()
		p.Kill()
	})
	d.Restart()
	return wrote
}

// The judge is judged: a disk that from some day on only says that it has
// synced loses what was acknowledged, and that is seen.
func TestALyingDiskIsSeenToLose(t *testing.T) {
	for _, call := range []powertest.Call{powertest.Fsync, powertest.Msync} {
		t.Run(string(call), func(t *testing.T) {
			d := powertest.Watch(t, os.Args[0])
			dir := filepath.Join(d.Dir, "store")
			acked := cutAfter(t, d, dir, nil, 200*time.Millisecond)
			allThere(t, dir, acked)
			d.Ignore(call)
			for i := range 40 { // each a little longer, for slow machines
				acked = append(acked, cutAfter(t, d, dir, acked, time.Duration(i+2)*100*time.Millisecond)...)
				if err := whole(t, dir, acked); err != nil {
					t.Log(err)
					return
				}
			}
			t.Errorf("nothing is lost though %s does nothing", call)
		})
	}
}
