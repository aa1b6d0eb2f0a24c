package judges

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// A signed review, and a badge that has the digests of its evidence, are read
// by a verifier that knows nothing of this project.
func TestForeignVerifiersReadReviewsAndBadgesWithEvidence(t *testing.T) {
	present(t)
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}, Now: func() time.Time { return now }})
	s := newSigner(t)
	dir := t.TempDir()
	sign := func(name string, unsigned []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := credentials.Issue(t.Context(), v, unsigned, s, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), signed.Credential().Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const id = "0d6f1ad0000040008000000000000001"
	sum := sha256.Sum256([]byte("the work"))
	review := application.Verdict{Application: id, Achievement: "Alder/designer", Revision: 2, Judged: []application.Judged{{Criterion: "lint", Satisfied: true}}, Evidence: []string{"", hex.EncodeToString(sum[:])}}
	doc, err := jsondoc.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := review.Unsigned("urn:uuid:0d6f1ad0-0000-4000-8000-000000000002", s.id.String(), jsondoc.Stamp(now.AddDate(0, 0, -1)), doc)
	sign("review", unsigned, err)
	digest, err := application.Multibase(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	work := application.EvidenceID(id, 2, 1)
	unsigned, err = credentials.Build(credentials.Award{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000003", Issuer: credentials.Profile{ID: s.id.String(), Name: "Alder"},
		Achievement: json.RawMessage(`{"id":"https://alder.example/a/designer","type":["Achievement"],"name":"Designer","description":"Designs.","criteria":{"narrative":"Designs."}}`),
		Subject:     credentials.Subject{ID: newSigner(t).id.String()}, ValidFrom: now.AddDate(0, 0, -1), Narrative: "Two years of it",
		Evidence:  []credentials.Evidence{{ID: "https://example.org/talk", Name: "Talk"}, {ID: work, Name: "Work", Narrative: "My part", Genre: "Text"}},
		Resources: []credentials.Resource{{ID: work, MediaType: "text/plain", DigestMultibase: digest}}})
	sign("badge", unsigned, err)
	judge(t, "4 passed, 0 failed", "statements.js", dir)
}
