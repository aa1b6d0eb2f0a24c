package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// scribe writes random facts and keeps its own sums of them: day, kind and
// what it is told apart by.
type scribe struct {
	n    *Node
	r    *rand.Rand
	at   time.Time
	sums map[string]int64
}

func (s *scribe) sum(kind, by string) {
	s.sums[s.at.UTC().Format(time.DateOnly)+" "+kind+" "+by]++
}

func (s *scribe) fact(tx *store.Tx) error {
	s.at = s.at.Add(time.Duration(s.r.IntN(600)) * time.Second)
	a := fmt.Sprintf("own/badge-%d", s.r.IntN(4))
	kind, body := "award.issued", map[string]any{"credential": fmt.Sprint("urn:", s.r.Uint64()), "achievement": a}
	switch s.r.IntN(4) {
	case 0:
		kind, body["seconds"] = "award.held", 5 // within ten
		s.sum("seconds to accept", "10")
	case 1:
		kind, body["route"], body["unmet"] = "review.submitted", "test \"x\"", []string{"p", "q"}
		s.sum("review.submitted by route", "test \"x\"")
		s.sum("criterion missed", a+"#p")
		s.sum("criterion missed", a+"#q")
	case 2:
		kind, body["partner"], body["reason"] = "recognition.no", "did:web:b", "level"
		s.sum("recognition.no by partner", "did:web:b")
		s.sum("recognition.no by reason", "did:web:b level")
	}
	s.sum(kind, a)
	return s.n.note(tx, kind, body)
}

func (s *scribe) write(t *testing.T, facts int) {
	t.Helper()
	if err := s.n.db.Update(t.Context(), func(tx *store.Tx) error {
		for range facts {
			if err := s.fact(tx); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func flat(days dayCounts) map[string]int64 {
	out := map[string]int64{}
	for day, t := range days {
		for kind, counts := range t {
			for by, n := range counts {
				out[day+" "+kind+" "+by] = n
			}
		}
	}
	return out
}

// differs names the first sum that is not the scribe's.
func (s *scribe) differs(got map[string]int64) string {
	for _, k := range slices.Sorted(maps.Keys(s.sums)) {
		if got[k] != s.sums[k] {
			return fmt.Sprintf("%s: %d, want %d", k, got[k], s.sums[k])
		}
	}
	return fmt.Sprintf("%d sums, want %d", len(got), len(s.sums))
}

// However a journal is cut, and by however many it is counted, the counts are
// those that its writer kept.
func TestAJournalCutInAnyWayCountsTheSame(t *testing.T) {
	s := scribe{r: rand.New(rand.NewPCG(11, 27)), at: time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC), sums: map[string]int64{}}
	s.n = opened(t, t.TempDir(), func() time.Time { return s.at })
	s.sum("identity.made", "") // by the opening itself
	s.sum("catalogue.published", "")
	for range 6 {
		s.write(t, 1+s.r.IntN(300))
		if _, err := s.n.Stats(t.Context(), StatsRequest{}); err != nil { // some is counted before the rest is written
			t.Fatal(err)
		}
	}
	_, last, err := s.n.uncounted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		cuts := []uint64{0, last}
		for range s.r.IntN(5) {
			cuts = append(cuts, s.r.Uint64N(last+1))
		}
		slices.Sort(cuts)
		all := dayCounts{}
		for i, end := range cuts[1:] {
			days, err := s.n.countFacts(t.Context(), cuts[i], end, 1+s.r.IntN(9))
			if err != nil {
				t.Fatal(err)
			}
			all.merge(days)
		}
		if got := flat(all); !maps.Equal(got, s.sums) {
			t.Fatalf("cut at %d: %s", cuts, s.differs(got))
		}
	}
	if got := flat(keptCounts(t, s.n)); !maps.Equal(got, s.sums) {
		t.Errorf("counted while it was written: %s", s.differs(got))
	}
}

// keptCounts reads what is kept of all days.
func keptCounts(t *testing.T, n *Node) dayCounts {
	t.Helper()
	out := dayCounts{}
	if err := n.db.View(t.Context(), func(tx *store.Tx) error {
		for rec, err := range tx.Scan(store.Range{Prefix: []byte("stat/day/"), KeysOnly: true}) {
			if err != nil {
				return err
			}
			day := string(rec.Key)[len("stat/day/"):]
			if len(day) != len(time.DateOnly) {
				continue
			}
			var err error
			if out[day], err = getDay(tx, day); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// Counting that is given up keeps nothing of the piece, and is made good later.
func TestCountingThatIsGivenUpCountsNothingTwice(t *testing.T) {
	n := filled(t, 900)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Stats(ctx, StatsRequest{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("given up: %v", err)
	}
	if s, err := n.Stats(t.Context(), StatsRequest{}); err != nil || s.Value("issued", "") != 300 {
		t.Errorf("%v, %v", s.Value("issued", ""), err)
	}
}
