package dataintegrity

import (
	"bytes"
	"cmp"
	"context"
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

// append writes a proof with these options, all but its value. context is that
// of the document, for the suites that sign JSON.
func (o Options) append(b, context []byte, suite, method string) []byte {
	b = append(b, '{')
	member := func(name, value string) {
		if value == "" {
			return
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, name), ':'), value)
	}
	if len(context) > 0 {
		b = append(append(b, `"@context":`...), context...)
	}
	member("id", o.ID)
	if suite == Ed2020 {
		member("type", Ed2020)
	} else {
		member("type", "DataIntegrityProof")
		member("cryptosuite", suite)
	}
	member("created", jsondoc.Stamp(o.Created))
	member("expires", jsondoc.Stamp(o.Expires))
	member("verificationMethod", method)
	member("proofPurpose", cmp.Or(string(o.Purpose), string(did.AssertionMethod)))
	member("challenge", o.Challenge)
	member("domain", o.Domain)
	member("previousProof", o.PreviousProof)
	return append(b, '}')
}

// withValue puts the value of a proof behind its other members.
func withValue(proof []byte, value string) []byte {
	return append(appendText(append(proof[:len(proof)-1], `,"proofValue":`...), value), '}')
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
	defer v.Release() // nobody else has it
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

// BatchSigner signs many messages for less than each alone.
type BatchSigner interface {
	Signer
	// SignAll returns the signature of each message, in their order.
	SignAll(ctx context.Context, messages [][]byte) ([][]byte, error)
}

// AddProofs is [AddProof] to each of many documents. A [BatchSigner] signs them
// together. The error names the first document that cannot be signed, counted
// from 0, and then none is.
func AddProofs(ctx context.Context, docs [][]byte, o Options, s Signer) ([][]byte, error) {
	b, ok := s.(BatchSigner)
	out := make([][]byte, len(docs))
	if !ok || o.Cryptosuite == ECDSASD { // of which each proof has a key of its own
		for i, doc := range docs {
			var err error
			if out[i], err = AddProof(ctx, doc, o, s); err != nil {
				return nil, fmt.Errorf("document %d: %w", i, err)
			}
		}
		return out, nil
	}
	values, proofs, messages := make([]jsondoc.Value, len(docs)), make([][]byte, len(docs)), make([][]byte, len(docs))
	for i, doc := range docs {
		v, err := jsondoc.Parse(doc)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		defer v.Release() // nobody else has it
		name, proof, err := beginProof(v, o, s)
		if err == nil {
			messages[i], err = toSign(v, o, name, proof, s)
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
		values[i], proofs[i] = v, proof
	}
	signatures, err := b.SignAll(ctx, messages)
	if err == nil && len(signatures) != len(docs) {
		err = fmt.Errorf("%d signatures of %d documents", len(signatures), len(docs))
	}
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	for i, sig := range signatures {
		value, err := multibase.Encode(multibase.Base58BTC, sig)
		if err == nil {
			out[i], err = splice(docs[i], values[i], withValue(proofs[i], value))
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
	}
	return out, nil
}

func makeProof(ctx context.Context, v jsondoc.Value, o Options, s Signer) ([]byte, error) {
	name, proof, err := beginProof(v, o, s)
	if err != nil {
		return nil, err
	}
	value, err := proofValue(ctx, v, o, name, proof, s)
	if err != nil {
		return nil, err
	}
	return withValue(proof, value), nil
}

// beginProof returns the suite and the proof without its value.
func beginProof(v jsondoc.Value, o Options, s Signer) (name string, proof []byte, err error) {
	name = cmp.Or(o.Cryptosuite, EdDSARDFC)
	st, ok := suites[name]
	if s.Key().Type == did.RSA {
		return "", nil, fmt.Errorf("%w: no suite has RSA keys; sign a JWT with this one", ErrUnsupported)
	}
	if !ok || !slices.Contains(st.keys, s.Key().Type) {
		return "", nil, fmt.Errorf("%w: %q with a %s key", ErrUnsupported, name, s.Key().Type)
	}
	if len(o.Mandatory) > 0 && name != ECDSASD {
		return "", nil, fmt.Errorf("%w: mandatory pointers are for %s", ErrUnsupported, ECDSASD)
	}
	var context []byte
	if st.signsJSON { // Data Integrity EdDSA §3.3.1
		context = v.Get("@context").Raw()
	}
	return name, o.append(make([]byte, 0, 512), context, name, s.VerificationMethod()), nil
}

// proofValue signs a document under the options that proof says.
func proofValue(ctx context.Context, v jsondoc.Value, o Options, suite string, proof []byte, s Signer) (string, error) {
	if suite == ECDSASD {
		options, err := jsondoc.Parse(proof)
		if err != nil {
			return "", err
		}
		k, err := newSDKeys()
		if err != nil {
			return "", err
		}
		return baseProofValue(ctx, v, options, o.Mandatory, k, s)
	}
	data, err := toSign(v, o, suite, proof, s)
	if err != nil {
		return "", err
	}
	sig, err := s.Sign(ctx, data)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return multibase.Encode(multibase.Base58BTC, sig)
}

// toSign returns what is signed of a document under the options of proof.
func toSign(v jsondoc.Value, o Options, suite string, proof []byte, s Signer) ([]byte, error) {
	doc, err := unsecured(v, o)
	if err != nil {
		return nil, err
	}
	return hashToSign(signed{suite: suite, key: s.Key().Type, doc: doc}, proof)
}

var lastSigned lastOptions

// hashToSign is [signed.hash] under options that are still to be read.
func hashToSign(s signed, proof []byte) ([]byte, error) {
	k := optionsKey{s.suite, s.key, proof, nil, s.doc.Body.Get("@context").Raw()}
	if sum := lastSigned.sum(k); sum != nil {
		return s.digest(append(make([]byte, 0, 2*len(sum)), sum...), s.doc, "document", nil)
	}
	options, err := jsondoc.Parse(proof)
	if err != nil {
		return nil, err
	}
	s.options = jsonld.Part{Body: options}
	data, err := s.hash(nil)
	if err == nil {
		lastSigned.keep(k, data)
	}
	return data, err
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
