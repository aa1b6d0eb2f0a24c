package jsonld

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// activeContext is a processed context (JSON-LD 1.1 API §4.1). It is never
// changed once it is made, so that what is derived from it can be kept.
type activeContext struct {
	terms        map[string]*term
	base         string // "" : none
	vocab        string
	hasVocab     bool
	language     string // "" : none
	direction    string
	previous     *activeContext
	hasProtected bool
	odd          bool // not for the quick way: a term looks like a compact IRI

	derived sync.Map // string or scopedKey -> *activeContext
	types   atomic.Pointer[[]string]
}

// scopedKey names the context that a term's own context makes of another.
type scopedKey struct {
	t         *term
	propagate bool
}

// maxKept bounds the contexts that a processor keeps. A badge needs about 20;
// documents with contexts in ever new orders would otherwise fill the memory.
const maxKept = 512

// processor holds what stays the same while one document is expanded.
type processor struct {
	load    func(url string) (any, error)
	initial *activeContext
	// safe makes an error of what expansion would drop in silence, and of
	// documents that are not plain.
	safe bool
	// defines, if set, is told of every term.
	defines func(name string, t *term)
	// unnamed, if set, is told of every object that became a node without id.
	unnamed func(e map[string]any)
	// kept counts the contexts that hang on initial, and those in read.
	kept atomic.Int32
	// read holds, by the bytes of an accepted @context, what it made of initial.
	read sync.Map // string -> *activeContext
}

func (c *activeContext) clone() *activeContext {
	return &activeContext{terms: maps.Clone(c.terms), base: c.base, vocab: c.vocab, hasVocab: c.hasVocab, language: c.language, direction: c.direction,
		previous: c.previous, hasProtected: c.hasProtected, odd: c.odd}
}

func fail(code, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, code, fmt.Sprintf(format, args...))
}

// scope is where a context is being processed.
type scope struct {
	base      string   // URL of the document that holds the context
	remote    []string // contexts being loaded
	override  bool     // protected terms may be redefined
	propagate bool
	validate  bool // also look into the contexts of terms
}

// with returns the context that a node's own @context makes of c.
func (p *processor) with(c *activeContext, local any) (*activeContext, error) {
	key, err := json.Marshal(local)
	if err != nil {
		return nil, fail("invalid local context", "%v", err)
	}
	if d, ok := c.derived.Load(string(key)); ok {
		return d.(*activeContext), nil
	}
	d, err := p.process(c, local, scope{propagate: true, validate: true})
	if err != nil {
		return nil, err
	}
	p.keep(&c.derived, string(key), d)
	return d, nil
}

// scoped returns the context that the context of a term makes of c.
func (p *processor) scoped(c *activeContext, t *term, propagate bool) (*activeContext, error) {
	key := scopedKey{t, propagate}
	if d, ok := c.derived.Load(key); ok {
		return d.(*activeContext), nil
	}
	// A property-scoped context may redefine protected terms; one of a type
	// may not.
	d, err := p.process(c, t.context, scope{base: t.base, override: propagate, propagate: propagate, validate: true})
	if err != nil {
		return nil, err
	}
	p.keep(&c.derived, key, d)
	return d, nil
}

// keep remembers what was made of a context. When there is too much, all is
// forgotten: the usual contexts are soon made again, at a millisecond or so.
func (p *processor) keep(in *sync.Map, key any, d *activeContext) {
	if p.kept.Add(1) > maxKept {
		p.initial.derived.Clear()
		p.read.Clear()
		p.kept.Store(1)
	}
	in.Store(key, d)
}

// process is the Context Processing Algorithm (§4.1.2).
func (p *processor) process(active *activeContext, local any, s scope) (*activeContext, error) {
	result := active.clone()
	if m, ok := local.(map[string]any); ok {
		if v, has := m["@propagate"]; has {
			b, isBool := v.(bool)
			if !isBool {
				return nil, fail("invalid @propagate value", "%v", v)
			}
			s.propagate = b
		}
	}
	if !s.propagate && result.previous == nil {
		result.previous = active
	}
	for _, c := range asList(local) {
		var err error
		if result, err = p.one(result, c, s); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (p *processor) one(result *activeContext, local any, s scope) (*activeContext, error) {
	switch c := local.(type) {
	case nil:
		if !s.override && result.hasProtected {
			return nil, fail("invalid context nullification", "protected terms are in force")
		}
		fresh := p.initial.clone()
		if !s.propagate {
			fresh.previous = result
		}
		return fresh, nil
	case string:
		return p.remote(result, c, s)
	case map[string]any:
		if inner, has := c["@context"]; has && p.safe { // as jsonld.js reads it, and a vector of the W3C wants
			return p.process(result, inner, s)
		}
		return p.definitions(result, c, s)
	}
	return nil, fail("invalid local context", "%v", local)
}

func (p *processor) remote(result *activeContext, ref string, s scope) (*activeContext, error) {
	url := ref
	if s.base != "" {
		url = resolve(s.base, ref)
	} else if p.initial.base != "" {
		url = resolve(p.initial.base, ref)
	}
	if slices.Contains(s.remote, url) {
		if !s.validate {
			return result, nil
		}
		return nil, fail("recursive context inclusion", "%s", url)
	}
	if len(s.remote) >= maxContexts {
		return nil, fail("context overflow", "more than %d contexts within each other", maxContexts)
	}
	loaded, err := p.contextAt(url)
	if err != nil {
		return nil, err
	}
	return p.process(result, loaded, scope{base: url, remote: append(slices.Clone(s.remote), url), override: s.override, propagate: true, validate: s.validate})
}

func (p *processor) contextAt(url string) (any, error) {
	doc, err := p.load(url)
	if err != nil {
		return nil, err
	}
	m, ok := doc.(map[string]any)
	if !ok {
		return nil, fail("invalid remote context", "%s", url)
	}
	c, ok := m["@context"]
	if !ok {
		return nil, fail("invalid remote context", "%s", url)
	}
	return c, nil
}

// definitions processes a context object (§4.1.2, steps 5.5 to 5.13).
func (p *processor) definitions(result *activeContext, c map[string]any, s scope) (*activeContext, error) {
	c, err := p.imported(c, s)
	if err != nil {
		return nil, err
	}
	result = result.clone()
	if err := result.settings(p, c, s); err != nil {
		return nil, err
	}
	protected := false
	if v, has := c["@protected"]; has {
		b, ok := v.(bool)
		if !ok {
			return nil, fail("invalid @protected value", "%v", v)
		}
		protected = b
	}
	d := &definer{p: p, c: result, local: c, defined: map[string]bool{}, s: s, protected: protected}
	for _, key := range sortedKeys(c) {
		switch key {
		case "@base", "@direction", "@import", "@language", "@propagate", "@protected", "@version", "@vocab":
		default:
			if err := d.create(key); err != nil {
				return nil, err
			}
		}
	}
	return result, nil
}

func (p *processor) imported(c map[string]any, s scope) (map[string]any, error) {
	if v, has := c["@version"]; has && v != 1.1 {
		return nil, fail("invalid @version value", "%v", v)
	}
	v, has := c["@import"]
	if !has {
		return c, nil
	}
	ref, ok := v.(string)
	if !ok {
		return nil, fail("invalid @import value", "%v", v)
	}
	url := resolve(cmp.Or(s.base, p.initial.base), ref)
	loaded, err := p.contextAt(url)
	if err != nil {
		return nil, err
	}
	m, ok := loaded.(map[string]any)
	if !ok {
		return nil, fail("invalid remote context", "%s", url)
	}
	if _, has := m["@import"]; has {
		return nil, fail("invalid context entry", "@import within an imported context")
	}
	merged := maps.Clone(m)
	maps.Copy(merged, c)
	return merged, nil
}

// settings reads @base, @vocab, @language and @direction.
func (c *activeContext) settings(p *processor, m map[string]any, s scope) error {
	if v, has := m["@base"]; has && len(s.remote) == 0 {
		b, isText := v.(string)
		switch {
		case v == nil:
			c.base = ""
		case isText && isAbsolute(b):
			c.base = b
		case isText && c.base != "":
			c.base = resolve(c.base, b)
		default:
			return fail("invalid base IRI", "%v", v)
		}
	}
	if v, has := m["@vocab"]; has {
		if err := c.setVocab(p, v); err != nil {
			return err
		}
	}
	if v, has := m["@language"]; has {
		s, isText := v.(string)
		if v != nil && !isText {
			return fail("invalid default language", "%v", v)
		}
		c.language = s
	}
	if v, has := m["@direction"]; has {
		s, isText := v.(string)
		if v != nil && (!isText || s != "ltr" && s != "rtl") {
			return fail("invalid base direction", "%v", v)
		}
		c.direction = s
	}
	return nil
}

func (c *activeContext) setVocab(p *processor, v any) error {
	if v == nil {
		c.vocab, c.hasVocab = "", false
		return nil
	}
	s, isText := v.(string)
	if !isText {
		return fail("invalid vocab mapping", "%v", v)
	}
	iri, ok, err := (&definer{p: p, c: c}).iri(s, relative, vocab)
	if err != nil {
		return err
	}
	if !ok || !isAbsolute(iri) && !isBlank(iri) && s != "" && c.base != "" {
		return fail("invalid vocab mapping", "%v", v)
	}
	c.vocab, c.hasVocab = iri, true
	return nil
}

func asList(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// keywords of JSON-LD 1.1.
var keywords = map[string]bool{"@base": true, "@container": true, "@context": true, "@direction": true, "@graph": true, "@id": true, "@import": true,
	"@included": true, "@index": true, "@json": true, "@language": true, "@list": true, "@nest": true, "@none": true, "@prefix": true,
	"@propagate": true, "@protected": true, "@reverse": true, "@set": true, "@type": true, "@value": true, "@version": true, "@vocab": true}

// likeKeyword reports whether s has the form of a keyword: @ and letters.
func likeKeyword(s string) bool {
	if len(s) < 2 || s[0] != '@' {
		return false
	}
	return strings.Trim(s[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// isAbsolute reports whether s has the form of an IRI: a scheme and a colon.
func isAbsolute(s string) bool {
	i := strings.IndexByte(s, ':')
	if i <= 0 {
		return false
	}
	for k := range i {
		c := s[k]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || k > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return true
}
