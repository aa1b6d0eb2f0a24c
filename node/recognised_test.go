package node

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
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
func tells(t *testing.T, n *Node, want map[string]float64) {
	t.Helper()
	s, err := n.Stats(t.Context(), StatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for metric, v := range want {
		got := s.Value(metric, "")
		for _, f := range s.Figures { // points have no total
			if metric == "credits in" && f.Metric == metric {
				got += f.Value
			}
		}
		if got != v {
			t.Errorf("%s: %v, want %v", metric, got, v)
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
	want := map[string]float64{"recognised": 1, "not recognised": 1, "credits in": 0.5}
	tells(t, alder, want)
	if err := alder.Close(); err != nil {
		t.Fatal(err)
	}
	alder = opened(t, alder.dir, nil)
	recognises(t, alder, one, credentials.Yes)
	recognises(t, alder, low, credentials.No)
	tells(t, alder, want)
	if _, err := alder.Erase(t.Context(), EraseRequest{Who: ana}); err != nil { // her credits are forgotten with her
		t.Error(err)
	}
	if _, err := alder.Erase(t.Context(), EraseRequest{Who: ana}); !errors.Is(err, ErrNotFound) {
		t.Errorf("erased again: %v", err)
	}
	another := badge("basics", alder.id.String())
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	recognises(t, alder, another, credentials.Yes)
	tells(t, alder, map[string]float64{"recognised": 2, "not recognised": 1, "credits in": 1})
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
	tells(t, alder, map[string]float64{"endorsements taken in": 1})
}

// The credits of a unit count once, however many badges stand for it; the
// numbers are those of the rules, added by hand.
func TestTheCreditsOfAUnitCountOnce(t *testing.T) {
	exact := func(points float64) recognition.Recognition {
		return recognition.Recognition{Satisfies: true, Credits: points, Framework: "ecvet", Source: "maker"}
	}
	part := func(source string, points float64) recognition.Recognition {
		return recognition.Recognition{Credits: points, Framework: "ecvet", Source: source}
	}
	for name, tt := range map[string]struct {
		shown []recognition.Recognition
		want  float64
	}{
		"two levels":             {[]recognition.Recognition{exact(0.3), exact(0.5)}, 0.5},
		"the larger first":       {[]recognition.Recognition{exact(0.5), exact(0.3)}, 0.5},
		"a part twice":           {[]recognition.Recognition{part("a", 0.1), part("a", 0.2)}, 0.2},
		"two parts":              {[]recognition.Recognition{part("a", 0.1), part("b", 0.2)}, 0.3}, // and not 0.30000000000000004
		"a part of what is met":  {[]recognition.Recognition{exact(0.5), part("a", 0.1)}, 0.5},
		"parts of what gets met": {[]recognition.Recognition{part("a", 0.1), part("b", 0.2), exact(0.5)}, 0.5},
		"met without credits":    {[]recognition.Recognition{{Satisfies: true}, part("a", 0.1)}, 0},
	} {
		var u unitCredits
		for _, r := range tt.shown {
			u = u.with(r)
		}
		if got := u.sum()["ecvet"]; got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// A badge at a higher level, shown later, adds what it is worth more, to the
// figures as in one transcript.
func TestAHigherLevelThatIsShownLaterAddsTheDifference(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	source := birch.set.Base + "/openbadges/a/designer"
	agreed(t, alder, birch, fmt.Sprintf("  - {source: %q, target: basics, credits: {system: ecvet, points: 0.3}}\n  - {source: %q, target: basics, credits: {system: ecvet, points: 0.2}, as: isPartOf}\n",
		source, birch.set.Base+"/openbadges/a/earner"))
	var badges [][]byte
	for _, g := range []GrantRequest{{Achievement: "earner"}, {Achievement: "designer", Level: 2, Key: "a"}, {Achievement: "designer", Level: 3, Key: "b"}} {
		g.To = Recipient{DID: ana}
		got, err := birch.Grant(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		_, raw, err := birch.Award(t.Context(), got.Award.ID)
		if err != nil {
			t.Fatal(err)
		}
		badges = append(badges, raw)
	}
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, sum := range []float64{0.2, 0.3, 0.3} { // 0.2; 0.3, of which 0.2 was counted; nothing more
		recognises(t, alder, badges[i], credentials.Yes)
		tells(t, alder, map[string]float64{"recognised": float64(i) + 1, "credits in": sum})
	}
	r, err := alder.Recognise(t.Context(), RecogniseRequest{Credential: transcribed(t, birch, badges...)})
	if err != nil || len(r.Units) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	for framework, sum := range r.Credits {
		if sum != 0.3 {
			t.Errorf("%g points %s", sum, framework)
		}
	}
}
