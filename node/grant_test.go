package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/node"
)

// awarded lists what a node has awarded.
func awarded(t *testing.T, n *node.Node) (all []node.Award) {
	t.Helper()
	if err := n.AwardList(t.Context(), "", func(a node.Award) error { all = append(all, a); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// What cannot become a badge is refused before anything is kept, and the
// corrected request, which has the same key, is then granted.
func TestARefusedGrantLeavesNothingAndItsCorrectionIsGranted(t *testing.T) {
	n, _ := serve(t)
	ana := node.Recipient{Email: "ana@example.org"}
	tests := []struct {
		name    string
		request node.GrantRequest
		fix     string // what the refusal advises
	}{
		{"evidence without a scheme", node.GrantRequest{To: ana, Evidence: []string{"junk"}}, "https://example.org/work.pdf"},
		{"evidence without a host", node.GrantRequest{To: ana, Evidence: []string{"https:///work.pdf"}}, "https://example.org/work.pdf"},
		{"evidence with a space", node.GrantRequest{To: ana, Evidence: []string{"https://a.example/a b"}}, "/evidence"},
		{"evidence with two fragments", node.GrantRequest{To: ana, Evidence: []string{"https://a.example/#b#c"}}, "https://example.org/work.pdf"},
		{"evidence with what no address may have", node.GrantRequest{To: ana, Evidence: []string{"urn:a#\x00"}}, "no IRI may have"},
		{"the second of two", node.GrantRequest{To: ana, Evidence: []string{"https://a.example", "b"}}, `"b"`},
		{"a narrative of 2 MB", node.GrantRequest{To: ana, Narrative: strings.Repeat("x", 2<<20)}, "shorten narrative"},
		{"a narrative that grows when it is written", node.GrantRequest{To: ana, Narrative: strings.Repeat("\x01", 40<<10)}, "shorten narrative"},
		{"a DID of an unknown method", node.GrantRequest{To: node.Recipient{DID: "did:foo:bar"}}, "use did:key"},
		{"a key that is none", node.GrantRequest{To: node.Recipient{DID: "did:key:zzz"}}, "copy the whole DID"},
		{"no DID at all", node.GrantRequest{To: node.Recipient{DID: "did:key"}}, "copy the whole DID"},
		{"an unknown connection", node.GrantRequest{To: node.Recipient{Connection: "nobody"}}, "node connections"},
		{"an end that cannot be written", node.GrantRequest{To: ana, ValidUntil: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}, "9999"},
	}
	for _, tt := range tests {
		tt.request.Achievement, tt.request.Key = "basics", tt.name
		_, err := n.Grant(t.Context(), tt.request)
		if !errors.Is(err, node.ErrInput) || !strings.Contains(err.Error(), tt.fix) {
			t.Errorf("%s: %v, want a refusal with %q", tt.name, err, tt.fix)
		}
		if len(err.Error()) > 600 {
			t.Errorf("%s: a message of %d bytes", tt.name, len(err.Error()))
		}
		if all := awarded(t, n); len(all) != 0 {
			t.Fatalf("%s: %d awards stay", tt.name, len(all))
		}
	}
	for _, tt := range tests {
		g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: ana, Key: tt.name, Evidence: []string{"https://a.example/work"}})
		if err != nil || g.Award.State != node.AwardIssued {
			t.Errorf("%s, corrected: %v, %+v", tt.name, err, g)
		}
	}
}

func TestOneBadRowOfAFileIssuesNothingAndTheCorrectedFileIssues(t *testing.T) {
	n, _ := serve(t)
	const head = "badge,email,did,connection,narrative,evidence\n"
	good := "basics,good@example.org,,,,https://a.example/work\n"
	for i, bad := range []string{
		"basics,%s,,,,junk\n",
		"basics,,,nobody,,\n",
		"basics,%s,,," + strings.Repeat("x", 2<<20) + ",\n",
		"basics,,did:foo:bar,,,\n",
		"basics,,did:key:zzz,,,\n",
	} {
		who := fmt.Sprintf("learner%d@example.org", i)
		bad = strings.Replace(bad, "%s", who, 1)
		file := filepath.Join(t.TempDir(), "course.csv")
		issue := func(rows string) (node.CSVResult, error) {
			if err := os.WriteFile(file, []byte(head+rows), 0o600); err != nil {
				t.Fatal(err)
			}
			return n.IssueCSV(t.Context(), file, nil)
		}
		before := len(awarded(t, n))
		_, err := issue(fmt.Sprintf("basics,first%d@example.org,,,,\n", i) + bad + good)
		var rows *node.CSVError
		if !errors.As(err, &rows) || rows.Wrong != 1 || rows.Rows[0].Row != 3 {
			t.Errorf("row %d: %.300v", i, err)
		}
		if all := awarded(t, n); len(all) != before {
			t.Errorf("row %d: %d awards stay", i, len(all)-before)
		}
		res, err := issue("basics," + who + ",,,Corrected.,https://a.example/work\n")
		if err != nil || res.Issued != 1 {
			t.Errorf("row %d, corrected: %v, %+v", i, err, res)
		}
	}
	for _, a := range awarded(t, n) {
		if a.State != node.AwardIssued || a.Narrative != "Corrected." {
			t.Errorf("%+v", a)
		}
	}
}

// A report is cut, and says so; the count is of all.
func TestAFileOfErrorsIsReportedWithItsCount(t *testing.T) {
	n, _ := serve(t)
	file := filepath.Join(t.TempDir(), "course.csv")
	if err := os.WriteFile(file, []byte("badge,email\n"+strings.Repeat("welder,ana@example.org\n", 1500)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := n.IssueCSV(t.Context(), file, nil)
	var rows *node.CSVError
	if !errors.As(err, &rows) || rows.Wrong != 1500 || len(rows.Rows) != 1000 {
		t.Fatalf("%.200v", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "1500 rows are wrong; nothing was issued:") || !strings.HasSuffix(text, "and 500 more; correct these first") {
		t.Errorf("%.100q … %q", text, text[len(text)-100:])
	}
}

// A fault while the rows are checked is no error of theirs.
func TestAFaultWhileCheckingIsNotBlamedOnTheRows(t *testing.T) {
	n, _ := serve(t)
	file := filepath.Join(t.TempDir(), "course.csv")
	if err := os.WriteFile(file, []byte("badge,connection\nbasics,nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := n.IssueCSV(ctx, file, nil)
	if errors.Is(err, node.ErrInput) || err == nil {
		t.Errorf("%v", err)
	}
}
