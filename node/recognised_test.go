package node

import (
	"fmt"
	"sync"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

// recognises looks at a badge and reports whether it counts.
func recognises(t *testing.T, n *Node, badge []byte, want credentials.Answer) {
	t.Helper()
	r, err := n.Recognise(t.Context(), RecogniseRequest{Credential: badge})
	if err != nil || r.Recognition.Answer != want || r.Recognition.Statement == "" {
		t.Errorf("%+v, %v", r.Recognition, err)
	}
}

// tells compares figures with those wanted, by metric.
func tells(t *testing.T, n *Node, want map[string]int64) {
	t.Helper()
	s, err := n.Stats(t.Context(), StatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for metric, v := range want {
		if got := s.Value(metric, ""); got != v {
			t.Errorf("%s: %d, want %d", metric, got, v)
		}
	}
}

// However often a badge is looked at, at once and over a restart, it counts
// once as what it counts as, and once for each reason for which it does not.
func TestABadgeThatIsLookedAtAgainCountsOnce(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	agreed(t, alder, birch, fmt.Sprintf("  - {source: %q, target: basics, credits: {system: ecvet, points: 0.5}}\n  - {source: %q, target: designer, level: 3}\n", birch.set.Base+"/openbadges/a/basics", birch.set.Base+"/openbadges/a/designer"))
	badge := func(achievement, to string) []byte {
		g, err := birch.Grant(t.Context(), GrantRequest{Achievement: achievement, To: Recipient{DID: to}, Level: map[string]int{"designer": 1}[achievement]})
		if err != nil {
			t.Fatal(err)
		}
		_, raw, err := birch.Award(t.Context(), g.Award.ID)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	one, low := badge("basics", ana), badge("designer", ana)
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { recognises(t, alder, one, credentials.Yes) })
		all.Go(func() { recognises(t, alder, low, credentials.No) })
	}
	all.Wait()
	want := map[string]int64{"recognised": 1, "not recognised": 1, "credits recognised, in hundredths": 50}
	tells(t, alder, want)
	if err := alder.Close(); err != nil {
		t.Fatal(err)
	}
	alder = opened(t, alder.dir, nil)
	recognises(t, alder, one, credentials.Yes)
	recognises(t, alder, low, credentials.No)
	tells(t, alder, want)
	another := badge("basics", alder.id.String())
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	recognises(t, alder, another, credentials.Yes)
	tells(t, alder, map[string]int64{"recognised": 2, "not recognised": 1, "credits recognised, in hundredths": 100})
}

// A partner's endorsement that is brought in again is the same one.
func TestAnEndorsementThatIsTakenInAgainCountsOnce(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	given, err := birch.Endorse(t.Context(), EndorseRequest{Of: alder.id.String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := alder.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: given.Credential}); err != nil {
			t.Fatal(err)
		}
	}
	tells(t, alder, map[string]int64{"endorsements taken in": 1})
}
