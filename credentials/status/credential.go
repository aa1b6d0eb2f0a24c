package status

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Description of a list to be published. ID is its URL, Issuer a DID. A zero
// TTL, ValidFrom or ValidUntil is left out; times are written in whole seconds,
// TTL in milliseconds.
type Description struct {
	ID, Issuer            string
	Purpose               string
	TTL                   time.Duration
	ValidFrom, ValidUntil time.Time
}

// Unsigned returns the BitstringStatusListCredential of a bitmap, without
// proof (§2.2). Members are in a fixed order. The error wraps [ErrLength] for
// fewer than [MinLength] entries, and [ErrMalformed] for a description that
// says not enough.
func Unsigned(d Description, bits Bitmap) ([]byte, error) {
	switch {
	case d.ID == "" || d.Issuer == "" || d.Purpose == "":
		return nil, fmt.Errorf("%w: a list needs an id, an issuer and a purpose: %q, %q, %q", ErrMalformed, d.ID, d.Issuer, d.Purpose)
	case bits.Len() < MinLength:
		return nil, fmt.Errorf("%w: %d entries, at least %d", ErrLength, bits.Len(), MinLength)
	}
	packed, err := pack(bits)
	if err != nil {
		return nil, err
	}
	type subject struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Purpose string `json:"statusPurpose"`
		TTL     int64  `json:"ttl,omitempty"`
	}
	raw, err := json.Marshal(struct {
		Context    []string `json:"@context"`
		ID         string   `json:"id"`
		Type       []string `json:"type"`
		Issuer     string   `json:"issuer"`
		ValidFrom  string   `json:"validFrom,omitempty"`
		ValidUntil string   `json:"validUntil,omitempty"`
		Subject    subject  `json:"credentialSubject"`
	}{
		[]string{"https://www.w3.org/ns/credentials/v2"}, d.ID, []string{"VerifiableCredential", "BitstringStatusListCredential"}, d.Issuer,
		jsondoc.Stamp(d.ValidFrom), jsondoc.Stamp(d.ValidUntil),
		subject{d.ID + "#list", "BitstringStatusList", d.Purpose, d.TTL.Milliseconds()},
	})
	if err != nil {
		return nil, err
	}
	// The list, of which no character needs an escape, goes in as the subject's
	// last member: nobody looks through it for one.
	const member, end = `,"encodedList":"`, `"}}`
	out := make([]byte, 0, len(raw)+len(member)+len(end)+len(packed)*4/3+8)
	out = append(append(out, raw[:len(raw)-len("}}")]...), member...)
	return append(appendEncoded(out, packed), end...), nil
}

// Revocations returns a 1EdTechRevocationList of the given credential ids, as
// [ParseRevocations] reads it. It is not signed: whoever reads it trusts the
// connection. Reasons are left out, since they may speak of people. The error
// wraps [ErrMalformed] for a list without id or issuer.
func Revocations(id, issuer string, revoked []string) ([]byte, error) {
	if id == "" || issuer == "" {
		return nil, fmt.Errorf("%w: a list needs an id and an issuer: %q, %q", ErrMalformed, id, issuer)
	}
	type one struct {
		ID      string `json:"id"`
		Revoked bool   `json:"revoked"`
	}
	all := make([]one, len(revoked))
	for i, r := range revoked {
		all[i] = one{r, true}
	}
	return json.Marshal(struct {
		ID      string `json:"id"`
		Type    Kind   `json:"type"`
		Issuer  string `json:"issuer"`
		Revoked []one  `json:"revokedCredentials"`
	}{id, OneEdTech, issuer, all})
}
