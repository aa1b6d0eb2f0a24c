package jose_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

const credential = `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:1","type":["VerifiableCredential"],"issuer":{"id":"did:web:a.example"},` +
	`"validFrom":"2026-11-27T12:00:00Z","validUntil":"2027-11-27T12:00:00Z","credentialSubject":{"id":"did:web:b.example"}}`

type signer struct {
	key  did.PublicKey
	sign func([]byte) ([]byte, error)
}

func (s signer) Sign(_ context.Context, m []byte) ([]byte, error) { return s.sign(m) }
func (s signer) VerificationMethod() string                       { return "did:web:a.example#1" }
func (s signer) Key() did.PublicKey                               { return s.key }

func edSigner(t testing.TB) signer {
	t.Helper()
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	k, err := did.NewPublicKey(did.Ed25519, priv.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return signer{k, func(m []byte) ([]byte, error) { return ed25519.Sign(priv, m), nil }}
}

func rsaSigner(t testing.TB) signer {
	t.Helper()
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := did.NewPublicKey(did.RSA, x509.MarshalPKCS1PublicKey(&priv.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return signer{k, func(m []byte) ([]byte, error) {
		h := sha256.Sum256(m)
		return rsa.SignPKCS1v15(nil, priv, crypto.SHA256, h[:])
	}}
}

func TestSignedCredentialReadsBackWithItsClaims(t *testing.T) {
	for name, s := range map[string]signer{"EdDSA": edSigner(t), "RS256": rsaSigner(t)} {
		raw, err := jose.Sign(t.Context(), []byte(credential), s)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(s.key); err != nil || tok.Alg != name {
			t.Errorf("%s: %v", tok.Alg, err)
		}
		if _, times, err := tok.Credential(); err != nil || times.NotBefore.Unix() != 1795780800 || times.Expires.Unix() != 1827316800 {
			t.Errorf("%+v, %v", times, err)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(string(raw), ".")[1])
		if err != nil || !bytes.HasPrefix(payload, []byte(credential[:len(credential)-1]+`,"iss":"did:web:a.example","sub":"did:web:b.example","jti":"urn:uuid:1","nbf":1795780800,"exp":1827316800`)) {
			t.Errorf("payload %s, %v", payload, err)
		}
	}
}

// forge builds a token of any header and payload, signed by s.
func forge(t *testing.T, s signer, header, payload string) []byte {
	t.Helper()
	b := base64.RawURLEncoding
	in := b.EncodeToString([]byte(header)) + "." + b.EncodeToString([]byte(payload))
	sig, err := s.sign([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(in + "." + b.EncodeToString(sig))
}

func TestTokensThatProveNothingAreRefused(t *testing.T) {
	s := edSigner(t)
	good := `{"alg":"EdDSA","kid":"did:web:a.example#1","typ":"JWT"}`
	claims := `,"iss":"did:web:a.example","sub":"did:web:b.example","jti":"urn:uuid:1","nbf":1795780800,"exp":1827316800}`
	payload := credential[:len(credential)-1] + claims
	read := func(raw []byte) error {
		tok, err := jose.Parse(raw)
		if err != nil {
			return err
		}
		if err := tok.Verify(s.key); err != nil {
			return err
		}
		_, _, err = tok.Credential()
		return err
	}
	if err := read(forge(t, s, good, payload)); err != nil {
		t.Fatal(err)
	}
	ok := string(forge(t, s, good, payload))
	swap := func(in, from, to string) string { return strings.Replace(in, from, to, 1) }
	for name, tt := range map[string]struct {
		raw string
		err error
	}{
		"alg none":            {string(forge(t, s, swap(good, "EdDSA", "none"), payload)), jose.ErrUnsupported},
		"HMAC":                {string(forge(t, s, swap(good, "EdDSA", "HS256"), payload)), jose.ErrUnsupported},
		"alg of another key":  {string(forge(t, s, swap(good, "EdDSA", "ES256"), payload)), jose.ErrSignature},
		"critical extension":  {string(forge(t, s, swap(good, `"typ"`, `"crit":["x"],"typ"`), payload)), jose.ErrUnsupported},
		"unencoded payload":   {string(forge(t, s, swap(good, `"typ"`, `"b64":false,"typ"`), payload)), jose.ErrUnsupported},
		"another type":        {string(forge(t, s, swap(good, `"JWT"`, `"at+jwt"`), payload)), jose.ErrUnsupported},
		"private jwk":         {string(forge(t, s, swap(good, `"typ"`, `"jwk":{"kty":"OKP","d":"x"},"typ"`), payload)), jose.ErrMalformed},
		"alg twice":           {string(forge(t, s, swap(good, `"typ"`, `"alg":"EdDSA","typ"`), payload)), jsondoc.ErrMalformed},
		"payload changed":     {swap(ok, strings.Split(ok, ".")[1], base64.RawURLEncoding.EncodeToString([]byte(swap(payload, "uuid", "UUID")))), jose.ErrSignature},
		"no signature":        {ok[:strings.LastIndex(ok, ".")+1], jose.ErrNoSignature},
		"two parts":           {ok[:strings.LastIndex(ok, ".")], jose.ErrNoSignature},
		"four parts":          {ok + ".x", jose.ErrMalformed},
		"five parts":          {ok + ".x.y", jose.ErrUnsupported},
		"padding":             {ok + "=", jose.ErrMalformed},
		"line break within":   {ok[:len(ok)-4] + "\n" + ok[len(ok)-4:], jose.ErrMalformed},
		"another issuer":      {string(forge(t, s, good, swap(payload, `"iss":"did:web:a`, `"iss":"did:web:c`))), jose.ErrClaims},
		"no issuer":           {string(forge(t, s, good, swap(payload, `"iss":"did:web:a.example",`, ``))), jose.ErrClaims},
		"another subject":     {string(forge(t, s, good, swap(payload, `"sub":"did:web:b`, `"sub":"did:web:c`))), jose.ErrClaims},
		"no subject":          {string(forge(t, s, good, swap(payload, `"sub":"did:web:b.example",`, ``))), jose.ErrClaims},
		"another id":          {string(forge(t, s, good, swap(payload, `"jti":"urn:uuid:1`, `"jti":"urn:uuid:2`))), jose.ErrClaims},
		"another start":       {string(forge(t, s, good, swap(payload, `1795780800`, `1795780801`))), jose.ErrClaims},
		"another end":         {string(forge(t, s, good, swap(payload, `1827316800`, `1827316801`))), jose.ErrClaims},
		"end as text":         {string(forge(t, s, good, swap(payload, `1827316800`, `"1827316800"`))), jose.ErrMalformed},
		"a presentation":      {string(forge(t, s, good, swap(payload, `"iss"`, `"vp":{},"iss"`))), jose.ErrMalformed},
		"header without end":  {"eyI.x.x", jsondoc.ErrMalformed},
		"header of 16 KiB":    {strings.Repeat("A", 17<<10) + ".x.x", jose.ErrLimit},
		"payload not JSON":    {string(forge(t, s, good, "x")), jsondoc.ErrMalformed},
		"payload not a claim": {string(forge(t, s, good, "[]")), jose.ErrMalformed},
	} {
		err := read([]byte(tt.raw))
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, want %v", name, err, tt.err)
		}
	}
}

// The suite's vectors are signed with keys that it publishes beside them.
func TestVectorsOfVCJOSECOSEHaveTheirAnswer(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "jose-cose")
	keys := map[string]did.PublicKey{}
	for _, f := range []string{"vm-did-ed25519", "vm-ed25519", "vm-p256", "vm-p384"} {
		raw, err := os.ReadFile(filepath.Join(dir, f+".json"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsondoc.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		jwk := v.Get("publicKeyJwk")
		k, err := did.ParseJWK(jwk)
		if err != nil {
			t.Fatal(err)
		}
		kid, _ := jwk.Get("kid").Text()
		keys[kid] = k
	}
	for name, good := range map[string]bool{
		"credential-jose-minimal": true, "credential-jose-bad-signature": false, "credential-jose-unknown-extensions": false,
		"presentation-jose-bad-media-type": false, "presentation-jose-multiple": true,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.Parse(bytes.TrimSpace(raw))
		if err == nil {
			err = tok.Verify(keys[tok.KeyID])
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("read %s", dir)
}

func FuzzReadTokensAreTheBytesThatWereSigned(f *testing.F) {
	s := edSigner(f)
	raw, err := jose.Sign(f.Context(), []byte(credential), s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("e30.e30.AA"))
	f.Fuzz(func(t *testing.T, in []byte) {
		tok, err := jose.Parse(in)
		if err != nil {
			return
		}
		if !json.Valid(tok.Payload.Raw()) {
			t.Errorf("payload %q", tok.Payload.Raw())
		}
		if tok.Verify(s.key) == nil && !bytes.Equal(bytes.TrimRight(in, "\r\n"), raw) {
			t.Errorf("%q verifies", in)
		}
	})
}
