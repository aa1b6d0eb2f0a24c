package jsonld

import (
	"encoding/json"
	"fmt"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// own is the processor of everything that is verified: pinned contexts only,
// no base, and nothing dropped in silence.
var own = &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, safe: true}

// Expand returns the expanded form of a document. Members that the contexts do
// not define, contexts that are not pinned and inline contexts are errors.
func Expand(doc jsondoc.Value) ([]any, error) {
	top, ok := native(doc).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: a document is an object", ErrInvalid)
	}
	return expandMap(top)
}

func expandMap(top map[string]any) ([]any, error) {
	if err := checkContexts(top, ""); err != nil {
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

func native(v jsondoc.Value) any {
	switch v.Kind() {
	case jsondoc.Object:
		m := make(map[string]any, v.Len())
		for k, e := range v.Members() {
			m[k] = native(e)
		}
		return m
	case jsondoc.Array:
		l := make([]any, 0, v.Len())
		for e := range v.Elements() {
			l = append(l, native(e))
		}
		return l
	case jsondoc.Number:
		f, err := json.Number(v.Raw()).Float64()
		if err != nil {
			return nil
		}
		return f
	}
	return v.Any()
}

// Canonicalize returns the canonical N-Quads of a document (RDFC-1.0). The
// error wraps [ErrContext], [ErrUndefinedTerm], [ErrInvalid] or [ErrLimit].
func Canonicalize(doc jsondoc.Value) ([]byte, error) {
	expanded, err := Expand(doc)
	if err != nil {
		return nil, err
	}
	return canonicalizeExpanded(expanded)
}

// CanonicalizeObject is [Canonicalize] of a document taken apart by [Native],
// such as one without its proof.
func CanonicalizeObject(top map[string]any) ([]byte, error) {
	expanded, err := expandMap(top)
	if err != nil {
		return nil, err
	}
	return canonicalizeExpanded(expanded)
}

// Native converts an object to Go values with numbers as float64, as
// JavaScript and so every published signature has them.
func Native(v jsondoc.Value) (map[string]any, error) {
	m, ok := native(v).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: expected an object at %q", ErrInvalid, v.Pointer())
	}
	return m, nil
}

func canonicalizeExpanded(expanded []any) ([]byte, error) {
	quads, err := toRDF(expanded)
	if err != nil {
		return nil, err
	}
	return canonicalQuads(quads)
}

// Check reports whether a document has a meaning in JSON-LD: its pinned
// contexts and its own fit together, and no member is left without meaning. It
// is for judging inputs, such as those of a conformance suite, that may bring
// contexts of their own; what is verified may not.
func Check(doc jsondoc.Value) error {
	top, err := Native(doc)
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
