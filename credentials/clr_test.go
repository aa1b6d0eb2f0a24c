package credentials_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/sharedtest"
)

const clrContext = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"

// init pins a context with the words of CLR 2.0, for these tests alone: no
// package holds the published one.
func init() {
	const vocab = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
	words := func(names ...string) map[string]any {
		out := map[string]any{}
		for _, n := range names {
			out[n] = map[string]any{"@id": vocab + n}
		}
		return out
	}
	id := func(name string) map[string]any { return map[string]any{"@id": vocab + name, "@type": "@id"} }
	of := func(name string, context map[string]any) map[string]any {
		return map[string]any{"@id": vocab + name, "@context": context}
	}
	association := words("associationType")
	association["sourceId"], association["targetId"] = id("sourceId"), id("targetId")
	raw, err := json.Marshal(map[string]any{"@context": map[string]any{
		"ClrCredential": of("ClrCredential", words("partial")),
		"ClrSubject":    of("ClrSubject", words("achievement", "association", "verifiableCredential", "identifier")),
		"Association":   of("Association", association),
	}})
	if err == nil {
		err = jsonld.Accept(clrContext, raw)
	}
	if err != nil {
		panic(err) // a constant of a test
	}
}

// record is an unsigned CLR of one signed badge.
func (w *world) record(badge credentials.Verified, other ...string) string {
	records := strings.Join(append([]string{string(badge.Credential().Bytes())}, other...), ",")
	return `{"@context":["https://www.w3.org/ns/credentials/v2","` + clrContext + `","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],` +
		`"id":"urn:uuid:0c1e3b53-02f4-4d10-8d10-0a3f8f4b1b52","type":["VerifiableCredential","ClrCredential"],"name":"Transcript","partial":true,` +
		`"issuer":{"id":"` + w.issuer.id.String() + `","type":["Profile"]},"validFrom":"2026-10-01T00:00:00Z",` +
		`"credentialSubject":{"id":"` + w.learner.id.String() + `","type":["ClrSubject"],"verifiableCredential":[` + records + `],"achievement":[` + achievement + `],` +
		`"association":[{"type":"Association","associationType":"isChildOf","sourceId":"https://alder.example/openbadges/a/designer","targetId":"https://alder.example/openbadges/a/studies"}]}}`
}

func TestLearnerRecordIsIssuedAndVerifiedWithAllThatIsInIt(t *testing.T) {
	w := newWorld(t)
	unsigned := w.record(w.issue(t, w.award()))
	v, err := credentials.Issue(t.Context(), w.v, []byte(unsigned), w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if c := v.Report().Check(credentials.CheckEndorsements); c.Answer != credentials.Yes || c.Message != "1 verified" {
		t.Errorf("%+v", c)
	}
	// A badge within it that was altered and signed over: the record's own proof
	// is good, the badge's is not.
	forged := strings.Replace(unsigned, `Badge Designer`, `Badge Director`, 1)
	raw, err := dataintegrity.AddProof(t.Context(), []byte(forged), dataintegrity.Options{Purpose: did.AssertionMethod, Created: w.now}, w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	r := w.v.Report(t.Context(), raw, credentials.ReportOptions{})
	if c := r.Check(credentials.CheckEndorsements); r.Verdict != credentials.Invalid || c.Answer != credentials.No || c.Code != credentials.CodeSignature || c.Pointer != "/credentialSubject/verifiableCredential/0" {
		t.Errorf("%s: %+v", r.Verdict, c)
	}
	// One that was revoked is for the reader: the record says what it said.
	revoked := w.record(w.issue(t, w.award()))
	if raw, err = dataintegrity.AddProof(t.Context(), []byte(revoked), dataintegrity.Options{Purpose: did.AssertionMethod, Created: w.now}, w.issuer); err != nil {
		t.Fatal(err)
	}
	w.publish(t, listURL, "revocation", 94567)
	w.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: w.net.now})
	if r = w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid || r.Check(credentials.CheckEndorsements).Code != credentials.CodeEndorsement {
		t.Errorf("%s: %+v", r.Verdict, r.Check(credentials.CheckEndorsements))
	}
	// Too many of them are not looked at.
	many := w.record(w.issue(t, credentialsWithoutStatus(w)), slices.Repeat([]string{`{"id":"urn:x","type":"EnvelopedVerifiableCredential"}`}, 64)...)
	if raw, err = dataintegrity.AddProof(t.Context(), []byte(many), dataintegrity.Options{Purpose: did.AssertionMethod, Created: w.now}, w.issuer); err != nil {
		t.Fatal(err)
	}
	if r = w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Code() != credentials.CodeLimit {
		t.Errorf("65 records: %s: %s", r.Code(), r.Why())
	}
}

func credentialsWithoutStatus(w *world) credentials.Award {
	a := w.award()
	a.Status = nil
	return a
}

func TestEveryRuleOfALearnerRecordNamesItsMember(t *testing.T) {
	w := newWorld(t)
	good := w.record(w.issue(t, w.award()))
	if p := credentials.Lint([]byte(good)); len(p) > 0 {
		t.Fatal(p)
	}
	for _, tt := range []struct{ from, to, pointer string }{
		{`"ClrSubject"`, `"Subject"`, "/credentialSubject/type"},
		{`"name":"Transcript",`, ``, "/name"},
		{`"partial":true`, `"partial":"yes"`, "/partial"},
		{`"validFrom":"2026-10-01T00:00:00Z",`, ``, "/validFrom"},
		{`"id":"urn:uuid:0c1e`, `"id":"0c1e`, "/id"},
		{`"type":["Profile"]},"validFrom":"2026-10`, `"type":["Person"]},"validFrom":"2026-10`, "/issuer/type"},
		{`"verifiableCredential":`, `"credentials":`, "/credentialSubject/verifiableCredential"},
		{`"verifiableCredential":[`, `"verifiableCredential":["urn:x",`, "/credentialSubject/verifiableCredential/0"},
		{`"verifiableCredential":[`, `"verifiableCredential":[{"id":"x","type":["EnvelopedVerifiableCredential","VerifiableCredential"]},`, "/credentialSubject/verifiableCredential/0/id"},
		{`"type":["AchievementSubject"]`, `"type":["Person"]`, "/credentialSubject/verifiableCredential/0/credentialSubject/type"},
		{`"achievement":[{"id":`, `"achievement":[{"ids":`, "/credentialSubject/achievement/0/id"},
		{`"association":[{"type":"Association"`, `"association":[{"type":["Association"]`, "/credentialSubject/association/0/type"},
		{`"association":[{"type":"Association"`, `"association":[{"type":"Link"`, "/credentialSubject/association/0/type"},
		{`"isChildOf"`, `"isSonOf"`, "/credentialSubject/association/0/associationType"},
		{`"isChildOf"`, `"ext:sonOf"`, "/credentialSubject/association/0/associationType"}, // not extensible
		{`"associationType":"isChildOf",`, ``, "/credentialSubject/association/0/associationType"},
		{`"sourceId":"https:`, `"sourceId":"`, "/credentialSubject/association/0/sourceId"},
		{`"targetId":`, `"target":`, "/credentialSubject/association/0/targetId"},
		{`{"id":"` + w.learner.id.String() + `","type":["ClrSubject"]`, `{"type":["ClrSubject"]`, "/credentialSubject"},
		{clrContext, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json", "/@context"},
		{`"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:0c1e`, `"https://www.w3.org/ns/credentials/status/v1"],"id":"urn:uuid:0c1e`, "/@context"},
	} {
		bad := strings.Replace(good, tt.from, tt.to, 1)
		if bad == good {
			t.Fatalf("%s is not there", tt.from)
		}
		p := credentials.Lint([]byte(bad))
		if !slices.ContainsFunc(p, func(p credentials.Problem) bool { return p.Pointer == tt.pointer && p.Fix != "" }) {
			t.Errorf("%q: %v", tt.to, p)
		}
	}
}

func TestLearnerRecordOfTheSpecificationKeepsTheRules(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "conformance", "ob3", "spec-examples"), "linked-data-proof-clr-14-credential.json"))
	if err != nil {
		t.Fatal(err)
	}
	if p := credentials.Lint(raw); len(p) > 0 {
		t.Error(p)
	}
}
