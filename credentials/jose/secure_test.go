package jose_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
)

const presentation = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","holder":"did:web:a.example"}`

// RFC 7515 A.4: the one vector of ES512.
const (
	rfcES512 = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
	rfcP521  = `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`
)

func TestTheES512SignatureOfRFC7515Verifies(t *testing.T) {
	parts := strings.Split(rfcES512, ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	k := parseJWK(t, rfcP521)
	if err := k.Verify([]byte(parts[0]+"."+parts[1]), sig); err != nil { // its payload is no JSON
		t.Error(err)
	}
	sig[0] ^= 1
	if err := k.Verify([]byte(parts[0]+"."+parts[1]), sig); !errors.Is(err, did.ErrSignature) {
		t.Errorf("altered: %v", err)
	}
}

func TestWhatIsSecuredReadsBackAsWhatItIs(t *testing.T) {
	for alg, s := range map[string]signer{"EdDSA": edSigner(t), "ES256": ecSigner(t, did.P256, elliptic.P256()), "ES512": ecSigner(t, did.P521, elliptic.P521())} {
		raw, err := jose.Secure(t.Context(), []byte(credential), s)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := tok.Credential()
		if err != nil || !bytes.Equal(c.Raw(), []byte(credential)) || tok.Typ != "vc+jwt" || tok.Alg != alg || tok.Verify(s.key) != nil {
			t.Errorf("%s as %s by %s: %v, %v", c.Raw(), tok.Typ, tok.Alg, err, tok.Verify(s.key))
		}
		if _, _, err := tok.Presentation(); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("a credential as a presentation: %v", err)
		}
		if raw, err = jose.Secure(t.Context(), []byte(presentation), s); err != nil {
			t.Fatal(err)
		}
		if tok, err = jose.Parse(raw); err != nil {
			t.Fatal(err)
		}
		p, _, err := tok.Presentation()
		if err != nil || !bytes.Equal(p.Raw(), []byte(presentation)) || tok.Typ != "vp+jwt" || tok.Verify(s.key) != nil {
			t.Errorf("%s as %s: %v, %v", p.Raw(), tok.Typ, err, tok.Verify(s.key))
		}
		if _, _, err := tok.Credential(); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("a presentation as a credential: %v", err)
		}
	}
}

func TestWhatIsNeitherCredentialNorPresentationIsNotSecured(t *testing.T) {
	s := edSigner(t)
	for name, doc := range map[string]string{
		"no type":     `{"id":"urn:uuid:1"}`,
		"both":        strings.Replace(credential, `["VerifiableCredential"]`, `["VerifiableCredential","VerifiablePresentation"]`, 1),
		"a member vc": strings.Replace(credential, `{`, `{"vc":{},`, 1),
		"a member vp": strings.Replace(presentation, `{`, `{"vp":{},`, 1),
		"no object":   `[]`,
		"no JSON":     `{`,
	} {
		if _, err := jose.Secure(t.Context(), []byte(doc), s); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	x, err := did.NewPublicKey(did.X25519, bytes.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Secure(t.Context(), []byte(credential), signer{x, s.sign}); !errors.Is(err, jose.ErrUnsupported) {
		t.Errorf("an agreement key: got %v", err)
	}
}

func TestThePresentationOfAJWTIsHeldToItsClaims(t *testing.T) {
	s := edSigner(t)
	for name, tt := range map[string]struct {
		header, payload string
		err             error
	}{
		"by the model 1.1":      {`{"alg":"EdDSA","typ":"JWT"}`, `{"iss":"did:web:a.example","vp":` + presentation + `}`, nil},
		"without iss":           {`{"alg":"EdDSA","typ":"vp+jwt"}`, presentation, nil},
		"iss of another":        {`{"alg":"EdDSA","typ":"vp+jwt"}`, strings.Replace(presentation, `{`, `{"iss":"did:web:b.example",`, 1), jose.ErrClaims},
		"iss no text":           {`{"alg":"EdDSA","typ":"JWT"}`, `{"iss":1,"vp":` + presentation + `}`, jose.ErrClaims},
		"vp within vp+jwt":      {`{"alg":"EdDSA","typ":"vp+jwt"}`, `{"vp":` + presentation + `}`, jose.ErrMalformed},
		"vc beside vp":          {`{"alg":"EdDSA","typ":"JWT"}`, `{"vc":{},"vp":` + presentation + `}`, jose.ErrMalformed},
		"vp no object":          {`{"alg":"EdDSA","typ":"JWT"}`, `{"vp":"x"}`, jose.ErrMalformed},
		"exp no number":         {`{"alg":"EdDSA","typ":"vp+jwt"}`, strings.Replace(presentation, `{`, `{"exp":"soon",`, 1), jose.ErrMalformed},
		"typ of a credential's": {`{"alg":"EdDSA","typ":"vc+jwt"}`, presentation, jose.ErrMalformed},
	} {
		tok, err := jose.Parse(forge(t, s, tt.header, tt.payload))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, err := tok.Presentation(); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, tt.err)
		}
	}
}
