package dataintegrity

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Signer signs as one verification method; did/keys has one.
type Signer interface {
	Sign(ctx context.Context, message []byte) ([]byte, error)
	VerificationMethod() string
	Key() did.PublicKey
}

// Options of a proof. Cryptosuite defaults to eddsa-rdfc-2022, Purpose to
// assertionMethod; zero times and texts are left out.
type Options struct {
	ID, Cryptosuite   string
	Purpose           did.Relationship
	Challenge, Domain string
	Created, Expires  time.Time
	PreviousProof     string
	// Mandatory are JSON pointers to what every proof that is derived from one
	// of ecdsa-sd-2023 shows.
	Mandatory []string
}

type proofJSON struct {
	// Context is that of the document, for the suites that sign JSON.
	Context            json.RawMessage `json:"@context,omitempty"`
	ID                 string          `json:"id,omitempty"`
	Type               string          `json:"type"`
	Cryptosuite        string          `json:"cryptosuite,omitempty"`
	Created            string          `json:"created,omitempty"`
	Expires            string          `json:"expires,omitempty"`
	VerificationMethod string          `json:"verificationMethod"`
	Purpose            string          `json:"proofPurpose"`
	Challenge          string          `json:"challenge,omitempty"`
	Domain             string          `json:"domain,omitempty"`
	PreviousProof      string          `json:"previousProof,omitempty"`
	Value              string          `json:"proofValue,omitempty"`
}

// AddProof signs a document and returns it with the proof: the bytes of the
// document stay as they are, and the proof is put behind its last member. A
// second proof joins the first in a list. With [Options.PreviousProof] it also
// signs the proof of that id. The error wraps [ErrUnsupported] when the key is
// not one of the suite's, [ErrMalformed], or an error of jsondoc or jsonld.
func AddProof(ctx context.Context, doc []byte, o Options, s Signer) ([]byte, error) {
	v, err := jsondoc.Parse(doc)
	if err != nil {
		return nil, err
	}
	return AddProofTo(ctx, doc, v, o, s)
}

// AddProofTo is [AddProof] to a document that was read already, of which v is
// what doc says.
func AddProofTo(ctx context.Context, doc []byte, v jsondoc.Value, o Options, s Signer) ([]byte, error) {
	proof, err := makeProof(ctx, v, o, s)
	if err != nil {
		return nil, err
	}
	return splice(doc, v, proof)
}

func makeProof(ctx context.Context, v jsondoc.Value, o Options, s Signer) ([]byte, error) {
	name := cmp.Or(o.Cryptosuite, EdDSARDFC)
	st, ok := suites[name]
	if s.Key().Type == did.RSA {
		return nil, fmt.Errorf("%w: no suite has RSA keys; sign a JWT with this one", ErrUnsupported)
	}
	if !ok || !slices.Contains(st.keys, s.Key().Type) {
		return nil, fmt.Errorf("%w: %q with a %s key", ErrUnsupported, name, s.Key().Type)
	}
	p := proofJSON{ID: o.ID, Type: "DataIntegrityProof", Cryptosuite: name, Created: jsondoc.Stamp(o.Created), Expires: jsondoc.Stamp(o.Expires),
		VerificationMethod: s.VerificationMethod(), Purpose: cmp.Or(string(o.Purpose), string(did.AssertionMethod)), Challenge: o.Challenge, Domain: o.Domain, PreviousProof: o.PreviousProof}
	if name == Ed2020 {
		p.Type, p.Cryptosuite = Ed2020, ""
	}
	if st.signsJSON { // Data Integrity EdDSA §3.3.1
		p.Context = v.Get("@context").Raw()
	}
	if len(o.Mandatory) > 0 && name != ECDSASD {
		return nil, fmt.Errorf("%w: mandatory pointers are for %s", ErrUnsupported, ECDSASD)
	}
	raw, err := jsondoc.Marshal(p)
	if err != nil {
		return nil, err
	}
	options, err := jsondoc.Parse(raw)
	if err != nil {
		return nil, err
	}
	if name == ECDSASD {
		k, err := newSDKeys()
		if err != nil {
			return nil, err
		}
		if p.Value, err = baseProofValue(ctx, v, options, o.Mandatory, k, s); err != nil {
			return nil, err
		}
		return jsondoc.Marshal(p)
	}
	doc, err := unsecured(v, o)
	if err != nil {
		return nil, err
	}
	data, err := signed{name, s.Key().Type, doc, jsonld.Part{Body: options}}.hash(nil)
	if err != nil {
		return nil, err
	}
	sig, err := s.Sign(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if p.Value, err = multibase.Encode(multibase.Base58BTC, sig); err != nil {
		return nil, err
	}
	return jsondoc.Marshal(p)
}

// unsecured returns what a proof signs: the document without proofs, or with
// the one that it continues.
func unsecured(v jsondoc.Value, o Options) (jsonld.Part, error) {
	p := parsed{id: o.ID}
	var all []parsed
	if o.PreviousProof != "" {
		var err error
		if all, err = parseProofs(v); err != nil {
			return jsonld.Part{}, err
		}
		p.previous = []string{o.PreviousProof}
	}
	return withPrevious(v, p, all)
}

// splice puts a proof into the original bytes, of which it leaves out none.
func splice(doc []byte, v jsondoc.Value, proof []byte) ([]byte, error) {
	if v.Kind() != jsondoc.Object {
		return nil, fmt.Errorf("%w: a document is an object", ErrMalformed)
	}
	old := v.Get("proof")
	switch {
	case old.Kind() == jsondoc.Array && old.Len() > 0:
		return insert(doc, old, ",", proof), nil
	case old.Kind() == jsondoc.Array:
		return insert(doc, old, "", proof), nil
	case old.Exists():
		at, end := old.Offset(), old.Offset()+len(old.Raw())
		return slices.Concat(doc[:at], []byte("["), doc[at:end], []byte(","), proof, []byte("]"), doc[end:]), nil
	case v.Len() == 0:
		return insert(doc, v, `"proof":`, proof), nil
	}
	return insert(doc, v, `,"proof":`, proof), nil
}

// insert puts text behind the last element of a container.
func insert(doc []byte, container jsondoc.Value, before string, text []byte) []byte {
	closing := container.Offset() + len(container.Raw()) - 1
	at := len(bytes.TrimRight(doc[:closing], " \t\r\n"))
	return slices.Concat(doc[:at], []byte(before), text, doc[at:])
}
