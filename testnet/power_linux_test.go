package testnet_test

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/trust-me/trustme/internal/powertest"
	"github.com/trust-me/trustme/testnet"
)

// The power goes for node, wallet and operator at once, at random moments
// while badges are issued and delivered.
func TestAPowerCutLosesNoBadgeAndDoublesNone(t *testing.T) {
	d := powertest.Ext4(t)
	powerCuts(t, d, start(t, d.Dir, "alder", "ana"))
}

// The same with nothing left but what they have synced.
func TestAPowerCutThatLeavesOnlyWhatWasSyncedLosesNoBadge(t *testing.T) {
	d := powertest.Watch(t, program(t))
	self, err := os.Executable() // which becomes the program, watched
	if err != nil {
		t.Fatal(err)
	}
	powerCuts(t, d, startProgram(t, self, d.Dir, "alder", "ana"))
}

func powerCuts(t *testing.T, d interface {
	CutPower()
	Restart()
}, n *testnet.Net) {
	t.Helper()
	cuts := 20
	if testing.Short() {
		cuts = 3
	}
	alder, ana := n.Node("alder"), n.Wallet("ana")
	everyBadgeArrivesOnce(t, n, cuts, func(k int, calm *sync.RWMutex) {
		d.CutPower()
		if err := alder.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := ana.Unwatch(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		calm.Lock()
		defer calm.Unlock()
		d.Restart()
		if err := restart(t, alder); err != nil {
			t.Fatalf("cut %d: %v", k, err)
		}
	})
}
