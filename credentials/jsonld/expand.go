package jsonld

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/piprate/json-gold/ld"

	"github.com/trust-me/trustme/internal/jsondoc"
)

func options() *ld.JsonLdOptions {
	o := ld.NewJsonLdOptions("")
	o.DocumentLoader = loader{}
	o.SafeMode = true
	o.ProcessingMode = ld.JsonLd_1_1
	return o
}

// processed keeps the active context of each @context value seen, by its JSON.
// Values come from an allow-list, but their combinations do not: it is bounded.
var processed struct {
	sync.RWMutex
	m map[string]*ld.Context
}

const maxProcessed = 256

func activeContext(value any) (*ld.Context, error) {
	key, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	processed.RLock()
	c := processed.m[string(key)]
	processed.RUnlock()
	if c != nil {
		return c, nil
	}
	c, err = ld.NewContext(nil, options()).Parse(value)
	if err != nil {
		return nil, translate(err)
	}
	processed.Lock()
	defer processed.Unlock()
	if processed.m == nil || len(processed.m) >= maxProcessed {
		processed.m = map[string]*ld.Context{}
	}
	processed.m[string(key)] = c
	return c, nil
}

func translate(err error) error {
	if errors.Is(err, ErrContext) {
		return err
	}
	var je *ld.JsonLdError
	if errors.As(err, &je) && je.Code == ld.InvalidProperty {
		return fmt.Errorf("%w: %v", ErrUndefinedTerm, je.Details)
	}
	return fmt.Errorf("%w: %v", ErrInvalid, err)
}

// Expand returns the expanded form of a document. Members that the contexts do
// not define, contexts that are not pinned and inline contexts are errors.
func Expand(doc jsondoc.Value) (out []any, err error) {
	top, ok := native(doc).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: a document is an object", ErrInvalid)
	}
	return expandMap(top)
}

func expandMap(top map[string]any) (out []any, err error) {
	if err := checkContexts(top, ""); err != nil {
		return nil, err
	}
	if err := undefinedTop(top); err != nil {
		return nil, err
	}
	defer func() { // a stranger's document must not end the process
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrInvalid, p)
		}
	}()
	var value any = []any{}
	if c, ok := top["@context"]; ok {
		value = c
	}
	active, err := activeContext(value)
	if err != nil {
		return nil, err
	}
	rest := make(map[string]any, len(top))
	for k, v := range top {
		if k != "@context" {
			rest[k] = v
		}
	}
	o := options()
	expanded, err := ld.NewJsonLdApi().Expand(ld.CopyContext(active), "", rest, o, false, nil)
	if err != nil {
		return nil, translate(err)
	}
	switch x := expanded.(type) {
	case []any:
		return x, nil
	case map[string]any:
		return []any{x}, nil
	}
	return nil, nil
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
