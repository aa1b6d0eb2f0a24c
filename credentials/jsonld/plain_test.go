package jsonld

import (
	"errors"
	"strings"
	"testing"
)

// plainBadge is a credential with an expiry, a status and an endorsement of
// itself, which gives the graph an edge back to the credential.
const plainBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],` +
	`"id":"urn:uuid:1","type":["VerifiableCredential","OpenBadgeCredential"],"issuer":"did:key:z6Mk","name":"A badge",` +
	`"validUntil":"2020-01-01T00:00:00Z",` +
	`"credentialStatus":{"id":"https://e.example/1#5","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"5","statusListCredential":"https://e.example/1"},` +
	`"credentialSubject":{"id":"did:key:z6Ml","type":["AchievementSubject"]},` +
	`"endorsement":[{"id":"urn:uuid:2","type":["VerifiableCredential","EndorsementCredential"],"issuer":"did:key:z6Mm",` +
	`"credentialSubject":{"id":"urn:uuid:1","type":["EndorsementSubject"],"endorsementComment":"Good."}}]}`

const plainStatus = `"credentialStatus":{"id":"https://e.example/1#5","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"5","statusListCredential":"https://e.example/1"},`

// TestADocumentThatHidesAStatementIsNotPlain holds that the ways to write the
// same RDF, so that the signature stays good, while whoever reads the members
// by name misses one, are refused. Each changes old into new in plainBadge.
func TestADocumentThatHidesAStatementIsNotPlain(t *testing.T) {
	if _, err := canonical(t, plainBadge); err != nil {
		t.Fatal(err)
	}
	until := `"validUntil":"2020-01-01T00:00:00Z",`
	comment := `"type":["EndorsementSubject"],"endorsementComment":"Good."`
	for name, tt := range map[string]struct{ old, new string }{
		"a status under its IRI":          {`"credentialStatus":`, `"https://www.w3.org/2018/credentials#credentialStatus":`},
		"an index under its IRI":          {`"statusListIndex":`, `"https://www.w3.org/ns/credentials/status#statusListIndex":`},
		"an end under its IRI":            {until, `"https://www.w3.org/2018/credentials#validUntil":{"@value":"2020-01-01T00:00:00Z","type":"http://www.w3.org/2001/XMLSchema#dateTime"},`},
		"an end as an object":             {until, `"validUntil":{"@value":"2020-01-01T00:00:00Z","type":"http://www.w3.org/2001/XMLSchema#dateTime"},`},
		"a name as an object":             {`"name":"A badge"`, `"name":{"@value":"A badge"}`},
		"an end beside the document":      {until, `"@included":[{"id":"urn:uuid:1","type":"VerifiableCredential","validUntil":"2020-01-01T00:00:00Z"}],`},
		"an end in a graph":               {until, `"@graph":[{"id":"urn:uuid:1","type":"VerifiableCredential","validUntil":"2020-01-01T00:00:00Z"}],`},
		"an issuer the other way round":   {`"issuer":"did:key:z6Mk",`, `"evidence":{"id":"did:key:z6Mk","@reverse":{"https://www.w3.org/2018/credentials#issuer":{"id":"urn:uuid:1"}}},`},
		"an issuer as a set":              {`"issuer":"did:key:z6Mk",`, `"issuer":{"@set":["did:key:z6Mk"]},`},
		"an end that an endorsement has":  {until + plainStatus, ``},
		"a type under its IRI":            {`"type":["AchievementSubject"]`, `"type":["https://purl.imsglobal.org/spec/vc/ob/vocab.html#AchievementSubject"]`},
		"an id under its keyword":         {`"id":"urn:uuid:1","type":["Ver`, `"@id":"urn:uuid:1","type":["Ver`},
		"types under their keyword":       {`"type":["VerifiableCredential","O`, `"@type":["VerifiableCredential","O`},
		"a note that nothing signs":       {`"id":"urn:uuid:1","type":["Ver`, `"@index":"x","id":"urn:uuid:1","type":["Ver`},
		"members below @nest":             {until, `"@nest":{"validUntil":"2020-01-01T00:00:00Z"},`},
		"criteria under their class":      {`"type":["AchievementSubject"]`, `"type":["AchievementSubject"],"achievement":{"id":"urn:uuid:3","type":["Achievement"],"Criteria":{"narrative":"x"}}`},
		"a label of a blank node":         {`"id":"https://e.example/1#5"`, `"id":"_:b0"`},
		"a label of a blank node as text": {`"issuer":"did:key:z6Mk"`, `"issuer":"_:b0"`},
	} {
		m := strings.Replace(plainBadge, tt.old, tt.new, 1)
		if tt.new == "" {
			m = strings.Replace(m, comment, strings.Replace(comment, `["EndorsementSubject"]`, `["EndorsementSubject","VerifiableCredential"]`, 1)+","+strings.TrimSuffix(tt.old, ","), 1)
		}
		if m == plainBadge {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := canonical(t, m); !errors.Is(err, ErrNotPlain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWordsInALanguageAndUnknownVocabulariesStayPlain(t *testing.T) {
	for name, r := range map[string][2]string{
		"a name in a language":       {`"name":"A badge"`, `"name":{"@value":"Odznak","@language":"cs"}`},
		"a member of a vocabulary":   {`"name":"A badge"`, `"https://vocab.example/#colour":"red"`},
		"a type of a vocabulary":     {`"type":["AchievementSubject"]`, `"type":["AchievementSubject","https://vocab.example/#Person"]`},
		"an issuer with its members": {`"issuer":"did:key:z6Mk"`, `"issuer":{"id":"did:key:z6Mk","type":["Profile"],"name":"Alder"}`},
	} {
		if _, err := canonical(t, strings.Replace(plainBadge, r[0], r[1], 1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One IRI under two members would let a holder rename one into the other. A
// class and a member may share one (plainClass); "expiration" of a proof is
// refused by package dataintegrity.
func TestNoTwoContextsNameAMemberDifferently(t *testing.T) {
	names := map[string]map[string]bool{}
	p := &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, defines: func(name string, d *term) {
		if d.iri == "" || keywords[d.iri] || strings.HasSuffix(d.iri, "#") || name[0] >= 'A' && name[0] <= 'Z' || strings.Contains(d.iri, "/ob/vocab.html#") && strings.ToUpper(name[:1])+name[1:] == d.iri[strings.LastIndexByte(d.iri, '#')+1:] {
			return
		}
		if names[d.iri] == nil {
			names[d.iri] = map[string]bool{}
		}
		names[d.iri][name] = true
	}}
	for url := range pinned() {
		if _, err := p.process(p.initial, url, scope{propagate: true, validate: true}); err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 200 {
		t.Fatalf("only %d terms were seen", len(names))
	}
	for iri, n := range names {
		if len(n) > 1 && iri != "https://w3id.org/security#expiration" {
			t.Errorf("%s is named %v", iri, n)
		}
	}
}
