package node

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// renewing is somebody who holds Badge Issuer at level 2, whose renewal is due,
// and whose application for it is accepted.
func renewing(t *testing.T, n *Node, now *time.Time) (s *someone, held Award, id string) {
	t.Helper()
	s = newSomeone(t, n, "ana")
	g := grant(t, n, GrantRequest{Achievement: "issuer", Level: 2, To: Recipient{Connection: s.c.ID}})
	s.takes(t, g.Award.ID)
	*now = now.AddDate(2, 0, -10)
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	id = didcomm.NewID()
	if _, err := s.act(t, s.message(t, application.TypeSubmit, id, application.Submission{Achievement: "openbadges/issuer", Renews: g.Award.ID, Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{words("I did.")}})); err != nil {
		t.Fatal(err)
	}
	if p := s.progress(t); p.State != application.Submitted || p.Level != 2 {
		t.Fatalf("%+v", p)
	}
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		a, err := getApplication(tx, id)
		a.State = application.Accepted
		if err != nil {
			return err
		}
		return putApplication(tx, a)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, g.Award, id
}

// takes accepts the offer of an award, as a wallet does.
func (s *someone) takes(t *testing.T, award string) {
	t.Helper()
	signed, err := s.n.issueFor(t.Context(), award, s.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.n.db.Update(t.Context(), signed.Record); err != nil {
		t.Fatal(err)
	}
	closeOffer(t, s.n, award, exchange.Accepted)
}

func sign(t *testing.T, n *Node, id string) application.Application {
	t.Helper()
	a, err := n.signApplication(t.Context(), id, application.Person{DID: "did:key:zOperator", Connection: "9c1f2ab04d7e"}, Actor{By: "9c1f2ab04d7e"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What became of the badge between the application for its renewal and the
// signature decides: a badge is renewed once, and not when it was revoked.
func TestARenewalThatIsNotDueAnyMoreIsNotSigned(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(t *testing.T, n *Node, s *someone, held string, now *time.Time)
		reason    string // "" where it is signed
		versions  int
	}{
		"nothing": {func(*testing.T, *Node, *someone, string, *time.Time) {}, "", 2},
		"renewed by its issuer": {func(t *testing.T, n *Node, s *someone, held string, _ *time.Time) {
			g, err := n.Renew(t.Context(), RenewRequest{ID: held})
			if err != nil {
				t.Fatal(err)
			}
			s.takes(t, g.Award.ID)
		}, "nothing is left to renew: Badge Issuer is valid until 2030-11-17, and its renewal opens on 2030-08-19", 2},
		"offered by its issuer": {func(t *testing.T, n *Node, _ *someone, held string, _ *time.Time) {
			if _, err := n.Renew(t.Context(), RenewRequest{ID: held}); err != nil {
				t.Fatal(err)
			}
		}, "", 2},
		"revoked": {func(t *testing.T, n *Node, _ *someone, held string, _ *time.Time) { setStanding(t, n, held, "revoked") },
			"nothing is left to renew: the badge that this would renew is revoked: a mistake", 1},
		"reviewed for long": {func(_ *testing.T, n *Node, _ *someone, _ string, now *time.Time) { *now = now.AddDate(0, 4, 0) }, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
			n := opened(t, t.TempDir(), func() time.Time { return now })
			s, held, id := renewing(t, n, &now)
			tt.meanwhile(t, n, s, held.ID, &now)
			if err := n.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			a := sign(t, n, id)
			if a.State == application.Issued {
				s.takes(t, a.Award)
			}
			if want := map[bool]application.State{true: application.Issued, false: application.Rejected}[tt.reason == ""]; a.State != want || a.Reason != tt.reason {
				t.Errorf("%s: %q", a.State, a.Reason)
			}
			if p := s.progress(t); p.State != a.State || p.Reason != tt.reason {
				t.Errorf("the learner is told %+v", p)
			}
			if c := countOf(t, n, "openbadges/issuer"); c != tt.versions {
				t.Errorf("%d versions, want %d", c, tt.versions)
			}
		})
	}
}

func TestARenewalKeepsItsLevel(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	s, held, _ := renewing(t, n, &now)
	for _, level := range []int{1, 3} {
		if _, err := s.act(t, s.message(t, application.TypeSubmit, didcomm.NewID(), application.Submission{Achievement: "openbadges/issuer", Level: level, Renews: held.ID, Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{words("I did.")}})); err != nil {
			t.Fatal(err)
		}
		if p := s.progress(t); !p.Refused || !strings.HasPrefix(p.Reason, "a renewal keeps its level, which is 2; for another one apply anew") {
			t.Errorf("level %d: %+v", level, p)
		}
	}
}

// A badge that is renewed in the second in which it became valid gets the next
// one; a clock that was put back is told of.
func TestARenewalIsNewerThanWhatItReplaces(t *testing.T) {
	var ahead atomic.Int64 // seconds
	n := opened(t, t.TempDir(), func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) })
	s := newSomeone(t, n, "ana")
	for name, to := range map[string]Recipient{"by itself": {DID: ana}, "by a wallet": {Connection: s.c.ID}} {
		g := grant(t, n, GrantRequest{Achievement: "issuer", Level: 2, To: to, ValidUntil: n.now().AddDate(0, 0, 10)}) // in its window at once
		if to.Connection != "" {
			s.takes(t, g.Award.ID)
		}
		first, _, err := n.Award(t.Context(), g.Award.ID)
		if err != nil {
			t.Fatal(err)
		}
		again, err := n.Renew(t.Context(), RenewRequest{ID: first.ID})
		if err != nil {
			t.Fatal(err)
		}
		if to.Connection != "" {
			s.takes(t, again.Award.ID)
		}
		second, _, err := n.Award(t.Context(), again.Award.ID)
		if err != nil || !second.ValidFrom.After(first.ValidFrom) || second.Credential != first.ID {
			t.Errorf("%s: %s, then %s, %v", name, first.ValidFrom, second.ValidFrom, err)
		}
	}
	if err := n.newerThan(t.Context(), n.now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "the clock of this machine says") {
		t.Errorf("a clock that was put back: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.newerThan(ctx, n.now().Add(time.Hour)); err == nil {
		t.Error("it waits for a caller who has gone")
	}
}

// A badge that is revoked while its renewal is offered, or signed and on its way,
// does not come back by it.
func TestARevocationReachesTheRenewalThatIsUnderWay(t *testing.T) {
	for _, signed := range []bool{false, true} {
		now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		n := opened(t, t.TempDir(), func() time.Time { return now })
		s, held, _ := renewing(t, n, &now)
		g, err := n.Renew(t.Context(), RenewRequest{ID: held.ID})
		if err != nil {
			t.Fatal(err)
		}
		if signed {
			out, err := n.issueFor(t.Context(), g.Award.ID, s.id)
			if err == nil {
				err = n.db.Update(t.Context(), out.Record)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		setStanding(t, n, held.ID, "revoked")
		for _, id := range []string{held.ID, g.Award.ID} {
			if a, _, err := n.Award(t.Context(), id); err != nil || a.Standing != Revoked || !n.lists.has(a.List, a.Purpose, a.Index) {
				t.Errorf("signed %t: %+v, %v", signed, a, err)
			}
		}
		if _, err := n.issueFor(t.Context(), g.Award.ID, s.id); err == nil {
			t.Errorf("signed %t: it is handed out", signed)
		}
		if got := told(t, n, s.c); len(got) != 1 {
			t.Errorf("signed %t: %q", signed, got)
		}
	}
}
