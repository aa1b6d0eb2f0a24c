package credentials_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
)

// v1 is a badge on the VC Data Model 1.1, unsigned. dates are its members that
// say when it is valid.
func (w *world) v1(dates string) string {
	return `{"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json",` +
		`"https://w3id.org/security/suites/ed25519-2020/v1","https://w3id.org/security/data-integrity/v2"],` +
		`"id":"urn:uuid:7b6a9d6e-3bd8-4b2e-9b41-0d5d3d1f6a10","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Welder",` +
		`"issuer":{"id":"` + w.issuer.id.String() + `","type":["Profile"],"name":"Alder"},` + dates + `,` +
		`"credentialSubject":{"id":"` + w.learner.id.String() + `","type":["AchievementSubject"],"achievement":` +
		`{"id":"urn:uuid:a7467ef6-56cb-11ec-bf63-0242ac130002","type":["Achievement"],"name":"Welding","description":"Welds.","criteria":{"narrative":"Weld."}}}}`
}

const issued = `"issuanceDate":"2026-10-01T00:00:00Z"`

// sealed signs a document with a suite by the issuer.
func (w *world) sealed(t *testing.T, doc, suite string) string {
	t.Helper()
	return w.sealedBy(t, doc, suite, w.issuer)
}

func (w *world) sealedBy(t *testing.T, doc, suite string, s credentials.Signer) string {
	t.Helper()
	raw, err := dataintegrity.AddProof(t.Context(), []byte(doc), dataintegrity.Options{Cryptosuite: suite, Created: w.now}, s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// proofOf returns the one proof of a document, as it stands there.
func proofOf(t *testing.T, doc string) string {
	t.Helper()
	_, proof, ok := strings.Cut(doc, `"proof":`)
	if !ok {
		t.Fatal("no proof")
	}
	return strings.TrimSuffix(proof, "}")
}

func (w *world) answers(t *testing.T, name, doc, code string) {
	t.Helper()
	r := w.v.Report(t.Context(), []byte(doc), credentials.ReportOptions{})
	if r.Code() != code || (code == credentials.CodeOK) != (r.Verdict == credentials.Valid) {
		t.Errorf("%s: %s: %s: %s, want %s", name, r.Verdict, r.Code(), r.Why(), code)
	}
}

func TestDatesOfVersion1HoldWhateverElseIsWritten(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ name, dates, code string }{
		{"control", issued, credentials.CodeOK},
		{"control: in time", issued + `,"expirationDate":"2098-01-01T00:00:00Z"`, credentials.CodeOK},
		{"control: an offset", `"issuanceDate":"2026-10-01T02:00:00+02:00"`, credentials.CodeOK},
		{"expired", issued + `,"expirationDate":"2026-11-01T00:00:00Z"`, credentials.CodeExpired},
		{"expired, an hour ago by its zone", issued + `,"expirationDate":"2026-11-27T12:00:00+01:00"`, credentials.CodeExpired},
		{"not yet", `"issuanceDate":"2098-01-01T00:00:00Z"`, credentials.CodeNotYetValid},
		{"no date", `"awardedDate":"2026-10-01T00:00:00Z"`, credentials.CodeSchema},
		{"a date of version 2 for it", `"validFrom":"2026-10-01T00:00:00Z"`, credentials.CodeSchema},
		{"no zone", `"issuanceDate":"2026-10-01T00:00:00"`, credentials.CodeSchema},
		{"a day", `"issuanceDate":"2026-10-01"`, credentials.CodeSchema},
		{"a number", `"issuanceDate":1790812800`, credentials.CodeSchema},
		{"two", `"issuanceDate":["2026-10-01T00:00:00Z","2020-10-01T00:00:00Z"]`, credentials.CodeSchema},
		{"ends before it begins", issued + `,"expirationDate":"2026-09-01T00:00:00Z"`, credentials.CodeSchema},
		{"ends on no day", issued + `,"expirationDate":"2098-02-30T00:00:00Z"`, credentials.CodeSchema},
		// Version 1.1 has the names of version 2 as well: the narrower counts.
		{"expired, and until later", issued + `,"expirationDate":"2026-11-01T00:00:00Z","validUntil":"2098-01-01T00:00:00Z"`, credentials.CodeExpired},
		{"expired, and until whenever", issued + `,"expirationDate":"2026-11-01T00:00:00Z","validUntil":"whenever"`, credentials.CodeSchema},
		{"until earlier", issued + `,"expirationDate":"2098-01-01T00:00:00Z","validUntil":"2026-11-01T00:00:00Z"`, credentials.CodeExpired},
		{"until alone", issued + `,"validUntil":"2026-11-01T00:00:00Z"`, credentials.CodeExpired},
		{"from later", issued + `,"validFrom":"2098-01-01T00:00:00Z"`, credentials.CodeNotYetValid},
		{"not yet, and from earlier", `"issuanceDate":"2098-01-01T00:00:00Z","validFrom":"2020-01-01T00:00:00Z"`, credentials.CodeNotYetValid},
	} {
		for _, suite := range []string{dataintegrity.Ed2020, dataintegrity.EdDSARDFC} {
			w.answers(t, tt.name+", "+suite, w.sealed(t, w.v1(tt.dates), suite), tt.code)
		}
	}
}

// One thing is changed in a signed badge of version 1.1, or in its proof.
func TestAlteredEd25519Signature2020ProofsAreRefusedForTheirReason(t *testing.T) {
	w := newWorld(t)
	good := w.sealed(t, w.v1(issued), dataintegrity.Ed2020)
	w.answers(t, "control", good, credentials.CodeOK)
	other := newParty(t, "mallory")
	key := w.issuer.VerificationMethod()
	for _, tt := range []struct{ name, from, to, code string }{
		// the proof's options
		{"created later", `"created":"2026-11-27T12`, `"created":"2026-11-27T11`, credentials.CodeSignature},
		{"created in the same moment, with another zone", `"created":"2026-11-27T12:00:00Z`, `"created":"2026-11-27T13:00:00+01:00`, credentials.CodeSignature},
		{"created in the future", `"created":"2026`, `"created":"2098`, credentials.CodeNotYetValid},
		{"created on no day", `"created":"2026-11-27`, `"created":"2026-11-31`, credentials.CodeMalformed},
		{"created twice", `"created":`, `"created":"2026-11-27T12:00:00Z","created":`, credentials.CodeMalformed},
		{"another purpose", `"assertionMethod"`, `"authentication"`, credentials.CodePurpose},
		{"no purpose", `"proofPurpose":"assertionMethod",`, ``, credentials.CodeMalformed},
		{"two purposes", `"assertionMethod"`, `["assertionMethod","authentication"]`, credentials.CodeMalformed},
		{"a domain", `"created":`, `"domain":"alder.example","created":`, credentials.CodeSignature},
		{"a challenge", `"created":`, `"challenge":"1","created":`, credentials.CodeSignature},
		{"a nonce", `"created":`, `"nonce":"1","created":`, credentials.CodeSignature},
		{"an end in the future", `"created":`, `"expires":"2098-01-01T00:00:00Z","created":`, credentials.CodeSignature},
		{"an end in the past", `"created":`, `"expires":"2026-11-27T12:00:00Z","created":`, credentials.CodeProofExpired},
		{"a word that no context has", `"created":`, `"remark":"x","created":`, credentials.CodeUnsigned},
		{"a cryptosuite", `"created":`, `"cryptosuite":"eddsa-rdfc-2022","created":`, credentials.CodeMalformed},
		{"the type of another suite", `"Ed25519Signature2020"`, `"Ed25519Signature2018"`, credentials.CodeUnsupported},
		{"the type of RSA", `"Ed25519Signature2020"`, `"RsaSignature2018"`, credentials.CodeUnsupported},
		{"the type of Data Integrity", `"type":"Ed25519Signature2020"`, `"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022"`, credentials.CodeSignature},
		{"two types", `"type":"Ed25519Signature2020"`, `"type":["Ed25519Signature2020","DataIntegrityProof"]`, credentials.CodeUnsupported},
		// as JSON-LD signatures of old name it: the same words, the same statements
		{"a context of its own", `"proof":{`, `"proof":{"@context":"https://w3id.org/security/suites/ed25519-2020/v1",`, credentials.CodeOK},
		// its value
		{"base64url", `"proofValue":"z`, `"proofValue":"u`, credentials.CodeMalformed},
		{"a jws instead", `"proofValue":`, `"jws":`, credentials.CodeMalformed},
		{"a jws beside", `"proofValue":`, `"jws":"eyJhbGciOiJub25lIn0..","proofValue":`, credentials.CodeUnsigned},
		// its key
		{"the key of another", key, other.VerificationMethod(), credentials.CodeKeyNotAuthorized},
		{"the key by its fragment", key, "#" + strings.Split(key, "#")[1], credentials.CodeMalformed},
		{"the key within", `"verificationMethod":"` + key + `"`, `"verificationMethod":{"id":"` + key + `","type":"Ed25519VerificationKey2020","controller":"` + w.issuer.id.String() + `","publicKeyMultibase":"` + other.pub.Multibase() + `"}`, credentials.CodeMalformed},
		// what is signed
		{"the name", `"Welding"`, `"Healing"`, credentials.CodeSignature},
		{"the subject", w.learner.id.String(), other.id.String(), credentials.CodeSignature},
		{"the issuer", `"issuer":{"id":"` + w.issuer.id.String(), `"issuer":{"id":"` + other.id.String(), credentials.CodeKeyNotAuthorized},
		{"the date", `"issuanceDate":"2026-10`, `"issuanceDate":"2026-09`, credentials.CodeSignature},
		{"an end more", issued, issued + `,"expirationDate":"2098-01-01T00:00:00Z"`, credentials.CodeSignature},
		{"a status more", issued, issued + `,"credentialStatus":{"id":"https://alder.example/revoked","type":"1EdTechRevocationList"}`, credentials.CodeUnsigned},
		{"a word that no context has, in the badge", `"criteria":{`, `"criteria":{"approvedBy":"x",`, credentials.CodeUnsigned},
		{"null", `"criteria":{`, `"criteria":{"id":null,`, credentials.CodeUnsigned},
		{"the context of version 2", jsonld.CredentialsV1, jsonld.CredentialsV2, credentials.CodeSchema},
		{"another version of the context of Open Badges", "context-3.0.1.json", "context-3.0.2.json", credentials.CodeSignature},
		{"a context more, that gives words another meaning", `"https://w3id.org/security/data-integrity/v2"]`, `"https://w3id.org/security/data-integrity/v2",{"name":"https://mallory.example/name"}]`, credentials.CodeContext},
		{"a type more", `"OpenBadgeCredential"`, `"OpenBadgeCredential","EndorsementCredential"`, credentials.CodeSignature},
	} {
		altered := strings.Replace(good, tt.from, tt.to, 1)
		if altered == good {
			t.Fatalf("%s: %s is not there", tt.name, tt.from)
		}
		w.answers(t, tt.name, altered, tt.code)
	}
}

func TestEveryProofOfASetMustHold(t *testing.T) {
	w := newWorld(t)
	mallory := newParty(t, "mallory")
	doc := w.v1(issued)
	old, di := proofOf(t, w.sealed(t, doc, dataintegrity.Ed2020)), proofOf(t, w.sealed(t, doc, dataintegrity.EdDSARDFC))
	theirs := proofOf(t, w.sealedBy(t, doc, dataintegrity.Ed2020, mallory))
	spoil := func(p string) string { return strings.Replace(p, `"created":"2026`, `"created":"2025`, 1) }
	another := proofOf(t, w.sealed(t, w.v1(`"issuanceDate":"2026-09-01T00:00:00Z"`), dataintegrity.Ed2020))
	with := func(proof string) string { return strings.TrimSuffix(doc, "}") + `,"proof":` + proof + `}` }
	for _, tt := range []struct{ name, doc, code string }{
		{"control: one", with(old), credentials.CodeOK},
		{"control: one in a list", with(`[` + old + `]`), credentials.CodeOK},
		{"control: one of each suite", with(`[` + old + `,` + di + `]`), credentials.CodeOK},
		{"the same twice", with(`[` + old + `,` + old + `]`), credentials.CodeOK}, // it proves no more, and no less
		{"a good one and a bad one", with(`[` + old + `,` + spoil(old) + `]`), credentials.CodeSignature},
		{"a bad one and a good one", with(`[` + spoil(old) + `,` + old + `]`), credentials.CodeSignature},
		{"a good one and a bad one of the other suite", with(`[` + old + `,` + spoil(di) + `]`), credentials.CodeSignature},
		{"a good one, and that of another badge", with(`[` + old + `,` + another + `]`), credentials.CodeSignature},
		{"a good one, and that of a stranger", with(`[` + old + `,` + theirs + `]`), credentials.CodeKeyNotAuthorized},
		{"that of a stranger alone", with(theirs), credentials.CodeKeyNotAuthorized},
		{"a good one, and one of an unknown suite", with(`[` + old + `,` + strings.Replace(di, "eddsa-rdfc-2022", "none-2022", 1) + `]`), credentials.CodeUnsupported},
		{"a good one and nothing", with(`[` + old + `,{}]`), credentials.CodeSchema},
		{"a good one and null", with(`[` + old + `,null]`), credentials.CodeSchema},
		{"a list within the list", with(`[[` + old + `]]`), credentials.CodeSchema},
		{"an empty list", with(`[]`), credentials.CodeNoProof},
		{"proof twice", strings.TrimSuffix(with(spoil(old)), "}") + `,"proof":` + old + `}`, credentials.CodeMalformed},
		{"Proof beside proof", strings.TrimSuffix(with(old), "}") + `,"Proof":` + old + `}`, credentials.CodeUnsigned},
		{"the proof in the subject alone", strings.Replace(doc, `"type":["AchievementSubject"]`, `"type":["AchievementSubject"],"proof":`+old, 1), credentials.CodeNoProof},
		{"more proofs than are read", with(`[` + strings.TrimSuffix(strings.Repeat(old+",", 200), ",") + `]`), credentials.CodeLimit},
		{"a previous proof that is not there", with(`[` + strings.Replace(di, `"created"`, `"previousProof":"urn:uuid:1","created"`, 1) + `]`), credentials.CodeMalformed},
	} {
		w.answers(t, tt.name, tt.doc, tt.code)
	}
	// The same on version 2.
	two, err := credentials.Build(credentialsWithoutStatus(w))
	if err != nil {
		t.Fatal(err)
	}
	signed := w.sealed(t, string(two), dataintegrity.EdDSARDFC)
	p := proofOf(t, signed)
	w.answers(t, "version 2: the same twice", strings.Replace(signed, p, fmt.Sprintf("[%s,%s]", p, p), 1), credentials.CodeOK)
	w.answers(t, "version 2: a good one and a bad one", strings.Replace(signed, p, fmt.Sprintf("[%s,%s]", p, spoil(p)), 1), credentials.CodeSignature)
	w.answers(t, "version 2: the dates of version 1", w.sealed(t, strings.Replace(string(two), `"validFrom":`, `"expirationDate":"2020-01-01T00:00:00Z","validFrom":`, 1), dataintegrity.EdDSAJCS), credentials.CodeUnsigned)
}
