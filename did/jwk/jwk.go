// Package jwk resolves did:jwk: the identifier is a JSON Web Key in base64url
// (did:jwk Method). Nothing is stored or fetched.
package jwk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// New returns the did:jwk of k.
func New(k did.PublicKey) (did.DID, error) {
	j, err := k.JWK()
	if err != nil {
		return did.DID{}, err
	}
	b, err := json.Marshal(j)
	if err != nil {
		return did.DID{}, err
	}
	return did.Parse("did:jwk:" + base64.RawURLEncoding.EncodeToString(b))
}

// Resolver computes documents. The zero value is ready.
type Resolver struct{}

// Resolve computes the document of id: one method, "#0", for all purposes that
// the key type and the member use allow.
func (Resolver) Resolve(_ context.Context, id did.DID) (did.Resolution, error) {
	if id.Method() != "jwk" {
		return did.Resolution{}, fmt.Errorf("%w: did:%s", did.ErrUnsupported, id.Method())
	}
	fail := func(err error) (did.Resolution, error) {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(id.SpecificID())
	if err != nil {
		return fail(fmt.Errorf("the identifier is not base64url: %w", err))
	}
	v, err := jsondoc.Parse(b)
	if err != nil {
		return fail(err)
	}
	k, err := did.ParseJWK(v)
	if err != nil {
		return fail(err)
	}
	use, _ := v.Get("use").Text()
	d := did.Document{ID: id}
	var rels []did.Relationship
	if use != "enc" && k.Type != did.X25519 {
		rels = append(rels, did.AssertionMethod, did.Authentication, did.CapabilityInvocation, did.CapabilityDelegation)
	}
	if use != "sig" && k.Type != did.Ed25519 && k.Type != did.RSA {
		rels = append(rels, did.KeyAgreement)
	}
	d.Add("0", k, rels...)
	raw, err := d.MarshalJSON()
	if err != nil {
		return did.Resolution{}, err
	}
	return did.Resolution{Document: d, Raw: raw}, nil
}
