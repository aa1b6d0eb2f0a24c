package testnet_test

import (
	"syscall"
	"testing"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
	"github.com/trust-me/trustme/wallet"
)

// The partner's node stops, crashes and is cut off while one wallet watches,
// and awards a badge each time. The same watching process gets them all.
func TestOneWatchGetsTheBadgesOfANodeThatComesAndGoes(t *testing.T) {
	n := start(t, t.TempDir(), "alder", "ana")
	alder, ana := n.Node("alder"), n.Wallet("ana")
	c := connect(t, n, "alder", "ana")
	if err := ana.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		badge, name string
		away        func(*testnet.Node) error
	}{
		{"basics", "Open Badges Basics", (*testnet.Node).Stop},
		{"contributor", "Open Badges Contributor", (*testnet.Node).Kill}, // no third step of a milestone
		{"designer", "Badge Designer", func(x *testnet.Node) error { x.Cut(); return nil }},
	} {
		if err := tt.away(alder); err != nil {
			t.Fatal(err)
		}
		args := []string{"--to", c, tt.badge}
		if tt.badge == "designer" {
			args = append([]string{"--level", "2"}, args...)
		}
		if err := alder.Must(t.Context(), nil, "issue", args...); err != nil { // stopped or not
			t.Fatal(err)
		}
		alder.Heal()
		if err := alder.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := ana.Sees(t.Context(), "received "+tt.name); err != nil {
			t.Fatal(err)
		}
	}
	if err := ana.Unwatch(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var hs []wallet.Held
	if err := ana.Must(t.Context(), &hs, "list"); err != nil || len(hs) != 3 {
		t.Errorf("%d badges, %v", len(hs), err)
	}
}

// Who watches hears that a badge was revoked, with the reason.
func TestAWatchTellsThatABadgeWasRevoked(t *testing.T) {
	n := start(t, t.TempDir(), "alder", "ana")
	alder, ana := n.Node("alder"), n.Wallet("ana")
	c := connect(t, n, "alder", "ana")
	if err := ana.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	var g node.Granted
	if err := alder.Must(t.Context(), &g, "issue", "--to", c, "basics"); err != nil {
		t.Fatal(err)
	}
	if err := ana.Sees(t.Context(), "received Open Badges Basics"); err != nil {
		t.Fatal(err)
	}
	if err := alder.Must(t.Context(), nil, "revoke", "--reason", "wrong assessment", g.Award.ID); err != nil {
		t.Fatal(err)
	}
	if err := ana.Sees(t.Context(), "Alder: Open Badges Basics was revoked: wrong assessment"); err != nil {
		t.Fatal(err)
	}
	if err := ana.Unwatch(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
