package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/testnet/conformance"
)

func TestTheManifestHoldsWhatTheSuitesLookFor(t *testing.T) {
	c := open(t, conformance.Config{})
	curves := map[string]int{}
	for _, tag := range suiteTags {
		found := false
		for _, i := range c.manifest.Issuers {
			if !slices.Contains(i.Tags, tag) {
				continue
			}
			found = true
			if !strings.HasPrefix(i.ID, "did:key:z") || !slices.Equal(i.Supports["vc"], []string{"1.1", "2.0"}) {
				t.Errorf("%s: %+v", tag, i)
			}
			if want := strings.HasPrefix(tag, "ecdsa-"); want != (len(i.KeyTypes) == 1) {
				t.Errorf("%s has the key types %v", tag, i.KeyTypes)
			}
			curves[tag+strings.Join(i.KeyTypes, "")]++
		}
		if !found || !slices.Contains(c.manifest.Verifiers[0].Tags, tag) {
			t.Errorf("%s has no issuer or no verifier", tag)
		}
	}
	for _, one := range []string{"ecdsa-rdfc-2019P-256", "ecdsa-rdfc-2019P-384", "ecdsa-jcs-2019P-256", "ecdsa-jcs-2019P-384", "ecdsa-sd-2023P-256"} {
		if curves[one] != 1 {
			t.Errorf("%d issuers of %s", curves[one], one)
		}
	}
	if m := c.manifest; len(m.VPVerifiers) != 1 || len(m.VCHolders) != 1 || !slices.Contains(m.VCHolders[0].Tags, "vcHolder") || len(m.DIDResolvers) != 1 || !slices.Contains(m.DIDResolvers[0].Tags, "did-key") || m.Name == "" || m.Implementation == "" {
		t.Errorf("%+v", m)
	}
}

func TestAddressesAreUnderThePublicBase(t *testing.T) {
	d, err := conformance.New(conformance.Config{Public: "https://localhost:40443/"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Base() != "https://localhost:40443" {
		t.Errorf("base %s", d.Base())
	}
}

func TestTheDoorStaysOnThisMachine(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "example.org:0", "127.0.0.1", "127.0.0.1:99999"} {
		if d, err := conformance.New(conformance.Config{Listen: listen}); !errors.Is(err, conformance.ErrConfig) || !strings.Contains(err.Error(), "listen") {
			t.Errorf("%q: %v, %v", listen, d, err)
		}
	}
	for _, public := range []string{"localhost:1", "ftp://localhost", "https://", "https://u@localhost", "https://localhost/?q", "https://localhost/#f", "::"} {
		if _, err := conformance.New(conformance.Config{Public: public}); !errors.Is(err, conformance.ErrConfig) || !strings.Contains(err.Error(), "public") {
			t.Errorf("%q: %v", public, err)
		}
	}
	c := open(t, conformance.Config{Listen: "localhost:0"})
	host, _, err := net.SplitHostPort(strings.TrimPrefix(c.base, "http://"))
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens at %s, %v", c.base, err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := conformance.New(conformance.Config{Listen: ln.Addr().String()}); !errors.Is(err, conformance.ErrConfig) {
		t.Errorf("a port in use: %v", err)
	}
}

func TestItAnswersHTTPSUnderACertificateOfItsOwn(t *testing.T) {
	c := open(t, conformance.Config{TLS: true})
	if !strings.HasPrefix(c.base, "https://127.0.0.1:") {
		t.Errorf("base %s", c.base)
	}
	vc := c.issued("BitstringStatusList", 0, credential2(), nil)
	entry, _ := vc["credentialStatus"].(object)
	if list, _ := entry["statusListCredential"].(string); !strings.HasPrefix(list, c.base+"/status/") {
		t.Errorf("status list at %q", list)
	}
}

// paths are all that take a request body.
func (c *client) paths() []string {
	out := []string{c.base + "/credentials/verify", c.base + "/credentials/derive", c.base + "/presentations/verify", c.base + "/jose-cose"}
	for _, i := range c.manifest.Issuers {
		out = append(out, i.Endpoint)
	}
	return out
}

func TestBadRequestsAreRefusedAndNeverAFault(t *testing.T) {
	c := open(t, conformance.Config{})
	send := func(method, url, media string, body io.Reader) int {
		req, err := http.NewRequestWithContext(t.Context(), method, url, body)
		if err != nil {
			t.Fatal(err)
		}
		if media != "" {
			req.Header.Set("Content-Type", media)
		}
		code, _ := c.do(req)
		return code
	}
	deep := strings.Repeat(`{"credential":`, 5000) + "1" + strings.Repeat("}", 5000)
	for _, url := range c.paths() {
		for name, body := range map[string]string{"nothing": "", "half": `{"credential":`, "twice": `{"credential":{},"credential":{}}`, "trailing": `{} {}`, "a list": `[]`, "a text": `"x"`, "null": `null`,
			"no UTF-8": "{\"\xff\":1}", "empty": `{}`, "another member": `{"x":{}}`, "depth": deep, "texts": `{"credential":"x","verifiableCredential":"x","verifiablePresentation":"x"}`,
			"nulls": `{"credential":null,"verifiableCredential":null,"verifiablePresentation":null,"options":null}`, "numbers": `{"credential":1e999,"verifiableCredential":{"proof":1}}`,
			"options": `{"credential":{},"verifiableCredential":{},"verifiablePresentation":{},"options":[1]}`,
			"checks":  `{"credential":{},"verifiableCredential":{},"verifiablePresentation":{},"options":{"checks":"proof","mandatoryPointers":1,"selectivePointers":[1]}}`} {
			if code, answer := c.post(url, body); code != http.StatusBadRequest || !bytes.Contains(answer, []byte(`"problemDetails":[{"type":"`)) {
				t.Errorf("%s, %s: %d %s", url, name, code, answer)
			}
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "x;;"} {
			if code := send(http.MethodPost, url, media, strings.NewReader("{}")); code != http.StatusUnsupportedMediaType {
				t.Errorf("%s in %q: %d", url, media, code)
			}
		}
		if code := send(http.MethodPost, url, "application/json", strings.NewReader(`{"x":"`+strings.Repeat("x", 2<<20)+`"}`)); code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, 2 MiB: %d", url, code)
		}
		if code := send(http.MethodGet, url, "", nil); code != http.StatusNotFound {
			t.Errorf("GET %s: %d", url, code)
		}
	}
	for _, path := range []string{"/", "/x", "/credentials/issue", "/issuers/nobody/credentials/issue", "/status/2/revocation", "/status/1/suspension"} {
		if code := send(http.MethodPost, c.base+path, "application/json", strings.NewReader("{}")); code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, code)
		}
	}
}

func TestEachIssuerIssuesWhatVerifiesAndNothingAlteredDoes(t *testing.T) {
	c := open(t, conformance.Config{})
	for _, i := range c.manifest.Issuers {
		for model, credential := range map[string]object{"1.1": credential1(), "2.0": credential2()} {
			what := i.Endpoint + " " + model
			credential["issuer"] = i.ID
			mandatory := map[string][]string{"1.1": {"/issuer", "/issuanceDate"}, "2.0": {"/issuer"}}[model]
			code, body := c.post(i.Endpoint, object{"credential": credential, "options": object{"mandatoryPointers": mandatory}})
			vc, ok := read(t, body)["verifiableCredential"].(object)
			if code != http.StatusCreated || !ok {
				t.Errorf("%s: %d %s", what, code, body)
				continue
			}
			switch i.Tags[0] {
			case "EnvelopingProof":
				code, answer := c.verify(vc, nil)
				want(t, what, code, true, answer)
				id, _ := vc["id"].(string)
				code, answer = c.verify(changed(t, vc, "id", id[:len(id)-4]+"AAAA"), nil)
				want(t, what+", altered", code, false, answer)
				continue
			case "ecdsa-sd-2023":
				code, answer := c.verify(vc, nil)
				want(t, what+", the base", code, false, answer)
				code, body := c.post(c.base+"/credentials/derive", object{"verifiableCredential": vc, "options": object{"selectivePointers": []string{"/credentialSubject/name"}}})
				if vc, ok = read(t, body)["verifiableCredential"].(object); code != http.StatusCreated || !ok {
					t.Errorf("%s: derive: %d %s", what, code, body)
					continue
				}
			}
			code, answer := c.verify(vc, nil)
			want(t, what, code, true, answer)
			for path, value := range map[string]any{"credentialSubject/name": "Eve", "credentialSubject/more": "x", "type": []any{"VerifiableCredential", "Undefined"}, "proof": nil, "proof/type": nil, "proof/proofPurpose": nil,
				"proof/verificationMethod": "did:key:invalidVm", "proof/proofValue": "", "proof/created": "2020-01-01T00:00:00Z", "issuer": newParty(t, "other").id, "@context": []any{"https://www.w3.org/ns/credentials/v2", "https://unknown.example/v1"}} {
				code, answer := c.verify(changed(t, vc, path, value), object{"checks": []string{"proof"}})
				want(t, what+", "+path, code, false, answer)
			}
			for name, o := range map[string]object{"purpose": {"expectedProofPurpose": "authentication"}, "domain": {"domain": "domain.example"}, "challenge": {"challenge": "1235abcd6789"}} {
				code, answer := c.verify(vc, o)
				want(t, what+", another "+name, code, false, answer)
			}
		}
	}
}

// What no issuer may sign is refused by each of them.
func TestNoIssuerSignsWhatIsNoCredential(t *testing.T) {
	c := open(t, conformance.Config{})
	for _, i := range c.manifest.Issuers {
		good := credential2()
		good["issuer"], good["id"] = i.ID, "urn:uuid:86294362-4254-4f36-854f-3952fe42555d"
		for path, values := range map[string][]any{"@context": {nil, 4, false, []any{}, []any{4}, "https://unknown.example/v1"}, "type": {nil, true, 4, []any{}, []any{4}, []any{"VerifiableCredential", "InvalidType"}}, "issuer": {nil, true, 4, []any{}, "x", newParty(t, "other").id},
			"credentialSubject": {nil, true, 4, []any{}, "did:example:1234"}, "credentialSubject/invalidTerm": {"x"}, "id": {"x", []any{"urn:a:b", "urn:c:d"}}, "validUntil": {"tomorrow"}, "statusEntry": {object{"type": "BitstringStatusListEntry", "statusListIndex": true}}} {
			for _, v := range values {
				code, body := c.post(i.Endpoint, object{"credential": changed(t, good, path, v)})
				if code != http.StatusBadRequest || !bytes.Contains(body, []byte("problemDetails")) {
					t.Errorf("%s with %s %v: %d %s", i.Endpoint, path, v, code, body)
				}
			}
		}
		if code, _ := c.post(i.Endpoint, object{"verifiableCredential": good}); code != http.StatusBadRequest {
			t.Errorf("%s without credential: %d", i.Endpoint, code)
		}
	}
	if code, body := c.issue("ecdsa-sd-2023", 0, credential2(), object{"mandatoryPointers": []string{"/non/existent/path"}}); code != http.StatusBadRequest {
		t.Errorf("a pointer to nothing: %d %v", code, body)
	}
}

// The resources, and the digests, are those of the W3C's suite.
func TestARelatedResourceIsHeldToItsDigest(t *testing.T) {
	c := open(t, conformance.Config{})
	const v2, sri, multibase = "https://www.w3.org/ns/credentials/v2", "sha384-l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU", "uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ"
	for name, tt := range map[string]struct {
		resource any
		code     int
	}{
		"digestSRI": {object{"id": v2, "digestSRI": sri}, 201}, "digestMultibase": {object{"id": v2, "digestMultibase": multibase}, 201}, "media type": {object{"id": v2, "mediaType": "application/ld+json", "digestSRI": sri, "digestMultibase": multibase}, 201},
		"another SRI": {object{"id": v2, "digestSRI": "sha384-A" + sri[8:]}, 400}, "another multibase": {object{"id": v2, "digestMultibase": "uA" + multibase[2:]}, 400}, "texts": {[]any{v2}, 400},
		"no id": {object{"digestSRI": sri}, 400}, "no digest": {object{"id": v2}, 400}, "twice": {[]any{object{"id": v2, "digestSRI": sri}, object{"id": v2, "digestSRI": sri}}, 400},
	} {
		if code, body := c.issue("vc2.0", 0, changed(t, credential2(), "relatedResource", tt.resource), nil); code != tt.code {
			t.Errorf("%s: %d %v", name, code, body)
		}
	}
}

func TestAProofThatCameWithACredentialIsNotCarriedOver(t *testing.T) {
	c := open(t, conformance.Config{})
	vc := c.issued("vc2.0", 0, changed(t, credential2(), "proof", object{"type": "DataIntegrityProof", "proofValue": "zX"}), nil)
	if p, ok := vc["proof"].(object); !ok || p["proofValue"] == "zX" {
		t.Errorf("proof %v", vc["proof"])
	}
	code, answer := c.verify(vc, nil)
	want(t, "it", code, true, answer)
}

func TestTheStatusOfACredentialIsTheDoorsOwn(t *testing.T) {
	c := open(t, conformance.Config{})
	seen := map[any]bool{}
	for range 5 {
		vc := c.issued("BitstringStatusList", 0, credential2(), nil)
		entry, ok := vc["credentialStatus"].(object)
		if keys := slices.Sorted(maps.Keys(entry)); !ok || !slices.Equal(keys, []string{"id", "statusListCredential", "statusListIndex", "statusPurpose", "type"}) || seen[entry["statusListIndex"]] {
			t.Fatalf("entry %v", vc["credentialStatus"])
		}
		seen[entry["statusListIndex"]] = true
		code, body := c.get(fmt.Sprint(entry["statusListCredential"]))
		list := read(t, body)
		subject, _ := list["credentialSubject"].(object)
		if keys := slices.Sorted(maps.Keys(subject)); code != http.StatusOK || !slices.Equal(keys, []string{"encodedList", "id", "statusPurpose", "type"}) || subject["type"] != "BitstringStatusList" || list["id"] != entry["statusListCredential"] {
			t.Fatalf("list: %d %s", code, body)
		}
		code, answer := c.verify(list, nil)
		want(t, "the list itself", code, true, answer)
		code, answer = c.verify(vc, object{"checks": []string{"proof", "credentialStatus"}})
		want(t, "with its status", code, true, answer)
	}
}

func TestAnEnvelopeIsHeldToItsForm(t *testing.T) {
	c := open(t, conformance.Config{})
	vc := c.issued("EnvelopingProof", 0, credential2(), nil)
	id, _ := vc["id"].(string)
	for path, value := range map[string]any{"@context": []any{}, "id": strings.SplitN(id, ",", 2)[1], "type": nil} {
		code, answer := c.verify(changed(t, vc, path, value), nil)
		want(t, path, code, false, answer)
	}
	code, answer := c.verify(changed(t, vc, "@context", "https://www.w3.org/ns/credentials/examples/v2"), nil)
	want(t, "another context", code, false, answer)
	code, answer = c.verify(changed(t, vc, "type", "VerifiableCredential"), nil)
	want(t, "another type", code, false, answer)
}

// A presentation as a JWT by the VC Data Model 1.1 is what the suite sends.
func TestAnEnvelopedPresentationIsVerified(t *testing.T) {
	c := open(t, conformance.Config{})
	p := newParty(t, "holder")
	vc := c.issued("EnvelopingProof", 0, credential2(), nil)
	inner, err := json.Marshal(object{"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "type": []string{"VerifiablePresentation"}, "holder": p.id, "verifiableCredential": []any{vc}})
	if err != nil {
		t.Fatal(err)
	}
	legacy := p.jwt(`{"alg":"EdDSA","typ":"JWT","kid":"`+p.VerificationMethod()+`"}`, `{"iss":"`+p.id+`","aud":"example.com","nonce":"123456789","vp":`+string(inner)+`}`)
	secured, err := jose.Secure(t.Context(), inner, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"data:application/jwt," + legacy, "data:application/vp+jwt," + string(secured)} {
		vp := object{"@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiablePresentation", "id": url}
		present := func(vp object, o object) (int, object) {
			code, body := c.post(c.base+"/presentations/verify", object{"verifiablePresentation": vp, "options": o})
			return code, read(t, body)
		}
		code, answer := present(vp, object{"checks": []string{}})
		want(t, "it", code, true, answer)
		for path, value := range map[string]any{"@context": []any{}, "id": strings.SplitN(url, ",", 2)[1], "type": []any{"VerifiablePresentation"}} {
			code, answer := present(changed(t, vp, path, value), nil)
			want(t, path, code, false, answer)
		}
		code, answer = present(vp, object{"challenge": "another"})
		want(t, "another challenge", code, false, answer)
		code, answer = present(vp, object{"expectedProofPurpose": "assertionMethod"})
		want(t, "another purpose", code, false, answer)
	}
	if code, answer := c.post(c.base+"/presentations/verify", object{"verifiablePresentation": object{"@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiablePresentation", "id": "data:application/jwt," + legacy}, "options": object{"challenge": "123456789", "domain": "example.com"}}); code != http.StatusOK {
		t.Errorf("for its own challenge: %d %s", code, answer)
	}
}

func TestTheValidityOfACredentialIsJudgedByTheClock(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	c := open(t, conformance.Config{Now: func() time.Time { return now }})
	for name, tt := range map[string]struct {
		from, until string
		valid       bool
	}{
		"now": {"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", true}, "ended": {"2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", false}, "later": {"4023-02-26T01:02:58.447Z", "4024-01-01T00:00:00Z", false},
	} {
		vc := c.issued("vc2.0", 0, changed(t, changed(t, credential2(), "validFrom", tt.from), "validUntil", tt.until), nil)
		code, answer := c.verify(vc, nil)
		want(t, name, code, tt.valid, answer)
	}
	if code, body := c.issue("vc2.0", 0, changed(t, changed(t, credential2(), "validFrom", "2027-01-01T00:00:00Z"), "validUntil", "2026-01-01T00:00:00Z"), nil); code != http.StatusBadRequest {
		t.Errorf("ending before it begins: %d %v", code, body)
	}
}
