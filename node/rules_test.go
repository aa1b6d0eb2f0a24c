package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

func countOf(t *testing.T, n *Node, achievement string) (count int) {
	t.Helper()
	if err := n.AwardList(t.Context(), achievement, func(Award) error { count++; return nil }); err != nil {
		t.Fatal(err)
	}
	return count
}

// The milestone is due with the third badge; the node ends before it is given.
func TestAMilestoneIsAwardedOnceAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	for _, slug := range []string{"explorer", "basics"} {
		grant(t, n, GrantRequest{Achievement: slug, To: Recipient{DID: ana}})
	}
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := countOf(t, n, "openbadges/halfway"); c != 0 {
		t.Fatalf("%d with two of three", c)
	}
	third := grant(t, n, GrantRequest{Achievement: "earner", To: Recipient{DID: ana}})
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = opened(t, dir, nil)
	for range 2 {
		if err := n.milestones(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if c := countOf(t, n, "openbadges/halfway"); c != 1 {
		t.Errorf("%d after the restart", c)
	}
	grant(t, n, GrantRequest{Achievement: "designer", To: Recipient{DID: ana}})
	setStanding(t, n, third.Award.ID, "revoked")
	grant(t, n, GrantRequest{Achievement: "earner", To: Recipient{DID: ana}})
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := countOf(t, n, "openbadges/halfway"); c != 1 {
		t.Errorf("%d after more badges", c)
	}
	err := n.db.View(t.Context(), func(tx *store.Tx) error {
		for d, err := range dues.List(tx, store.Range{}) {
			t.Errorf("%+v is left, %v", d, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A badge that was withdrawn counts for no milestone.
func TestAMilestoneWantsBadgesThatStand(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for _, slug := range []string{"explorer", "basics", "earner"} {
		g := grant(t, n, GrantRequest{Achievement: slug, To: Recipient{DID: ana}})
		if slug == "basics" {
			setStanding(t, n, g.Award.ID, "revoked")
			if err := n.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := countOf(t, n, "openbadges/halfway"); c != 0 {
		t.Errorf("%d with one of three revoked", c)
	}
}

func passed(scaled float64, who string) EventRequest {
	return EventRequest{Verb: "http://adlnet.gov/expapi/verbs/passed", Object: "https://lms.example/ob-basics", Scaled: &scaled, Who: who}
}

// An event that was written down is finished by the node that begins again.
func TestAnEventIsFinishedAfterACrashAndCountsOnce(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	e, err := n.newEvent(passed(0.9, ana))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return events.Insert(tx, e) }); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = opened(t, dir, nil)
	if err := n.pendingEvents(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := countOf(t, n, "openbadges/basics"); c != 1 {
		t.Fatalf("%d badges", c)
	}
	again, err := n.RecordEvent(t.Context(), passed(0.9, ana))
	if err != nil || again.New || len(again.Awards) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	setStanding(t, n, again.Awards[0], "revoked")
	if _, err := n.RecordEvent(t.Context(), passed(0.9, ana)); err != nil {
		t.Fatal(err)
	}
	if c := countOf(t, n, "openbadges/basics"); c != 1 {
		t.Errorf("an event that counted brought back what was revoked: %d badges", c)
	}
	err = n.db.View(t.Context(), func(tx *store.Tx) error {
		kept, err := events.Get(tx, e.ID)
		if kept.Who != (Recipient{}) {
			t.Errorf("who it was is kept: %+v", kept.Who)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Awards of before there was an index by recipient, or by e-mail address, are
// found in it, and a person of then is forgotten whole.
func TestOlderAwardsAreIndexedByRecipient(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	given := []string{grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{DID: ana}}).Award.ID, grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Email: "ben@example.org"}}).Award.ID}
	before := store.NewCollection("award", func(a Award) string { return a.ID })
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, id := range given {
			a, err := awards.Get(tx, id)
			if err != nil {
				return err
			}
			if err := before.Put(tx, a); err != nil {
				return err
			}
		}
		return tx.Put(indexedKey, []byte("1"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = opened(t, dir, nil)
	found := 0
	err = n.db.View(t.Context(), func(tx *store.Tx) error {
		for _, err := range awards.By(tx, "recipient", ana) {
			if found++; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("%d found, %v", found, err)
	}
	if e, err := n.Erase(t.Context(), EraseRequest{Who: "Ben@example.org"}); err != nil || e.Badges != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}

// The badge of a code goes to the key that redeemed it.
func TestAClaimedBadgeIsForWhoProvedTheKey(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	c := connectedTo(t, n)
	l, err := n.ClaimCode(t.Context(), ClaimCodeRequest{Achievement: "explorer", Uses: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = n.db.Update(t.Context(), func(tx *store.Tx) error {
		inv, err := invites.Get(tx, l.ID)
		if err != nil {
			return err
		}
		a, err := n.redeem(tx, c, inv, ana, "")
		if a.Recipient.DID != ana || a.State != AwardOffered {
			t.Errorf("%+v", a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if offers := countOffers(t, n); offers != 1 {
		t.Errorf("%d offers", offers)
	}
}

func countOffers(t *testing.T, n *Node) (count int) {
	t.Helper()
	err := n.db.View(t.Context(), func(tx *store.Tx) error {
		for _, err := range exchange.Given.List(tx, store.Range{}) {
			if count++; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestAVerbAndAnObjectAreAddresses(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for s, ok := range map[string]bool{
		"http://adlnet.gov/expapi/verbs/passed": true, "urn:course:7": true, "https://lms.example/": true, "tag:lms.example,2026:quiz": true,
		"passed": false, "/passed": false, "https://": false, "http:///x": false, "urn:": false, "https://lms.example/a b": false, "lms.example/quiz": false, " ": false,
	} {
		for _, r := range []EventRequest{{Verb: s, Object: "https://lms.example/o", Who: ana}, {Verb: "https://lms.example/v", Object: s, Who: ana}} {
			if _, err := n.RecordEvent(t.Context(), r); ok != (err == nil) || !ok && !errors.Is(err, ErrInput) {
				t.Errorf("%+v: %v", r, err)
			}
		}
	}
	out, err := n.RecordEvent(t.Context(), EventRequest{ID: "1", Verb: "https://lms.example/v", Object: "https://lms.example/o", Who: ana})
	if err != nil || len(out.Rules) != 1 || !strings.HasSuffix(out.Rules[0], " https://lms.example/ob-basics with a result of at least 0.8 earns Open Badges Basics") {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := n.RecordEvent(t.Context(), passed(0.1, ana)); err != nil || out.Rules != nil || len(out.Why) != 1 {
		t.Errorf("a fact that a rule is about: %+v, %v", out, err)
	}
}

// A rule is answered once: what becomes of the badges later does not undo it.
func TestAMilestoneStaysWhenWhatItRestsOnIsRevoked(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	var base []string
	for _, slug := range []string{"explorer", "basics", "earner"} {
		base = append(base, grant(t, n, GrantRequest{Achievement: slug, To: Recipient{DID: ana}}).Award.ID)
	}
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range base {
		setStanding(t, n, id, "revoked")
	}
	if err := errors.Join(n.Publish(t.Context()), n.milestones(t.Context())); err != nil {
		t.Fatal(err)
	}
	var standing []Standing
	if err := n.AwardList(t.Context(), "openbadges/halfway", func(a Award) error { standing = append(standing, a.Standing); return nil }); err != nil || len(standing) != 1 || standing[0] != Active {
		t.Errorf("%v, %v", standing, err)
	}
}
