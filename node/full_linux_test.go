package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/powertest"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

// The disk of a serving node fills up to its last byte, and gets room again.
func TestANodeOnAFullDiskLosesNothingAndRecovers(t *testing.T) {
	mnt := powertest.Mount(t, "-t", "tmpfs", "-o", "size=200m", "tmpfs").Dir
	dir := filepath.Join(mnt, "n")
	n := serveWith(t, dir, nil, func(s *node.Settings) { s.Reserve = 64 })
	base := n.Settings().Base
	c, err := node.Connect(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	to := func(who int) node.GrantRequest {
		return node.GrantRequest{Achievement: "basics", To: node.Recipient{Email: fmt.Sprintf("learner%d@example.org", who)}}
	}
	acked := map[string]bool{}
	issue := func(who int) error {
		g, err := c.Grant(t.Context(), to(who))
		if err == nil {
			acked[g.Award.ID] = true
		}
		return err
	}
	for i := range 20 {
		if err := issue(i); err != nil {
			t.Fatal(err)
		}
	}
	health := func() (int, node.Health) {
		t.Helper()
		resp, body := get(t, base+"/health", "application/json")
		var h node.Health
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, h
	}
	if code, h := health(); code != http.StatusOK || !h.OK {
		t.Fatalf("before: %d %+v", code, h)
	}
	filler := filepath.Join(mnt, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(f, zeros{}, 1<<30); err == nil {
		t.Fatal("the disk does not fill")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if code, h := health(); code != http.StatusServiceUnavailable || h.OK || !strings.Contains(h.Problem, "the disk is nearly full") || !strings.Contains(h.Problem, "make room") {
			t.Errorf("round %d: %d %+v", round, code, h)
		}
		refused := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), "make room") {
				t.Errorf("%s on the full disk: %v", what, err)
			}
		}
		refused("an award", issue(100))
		_, err := c.IssueCSV(t.Context(), strings.NewReader("badge,email\nbasics,csv@example.org\n"), func(node.Progress) {})
		refused("a CSV file", err)
		var one string
		for one = range acked {
		}
		_, err = c.SetStanding(t.Context(), node.StandingRequest{ID: one, To: "revoked", Reason: "a mistake"})
		refused("a revocation", err)
		a, raw, err := n.Award(t.Context(), one)
		if err != nil || a.Standing != node.Active {
			t.Errorf("%+v, %v", a, err)
		}
		if r := stranger(t, raw); r.Verdict != credentials.Valid {
			t.Errorf("a badge is %s: %s", r.Verdict, r.Why())
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "csv-*")); err != nil || len(left) > 0 {
		t.Errorf("%v stays, %v", left, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if code, h := health(); code != http.StatusOK || !h.OK {
		t.Errorf("with room again: %d %+v", code, h)
	}
	for i := range 20 { // those of before are found, the refused one is new
		if err := issue(90 + i); err != nil {
			t.Fatal("with room again:", err)
		}
	}
	g, err := c.Grant(t.Context(), to(100))
	if err != nil || g.New || !acked[g.Award.ID] {
		t.Errorf("the refused one, once more: %+v, %v", g, err)
	}
	if a, err := c.SetStanding(t.Context(), node.StandingRequest{ID: g.Award.ID, To: "revoked", Reason: "a mistake"}); err != nil || !a.Published {
		t.Errorf("a revocation with room again: %+v, %v", a, err)
	}
	n.stop()
	again, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	all := awarded(t, again)
	for _, a := range all {
		if !acked[a.ID] || a.State != node.AwardIssued {
			t.Errorf("an award that nobody was told of, or that was not signed: %+v", a)
		}
	}
	if len(all) != 40 || len(acked) != 40 {
		t.Errorf("%d awards are there, %d were told", len(all), len(acked))
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
