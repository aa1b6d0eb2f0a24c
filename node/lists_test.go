package node

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/store"
)

// The last index of a list is given, then the next list opens and is published
// before a badge names it; also when many badges are issued at the brink.
func TestAFullListOpensTheNextOne(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{DID: ana}})
	const left = 5
	err := n.db.Update(t.Context(), func(tx *store.Tx) error {
		l, err := listRecords.Get(tx, fmt.Sprintf("%08d", 1))
		if err != nil {
			return err
		}
		l.Given = ListSize - left
		return listRecords.Put(tx, l)
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	given := map[string]Award{}
	for i := range 2 * left {
		wg.Go(func() {
			g, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", Key: fmt.Sprint(i), To: Recipient{DID: ana}})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			place := fmt.Sprintf("%d/%d", g.Award.List, g.Award.Index)
			if _, twice := given[place]; twice {
				t.Errorf("%s is given twice", place)
			}
			given[place] = g.Award
		})
	}
	wg.Wait()
	count := map[int]int{}
	var second Award
	for _, a := range given {
		count[a.List]++
		if a.List == 2 {
			second = a
		}
		_, raw, err := n.Award(t.Context(), a.ID)
		if want := fmt.Sprintf(`"statusListCredential":"%s/status/%d/%s"`, n.set.Base, a.List, a.Purpose); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("the badge in list %d does not name it: %v", a.List, err)
		}
	}
	if count[1] != left || count[2] != left || len(count) != 2 {
		t.Fatalf("badges by list: %v", count)
	}
	setStanding(t, n, second.ID, "revoked")
	check := func(n *Node) {
		t.Helper()
		for list, want := range map[int]bool{1: false, 2: true} {
			for _, p := range []string{status.Revocation, status.Refresh} {
				raw, err := n.StatusList(t.Context(), list, p)
				var l struct{ ID string }
				if err != nil || json.Unmarshal(raw, &l) != nil || l.ID != n.listURL(list, p) {
					t.Errorf("list %d/%s: %q, %v", list, p, l.ID, err)
				}
			}
			if n.lists.has(list, status.Revocation, second.Index) != want {
				t.Errorf("list %d: the bit is %v", list, !want)
			}
		}
	}
	check(n)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	check(opened(t, dir, nil))
}

// A machine that slept for longer than its lists hold answers with new ones at
// once, not from the next beat on, and issues under them.
func TestListsThatAreOverAreSignedAnewWhenAskedFor(t *testing.T) {
	var slept atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
	n := opened(t, filepath.Join(t.TempDir(), "alder"), now)
	grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{DID: ana}})
	for i, asleep := range []time.Duration{listsValidFor + time.Hour, 3 * listsValidFor} {
		slept.Add(int64(asleep))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				raw, err := n.StatusList(t.Context(), 1, status.Revocation)
				var l struct{ ValidUntil time.Time }
				if err != nil || json.Unmarshal(raw, &l) != nil || l.ValidUntil.Before(now()) {
					t.Errorf("after %s: valid until %s, %v", asleep, l.ValidUntil, err)
				}
			})
		}
		wg.Wait()
		grant(t, n, GrantRequest{Achievement: "explorer", Key: fmt.Sprint(i), To: Recipient{DID: ana}})
	}
}
