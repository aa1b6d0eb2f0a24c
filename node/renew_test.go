package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/node/catalogue"
)

// Badge Issuer is valid for two years (P2Y), and its renewal opens 90 days
// before the end and closes 90 days after it (P90D).
func TestABadgeIsRenewedInItsTimeAndOnce(t *testing.T) {
	start := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	now := start
	n := opened(t, t.TempDir(), func() time.Time { return now })
	grant := func(badge string) Award {
		t.Helper()
		g, err := n.Grant(t.Context(), GrantRequest{Achievement: badge, Level: min(2, map[string]int{"issuer": 2}[badge]), To: Recipient{DID: ana}})
		if err != nil {
			t.Fatal(err)
		}
		return g.Award
	}
	issuer, basics := grant("issuer"), grant("basics")
	end := start.AddDate(2, 0, 0)
	for _, tt := range []struct {
		name string
		id   string
		at   time.Time
		why  string // "" for renewed
	}{
		{"never ends", basics.ID, start, "cannot be renewed"},
		{"unknown", "urn:uuid:none", start, "no badge"},
		{"a day too early", issuer.ID, end.AddDate(0, 0, -91), "its renewal opens on " + end.AddDate(0, 0, -90).Format(time.DateOnly)},
		{"too late", issuer.ID, end.AddDate(0, 0, 91), "its renewal closed on " + end.AddDate(0, 0, 90).Format(time.DateOnly)},
		{"after its end", issuer.ID, end.AddDate(0, 0, 80), ""},
		{"again at once", issuer.ID, end.AddDate(0, 0, 80), "its renewal opens on"},
	} {
		now = tt.at
		if err := n.Publish(t.Context()); err != nil { // as the beat does
			t.Fatal(err)
		}
		g, err := n.Renew(t.Context(), RenewRequest{ID: tt.id})
		switch {
		case tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why) || !errors.Is(err, ErrInput) && !errors.Is(err, ErrNotFound)):
			t.Errorf("%s: %v; want %q", tt.name, err, tt.why)
		case tt.why == "" && (err != nil || g.Award.Credential != issuer.ID || !g.Award.Awarded.Equal(issuer.Awarded) || !g.Award.ValidUntil.Equal(now.AddDate(2, 0, 0))):
			t.Errorf("%s: %+v, %v", tt.name, g.Award, err)
		}
	}
	old, _, err := n.Award(t.Context(), issuer.ID)
	if err != nil || old.State != AwardRenewed || !n.lists.has(old.List, "refresh", old.Index) {
		t.Errorf("the older: %+v, %v", old, err)
	}
	// It is revoked by its id: the version that stands.
	c, err := n.SetStanding(t.Context(), StandingRequest{ID: issuer.ID, To: "revoked", Reason: "error"})
	if err != nil || c.ID == issuer.ID || c.Credential != issuer.ID || c.Standing != Revoked {
		t.Errorf("revoked: %+v, %v", c.Award, err)
	}
	if _, err := n.Renew(t.Context(), RenewRequest{ID: issuer.ID}); err == nil || !strings.Contains(err.Error(), "this one is revoked") {
		t.Errorf("a revoked one: %v", err)
	}
}

// A renewal without a connection takes the place of the older version in the
// transaction that signs it: a node that ends right after it has nothing to mend.
func TestARenewalThatNobodyAcknowledgesReplacesTheOlderAtOnce(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	n := opened(t, dir, func() time.Time { return now })
	first := grant(t, n, GrantRequest{Achievement: "issuer", Level: 2, To: Recipient{DID: ana}}).Award
	now = now.AddDate(2, 0, -10)
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := n.newAward(t.Context(), GrantRequest{Achievement: "openbadges/issuer", To: Recipient{DID: ana}, Level: 2})
	if err != nil {
		t.Fatal(err)
	}
	g, err := n.grant(t.Context(), n.asRenewal(a, first), false) // and no more, as when the node ends here
	if err != nil || !g.New {
		t.Fatalf("%+v, %v", g, err)
	}
	for _, when := range []string{"at once", "after a restart"} {
		old, _, err := n.Award(t.Context(), first.ID)
		if err != nil || old.State != AwardRenewed || !n.lists.has(old.List, "refresh", old.Index) {
			t.Errorf("%s: the older is %+v, %v", when, old, err)
		}
		if due, err := n.Renewals(t.Context(), RenewalsRequest{}); err != nil || len(due) != 0 {
			t.Errorf("%s: due: %+v, %v", when, due, err)
		}
		tells(t, n, map[string]float64{"renewed": 1})
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n = opened(t, dir, func() time.Time { return now })
	}
}

func TestARuleNamesOneWayToRenew(t *testing.T) {
	for when, ok := range map[string]bool{
		"{evidence: 1}": true, "{event: review.submitted, n: 3, within: P1Y}": true, "{test: \"https://lms.example/t\"}": true, "{}": true,
		"{evidence: 1, test: x}": false, "{event: review.submitted}": false, "{n: 3}": false,
	} {
		_, err := catalogue.Parse([]byte("catalogue: c\nversion: 1.0.0\nname: C\nlanguage: en\ndefaults: {setting: non-formal, mode: online}\nachievements:\n  a:\n    name: A\n    kind: skill\n    description: d\n    criteria: {c: \"Does it.\"}\n    assessment: practical\n    valid: P1Y\n    renew: {window: P30D, when: " + when + "}\n    award: {by: grant}\n"))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "renewed by nothing, or by several things") {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// A node that was stopped for a year publishes its lists anew when it is opened:
// without that nothing could be issued.
func TestANodeThatWasStoppedForLongIssuesAgain(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	t.Run("before", func(t *testing.T) {
		if _, err := opened(t, dir, func() time.Time { return now }).Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{DID: ana}}); err != nil {
			t.Fatal(err)
		}
	})
	now = now.AddDate(1, 0, 0)
	if _, err := opened(t, dir, func() time.Time { return now }).Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{DID: ana}}); err != nil {
		t.Error(err)
	}
}

// Every badge of an achievement is withdrawn, also over several transactions,
// and nothing else.
func TestAnAchievementIsWithdrawnWhole(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for i := range 5 {
		for _, b := range []string{"basics", "explorer"} {
			if _, err := n.Grant(t.Context(), GrantRequest{Achievement: b, To: Recipient{Email: string(rune('a'+i)) + "@example.org"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "basics"}); !errors.Is(err, ErrInput) {
		t.Errorf("without a reason: %v", err)
	}
	for _, want := range []int{5, 0} {
		if w, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "basics", Reason: "error"}); err != nil || w.Revoked != want {
			t.Errorf("%+v, %v; want %d", w, err, want)
		}
	}
	count := map[Standing]int{}
	if err := n.AwardList(t.Context(), "", func(a Award) error { count[a.Standing]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if count[Revoked] != 5 || count[Active] != 5 {
		t.Errorf("%v", count)
	}
}
