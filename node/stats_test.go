package node

import (
	"context"
	"fmt"
	"testing"
	"time"

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
		t.Errorf("one more: %d, %v", s.Value("issued", ""), err)
	}
	if s, err = n.Stats(t.Context(), StatsRequest{Since: n.now().AddDate(0, 0, 1)}); err != nil || s.Value("issued", "") != 0 {
		t.Errorf("from tomorrow on: %d, %v", s.Value("issued", ""), err)
	}
}

func TestSmallGroupsAreHiddenFromPartners(t *testing.T) {
	s := Stats{Figures: []Figure{{Metric: "issued", Value: 12}, {Metric: "issued", By: "a", Value: 9}, {Metric: "issued", By: "b", Value: 3}, {Metric: "revoked", Value: 4}, {Metric: "lapsed", Value: 0}}}
	s.suppress()
	for _, tt := range []struct {
		f      Figure
		hidden bool
	}{{s.Figures[0], true}, {s.Figures[1], false}, {s.Figures[2], true}, {s.Figures[3], true}, {s.Figures[4], false}} {
		if tt.f.Hidden != tt.hidden || tt.f.Hidden && tt.f.Value != 0 {
			t.Errorf("%+v: hidden %v", tt.f, tt.hidden)
		}
	}
}

func TestHalfIsWithinTheSpanThatArithmeticGives(t *testing.T) {
	for _, tt := range []struct {
		seconds []int64
		want    string
	}{{nil, ""}, {[]int64{5}, "1 minute"}, {[]int64{5, 700, 4000}, "1 hour"}, {[]int64{90_000_000}, "longer"}, {[]int64{5, 6, 90_000_000}, "1 minute"}} {
		counts := map[string]int64{}
		for _, s := range tt.seconds {
			counts[spanOf(s)]++
		}
		if got := median(counts); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.seconds, got, tt.want)
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
