package node

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// since reads the journal after fact number from: of each fact its kind, route
// and actor.
func since(t *testing.T, n *Node, from uint64) (out []string, last uint64) {
	t.Helper()
	last = from
	err := n.Journal(t.Context(), from+1, func(f store.Fact) error {
		var body struct{ Route, By, As string }
		if err := json.Unmarshal(f.Body, &body); err != nil {
			return err
		}
		for _, name := range []string{"@", "Ana", "example.org"} {
			if strings.Contains(string(f.Body), name) {
				t.Errorf("%s names somebody: %s", f.Kind, f.Body)
			}
		}
		last = f.Seq
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %s/%s/%s", f.Kind, body.Route, body.By, body.As), " /"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, last
}

// Each act is told with its route and with who acted, and nobody is named.
func TestTheJournalTellsWhoActedAndByWhichRoute(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	_, at := since(t, n, 0)
	tells := func(what string, want ...string) {
		t.Helper()
		var got []string
		if got, at = since(t, n, at); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s, rita := newSomeone(t, n, "Ana"), newSomeone(t, n, "Rita")
	reviewer, signer := application.Person{DID: rita.id.String(), Connection: rita.c.ID}, application.Person{DID: "did:key:zOtto", Connection: "9c1f2ab04d7e"}

	email := grant(t, n, GrantRequest{Achievement: "explorer", To: Recipient{Email: "ana@example.org"}})
	tells("by hand", "award.made grant/operator", "award.issued grant/operator")
	if err := s.redeems(t, email.Claim.Code); err != nil {
		t.Fatal(err)
	}
	s.asks(t)
	tells("by a claim link", "award.made claim-link/learner", "claim-code.redeemed", "award.issued claim-link/learner", "award.rebound", "award.held")
	setStanding(t, n, email.Award.ID, "revoked")
	tells("revoked", "award.revoked /operator")
	l, err := n.ClaimCode(t.Context(), ClaimCodeRequest{Achievement: "explorer"})
	if err != nil {
		t.Fatal(err)
	}
	other := newSomeone(t, n, "Ben")
	if err := other.redeems(t, l.Code); err != nil {
		t.Fatal(err)
	}
	tells("by a code", "claim-code.made", "award.made claim-code/learner", "claim-code.redeemed")
	if _, err := n.RecordEvent(t.Context(), passed(0.9, s.id.String())); err != nil {
		t.Fatal(err)
	}
	tells("by an event", "event.recorded", "award.made event/operator", "award.issued event/operator")
	s.shows(t, "openbadges/basics", 0)
	if _, err := s.act(t, s.message(t, application.TypeSubmit, didcomm.NewID(), application.Submission{Achievement: "openbadges/earner", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{}})); err != nil {
		t.Fatal(err)
	}
	tells("by a presentation", "application.submitted regular/learner", "award.made presentation/learner", "application.issued regular/learner")
	s.asks(t)
	_, at = since(t, n, at)
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	tells("by a rule", "award.made rule/node")

	// Reviews, and two ways to sign: from a wallet, and at the machine.
	for _, tt := range []struct {
		act  Actor
		want string
	}{{actorOf(signer), "9c1f2ab04d7e"}, {Actor{By: operator.By, As: signer.Connection}, "operator/9c1f2ab04d7e"}} {
		who := newSomeone(t, n, "Ana")
		id := didcomm.NewID()
		if _, err := who.act(t, who.message(t, application.TypeSubmit, id, application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("work")}})); err != nil {
			t.Fatal(err)
		}
		w, err := n.target("openbadges/contributor")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []string{"1", "2"} { // a quorum of two
			by := application.Person{DID: reviewer.DID + r, Connection: reviewer.Connection + r}
			err = n.db.Update(t.Context(), func(tx *store.Tx) error {
				a, err := getApplication(tx, id)
				if err != nil {
					return err
				}
				if a.State == application.Accepted {
					return nil
				}
				if err := a.Take(by, time.Hour, n.now()); err != nil {
					return err
				}
				var judged []application.Judged
				for _, c := range w.rules().Criteria {
					judged = append(judged, application.Judged{Criterion: c, Satisfied: true})
				}
				award, err := n.awardFor(a)
				if err != nil {
					return err
				}
				return n.decided(tx, &a, application.Review{ID: id + r, By: by, Revision: 1, Judged: judged, At: n.now()}, w, award, []byte("{}"), []byte("{}"))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.signApplication(t.Context(), id, signer, tt.act); err != nil {
			t.Fatal(err)
		}
		want := []string{"application.submitted regular/learner"}
		for i := range w.rules().Quorum {
			want = append(want, fmt.Sprintf("review.submitted regular/%s%d", rita.c.ID, i+1))
		}
		tells("signed by "+tt.want, append(want, fmt.Sprintf("application.accepted regular/%s%d", rita.c.ID, w.rules().Quorum), "award.made review/"+tt.want, "application.issued regular/"+tt.want)...)
	}
	id := didcomm.NewID()
	if _, err := s.act(t, s.message(t, application.TypeSubmit, id, application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("work")}})); err != nil {
		t.Fatal(err)
	}
	for _, d := range []ApplicationDecision{{ID: id, Do: "keep"}, {ID: id, Do: "reject", Reason: "not your own work"}} {
		if _, err := n.DecideApplication(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	tells("decided here", "application.submitted regular/learner", "application.kept regular/operator", "application.rejected regular/operator")

	held := grant(t, n, GrantRequest{Achievement: "issuer", Level: 2, To: Recipient{DID: ana}})
	now = now.AddDate(2, 0, -10)
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, at = since(t, n, at)
	if _, err := n.Renew(t.Context(), RenewRequest{ID: held.Award.ID}); err != nil {
		t.Fatal(err)
	}
	tells("renewed", "award.made renewal/operator", "award.renewed", "award.issued renewal/operator")
	if _, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "basics", Reason: "error"}); err != nil {
		t.Fatal(err)
	}
	tells("withdrawn", "award.revoked /operator")
}

// An agreement's facts tell which side acted.
func TestTheJournalTellsWhichSideOfAnAgreementActed(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	_, ours := since(t, alder, 0)
	_, theirs := since(t, birch, 0)
	a := agreed(t, alder, birch, "")
	for _, to := range []AgreementState{OnHold, InForce} {
		if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: a.ID, To: to, Reason: "a doubt"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		n    *Node
		from uint64
		want string
	}{
		{alder, ours, "agreement.proposed /operator|agreement.in-force /" + birch.id.String() + "|agreement.suspended /operator|agreement.resumed /operator"},
		{birch, theirs, "agreement.countersigned /operator"},
	} {
		if got, _ := since(t, tt.n, tt.from); strings.Join(got, "|") != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// The journal of a version that told neither route nor actor is read, checked
// and counted as before, and an award of then that is signed now has none.
func TestAnOlderJournalVerifiesAndCounts(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	c := connectedTo(t, n)
	g := grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Connection: c.ID}})
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		a, err := awards.Get(tx, g.Award.ID)
		if err != nil {
			return err
		}
		a.Route, a.By = "", Actor{}
		if err := n.note(tx, "award.issued", map[string]any{"credential": "urn:uuid:1", "achievement": "openbadges/basics"}); err != nil {
			return err
		}
		_, err = n.recordSigned(tx, a, []byte("{}"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Email: "ben@example.org"}})
	got, _ := since(t, n, 0)
	if all := strings.Join(got, "\n"); !strings.HasSuffix(all, "award.made grant/operator\naward.issued\naward.issued\naward.made grant/operator\naward.issued grant/operator") {
		t.Errorf("%s", all)
	}
	if _, err := n.db.VerifyJournal(t.Context()); err != nil {
		t.Error(err)
	}
	tells(t, n, map[string]float64{"offered or signed": 2, "issued": 3})
}
