package store_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/powertest"
)

func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	powerCuts(t, 20, 400*time.Millisecond)
}

// The power goes while memory tables are flushed, logs change and garbage is
// collected.
func TestAPowerCutUnderLoadLosesNothingAcknowledged(t *testing.T) {
	t.Setenv("STORE_LOAD", "yes")
	powerCuts(t, 12, 2*time.Second)
}

// powerCuts lets a child write for up to longest a round.
func powerCuts(t *testing.T, rounds int, longest time.Duration) {
	t.Helper()
	if testing.Short() {
		rounds = 3
	}
	disk := powertest.Ext4(t)
	dir := filepath.Join(disk.Dir, "store")
	var acked []int
	for range rounds {
		acked = append(acked, stopAfter(t, dir, nextAfter(acked), rand.N(longest), func(p *os.Process) {
			powertest.Halt(t, p)
			disk.CutPower()
			p.Kill()
		})...)
		disk.Restart()
		allThere(t, dir, acked)
	}
	t.Logf("%d power cuts, %d acknowledged transactions, 0 lost", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d transactions in %d rounds: the children hardly wrote", len(acked), rounds)
	}
}
