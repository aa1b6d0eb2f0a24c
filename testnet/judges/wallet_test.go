package judges

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

// A wallet of foreign parts accepts an invitation, is offered a badge,
// requests, receives, verifies and acknowledges it, and shows it to another.
func TestAForeignWalletReceivesABadgeAndShowsIt(t *testing.T) {
	bin := built(t)
	dir := t.TempDir()
	n, err := testnet.Start(t.Context(), testnet.Config{Dir: filepath.Join(dir, "net"), Binary: bin, Nodes: []string{"alder", "birch"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var l node.InviteLink
	if err := n.Node("alder").Must(t.Context(), &l, "invite", "--label", "foreign"); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state.json")
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err := exec.Command("node", "foreign-wallet.js", "receive", l.URL, state).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "received Open Badges Basics") {
			t.Errorf("%v\n%s", err, out)
		}
	}()
	for range 200 {
		var cs []exchange.Connection
		if err := n.Node("alder").Must(t.Context(), &cs, "connections"); err != nil {
			t.Fatal(err)
		}
		if len(cs) == 1 {
			if err := n.Node("alder").Must(t.Context(), nil, "issue", "--to", cs[0].ID, "basics"); err != nil {
				t.Fatal(err)
			}
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	<-done
	var awards []node.Award
	if err := n.Node("alder").Must(t.Context(), &awards, "list"); err != nil || len(awards) != 1 || awards[0].State != node.AwardHeld {
		t.Fatalf("%+v, %v", awards, err)
	}
	var a node.Asked
	if err := n.Node("birch").Must(t.Context(), &a, "ask"); err != nil {
		t.Fatal(err)
	}
	judge(t, "presented and accepted", "foreign-wallet.js", "present", a.Link.URL, state)
	if r := n.Node("birch").Run(t.Context(), "asked", a.ID); r.Code != 0 {
		t.Errorf("birch: %s%s", r.Out, r.Err)
	}
}
