package dataintegrity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// VerifyOptions say what a proof must be. Purpose defaults to
// assertionMethod, Now to the time of the call. A Challenge or Domain that is
// set must be the proof's.
type VerifyOptions struct {
	Resolver          did.Resolver
	Purpose           did.Relationship
	Challenge, Domain string
	Now               time.Time
	// Base accepts a base proof of ecdsa-sd-2023, which is for issuer and
	// holder alone.
	Base bool
}

// Verify checks every proof of a document: suite, purpose, times, challenge,
// domain, the key in its controller's own document, and the signature over the
// document as it came. One proof that fails fails the document. The error
// wraps an error of this package, of did or of jsonld. [did.ErrUnreachable],
// [did.ErrUnsupported] and [ErrUnsupported] say that it could not be told; they
// come only when no other proof is false.
func Verify(ctx context.Context, doc jsondoc.Value, o VerifyOptions) ([]Proof, error) {
	if o.Purpose == "" {
		o.Purpose = did.AssertionMethod
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	ps, err := parseProofs(doc)
	if err != nil {
		return nil, err
	}
	var out []Proof
	var unknown error
	for _, p := range ps {
		proof, err := verifyOne(ctx, doc, p, ps, o)
		if untold(err) {
			unknown = errors.Join(unknown, fmt.Errorf("%s: %w", p.raw.Pointer(), err)) // another proof may still be false
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.raw.Pointer(), err)
		}
		out = append(out, proof)
	}
	if unknown != nil {
		return nil, unknown
	}
	return out, nil
}

// untold reports whether an error leaves it open whether a proof is true.
func untold(err error) bool {
	return errors.Is(err, did.ErrUnreachable) || errors.Is(err, did.ErrUnsupported) || errors.Is(err, ErrUnsupported)
}

func verifyOne(ctx context.Context, doc jsondoc.Value, p parsed, all []parsed, o VerifyOptions) (Proof, error) {
	if p.unsupported != nil {
		return Proof{}, p.unsupported
	}
	if err := p.check(o); err != nil {
		return Proof{}, err
	}
	res, err := o.Resolver.Resolve(ctx, p.method.DID)
	if err != nil {
		return Proof{}, fmt.Errorf("finding the key %s: %w", p.method, err)
	}
	m, err := res.Document.Method(o.Purpose, p.methodID)
	if err != nil {
		return Proof{}, err
	}
	if err := m.UsableFor(p.created, o.Now); err != nil {
		return Proof{}, err
	}
	if !slices.Contains(suites[p.suite].keys, m.Key.Type) {
		return Proof{}, fmt.Errorf("%w: %s with a %s key", ErrMalformed, p.suite, m.Key.Type)
	}
	if err := p.verify(doc, all, m.Key, o.Base); err != nil {
		return Proof{}, err
	}
	return Proof{ID: p.id, Cryptosuite: p.suite, Purpose: p.purpose, VerificationMethod: p.methodID, Controller: p.method.DID, Created: p.created, Expires: p.expires, Resolution: res}, nil
}

// verify checks the signature over what the proof covers.
func (p parsed) verify(doc jsondoc.Value, all []parsed, key did.PublicKey, base bool) error {
	if p.suite == ECDSASD {
		if len(p.previous) > 0 {
			return fmt.Errorf("%w: a proof of %s continues no other", ErrUnsupported, ECDSASD)
		}
		return verifySD(doc, p, key, base)
	}
	part, err := withPrevious(doc, p, all)
	if err != nil {
		return err
	}
	data, err := p.hash(signed{p.suite, key.Type, part, jsonld.Part{Body: p.raw, Without: "proofValue"}})
	if err != nil {
		return err
	}
	if err := key.Verify(data, p.value); err != nil {
		return fmt.Errorf("%w: %s by %s", ErrSignature, p.suite, p.method)
	}
	return nil
}

var lastVerified lastOptions

// hash is [signed.hash] under the options of a proof.
func (p parsed) hash(s signed) ([]byte, error) {
	raw, value := p.raw.Raw(), p.raw.Get("proofValue")
	from := value.Offset() - p.raw.Offset()
	k := optionsKey{s.suite, s.key, raw[:from], raw[from+len(value.Raw()):], s.doc.Body.Get("@context").Raw()}
	if sum := lastVerified.sum(k); sum != nil {
		return s.digest(append(make([]byte, 0, 2*len(sum)), sum...), s.doc, "document", nil)
	}
	data, err := s.hash(nil)
	if err == nil {
		lastVerified.keep(k, data)
	}
	return data, err
}

// check holds the proof's own words to what is wanted.
func (p parsed) check(o VerifyOptions) error {
	switch {
	case p.purpose != string(o.Purpose):
		return fmt.Errorf("%w: %q instead of %q", ErrPurpose, p.purpose, o.Purpose)
	case !p.expires.IsZero() && !o.Now.Before(p.expires):
		return fmt.Errorf("%w on %s", ErrExpired, p.expires.Format(time.RFC3339))
	case p.created.After(o.Now.Add(ClockSkew)):
		return fmt.Errorf("%w, on %s", ErrNotYet, p.created.Format(time.RFC3339))
	case o.Challenge != "" && p.challenge != o.Challenge:
		return fmt.Errorf("%w: %q", ErrChallenge, p.challenge)
	case o.Domain != "" && !slices.Contains(p.domains, o.Domain):
		return fmt.Errorf("%w: %q", ErrDomain, p.domains)
	}
	return nil
}

// withPrevious returns what of a document a proof signs: all without proofs,
// or with those that it continues (Data Integrity 1.0 §4.4, previousProof).
func withPrevious(doc jsondoc.Value, p parsed, all []parsed) (jsonld.Part, error) {
	if len(p.previous) == 0 {
		return jsonld.Part{Body: doc, Without: "proof"}, nil
	}
	matching := []byte{'['}
	for i, want := range p.previous {
		at := slices.IndexFunc(all, func(o parsed) bool { return o.id == want })
		if at < 0 || want == "" || want == p.id {
			return jsonld.Part{}, fmt.Errorf("%w: previousProof %q is not there", ErrMalformed, want)
		}
		if i > 0 {
			matching = append(matching, ',')
		}
		matching = append(matching, all[at].raw.Raw()...)
	}
	body, err := with(doc, "proof", append(matching, ']'))
	return jsonld.Part{Body: body}, err
}
