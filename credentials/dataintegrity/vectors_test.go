package dataintegrity

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

var resolver = did.Methods{"key": key.Resolver{}}

func examples(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "conformance", "contexts"), "credentials-examples-v2.jsonld"))
	if err != nil {
		t.Fatal(err)
	}
	if err := jsonld.Accept("https://www.w3.org/ns/credentials/examples/v2", raw); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, prefix string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s/%s*: %v, %v", dir, prefix, files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func parse(t testing.TB, s string) jsondoc.Value {
	t.Helper()
	v, err := jsondoc.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every intermediate of the W3C vectors is reproduced: both canonical forms,
// both hashes, the signature, and the signed document verifies.
func TestEveryIntermediateOfTheW3CVectorsIsReproduced(t *testing.T) {
	examples(t)
	for _, tt := range []struct {
		dir, suite string
		key        did.KeyType
	}{
		{"di-eddsa/eddsa-rdfc-2022", EdDSARDFC, did.Ed25519},
		{"di-eddsa/eddsa-jcs-2022", EdDSAJCS, did.Ed25519},
		{"di-eddsa/Ed25519Signature2020", Ed2020, did.Ed25519},
		{"di-ecdsa/ecdsa-rdfc-2019-p256", ECDSARDFC, did.P256},
		{"di-ecdsa/ecdsa-rdfc-2019-p384", ECDSARDFC, did.P384},
		{"di-ecdsa/ecdsa-jcs-2019-p256", ECDSAJCS, did.P256},
		{"di-ecdsa/ecdsa-jcs-2019-p384", ECDSAJCS, did.P384},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			dir := sharedtest.Dir(t, "conformance", "vectors", tt.dir)
			doc := parse(t, read(t, dir, "signed"))
			forms := map[string]string{}
			data, err := signed{tt.suite, tt.key, jsonld.Part{Body: doc, Without: "proof"}, jsonld.Part{Body: parse(t, read(t, dir, "proofConfig"))}}.hash(
				func(what string, canonical []byte) { forms[what] = string(canonical) })
			if err != nil {
				t.Fatal(err)
			}
			same(t, "canonical document", forms["document"], read(t, dir, "canonDoc"))
			same(t, "canonical options", forms["options"], read(t, dir, "proofCanon"))
			same(t, "hashes", hex.EncodeToString(data), strings.TrimSpace(read(t, dir, "proofHash"))+strings.TrimSpace(read(t, dir, "docHash")))
			same(t, "combined hashes", hex.EncodeToString(data), strings.TrimSpace(read(t, dir, "combinedHash")))
			p, err := parseProof(doc.Get("proof"))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "signature", hex.EncodeToString(p.value), strings.TrimSpace(read(t, dir, "sigHex")))
			proofs, err := Verify(t.Context(), doc, VerifyOptions{Resolver: resolver, Now: time.Now()})
			if err != nil || len(proofs) != 1 || proofs[0].Cryptosuite != tt.suite {
				t.Errorf("verifying: %+v, %v", proofs, err)
			}
			t.Logf("read %s", dir)
		})
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// vectorSigner signs with the published private key of the EdDSA vectors.
type vectorSigner struct {
	key    ed25519.PrivateKey
	public did.PublicKey
}

func (s vectorSigner) Sign(_ context.Context, m []byte) ([]byte, error) {
	return ed25519.Sign(s.key, m), nil
}
func (s vectorSigner) Key() did.PublicKey { return s.public }
func (s vectorSigner) VerificationMethod() string {
	m := s.public.Multibase()
	return "did:key:" + m + "#" + m
}

func signer(t testing.TB, private string) vectorSigner {
	t.Helper()
	_, raw, err := multibase.Decode(private)
	if err != nil {
		t.Fatal(err)
	}
	k := ed25519.NewKeyFromSeed(raw[2:])
	pub, err := did.NewPublicKey(did.Ed25519, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vectorSigner{k, pub}
}

func TestSigningGivesThePublishedSignatures(t *testing.T) {
	examples(t)
	dir := sharedtest.Dir(t, "conformance", "vectors", "di-eddsa")
	var pair struct {
		Private string `json:"privateKeyMultibase"`
	}
	if err := json.Unmarshal([]byte(read(t, dir, "keyPair")), &pair); err != nil {
		t.Fatal(err)
	}
	unsigned := read(t, dir, "unsigned.json")
	created, err := time.Parse(time.RFC3339, "2023-02-24T23:36:38Z")
	if err != nil {
		t.Fatal(err)
	}
	out, err := AddProof(t.Context(), []byte(unsigned), Options{Created: created}, signer(t, pair.Private))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(read(t, filepath.Join(dir, "eddsa-rdfc-2022"), "sigBTC58"))
	if got, _ := parse(t, string(out)).Get("proof").Get("proofValue").Text(); got != want {
		t.Errorf("proofValue %s, want %s", got, want)
	}
	if !strings.HasPrefix(string(out), strings.TrimRight(strings.TrimRight(unsigned, " \n"), "}\n ")) {
		t.Error("the bytes of the document were changed")
	}
	for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
		signed, err := AddProof(t.Context(), []byte(unsigned), Options{Cryptosuite: suite, Created: created, Challenge: "c", Domain: "d", Purpose: did.Authentication}, signer(t, pair.Private))
		if err != nil {
			t.Fatal(err)
		}
		v := parse(t, string(signed))
		ok := VerifyOptions{Resolver: resolver, Purpose: did.Authentication, Challenge: "c", Domain: "d", Now: created}
		if _, err := Verify(t.Context(), v, ok); err != nil {
			t.Errorf("%s: %v", suite, err)
		}
		for _, bad := range []struct {
			set func(*VerifyOptions)
			err error
		}{
			{func(o *VerifyOptions) { o.Challenge = "x" }, ErrChallenge},
			{func(o *VerifyOptions) { o.Domain = "x" }, ErrDomain},
			{func(o *VerifyOptions) { o.Purpose = did.AssertionMethod }, ErrPurpose},
		} {
			o := ok
			bad.set(&o)
			if _, err := Verify(t.Context(), v, o); !errors.Is(err, bad.err) {
				t.Errorf("%s: got %v, want %v", suite, err, bad.err)
			}
		}
	}
}

func TestProofSetsAndChainsVerifyAndBrokenChainsDoNot(t *testing.T) {
	examples(t)
	dir := sharedtest.Dir(t, "conformance", "vectors", "di-eddsa", "proof-set-chain")
	for _, f := range []string{"signedProofSet1.json", "signedProofSet2.json", "signedProofChain1.json", "signedProofChain2.json"} {
		if _, err := Verify(t.Context(), parse(t, read(t, dir, f)), VerifyOptions{Resolver: resolver, Now: time.Now()}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	chain := sharedtest.Dir(t, "conformance", "vectors", "proof-chain")
	files, err := filepath.Glob(filepath.Join(chain, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s", chain)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for c := range parse(t, string(raw)).Get("@context").Elements() {
			if c.Kind() == jsondoc.Object {
				if err := jsonld.Accept("", c.Raw()); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err = Verify(t.Context(), parse(t, string(raw)), VerifyOptions{Resolver: resolver, Now: time.Now()})
		if ok := strings.Contains(f, "Ok"); ok != (err == nil) {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
	t.Logf("read %s and %s: %d files", dir, chain, 4+len(files))
}

func TestAnyChangeToASignedDocumentIsNoticed(t *testing.T) {
	examples(t)
	for _, d := range []string{"eddsa-rdfc-2022", "eddsa-jcs-2022"} {
		signed := read(t, sharedtest.Dir(t, "conformance", "vectors", "di-eddsa", d), "signed")
		for _, change := range [][2]string{
			{"The School of Examples", "The School of Exampels"}, {"2023-01-01T00:00:00Z", "2023-01-01T00:00:01Z"},
			{"AlumniCredential", "AlumniCredentials"}, {"did:example:abcdefgh", "did:example:abcdefgi"},
			{`"created": "2023-02-24T23:36:38Z"`, `"created": "2023-02-24T23:36:39Z"`}, {"z", "y"},
		} {
			changed := strings.Replace(signed, change[0], change[1], 1)
			if change[0] == "z" {
				i := strings.Index(signed, "proofValue") + 20
				b := []byte(signed)
				b[i] = map[bool]byte{true: '2', false: '3'}[b[i] != '2']
				changed = string(b)
			}
			if _, err := Verify(t.Context(), parse(t, changed), VerifyOptions{Resolver: resolver, Now: time.Now()}); err == nil {
				t.Errorf("%s: %q -> %q verifies", d, change[0], change[1])
			}
		}
	}
}
