package node

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// told lists what waits for a connection about the standing of badges.
func told(t *testing.T, n *Node, c exchange.Connection) (out []string) {
	t.Helper()
	pair, err := c.Pair()
	if err != nil {
		t.Fatal(err)
	}
	err = n.db.View(t.Context(), func(tx *store.Tx) error {
		all, err := didcomm.Pending(tx, pair, 0, 1000)
		for _, e := range all {
			if e.Message.Type != exchange.TypeStanding {
				continue
			}
			var s exchange.Standing
			if err := json.Unmarshal(e.Message.Body, &s); err != nil {
				return err
			}
			out = append(out, s.Credential+" "+s.Standing+": "+s.Reason)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A holder is told once what became of a badge that they have, whichever way it
// was bound to them; of an offer that was not answered there is nothing to tell.
func TestAHolderIsToldOnceWhatBecameOfABadge(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	s := newSomeone(t, n, "ana")
	held := grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Connection: s.c.ID}}).Award.ID
	s.asks(t)
	bound := grant(t, n, GrantRequest{Achievement: "explorer", To: Recipient{DID: s.id.String()}}).Award.ID
	offered := grant(t, n, GrantRequest{Achievement: "earner", To: Recipient{Connection: s.c.ID}}).Award.ID
	nobody := grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Email: "ben@example.org"}}).Award.ID
	if _, err := n.SetStanding(t.Context(), StandingRequest{ID: held, To: "revoked", Reason: strings.Repeat("x", exchange.MaxReason+1)}); !errors.Is(err, ErrInput) {
		t.Errorf("a reason that is too long: %v", err)
	}
	for range 2 {
		for _, id := range []string{held, bound, offered, nobody} {
			setStanding(t, n, id, "revoked")
		}
	}
	if got, want := told(t, n, s.c), []string{held + " revoked: a mistake", bound + " revoked: a mistake"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAWithdrawalIsToldToEveryHolder(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	var all []*someone
	for _, label := range []string{"ana", "ben"} {
		s := newSomeone(t, n, label)
		grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Connection: s.c.ID}})
		s.asks(t)
		all = append(all, s)
	}
	for range 2 {
		if _, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "basics", Reason: "wrong assessment"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 { // the longest of reasons, as many bytes as it can become
		all[0].takes(t, grant(t, n, GrantRequest{Achievement: "explorer", To: Recipient{Connection: all[0].c.ID}, Key: didcomm.NewID()}).Award.ID)
	}
	if w, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "explorer", Reason: strings.Repeat("<", exchange.MaxReason)}); err != nil || w.Revoked != 30 {
		t.Errorf("%+v, %v", w, err)
	}
	if got := told(t, n, all[0].c); len(got) != 31 {
		t.Errorf("%d are told", len(got))
	}
	for _, s := range all[1:] {
		if got := told(t, n, s.c); len(got) != 1 || !strings.HasSuffix(got[0], " revoked: wrong assessment") {
			t.Errorf("%q", got)
		}
	}
}

// A clock that is put back does not make a later word the older one.
func TestAReinstatementComesAfterTheSuspensionAlsoWhenTheClockWasPutBack(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	now := n.now()
	a := Award{ID: "urn:uuid:1", Since: now.AddDate(0, 0, 1), List: 1, Purpose: "suspension", Standing: Suspended}
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		b, err := n.stand(tx, a, Active, "cleared")
		if !b.Since.After(a.Since) {
			t.Errorf("%s is not after %s", b.Since, a.Since)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
