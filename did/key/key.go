// Package key resolves did:key: the document is computed from the identifier
// (did:key Method v0.9). Nothing is stored or fetched.
package key

import (
	"context"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"

	"filippo.io/edwards25519"

	"github.com/trust-me/trustme/did"
)

// New returns the did:key of k.
func New(k did.PublicKey) (did.DID, error) { return did.Parse("did:key:" + k.Multibase()) }

// MethodID returns the absolute id of the one signing method of a did:key.
func MethodID(d did.DID) string { return d.String() + "#" + d.SpecificID() }

// Resolver computes documents. The zero value is ready.
type Resolver struct{}

// Resolve computes the document of id. An Ed25519 key also yields the X25519
// key agreement key derived from it (did:key §3.1.4).
func (Resolver) Resolve(_ context.Context, id did.DID) (did.Resolution, error) {
	if id.Method() != "key" {
		return did.Resolution{}, fmt.Errorf("%w: did:%s", did.ErrUnsupported, id.Method())
	}
	k, err := did.ParseMultikey(id.SpecificID())
	if err != nil {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
	}
	if k.Multibase() != id.SpecificID() {
		return did.Resolution{}, fmt.Errorf("%w: the key is not in its canonical form", did.ErrInvalidDocument)
	}
	d := did.Document{ID: id}
	signing := []did.Relationship{did.AssertionMethod, did.Authentication, did.CapabilityInvocation, did.CapabilityDelegation}
	switch k.Type {
	case did.X25519:
		d.Add(id.SpecificID(), k, did.KeyAgreement)
	case did.Ed25519:
		d.Add(id.SpecificID(), k, signing...)
		x, err := Agreement(k)
		if err != nil {
			return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
		}
		d.Add(x.Multibase(), x, did.KeyAgreement)
	default:
		d.Add(id.SpecificID(), k, signing...)
	}
	raw, err := d.MarshalJSON()
	if err != nil {
		return did.Resolution{}, err
	}
	return did.Resolution{Document: d, Raw: raw}, nil
}

// Agreement derives the X25519 public key of an Ed25519 one (RFC 7748 §4.1).
func Agreement(k did.PublicKey) (did.PublicKey, error) {
	p, err := new(edwards25519.Point).SetBytes(k.Bytes)
	if err != nil {
		return did.PublicKey{}, fmt.Errorf("%w: %v", did.ErrWeakKey, err)
	}
	return did.NewPublicKey(did.X25519, p.BytesMontgomery())
}

// AgreementPrivate derives the X25519 private scalar that belongs to
// [Agreement] of the same key (RFC 8032 §5.1.5).
func AgreementPrivate(k ed25519.PrivateKey) []byte {
	h := sha512.Sum512(k.Seed())
	h[0] &= 248
	h[31] = h[31]&127 | 64
	return h[:32]
}
