package jsonld

import (
	"bytes"
	"fmt"
	"hash"
	"math"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// own is the processor of everything that is verified: pinned contexts only,
// no base, and nothing dropped in silence.
var own = &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, safe: true}

// Expand returns the expanded form of a document. Members that the contexts do
// not define, contexts that are not pinned and inline contexts are errors.
func Expand(doc jsondoc.Value) ([]any, error) {
	top, err := nativeObject(doc)
	if err != nil {
		return nil, err
	}
	return expandMap(top)
}

func expandMap(top map[string]any) ([]any, error) {
	processed.Store(true)
	if _, err := checkContexts(top, ""); err != nil {
		return nil, err
	}
	if err := undefinedTop(top); err != nil {
		return nil, err
	}
	return own.document(own.initial, top)
}

func undefinedTop(top map[string]any) error {
	if _, ok := top["@context"]; !ok {
		return fmt.Errorf("%w: @context is missing", ErrContext)
	}
	return nil
}

// native converts a value; the error names a number that cannot be held.
func native(v jsondoc.Value) (any, error) { return nativeFrom(v, nil) }

// nativeFrom is native that tells, if asked, what each object was made from.
func nativeFrom(v jsondoc.Value, made func(m map[string]any, from jsondoc.Value)) (any, error) {
	switch v.Kind() {
	case jsondoc.Object:
		m := make(map[string]any, v.Len())
		for k, e := range v.Members() {
			var err error
			if m[k], err = nativeFrom(e, made); err != nil {
				return nil, err
			}
		}
		if made != nil {
			made(m, v)
		}
		return m, nil
	case jsondoc.Array:
		l := make([]any, 0, v.Len())
		for e := range v.Elements() {
			n, err := nativeFrom(e, made)
			if err != nil {
				return nil, err
			}
			l = append(l, n)
		}
		return l, nil
	case jsondoc.Number:
		return Double(v)
	}
	return v.Any(), nil
}

// Double converts a number as JavaScript and so every published signature has
// it. A whole number that becomes another one thereby is refused: the signature
// would cover both, and who reads the text would see the one that was not
// meant. The error wraps [ErrInvalid].
func Double(v jsondoc.Value) (float64, error) {
	s := string(v.Raw())
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s at %s is beyond the numbers of JSON-LD", ErrInvalid, jsondoc.Clip(s), v.Pointer())
	}
	if math.Abs(f) >= 1<<53 && !strings.ContainsAny(s, ".eE") && strconv.FormatFloat(f, 'f', 0, 64) != s && shortest(f) != s {
		return 0, fmt.Errorf("%w: %s at %s has more digits than a number can hold; write it as a text", ErrInvalid, jsondoc.Clip(s), v.Pointer())
	}
	return f, nil
}

// shortest writes a whole number with the fewest digits that name it, the rest
// being zeros.
func shortest(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Part is what of a document is canonicalised: the object Body without its
// member Without. Where Contexts is present, Body has no @context and is read
// under that one.
type Part struct {
	Body     jsondoc.Value
	Without  string
	Contexts jsondoc.Value
	// Hash is that of RDFC-1.0 (§4.3), by which it orders blank nodes. Nil: SHA-256.
	Hash func() hash.Hash
}

// Canonical calls use with the canonical N-Quads of a part (RDFC-1.0), which
// are good until use returns. The error wraps [ErrContext],
// [ErrUndefinedTerm], [ErrInvalid] or [ErrLimit].
func Canonical(p Part, use func(nquads []byte)) error {
	w := walkers.Get().(*walker)
	defer walkers.Put(w)
	if p.Hash == nil && w.quickly(p) {
		use(w.out)
		return nil
	}
	out, err := p.general()
	if err == nil {
		use(out)
	}
	return err
}

// Settled reports whether the pinned contexts give every member of a signed
// document a meaning. It is for the suites that sign JSON: those that sign
// statements find it out in doing so. The errors are those of [Expand].
func Settled(doc jsondoc.Value) error {
	w := walkers.Get().(*walker)
	defer walkers.Put(w)
	quick := w.state(Part{Body: doc, Without: "proof"})
	for p := range doc.Get("proof").Elements() {
		part := Part{Body: p, Without: "proofValue"}
		if !p.Get("@context").Exists() {
			part.Contexts = doc.Get("@context")
		}
		quick = quick && w.state(part)
	}
	if quick {
		return nil
	}
	expanded, err := Expand(doc)
	if err != nil {
		return err
	}
	// Types and identifiers that are no absolute IRIs are found only in making
	// statements of them.
	_, err = toRDF(expanded)
	return err
}

// general canonicalises by the algorithms as the specifications have them.
func (p Part) general() ([]byte, error) {
	top, err := nativeObject(p.Body)
	if err != nil {
		return nil, err
	}
	delete(top, p.Without)
	if p.Contexts.Exists() {
		if top["@context"] != nil {
			return nil, fmt.Errorf("%w: a context within what is read under another", ErrContext)
		}
		if top["@context"], err = native(p.Contexts); err != nil {
			return nil, err
		}
	}
	expanded, err := expandMap(top)
	if err != nil {
		return nil, err
	}
	return canonicalizeExpanded(expanded, p.Hash)
}

// Canonicalize returns the canonical N-Quads of a document, as [Canonical]
// gives them.
func Canonicalize(doc jsondoc.Value) (out []byte, err error) {
	err = Canonical(Part{Body: doc}, func(nquads []byte) { out = bytes.Clone(nquads) })
	return out, err
}

// nativeObject converts an object to Go values with numbers as float64, as
// JavaScript and so every published signature has them.
func nativeObject(v jsondoc.Value) (map[string]any, error) {
	n, err := native(v)
	if err != nil {
		return nil, err
	}
	m, ok := n.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: expected an object at %q", ErrInvalid, v.Pointer())
	}
	return m, nil
}

func canonicalizeExpanded(expanded []any, newH func() hash.Hash) ([]byte, error) {
	quads, err := toRDF(expanded)
	if err != nil {
		return nil, err
	}
	if newH == nil {
		return canonicalQuads(quads)
	}
	c, err := canonicalize(quads, newH)
	if err != nil {
		return nil, err
	}
	return c.output(), nil
}

// Check reports whether a document has a meaning in JSON-LD: its pinned
// contexts and its own fit together, and no member is left without meaning. It
// is for judging inputs, such as those of a conformance suite, that may bring
// contexts of their own; what is verified may not.
func Check(doc jsondoc.Value) error {
	top, err := nativeObject(doc)
	if err != nil {
		return err
	}
	expanded, err := own.document(own.initial, top)
	if err != nil {
		return err
	}
	_, err = toRDF(expanded)
	return err
}
