package judges

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// A signed review, and a badge that has the digests of its evidence, are read
// by a verifier that knows nothing of this project.
func TestForeignVerifiersReadReviewsAndBadgesWithEvidence(t *testing.T) {
	present(t)
	h := newHanded(t)
	s, now := h.s, h.now
	const id = "0d6f1ad0000040008000000000000001"
	sum := sha256.Sum256([]byte("the work"))
	review := application.Verdict{Application: id, Achievement: "Alder/designer", Revision: 2, Judged: []application.Judged{{Criterion: "lint", Satisfied: true}}, Evidence: []string{"", hex.EncodeToString(sum[:])}}
	doc, err := jsondoc.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := review.Unsigned("urn:uuid:0d6f1ad0-0000-4000-8000-000000000002", s.id.String(), jsondoc.Stamp(now.AddDate(0, 0, -1)), doc)
	h.sign(t, "review", unsigned, err)
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
	h.sign(t, "badge", unsigned, err)
	judge(t, "4 passed, 0 failed", "statements.js", h.dir)
}
