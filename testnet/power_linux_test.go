package testnet_test

import (
	"sync"
	"syscall"
	"testing"

	"github.com/trust-me/trustme/internal/powertest"
)

// The power goes for node, wallet and operator at once, at random moments
// while badges are issued and delivered.
func TestAPowerCutLosesNoBadgeAndDoublesNone(t *testing.T) {
	cuts := 20
	if testing.Short() {
		cuts = 3
	}
	disk := powertest.Ext4(t)
	n := start(t, disk.Dir, "alder", "ana")
	alder, ana := n.Node("alder"), n.Wallet("ana")
	everyBadgeArrivesOnce(t, n, cuts, func(k int, calm *sync.RWMutex) {
		disk.CutPower()
		if err := alder.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := ana.Unwatch(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		calm.Lock()
		defer calm.Unlock()
		disk.Restart()
		if err := restart(t, alder); err != nil {
			t.Fatalf("cut %d: %v", k, err)
		}
	})
}
