package dataintegrity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// testSigner signs with a key that is made of one repeated byte.
func testSigner(t testing.TB, b byte) vectorSigner {
	t.Helper()
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32))
	pub, err := did.NewPublicKey(did.Ed25519, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vectorSigner{k, pub}
}

func add(t testing.TB, doc string, o Options, s Signer) string {
	t.Helper()
	out, err := AddProof(t.Context(), []byte(doc), o, s)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const small = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:a","credentialSubject":{"id":"did:key:b"}}`

func verify(t testing.TB, doc string, o VerifyOptions) ([]Proof, error) {
	t.Helper()
	if o.Resolver == nil {
		o.Resolver = resolver
	}
	return Verify(t.Context(), parse(t, doc), o)
}

// The JSON suites put the document's contexts into the proof (EdDSA §3.3.1),
// which the published signature covers.
func TestSigningJSONGivesThePublishedSignature(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "di-eddsa")
	var pair struct {
		Private string `json:"privateKeyMultibase"`
	}
	if err := json.Unmarshal([]byte(read(t, dir, "keyPair")), &pair); err != nil {
		t.Fatal(err)
	}
	created := time.Date(2023, 2, 24, 23, 36, 38, 0, time.UTC)
	out := add(t, read(t, dir, "unsigned.json"), Options{Cryptosuite: EdDSAJCS, Created: created}, signer(t, pair.Private))
	got, _ := parse(t, out).Get("proof").Get("proofValue").Text()
	if want := strings.TrimSpace(read(t, filepath.Join(dir, "eddsa-jcs-2022"), "sigBTC58")); got != want {
		t.Errorf("proofValue %s, want %s", got, want)
	}
}

func TestAddingProofsKeepsEveryByteOfTheDocument(t *testing.T) {
	s := testSigner(t, 1)
	for name, doc := range map[string]string{
		"compact":  small,
		"indented": "{\n  \"@context\": [\"https://www.w3.org/ns/credentials/v2\"],\r\n\t\"type\": [ \"VerifiableCredential\" ],\n  \"issuer\": \"did:key:\\u0061\"\n}\n",
		"no proof": strings.Replace(small, `,"issuer"`, `,"proof":[ ],"issuer"`, 1),
	} {
		for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
			one := add(t, doc, Options{Cryptosuite: suite}, s)
			two := add(t, one, Options{Cryptosuite: suite}, testSigner(t, 2))
			three := add(t, two, Options{Cryptosuite: suite}, testSigner(t, 3))
			for i, signed := range []string{one, two, three} {
				proofs, err := verify(t, signed, VerifyOptions{})
				if err != nil || len(proofs) != i+1 {
					t.Errorf("%s, %s: %d proofs, %v", name, suite, len(proofs), err)
				}
				if !isSubsequence(doc, signed) {
					t.Errorf("%s, %s: bytes of the document are lost:\n%s", name, suite, signed)
				}
			}
		}
	}
}

func isSubsequence(part, whole string) bool {
	i := 0
	for j := 0; j < len(whole) && i < len(part); j++ {
		if whole[j] == part[i] {
			i++
		}
	}
	return i == len(part)
}

// The published proof sets and chains are made anew with their keys.
func TestSigningGivesThePublishedProofSetAndChain(t *testing.T) {
	examples(t)
	dir := sharedtest.Dir(t, "conformance", "vectors", "di-eddsa", "proof-set-chain")
	var keys map[string]struct{ PrivateKeyMultibase string }
	if err := json.Unmarshal([]byte(read(t, dir, "multiKeyPairs")), &keys); err != nil {
		t.Fatal(err)
	}
	created := time.Date(2023, 2, 24, 23, 36, 38, 0, time.UTC)
	one := add(t, read(t, dir, "unsigned.json"), Options{ID: "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544", Created: created}, signer(t, keys["keyPair1"].PrivateKeyMultibase))
	two := add(t, one, Options{ID: "urn:uuid:8cc9022b-6b14-4cf3-8571-74972c5feb54", Created: created}, signer(t, keys["keyPair2"].PrivateKeyMultibase))
	sameProofs(t, one, read(t, dir, "signedProofSet1"))
	sameProofs(t, two, read(t, dir, "signedProofSet2"))
	last := add(t, read(t, dir, "signedProofChain1"), Options{PreviousProof: "urn:uuid:d94f792a-c546-4d06-b38a-da070ab56c23", Created: time.Date(2023, 2, 26, 22, 16, 38, 0, time.UTC)},
		signer(t, keys["keyPair4"].PrivateKeyMultibase))
	sameProofs(t, last, read(t, dir, "signedProofChain2"))
	if _, err := AddProof(t.Context(), []byte(one), Options{PreviousProof: "urn:uuid:0"}, testSigner(t, 1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("continuing a proof that is not there: %v", err)
	}
}

func sameProofs(t *testing.T, got, want string) {
	t.Helper()
	for i := range parse(t, want).Get("proof").Len() {
		value := func(doc string) string {
			p := parse(t, doc).Get("proof")
			if p.Kind() == jsondoc.Array {
				p = p.At(i)
			}
			s, _ := p.Get("proofValue").Text()
			return s
		}
		if g, w := value(got), value(want); g != w || w == "" {
			t.Errorf("proof %d: %q, want %q", i, g, w)
		}
	}
}

func TestASuiteIsRefusedAKeyThatIsNotItsOwn(t *testing.T) {
	for _, suite := range []string{ECDSARDFC, ECDSAJCS, "rsa-2020"} {
		if _, err := AddProof(t.Context(), []byte(small), Options{Cryptosuite: suite}, testSigner(t, 1)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", suite, err)
		}
	}
}

// ecSigner signs with an ECDSA key.
type ecSigner struct {
	key    *ecdsa.PrivateKey
	public did.PublicKey
}

func newECSigner(t *testing.T, c elliptic.Curve) ecSigner {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := did.FromECDSA(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return ecSigner{k, pub}
}

func (s ecSigner) Sign(_ context.Context, m []byte) ([]byte, error) {
	n := (s.key.Curve.Params().BitSize + 7) / 8
	h := sha256.Sum256(m)
	digest := h[:]
	if n == 48 {
		h := sha512.Sum384(m)
		digest = h[:]
	}
	a, b, err := ecdsa.Sign(rand.Reader, s.key, digest)
	if err != nil {
		return nil, err
	}
	return append(a.FillBytes(make([]byte, n)), b.FillBytes(make([]byte, n))...), nil
}
func (s ecSigner) Key() did.PublicKey { return s.public }
func (s ecSigner) VerificationMethod() string {
	m := s.public.Multibase()
	return "did:key:" + m + "#" + m
}

func TestECDSAProofsOfBothCurvesVerifyAndHoldTheDocument(t *testing.T) {
	for _, s := range []ecSigner{newECSigner(t, elliptic.P256()), newECSigner(t, elliptic.P384())} {
		for _, suite := range []string{ECDSARDFC, ECDSAJCS} {
			signed := add(t, small, Options{Cryptosuite: suite, Created: noon}, s)
			if _, err := verify(t, signed, VerifyOptions{Now: noon}); err != nil {
				t.Errorf("%s, %s: %v", suite, s.public.Type, err)
			}
			if _, err := verify(t, strings.Replace(signed, "did:key:b", "did:key:c", 1), VerifyOptions{Now: noon}); !errors.Is(err, ErrSignature) {
				t.Errorf("%s, %s, changed: %v", suite, s.public.Type, err)
			}
			if _, err := AddProof(t.Context(), []byte(small), Options{Cryptosuite: EdDSARDFC}, s); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s with a %s key: %v", EdDSARDFC, s.public.Type, err)
			}
		}
	}
}
