package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/node"
)

// waitFor waits until something holds that another goroutine brings about.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// A revocation waits for the beat. When the node stops instead, it is told as
// recorded, at once, and the node publishes it when it serves again.
func TestAStopEndsTheWaitForAPublication(t *testing.T) {
	dir := t.TempDir()
	n := serveWith(t, dir, nil, func(s *node.Settings) { s.StatusBeat = node.Duration(10 * time.Minute) })
	base := n.Settings().Base
	waitFor(t, "the first beat", func() bool {
		_, body := get(t, base+"/metrics", "*/*")
		return strings.Contains(body, "trustme_status_publications_total 1")
	})
	g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: node.Recipient{DID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}})
	if err != nil {
		t.Fatal(err)
	}
	_, raw, err := n.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	c, err := node.Connect(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	type answer struct {
		changed node.Changed
		err     error
	}
	told := make(chan answer, 1)
	go func() {
		a, err := c.SetStanding(t.Context(), node.StandingRequest{ID: g.Award.ID, To: "revoked", Reason: "a mistake"})
		told <- answer{a, err}
	}()
	waitFor(t, "the record", func() bool {
		a, _, err := n.Award(t.Context(), g.Award.ID)
		return err == nil && a.Standing == node.Revoked
	})
	begin := time.Now()
	n.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if a := <-told; a.err != nil || a.changed.Standing != node.Revoked || a.changed.Published {
		t.Errorf("%+v, %v", a.changed, a.err)
	}
	l, err := node.Listen(dir, node.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	serveAgain(t, l, node.Config{Dir: dir})
	if r := stranger(t, raw); r.Verdict != credentials.Invalid || r.Code() != credentials.CodeRevoked {
		t.Errorf("%s %s", r.Verdict, r.Why())
	}
}

// A long CSV run ends when the node stops, says what to do, and is completed by
// the same file.
func TestAStopEndsACSVRunWhichIsThenCompleted(t *testing.T) {
	dir := t.TempDir()
	n := serveWith(t, dir, nil, nil)
	c, err := node.Connect(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var file strings.Builder
	file.WriteString("badge,email\n")
	const rows = 700
	for i := range rows {
		file.WriteString("basics,learner" + time.Duration(i).String() + "@example.org\n")
	}
	told := make(chan error, 1)
	go func() {
		_, err := c.IssueCSV(t.Context(), strings.NewReader(file.String()), func(node.Progress) {})
		told <- err
	}()
	waitFor(t, "the first rows", func() bool { return len(awarded(t, n.Node)) > 20 })
	begin := time.Now()
	n.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err := <-told; err == nil || !strings.Contains(err.Error(), "give the same command again; nothing is issued twice") {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "csv-*")); err != nil || len(left) > 0 {
		t.Errorf("%v stays, %v", left, err)
	}
	again, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	before := len(awarded(t, again))
	path := filepath.Join(t.TempDir(), "course.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := again.IssueCSV(t.Context(), path, nil)
	if err != nil || before == 0 || before == rows || res.Existing != before || res.Issued != rows-before {
		t.Errorf("%d before the stop, then %+v, %v", before, res.Progress, err)
	}
}
