package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// asks answers every offer that is open for this person, as a wallet does, and
// returns why those were ended that were.
func (s *someone) asks(t *testing.T) (ended []string) {
	t.Helper()
	var open []exchange.Offer
	if err := s.n.db.View(t.Context(), func(tx *store.Tx) error {
		for o, err := range exchange.Given.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if o.Connection == s.c.ID && o.State == exchange.Offered {
				open = append(open, o)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, o := range open {
		signed, err := s.n.issueFor(t.Context(), o.Award, s.id)
		if err == nil {
			err = s.n.db.Update(t.Context(), signed.Record)
		}
		if over, ok := errors.AsType[*exchange.Over](err); ok {
			ended = append(ended, over.Why)
			closeOffer(t, s.n, o.Award, exchange.Ended)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		closeOffer(t, s.n, o.Award, exchange.Accepted)
	}
	return ended
}

// holds counts the badges of an achievement that are signed for this person,
// and were not replaced.
func (s *someone) holds(t testing.TB, achievement string) (count int) {
	t.Helper()
	if err := s.n.AwardList(t.Context(), achievement, func(a Award) error {
		if a.Recipient.DID == s.id.String() && (a.State == AwardIssued || a.State == AwardHeld) && a.Standing == Active {
			count++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return count
}

func (s *someone) redeems(t testing.TB, code string) error {
	t.Helper()
	_, err := s.act(t, s.message(t, application.TypeClaim, "", application.Request{Code: code}))
	return err
}

// ways are those in which a badge with a claim code comes to somebody.
var ways = map[string]func(t *testing.T, s *someone) error{
	"by hand, to the connection": func(t *testing.T, s *someone) error {
		_, err := s.n.Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{Connection: s.c.ID}})
		return err
	},
	"by hand, to the DID": func(t *testing.T, s *someone) error {
		_, err := s.n.Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{DID: s.id.String()}})
		return err
	},
	"by a file": func(t *testing.T, s *someone) error {
		file := filepath.Join(t.TempDir(), "rows.csv")
		if err := os.WriteFile(file, fmt.Appendf(nil, "badge,did\nexplorer,%s\n", s.id), 0o600); err != nil {
			return err
		}
		_, err := s.n.IssueCSV(t.Context(), file, nil)
		return err
	},
	"by a claim link": func(t *testing.T, s *someone) error {
		g, err := s.n.Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{Email: s.c.Label + "@example.org"}})
		if err != nil || g.Claim == nil {
			return err // it was given to the person of that address already
		}
		return s.redeems(t, g.Claim.Code)
	},
	"by a code": func(t *testing.T, s *someone) error {
		l, err := s.n.ClaimCode(t.Context(), ClaimCodeRequest{Achievement: "explorer"})
		if err != nil {
			return err
		}
		return s.redeems(t, l.Code)
	},
}

// Whichever two ways come one after the other, one person holds a badge once,
// and the second time gives the first or says so.
func TestOnePersonHoldsABadgeOnceWhicheverWayItComes(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	i := 0
	for first, one := range ways {
		for second, two := range ways {
			i++
			s := newSomeone(t, n, fmt.Sprint("p", i))
			if err := one(t, s); err != nil {
				t.Fatalf("%s: %v", first, err)
			}
			s.asks(t)
			if held := s.holds(t, "openbadges/explorer"); held != 1 {
				t.Fatalf("%s: %d held", first, held)
			}
			said := two(t, s)
			ended := s.asks(t)
			if held := s.holds(t, "openbadges/explorer"); held != 1 {
				t.Errorf("%s, then %s: %d held", first, second, held)
			}
			if said != nil {
				ended = append(ended, said.Error())
			}
			for _, why := range ended {
				if !strings.Contains(why, "Open Badges Explorer already") {
					t.Errorf("%s, then %s: %s", first, second, why)
				}
			}
		}
	}
}

// Two ways at once: whatever is signed first stands, the other offer ends with
// a word to the learner.
func TestTwoWaysAtOnceGiveOneBadge(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for range 8 {
		s := newSomeone(t, n, "ana")
		a := grant(t, n, GrantRequest{Achievement: "explorer", To: Recipient{Connection: s.c.ID}})
		other := exchange.NewConnection(didcomm.Pair{Own: n.contact, Peer: newSomeone(t, n, "again").id}, "", "again", n.now()) // of the same wallet
		if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Put(tx, other) }); err != nil {
			t.Fatal(err)
		}
		b := grant(t, n, GrantRequest{Achievement: "explorer", To: Recipient{Connection: other.ID}})
		var both sync.WaitGroup
		var ended [3]bool
		for i, id := range []string{a.Award.ID, b.Award.ID} {
			both.Go(func() {
				signed, err := n.issueFor(t.Context(), id, s.id)
				if err == nil {
					err = n.db.Update(t.Context(), signed.Record)
				}
				if _, ended[i] = errors.AsType[*exchange.Over](err); err != nil && !ended[i] {
					t.Error(err)
				}
			})
		}
		both.Go(func() {
			if _, err := n.Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{DID: s.id.String()}}); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if held := s.holds(t, "openbadges/explorer"); held != 1 || !ended[0] && !ended[1] {
			t.Errorf("%d held; ended: %v", held, ended)
		}
	}
}

// What an event, a presentation or a rule would give is there already.
func TestWhatIsHeldIsNotGivenByARuleAgain(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	s := newSomeone(t, n, "ana")
	to := Recipient{DID: s.id.String()}
	for _, slug := range []string{"explorer", "basics", "earner", "halfway"} {
		grant(t, n, GrantRequest{Achievement: slug, To: to})
	}
	scaled := 0.9
	if e, err := n.RecordEvent(t.Context(), EventRequest{Verb: "http://adlnet.gov/expapi/verbs/passed", Object: "https://lms.example/ob-basics", Scaled: &scaled, Who: s.id.String()}); err != nil || len(e.Given) != 1 || e.Given[0].New {
		t.Errorf("%+v, %v", e, err)
	}
	if err := n.milestones(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.given(t, "basics", 0) // another, to be shown
	in := s.message(t, application.TypeSubmit, didcomm.NewID(), application.Submission{Achievement: "openbadges/earner", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{}})
	if _, err := s.act(t, in); err != nil {
		t.Fatal(err)
	}
	if p := s.progress(t); p.Refused {
		t.Errorf("%+v", p)
	}
	s.asks(t)
	for slug, want := range map[string]int{"earner": 1, "halfway": 1, "basics": 2} {
		if held := s.holds(t, "openbadges/"+slug); held != want {
			t.Errorf("%s: %d held, want %d", slug, held, want)
		}
	}
}

// A higher level is another badge, a lower one is not.
func TestAHigherLevelIsGivenBesideALowerOne(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	c := connectedTo(t, n).ID
	for _, to := range []Recipient{{DID: ana}, {Connection: c}} {
		for _, tt := range []struct {
			level int
			isNew bool
		}{{1, true}, {1, false}, {2, true}, {1, false}, {2, false}, {3, true}, {0, false}} {
			if g := grant(t, n, GrantRequest{Achievement: "designer", To: to, Level: tt.level}); g.New != tt.isNew || g.Award.Level < tt.level {
				t.Errorf("%+v, level %d: %+v", to, tt.level, g)
			}
		}
	}
}

// An offer may be older than the end of the agreement that it rests on: what a
// partner created is not signed once they do not let this node issue it, and
// the learner is told why.
func TestAnOfferIsNotSignedOnceItsAuthorisationIsGone(t *testing.T) {
	alder, cedar := reachable(t, "Alder", nil), reachable(t, "Cedar", nil)
	unit := cedar.set.Base + "/openbadges/a/basics"
	mou := authorises(t, cedar, alder, unit)
	early, late := newSomeone(t, alder, "early"), newSomeone(t, alder, "late")
	for _, s := range []*someone{early, late} {
		grant(t, alder, GrantRequest{Achievement: unit, To: Recipient{Connection: s.c.ID}})
	}
	if ended := early.asks(t); len(ended) != 0 || early.holds(t, cedar.set.Base+"/openbadges/basics") != 1 {
		t.Errorf("while it is in force: %v", ended)
	}
	if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: mou.ID, To: WasEnded, Reason: "over"}); err != nil {
		t.Fatal(err)
	}
	if ended := late.asks(t); len(ended) != 1 || !strings.Contains(ended[0], "is not given here any more: ") || !strings.Contains(ended[0], "no agreement in force authorises this node to issue it") {
		t.Errorf("after its end: %v", ended)
	}
	if late.holds(t, cedar.set.Base+"/openbadges/basics") != 0 {
		t.Error("it was signed")
	}
	tells(t, alder, map[string]float64{"issued": 1, "declined": 0})
}
