package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/trust-me/trustme/node"
)

func TestALinkThatNobodyCouldUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	serveWith(t, dir, nil, nil)
	c, err := node.Connect(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.Running {
		t.Fatal("the node does not answer at its socket")
	}
	for _, r := range []node.InviteRequest{{For: -time.Second}, {Uses: -1}, {Uses: 10_001}} {
		if _, err := c.Invite(t.Context(), r); !errors.Is(err, node.ErrInput) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := c.Ask(t.Context(), node.AskRequest{For: -time.Second}); !errors.Is(err, node.ErrInput) {
		t.Errorf("a request: %v", err)
	}
	l, err := c.Invite(t.Context(), node.InviteRequest{})
	if err != nil || l.Uses != 1 || time.Until(l.Expires) < 6*24*time.Hour {
		t.Errorf("the defaults: %+v, %v", l, err)
	}
	all, err := c.Connections(t.Context())
	if err != nil || all == nil || len(all) != 0 {
		t.Errorf("the connections are %#v, %v; want a list without entries", all, err)
	}
}
