package node

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// crowd is a node with so many learners, each with badges of the path that
// ships: all have basics, every second earner, every fourth designer@2.
func crowd(tb testing.TB, learners int) *Node {
	tb.Helper()
	n := opened(tb, tb.TempDir(), nil)
	give := func(tx *store.Tx, i int, badge string, level int) error {
		return awards.Put(tx, Award{ID: fmt.Sprintf("urn:uuid:%d-%s", i, badge), Catalogue: "openbadges", Achievement: badge, Level: level, State: AwardHeld, Standing: Active,
			Recipient: Recipient{DID: fmt.Sprintf("did:key:z%06d", i)}, Awarded: n.now(), ValidFrom: n.now()})
	}
	for done := 0; done < learners; done += 200 {
		err := n.db.Update(context.Background(), func(tx *store.Tx) error {
			for i := done; i < min(learners, done+200); i++ {
				err := give(tx, i, "basics", 0)
				if err == nil && i%2 == 0 {
					err = give(tx, i, "earner", 0)
				}
				if err == nil && i%4 == 0 {
					err = give(tx, i, "designer", 2)
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
	}
	return n
}

// Where learners stand is told one at a time: ten thousand of
// them are not in memory at once.
func TestTenThousandLearnersAreToldInFlatMemory(t *testing.T) {
	const learners = 10_000
	n := crowd(t, learners)
	var m runtime.MemStats
	heap := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	if err := n.Learners(t.Context(), func(Learner) error { return nil }); err != nil { // fills what the store keeps at hand
		t.Fatal(err)
	}
	before, most, seen := heap(), uint64(0), 0
	begin := time.Now()
	err := n.LearnersOf(t.Context(), "become-issuer", func(l Learner) error {
		if seen++; seen%2500 == 0 {
			most = max(most, heap())
		}
		if len(l.Paths) != 1 || len(l.Roles) != 0 || l.Paths[0].Progress.Done == 0 {
			t.Errorf("%+v", l)
		}
		return nil
	})
	if err != nil || seen != learners {
		t.Fatalf("%d learners, %v", seen, err)
	}
	grown := int64(most) - int64(before)
	t.Logf("%d learners in %s, the heap grew by %d KiB", seen, time.Since(begin).Round(time.Millisecond), grown>>10)
	if grown > 4<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
	all, err := n.PathStandings(t.Context(), "openbadges/become-issuer")
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	counts := map[string]int{}
	for _, s := range all[0].Steps {
		counts[s.Badge] = s.Satisfied
	}
	if all[0].Learners != learners || counts["basics"] != learners || counts["earner"] != learners/2 || counts["designer"] != learners/4 || counts["issuer"] != 0 || all[0].Arrived != 0 {
		t.Errorf("%+v", all[0])
	}
}

func BenchmarkLearners(b *testing.B) {
	n := crowd(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if err := n.Learners(context.Background(), func(Learner) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
