package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
	"github.com/trust-me/trustme/wallet"
)

// binary is the program, built once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "trustme-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "trustme")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/trustme").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// start makes a net in a new folder of dir.
func start(t *testing.T, dir, nodes, wallets string) *testnet.Net {
	t.Helper()
	return startProgram(t, program(t), dir, nodes, wallets)
}

func program(t *testing.T) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func startProgram(t *testing.T, bin, dir, nodes, wallets string) *testnet.Net {
	t.Helper()
	n, err := testnet.Start(t.Context(), testnet.Config{Dir: filepath.Join(dir, "net"), Binary: bin, Nodes: strings.Fields(nodes), Wallets: strings.Fields(wallets)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func connect(t *testing.T, n *testnet.Net, to, who string) string {
	t.Helper()
	var l node.InviteLink
	if err := n.Node(to).Must(t.Context(), &l, "invite", "--label", who); err != nil {
		t.Fatal(err)
	}
	var c wallet.Connected
	if err := n.Wallet(who).Must(t.Context(), &c, "connect", l.Link); err != nil {
		t.Fatal(err)
	}
	var cs []exchange.Connection
	if err := n.Node(to).Must(t.Context(), &cs, "connections"); err != nil {
		t.Fatal(err)
	}
	for _, x := range cs {
		if x.Label == who {
			return x.ID
		}
	}
	t.Fatal("no connection")
	return ""
}

// Node and wallet are killed at random moments while badges are issued and
// delivered.
func TestKilledAtRandomMomentsEveryBadgeArrivesExactlyOnce(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 12
	}
	n := start(t, t.TempDir(), "alder", "ana")
	alder, ana := n.Node("alder"), n.Wallet("ana")
	everyBadgeArrivesOnce(t, n, kills, func(k int, _ *sync.RWMutex) {
		if k%2 == 0 {
			if err := alder.Kill(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			if err := restart(t, alder); err != nil {
				t.Fatalf("kill %d: %v", k, err)
			}
		}
		if err := ana.Unwatch(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
}

// everyBadgeArrivesOnce issues to a watching wallet, one badge after another,
// while it is disturbed at random moments. Every badge whose issue was told is
// there in the end, once on each side. disturb leaves the node running and the
// wallet not; it holds calm where no command may be under way.
func everyBadgeArrivesOnce(t *testing.T, n *testnet.Net, rounds int, disturb func(k int, calm *sync.RWMutex)) {
	t.Helper()
	alder, ana := n.Node("alder"), n.Wallet("ana")
	conn := connect(t, n, "alder", "ana")
	var calm sync.RWMutex
	told := map[string]string{} // key -> credential id, as acknowledged by `issue`
	ctx, stop := context.WithCancel(t.Context())
	issuing := make(chan struct{})
	issue := func(key string) bool {
		calm.RLock()
		defer calm.RUnlock()
		var g node.Granted
		if err := alder.Must(context.WithoutCancel(ctx), &g, "issue", "--key", key, "--to", conn, "explorer"); err != nil {
			return false
		}
		told[key] = g.Award.ID
		return true
	}
	go func() { // the operator issues, and repeats under the same key what failed
		defer close(issuing)
		for i := 0; ctx.Err() == nil; {
			if issue(fmt.Sprintf("badge-%d", i)) {
				i++
			} else {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}()
	for k := range rounds {
		if err := ana.Watch(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v", k, err)
		}
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
		disturb(k, &calm)
	}
	stop()
	<-issuing
	for range 20 { // until nothing waits anywhere
		if r := ana.Run(t.Context(), "sync"); r.Code == 0 && strings.Contains(r.Out, "nothing new") {
			break
		}
	}
	var held []wallet.Held
	if err := ana.Must(t.Context(), &held, "list"); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, h := range held {
		count[h.Credential]++
	}
	for key, id := range told {
		if count[id] != 1 {
			t.Errorf("%s (%s) is held %d times", key, id, count[id])
		}
	}
	var awards []node.Award
	if err := alder.Must(t.Context(), &awards, "list"); err != nil {
		t.Fatal(err)
	}
	for _, a := range awards { // also of what was not told, since its process was killed
		if a.State != node.AwardHeld || count[a.ID] != 1 {
			t.Errorf("award %s is %s, and held %d times", a.ID, a.State, count[a.ID])
		}
	}
	if r := alder.Run(t.Context(), "journal"); r.Code != 0 {
		t.Errorf("the journal: %s", r.Err)
	}
	t.Logf("%d rounds, %d badges told as issued, %d held, none lost, none twice", rounds, len(told), len(held))
	if len(told) < rounds/10 {
		t.Errorf("only %d badges: hardly anything was going on", len(told))
	}
}

// restart starts a node again; a verb that took the directory in the meantime
// lets go of it soon.
func restart(t *testing.T, x *testnet.Node) (err error) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if err = x.Start(t.Context()); err == nil {
			return nil
		}
		if stopErr := x.Stop(); stopErr != nil {
			return errors.Join(err, stopErr)
		}
	}
	return err
}

func TestASlowNetworkDelaysAndLosesNothing(t *testing.T) {
	n := start(t, t.TempDir(), "alder", "ana")
	conn := connect(t, n, "alder", "ana")
	n.Node("alder").Delay(50 * time.Millisecond)
	for _, badge := range []string{"explorer", "basics", "contributor"} { // that meet no milestone
		if err := n.Node("alder").Must(t.Context(), nil, "issue", "--to", conn, badge); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Wallet("ana").Must(t.Context(), nil, "sync"); err != nil {
		t.Fatal(err)
	}
	var held []wallet.Held
	if err := n.Wallet("ana").Must(t.Context(), &held, "list"); err != nil || len(held) != 3 {
		t.Errorf("%d badges, %v", len(held), err)
	}
}
