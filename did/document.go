package did

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Relationship is a purpose for which a document may list a key (Controlled
// Identifiers 1.0 §2.3).
type Relationship string

// The relationships of the specification.
const (
	AssertionMethod      Relationship = "assertionMethod"
	Authentication       Relationship = "authentication"
	KeyAgreement         Relationship = "keyAgreement"
	CapabilityInvocation Relationship = "capabilityInvocation"
	CapabilityDelegation Relationship = "capabilityDelegation"
)

var relationships = []Relationship{AssertionMethod, Authentication, KeyAgreement, CapabilityInvocation, CapabilityDelegation}

// VerificationMethod is one key of a document. ID is an absolute DID URL. Key
// is zero when the method is of a type that is not understood. Expires and
// Revoked are zero when the document does not set them.
type VerificationMethod struct {
	ID, Type, Controller string
	Key                  PublicKey
	Expires, Revoked     time.Time
}

// UsableFor refuses a key that was declared compromised by now, and one that
// had ended when it signed: at made, or where that is not said, zero, now. The
// error wraps [ErrKeyNotListed].
func (m VerificationMethod) UsableFor(made, now time.Time) error {
	if made.IsZero() {
		made = now
	}
	switch {
	case !m.Revoked.IsZero() && !now.Before(m.Revoked):
		return fmt.Errorf("%w: %s was revoked on %s", ErrKeyNotListed, m.ID, m.Revoked.Format(time.DateOnly))
	case !m.Expires.IsZero() && made.After(m.Expires):
		return fmt.Errorf("%w: %s ended on %s, before the proof was made", ErrKeyNotListed, m.ID, m.Expires.Format(time.DateOnly))
	}
	return nil
}

// Endpoint is where a service is reached.
type Endpoint struct {
	URI         string   `json:"uri"`
	Accept      []string `json:"accept,omitempty"`
	RoutingKeys []string `json:"routingKeys,omitempty"`
}

// Service is a service entry (DID Core §5.4).
type Service struct {
	ID, Type  string
	Endpoints []Endpoint
}

// DIDCommMessaging is the service type of DIDComm Messaging v2.
const DIDCommMessaging = "DIDCommMessaging"

// Document is a DID document.
type Document struct {
	ID          DID
	AlsoKnownAs []string
	Methods     []VerificationMethod
	// Purposes lists, by relationship, the absolute ids of the methods.
	Purposes map[Relationship][]string
	Services []Service
}

// Method returns the verification method with the absolute DID URL id if the
// document lists it for the purpose rel and controls it. The error wraps
// [ErrKeyNotListed].
func (d Document) Method(rel Relationship, id string) (VerificationMethod, error) {
	if !slices.Contains(d.Purposes[rel], id) {
		return VerificationMethod{}, fmt.Errorf("%w: %s is not listed under %s by %s", ErrKeyNotListed, jsondoc.Clip(id), rel, d.ID)
	}
	for _, m := range d.Methods {
		if m.ID != id {
			continue
		}
		if m.Controller != d.ID.String() {
			return VerificationMethod{}, fmt.Errorf("%w: %s is controlled by %s, not by %s", ErrKeyNotListed, jsondoc.Clip(id), jsondoc.Clip(m.Controller), d.ID)
		}
		if m.Key.IsZero() {
			return VerificationMethod{}, fmt.Errorf("%w: %s has the type %q, which is not supported", ErrKeyNotListed, jsondoc.Clip(id), m.Type)
		}
		return m, nil
	}
	return VerificationMethod{}, fmt.Errorf("%w: %s lists %s but does not hold it", ErrKeyNotListed, d.ID, jsondoc.Clip(id))
}

// For returns every method listed for rel that has a usable key, in order.
func (d Document) For(rel Relationship) []VerificationMethod {
	var out []VerificationMethod
	for _, id := range d.Purposes[rel] {
		if m, err := d.Method(rel, id); err == nil {
			out = append(out, m)
		}
	}
	return out
}

const jwkContext = "https://w3id.org/security/jwk/v1"

// Add appends a key, in the form of [Document.MarshalJSON], and lists it for
// the given purposes.
func (d *Document) Add(fragment string, k PublicKey, rels ...Relationship) VerificationMethod {
	typ := "Multikey"
	if k.Type == RSA {
		typ = "JsonWebKey"
	}
	m := VerificationMethod{ID: d.ID.String() + "#" + fragment, Type: typ, Controller: d.ID.String(), Key: k}
	d.Methods = append(d.Methods, m)
	if d.Purposes == nil {
		d.Purposes = map[Relationship][]string{}
	}
	for _, r := range rels {
		d.Purposes[r] = append(d.Purposes[r], m.ID)
	}
	return m
}

// DIDComm returns the first DIDComm v2 endpoint, if there is one.
func (d Document) DIDComm() (Endpoint, bool) {
	for _, s := range d.Services {
		if s.Type == DIDCommMessaging && len(s.Endpoints) > 0 {
			return s.Endpoints[0], true
		}
	}
	return Endpoint{}, false
}

// MarshalJSON writes the document with Multikey methods, in a fixed order. An
// RSA key, for which Multikey has no form, is a JsonWebKey (Controlled
// Identifiers 1.0 §2.2.3).
func (d Document) MarshalJSON() ([]byte, error) {
	type method struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		Controller string `json:"controller"`
		Multibase  string `json:"publicKeyMultibase,omitempty"`
		JWK        *JWK   `json:"publicKeyJwk,omitempty"`
		Expires    string `json:"expires,omitempty"`
		Revoked    string `json:"revoked,omitempty"`
	}
	type service struct {
		ID        string     `json:"id"`
		Type      string     `json:"type"`
		Endpoints []Endpoint `json:"serviceEndpoint"`
	}
	out := struct {
		Context     []string  `json:"@context"`
		ID          string    `json:"id"`
		AlsoKnownAs []string  `json:"alsoKnownAs,omitempty"`
		Methods     []method  `json:"verificationMethod"`
		Assert      []string  `json:"assertionMethod,omitempty"`
		Auth        []string  `json:"authentication,omitempty"`
		Agree       []string  `json:"keyAgreement,omitempty"`
		Invoke      []string  `json:"capabilityInvocation,omitempty"`
		Delegate    []string  `json:"capabilityDelegation,omitempty"`
		Services    []service `json:"service,omitempty"`
	}{
		Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"},
		ID:      d.ID.String(), AlsoKnownAs: d.AlsoKnownAs,
		Assert: d.Purposes[AssertionMethod], Auth: d.Purposes[Authentication], Agree: d.Purposes[KeyAgreement],
		Invoke: d.Purposes[CapabilityInvocation], Delegate: d.Purposes[CapabilityDelegation],
	}
	for _, m := range d.Methods {
		if m.Key.IsZero() {
			return nil, fmt.Errorf("%w: method %s has no key to write", ErrInvalidDocument, m.ID)
		}
		w := method{ID: m.ID, Type: "Multikey", Controller: m.Controller, Expires: jsondoc.Stamp(m.Expires), Revoked: jsondoc.Stamp(m.Revoked)}
		if m.Key.Type == RSA {
			k, err := m.Key.JWK()
			if err != nil {
				return nil, fmt.Errorf("%w: method %s: %w", ErrInvalidDocument, m.ID, err)
			}
			w.Type, w.JWK = "JsonWebKey", &k
			if !slices.Contains(out.Context, jwkContext) {
				out.Context = append(out.Context, jwkContext)
			}
		} else {
			w.Multibase = m.Key.Multibase()
		}
		out.Methods = append(out.Methods, w)
	}
	for _, s := range d.Services {
		out.Services = append(out.Services, service(s))
	}
	return json.Marshal(out)
}

// Resolution is a document with its provenance. Raw holds the bytes as they
// came, which nobody may change. Fetched is when they were fetched; it is zero for a document computed
// from the identifier alone. Cached says that no request was made just now.
type Resolution struct {
	Document Document
	Raw      []byte
	Fetched  time.Time
	Cached   bool
}

// Resolver finds the document of a DID. The error wraps [ErrUnsupported],
// [ErrNotFound], [ErrInvalidDocument], [ErrWeakKey] (definite answers) or
// [ErrUnreachable] (no answer).
type Resolver interface {
	Resolve(ctx context.Context, id DID) (Resolution, error)
}

// Methods joins resolvers by method name.
type Methods map[string]Resolver

// Resolve asks the resolver of id's method.
func (m Methods) Resolve(ctx context.Context, id DID) (Resolution, error) {
	r, ok := m[id.Method()]
	if !ok {
		return Resolution{}, fmt.Errorf("%w: did:%s (known: did:%s)", ErrUnsupported, id.Method(), m.names())
	}
	return r.Resolve(ctx, id)
}

func (m Methods) names() string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	s := ""
	for i, n := range names {
		if i > 0 {
			s += ", did:"
		}
		s += n
	}
	return s
}
