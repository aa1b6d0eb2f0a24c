package dataintegrity

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// suite is how one cryptosuite transforms, and which keys it takes.
type suite struct {
	keys      []did.KeyType
	signsJSON bool
}

var suites = map[string]suite{
	EdDSARDFC: {keys: []did.KeyType{did.Ed25519}},
	EdDSAJCS:  {keys: []did.KeyType{did.Ed25519}, signsJSON: true},
	ECDSARDFC: {keys: []did.KeyType{did.P256, did.P384}},
	ECDSAJCS:  {keys: []did.KeyType{did.P256, did.P384}, signsJSON: true},
	ECDSASD:   {keys: []did.KeyType{did.P256}},
	Ed2020:    {keys: []did.KeyType{did.Ed25519}},
}

// canonical calls use with the canonical form of a part.
func (s suite) canonical(p jsonld.Part, use func([]byte)) error {
	if s.signsJSON {
		return canonicalJSON(p, use)
	}
	return jsonld.Canonical(p, use)
}

// signed is what one proof signs.
type signed struct {
	suite   string
	key     did.KeyType
	doc     jsonld.Part // the document without proofs, or with those that this proof continues
	options jsonld.Part // the proof without its value
}

// parts readies document and options for the suite's canonical forms.
func (s signed) parts() (doc, options jsonld.Part, err error) {
	doc, options = s.doc, s.options
	contexts := doc.Body.Get("@context")
	own := options.Body.Get("@context")
	switch {
	case own.Exists() && s.suite != Ed2020:
		if !begins(contexts, own) {
			return doc, options, fmt.Errorf("%w: the proof names contexts with which the document does not begin", ErrMalformed)
		}
		// Data Integrity EdDSA §3.3.2 would let contexts be added after the
		// signature. They would give words a meaning that nobody signed.
		if suites[s.suite].signsJSON && !sameJSON(contexts, own) {
			return doc, options, fmt.Errorf("%w: the document has contexts that its proof does not name, so that no signature covers them", ErrMalformed)
		}
	case contexts.Exists() && !suites[s.suite].signsJSON:
		if own.Exists() {
			if options.Body, err = without(options.Body, "@context"); err != nil {
				return doc, options, err
			}
		}
		options.Contexts = contexts
	}
	return doc, options, nil
}

// hash transforms and hashes document and options, and returns the hash of the
// options followed by that of the document, which is what is signed (Data
// Integrity EdDSA §3.2, ECDSA §3.2). see, if any, is shown both canonical
// forms.
func (s signed) hash(see func(what string, canonical []byte)) ([]byte, error) {
	doc, options, err := s.parts()
	if err != nil {
		return nil, err
	}
	data, err := s.digest(make([]byte, 0, 2*sha512.Size384), options, "options", see)
	if err != nil {
		return nil, fmt.Errorf("proof options: %w", err)
	}
	return s.digest(data, doc, "document", see)
}

// digest appends the hash of a part's canonical form.
func (s signed) digest(data []byte, p jsonld.Part, what string, see func(what string, canonical []byte)) ([]byte, error) {
	if s.key == did.P384 { // the hash of the canonicalization follows the key too (Data Integrity ECDSA §3)
		p.Hash = sha512.New384
	}
	err := suites[s.suite].canonical(p, func(b []byte) {
		if see != nil {
			see(what, b)
		}
		if s.key == did.P384 {
			h := sha512.Sum384(b)
			data = append(data, h[:]...)
			return
		}
		h := sha256.Sum256(b)
		data = append(data, h[:]...)
	})
	return data, err
}

// begins reports whether a document's contexts begin with the proof's.
func begins(doc, proof jsondoc.Value) bool {
	a, b := slices.Collect(doc.Elements()), slices.Collect(proof.Elements())
	return len(b) <= len(a) && slices.EqualFunc(a[:len(b)], b, sameJSON)
}

func sameJSON(a, b jsondoc.Value) bool {
	x, err := appendCanonical(nil, a)
	if err != nil {
		return false
	}
	y, err := appendCanonical(nil, b)
	return err == nil && bytes.Equal(x, y)
}

// without returns an object without one of its members.
func without(v jsondoc.Value, name string) (jsondoc.Value, error) { return with(v, name, nil) }

// with returns an object with another value of a member, or without it.
func with(v jsondoc.Value, name string, value []byte) (jsondoc.Value, error) {
	b := []byte{'{'}
	add := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(appendText(b, name), ':'), value...)
	}
	for m, e := range v.Members() {
		if m != name {
			add(m, e.Raw())
		}
	}
	if value != nil {
		add(name, value)
	}
	b = append(b, '}')
	return jsondoc.ParseLimits(b, jsondoc.Limits{Size: len(b)}) // what it is made of was read within limits
}
