package node

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// filled is a node with so many facts in its journal, as a busy one writes
// them: every third a badge issued, accepted, or a review.
func filled(tb testing.TB, facts int) *Node {
	tb.Helper()
	n := opened(tb, tb.TempDir(), nil)
	for done := 0; done < facts; {
		err := n.db.Update(context.Background(), func(tx *store.Tx) error {
			for i := done; i < min(facts, done+400); i++ {
				a := fmt.Sprintf("openbadges/badge-%d", i%9)
				var err error
				switch i % 3 {
				case 0:
					err = n.note(tx, "award.issued", map[string]any{"credential": fmt.Sprint("urn:uuid:", i), "achievement": a})
				case 1:
					err = n.note(tx, "award.held", map[string]any{"credential": fmt.Sprint("urn:uuid:", i), "achievement": a, "seconds": i % 4000})
				default:
					err = n.note(tx, "review.submitted", map[string]any{"application": fmt.Sprint(i), "achievement": a, "route": "prior-learning", "unmet": []string{"digest"}})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
		done += 400
	}
	return n
}

// What is counted is the sum of what was written, whether at once or bit by
// bit, and over a restart of the counting.
func TestFactsAreCountedOnce(t *testing.T) {
	n := filled(t, 900)
	for range 2 {
		s, err := n.Stats(t.Context(), StatsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Value("issued", "") != 300 || s.Value("accepted", "") != 300 || s.Value("reviews", "") != 300 || s.Value("criteria not satisfied", "") != 300 {
			t.Errorf("%+v", s.Figures)
		}
	}
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		return n.note(tx, "award.issued", map[string]any{"credential": "urn:uuid:x", "achievement": "openbadges/badge-1"})
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Stats(t.Context(), StatsRequest{})
	if err != nil || s.Value("issued", "") != 301 {
		t.Errorf("one more: %v, %v", s.Value("issued", ""), err)
	}
	if s, err = n.Stats(t.Context(), StatsRequest{Until: n.now().AddDate(0, 0, -1)}); err != nil || s.Value("issued", "") != 0 {
		t.Errorf("until yesterday: %v, %v", s.Value("issued", ""), err)
	}
	if s, err = n.Stats(t.Context(), StatsRequest{Since: n.now(), Until: n.now()}); err != nil || s.Value("issued", "") != 301 {
		t.Errorf("today: %v, %v", s.Value("issued", ""), err)
	}
	if s, err = n.Stats(t.Context(), StatsRequest{Since: n.now().AddDate(0, 0, 1)}); err != nil || s.Value("issued", "") != 0 {
		t.Errorf("from tomorrow on: %v, %v", s.Value("issued", ""), err)
	}
}

// Half of what took so long, rounded up to a step, by hand.
func TestHalfIsWithinTheStepThatArithmeticGives(t *testing.T) {
	for _, tt := range []struct {
		seconds []int64
		want    int64
		words   string
	}{{nil, 0, "0 seconds"}, {[]int64{5}, 10, "10 seconds"}, {[]int64{5, 700, 4000}, 1800, "30 minutes"}, {[]int64{5, 6, 90_000_000}, 10, "10 seconds"},
		{[]int64{60}, 60, "1 minute"}, {[]int64{86_400}, 86_400, "1 day"}, {[]int64{31_536_000}, 31_536_000, "365 days"}, {[]int64{31_536_001}, 63_072_000, "730 days"}} {
		counts := map[string]int64{}
		for _, s := range tt.seconds {
			counts[spanOf(s)]++
		}
		got, of := median(counts)
		if got != tt.want || of != int64(len(tt.seconds)) || inWords(got) != tt.words {
			t.Errorf("%v: %d of %d, %q, want %d, %q", tt.seconds, got, of, inWords(got), tt.want, tt.words)
		}
	}
}

// An application is counted once as submitted and once as rejected, whatever
// comes after: it is handed in, returned, handed in again, rejected, appealed
// and rejected again.
func TestAnApplicationIsCountedOnce(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	handed := n.now().Add(-50 * time.Second)
	a := application.Application{ID: "a", Catalogue: "openbadges", Slug: "designer", Handed: handed}
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, step := range []struct {
			kind            string
			state           application.State
			revision, round int
			route           string
		}{
			{"submitted", application.Submitted, 1, 0, "prior-learning"}, {"returned", application.Returned, 1, 0, ""},
			{"submitted", application.Submitted, 2, 0, "prior-learning"}, {"rejected", application.Rejected, 2, 0, ""},
			{"appealed", application.InReview, 2, 1, ""}, {"rejected", application.Rejected, 2, 1, ""},
			{"submitted", application.Submitted, 1, 0, ""}, {"rejected", application.Rejected, 1, 0, ""}, // another
			{"appealed", application.InReview, 1, 1, ""}, {"accepted", application.Accepted, 1, 1, ""},
		} {
			a.State, a.Now.Revision, a.Round, a.Now.Route = step.state, step.revision, step.round, step.route
			if err := n.noteApplication(tx, "application."+step.kind, a, map[string]any{"kinds": []string{"file"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Stats(t.Context(), StatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Figure{
		{Metric: "applications submitted", Value: 2}, {Metric: "submitted by route", By: "prior-learning", Value: 1}, {Metric: "applications resubmitted", Value: 1},
		{Metric: "resubmitted by route", By: "prior-learning", Value: 1}, {Metric: "applications returned", Value: 1}, {Metric: "applications rejected", Value: 2},
		{Metric: "applications appealed", Value: 2}, {Metric: "appeals decided", By: "rejected", Value: 1}, {Metric: "appeals decided", By: "accepted", Value: 1},
		{Metric: "applications accepted", Value: 1}, {Metric: "seconds to decide, median", Value: 60}, {Metric: "evidence kinds used", By: "file", Value: 3},
	} {
		if got := s.Value(want.Metric, want.By); got != want.Value {
			t.Errorf("%s %s: %v, want %v", want.Metric, want.By, got, want.Value)
		}
	}
}

// Counts that another version of the rules kept are made anew.
func TestCountsByOtherRulesAreMadeAnew(t *testing.T) {
	n := filled(t, 30)
	tells(t, n, map[string]float64{"issued": 10})
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		return tx.Put(cursorKey, []byte{0, 0, 0, 0, 0, 0, 0, 9})
	})
	if err != nil {
		t.Fatal(err)
	}
	tells(t, n, map[string]float64{"issued": 10, "accepted": 10})
}

// What did not happen is 0, so that an alert can be written about it.
func TestANewNodeTellsZeros(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	s, err := n.Stats(t.Context(), StatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Figure{{Metric: "issued"}, {Metric: "learners"}, {Metric: "renewals", By: "due"}, {Metric: "role met", By: "openbadges/open-badge-issuer"},
		{Metric: "path step satisfied", By: "openbadges/become-issuer/basics"}, {Metric: "applications now", By: "in-review"}, {Metric: "agreements now", By: "ours in-force"}, {Metric: "credits out", By: "http://data.europa.eu/snb/education-credit/60b314e826"}} {
		if !slices.Contains(s.Figures, f) {
			t.Errorf("no %s %s", f.Metric, f.By)
		}
	}
}

// BenchmarkCountFacts is the cost of a fact that was not counted yet; what was
// counted costs a query nothing.
func BenchmarkCountFacts(b *testing.B) {
	n := filled(b, b.N)
	b.ResetTimer()
	if err := n.countUp(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkStats(b *testing.B) {
	n := filled(b, 20_000)
	for b.Loop() {
		if _, err := n.Stats(context.Background(), StatsRequest{Since: time.Now().AddDate(0, -1, 0)}); err != nil {
			b.Fatal(err)
		}
	}
}

// Agreements are counted where they stand, and refusals by partner and reason.
func TestAgreementsAreCountedWhereTheyStand(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	basics := birch.set.Base + "/openbadges/a/basics"
	own := agreed(t, alder, birch, fmt.Sprintf("  - {source: %q, target: basics}\n", basics))
	told := func(n *Node, want map[string]float64) {
		t.Helper()
		s, err := n.Stats(t.Context(), StatsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for by, v := range want {
			if got := s.Value("agreements now", by); got != v {
				t.Errorf("%s: %v, want %v", by, got, v)
			}
		}
	}
	told(alder, map[string]float64{"ours in-force": 1, "theirs in-force": 0})
	told(birch, map[string]float64{"ours in-force": 0, "theirs in-force": 1})
	g, err := birch.Grant(t.Context(), GrantRequest{Achievement: "explorer", To: Recipient{DID: ana}})
	if err != nil {
		t.Fatal(err)
	}
	_, unruled, err := birch.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := alder.Recognise(t.Context(), RecogniseRequest{Credential: unruled}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := alder.Stats(t.Context(), StatsRequest{})
	if err != nil || s.Value("not recognised by reason", birch.id.String()+" no rule") != 1 || s.Value("not recognised", birch.id.String()) != 1 {
		t.Errorf("%+v, %v", s.Figures, err)
	}
	for _, step := range []struct {
		to   AgreementState
		want map[string]float64
	}{{OnHold, map[string]float64{"ours suspended": 1, "ours in-force": 0}}, {WasEnded, map[string]float64{"ours ended": 1, "ours suspended": 0}}} {
		if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: own.ID, To: step.to, Reason: "review"}); err != nil {
			t.Fatal(err)
		}
		told(alder, step.want)
	}
}

// Credits out are the badges of this node times their points: of two designers
// at 0.5, one of them renewed and one claimed, and one issuer at 1, two points.
func TestCreditsOutCountABadgeOnce(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, f := range [][2]string{{"issued", "designer"}, {"issued", "designer"}, {"issued", "designer"}, {"renewed", "designer"}, {"issued", "designer"}, {"rebound", "designer"}, {"issued", "issuer"}, {"issued", "basics"}} {
			if err := n.note(tx, "award."+f[0], map[string]any{"achievement": "openbadges/" + f[1]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Stats(t.Context(), StatsRequest{})
	if got := s.Value("credits out", "http://data.europa.eu/snb/education-credit/60b314e826"); err != nil || got != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if s, err = n.Stats(t.Context(), StatsRequest{Shared: true}); err != nil || !s.figure("credits out", "http://data.europa.eu/snb/education-credit/60b314e826").Hidden {
		t.Errorf("told of four badges: %+v, %v", s.Figures, err)
	}
}
