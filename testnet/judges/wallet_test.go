package judges

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

const wallet = "foreign-wallet.js"

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
	alder, birch, state := n.Node("alder"), n.Node("birch"), filepath.Join(dir, "state.json")
	var l node.InviteLink
	must(t, alder, &l, "invite", "--label", "foreign")
	issued := make(chan error, 1)
	go func() { issued <- issueToTheFirst(t.Context(), alder) }()
	judge(t, "received Open Badges Basics", wallet, "receive", l.URL, state)
	if err := <-issued; err != nil {
		t.Fatal(err)
	}
	var awards []node.Award
	must(t, alder, &awards, "list")
	if len(awards) != 1 || awards[0].State != node.AwardHeld {
		t.Fatalf("alder does not say that the badge is held: %+v", awards)
	}
	refuses(t, "e.p.invitation", "receive", l.URL, filepath.Join(dir, "none.json")) // an invitation serves once

	asked := func() (a node.Asked) {
		must(t, birch, &a, "ask")
		return a
	}
	a := asked()
	judge(t, "presented and accepted", wallet, "present", a.Link.URL, state)
	if r := birch.Run(t.Context(), "asked", a.ID); r.Code != 0 {
		t.Errorf("birch does not say that it was shown: %s%s", r.Out, r.Err)
	}
	refuses(t, "e.p.", "present", a.Link.URL, state) // so does a request
	b := asked()
	refuses(t, "e.p.presentation.refused", "present", b.Link.URL, state, "another challenge")
	if r := birch.Run(t.Context(), "asked", b.ID); r.Code != 1 {
		t.Errorf("birch took a presentation over another challenge: %d %s%s", r.Code, r.Out, r.Err)
	}
	stolen := other(t, state)
	c := asked()
	refuses(t, "e.p.presentation.refused", "present", c.Link.URL, stolen)
	if r := birch.Run(t.Context(), "asked", c.ID); r.Code != 1 {
		t.Errorf("birch took somebody else's badge: %d %s%s", r.Code, r.Out, r.Err)
	}
}

func must(t *testing.T, n *testnet.Node, v any, verb string, args ...string) {
	t.Helper()
	if err := n.Must(t.Context(), v, verb, args...); err != nil {
		t.Fatal(err)
	}
}

// issueToTheFirst awaits a connection and issues a badge to it.
func issueToTheFirst(ctx context.Context, n *testnet.Node) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var cs []exchange.Connection
		if err := n.Must(ctx, &cs, "connections"); err != nil {
			return err
		}
		if len(cs) == 1 {
			return n.Must(ctx, nil, "issue", "--to", cs[0].ID, "basics")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// refuses runs the wallet, which the node must send away with a problem code.
func refuses(t *testing.T, code string, args ...string) {
	t.Helper()
	out, exit := run(t, append([]string{wallet}, args...)...)
	if exit != 1 || !strings.Contains(out, "the node reports "+code) {
		t.Errorf("%s exits %d and is not refused with %s:\n%s", args[0], exit, code, out)
	}
}

// other returns a state with the same badge and the key of somebody else.
func other(t *testing.T, state string) string {
	t.Helper()
	raw, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	delete(s, "key") // the wallet makes a new one
	if raw, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(state), "other.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
