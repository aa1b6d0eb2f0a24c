package did_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

func TestParseFollowsTheGrammarOfDIDCore(t *testing.T) {
	tests := []struct {
		in     string
		method string
		err    error
	}{
		{in: "did:web:localhost%3A8443:acme", method: "web"},
		{in: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", method: "key"},
		{in: "did:Key:z6MkhaXgBZD", err: did.ErrSyntax},      // method names are lower case, DID Core §3.1
		{in: "did:web:localhost%3:acme", err: did.ErrSyntax}, // half a percent escape
		{in: "did:web:", err: did.ErrSyntax},
		{in: "did:web:a:", err: did.ErrSyntax},
		{in: "did::a", err: did.ErrSyntax},
		{in: "DID:web:a", err: did.ErrSyntax},
		{in: "did:web:a/b", err: did.ErrSyntax},
		{in: "did:web:ä", err: did.ErrSyntax},
		{in: "did:key:z" + strings.Repeat("6", 200_000), err: did.ErrSyntax}, // a flood
	}
	for _, tt := range tests {
		d, err := did.Parse(tt.in)
		if !errors.Is(err, tt.err) || d.Method() != tt.method {
			t.Errorf("Parse(%.60q) = %v, %v", tt.in, d, err)
		}
	}
}

func TestADIDURLHasTheCharactersOfAURLAlone(t *testing.T) {
	for in, want := range map[string]error{"did:example:a/b;c=d/%20?q='x'&y=(z)/@#f/?:~": nil, "did:example:a/^b": did.ErrSyntax, "did:example:a?q=`": did.ErrSyntax, "did:example:a#x#y": did.ErrSyntax,
		"did:example:a/<b>": did.ErrSyntax, "did:example:a#{x}": did.ErrSyntax, "did:example:a?q=[x]": did.ErrSyntax, "did:example:a/b c": did.ErrSyntax, `did:example:a/b\c`: did.ErrSyntax, `did:example:a#"x`: did.ErrSyntax, "did:example:a/x|y": did.ErrSyntax} {
		if u, err := did.ParseURL(in); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("ParseURL(%q) = %v, %v", in, u, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"did:web:a", "did:key:z6Mk#x", "did:web:a%3A1:b", "did:peer:2.Ez.Vz", "did:example:123/path?q=1#f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := did.Parse(s); err == nil && d.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, d)
		}
		if u, err := did.ParseURL(s); err == nil && u.String() != s {
			t.Errorf("ParseURL(%q).String() = %q", s, u)
		}
	})
}

func TestWeakKeysAreRefusedWhenRead(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		typ  did.KeyType
		key  []byte
	}{
		// The points of small order of edwards25519 (RFC 8032 §5.1.7 leaves the check to the user).
		{"identity", did.Ed25519, unhex("0100000000000000000000000000000000000000000000000000000000000000")},
		{"order 2", did.Ed25519, unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		{"order 4", did.Ed25519, unhex("0000000000000000000000000000000000000000000000000000000000000000")},
		{"order 8", did.Ed25519, unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")},
		{"identity, not canonical", did.Ed25519, unhex("0100000000000000000000000000000000000000000000000000000000000080")},
		{"short", did.Ed25519, make([]byte, 31)},
		{"x25519 zero", did.X25519, make([]byte, 32)},
		{"p256 off the curve", did.P256, append([]byte{2}, unhex(strings.Repeat("ff", 32))...)},
		{"p256 uncompressed", did.P256, append([]byte{4}, make([]byte, 64)...)},
		{"rsa rubbish", did.RSA, []byte{0x30, 0x00}},
	}
	for _, tt := range tests {
		if _, err := did.NewPublicKey(tt.typ, tt.key); !errors.Is(err, did.ErrWeakKey) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

const subject = "did:web:alder.example"

func document(methods, rest string) []byte {
	return []byte(`{"id":"` + subject + `","verificationMethod":[` + methods + `]` + rest + `}`)
}

func method(id, controller string) string {
	return `{"id":"` + id + `","type":"Multikey","controller":"` + controller + `","publicKeyMultibase":"z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}`
}

func TestAKeyCountsOnlyForThePurposeItsControllerLists(t *testing.T) {
	d, err := did.ParseDocument(document(method("#k", subject)+","+method("#other", "did:web:birch.example"),
		`,"assertionMethod":["#k","#other"],"authentication":["`+subject+`#gone"]`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Method(did.AssertionMethod, subject+"#k"); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		rel did.Relationship
		id  string
	}{
		{did.Authentication, "#k"},      // listed for another purpose
		{did.AssertionMethod, "#other"}, // controlled by somebody else
		{did.Authentication, "#gone"},   // listed, not held
		{did.AssertionMethod, "#nobody"},
	} {
		if _, err := d.Method(tt.rel, subject+tt.id); !errors.Is(err, did.ErrKeyNotListed) {
			t.Errorf("%s %s: got %v", tt.rel, tt.id, err)
		}
	}
}

func TestAmbiguousDocumentsAreRefused(t *testing.T) {
	for name, raw := range map[string][]byte{
		"two methods of one id": document(method("#k", subject)+","+method(subject+"#k", subject), ""),
		"two keys in a method":  document(strings.Replace(method("#k", subject), `"publicKeyMultibase"`, `"publicKeyJwk":{"kty":"OKP"},"publicKeyMultibase"`, 1), ""),
		"no controller":         document(`{"id":"#k","type":"Multikey","publicKeyMultibase":"z6Mk"}`, ""),
		"duplicate member":      []byte(`{"id":"did:web:a","id":"did:web:b"}`),
		"private key shown":     document(`{"id":"#k","type":"JsonWebKey","controller":"`+subject+`","publicKeyJwk":{"kty":"OKP","crv":"Ed25519","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik","d":"AA"}}`, ""),
		"no id":                 []byte(`{}`),
	} {
		if _, err := did.ParseDocument(raw); !errors.Is(err, did.ErrInvalidDocument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAKeyOfAnUnknownTypeDoesNotSpoilTheDocument(t *testing.T) {
	d, err := did.ParseDocument(document(method("#k", subject)+`,{"id":"#secp","type":"JsonWebKey2020","controller":"`+subject+`","publicKeyJwk":{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}}`,
		`,"assertionMethod":["#k","#secp"]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.For(did.AssertionMethod)); got != 1 {
		t.Errorf("%d usable keys, want 1", got)
	}
}

func TestADocumentReadsBackAsItWasWritten(t *testing.T) {
	k, err := did.ParseMultikey("z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")
	if err != nil {
		t.Fatal(err)
	}
	x, err := key.Agreement(k)
	if err != nil {
		t.Fatal(err)
	}
	id, err := did.Parse(subject)
	if err != nil {
		t.Fatal(err)
	}
	d := did.Document{ID: id, Services: []did.Service{{ID: subject + "#didcomm", Type: did.DIDCommMessaging, Endpoints: []did.Endpoint{{URI: "wss://alder.example/didcomm", Accept: []string{"didcomm/v2"}}}}}}
	d.Add("key-1", k, did.AssertionMethod, did.Authentication)
	d.Add("key-2", x, did.KeyAgreement)
	raw, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := did.ParseDocument(raw)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := back.Method(did.KeyAgreement, subject+"#key-2"); err != nil || !m.Key.Equal(x) {
		t.Errorf("key agreement: %v, %v", m, err)
	}
	if e, ok := back.DIDComm(); !ok || e.URI != "wss://alder.example/didcomm" {
		t.Errorf("endpoint: %+v", e)
	}
}
