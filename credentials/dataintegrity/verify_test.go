package dataintegrity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestAProofHoldsBetweenItsCreationAndItsEnd(t *testing.T) {
	for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
		signed := add(t, small, Options{Cryptosuite: suite, Created: noon, Expires: noon.Add(time.Hour)}, testSigner(t, 1))
		for _, tt := range []struct {
			after time.Duration
			want  error
		}{
			{-6 * time.Minute, ErrNotYet}, {-4 * time.Minute, nil}, {0, nil}, {time.Hour - time.Second, nil}, {time.Hour, ErrExpired}, {24 * time.Hour, ErrExpired},
		} {
			if _, err := verify(t, signed, VerifyOptions{Now: noon.Add(tt.after)}); !errors.Is(err, tt.want) {
				t.Errorf("%s, %v after: %v", suite, tt.after, err)
			}
		}
	}
}

func TestWithoutATimeOfItsOwnTheVerifierTakesThePresent(t *testing.T) {
	old := add(t, small, Options{Created: noon.AddDate(-10, 0, 0), Expires: noon.AddDate(-9, 0, 0)}, testSigner(t, 1))
	if _, err := verify(t, old, VerifyOptions{}); !errors.Is(err, ErrExpired) {
		t.Errorf("a proof that ended years ago: %v", err)
	}
	early := add(t, small, Options{Created: time.Now().Add(time.Hour)}, testSigner(t, 1))
	if _, err := verify(t, early, VerifyOptions{}); !errors.Is(err, ErrNotYet) {
		t.Errorf("a proof of the next hour: %v", err)
	}
}

// withP384 is signed by the reference implementation of the suite
// (@digitalbazaar/ecdsa-rdfc-2019-cryptosuite 1.3). Its subjects have no
// identifiers, so that their order is that of hashes.
const withP384 = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:z82LkzScpCyKt1QXpXZ2fdMRcjsPyzdfmUfGqSret2SWVrVjY1wZe11cBB8NJQF6WQYpCjH","credentialSubject":[{"name":"Ana"},{"name":"Ben"},{"name":"Cem"},{"name":"Dia"},{"name":"Eva"}],"proof":{"type":"DataIntegrityProof","created":"2026-11-27T09:00:00Z","verificationMethod":"did:key:z82LkzScpCyKt1QXpXZ2fdMRcjsPyzdfmUfGqSret2SWVrVjY1wZe11cBB8NJQF6WQYpCjH#z82LkzScpCyKt1QXpXZ2fdMRcjsPyzdfmUfGqSret2SWVrVjY1wZe11cBB8NJQF6WQYpCjH","cryptosuite":"ecdsa-rdfc-2019","proofPurpose":"assertionMethod","proofValue":"z42odG6gxiBa7aYU6xbmQ9rMDz6zd2mvpcc8KTyLuYjRsReRU7sFrnib6GfBbACj9Wbho7tD7JM8zHzcAXDiZqZf7prxFEDtD8AKVyKQioPy9Aq8BoMmjVJ91uFCgVu5HCvj"}}`

// "The cryptographic hashing function that is passed to the algorithm MUST be
// determined by the size of the associated public key" (Data Integrity ECDSA
// §3, of RDFC-1.0).
func TestBlankNodesAreOrderedByTheHashOfTheKey(t *testing.T) {
	if _, err := verify(t, withP384, VerifyOptions{Now: noon}); err != nil {
		t.Error(err)
	}
	if _, err := verify(t, strings.Replace(withP384, "Ana", "Ada", 1), VerifyOptions{Now: noon}); !errors.Is(err, ErrSignature) {
		t.Errorf("altered: %v", err)
	}
}

// "Time values that are incorrectly serialized without an offset MUST be
// interpreted as UTC" (Data Integrity 1.0 §2.1).
func TestATimeWithoutAZoneIsOneOfUTC(t *testing.T) {
	s := testSigner(t, 1)
	options := parse(t, `{"@context":"https://www.w3.org/ns/credentials/v2","type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","created":"2026-11-27T12:00:00","expires":"2026-11-27T13:00:00.5",`+
		`"verificationMethod":"`+s.VerificationMethod()+`","proofPurpose":"assertionMethod"}`)
	doc := parse(t, small)
	options, err := with(options, "@context", doc.Get("@context").Raw())
	if err != nil {
		t.Fatal(err)
	}
	data, err := signed{EdDSAJCS, did.Ed25519, jsonld.Part{Body: doc, Without: "proof"}, jsonld.Part{Body: options}}.hash(nil)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	value, err := multibase.Encode(multibase.Base58BTC, sig)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := with(options, "proofValue", []byte(`"`+value+`"`))
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.TrimSuffix(small, "}") + `,"proof":` + string(proof.Raw()) + "}"
	for after, want := range map[time.Duration]error{-6 * time.Minute: ErrNotYet, 0: nil, time.Hour: nil, time.Hour + time.Second: ErrExpired} {
		if _, err := verify(t, whole, VerifyOptions{Now: noon.Add(after)}); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v after noon: got %v, want %v", after, err, want)
		}
	}
}

func TestAProofOfAWrongFormIsMalformed(t *testing.T) {
	signed := add(t, small, Options{Created: noon}, testSigner(t, 1))
	for name, r := range map[string][2]string{
		"no purpose":            {`"proofPurpose":"assertionMethod",`, ``},
		"a purpose in a list":   {`"proofPurpose":"assertionMethod"`, `"proofPurpose":["assertionMethod"]`},
		"no method":             {`"verificationMethod":`, `"verificationMethods":`},
		"a method that is none": {`"verificationMethod":"did:key:`, `"verificationMethod":"https://`},
		"no value":              {`"proofValue":`, `"proofValues":`},
		"a value in base64":     {`"proofValue":"z`, `"proofValue":"u`},
		"a value that is short": {signed[strings.Index(signed, `"proofValue"`)+20:], `"}}`},
		"a date without time":   {`2026-11-27T12:00:00Z`, `2026-11-27`},
		"an hour of one digit":  {`T12:00:00Z`, `T2:00:00Z`},
		"a comma in a date":     {`12:00:00Z`, `12:00:00,5Z`},
		"a date as a number":    {`"created":"2026-11-27T12:00:00Z"`, `"created":20261127`},
		"a challenge of null":   {`"proofPurpose"`, `"challenge":null,"proofPurpose"`},
		"a proof as a text":     {signed[strings.Index(signed, `"proof":`):], `"proof":"urn:uuid:1"}`},
		"a list of lists":       {`"proof":`, `"proof":[[]],"x":`},
	} {
		changed := strings.Replace(signed, r[0], r[1], 1)
		if changed == signed {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, err := verify(t, changed, VerifyOptions{Now: noon})
		if !errors.Is(err, ErrMalformed) && !(name == "a value that is short" && errors.Is(err, ErrSignature)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]error{`"proof":[]`: ErrNoProof, `"x":1`: ErrNoProof, `"proof":{"type":"Ed25519Signature2018"}`: ErrUnsupported,
		`"proof":{"type":"DataIntegrityProof","cryptosuite":"bbs-2023"}`: ErrUnsupported, `"proof":{"type":"DataIntegrityProof"}`: ErrMalformed,
		`"proof":[` + strings.Repeat(`{},`, 8) + `{}]`: ErrLimit} {
		if _, err := verify(t, strings.TrimSuffix(small, "}")+","+name+"}", VerifyOptions{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fixed answers with what a test sets.
type fixed struct {
	res did.Resolution
	err error
}

func (f fixed) Resolve(context.Context, did.DID) (did.Resolution, error) { return f.res, f.err }

// documented returns the document of a signer's DID after change.
func documented(t *testing.T, s vectorSigner, change func(*did.Document)) fixed {
	t.Helper()
	u, err := did.ParseURL(s.VerificationMethod())
	if err != nil {
		t.Fatal(err)
	}
	res, err := resolver.Resolve(t.Context(), u.DID)
	if err != nil {
		t.Fatal(err)
	}
	change(&res.Document)
	return fixed{res: res}
}

func TestAKeyCountsOnlyWhileItsControllersDocumentListsIt(t *testing.T) {
	s := testSigner(t, 1)
	signed := add(t, small, Options{Created: noon}, s)
	for name, tt := range map[string]struct {
		change func(*did.Document)
		want   error
	}{
		"as it is":              {func(*did.Document) {}, nil},
		"for another purpose":   {func(d *did.Document) { delete(d.Purposes, did.AssertionMethod) }, did.ErrKeyNotListed},
		"no more":               {func(d *did.Document) { d.Methods = nil }, did.ErrKeyNotListed},
		"under another owner":   {func(d *did.Document) { d.Methods[0].Controller = "did:key:z6Mkx" }, did.ErrKeyNotListed},
		"revoked before":        {func(d *did.Document) { d.Methods[0].Revoked = noon.Add(-time.Hour) }, did.ErrKeyNotListed},
		"revoked since":         {func(d *did.Document) { d.Methods[0].Revoked = noon.Add(30 * time.Minute) }, did.ErrKeyNotListed},
		"ended before":          {func(d *did.Document) { d.Methods[0].Expires = noon.Add(-time.Hour) }, did.ErrKeyNotListed},
		"ended since":           {func(d *did.Document) { d.Methods[0].Expires = noon.Add(time.Minute) }, nil},
		"with another's key":    {func(d *did.Document) { d.Methods[0].Key = testSigner(t, 2).public }, ErrSignature},
		"with a key unfit here": {func(d *did.Document) { d.Methods[0].Key.Type = did.X25519 }, ErrMalformed},
	} {
		if _, err := verify(t, signed, VerifyOptions{Now: noon.Add(time.Hour), Resolver: documented(t, s, tt.change)}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyInASmallSubgroupIsRefused(t *testing.T) {
	// The identity point: ed25519.Verify takes any signature under it.
	weak, err := multibase.Encode(multibase.Base58BTC, append([]byte{0xed, 1, 1}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	signed := add(t, small, Options{}, testSigner(t, 1))
	m := testSigner(t, 1).public.Multibase()
	if _, err = verify(t, strings.ReplaceAll(signed, m, weak), VerifyOptions{}); !errors.Is(err, did.ErrWeakKey) {
		t.Errorf("got %v", err)
	}
}

// Three answers: what cannot be told is no refusal, and no acceptance; but one
// false proof refuses, whatever the others are.
func TestWhatCannotBeToldIsNeitherTrueNorFalse(t *testing.T) {
	far := did.Methods{"key": resolver["key"], "web": fixed{err: fmt.Errorf("%w: no route", did.ErrUnreachable)}}
	one := add(t, small, Options{Created: noon}, testSigner(t, 1))
	elsewhere := strings.NewReplacer("did:key:z", "did:web:z").Replace(one[strings.Index(one, `"proof":`)+8 : len(one)-1])
	strange := `{"type":"DataIntegrityProof","cryptosuite":"bbs-2023","proofPurpose":"assertionMethod"}`
	nowhere := strings.ReplaceAll(elsewhere, "did:web:", "did:ion:")
	list := func(proofs ...string) string {
		return strings.TrimSuffix(small, "}") + `,"proof":[` + strings.Join(proofs, ",") + "]}"
	}
	good := one[strings.Index(one, `"proof":`)+8 : len(one)-1]
	bad := strings.Replace(good, "12:00:00Z", "12:00:01Z", 1)
	for name, tt := range map[string]struct {
		doc  string
		want error
	}{
		"good":              {list(good), nil},
		"out of reach":      {list(good, elsewhere), did.ErrUnreachable},
		"strange":           {list(strange, good), ErrUnsupported},
		"nowhere":           {list(nowhere, good), did.ErrUnsupported},
		"unreachable, bad":  {list(elsewhere, bad), ErrSignature},
		"strange, bad":      {list(strange, bad), ErrSignature},
		"bad, unreachable":  {list(bad, elsewhere), ErrSignature},
		"nowhere, bad":      {list(nowhere, bad), ErrSignature},
		"good and then bad": {list(good, bad), ErrSignature},
	} {
		proofs, err := verify(t, tt.doc, VerifyOptions{Now: noon.Add(time.Hour), Resolver: far})
		if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) || err != nil && proofs != nil {
			t.Errorf("%s: %d proofs, %v", name, len(proofs), err)
		}
	}
}

func TestAContextThatNobodySignedIsRefused(t *testing.T) {
	signed := add(t, small, Options{Cryptosuite: EdDSAJCS}, testSigner(t, 1))
	more := strings.Replace(signed, `credentials/v2"]`, `credentials/v2","https://w3id.org/security/data-integrity/v2"]`, 1)
	if _, err := verify(t, more, VerifyOptions{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("added to the document: %v", err)
	}
	unknown := strings.Replace(small, "https://www.w3.org/ns/credentials/v2", "https://evil.example/v2", 1)
	if _, err := AddProof(t.Context(), []byte(unknown), Options{}, testSigner(t, 1)); !errors.Is(err, jsonld.ErrContext) {
		t.Errorf("signing with an unknown context: %v", err)
	}
}

// A double holds no such number, so that one signature would cover two.
func TestAWholeNumberThatADoubleCannotHoldIsRefused(t *testing.T) {
	for n, ok := range map[string]bool{"9007199254740992": true, "9007199254740993": false, "295147905179352830000": true, "295147905179352830001": false, "-9007199254740993": false, "1e23": true} {
		doc := strings.TrimSuffix(small, "}") + `,"https://vocab.example/#n":` + n + "}"
		for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
			_, err := AddProof(t.Context(), []byte(doc), Options{Cryptosuite: suite}, testSigner(t, 1))
			if ok != (err == nil) || !ok && !errors.Is(err, jsonld.ErrInvalid) {
				t.Errorf("%s, %s: %v", suite, n, err)
			}
		}
	}
}

// A verifier among several that are named is one of them.
func TestADomainMayBeOneOfAList(t *testing.T) {
	signed := add(t, small, Options{Created: noon, Domain: "https://a.example", Purpose: did.Authentication}, testSigner(t, 1))
	o := VerifyOptions{Now: noon, Purpose: did.Authentication}
	for _, tt := range []struct {
		domain string
		want   error
	}{{"https://a.example", nil}, {"", nil}, {"https://b.example", ErrDomain}, {"https://a.example/", ErrDomain}} {
		o.Domain = tt.domain
		if _, err := verify(t, signed, o); !errors.Is(err, tt.want) {
			t.Errorf("%q: %v", tt.domain, err)
		}
	}
}

// The end of a proof cannot be hidden from the verifier under another name for
// the same statement, which the signature would cover as well.
func TestTheEndOfAProofCannotBeHidden(t *testing.T) {
	signed := add(t, small, Options{Created: noon, Expires: noon.Add(time.Hour)}, testSigner(t, 1))
	security := strings.Replace(signed, `credentials/v2"]`, `credentials/v2","https://w3id.org/security/v1"]`, 1)
	for name, doc := range map[string]string{
		"as it is":            signed,
		"by its old name":     strings.Replace(security, `"expires"`, `"expiration"`, 1),
		"by its IRI":          strings.Replace(signed, `"expires"`, `"https://w3id.org/security#expiration"`, 1),
		"by another context":  strings.Replace(signed, `"expires"`, `"@context":"https://w3id.org/security/v1","expiration"`, 1),
		"in an object":        strings.Replace(signed, `"expires":"2026-11-27T13:00:00Z"`, `"expires":{"@value":"2026-11-27T13:00:00Z"}`, 1),
		"beside the document": strings.Replace(signed, `"expires":"2026-11-27T13:00:00Z"`, `"@included":{"type":"DataIntegrityProof","expires":"2026-11-27T13:00:00Z"}`, 1),
	} {
		if _, err := verify(t, doc, VerifyOptions{Now: noon.Add(2 * time.Hour)}); err == nil {
			t.Errorf("%s: verifies", name)
		}
	}
}
