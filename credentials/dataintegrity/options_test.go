package dataintegrity

import (
	"bytes"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
)

// Whatever the options say, and wherever their value stands, what is kept of
// others is not taken for theirs.
func TestKeptOptionsAreThoseOfTheSameBytes(t *testing.T) {
	const context = `"@context":["https://www.w3.org/ns/credentials/v2"]`
	const proof = `{"type":"DataIntegrityProof","created":"2026-11-27T12:00:00Z","proofValue":"z1","cryptosuite":"eddsa-rdfc-2022","proofPurpose":"assertionMethod","verificationMethod":"did:key:z6Mk#z6Mk"}`
	proofs := []string{proof}
	for _, r := range [][2]string{
		{`"z1"`, `"z22222"`}, {`T12:`, `T13:`}, {`assertionMethod`, `authentication`}, {`z6Mk#`, `z6Ml#`}, {`"proofValue":"z1",`, ``}, {`{"type"`, `{"proofValue":"z1","type"`}, {`"proofValue":"z1"`, `"proofValue":"z1","domain":"d"`},
		{`"proofValue":"z1"`, `"domain":"d","proofValue":"z1"`}, {`"proofValue":"z1"`, `"proofValue":"z1","challenge":"\"proofValue\":\"z1\""`}, {`z6Mk"}`, `z6Mk" }`}, {`"proofValue":"z1"`, `"id":"urn:x:1"`},
	} {
		changed := strings.Replace(proof, r[0], r[1], 1)
		if r[0] == `{"type"` {
			changed = strings.Replace(changed, `Z","proofValue":"z1"`, `Z"`, 1)
		}
		proofs = append(proofs, changed)
	}
	docs := []string{context, `"@context":["https://www.w3.org/2018/credentials/v1"]`} // which has no such proofs
	for _, one := range proofs {
		for _, other := range proofs {
			for i, suite := range []string{EdDSARDFC, EdDSARDFC, EdDSARDFC, EdDSAJCS, ECDSARDFC} {
				for _, raw := range []string{one, one, one, other} { // the third is taken from what is kept
					doc := parse(t, `{`+docs[i%len(docs)]+`,"type":"VerifiableCredential","issuer":"did:key:z6Mk"}`)
					p := parsed{raw: parse(t, raw)}
					key := did.Ed25519
					if suite == ECDSARDFC {
						key = did.P384
					}
					s := signed{suite, key, jsonld.Part{Body: doc}, jsonld.Part{Body: p.raw, Without: "proofValue"}}
					got, err := p.hash(s)
					want, wantErr := s.hash(nil)
					if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
						t.Fatalf("%s by %s after %s: %x (%v), want %x (%v)", raw, suite, one, got, err, want, wantErr)
					}
				}
			}
		}
	}
	if o := lastVerified.p.Load(); o == nil {
		t.Error("nothing was kept")
	}
}
