package judges

import (
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/node/catalogue"
)

// What partners sign about each other, and about a learner, is read by a
// verifier that knows nothing of this project.
func TestForeignVerifiersReadWhatPartnersSign(t *testing.T) {
	present(t)
	h := newHanded(t)
	now := h.now
	sign := func(name string, d recognition.Draft) []byte {
		t.Helper()
		d.Issuer = credentials.Profile{ID: h.s.id.String(), Name: "Alder"}
		d.From, d.Name = now.AddDate(0, 0, -1), "Alder: "+name
		raw, err := d.Build()
		return h.sign(t, name, raw, err)
	}
	rules := []recognition.Rule{{Source: "https://birch.example/design/a/maker", Target: "https://alder.example/openbadges/a/designer", Association: recognition.ExactMatch,
		MinLevel: 2, Within: "P3Y", EQF: "http://data.europa.eu/snb/eqf/4", Credits: 0.5, Framework: "http://data.europa.eu/snb/education-credit/60b314e826"}}
	birch := newSigner(t).id.String()
	sign("endorsement", recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000001", Of: "https://birch.example/design/a/maker", Comment: "Good."}})
	sign("authorisation", recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000002", Of: birch, Authorizes: []string{"https://alder.example/openbadges/a/basics"}}})
	agreement := sign("agreement", recognition.Draft{Statement: recognition.Statement{Kind: recognition.Agreement, ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000003", Of: birch, Until: now.AddDate(3, 0, 0), Comment: "We accept.", Recognizes: rules, Authorizes: []string{"https://alder.example/openbadges/a/basics"}}})
	sign("learning-agreement", recognition.Draft{Statement: recognition.Statement{Kind: recognition.Learning, ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000004", Of: birch, Agreement: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000003", Recognizes: rules}})
	sign("countersignature", recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000005", Of: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000003"},
		Resources: []credentials.Resource{{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000003", MediaType: "application/vc", DigestMultibase: recognition.Digest(agreement)}}})
	selfAsserted(t, h)
	judge(t, "12 passed, 0 failed", "statements.js", h.dir)
}

// selfAsserted signs a record of the learner's own as a wallet does.
func selfAsserted(t *testing.T, h handed) {
	t.Helper()
	me, now := h.s.id.String(), h.now
	achievement, err := catalogue.SelfAsserted{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000006", Learner: me, Name: "Helped at Alder", Kind: "skill", Setting: "non-formal",
		Outcomes: []string{"Joins thin sheet"}, Align: []string{"http://data.europa.eu/esco/skill/5fd5c985-eaaa-47aa-8314-62359c54505a develop digital content"}}.Document()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := credentials.Build(credentials.Award{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000007", Issuer: credentials.Profile{ID: me}, Achievement: achievement, Subject: credentials.Subject{ID: me},
		ValidFrom: now.AddDate(0, 0, -1), ActivityStart: now.AddDate(-1, 0, 0), ActivityEnd: now.AddDate(0, -1, 0), Role: "Helper", Narrative: "Every Friday.",
		Evidence:  []credentials.Evidence{{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000008", Name: "Log"}, {Narrative: "Words without an address."}},
		Resources: []credentials.Resource{{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-000000000008", MediaType: "text/plain", DigestMultibase: recognition.Digest([]byte("log"))}}})
	h.sign(t, "record", raw, err)
}
