package credentials_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// What any input may cost: an answer within two seconds, and at most 64 MiB
// above what was in use before.
const (
	maxTook = 2 * time.Second
	maxHeap = 64 // MiB
)

// within holds one report to its bounds and to its answer.
func (w *world) within(t *testing.T, name, in, code string) {
	t.Helper()
	var r credentials.Report
	took, mib := measured(func() { r = w.v.Report(t.Context(), []byte(in), credentials.ReportOptions{}) })
	t.Logf("%-40s %8v %3d MiB  %s", name, took.Round(time.Millisecond), mib, r.Code())
	if took > maxTook || mib > maxHeap {
		t.Errorf("%s: took %v and %d MiB", name, took, mib)
	}
	if r.Code() != code || (r.Verdict == credentials.Valid) != (code == credentials.CodeOK) {
		t.Errorf("%s: %s: %.200s, want %s", name, r.Code(), r.Why(), code)
	}
}

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func alike(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one, n), ",") }

// plainAward is the least that is a badge.
func plainAward(w *world) credentials.Award {
	a := credentialsWithoutStatus(w)
	a.Evidence, a.Image = nil, nil
	return a
}

// The largest and most laborious inputs that can be thought of. Most of them are
// within the limits of size, so that nothing but the bounds on work ends them.
func TestEveryInputIsAnsweredWithinItsBounds(t *testing.T) {
	w := newWorld(t)
	signed := string(w.issue(t, plainAward(w)).Credential().Bytes())
	proof := proofOf(t, signed)
	badge := func(from, to string) string {
		out := strings.Replace(signed, from, to, 1)
		if out == signed {
			t.Fatalf("%s is not there", from)
		}
		return out
	}
	evidence := func(all string) string {
		return badge(`"credentialSubject":`, `"evidence":[`+all+`],"credentialSubject":`)
	}
	jwt := func(head, payload string) string {
		return b64url([]byte(head)) + "." + b64url([]byte(payload)) + ".AAAA"
	}
	long := strings.Repeat("a", 200_000)
	for name, tt := range map[string]struct{ in, code string }{
		// graphs
		"40,000 blank nodes alike":         {evidence(alike(40_000, `{"type":["Evidence"]},`)), credentials.CodeLimit},
		"12,000 blank nodes that differ":   {evidence(many(12_000, `{"type":["Evidence"],"genre":"%d"},`)), credentials.CodeSignature},
		"2,000 pairs of blank nodes alike": {evidence(alike(2_000, `{"type":["Evidence"],"https://v.example/e":{"https://v.example/f":{"type":"https://v.example/T"}}},`)), credentials.CodeLimit},
		"58 levels of objects":             {evidence(strings.Repeat(`{"type":["Evidence"],"https://v.example/e":`, 58) + `{"type":"https://v.example/T"}` + strings.Repeat(`}`, 58)), credentials.CodeLimit},
		"2,000 levels of objects":          {evidence(strings.Repeat(`{"type":["Evidence"],"https://v.example/e":`, 2_000) + `{}` + strings.Repeat(`}`, 2_000)), credentials.CodeLimit},
		"20,000 types":                     {badge(`"type":["Achievement"]`, `"type":["Achievement",`+many(20_000, `"urn:t:%d",`)+`]`), credentials.CodeSignature},
		// contexts and proofs
		"1,000 contexts":        {badge(`context-3.0.3.json"`, `context-3.0.3.json",`+alike(1_000, `"https://w3id.org/security/v2",`)), credentials.CodeContext},
		"1,000 contexts within": {evidence(alike(1_000, `{"@context":"https://w3id.org/security/v2","type":["Evidence"]},`)), credentials.CodeContext},
		"1,000 proofs":          {badge(proof, `[`+alike(1_000, proof+",")+`]`), credentials.CodeLimit},
		"9 statuses":            {badge(`"credentialSubject":`, `"credentialStatus":[`+many(9, `{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"1","statusListCredential":"https://alder.example/status/%d/revocation"},`)+`],"credentialSubject":`), credentials.CodeSignature},
		// names
		"an issuer of 200 kB":          {badge(`"issuer":{"id":"`+w.issuer.id.String(), `"issuer":{"id":"did:key:z`+long), credentials.CodeLimit},
		"an issuer of 200 kB, did:web": {badge(`"issuer":{"id":"`+w.issuer.id.String(), `"issuer":{"id":"did:web:`+long), credentials.CodeLimit},
		"an issuer of 16 kB":           {badge(`"issuer":{"id":"`+w.issuer.id.String(), `"issuer":{"id":"did:key:z`+long[:16_000]), credentials.CodeKeyNotAuthorized},
		"a key of 200 kB":              {badge(w.issuer.VerificationMethod(), "did:key:z"+long+"#z"+long), credentials.CodeMalformed},
		"a subject of 200 kB":          {badge(`"credentialSubject":{"id":"`+w.learner.id.String(), `"credentialSubject":{"id":"did:key:z`+long), credentials.CodeSignature},
		"a proof value of 500 kB":      {badge(`"proofValue":"z`, `"proofValue":"z`+strings.Repeat("1", 500_000)), credentials.CodeMalformed},
		// JSON
		"100,000 levels":             {badge(`"credentialSubject":`, `"evidence":`+strings.Repeat(`[`, 100_000)+strings.Repeat(`]`, 100_000)+`,"credentialSubject":`), credentials.CodeLimit},
		"a number of 500,000 digits": {badge(`"creditsAvailable":0.5`, `"creditsAvailable":`+strings.Repeat("9", 500_000)), credentials.CodeLimit},
		"a number beyond all":        {badge(`"creditsAvailable":0.5`, `"creditsAvailable":1e999999999`), credentials.CodeLimit},
		"a number close to nothing":  {badge(`"creditsAvailable":0.5`, `"creditsAvailable":1e-999999999`), credentials.CodeSignature},
		"50,000 members":             {badge(`"credentialSubject":`, many(50_000, `"m%d":1,`)+`,"credentialSubject":`), credentials.CodeUnsigned},
		"150,000 values":             {badge(`"tag":["kind:competence"]`, `"tag":[`+alike(150_000, `"",`)+`]`), credentials.CodeLimit},
		"a text of escapes":          {badge(`"narrative":"Earned`, `"narrative":"`+strings.Repeat(`\u0007`, 150_000)+`Earned`), credentials.CodeSignature},
		"more than is read":          {badge(`"narrative":"Earned`, `"narrative":"`+strings.Repeat("x", 1<<20)+`Earned`), credentials.CodeLimit},
		// JWT
		"a JWT's header of 1 MB":    {jwt(`{"alg":"EdDSA","x":"`+strings.Repeat("x", 1<<20)+`"}`, `{}`), credentials.CodeLimit},
		"a JWT of 4 MB":             {jwt(`{"alg":"EdDSA"}`, `{"x":"`+strings.Repeat("x", 3<<20)+`"}`), credentials.CodeLimit},
		"a JWT of 500,000 levels":   {jwt(`{"alg":"EdDSA"}`, strings.Repeat(`[`, 500_000)), credentials.CodeLimit},
		"a JWT of a million dots":   {"ey" + strings.Repeat(".", 1<<20), credentials.CodeMalformed},
		"an RSA modulus of 64 kbit": {jwt(`{"alg":"RS256","jwk":{"kty":"RSA","e":"AQAB","n":"`+b64url(bytes.Repeat([]byte{0xff}, 8<<10))+`"}}`, claimed(w, signed)), credentials.CodeWeakKey},
		"an RSA exponent of 2 kB":   {jwt(`{"alg":"RS256","jwk":{"kty":"RSA","n":"`+b64url(bytes.Repeat([]byte{0xff}, 256))+`","e":"`+b64url(bytes.Repeat([]byte{0xff}, 2<<10))+`"}}`, claimed(w, signed)), credentials.CodeWeakKey},
	} {
		w.within(t, name, tt.in, tt.code)
	}
}

// claimed is a signed badge as the payload of a JWT, with the claims it needs.
func claimed(w *world, signed string) string {
	var doc struct{ ID, ValidFrom, ValidUntil string }
	if err := json.Unmarshal([]byte(signed), &doc); err != nil {
		panic(err) // what was just issued
	}
	at := func(s string) int64 { return must(time.Parse(time.RFC3339, s)).Unix() }
	return strings.TrimSuffix(signed, "}") + fmt.Sprintf(`,"iss":%q,"sub":%q,"jti":%q,"nbf":%d,"exp":%d}`, w.issuer.id, w.learner.id, doc.ID, at(doc.ValidFrom), at(doc.ValidUntil))
}

// What is reached only behind a good signature: endorsements, status lists and
// the documents of a rogue issuer.
func TestARogueIssuerIsAnsweredWithinTheBounds(t *testing.T) {
	w := newWorld(t)
	unsigned := string(must(credentials.Build(plainAward(w))))
	sign := func(doc string) string { return w.sealed(t, doc, dataintegrity.EdDSAJCS) }
	add := func(members string) string {
		return sign(strings.Replace(unsigned, `"credentialSubject":`, members+`,"credentialSubject":`, 1))
	}
	endorsement := func(evidence string) string {
		return w.sealed(t, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1","type":["VerifiableCredential","EndorsementCredential"],"name":"x",`+
			`"issuer":{"id":"`+w.issuer.id.String()+`","type":["Profile"]},"validFrom":"2026-10-01T00:00:00Z","evidence":[`+evidence+`],"credentialSubject":{"id":"urn:x","type":["EndorsementSubject"]}}`, dataintegrity.EdDSARDFC)
	}
	w.within(t, "16 endorsements of 600 statements each", add(`"endorsement":[`+alike(16, endorsement(many(600, `{"type":["Evidence"],"genre":"%d"},`))+",")+`]`), credentials.CodeOK)
	w.within(t, "17 endorsements", add(`"endorsement":[`+alike(17, endorsement(`{"type":["Evidence"]}`)+",")+`]`), credentials.CodeLimit)
	nested := endorsement(`{"type":["Evidence"]}`)
	for range 6 {
		nested = w.sealed(t, strings.Replace(string(must(credentials.Build(plainAward(w)))), `"credentialSubject":`, `"endorsement":[`+nested+`],"credentialSubject":`, 1), dataintegrity.EdDSAJCS)
	}
	w.within(t, "badges within badges", nested, credentials.CodeUnsigned) // a badge endorses nothing

	entry := add(`"credentialStatus":{"id":"` + listURL + `#1","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"1","statusListCredential":"` + listURL + `"}`)
	list := func(encoded, more string) []byte {
		return []byte(w.sealed(t, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"`+listURL+`","type":["VerifiableCredential","BitstringStatusListCredential"],"issuer":"`+w.issuer.id.String()+`","validFrom":"2026-10-01T00:00:00Z",`+more+
			`"credentialSubject":{"id":"`+listURL+`#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"`+encoded+`"}}`, dataintegrity.EdDSARDFC))
	}
	for name, tt := range map[string]struct {
		body []byte
		code string
	}{
		"a list that unpacks to 256 MiB":        {list("u"+b64url(zeros(t, 256<<20)), ""), credentials.CodeLimit},
		"a list that unpacks to 16 MiB":         {list("u"+b64url(zeros(t, 16<<20)), ""), credentials.CodeOK},
		"a list of 8 MB":                        {bytes.Repeat([]byte(" "), 8<<20), credentials.CodeStatusInvalid},
		"a list of 100,000 levels":              {[]byte(strings.Repeat("[", 100_000)), credentials.CodeStatusInvalid},
		"a list with 12,000 statements":         {list("u"+b64url(zeros(t, 16<<10)), `"evidence":[`+many(6_000, `{"id":"urn:e:%d","type":["Evidence"]},`)+`],`), credentials.CodeOK},
		"a list with a text of 3 MB for a date": {[]byte(`{"validFrom":"` + strings.Repeat("9", 3<<20) + `"}`), credentials.CodeStatusInvalid},
	} {
		w.net.answers[listURL] = answer{body: tt.body, ContentType: "application/vc"}
		w.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: w.net.now})
		w.within(t, name, entry, tt.code)
	}

	web := strings.ReplaceAll(sign(strings.Replace(unsigned, w.issuer.id.String(), webDID, 1)), w.issuer.VerificationMethod(), webDID+"#k")
	method := func(i string) string {
		return `{"id":"` + webDID + `#k` + i + `","type":"JsonWebKey","controller":"` + webDID + `","publicKeyJwk":{"kty":"RSA","e":"AQAB","n":"` + b64url(bytes.Repeat([]byte{0xff}, 1024)) + `"}},`
	}
	doc := func(methods string) []byte {
		return []byte(`{"@context":["https://www.w3.org/ns/did/v1"],"id":"` + webDID + `","verificationMethod":[` + strings.TrimSuffix(methods, ",") + `],"assertionMethod":["` + webDID + `#k"]}`)
	}
	for name, tt := range map[string]struct {
		body []byte
		code string
	}{
		"a document of 60 RSA keys of 8,192 bits": {doc(many(60, method("%d"))), credentials.CodeKeyNotAuthorized},
		"a document of 10,000 keys":               {doc(many(10_000, `{"id":"`+webDID+`#%d","type":"Multikey","controller":"`+webDID+`","publicKeyMultibase":"`+w.issuer.pub.Multibase()+`"},`)), credentials.CodeIssuerUnresolvable},
		"a document of 100,000 levels":            {[]byte(strings.Repeat("[", 100_000)), credentials.CodeIssuerUnresolvable},
		"a document of 4 MB":                      {doc(`{"id":"` + strings.Repeat("x", 4<<20) + `"}`), credentials.CodeIssuerUnresolvable},
		"a key in 200 kB of base58":               {doc(`{"id":"` + webDID + `#k","type":"Multikey","controller":"` + webDID + `","publicKeyMultibase":"z` + strings.Repeat("a", 200_000) + `"}`), credentials.CodeIssuerUnresolvable},
	} {
		w.net.answers[webDocument] = answer{body: tt.body, ContentType: "application/did+json"}
		w.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: w.net.now})
		w.within(t, name, web, tt.code)
	}
}

// A derived proof names statements by the thousand; each has a signature.
func TestSelectiveProofsAreAnsweredWithinTheBounds(t *testing.T) {
	w := newWorld(t)
	p := newP256(t)
	a := plainAward(w)
	a.Issuer.ID = p.id.String()
	unsigned := string(must(credentials.Build(a)))
	proof := func(value []byte) string {
		return strings.TrimSuffix(unsigned, "}") + `,"proof":{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-11-01T00:00:00Z","proofPurpose":"assertionMethod","verificationMethod":"` +
			p.VerificationMethod() + `","proofValue":"u` + b64url(value) + `"}}`
	}
	signatures := append([]byte{0xd9, 0x5d, 0x01, 0x85, 0x58, 64}, make([]byte, 64)...) // CBOR: a derived proof of five parts, the first a signature
	signatures = append(signatures, 0x58, 35, 0x80, 0x24)
	signatures = append(signatures, p.pub.Bytes...)
	head := bytes.Clone(signatures)
	count := func(n int) []byte { return []byte{0x9a, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
	one := append([]byte{0x58, 64}, make([]byte, 64)...)
	sheaf := func(n int) []byte {
		return append(append(append(bytes.Clone(head), count(n)...), bytes.Repeat(one, n)...), 0xa0, 0x80)
	}
	// The most that is signed and shown, all of it good.
	evidence := strings.Replace(unsigned, `"credentialSubject":`, `"evidence":[`+many(450, `{"id":"urn:e:%d","type":["Evidence"]},`)+`],"credentialSubject":`, 1)
	base := w.sealedBy(t, evidence, dataintegrity.ECDSASD, p)
	derived, err := dataintegrity.Derive(must(jsondoc.Parse([]byte(base))), []string{"/credentialSubject", "/evidence", "/issuer", "/id", "/validFrom", "/validUntil"})
	if err != nil {
		t.Fatal(err)
	}
	w.within(t, "1,000 statements shown, each signed", string(derived), credentials.CodeOK)
	for name, value := range map[string][]byte{
		"5,000 signatures":              sheaf(5_000),
		"an array of 4 billion":         append(bytes.Clone(head), 0x9a, 0xff, 0xff, 0xff, 0xff),
		"100,000 arrays within another": append(bytes.Clone(head), bytes.Repeat([]byte{0x81}, 100_000)...),
		"a text of 4 GB":                append(bytes.Clone(head), 0x7a, 0xff, 0xff, 0xff, 0xff),
	} {
		w.within(t, name, proof(value), credentials.CodeMalformed)
	}
}

func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, endless{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// endless is zeros without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }
