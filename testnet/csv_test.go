package testnet_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

// The node is killed in the middle of a file of 500 rows, several times; the
// same file, given again, completes the run with every row issued once.
func TestAFileWhoseRunWasKilledIsCompletedWithEveryRowOnce(t *testing.T) {
	const rows = 500
	n := start(t, t.TempDir(), "alder", "")
	alder := n.Node("alder")
	var text strings.Builder
	text.WriteString("badge,email\n")
	for i := range rows {
		fmt.Fprintf(&text, "basics,learner%d@example.org\n", i)
	}
	file := filepath.Join(n.Dir(), "course.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	issued := func() (all []node.Award) {
		t.Helper()
		if err := alder.Must(t.Context(), &all, "list"); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := 0
	for k := range 3 {
		facts := journaled(t, alder)
		run := make(chan testnet.Result, 1)
		go func() { run <- alder.Run(t.Context(), "issue", "--csv", file) }()
		for deadline := time.Now().Add(time.Minute); journaled(t, alder) < facts+200; time.Sleep(time.Millisecond) { // about 100 rows
			if time.Now().After(deadline) {
				t.Fatal("the run does not get on")
			}
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		if err := alder.Kill(); err != nil {
			t.Fatal(err)
		}
		if r := <-run; r.Code != 2 || !strings.Contains(r.Err, "start it and give the same command again; nothing is issued twice") {
			t.Fatalf("kill %d: exit %d %s%s", k, r.Code, r.Out, r.Err)
		}
		if err := restart(t, alder); err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(alder.Dir, "csv-*")); err != nil || len(left) > 0 {
			t.Errorf("kill %d: %v stays, %v", k, left, err)
		}
		now := len(issued())
		if now <= before || now >= rows {
			t.Fatalf("kill %d: %d rows are issued, of %d before: it was not killed in the middle", k, now, before)
		}
		before = now
	}
	var res node.CSVResult
	if err := alder.Must(t.Context(), &res, "issue", "--csv", file); err != nil {
		t.Fatal(err)
	}
	if res.Issued+res.Existing != rows || res.Existing != before || len(res.Claims) != rows {
		t.Errorf("the last run: %+v with %d links; %d were issued before", res.Progress, len(res.Claims), before)
	}
	count, places, links := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, a := range issued() {
		count[a.Recipient.Email]++
		places[fmt.Sprintf("%d/%d", a.List, a.Index)] = true
		if a.State != node.AwardIssued {
			t.Errorf("%s is %s", a.ID, a.State)
		}
	}
	for _, c := range res.Claims {
		links[c[strings.LastIndex(c, ",")+1:]] = true
	}
	for i := range rows {
		if who := fmt.Sprintf("learner%d@example.org", i); count[who] != 1 {
			t.Errorf("%s has %d badges", who, count[who])
		}
	}
	if len(count) != rows || len(places) != rows || len(links) != rows {
		t.Errorf("%d recipients, %d status indexes, %d claim links", len(count), len(places), len(links))
	}
	if r := alder.Run(t.Context(), "journal"); r.Code != 0 || strings.Count(r.Out, "award.made") != rows || strings.Count(r.Out, "award.issued") != rows {
		t.Errorf("the journal tells %d awards made and %d issued, %s", strings.Count(r.Out, "award.made"), strings.Count(r.Out, "award.issued"), r.Err)
	}
}

// journaled returns how many facts a serving node has told.
func journaled(t *testing.T, x *testnet.Node) uint64 {
	t.Helper()
	c, err := node.Connect(t.Context(), node.Config{Dir: x.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	i, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i.Health.Facts
}
