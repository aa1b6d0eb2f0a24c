package conformance_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/testnet/conformance"
)

// The requests of the suite of VC API verifiers: its valid credential is the
// W3C's vector of Ed25519Signature2020, whose issuer has no keys.
func TestTheSuiteOfVCAPIVerifiers(t *testing.T) {
	c := open(t, conformance.Config{NoIssuerBinding: true})
	dir := sharedtest.Dir(t, "conformance", "vectors", "di-eddsa", "Ed25519Signature2020")
	valid := object{}
	for name, raw := range files(t, dir) {
		if strings.HasPrefix(name, "signed") && strings.HasSuffix(name, ".json") {
			valid = read(t, raw)
		}
	}
	code, answer := c.verify(valid, object{"checks": []string{"proof"}})
	want(t, "the vector", code, true, answer)
	for _, path := range []string{"@context", "type", "issuer", "credentialSubject", "proof", "proof/type", "proof/created", "proof/verificationMethod", "proof/proofValue", "proof/proofPurpose"} {
		code, answer := c.verify(changed(t, valid, path, nil), object{"checks": []string{"proof"}})
		want(t, "without "+path, code, false, answer)
	}
	for path, values := range map[string][]any{
		"@context": {"string", object{}, 10, true, []any{[]any{}}, []any{object{}}, []any{nil}, []any{10}, []any{true}}, "type": {"string", object{}, 10, true, []any{[]any{}}, []any{object{}}, []any{nil}, []any{10}},
		"issuer": {[]any{}, 10, true}, "credentialSubject": {"string", 10, true, []any{}}, "proof": {"string", 10, true, []any{}},
	} {
		for _, v := range values {
			code, answer := c.verify(changed(t, valid, path, v), object{"checks": []string{"proof"}})
			want(t, path, code, false, answer)
		}
	}
	for _, path := range []string{"@context", "type", "issuer", "credentialSubject", "proof"} { // null is not absent
		o := clone(t, valid)
		o[path] = nil
		code, answer := c.verify(o, object{"checks": []string{"proof"}})
		want(t, path+" null", code, false, answer)
	}
	if raw := text(t, valid); raw != "" { // a credential as a text is none
		code, answer := c.verify(raw, nil)
		want(t, "as a text", code, false, answer)
	}
}

// The credential is of the form that the suite of VC API issuers sends.
func TestTheSuiteOfVCAPIIssuers(t *testing.T) {
	c := open(t, conformance.Config{})
	good := object{"@context": []any{"https://www.w3.org/2018/credentials/v1", "https://www.w3.org/2018/credentials/examples/v1"}, "type": []any{"VerifiableCredential", "UniversityDegreeCredential"},
		"id": "urn:uuid:86294362-4254-4f36-854f-3952fe42555d", "issuanceDate": "2022-03-16T22:37:26Z", "credentialSubject": object{"id": "did:key:z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b"}}
	for name, credential := range map[string]object{"plain": good, "with an end": changed(t, good, "expirationDate", "2099-03-16T22:37:26Z")} {
		vc := c.issued("vc-api", 0, credential, nil)
		if p, ok := vc["proof"].(object); !ok || p["proofValue"] == "" || vc["id"] != good["id"] || vc["issuer"] == nil {
			t.Errorf("%s: %v", name, vc)
		}
		code, answer := c.verify(vc, nil)
		want(t, name, code, true, answer)
	}
	for path, values := range map[string][]any{"@context": {4, false, []any{}}, "type": {true, 4, []any{}}, "issuer": {true, 4, []any{}}, "credentialSubject": {true, 4, []any{}, "did:example:1234"}} {
		for _, v := range values {
			if code, body := c.issue("vc-api", 0, changed(t, good, path, v), nil); code != http.StatusBadRequest {
				t.Errorf("%s %v: %d %v", path, v, code, body)
			}
		}
	}
	for _, path := range []string{"@context", "type", "credentialSubject", "issuanceDate"} {
		if code, body := c.issue("vc-api", 0, changed(t, good, path, nil), nil); code != http.StatusBadRequest {
			t.Errorf("without %s: %d %v", path, code, body)
		}
	}
}
