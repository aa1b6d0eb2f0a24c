package credentials_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/store"
)

const (
	webDID      = "did:web:alder.example"
	webDocument = "https://alder.example/.well-known/did.json"
)

// webParty is an issuer under did:web with a key of each type in a store.
type webParty struct {
	*world
	keys *keys.Store
	doc  did.Document
	held map[did.KeyType]did.PublicKey
}

func newWebParty(t *testing.T, types ...did.KeyType) *webParty {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	i := &webParty{world: newWorld(t), held: map[did.KeyType]did.PublicKey{}}
	if i.keys, err = keys.Open(t.Context(), db, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	if i.doc.ID, err = did.Parse(webDID); err != nil {
		t.Fatal(err)
	}
	for _, typ := range types {
		k, err := i.keys.Create(t.Context(), typ)
		if err != nil {
			t.Fatal(err)
		}
		i.held[typ] = k
		i.doc.Add(string(typ), k, did.AssertionMethod)
	}
	i.serve(t)
	return i
}

// serve publishes the document, and forgets what was known of the old one.
func (i *webParty) serve(t *testing.T) {
	t.Helper()
	raw, err := i.doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	i.net.answers[webDocument] = answer{body: raw, ContentType: "application/did+json"}
	i.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: i.net.resolver(), Status: i.net, Now: i.net.now})
}

func (i *webParty) signer(typ did.KeyType) keys.Signer {
	return i.keys.Signer(i.held[typ], webDID+"#"+string(typ))
}

func (i *webParty) unsigned() []byte {
	a := i.award()
	a.Issuer.ID, a.Status = webDID, nil
	return must(credentials.Build(a))
}

// foreignKey reads a key as the issuer serves it: a JWK, or a Multikey, which
// go-jose does not know, by way of its JWK.
func (i *webParty) foreignKey(t *testing.T, typ did.KeyType) jose.JSONWebKey {
	t.Helper()
	var doc struct {
		VerificationMethod []struct {
			ID, Type           string
			PublicKeyJwk       json.RawMessage
			PublicKeyMultibase string
		}
	}
	if err := json.Unmarshal(i.net.answers[webDocument].body, &doc); err != nil {
		t.Fatal(err)
	}
	for _, m := range doc.VerificationMethod {
		if m.ID != webDID+"#"+string(typ) {
			continue
		}
		raw := []byte(m.PublicKeyJwk)
		if m.Type == "Multikey" {
			k := must(did.ParseMultikey(m.PublicKeyMultibase))
			raw = must(json.Marshal(must(k.JWK())))
		}
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(raw); err != nil || !k.Valid() || !k.IsPublic() {
			t.Fatalf("%s: go-jose does not take the key: %v: %s", typ, err, raw)
		}
		return k
	}
	t.Fatalf("the document holds no %s key", typ)
	return jose.JSONWebKey{}
}

func TestVCJWTUnderEveryKeyOfAWebIssuerIsReadByAForeignJudge(t *testing.T) {
	algs := map[did.KeyType]jose.SignatureAlgorithm{did.RSA: jose.RS256, did.P256: jose.ES256, did.P384: jose.ES384, did.Ed25519: jose.EdDSA}
	i := newWebParty(t, did.RSA, did.P256, did.P384, did.Ed25519)
	for typ, alg := range algs {
		v, err := credentials.IssueJWT(t.Context(), i.v, i.unsigned(), i.signer(typ), i.now)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		token := string(v.Credential().Bytes())
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{alg})
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		payload, err := jws.Verify(i.foreignKey(t, typ))
		if err != nil {
			t.Errorf("%s: go-jose: %v", typ, err)
		}
		if kid := jws.Signatures[0].Header.KeyID; kid != webDID+"#"+string(typ) {
			t.Errorf("%s: kid %q", typ, kid)
		}
		var claims struct {
			Iss, Sub, Jti string
			Nbf           int64
		}
		if err := json.Unmarshal(payload, &claims); err != nil || claims.Iss != webDID || claims.Sub != i.learner.id.String() || claims.Jti != v.Credential().ID() || claims.Nbf != v.Credential().ValidFrom().Unix() {
			t.Errorf("%s: %+v, %v", typ, claims, err)
		}
		for other := range algs {
			if _, err := jws.Verify(i.foreignKey(t, other)); (err == nil) != (other == typ) {
				t.Errorf("%s, with the %s key: go-jose: %v", typ, other, err)
			}
		}
	}
}

// A token that go-jose signs with a key of the document is one of ours, and one
// of its with any other key is not.
func TestVCJWTOfAForeignSignerIsJudgedByTheKeyTheDocumentLists(t *testing.T) {
	i := newWebParty(t, did.RSA)
	v, err := credentials.IssueJWT(t.Context(), i.v, i.unsigned(), i.signer(did.RSA), i.now)
	if err != nil {
		t.Fatal(err)
	}
	own, stranger := rsaKey(t), rsaKey(t)
	pub := must(did.NewPublicKey(did.RSA, pkix(t, &own.PublicKey)))
	i.doc.Add("own", pub, did.AssertionMethod)
	i.serve(t)
	payload := must(must(jose.ParseSignedCompact(string(v.Credential().Bytes()), []jose.SignatureAlgorithm{jose.RS256})).Verify(i.foreignKey(t, did.RSA)))
	for _, tt := range []struct {
		name string
		key  any
		alg  jose.SignatureAlgorithm
		code string
	}{
		{"listed", own, jose.RS256, credentials.CodeOK},
		{"not listed", stranger, jose.RS256, credentials.CodeSignature},
		{"listed, under an algorithm that is not read", own, jose.PS256, credentials.CodeUnsupported},
	} {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: tt.alg, Key: tt.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", webDID+"#own"))
		if err != nil {
			t.Fatal(err)
		}
		token := must(must(s.Sign(payload)).CompactSerialize())
		if r := i.v.Report(t.Context(), []byte(token), credentials.ReportOptions{}); r.Code() != tt.code {
			t.Errorf("%s: %s: %s", tt.name, r.Code(), r.Why())
		}
	}
}

func TestRotatedKeysKeepTheirJWTsAndRevokedOnesDoNot(t *testing.T) {
	for _, typ := range []did.KeyType{did.RSA, did.P256, did.Ed25519} {
		i := newWebParty(t, typ)
		v, err := credentials.IssueJWT(t.Context(), i.v, i.unsigned(), i.signer(typ), i.now)
		if err != nil {
			t.Fatal(err)
		}
		token := v.Credential().Bytes()
		verdict := func(name, code string) {
			t.Helper()
			i.serve(t)
			if r := i.v.Report(t.Context(), token, credentials.ReportOptions{}); r.Code() != code {
				t.Errorf("%s, %s: %s: %s", typ, name, r.Code(), r.Why())
			}
		}
		next, err := i.keys.Create(t.Context(), typ)
		if err != nil {
			t.Fatal(err)
		}
		i.doc.Add("next", next, did.AssertionMethod)
		verdict("with a newer key beside it", credentials.CodeOK)
		i.doc.Methods[0].Revoked = i.now.AddDate(0, 0, -1)
		verdict("revoked", credentials.CodeKeyNotAuthorized)
		i.doc.Methods[0].Revoked = i.doc.Methods[1].Revoked
		i.doc.Purposes[did.AssertionMethod] = []string{webDID + "#next"}
		verdict("listed for no purpose", credentials.CodeKeyNotAuthorized)
		i.doc.Methods = i.doc.Methods[1:]
		verdict("gone", credentials.CodeKeyNotAuthorized)
	}
}

func TestAnRSAKeySignsJWTsAlone(t *testing.T) {
	i := newWebParty(t, did.RSA)
	_, err := credentials.Issue(t.Context(), i.v, i.unsigned(), i.signer(did.RSA), i.now)
	if !errors.Is(err, dataintegrity.ErrUnsupported) || !strings.Contains(err.Error(), "JWT") {
		t.Errorf("got %v", err)
	}
	doc := string(i.net.answers[webDocument].body)
	if !strings.Contains(doc, `"JsonWebKey"`) || strings.Contains(doc, "publicKeyMultibase") || !strings.Contains(doc, "https://w3id.org/security/jwk/v1") {
		t.Errorf("an RSA key is served as %s", doc)
	}
	back, err := did.ParseDocument([]byte(doc))
	if err != nil || !slices.ContainsFunc(back.For(did.AssertionMethod), func(m did.VerificationMethod) bool { return m.Key.Equal(i.held[did.RSA]) }) {
		t.Errorf("reading it back: %v", err)
	}
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pkix(t *testing.T, k *rsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
