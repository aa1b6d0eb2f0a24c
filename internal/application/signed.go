package application

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// URN is the URI of an application, for what is signed about it. The id is 32
// hexadecimal digits; ok is false when it is not.
func URN(id string) (uri string, ok bool) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 || hex.EncodeToString(b) != id {
		return "", false
	}
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), true
}

// EvidenceID is the URI of an item of evidence without an address of its own:
// the same for reviewers and in the badge, and telling nothing.
func EvidenceID(application string, revision, index int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", application, revision, index))
	b := h[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // RFC 9562 §5.8
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Multibase writes a SHA-256 as digestMultibase has it (VC Data Model 2.0
// §5.3): a multihash in base58-btc.
func Multibase(sum []byte) (string, error) {
	return multibase.Encode(multibase.Base58BTC, append([]byte{0x12, sha256.Size}, sum...))
}

// Verdict is the document of a review: what the reviewer decided about one
// revision, with the digests of the evidence that they looked at.
type Verdict struct {
	Application string   `json:"application"`
	Achievement string   `json:"achievement"`
	Revision    int      `json:"revision"`
	Round       int      `json:"round"`
	Judged      []Judged `json:"judged"`
	Comment     string   `json:"comment,omitempty"`
	Reject      string   `json:"reject,omitempty"`
	Evidence    []string `json:"evidence"` // digests, in order; "" for a link
}

// ReadVerdict reads the document of a review message, with its bytes.
func ReadVerdict(m didcomm.Message) (Verdict, []byte, error) {
	r, raw, err := open(m)
	if err != nil {
		return Verdict{}, nil, err
	}
	v := Verdict{Application: r.text("application", 64), Achievement: r.text("achievement", 2*maxName), Revision: int(r.number("revision")), Round: int(r.number("round")),
		Judged: r.judged(), Comment: r.text("comment", MaxSay), Reject: r.text("reject", MaxSay)}
	for e := range r.v.Get("evidence").Elements() {
		s, ok := e.Text()
		if !ok || len(s) > 64 {
			r.fail("evidence is to be a list of digests")
		}
		v.Evidence = append(v.Evidence, s)
	}
	return v, raw, r.done()
}

// Digests are those of the evidence of a submission.
func (s Submission) Digests() []string {
	out := make([]string, len(s.Evidence))
	for i, e := range s.Evidence {
		out[i] = e.Digest
	}
	return out
}

type typed struct {
	ID   string   `json:"id"`
	Type []string `json:"type"`
	Text string   `json:"endorsementComment,omitempty"`
}

type resource struct {
	ID     string `json:"id"`
	Media  string `json:"mediaType,omitempty"`
	Digest string `json:"digestMultibase"`
}

// Unsigned returns the credential by which a reviewer stands behind a verdict:
// an endorsement of the application, with the digest of the verdict's document
// and those of the evidence. All its members are standard, so that any
// verifier of Open Badges checks it. id is the credential's own.
func (v Verdict) Unsigned(id, reviewer, from string, doc []byte) ([]byte, error) {
	about, ok := URN(v.Application)
	if !ok {
		return nil, refusef("%q is no id of an application", v.Application)
	}
	sum := sha256.Sum256(doc)
	digest, err := Multibase(sum[:])
	if err != nil {
		return nil, err
	}
	resources := []resource{{about + "#review", "application/json", digest}}
	for i, hexed := range v.Evidence {
		if hexed == "" {
			continue
		}
		b, err := hex.DecodeString(hexed)
		if err != nil {
			return nil, refusef("evidence %d: %q is no digest", i+1, hexed)
		}
		if digest, err = Multibase(b); err != nil {
			return nil, err
		}
		resources = append(resources, resource{EvidenceID(v.Application, v.Revision, i), "", digest})
	}
	return jsondoc.Marshal(struct {
		Context   []string   `json:"@context"`
		ID        string     `json:"id"`
		Type      []string   `json:"type"`
		Name      string     `json:"name"`
		Issuer    typed      `json:"issuer"`
		From      string     `json:"validFrom"`
		Subject   typed      `json:"credentialSubject"`
		Resources []resource `json:"relatedResource"`
	}{
		[]string{jsonld.CredentialsV2, jsonld.OpenBadges303}, id, []string{"VerifiableCredential", "EndorsementCredential"}, "Review of an application for " + v.Achievement,
		typed{ID: reviewer, Type: []string{"Profile"}}, from,
		typed{ID: about, Type: []string{"EndorsementSubject"}, Text: fmt.Sprintf("Reviewed in revision %d; the document that the digest names has the decision on each criterion.", v.Revision)},
		resources,
	})
}
