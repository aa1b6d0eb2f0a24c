package node_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

// Lists are signed anew although nothing changes: a year later, without a new
// award or a revocation, a badge still verifies for a stranger.
func TestTheBeatSignsUnchangedListsBeforeTheyLapse(t *testing.T) {
	var moved atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(moved.Load())) }
	n := serveWith(t, t.TempDir(), now, nil)
	g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: node.Recipient{DID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}})
	if err != nil {
		t.Fatal(err)
	}
	_, raw, err := n.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	lists := []string{"revocation", "refresh"}
	validFrom := func(list string) time.Time {
		t.Helper()
		_, body := get(t, fmt.Sprintf("%s/status/%d/%s", n.Settings().Base, g.Award.List, list), "*/*")
		var l struct{ ValidFrom, ValidUntil time.Time }
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		if !l.ValidUntil.After(l.ValidFrom) {
			t.Fatalf("%s is valid from %v to %v", list, l.ValidFrom, l.ValidUntil)
		}
		return l.ValidFrom
	}
	for range 12 {
		moved.Add(int64(31 * 24 * time.Hour)) // longer than a list is valid
		month := now()
		for _, list := range lists {
			waitFor(t, "the list "+list+" of this month", func() bool { return !validFrom(list).Before(month.Truncate(time.Second)) })
		}
	}
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := party.New(party.Config{DB: db, Loopback: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Verifier.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid {
		t.Errorf("a year later: %s %s", r.Verdict, r.Why())
	}
}
