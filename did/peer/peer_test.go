package peer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/peer"
)

const (
	agreement = "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"
	signing   = "z6MkqRYqQiSgvZQdnBytw86Qbs2ZWUkGv22od935YF4s8M7V"
)

func resolve(t *testing.T, text string) (did.Resolution, error) {
	t.Helper()
	id, err := did.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return peer.Resolver{}.Resolve(t.Context(), id)
}

func keyOf(t *testing.T, s string) did.PublicKey {
	t.Helper()
	k, err := did.ParseMultikey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The example of the Peer DID specification, whose service is abbreviated in
// the older way: the endpoint is a text, accept and routing keys stand beside.
func TestNumalgo2OfTheSpecificationResolves(t *testing.T) {
	r, err := resolve(t, "did:peer:2.E"+agreement+".V"+signing+".SeyJ0IjoiZG0iLCJzIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9lbmRwb2ludCIsInIiOlsiZGlkOmV4YW1wbGU6c29tZW1lZGlhdG9yI3NvbWVrZXkiXSwiYSI6WyJkaWRjb21tL3YyIiwiZGlkY29tbS9haXAyO2Vudj1yZmM1ODciXX0")
	if err != nil {
		t.Fatal(err)
	}
	d := r.Document
	if ms := d.For(did.KeyAgreement); len(ms) != 1 || ms[0].ID != d.ID.String()+"#key-1" || ms[0].Key.Multibase() != agreement {
		t.Errorf("key agreement: %+v", ms)
	}
	if ms := d.For(did.Authentication); len(ms) != 1 || ms[0].Key.Multibase() != signing {
		t.Errorf("authentication: %+v", ms)
	}
	e, ok := d.DIDComm()
	if !ok || e.URI != "https://example.com/endpoint" || len(e.RoutingKeys) != 1 || e.Accept[0] != "didcomm/v2" {
		t.Errorf("endpoint: %+v", e)
	}
}

func TestNumalgo2ReadsBackWhatItWasMadeOf(t *testing.T) {
	end := did.Endpoint{URI: "wss://alder.example/didcomm", Accept: []string{"didcomm/v2"}}
	id, err := peer.New2(keyOf(t, agreement), keyOf(t, signing), &end)
	if err != nil {
		t.Fatal(err)
	}
	r, err := resolve(t, id.String())
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := r.Document.DIDComm(); !ok || e.URI != end.URI {
		t.Errorf("endpoint: %+v", e)
	}
}

const input = `{"verificationMethod":[{"id":"#a","type":"Multikey","publicKeyMultibase":"` + agreement + `"},{"id":"#s","type":"Multikey","publicKeyMultibase":"` + signing + `"}],"keyAgreement":["#a"],"authentication":["#s"]}`

func TestNumalgo4CarriesItsDocumentAndKnowsItsShortForm(t *testing.T) {
	id, err := peer.New4([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	r, err := resolve(t, id.String())
	if err != nil {
		t.Fatal(err)
	}
	if ms := r.Document.For(did.KeyAgreement); len(ms) != 1 || ms[0].ID != id.String()+"#a" {
		t.Errorf("key agreement: %+v", ms)
	}
	short, err := peer.Short(id)
	if err != nil || len(r.Document.AlsoKnownAs) != 1 || r.Document.AlsoKnownAs[0] != short.String() {
		t.Errorf("short form %v, also known as %v", short, r.Document.AlsoKnownAs)
	}
	if _, err := resolve(t, short.String()); !errors.Is(err, did.ErrNotFound) {
		t.Errorf("the short form alone: got %v", err)
	}
}

func TestSpoiledPeerDIDsAreRefused(t *testing.T) {
	four, err := peer.New4([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	long := four.String()
	for name, text := range map[string]string{
		"numalgo 4, one letter of the document changed": long[:len(long)-1] + map[bool]string{true: "2", false: "1"}[strings.HasSuffix(long, "1")],
		"numalgo 2, unknown purpose":                    "did:peer:2.X" + agreement,
		"numalgo 2, no key":                             "did:peer:2.SeyJ0IjoiZG0ifQ",
		"numalgo 2, half a key":                         "did:peer:2.E" + agreement[:20],
		"numalgo 2, empty element":                      "did:peer:2..E" + agreement,
	} {
		if _, err := resolve(t, text); !errors.Is(err, did.ErrInvalidDocument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := resolve(t, "did:peer:0z6MkqRYqQiSgvZQdnBytw86Qbs2ZWUkGv22od935YF4s8M7V"); !errors.Is(err, did.ErrUnsupported) {
		t.Errorf("numalgo 0: got %v", err)
	}
}
