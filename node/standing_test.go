package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

const suspendable = `catalogue: club
version: 1.0.0
name: Club
defaults: {suspendable: true}
achievements:
  member:
    name: Member
    kind: engagement
    description: Is a member.
    criteria: {join: "Joins."}
    award: {by: grant}
`

// stranger verifies as somebody who never met the node; each look is fresh.
func stranger(t *testing.T, raw []byte) credentials.Report {
	t.Helper()
	return strangerWith(t, raw, credentials.ReportOptions{})
}

func strangerWith(t *testing.T, raw []byte, o credentials.ReportOptions) credentials.Report {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := party.New(party.Config{DB: db, Loopback: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p.Verifier.Report(t.Context(), raw, o)
}

func TestASuspensionEndsAndARevocationDoesNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "club.yaml")
	if err := os.WriteFile(file, []byte(suspendable), 0o600); err != nil {
		t.Fatal(err)
	}
	n, _ := serve(t, file, node.ShippedCatalogue)
	to := node.Recipient{DID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}
	g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "member", To: to})
	if err != nil {
		t.Fatal(err)
	}
	_, raw, err := n.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to      string
		verdict credentials.Verdict
		code    string
	}{
		{"active", credentials.Valid, credentials.CodeOK},
		{"suspended", credentials.Invalid, credentials.CodeSuspended},
		{"active", credentials.Valid, credentials.CodeOK},
		{"revoked", credentials.Invalid, credentials.CodeSuspended}, // one list a badge: its bit stays set for good
	} {
		if _, err := n.SetStanding(t.Context(), node.StandingRequest{ID: g.Award.ID, To: step.to, Reason: "a reason"}); err != nil {
			t.Fatalf("%s: %v", step.to, err)
		}
		if r := stranger(t, raw); r.Verdict != step.verdict || r.Verdict != credentials.Valid && r.Code() != step.code {
			t.Errorf("%s: %s %s", step.to, r.Verdict, r.Why())
		}
	}
	for _, to := range []string{"active", "suspended"} {
		if _, err := n.SetStanding(t.Context(), node.StandingRequest{ID: g.Award.ID, To: to, Reason: "a reason"}); !errors.Is(err, node.ErrInput) {
			t.Errorf("%s after revoked: %v", to, err)
		}
	}
	other, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: to})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.SetStanding(t.Context(), node.StandingRequest{ID: other.Award.ID, To: "suspended", Reason: "a reason"}); !errors.Is(err, node.ErrInput) {
		t.Errorf("a badge that cannot be suspended: %v", err)
	}
	if other.Award.List == g.Award.List {
		t.Error("revocation and suspension share a list")
	}
}

func TestTheSameGrantIsMadeOnceAlsoByManyAtOnce(t *testing.T) {
	n, _ := serve(t)
	results := make(chan node.Granted, 20)
	for range cap(results) {
		go func() {
			g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: node.Recipient{Email: "Ana@Example.org"}})
			if err != nil {
				t.Error(err)
			}
			results <- g
		}()
	}
	made, ids, claims := 0, map[string]bool{}, map[string]bool{}
	for range cap(results) {
		g := <-results
		if g.New {
			made++
		}
		ids[g.Award.ID] = true
		if g.Claim != nil {
			claims[g.Claim.Link] = true
		}
	}
	if made != 1 || len(ids) != 1 || len(claims) != 1 {
		t.Errorf("made %d times, %d ids, %d claim links", made, len(ids), len(claims))
	}
}
