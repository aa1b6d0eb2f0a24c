package conformance_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/testnet/conformance"
)

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range names {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = raw
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", dir)
	}
	return out
}

// suiteHolder is who the suite of the data model signs presentations as; the
// test signs as somebody else in that place.
const suiteHolder = "did:key:z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj"

// Every input of the W3C's suite of the VC Data Model 2.0 through HTTP: of
// credentials by issuing, as the suite does, and of presentations by signing and
// verifying.
func TestTheDataModelSuiteThroughTheDoor(t *testing.T) {
	c := open(t, conformance.Config{})
	dir := sharedtest.Dir(t, "conformance", "vcdm-2.0")
	all := files(t, dir)
	for name, raw := range files(t, filepath.Join(dir, "names-and-descriptions")) {
		all[name] = raw
	}
	n := 0
	for file, raw := range all {
		name := strings.TrimSuffix(file, ".json")
		raw = []byte(strings.NewReplacer("PAST DATE", "2020-01-01T00:00:00Z", "FUTURE DATE", "2099-01-01T00:00:00Z").Replace(string(raw)))
		ok := strings.HasSuffix(name, "-ok")
		n++
		if strings.HasPrefix(name, "presentation-") {
			c.presentationCase(name, raw, ok)
			continue
		}
		code, body := c.issue("vc2.0", 0, c.sent(name, read(t, raw)), nil)
		if ok != (code == http.StatusCreated) || !ok && code != http.StatusBadRequest {
			t.Errorf("%s: %d %v", name, code, body)
		}
		if code != http.StatusCreated {
			continue
		}
		vc, _ := body["verifiableCredential"].(object)
		decided := !strings.Contains(name, "-status-") && name != "credential-validuntil-ok" && name != "credential-validfrom-far-future-ok"
		code, answer := c.verify(vc, nil)
		want(t, name+", as issued", code, decided, answer)
	}
	t.Logf("read %s: %d inputs", dir, n)
	if n < 75 {
		t.Errorf("only %d inputs", n)
	}
}

// sent is an input as the suite sends it: with the issuer's id where it leaves
// room for one.
func (c *client) sent(name string, o object) object {
	c.t.Helper()
	self := ""
	for _, i := range c.manifest.Issuers {
		if self == "" {
			self = i.ID
		}
	}
	switch issuer := o["issuer"].(type) {
	case object:
		if _, has := issuer["id"]; !has {
			issuer["id"] = self
		}
	case nil:
		if _, null := o["issuer"]; !null && name == "credential-no-issuer-fail" {
			o["issuer"] = nil // issue fills in what is absent
		}
	}
	return o
}

// presentationCase signs a presentation, and within it each credential that is
// not its presenter's own word, and has it verified.
func (c *client) presentationCase(name string, raw []byte, ok bool) {
	c.t.Helper()
	p := newParty(c.t, "holder")
	vp := read(c.t, []byte(strings.ReplaceAll(string(raw), suiteHolder, p.id)))
	if list, isList := vp["verifiableCredential"].([]any); isList {
		for i, e := range list {
			vc, isObject := e.(object)
			if !isObject || vc["proof"] != nil || strings.Contains(name, "self-asserted") {
				continue
			}
			vc["issuer"] = p.id
			list[i] = read(c.t, c.proved(vc, p, dataintegrity.Options{}))
		}
	}
	signed := vp
	if raw, err := c.tryProved(vp, p, dataintegrity.Options{Purpose: did.Authentication, Challenge: "123456789", Domain: "example.com"}); err == nil {
		signed = read(c.t, raw)
	} else if ok {
		c.t.Errorf("%s: %v", name, err)
	}
	code, body := c.post(c.base+"/presentations/verify", object{"verifiablePresentation": signed, "options": object{"checks": []string{}, "challenge": "123456789", "domain": "example.com"}})
	want(c.t, name, code, ok, read(c.t, body))
}

func (c *client) tryProved(o object, by party, opts dataintegrity.Options) ([]byte, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	opts.Created = time.Now()
	return dataintegrity.AddProof(c.t.Context(), raw, opts, by)
}

func (c *client) proved(o object, by party, opts dataintegrity.Options) []byte {
	c.t.Helper()
	raw, err := c.tryProved(o, by, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	return raw
}

// The recorded chains are by two keys, of which at most one is the issuer's.
func TestTheProofChainsThroughTheDoor(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "proof-chain")
	loose, strict := open(t, conformance.Config{NoIssuerBinding: true}), open(t, conformance.Config{})
	n := 0
	for name, raw := range files(t, dir) {
		code, answer := loose.verify(read(t, raw), object{"checks": []string{"proof"}})
		want(t, name, code, strings.Contains(name, "Ok"), answer)
		code, answer = strict.verify(read(t, raw), object{"checks": []string{"proof"}})
		want(t, name+", bound", code, false, answer)
		n++
	}
	t.Logf("read %s: %d documents", dir, n)
}

func TestTheSignedDocumentsOfTheCryptosuitesThroughTheDoor(t *testing.T) {
	then := func() time.Time { return time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC) } // before one of them ends
	loose, strict := open(t, conformance.Config{NoIssuerBinding: true, Now: then}), open(t, conformance.Config{Now: then})
	n := 0
	for _, sub := range []string{"di-eddsa", "di-ecdsa"} {
		root := sharedtest.Dir(t, "conformance", "vectors", sub)
		err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var doc object
			if strings.Contains(path, "TempDoc") || json.Unmarshal(raw, &doc) != nil || doc["proof"] == nil || doc["credentialSubject"] == nil {
				return nil
			}
			base := strings.Contains(filepath.Base(path), "Base")
			code, answer := loose.verify(doc, nil)
			want(t, path, code, !base && signedWhole(doc), answer)
			if subject, isObject := doc["credentialSubject"].(object); isObject && !base {
				subject["id"] = "did:example:other"
				code, answer = loose.verify(doc, nil)
				want(t, path+", altered", code, false, answer)
			}
			code, _ = strict.verify(read(t, raw), nil)
			if code == http.StatusOK && !strings.Contains(string(raw), `"issuer": "did:key:`) {
				t.Errorf("%s: accepted by a key that is not the issuer's", path)
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("read %s", root)
	}
	if t.Logf("%d signed documents", n); n < 10 {
		t.Errorf("only %d signed documents", n)
	}
}

// signedWhole reports whether a document's proofs are complete.
func signedWhole(doc object) bool {
	list, isList := doc["proof"].([]any)
	if !isList {
		list = []any{doc["proof"]}
	}
	for _, p := range list {
		if o, ok := p.(object); !ok || o["proofValue"] == nil {
			return false
		}
	}
	return true
}

// The mapping of the W3C's suite of VC-JOSE-COSE: its number, function, feature,
// input, key and result. Inputs that are not at hand are made here.
func TestTheCasesOfVCJOSECOSEThroughTheDoor(t *testing.T) {
	c := open(t, conformance.Config{})
	dir := sharedtest.Dir(t, "conformance", "vectors", "jose-cose")
	all := files(t, dir)
	p := newParty(t, "jose")
	own := keyFile(t, p, "https://example.issuer/vc-jose-cose")
	minimal := strings.TrimSpace(string(all["credential-minimal.json"]))
	forge := func(header, payload string) string { return p.jwt(header, payload) }
	bare := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","holder":"https://example.issuer/vc-jose-cose"`
	for _, tt := range []struct{ name, fn, feature, input, key, result string }{
		{"1", "issue", "credential_jose", minimal, "vm-p256", "success"},
		{"2", "issue", "credential_jose", "credential-full.json", "vm-p384", "success"},
		{"3", "issue", "presentation_jose", "presentation-single.json", "vm-p256", "success"},
		{"4", "issue", "presentation_jose", "presentation-multiple.json", "vm-p521", "success"},
		{"5", "issue", "credential_jose", "credential-unknown-extensions.json", "vm-p521", "failure"},
		{"6", "verify", "credential_jose", "credential-jose-minimal.txt", "vm-p256", "success"},
		{"7", "verify", "presentation_jose", "presentation-jose-multiple.txt", "vm-p384", "success"},
		{"8", "verify", "credential_jose", "credential-issuer-match-signed.txt", "vm-ed25519", "success"},
		{"9", "verify", "credential_jose", "credential-jose-unknown-extensions.txt", "vm-ed25519", "failure"},
		{"10", "verify", "credential_jose", "credential-minimal.json", "vm-ed25519", "failure"},
		{"11", "verify", "presentation_jose", "presentation-single.json", "vm-ed25519", "failure"},
		{"12", "verify", "credential_jose", "credential-jose-bad-signature.txt", "vm-ed25519", "failure"},
		{"13", "verify", "credential_jose", forge(`{"alg":"EdDSA","typ":"bad+typ","cty":"bad+cty"}`, minimal), own, "failure"},
		{"14", "verify", "presentation_jose", "presentation-jose-bad-media-type.txt", "vm-ed25519", "failure"},
		{"15", "verify", "credential_jose", forge(`{"alg":"EdDSA","typ":"vc+jwt"}`, strings.Replace(minimal, "{", `{"vc":{},"vp":{},`, 1)), own, "failure"},
		{"16", "verify", "presentation_jose", forge(`{"alg":"EdDSA","typ":"vp+jwt"}`, bare+`,"verifiableCredential":[`+minimal+`]}`), own, "failure"},

		{"without typ", "verify", "credential_jose", forge(`{"alg":"EdDSA"}`, minimal), own, "failure"},
		{"a forged one that is right", "verify", "credential_jose", forge(`{"alg":"EdDSA","typ":"vc+jwt"}`, minimal), own, "success"},
		{"a presentation of nothing", "verify", "presentation_jose", forge(`{"alg":"EdDSA","typ":"vp+jwt"}`, bare+`}`), own, "success"},
		{"a credential as a presentation", "verify", "presentation_jose", forge(`{"alg":"EdDSA","typ":"vc+jwt"}`, minimal), own, "failure"},
		{"a broken token within", "verify", "presentation_jose", forge(`{"alg":"EdDSA","typ":"vp+jwt"}`, bare+`,"verifiableCredential":[{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,a.b.c"}]}`), own, "failure"},
		{"somebody else's key", "verify", "credential_jose", forge(`{"alg":"EdDSA","typ":"vc+jwt"}`, minimal), keyFile(t, p, "https://other.example"), "failure"},
		{"not secured within", "issue", "presentation_jose", bare + `,"verifiableCredential":[` + minimal + `]}`, "vm-p256", "failure"},
		{"no credential", "issue", "credential_jose", `{"type":"x"}`, "vm-p256", "failure"},
		{"no JSON", "issue", "credential_jose", `x`, "vm-p256", "failure"},
		{"a key without private half", "issue", "credential_jose", minimal, `{"id":"https://a.example#1","publicKeyJwk":{}}`, "failure"},
		{"COSE", "verify", "credential_cose", "credential-cose-minimal.txt", "vm-p256", "indeterminate"},
		{"SD-JWT", "verify", "credential_sdjwt", "credential-sdjwt-selective.txt", "vm-p384", "indeterminate"},
	} {
		input, key := tt.input, tt.key
		if raw, ok := all[input]; ok {
			input = string(raw)
		}
		if raw, ok := all[key+".json"]; ok {
			key = string(raw)
		}
		bodies := []object{{"fn": tt.fn, "feature": tt.feature, "input": input, "key": key}}
		var in, k object
		if json.Unmarshal([]byte(input), &in) == nil && json.Unmarshal([]byte(key), &k) == nil {
			bodies = append(bodies, object{"fn": tt.fn, "feature": tt.feature, "input": in, "key": k}) // as JSON, not as text
		}
		for _, body := range bodies {
			code, raw := c.post(c.base+"/jose-cose", body)
			answer := read(t, raw)
			if code != http.StatusOK || answer["result"] != tt.result || (tt.result == "success") != (answer["data"] != "") {
				t.Errorf("%s: %d %s", tt.name, code, raw)
			}
			if tt.fn == "issue" && tt.result == "success" { // it reads back
				_, raw := c.post(c.base+"/jose-cose", object{"fn": "verify", "feature": tt.feature, "input": answer["data"], "key": key})
				if back := read(t, raw); back["result"] != "success" && tt.name != "3" {
					t.Errorf("%s, read back: %s", tt.name, raw)
				}
			}
		}
	}
	for name, body := range map[string]object{"fn": {"fn": "sign", "feature": "credential_jose", "key": object{}}, "feature": {"fn": "verify", "feature": "x", "key": object{}}, "key": {"fn": "verify", "feature": "credential_jose", "input": "x"}} {
		if code, raw := c.post(c.base+"/jose-cose", body); code != http.StatusBadRequest || !strings.Contains(string(raw), name) {
			t.Errorf("without %s: %d %s", name, code, raw)
		}
	}
	t.Logf("read %s", dir)
}

// keyFile is a verification method as the suite keeps it.
func keyFile(t *testing.T, p party, controller string) string {
	t.Helper()
	k, err := p.pub.JWK()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(object{"id": controller + "#key-1", "type": "JsonWebKey", "controller": controller, "publicKeyJwk": k})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestThePublishedKeysResolveThroughTheDoor(t *testing.T) {
	c := open(t, conformance.Config{})
	dir := sharedtest.Dir(t, "conformance", "vectors", "did-key")
	n := 0
	for name, raw := range files(t, dir) {
		var vectors map[string]json.RawMessage
		if err := json.Unmarshal(raw, &vectors); err != nil {
			t.Fatal(err)
		}
		for id := range vectors {
			if !strings.HasPrefix(id, "did:key:") {
				continue
			}
			code, body := c.get(c.manifest.DIDResolvers[0].Endpoint + "/" + url.QueryEscape(id))
			answer := read(t, body)
			doc, _ := answer["didDocument"].(object)
			if code != http.StatusOK || doc["id"] != id || answer["didResolutionMetadata"] == nil || answer["didDocumentMetadata"] == nil || answer["@context"] == nil {
				t.Errorf("%s: %s: %d %s", name, id, code, body)
			}
			n++
		}
	}
	if t.Logf("read %s: %d identifiers", dir, n); n < 10 {
		t.Errorf("only %d identifiers", n)
	}
}

// The errors of did:key as its suite asks for them.
func TestTheErrorsOfDidKeyHaveTheirNames(t *testing.T) {
	c := open(t, conformance.Config{})
	const value = "z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b"
	const id = "did:key:" + value
	identity, err := multibase.Encode(multibase.Base58BTC, append([]byte{0xed, 0x01, 1}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ id, query, meta, err string }{
		{"notDid:key:" + value, "", "didResolutionMetadata", "invalidDid"},
		{"did:experimental:" + value, "", "didResolutionMetadata", "invalidDid"},
		{"did:key:-4:" + value, "", "didResolutionMetadata", "invalidDid"},
		{"did:key:" + value[1:], "", "didResolutionMetadata", "invalidDid"},
		{"did:key:@", "", "didResolutionMetadata", "invalidDid"},
		{"did:key:zTjsVPtY", "", "didResolutionMetadata", "invalidPublicKeyLength"},
		{"did:key:" + identity, "", "didResolutionMetadata", "invalidPublicKey"}, // of small order
		{id + "/^bar^/?query=`#" + value, "", "didDereferencingMetadata", "invalidDidUrl"},
		{id + "#none", "", "didDereferencingMetadata", "notFound"},
		{id, "?publicKeyFormat=unknown", "didResolutionMetadata", "unsupportedPublicKeyType"},
		{id + "#" + value, "?publicKeyFormat=Ed25519VerificationKey2018&enableExperimentalPublicKeyTypes=false", "didDereferencingMetadata", "invalidPublicKeyType"},
		{id + "#z6LSfHfAMAopsuBxaBzvp51GXrPf38Az13j2fmwqadbwwrzJ", "?publicKeyFormat=Ed25519VerificationKey2018&enableExperimentalPublicKeyTypes=false", "didDereferencingMetadata", "invalidPublicKeyType"},
		{id, "?publicKeyFormat=Ed25519VerificationKey2018&enableExperimentalPublicKeyTypes=true", "didResolutionMetadata", "unsupportedPublicKeyType"},
	} {
		code, body := c.get(c.base + "/1.0/identifiers/" + url.QueryEscape(tt.id) + tt.query)
		answer := read(t, body)
		meta, _ := answer[tt.meta].(object)
		if code < 400 || meta["error"] != tt.err || answer["didDocument"] == nil || answer["@context"] == nil || answer["didDocumentMetadata"] == nil {
			t.Errorf("%s%s: %d %s, want %s", tt.id, tt.query, code, body, tt.err)
		}
	}
	for _, method := range []string{value, "z6LSfHfAMAopsuBxaBzvp51GXrPf38Az13j2fmwqadbwwrzJ"} {
		code, body := c.get(c.base + "/1.0/identifiers/" + url.QueryEscape(id+"#"+method))
		found, _ := read(t, body)["didDocument"].(object)
		if code != http.StatusOK || found["controller"] != id || found["id"] != id+"#"+method {
			t.Errorf("%s: %d %s", method, code, body)
		}
	}
	if code, _ := c.get(c.base + "/1.0/identifiers/"); code != http.StatusBadRequest {
		t.Errorf("no identifier: %d", code)
	}
}
