package jose_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

const (
	obHeader = `{"alg":"EdDSA","kid":"did:web:a.example#1"}`
	vcHeader = `{"alg":"EdDSA","kid":"did:web:a.example#1","typ":"vc+jwt","cty":"vc"}`
	obClaims = `"iss":"did:web:a.example","sub":"did:web:b.example","jti":"urn:uuid:1","nbf":1795780800,"exp":1827316800`
)

// v1 is a VC-JWT of the VC Data Model 1.1: the credential is the claim vc.
const v1 = `{"vc":{"@context":["https://www.w3.org/2018/credentials/v1"],"id":"urn:uuid:1","type":["VerifiableCredential"],"issuer":"did:web:a.example",` +
	`"issuanceDate":"2026-11-27T12:00:00Z","expirationDate":"2027-11-27T12:00:00.9Z","credentialSubject":{"id":"did:web:b.example"}},` + obClaims + `}`

func parsed(t *testing.T, header, payload string) jose.Token {
	t.Helper()
	tok, err := jose.Parse(forge(t, edSigner(t), header, payload))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTheClaimVCHoldsACredentialOfVersion1(t *testing.T) {
	c, times, err := parsed(t, obHeader, v1).Credential()
	if id, _ := c.Get("id").Text(); err != nil || id != "urn:uuid:1" || times.Expires.Unix() != 1827316800 {
		t.Fatalf("%s, %+v, %v", id, times, err)
	}
	for name, tt := range map[string]struct {
		header, from, to string
		err              error
	}{
		"another issuer":         {obHeader, `"issuer":"did:web:a.example"`, `"issuer":"did:web:c.example"`, jose.ErrClaims},
		"another start":          {obHeader, `2026-11-27T12:00:00Z`, `2026-11-27T12:00:01Z`, jose.ErrClaims},
		"another end":            {obHeader, `2027-11-27T12:00:00.9Z`, `2027-11-27T12:00:01Z`, jose.ErrClaims},
		"no nbf":                 {obHeader, `"nbf":1795780800,`, ``, jose.ErrClaims},
		"no exp":                 {obHeader, `,"exp":1827316800`, ``, jose.ErrClaims},
		"a number as issuer":     {obHeader, `"iss":"did:web:a.example"`, `"iss":7`, jose.ErrMalformed},
		"a date before all time": {obHeader, `"nbf":1795780800`, `"nbf":-1`, jose.ErrMalformed},
		"a date beyond all time": {obHeader, `"nbf":1795780800`, `"nbf":1e300`, jose.ErrMalformed},
		"a second credential":    {obHeader, `"iss"`, `"credentialSubject":{"id":"did:web:m.example"},"iss"`, jose.ErrMalformed},
		"a text as vc":           {obHeader, `{"vc":{`, `{"vc":"x","w":{`, jose.ErrMalformed},
		"vc in a vc+jwt":         {vcHeader, `x`, `x`, jose.ErrMalformed},
	} {
		if _, _, err := parsed(t, tt.header, strings.Replace(v1, tt.from, tt.to, 1)).Credential(); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, want %v", name, err, tt.err)
		}
	}
}

func TestAVCJWTNeedsNoClaimsAndItsDatesBoundTheSignature(t *testing.T) {
	with := func(claims string) string { return credential[:len(credential)-1] + claims + "}" }
	for name, tt := range map[string]struct {
		claims  string
		expires int64
		err     error
	}{
		"no claims":             {claims: ""},
		"an earlier exp":        {claims: `,"exp":1800000000`, expires: 1800000000},
		"a fraction of seconds": {claims: `,"exp":1800000000.9`, expires: 1800000000},
		"the issuer again":      {claims: `,"iss":"did:web:a.example"`},
		"another issuer":        {claims: `,"iss":"did:web:c.example"`, err: jose.ErrClaims},
		"another subject":       {claims: `,"sub":"did:web:c.example"`, err: jose.ErrClaims},
		"another id":            {claims: `,"jti":"urn:uuid:2"`, err: jose.ErrClaims},
		"exp as text":           {claims: `,"exp":"1800000000"`, err: jose.ErrMalformed},
		"a presentation":        {claims: `,"vp":{}`, err: jose.ErrMalformed},
	} {
		_, times, err := parsed(t, vcHeader, with(tt.claims)).Credential()
		if !errors.Is(err, tt.err) || err == nil && !times.Expires.Equal(date(tt.expires)) {
			t.Errorf("%s: got %v, %v; want %d, %v", name, times.Expires, err, tt.expires, tt.err)
		}
	}
}

func date(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}

func TestTheCredentialsOfVCJOSECOSEAreRead(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "jose-cose")
	for _, name := range []string{"credential-jose-minimal", "credential-issuer-match-signed"} {
		raw, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.Parse(bytes.TrimSpace(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, _, err := tok.Credential()
		if id, _ := c.Get("id").Text(); err != nil || tok.Kind != jose.VCJOSE || id != "http://university.example/credentials/1872" {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	t.Logf("read %s", dir)
}

func TestOnlyACredentialThatItsClaimsCanRepeatIsSigned(t *testing.T) {
	s := edSigner(t)
	for name, spoil := range map[string][2]string{
		"no issuer":         {`"issuer":{"id":"did:web:a.example"},`, ``},
		"no id":             {`"id":"urn:uuid:1",`, ``},
		"no start":          {`"validFrom":"2026-11-27T12:00:00Z",`, ``},
		"a start of no day": {`2026-11-27T12:00:00Z`, `2026-11-27`},
		"a claim already":   {`"id":"urn:uuid:1"`, `"id":"urn:uuid:1","exp":1`},
		"a member twice":    {`"id":"urn:uuid:1"`, `"id":"urn:uuid:1","id":"urn:uuid:1"`},
		"not an object":     {credential, `[]`},
	} {
		if _, err := jose.Sign(t.Context(), []byte(strings.Replace(credential, spoil[0], spoil[1], 1)), s); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := strings.Replace(credential, `"id":"urn:uuid:1"`, `"id":"urn:uuid:1","x":"`+strings.Repeat("x", 1<<20)+`"`, 1)
	if _, err := jose.Sign(t.Context(), []byte(large), s); !errors.Is(err, jose.ErrLimit) {
		t.Errorf("a credential of 1 MiB: %v", err)
	}
	broken := errors.New("no key")
	s.sign = func([]byte) ([]byte, error) { return nil, broken }
	if _, err := jose.Sign(t.Context(), []byte(credential), s); !errors.Is(err, broken) {
		t.Errorf("a signer that fails: %v", err)
	}
}

func TestErrorsOfTheTokenSayWhatTheJSONSays(t *testing.T) {
	s := edSigner(t)
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for name, tt := range map[string]struct {
		header, payload string
		ours, theirs    error
	}{
		"a member twice":    {obHeader, `{"a":1,"a":2}`, jose.ErrMalformed, jsondoc.ErrMalformed},
		"nested too deep":   {obHeader, deep, jose.ErrLimit, jsondoc.ErrLimit},
		"a jwk as text":     {`{"alg":"EdDSA","jwk":"x"}`, "{}", jose.ErrMalformed, jose.ErrMalformed},
		"kid as number":     {`{"alg":"EdDSA","kid":1}`, "{}", jose.ErrMalformed, jose.ErrMalformed},
		"compressed":        {`{"alg":"EdDSA","zip":"DEF"}`, "{}", jose.ErrUnsupported, jose.ErrUnsupported},
		"alg of other case": {`{"alg":"eddsa"}`, "{}", jose.ErrUnsupported, jose.ErrUnsupported},
		"no alg":            {`{"Alg":"EdDSA"}`, "{}", jose.ErrUnsupported, jose.ErrUnsupported},
	} {
		if _, err := jose.Parse(forge(t, s, tt.header, tt.payload)); !errors.Is(err, tt.ours) || !errors.Is(err, tt.theirs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jose.Parse(bytes.Repeat([]byte("a"), 2<<20+1)); !errors.Is(err, jose.ErrLimit) {
		t.Errorf("a token above 2 MiB: %v", err)
	}
}
