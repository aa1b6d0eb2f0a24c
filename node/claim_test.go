package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// grant grants or fails the test.
func grant(t *testing.T, n *Node, r GrantRequest) Granted {
	t.Helper()
	g, err := n.Grant(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func setStanding(t *testing.T, n *Node, id, to string) {
	t.Helper()
	if _, err := n.SetStanding(t.Context(), StandingRequest{ID: id, To: to, Reason: "a mistake"}); err != nil {
		t.Fatal(err)
	}
}

// closeOffer ends the offer of an award as a wallet's answer does.
func closeOffer(t *testing.T, n *Node, award string, s exchange.OfferState) {
	t.Helper()
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return n.closedOffer(tx, exchange.Offer{Award: award, State: s}) }); err != nil {
		t.Fatal(err)
	}
}

func TestAnAwardThatIsOverGivesWayToANewOne(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	c := connectedTo(t, n).ID
	for name, end := range map[string]struct {
		to    Recipient
		lasts time.Duration
		over  func(id string)
	}{
		"revoked": {to: Recipient{DID: ana}, over: func(id string) { setStanding(t, n, id, "revoked") }},
		"lapsed":  {to: Recipient{DID: ana}, lasts: time.Hour, over: func(string) { now = now.Add(2 * time.Hour) }},
		"lapsed and told": {to: Recipient{DID: ana}, lasts: time.Hour, over: func(string) {
			now = now.Add(2 * time.Hour)
			if err := n.expire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		"declined":            {to: Recipient{Connection: c}, over: func(id string) { closeOffer(t, n, id, exchange.Declined) }},
		"refused by a wallet": {to: Recipient{Connection: c}, over: func(id string) { closeOffer(t, n, id, exchange.Refused) }},
		"revoked by e-mail":   {to: Recipient{Email: "ana@example.org"}, over: func(id string) { setStanding(t, n, id, "revoked") }},
	} {
		for _, key := range []string{"", name} {
			r := GrantRequest{Achievement: "basics", To: end.to, Key: key}
			if end.lasts > 0 {
				r.ValidUntil = now.Add(end.lasts)
			}
			first := grant(t, n, r)
			if again := grant(t, n, r); !first.New || again.New || again.Award.ID != first.Award.ID {
				t.Fatalf("%s: while it stands: %+v", name, again)
			}
			end.over(first.Award.ID)
			r.ValidUntil = time.Time{}
			next := grant(t, n, r)
			if key != "" {
				if next.New || next.Award.ID != first.Award.ID || next.Claim != nil {
					t.Errorf("%s, under a key: %+v", name, next)
				}
				continue
			}
			if !next.New || next.Award.ID == first.Award.ID || next.Award.Index == first.Award.Index || next.Award.Standing != Active {
				t.Errorf("%s: %+v", name, next)
			}
			if again := grant(t, n, r); again.New || again.Award.ID != next.Award.ID {
				t.Errorf("%s, once more: %+v", name, again)
			}
			setStanding(t, n, next.Award.ID, "revoked") // for the next case
		}
	}
}

// A row of a file is issued once for good: a run that is repeated undoes no
// revocation.
func TestARepeatedFileDoesNotIssueAgainWhatWasRevoked(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	file := filepath.Join(t.TempDir(), "course.csv")
	if err := os.WriteFile(file, []byte("badge,email\nbasics,ana@example.org\nbasics,ben@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(issued, existing, claims int) {
		t.Helper()
		res, err := n.IssueCSV(t.Context(), file, nil)
		if err != nil || res.Issued != issued || res.Existing != existing || len(res.Claims) != claims {
			t.Errorf("%+v, %v; want %d issued, %d before, %d links", res, err, issued, existing, claims)
		}
	}
	run(2, 0, 2)
	of := GrantRequest{Achievement: "basics", To: Recipient{Email: "ana@example.org"}}
	first := grant(t, n, of)
	setStanding(t, n, first.Award.ID, "revoked")
	run(0, 2, 1)
	next := grant(t, n, of)
	if !next.New {
		t.Errorf("alone: %+v", next)
	}
	run(0, 2, 2)
	if again := grant(t, n, of); again.New || again.Award.ID != next.Award.ID {
		t.Errorf("once more alone: %+v", again)
	}
}

func TestAClaimLinkIsRenewedUntilItIsUsed(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	r := GrantRequest{Achievement: "basics", To: Recipient{Email: "ana@example.org"}}
	first := grant(t, n, r)
	if again := grant(t, n, r); again.Claim == nil || again.Claim.Link != first.Claim.Link {
		t.Errorf("an open link is given again: %+v", again.Claim)
	}
	now = now.Add(claimFor)
	fresh := grant(t, n, r)
	if fresh.New || fresh.Award.ID != first.Award.ID || fresh.Claim == nil || fresh.Claim.Link == first.Claim.Link || !fresh.Claim.Expires.After(now) {
		t.Fatalf("an expired link: %+v", fresh)
	}
	if again := grant(t, n, r); again.Claim == nil || again.Claim.Link != fresh.Claim.Link {
		t.Errorf("the new link is given again: %+v", again.Claim)
	}
	claim := func(peer string) (id string) {
		t.Helper()
		c := exchange.Connection{ID: peer, Own: n.contact.String(), Peer: ana}
		err := n.db.Update(t.Context(), func(tx *store.Tx) error {
			if err := exchange.Connections.Put(tx, c); err != nil {
				return err
			}
			a, err := awards.Get(tx, first.Award.ID)
			if err != nil {
				return err
			}
			i, err := invites.Get(tx, a.Claim)
			if err != nil {
				return err
			}
			i.Uses--
			if err := invites.Put(tx, i); err != nil {
				return err
			}
			_, err = n.claim(tx, c, first.Award.ID, "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = n.AwardList(t.Context(), "", func(a Award) error {
			if a.Recipient.Connection == peer {
				id = a.ID
			}
			return nil
		})
		if err != nil || id == "" {
			t.Fatalf("no bound badge: %v", err)
		}
		return id
	}
	bound := claim("first")
	if used := grant(t, n, r); used.New || used.Claim != nil {
		t.Errorf("a claimed award: %+v", used)
	}
	closeOffer(t, n, bound, exchange.Declined)
	if declined := grant(t, n, r); declined.New || declined.Claim == nil || declined.Claim.Link == fresh.Claim.Link {
		t.Errorf("a claim that was declined: %+v", declined)
	}
	bound = claim("second")
	closeOffer(t, n, bound, exchange.Accepted)
	if held := grant(t, n, r); held.New || held.Claim != nil || held.Award.State != AwardRebound {
		t.Errorf("a held badge: %+v", held)
	}
	setStanding(t, n, bound, "revoked")
	if next := grant(t, n, r); !next.New || next.Claim == nil {
		t.Errorf("after the bound badge was revoked: %+v", next)
	}
}

// A code does not bring back what was withdrawn.
func TestAWithdrawnAwardIsNotClaimed(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "club.yaml")
	const club = "catalogue: club\nversion: 1.0.0\nname: Club\ndefaults: {suspendable: true}\nachievements:\n  member:\n    name: Member\n    kind: engagement\n    description: Is a member.\n    criteria: {join: \"Joins.\"}\n    award: {by: grant}\n"
	if err := os.WriteFile(file, []byte(club), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	set := Settings{Name: "Alder", Reserve: 1, Catalogues: []string{file, ShippedCatalogue}}
	if err := set.Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := Init(InitRequest{Dir: dir, Settings: set}); err != nil {
		t.Fatal(err)
	}
	n := opened(t, dir, func() time.Time { return now })
	c := connectedTo(t, n)
	for _, tt := range []struct {
		name string
		end  func(id string)
		want string
	}{
		{"revoked", func(id string) { setStanding(t, n, id, "revoked") }, "this award is revoked: a mistake"},
		{"suspended", func(id string) { setStanding(t, n, id, "suspended") }, "this award is suspended: a mistake"},
		{"lapsed", func(string) { now = now.Add(25 * time.Hour) }, "this award ended on 2026-11-28: ask Alder for a new one"},
	} {
		g := grant(t, n, GrantRequest{Achievement: "member", Key: tt.name, To: Recipient{Email: "ana@example.org"}, ValidUntil: now.Add(24 * time.Hour)})
		tt.end(g.Award.ID)
		var p *didcomm.Problem
		err := n.db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := n.claim(tx, c, g.Award.ID, "")
			return err
		})
		if !errors.As(err, &p) || p.Code != exchange.CodeInvitation || !strings.Contains(p.Comment, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if again := grant(t, n, GrantRequest{Achievement: "member", Key: tt.name, To: Recipient{Email: "ana@example.org"}}); again.Claim != nil {
			t.Errorf("%s: a link is given out: %+v", tt.name, again.Claim)
		}
	}
	count := 0
	if err := n.AwardList(t.Context(), "", func(a Award) error { count++; return nil }); err != nil || count != 3 {
		t.Errorf("%d awards, %v", count, err)
	}
}
