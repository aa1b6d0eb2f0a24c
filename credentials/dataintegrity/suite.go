package dataintegrity

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/gowebpki/jcs"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
)

// suite is how one cryptosuite transforms, and which keys it takes.
type suite struct {
	keys      []did.KeyType
	canonical func(map[string]any) ([]byte, error)
}

var suites = map[string]suite{
	EdDSARDFC: {[]did.KeyType{did.Ed25519}, jsonld.CanonicalizeObject},
	EdDSAJCS:  {[]did.KeyType{did.Ed25519}, canonicalJSON},
	ECDSARDFC: {[]did.KeyType{did.P256, did.P384}, jsonld.CanonicalizeObject},
	ECDSAJCS:  {[]did.KeyType{did.P256, did.P384}, canonicalJSON},
	Ed2020:    {[]did.KeyType{did.Ed25519}, jsonld.CanonicalizeObject},
}

func (s suite) usesJSON() bool {
	return reflect.ValueOf(s.canonical).Pointer() == reflect.ValueOf(canonicalJSON).Pointer()
}

// canonicalJSON is the JSON Canonicalization Scheme (RFC 8785).
func canonicalJSON(top map[string]any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(top); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	out, err := jcs.Transform(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return out, nil
}

// hashes are the intermediates that the specifications' vectors show.
type hashes struct {
	document, options []byte // canonical forms
	data              []byte // hash of options, then hash of document: what is signed
}

// hashData transforms and hashes a document without its proofs (with those
// that this proof continues) and the proof's options (Data Integrity EdDSA
// §3.2, ECDSA §3.2). options is the proof without its value.
func hashData(name string, key did.KeyType, doc, options map[string]any) (hashes, error) {
	s := suites[name]
	opts := maps.Clone(options)
	if own, ok := opts["@context"]; ok && name != Ed2020 {
		if !begins(doc["@context"], own) {
			return hashes{}, fmt.Errorf("%w: the proof names contexts with which the document does not begin", ErrMalformed)
		}
		// Data Integrity EdDSA §3.3.2 would let contexts be added after the
		// signature. They would give words a meaning that nobody signed.
		if s.usesJSON() && !reflect.DeepEqual(doc["@context"], own) {
			return hashes{}, fmt.Errorf("%w: the document has contexts that its proof does not name, so that no signature covers them", ErrMalformed)
		}
	} else if c, ok := doc["@context"]; ok && !s.usesJSON() {
		opts["@context"] = c
	}
	var h hashes
	var err error
	if h.document, err = s.canonical(doc); err != nil {
		return h, err
	}
	if h.options, err = s.canonical(opts); err != nil {
		return h, fmt.Errorf("proof options: %w", err)
	}
	sum := func(b []byte) []byte { x := sha256.Sum256(b); return x[:] }
	if key == did.P384 {
		sum = func(b []byte) []byte { x := sha512.Sum384(b); return x[:] }
	}
	h.data = append(sum(h.options), sum(h.document)...)
	return h, nil
}

// begins reports whether a document's contexts begin with the proof's.
func begins(doc, proof any) bool {
	a, b := contexts(doc), contexts(proof)
	return len(b) <= len(a) && reflect.DeepEqual(a[:len(b)], b)
}

func contexts(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}
