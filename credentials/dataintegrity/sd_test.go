package dataintegrity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// citizenship defines the terms that the vectors use, by what their canonical
// forms say of them.
const citizenship = `{"@context":{"@protected":true,"Person":"https://schema.org/Person",
"PermanentResidentCardCredential":"https://w3id.org/citizenship#PermanentResidentCardCredential",
"PermanentResident":{"@id":"https://w3id.org/citizenship#PermanentResident","@context":{"@protected":true,
"birthCountry":"https://w3id.org/citizenship#birthCountry","birthDate":{"@id":"https://schema.org/birthDate","@type":"http://www.w3.org/2001/XMLSchema#dateTime"},
"commuterClassification":"https://w3id.org/citizenship#commuterClassification","familyName":"https://schema.org/familyName","gender":"https://schema.org/gender",
"givenName":"https://schema.org/givenName","residentSince":{"@id":"https://w3id.org/citizenship#residentSince","@type":"http://www.w3.org/2001/XMLSchema#dateTime"},
"permanentResidentCard":{"@id":"https://w3id.org/citizenship#permanentResidentCard","@type":"@id"},"image":{"@id":"https://schema.org/image","@type":"@id"}}},
"PermanentResidentCard":{"@id":"https://w3id.org/citizenship#PermanentResidentCard","@context":{"@protected":true,"identifier":"https://schema.org/identifier",
"lprCategory":"https://w3id.org/citizenship#lprCategory","lprNumber":"https://w3id.org/citizenship#lprNumber"}},
"image":{"@id":"https://schema.org/image","@type":"@id"}}}`

type sdVectors struct {
	t   *testing.T
	dir string
}

func newSDVectors(t *testing.T) sdVectors {
	t.Helper()
	if err := jsonld.Accept("https://w3id.org/citizenship/v4rc1", []byte(citizenship)); err != nil {
		t.Fatal(err)
	}
	return sdVectors{t, sharedtest.Dir(t, "conformance", "vectors", "di-ecdsa")}
}

func (v sdVectors) read(name string, into any) []byte {
	v.t.Helper()
	raw, err := os.ReadFile(filepath.Join(v.dir, name))
	if err != nil {
		v.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			v.t.Fatalf("%s: %v", name, err)
		}
	}
	return raw
}

func (v sdVectors) doc(name string) jsondoc.Value { return parse(v.t, string(v.read(name, nil))) }

// entries are the pairs of a JavaScript map as the vectors write it.
type entries struct {
	Value [][2]any `json:"value"`
}

func (e entries) keys() (out []int) {
	for _, p := range e.Value {
		out = append(out, int(p[0].(float64)))
	}
	return out
}

func hexes(all [][]byte) (out []string) {
	for _, b := range all {
		out = append(out, hex.EncodeToString(b))
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%v\nwant\n%v", what, got, want)
	}
}

// Every intermediate of the W3C's vectors of selective disclosure: what the
// issuer transforms, hashes and signs, what the holder derives, and what the
// verifier makes of it.
func TestEveryIntermediateOfSelectiveDisclosureIsReproduced(t *testing.T) {
	v := newSDVectors(t)
	var hmacKey struct {
		Text string `json:"hmacKeyString"`
	}
	v.read("ecdsa-sd-2023/SDKeyMaterial.json", &hmacKey)
	var mandatory, selective []string
	v.read("prCredMandatory.json", &mandatory)
	v.read("prCredSelective.json", &selective)
	signedBase := v.doc("ecdsa-sd-2023/prc/addSignedSDBase.json")

	// The issuer.
	b := baseProof{}
	var err error
	if b.HMACKey, err = hex.DecodeString(hmacKey.Text); err != nil {
		t.Fatal(err)
	}
	var lines []string
	v.read("ecdsa-sd-2023/prc/addBaseDocCanon.json", &lines)
	plain, err := jsonld.Statements(signedBase, "proof", func(c string) (string, error) { return c, nil })
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "canonical document", plain, lines)
	g, err := jsonld.NewSelectable(signedBase, "proof", b.labels)
	if err != nil {
		t.Fatal(err)
	}
	v.read("ecdsa-sd-2023/prc/addBaseDocHMACCanon.json", &lines)
	equal(t, "canonical document with labels", g.Lines(), lines)
	var transform struct{ Mandatory, NonMandatory entries }
	v.read("ecdsa-sd-2023/prc/addBaseTransform.json", &transform)
	m, err := g.Select(mandatory)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "mandatory statements", m.Lines, transform.Mandatory.keys())
	must, others := picked(g.Lines(), m.Lines)
	equal(t, "other statements", len(others), len(transform.NonMandatory.Value))
	var hashes struct{ ProofHash, MandatoryHash string }
	v.read("ecdsa-sd-2023/prc/addHashData.json", &hashes)
	equal(t, "mandatory hash", hex.EncodeToString(sdHash(must)), hashes.MandatoryHash)
	config, err := without(signedBase.Get("proof"), "proofValue")
	if err != nil {
		t.Fatal(err)
	}
	proofHash, err := optionsHash(signedBase, config)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "proof hash", hex.EncodeToString(proofHash), hashes.ProofHash)

	// The holder.
	var recovered struct {
		BaseSignature, ProofPublicKey, HMACKey string
		Signatures, MandatoryPointers          []string
	}
	v.read("ecdsa-sd-2023/prc/derivedRecoveredBaseData.json", &recovered)
	_, value, err := findBase(signedBase)
	if err != nil {
		t.Fatal(err)
	}
	var base baseProof
	if err := decodeSD(baseHeader, value, &base); err != nil {
		t.Fatal(err)
	}
	equal(t, "base signature", hex.EncodeToString(base.Signature), recovered.BaseSignature)
	equal(t, "HMAC key", hex.EncodeToString(base.HMACKey), recovered.HMACKey)
	equal(t, "signatures", hexes(base.Signatures), recovered.Signatures)
	equal(t, "mandatory pointers", base.Mandatory, recovered.MandatoryPointers)
	own, err := did.ParseMulticodec(base.PublicKey)
	if err != nil || own.Multibase() != recovered.ProofPublicKey {
		t.Errorf("public key %s, %v", own.Multibase(), err)
	}
	again, err := encodeSD(baseHeader, base)
	if text, _ := signedBase.Get("proof").Get("proofValue").Text(); err != nil || again != text {
		t.Errorf("a base proof written again: %v\n%s\n%s", err, again, text)
	}
	var places struct{ CombinedIndexes, SelectiveIndexes []int }
	v.read("ecdsa-sd-2023/prc/derivedGroupIndexes.json", &places)
	chosen, err := g.Select(selective)
	if err != nil {
		t.Fatal(err)
	}
	both, err := g.Select(append(slices.Clone(mandatory), selective...))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "selective places", chosen.Lines, places.SelectiveIndexes)
	equal(t, "combined places", both.Lines, places.CombinedIndexes)
	var disclosure struct {
		Signatures       []string
		LabelMap         struct{ Value [][2]string }
		MandatoryIndexes []int
	}
	v.read("ecdsa-sd-2023/prc/derivedDisclosureData.json", &disclosure)
	shown, d, err := base.disclose(signedBase, selective)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "disclosed signatures", hexes(d.Signatures), disclosure.Signatures)
	equal(t, "places of mandatory statements", d.Mandatory, disclosure.MandatoryIndexes)
	for _, pair := range disclosure.LabelMap.Value {
		if both.Names[pair[0]] != pair[1] {
			t.Errorf("label of %s: %s, want %s", pair[0], both.Names[pair[0]], pair[1])
		}
	}
	equal(t, "what is shown", anyOf(t, shown), anyOf(t, v.read("ecdsa-sd-2023/prc/derivedUnsignedReveal.json", nil)))
	derived, err := Derive(signedBase, selective)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "derived document", anyOf(t, derived), anyOf(t, v.read("ecdsa-sd-2023/prc/derivedRevealDocument.json", nil)))

	// The verifier.
	v.read("ecdsa-sd-2023/prc/verifyNQuads.json", &lines)
	whole := g.Lines()
	for i, at := range both.Lines {
		equal(t, "a statement that is shown", whole[at], lines[i])
	}
	verified, err := Verify(t.Context(), v.doc("ecdsa-sd-2023/prc/derivedRevealDocument.json"), VerifyOptions{Resolver: resolver})
	if err != nil || verified[0].Cryptosuite != ECDSASD {
		t.Errorf("the vector does not verify: %v", err)
	}
	t.Logf("read %s", filepath.Join(v.dir, "ecdsa-sd-2023"))
}

func anyOf(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// p256Signer signs with a key of its own.
type p256Signer struct {
	key    *ecdsa.PrivateKey
	public did.PublicKey
}

func newP256Signer(t testing.TB) p256Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := did.FromECDSA(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return p256Signer{k, pub}
}

func (s p256Signer) Sign(_ context.Context, m []byte) ([]byte, error) {
	sum := sha256.Sum256(m)
	r, x, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), x.FillBytes(make([]byte, 32))...), nil
}
func (s p256Signer) Key() did.PublicKey { return s.public }
func (s p256Signer) VerificationMethod() string {
	m := s.public.Multibase()
	return "did:key:" + m + "#" + m
}

const sdBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:x:1",` +
	`"type":["VerifiableCredential","OpenBadgeCredential"],"issuer":{"id":"did:key:z6Mk","type":["Profile"],"name":"A"},"validFrom":"2026-01-01T00:00:00Z",` +
	`"credentialSubject":{"type":["AchievementSubject"],"identifier":[{"type":"IdentityObject","hashed":true,"identityHash":"sha256$1","identityType":"emailAddress","salt":"s"}],` +
	`"narrative":"N","achievement":{"id":"urn:x:2","type":["Achievement"],"name":"B","criteria":{"narrative":"C"},"description":"D","tag":["x","y"]}},` +
	`"evidence":[{"type":["Evidence"],"name":"G"},{"type":["Evidence"],"name":"H","narrative":"a \"quoted\" ~/text"}]}`

func sdSigned(t testing.TB, mandatory ...string) jsondoc.Value {
	t.Helper()
	raw, err := AddProof(t.Context(), []byte(sdBadge), Options{Cryptosuite: ECDSASD, Created: noon, Mandatory: mandatory}, newP256Signer(t))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(raw))
}

// The holder shows any choice, and the verifier finds just that.
func TestAnyChoiceOfABadgeIsShownAndVerifies(t *testing.T) {
	base := sdSigned(t, "/issuer", "/validFrom", "/credentialSubject/achievement/name")
	for _, pointers := range [][]string{nil, {"/evidence/1"}, {"/evidence/1/narrative", "/evidence/0/name"}, {"/credentialSubject"}, {"/credentialSubject/identifier/0/salt"},
		{"/credentialSubject/achievement/tag/1"}, {""}} {
		raw, err := Derive(base, pointers)
		if err != nil {
			t.Errorf("%q: %v", pointers, err)
			continue
		}
		if _, err := Verify(t.Context(), parse(t, string(raw)), VerifyOptions{Resolver: resolver, Now: noon}); err != nil {
			t.Errorf("%q: %v\n%s", pointers, err, raw)
		}
		text := string(raw)
		if hidden := !strings.Contains(text, "sha256$1"); hidden != (pointers == nil || !strings.HasPrefix(pointers[0], "/credentialSubject") && pointers[0] != "" || strings.Contains(pointers[0], "salt") || strings.Contains(pointers[0], "tag")) {
			t.Errorf("%q shows\n%s", pointers, text)
		}
	}
}

func TestWhatIsDerivedCannotBeChanged(t *testing.T) {
	base := sdSigned(t, "/issuer", "/validFrom")
	raw, err := Derive(base, []string{"/evidence", "/credentialSubject/narrative"})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"N"`, `"M"`}, {`"G"`, `"X"`}, {"2026-01-01", "2025-01-01"}, {`"name":"A"`, `"name":"Z"`}, {`,{"type":["Evidence"],"name":"H","narrative":"a \"quoted\" ~/text"}`, ""},
		{`"assertionMethod"`, `"authentication"`}, {"2026-11-27T12:00:00Z", "2026-11-27T11:00:00Z"}} {
		changed := strings.Replace(string(raw), change[0], change[1], 1)
		if changed == string(raw) {
			t.Fatalf("nothing to change: %q in %s", change[0], raw)
		}
		if _, err := Verify(t.Context(), parse(t, changed), VerifyOptions{Resolver: resolver, Now: noon}); err == nil {
			t.Errorf("%q -> %q verifies", change[0], change[1])
		}
	}
	// Any altered character of the proof value.
	doc := parse(t, string(raw))
	text, _ := doc.Get("proof").Get("proofValue").Text()
	for i := 0; i < len(text); i += 7 {
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		changed := strings.Replace(string(raw), text, text[:i]+string(other)+text[i+1:], 1)
		if _, err := Verify(t.Context(), parse(t, changed), VerifyOptions{Resolver: resolver, Now: noon}); err == nil {
			t.Errorf("character %d of the proof value may be another", i)
		}
	}
}

// Parts of two proofs do not go together, though each is the issuer's own.
func TestStatementsOfTwoBadgesAreNotMixed(t *testing.T) {
	s := newP256Signer(t)
	var derived []derivedProof
	var docs []jsondoc.Value
	for _, name := range []string{"N", "M"} {
		raw, err := AddProof(t.Context(), []byte(strings.Replace(sdBadge, `"N"`, `"`+name+`"`, 1)), Options{Cryptosuite: ECDSASD, Created: noon, Mandatory: []string{"/issuer"}}, s)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Derive(parse(t, string(raw)), []string{"/credentialSubject/narrative"})
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, string(out))
		text, _ := doc.Get("proof").Get("proofValue").Text()
		value, err := sdValue(text)
		if err != nil {
			t.Fatal(err)
		}
		var d derivedProof
		if err := decodeSD(derivedHeader, value, &d); err != nil {
			t.Fatal(err)
		}
		derived, docs = append(derived, d), append(docs, doc)
	}
	for name, mixed := range map[string]derivedProof{
		"signatures": {Signature: derived[0].Signature, PublicKey: derived[0].PublicKey, Signatures: derived[1].Signatures, Labels: derived[0].Labels, Mandatory: derived[0].Mandatory},
		"key":        {Signature: derived[0].Signature, PublicKey: derived[1].PublicKey, Signatures: derived[1].Signatures, Labels: derived[1].Labels, Mandatory: derived[1].Mandatory},
		"fewer":      {Signature: derived[0].Signature, PublicKey: derived[0].PublicKey, Signatures: derived[0].Signatures[1:], Labels: derived[0].Labels, Mandatory: derived[0].Mandatory},
		"mandatory":  {Signature: derived[0].Signature, PublicKey: derived[0].PublicKey, Signatures: derived[0].Signatures, Labels: derived[0].Labels, Mandatory: derived[0].Mandatory[1:]},
		"places":     {Signature: derived[0].Signature, PublicKey: derived[0].PublicKey, Signatures: derived[0].Signatures, Labels: derived[0].Labels, Mandatory: []int{-1, 99}},
		"labels":     {Signature: derived[0].Signature, PublicKey: derived[0].PublicKey, Signatures: derived[0].Signatures, Labels: map[uint64][]byte{}, Mandatory: derived[0].Mandatory},
	} {
		value, err := encodeSD(derivedHeader, mixed)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := with(docs[0].Get("proof"), "proofValue", []byte(`"`+value+`"`))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := with(docs[0], "proof", proof.Raw())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), doc, VerifyOptions{Resolver: resolver, Now: noon}); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABaseProofIsForItsHolderAlone(t *testing.T) {
	base := sdSigned(t, "/issuer")
	if _, err := Verify(t.Context(), base, VerifyOptions{Resolver: resolver, Now: noon}); !errors.Is(err, ErrBaseProof) {
		t.Errorf("a verifier: %v", err)
	}
	if _, err := Verify(t.Context(), base, VerifyOptions{Resolver: resolver, Now: noon, Base: true}); err != nil {
		t.Errorf("the holder: %v", err)
	}
	changed := parse(t, strings.Replace(string(base.Raw()), `"N"`, `"M"`, 1))
	if _, err := Verify(t.Context(), changed, VerifyOptions{Resolver: resolver, Now: noon, Base: true}); err == nil {
		t.Error("a changed one verifies")
	}
}

func TestWhatCannotBeDerivedOrSignedSaysWhy(t *testing.T) {
	base := sdSigned(t, "/issuer")
	for pointer, want := range map[string]error{"/nothing": jsonld.ErrPointer, "issuer": jsonld.ErrPointer, "/evidence/2": jsonld.ErrPointer, "/evidence/01": jsonld.ErrPointer, "/proof": jsonld.ErrPointer} {
		if _, err := Derive(base, []string{pointer}); !errors.Is(err, want) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
	if _, err := Derive(sdSigned(t), nil); !errors.Is(err, jsonld.ErrPointer) {
		t.Errorf("nothing at all: %v", err)
	}
	derived, err := Derive(base, []string{"/validFrom"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Derive(parse(t, string(derived)), []string{"/validFrom"}); !errors.Is(err, ErrNoProof) {
		t.Errorf("deriving twice: %v", err)
	}
	s := newP256Signer(t)
	if _, err := AddProof(t.Context(), []byte(sdBadge), Options{Cryptosuite: ECDSASD, Mandatory: []string{"/x"}}, s); !errors.Is(err, jsonld.ErrPointer) {
		t.Errorf("a mandatory pointer to nothing: %v", err)
	}
	if _, err := AddProof(t.Context(), []byte(sdBadge), Options{Cryptosuite: ECDSARDFC, Mandatory: []string{"/issuer"}}, s); !errors.Is(err, ErrUnsupported) {
		t.Errorf("mandatory pointers of another suite: %v", err)
	}
	many := strings.Replace(sdBadge, `"tag":["x","y"]`, `"tag":[`+strings.TrimSuffix(strings.Repeat(`"%d",`, maxStatements), ",")+`]`, 1)
	var n []any
	for i := range maxStatements {
		n = append(n, i)
	}
	if _, err := AddProof(t.Context(), fmt.Appendf(nil, many, n...), Options{Cryptosuite: ECDSASD}, s); !errors.Is(err, ErrLimit) {
		t.Errorf("too many statements: %v", err)
	}
}

func FuzzSDProofValuesAreRead(f *testing.F) {
	base := sdSigned(f, "/issuer")
	derived, err := Derive(base, []string{"/validFrom"})
	if err != nil {
		f.Fatal(err)
	}
	for _, doc := range []jsondoc.Value{base, parse(f, string(derived))} {
		text, _ := doc.Get("proof").Get("proofValue").Text()
		raw, err := base64.RawURLEncoding.DecodeString(text[1:])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	v := parse(f, string(derived))
	good, _ := v.Get("proof").Get("proofValue").Text()
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := "u" + base64.RawURLEncoding.EncodeToString(raw)
		proof, err := with(v.Get("proof"), "proofValue", []byte(`"`+text+`"`))
		if err != nil {
			return
		}
		doc, err := with(v, "proof", proof.Raw())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), doc, VerifyOptions{Resolver: resolver, Now: noon}); err == nil && text != good && !sameSignatures(t, text, good) {
			t.Errorf("another proof value verifies: %s", text)
		}
	})
}

// sameSignatures: ECDSA lets (r, n-s) pass for (r, s); all else must be equal.
func sameSignatures(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y derivedProof
	for text, into := range map[string]*derivedProof{a: &x, b: &y} {
		value, err := sdValue(text)
		if err != nil || decodeSD(derivedHeader, value, into) != nil {
			return false
		}
	}
	n := elliptic.P256().Params().N
	low := func(sig []byte) string {
		s := new(big.Int).SetBytes(sig[32:])
		if m := new(big.Int).Sub(n, s); m.Cmp(s) < 0 {
			s = m
		}
		return hex.EncodeToString(sig[:32]) + s.String()
	}
	for _, d := range []*derivedProof{&x, &y} {
		d.Signature = []byte(low(d.Signature))
		for i := range d.Signatures {
			d.Signatures[i] = []byte(low(d.Signatures[i]))
		}
	}
	return reflect.DeepEqual(x, y)
}
