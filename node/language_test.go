package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// signedOf reads the badge of an award.
func signedOf(t *testing.T, n *Node, id string) credentials.Credential {
	t.Helper()
	_, raw, err := n.Award(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newestOf is the last award of an achievement that was made.
func newestOf(t *testing.T, n *Node, achievement string) (a Award) {
	t.Helper()
	err := n.AwardList(t.Context(), achievement, func(x Award) error {
		if !x.Made.Before(a.Made) {
			a = x
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestALanguageThatIsNotThereIsRefusedBeforeAnythingIsDone(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	file, _ := ownFiles()
	_, err := n.PublishCatalogue(t.Context(), file, ownTranslation("achievements: {basics: {name: Bases}}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ achievement, language, want string }{
		{"openbadges/basics", "de", `basics is not given in the language "de"; it is given in en, fr`},
		{"own/designer", "fr", `designer is not given in the language "fr"; it is given in en`},
		{"own/basics", strings.Repeat("x", 5000), "xxx"},
	} {
		_, err := n.Grant(t.Context(), GrantRequest{Achievement: tt.achievement, Language: tt.language, To: Recipient{DID: ana}})
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 500 {
			t.Errorf("%s in %.10s: %v", tt.achievement, tt.language, err)
		}
	}
	if err := n.AwardList(t.Context(), "", func(a Award) error { t.Errorf("%+v", a); return nil }); err != nil {
		t.Error(err)
	}
	g := grant(t, n, GrantRequest{Achievement: "own/basics", Language: "fr", To: Recipient{DID: ana}})
	if c := signedOf(t, n, g.Award.ID); c.Name() != "Bases" || !strings.HasSuffix(c.AchievementID(), "/own/a/basics/fr") || !strings.HasSuffix(c.CountsAs(), "/own/a/basics") {
		t.Errorf("%s of %s", c.Name(), c.AchievementID())
	}
	g = grant(t, n, GrantRequest{Achievement: "own/designer", Language: "EN", To: Recipient{DID: ana}})
	if g.Award.Language != "" || g.Award.Name != "Badge Designer" {
		t.Errorf("the catalogue's own language: %+v", g.Award)
	}
}

func TestARenewalKeepsTheLanguageOfItsBadge(t *testing.T) {
	start := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	now := start
	n := opened(t, t.TempDir(), func() time.Time { return now })
	old := grant(t, n, GrantRequest{Achievement: "issuer", Language: "fr", Level: 2, To: Recipient{DID: ana}})
	now = start.AddDate(2, 0, -10)
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	g, err := n.Renew(t.Context(), RenewRequest{ID: old.Award.ID})
	if err != nil || g.Award.Language != "fr" || g.Award.Name != "Émetteur de badges" {
		t.Fatalf("%+v, %v", g.Award, err)
	}
	if c := signedOf(t, n, g.Award.ID); c.ID() != old.Award.ID || c.Name() != "Émetteur de badges" || c.AchievementID() != signedOf(t, n, old.Award.ID).AchievementID() {
		t.Errorf("%s, %s", c.Name(), c.AchievementID())
	}
	// Whoever applies for a renewal in another language gets that of the badge.
	a := application.Application{ID: strings.Repeat("0", 32), Catalogue: "openbadges", Slug: "issuer", Applicant: application.Person{DID: ana, Connection: "x"}, Now: application.Submission{Language: "en", Level: 2}}
	award, err := n.awardFor(a)
	if renewed := n.asRenewal(award, g.Award); err != nil || award.Language != "" || renewed.Language != "fr" || renewed.Name != "Émetteur de badges" {
		t.Errorf("%+v, %v", renewed, err)
	}
}

// What nobody asks for comes in the language of the newest badge of the
// catalogue that is held.
func TestWhatComesByItselfIsInTheLanguageOfTheNewestBadge(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	file, fr := ownFiles()
	if _, err := n.PublishCatalogue(t.Context(), file, fr); err != nil {
		t.Fatal(err)
	}
	give := func(who, achievement, language string) Award {
		t.Helper()
		now = now.Add(time.Hour)
		return grant(t, n, GrantRequest{Achievement: achievement, Language: language, To: Recipient{DID: who}}).Award
	}
	ben, cleo := newSomeone(t, n, "ben").id.String(), newSomeone(t, n, "cleo").id.String()
	for _, tt := range []struct {
		name, who string
		give      [][2]string
		want      string
	}{
		{"the newest is French", ana, [][2]string{{"openbadges/explorer", ""}, {"openbadges/designer", ""}, {"openbadges/earner", "fr"}, {"own/explorer", ""}}, "fr"},
		{"the newest is not", ben, [][2]string{{"openbadges/explorer", "fr"}, {"openbadges/designer", "fr"}, {"openbadges/earner", ""}, {"own/explorer", "fr"}}, ""},
	} {
		for _, x := range tt.give {
			give(tt.who, x[0], x[1])
		}
		if err := n.milestones(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := newestOf(t, n, "openbadges/halfway"); got.Recipient.DID != tt.who || got.Language != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	// One that was withdrawn is not held.
	give(cleo, "openbadges/explorer", "fr")
	gone := give(cleo, "openbadges/designer", "")
	setStanding(t, n, gone.ID, "revoked")
	if _, err := n.RecordEvent(t.Context(), passed(0.9, cleo)); err != nil {
		t.Fatal(err)
	}
	if got := newestOf(t, n, "openbadges/basics"); got.Recipient.DID != cleo || got.Language != "fr" || got.Name != "Bases des Open Badges" {
		t.Errorf("for an event: %+v", got)
	}
}

// Who claims an award that went to an e-mail address may choose its language.
func TestAnAwardIsClaimedInTheLanguageThatIsChosen(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for _, tt := range []struct{ awarded, chosen, want, why string }{
		{"", "fr", "fr", ""}, {"fr", "", "fr", ""}, {"fr", "en", "", ""}, {"", "", "", ""}, {"fr", "de", "", `it is given in en, fr`},
	} {
		g := grant(t, n, GrantRequest{Achievement: "basics", Language: tt.awarded, Key: didcomm.NewID(), To: Recipient{Email: "ana@example.org"}})
		var bound Award
		err := n.db.Update(t.Context(), func(tx *store.Tx) (err error) {
			c := exchange.Connection{ID: didcomm.NewID(), Own: n.contact.String(), Peer: ana}
			if err := exchange.Connections.Put(tx, c); err != nil {
				return err
			}
			bound, err = n.claim(tx, c, g.Award.ID, tt.chosen)
			return err
		})
		if tt.why != "" {
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		if err != nil || bound.Language != tt.want || (bound.Name == "Bases des Open Badges") != (tt.want == "fr") {
			t.Errorf("%+v: %+v, %v", tt, bound, err)
		}
	}
}

// Who holds the French badge of a reviewer reviews, and a French application
// ends in a French badge.
func TestAnApplicationIsReviewedAndEndsInItsLanguage(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	rita, ben := newSomeone(t, n, "rita"), newSomeone(t, n, "ben")
	rita.givenIn(t, "reviewer", "fr", 0)
	ben.givenIn(t, "basics", "fr", 0)
	const id = "0123456789abcdef0123456789abcdef"
	s := application.Submission{Achievement: "openbadges/evidence", Language: "fr", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("log"), words("I did.")}}
	if _, err := ben.act(t, ben.message(t, application.TypeSubmit, id, s)); err != nil {
		t.Fatal(err)
	}
	if p := ben.progress(t); p.Refused || p.State != application.Submitted {
		t.Fatalf("%+v", p)
	}
	got, err := rita.act(t, rita.message(t, application.TypeTake, didcomm.NewID(), application.Request{Application: id}))
	if err != nil {
		t.Fatalf("who holds the badge in French may not review: %v", err)
	}
	if tasks, err := application.ReadTasks(got[0]); err != nil || len(tasks) != 1 || tasks[0].Submission.Language != "fr" {
		t.Errorf("%+v, %v", tasks, err)
	}
	a, err := n.Application(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	award, err := n.awardFor(a)
	if err != nil || award.Language != "fr" || award.Name != "Constructeur de preuves" {
		t.Errorf("%+v, %v", award, err)
	}
}

// The time of an award is told to the second; what was made in the same one is
// told apart by when the wallet took it.
func TestOfTwoAwardsOfOneSecondTheLaterTakenIsNewer(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	first, second, next := Award{Made: at, Updated: at.Add(2)}, Award{Made: at, Updated: at.Add(3)}, Award{Made: at.Add(time.Second), Updated: at.Add(1)}
	if !second.newer(first) || first.newer(second) || !next.newer(second) || first.newer(first) {
		t.Error("the order is another")
	}
}
