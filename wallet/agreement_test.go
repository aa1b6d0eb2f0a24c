package wallet_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/wallet"
)

// signs signs a statement.
func (i issuer) signs(t *testing.T, d recognition.Draft) []byte {
	t.Helper()
	d.Issuer = credentials.Profile{ID: i.id, Name: "Somebody"}
	unsigned, err := d.Build()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := dataintegrity.AddProof(t.Context(), unsigned, dataintegrity.Options{Created: d.From}, i.signer)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// mou is an agreement in which i recognises a badge of another, who signed it
// as well. Its status is on a list of its own.
func (i issuer) mou(t *testing.T, other issuer, number int, target, lists string) recognition.Bundle {
	t.Helper()
	from := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	id := fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012d", number)
	list := fmt.Sprintf("%s/status/%d", lists, number)
	agreement := i.signs(t, recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Agreement, ID: id, Name: "MoU", Of: other.id, From: from,
			Recognizes: []recognition.Rule{{Source: "urn:uuid:11111111-1111-4111-8111-111111111111", Target: target, Association: recognition.ExactMatch}}},
		Status: &status.Entry{ID: list + "#1", Purpose: status.Revocation, Index: 1, List: list}})
	counter := other.signs(t, recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: fmt.Sprintf("urn:uuid:00000000-0000-4000-9000-%012d", number), Name: "Countersignature", Of: id, From: from},
		Resources: []credentials.Resource{{ID: id, MediaType: "application/vc", DigestMultibase: recognition.Digest(agreement)}}})
	return recognition.Bundle{Agreement: agreement, Countersignatures: [][]byte{counter}}
}

// A partner may publish many agreements whose status lists all hang: an answer
// waits for all of them together, and what hangs on them is open, not missing.
func TestAgreementsThatHangHoldUpAnAnswerTogether(t *testing.T) {
	gone := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gone:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(gone); hangs.Close() })
	p, other := newPublisher(t), newIssuer(t)
	var all []recognition.Bundle
	for i := range 500 { // as many as are taken
		all = append(all, p.issuer.mou(t, other, i, p.url+"/a/basics", hangs.URL))
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	p.files["/agreements"] = raw
	p.publish(catalogue.OpenBadges, "1.1.0", time.Now().Add(-time.Hour), nil)
	cfg := wallet.Config{Dir: filepath.Join(t.TempDir(), "w"), Loopback: true, Patience: 500 * time.Millisecond}
	if _, err := wallet.Init(t.Context(), cfg.Dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.AddCatalogue(t.Context(), p.url); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(t.Context(), other.badge(t, urn+"7", "Basics of another", w.DID().String(), time.Time{})); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	paths, err := w.Paths(t.Context(), "become-issuer", "")
	if err != nil || len(paths) != 1 {
		t.Fatalf("%+v, %v", paths, err)
	}
	if took := time.Since(start); took > 8*time.Second { // 500 lists of 10 s each
		t.Errorf("it took %s", took)
	}
	steps := paths[0].Progress.Steps
	if s := steps[slices.IndexFunc(steps, func(s requirement.StepProgress) bool { return s.Badge == "basics" })]; s.State != requirement.Unclear || !strings.Contains(s.Why, "not judged within 500ms") {
		t.Errorf("%+v", s)
	}
}
