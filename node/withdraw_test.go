package node

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// Whoever comes first, the journal says once of each badge that it was revoked,
// and the one who revoked it counts it.
func TestABadgeThatIsWithdrawnAndRevokedAtOnceIsNotedOnce(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	var ids []string
	for i := range 24 {
		ids = append(ids, grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Email: fmt.Sprintf("p%d@example.org", i)}}).Award.ID)
	}
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			if _, err := n.SetStanding(t.Context(), StandingRequest{ID: id, To: string(Revoked), Reason: "one"}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			if _, err := n.WithdrawAll(t.Context(), WithdrawAllRequest{Achievement: "basics", Reason: "all"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	times := map[string]int{}
	if err := n.Journal(t.Context(), 1, func(f store.Fact) error {
		var body struct{ Credential string }
		if f.Kind != "award.revoked" {
			return nil
		}
		err := json.Unmarshal(f.Body, &body)
		times[body.Credential]++
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if times[id] != 1 {
			t.Errorf("%s was noted %d times", id, times[id])
		}
	}
	tells(t, n, map[string]float64{"revoked": float64(len(ids))})
}

// What was read before somebody else revoked it is not revoked again.
func TestWhatWasRevokedMeanwhileIsNotRevokedAgain(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for i := range 3 {
		grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{Email: fmt.Sprintf("p%d@example.org", i)}})
	}
	some, err := n.standingOf(t.Context(), "openbadges/basics", "")
	if err != nil || len(some) != 3 {
		t.Fatalf("%d, %v", len(some), err)
	}
	if _, err := n.SetStanding(t.Context(), StandingRequest{ID: some[1].ID, To: string(Revoked), Reason: "one"}); err != nil {
		t.Fatal(err)
	}
	if did, _, err := n.revokeSome(t.Context(), some, "all"); err != nil || did != 2 {
		t.Errorf("%d, %v", did, err)
	}
	a, _, err := n.Award(t.Context(), some[1].ID)
	if err != nil || a.Reason != "one" {
		t.Errorf("%+v, %v", a, err)
	}
	tells(t, n, map[string]float64{"revoked": 3})
}

// peopled is a node with so many badges of one achievement, each of somebody
// else.
func peopled(b *testing.B, badges int) *Node {
	b.Helper()
	n := opened(b, b.TempDir(), nil)
	for from := 0; from < badges; from += 250 {
		if err := n.db.Update(context.Background(), func(tx *store.Tx) error {
			for i := from; i < from+250; i++ {
				a := Award{ID: fmt.Sprintf("urn:uuid:%08d", i), Key: fmt.Sprint(i), Catalogue: "openbadges", Achievement: "basics", Name: "Open Badges Basics", Recipient: Recipient{Email: fmt.Sprintf("p%d@example.org", i), Salt: "salt"},
					State: AwardIssued, Standing: Active, Purpose: "revocation", List: 1, Index: i, Awarded: n.now(), Made: n.now(), Updated: n.now()}
				if err := awards.Put(tx, a); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// BenchmarkErase forgets a person who holds ten badges, of a node that gave
// 100,000 to others.
func BenchmarkErase(b *testing.B) {
	n := peopled(b, 100_000)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		who := fmt.Sprintf("ana%d@example.org", i)
		for k := range 10 {
			if err := n.db.Update(context.Background(), func(tx *store.Tx) error {
				return awards.Put(tx, Award{ID: fmt.Sprintf("urn:uuid:x%d-%d", i, k), Key: "k", Catalogue: "openbadges", Achievement: "explorer", Recipient: Recipient{Email: who}, State: AwardIssued, Standing: Active, Updated: time.Now()})
			}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if e, err := n.Erase(context.Background(), EraseRequest{Who: who}); err != nil || e.Badges != 10 {
			b.Fatalf("%+v, %v", e, err)
		}
	}
}

// BenchmarkWithdrawAll revokes 10,000 badges of one achievement.
func BenchmarkWithdrawAll(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		n := peopled(b, 10_000)
		b.StartTimer()
		if w, err := n.WithdrawAll(context.Background(), WithdrawAllRequest{Achievement: "basics", Reason: "error"}); err != nil || w.Revoked != 10_000 {
			b.Fatalf("%+v, %v", w, err)
		}
	}
}
