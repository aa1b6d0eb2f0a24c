package credentials_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
)

var b64url = base64.RawURLEncoding.EncodeToString

// forge writes a token of any header and payload.
func forge(header, payload string, sign func(input []byte) []byte) string {
	input := b64url([]byte(header)) + "." + b64url([]byte(payload))
	return input + "." + b64url(sign([]byte(input)))
}

// pkcs1 signs with RSASSA-PKCS1-v1_5 and a hash; hash 0 signs the SHA-256
// digest bare, without saying what it is.
func pkcs1(k *rsa.PrivateKey, h crypto.Hash) func([]byte) []byte {
	return func(in []byte) []byte {
		sum := sha256.Sum256(in)
		digest := sum[:]
		if h == crypto.SHA512 {
			long := sha512.Sum512(in)
			digest = long[:]
		}
		return must(rsa.SignPKCS1v15(nil, k, h, digest))
	}
}

func hs256(key []byte) func([]byte) []byte {
	return func(in []byte) []byte {
		m := hmac.New(sha256.New, key)
		m.Write(in)
		return m.Sum(nil)
	}
}

// TestForgedRS256TokensAreRefusedForTheirReason plays the attacks on JWTs
// against an issuer with an RSA key. Every token but the first ones is forged.
func TestForgedRS256TokensAreRefusedForTheirReason(t *testing.T) {
	i := newWebParty(t, did.P256, did.Ed25519)
	own, mallory := rsaKey(t), rsaKey(t)
	pub := must(did.NewPublicKey(did.RSA, pkix(t, &own.PublicKey)))
	i.doc.Add("rsa", pub, did.AssertionMethod)
	i.doc.Add("login", must(did.NewPublicKey(did.RSA, pkix(t, &mallory.PublicKey))), did.Authentication)
	i.serve(t)
	v, err := credentials.IssueJWT(t.Context(), i.v, i.unsigned(), i.signer(did.Ed25519), i.now)
	if err != nil {
		t.Fatal(err)
	}
	payload := string(v.Credential().Doc().Raw())
	jwk := func(k *rsa.PrivateKey) string {
		return string(must(json.Marshal(must(must(did.NewPublicKey(did.RSA, pkix(t, &k.PublicKey))).JWK()))))
	}
	const kid = `"kid":"` + webDID + `#rsa"`
	head := func(members string) string { return `{"alg":"RS256",` + members + `}` }
	good, bad := pkcs1(own, crypto.SHA256), pkcs1(mallory, crypto.SHA256)
	sign := func(typ did.KeyType) func([]byte) []byte {
		return func(in []byte) []byte { return must(i.signer(typ).Sign(context.Background(), in)) }
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix(t, &own.PublicKey)})
	for _, tt := range []struct{ name, token, code string }{
		{"control: kid", forge(head(kid), payload, good), credentials.CodeOK},
		{"control: typ", forge(head(kid+`,"typ":"JWT"`), payload, good), credentials.CodeOK},
		{"control: jwk of a listed key", forge(head(`"jwk":`+jwk(own)), payload, good), credentials.CodeOK},
		{"control: kid and its jwk", forge(head(kid+`,"jwk":`+jwk(own)), payload, good), credentials.CodeOK},
		{"control: unknown members are ignored (RFC 7515 §4)", forge(head(kid+`,"x5t":"AA","cty":"vc"`), payload, good), credentials.CodeOK},

		// which algorithm
		{"alg none", b64url([]byte(`{"alg":"none",`+kid+`}`)) + "." + b64url([]byte(payload)) + ".", credentials.CodeUnsupported},
		{"alg None, with the signature", forge(`{"alg":"None",`+kid+`}`, payload, good), credentials.CodeUnsupported},
		{"no alg", forge(`{`+kid+`}`, payload, good), credentials.CodeUnsupported},
		{"alg in small letters", forge(`{"alg":"rs256",`+kid+`}`, payload, good), credentials.CodeUnsupported},
		{"alg a list", forge(`{"alg":["RS256"],`+kid+`}`, payload, good), credentials.CodeMalformed},
		{"HS256 with the key's PEM", forge(`{"alg":"HS256",`+kid+`}`, payload, hs256(pemKey)), credentials.CodeUnsupported},
		{"HS256 with the key's DER", forge(`{"alg":"HS256",`+kid+`}`, payload, hs256(pkix(t, &own.PublicKey))), credentials.CodeUnsupported},
		{"RS256 with an HMAC by the key's PEM", forge(head(kid), payload, hs256(pemKey)), credentials.CodeSignature},
		{"RS512", forge(`{"alg":"RS512",`+kid+`}`, payload, pkcs1(own, crypto.SHA512)), credentials.CodeUnsupported},
		{"RS256 over SHA-512", forge(head(kid), payload, pkcs1(own, crypto.SHA512)), credentials.CodeSignature},
		{"RS256 without the name of its digest", forge(head(kid), payload, pkcs1(own, 0)), credentials.CodeSignature},
		{"PSS under RS256", forge(head(kid), payload, func(in []byte) []byte {
			h := sha256.Sum256(in)
			return must(rsa.SignPSS(rand.Reader, own, crypto.SHA256, h[:], nil))
		}), credentials.CodeSignature},
		{"RS256 with the kid of a P-256 key", forge(head(`"kid":"`+webDID+`#P-256"`), payload, good), credentials.CodeSignature},
		{"RS256 with the P-256 key's signature", forge(head(`"kid":"`+webDID+`#P-256"`), payload, sign(did.P256)), credentials.CodeSignature},
		{"ES256 with the kid of the RSA key", forge(`{"alg":"ES256",`+kid+`}`, payload, good), credentials.CodeSignature},
		{"EdDSA with the kid of the RSA key", forge(`{"alg":"EdDSA",`+kid+`}`, payload, sign(did.Ed25519)), credentials.CodeSignature},
		{"two algs", forge(`{"alg":"RS256",`+kid+`,"alg":"none"}`, payload, good), credentials.CodeMalformed},

		// the signature's own form
		{"a zero in front of the signature", forge(head(kid), payload, func(in []byte) []byte { return append([]byte{0}, good(in)...) }), credentials.CodeSignature},
		{"a zero behind the signature", forge(head(kid), payload, func(in []byte) []byte { return append(good(in), 0) }), credentials.CodeSignature},
		{"a signature of ones", forge(head(kid), payload, func(in []byte) []byte { return append(make([]byte, 255), 1) }), credentials.CodeSignature},
		{"a signature of zeros", forge(head(kid), payload, func(in []byte) []byte { return make([]byte, 256) }), credentials.CodeSignature},
		{"s + n", forge(head(kid), payload, func(in []byte) []byte { return plus(good(in), own.N.Bytes()) }), credentials.CodeSignature},
		{"no signature", strings.TrimRight(forge(head(kid), payload, func([]byte) []byte { return nil }), "."), credentials.CodeNoProof},
		{"an empty signature", forge(head(kid), payload, func([]byte) []byte { return nil }), credentials.CodeNoProof},
		{"padding", forge(head(kid), payload, good) + "==", credentials.CodeMalformed},
		{"a line break within", strings.Replace(forge(head(kid), payload, good), ".", ".\n", 1), credentials.CodeMalformed},
		{"the payload detached", func() string {
			p := strings.Split(forge(head(kid), payload, good), ".")
			return p[0] + ".." + p[2]
		}(), credentials.CodeMalformed},
		{"the header written anew", func() string {
			p := strings.Split(forge(head(kid), payload, good), ".")
			return b64url([]byte(`{"alg":"RS256", `+kid+`}`)) + "." + p[1] + "." + p[2]
		}(), credentials.CodeSignature},

		// whose key
		{"signed by somebody else", forge(head(kid), payload, bad), credentials.CodeSignature},
		{"jwk of somebody else", forge(head(`"jwk":`+jwk(mallory)), payload, bad), credentials.CodeKeyNotAuthorized},
		{"kid of the issuer, jwk of somebody else", forge(head(kid+`,"jwk":`+jwk(mallory)), payload, bad), credentials.CodeKeyNotAuthorized},
		{"jwk with its private part", forge(head(`"jwk":`+strings.TrimSuffix(jwk(own), "}")+`,"d":"AQAB"}`), payload, good), credentials.CodeMalformed},
		{"jwk with exponent 1", forge(head(`"jwk":{"kty":"RSA","n":"`+b64url(own.N.Bytes())+`","e":"AQ"}`), payload, bad), credentials.CodeWeakKey},
		{"jwk of 1024 bits", forge(head(`"jwk":{"kty":"RSA","n":"`+b64url(own.N.Bytes()[:128])+`","e":"AQAB"}`), payload, bad), credentials.CodeWeakKey},
		{"jwk a secret", forge(head(`"jwk":{"kty":"oct","k":"AAAA"}`), payload, hs256([]byte{0, 0, 0})), credentials.CodeMalformed},
		{"jwk a text", forge(head(`"jwk":"`+kid[7:]), payload, good), credentials.CodeMalformed},
		{"jku alone", forge(head(`"jku":"https://mallory.example/jwks.json"`), payload, bad), credentials.CodeMalformed},
		{"jku beside kid", forge(head(kid+`,"jku":"https://mallory.example/jwks.json"`), payload, bad), credentials.CodeSignature},
		{"x5c alone", forge(head(`"x5c":["`+base64.StdEncoding.EncodeToString(certificate(t, mallory))+`"]`), payload, bad), credentials.CodeMalformed},
		{"x5c beside kid", forge(head(kid+`,"x5c":["`+base64.StdEncoding.EncodeToString(certificate(t, mallory))+`"]`), payload, bad), credentials.CodeSignature},
		{"x5u", forge(head(`"x5u":"https://mallory.example/cert.pem"`), payload, bad), credentials.CodeMalformed},
		{"no key named", forge(`{"alg":"RS256"}`, payload, good), credentials.CodeMalformed},
		{"kid empty", forge(head(`"kid":""`), payload, good), credentials.CodeMalformed},
		{"kid a number", forge(head(`"kid":7`), payload, good), credentials.CodeMalformed},
		{"kid a fragment", forge(head(`"kid":"#rsa"`), payload, good), credentials.CodeKeyNotAuthorized},
		{"kid a fragment of nothing", forge(head(`"kid":"`+webDID+`#none"`), payload, good), credentials.CodeKeyNotAuthorized},
		{"kid with a query", forge(head(`"kid":"`+webDID+`?versionId=1#rsa"`), payload, good), credentials.CodeKeyNotAuthorized},
		{"kid with a path", forge(head(`"kid":"`+webDID+`/x#rsa"`), payload, good), credentials.CodeKeyNotAuthorized},
		{"kid of the DID in large letters", forge(head(`"kid":"did:web:ALDER.example#rsa"`), payload, good), credentials.CodeKeyNotAuthorized},
		{"kid of another DID", forge(head(`"kid":"did:web:mallory.example#rsa"`), payload, bad), credentials.CodeKeyNotAuthorized},
		{"kid a file", forge(head(`"kid":"../../../../dev/null"`), payload, hs256(nil)), credentials.CodeKeyNotAuthorized},
		{"kid an address", forge(head(`"kid":"https://169.254.169.254/key"`), payload, bad), credentials.CodeKeyNotAuthorized},
		{"a key listed to log in", forge(head(`"kid":"`+webDID+`#login"`), payload, bad), credentials.CodeKeyNotAuthorized},

		// what kind of token
		{"crit", forge(head(kid+`,"crit":["exp"],"exp":1`), payload, good), credentials.CodeUnsupported},
		{"crit empty", forge(head(kid+`,"crit":[]`), payload, good), credentials.CodeUnsupported},
		{"b64 false", forge(head(kid+`,"b64":false,"crit":["b64"]`), payload, good), credentials.CodeUnsupported},
		{"zip", forge(head(kid+`,"zip":"DEF"`), payload, good), credentials.CodeUnsupported},
		{"an access token's typ", forge(head(kid+`,"typ":"at+jwt"`), payload, good), credentials.CodeUnsupported},
		{"an access token", forge(head(kid), `{"iss":"`+webDID+`","aud":"https://alder.example","sub":"x","scope":"all"}`, good), credentials.CodeMalformed},
		{"a presentation within", forge(head(kid), `{"iss":"`+webDID+`","vp":{"type":["VerifiablePresentation"]}}`, good), credentials.CodeMalformed},
		{"a list for a payload", forge(head(kid), `[`+payload+`]`, good), credentials.CodeMalformed},
		{"JWS in JSON", fmt.Sprintf(`{"payload":%q,"signatures":[]}`, b64url([]byte(payload))), credentials.CodeSchema},
	} {
		r := i.v.Report(t.Context(), []byte(tt.token), credentials.ReportOptions{})
		if r.Code() != tt.code || (tt.code == credentials.CodeOK) != (r.Verdict == credentials.Valid) {
			t.Errorf("%s: %s: %s: %s, want %s", tt.name, r.Verdict, r.Code(), r.Why(), tt.code)
		}
	}
	for _, u := range i.net.asked {
		if u != webDocument && u != listURL {
			t.Errorf("%s was asked for", u)
		}
	}
}

// plus adds the modulus to a signature: the same number to a careless reader.
func plus(sig, n []byte) []byte {
	return new(big.Int).Add(new(big.Int).SetBytes(sig), new(big.Int).SetBytes(n)).Bytes()
}

func certificate(t *testing.T, k *rsa.PrivateKey) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), DNSNames: []string{"alder.example"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// What the claims of a validly signed token say must be what the credential
// says: a reader may go by either.
func TestClaimsThatDifferFromTheCredentialAreRefused(t *testing.T) {
	i := newWebParty(t, did.RSA)
	v, err := credentials.IssueJWT(t.Context(), i.v, i.unsigned(), i.signer(did.RSA), i.now)
	if err != nil {
		t.Fatal(err)
	}
	good := string(v.Credential().Doc().Raw())
	token := func(payload string) []byte {
		return []byte(forge(`{"alg":"RS256","kid":"`+webDID+`#RSA"}`, payload, func(in []byte) []byte { return must(i.signer(did.RSA).Sign(context.Background(), in)) }))
	}
	learner, id := i.learner.id.String(), v.Credential().ID()
	nbf, exp := fmt.Sprint(v.Credential().ValidFrom().Unix()), fmt.Sprint(v.Credential().ValidUntil().Unix())
	for _, tt := range []struct{ name, from, to, code string }{
		{"control", ``, ``, credentials.CodeOK},
		{"control: an aud, which binds nobody", `"iss":`, `"aud":"https://x.example","iss":`, credentials.CodeOK},
		{"iss of another", `"iss":"` + webDID, `"iss":"did:web:birch.example`, credentials.CodeMalformed},
		{"iss a list", `"iss":"` + webDID + `"`, `"iss":["` + webDID + `"]`, credentials.CodeMalformed},
		{"no iss", `"iss":"` + webDID + `",`, ``, credentials.CodeMalformed},
		{"sub of another", `"sub":"` + learner, `"sub":"did:example:x`, credentials.CodeMalformed},
		{"no sub", `"sub":"` + learner + `",`, ``, credentials.CodeMalformed},
		{"jti of another", `"jti":"` + id, `"jti":"urn:uuid:1`, credentials.CodeMalformed},
		{"no jti", `"jti":"` + id + `",`, ``, credentials.CodeMalformed},
		{"nbf earlier", `"nbf":` + nbf, `"nbf":0`, credentials.CodeMalformed},
		{"nbf a text", `"nbf":` + nbf, `"nbf":"` + nbf + `"`, credentials.CodeMalformed},
		{"no nbf", `"nbf":` + nbf + `,`, ``, credentials.CodeMalformed},
		{"exp later", `"exp":` + exp, `"exp":4000000000`, credentials.CodeMalformed},
		{"exp beyond all time", `"exp":` + exp, `"exp":1e300`, credentials.CodeMalformed},
		{"exp before all time", `"exp":` + exp, `"exp":-1`, credentials.CodeMalformed},
		{"no exp", `,"exp":` + exp, ``, credentials.CodeMalformed},
		{"exp null", `"exp":` + exp, `"exp":null`, credentials.CodeMalformed},
		{"validUntil gone, exp there", `"validUntil":"` + until(good) + `",`, ``, credentials.CodeOK}, // exp bounds it alone
		{"the issuer named twice", `"issuer":`, `"issuer":"did:web:birch.example","issuer":`, credentials.CodeMalformed},
		{"iss named twice", `"iss":`, `"iss":"did:web:birch.example","iss":`, credentials.CodeMalformed},
		{"vc beside the credential", `"iss":`, `"vc":{"issuer":"did:web:birch.example"},"iss":`, credentials.CodeMalformed},
		{"a proof within", `"iss":`, `"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","proofPurpose":"assertionMethod","verificationMethod":"` + webDID + `#x","proofValue":"z1"},"iss":`, credentials.CodeKeyNotAuthorized},
	} {
		payload := strings.Replace(good, tt.from, tt.to, 1)
		if tt.from != "" && payload == good {
			t.Fatalf("%s: %s is not there", tt.name, tt.from)
		}
		r := i.v.Report(t.Context(), token(payload), credentials.ReportOptions{})
		if r.Code() != tt.code || (tt.code == credentials.CodeOK) != (r.Verdict == credentials.Valid) {
			t.Errorf("%s: %s: %s: %s, want %s", tt.name, r.Verdict, r.Code(), r.Why(), tt.code)
		}
	}
	expired := strings.NewReplacer(`"validUntil":"`+until(good), `"validUntil":"2026-11-01T00:00:00Z`, `"exp":`+exp, `"exp":1793491200`,
		`"validFrom":"`, `"validFrom":"2020-01-01T00:00:00Z","x":"`, `"nbf":`+nbf, `"nbf":1577836800`).Replace(good)
	expired = regexp.MustCompile(`"x":"[^"]*",`).ReplaceAllString(expired, "")
	if r := i.v.Report(t.Context(), token(expired), credentials.ReportOptions{}); r.Code() != credentials.CodeExpired {
		t.Errorf("expired: %s: %s", r.Code(), r.Why())
	}
}

func until(doc string) string {
	_, rest, _ := strings.Cut(doc, `"validUntil":"`)
	at, _, _ := strings.Cut(rest, `"`)
	return at
}
