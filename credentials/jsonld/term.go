package jsonld

import (
	"reflect"
	"slices"
	"strings"
)

// term is a term definition (§4.2). A term of iri "" is defined as nothing.
type term struct {
	iri                        string
	prefix, protected, reverse bool
	typ                        string
	language, direction        string
	hasLanguage, hasDirection  bool
	container                  []string
	index, nest                string
	context                    any
	hasContext                 bool
	base                       string // where the context came from
	quick                      quickTerm
}

func (t *term) has(container string) bool { return t != nil && slices.Contains(t.container, container) }

// definer creates the terms of one context object.
type definer struct {
	p         *processor
	c         *activeContext
	local     map[string]any
	defined   map[string]bool
	s         scope
	protected bool
}

type mode int

const (
	relative mode = 1 << iota // against the base
	vocab                     // against terms and @vocab
)

// iri is the IRI Expansion algorithm (§5.2.2); ok is false for null.
func (d *definer) iri(value string, modes ...mode) (iri string, ok bool, err error) {
	var m mode
	for _, one := range modes {
		m |= one
	}
	if keywords[value] {
		return value, true, nil
	}
	if likeKeyword(value) {
		return "", false, nil
	}
	if err := d.need(value); err != nil {
		return "", false, err
	}
	if t, has := d.c.terms[value]; has && (keywords[t.iri] || m&vocab != 0) {
		return t.iri, t.iri != "", nil
	}
	if i := strings.IndexByte(value, ':'); i > 0 {
		prefix, suffix := value[:i], value[i+1:]
		if prefix == "_" || strings.HasPrefix(suffix, "//") {
			return value, true, nil
		}
		if err := d.need(prefix); err != nil {
			return "", false, err
		}
		if t, has := d.c.terms[prefix]; has && t.iri != "" && t.prefix {
			return t.iri + suffix, true, nil
		}
		if isAbsolute(value) {
			return value, true, nil
		}
	}
	if m&vocab != 0 && d.c.hasVocab {
		return d.c.vocab + value, true, nil
	}
	if m&relative != 0 && d.c.base != "" {
		return resolve(d.c.base, value), true, nil
	}
	return value, true, nil
}

// need defines a term of the local context before it is used.
func (d *definer) need(name string) error {
	if d.local == nil || d.defined[name] {
		return nil
	}
	if _, has := d.local[name]; !has || name == "" {
		return nil
	}
	return d.create(name)
}

// create is the Create Term Definition algorithm (§4.2.2).
func (d *definer) create(name string) error {
	if done, seen := d.defined[name]; seen {
		if !done {
			return fail("cyclic IRI mapping", "%s", name)
		}
		return nil
	}
	if name == "" {
		return fail("invalid term definition", "an empty term")
	}
	d.defined[name] = false
	raw := d.local[name]
	switch {
	case name == "@type":
		if err := typeRedefined(raw); err != nil {
			return err
		}
	case keywords[name]:
		return fail("keyword redefinition", "%s", name)
	case likeKeyword(name):
		return nil
	}
	old := d.c.terms[name]
	delete(d.c.terms, name)
	m, simple, err := definition(raw)
	if err != nil {
		return fail("invalid term definition", "%s: %v", name, err)
	}
	t := &term{protected: d.protected}
	ignored, err := d.fill(t, name, m, simple)
	if err != nil || ignored {
		return err
	}
	return d.settle(name, t, old)
}

// settle puts a finished term into the context, unless it would redefine a
// protected one.
func (d *definer) settle(name string, t, old *term) error {
	t.quick = t.compile()
	if !d.s.override && old != nil && old.protected {
		same := *t
		same.protected = old.protected
		if !same.equal(old) {
			return fail("protected term redefinition", "%s", name)
		}
		t = old
	}
	if keywords[t.iri] && strings.Contains(name, ":") {
		d.c.odd = true
	}
	d.c.terms[name] = t
	if d.p.defines != nil {
		d.p.defines(name, t)
	}
	d.c.hasProtected = d.c.hasProtected || t.protected
	d.defined[name] = true
	return nil
}

func (t *term) equal(o *term) bool {
	a, b := *t, *o
	a.base, b.base = "", ""
	a.quick, b.quick = quickTerm{}, quickTerm{}
	return reflect.DeepEqual(a, b)
}

func typeRedefined(raw any) error {
	m, ok := raw.(map[string]any)
	if !ok || len(m) == 0 {
		return fail("keyword redefinition", "@type")
	}
	for k, v := range m {
		if k != "@protected" && !(k == "@container" && v == "@set") {
			return fail("keyword redefinition", "@type")
		}
	}
	return nil
}

type text string

func (t text) Error() string { return string(t) }

func definition(raw any) (m map[string]any, simple bool, err error) {
	switch v := raw.(type) {
	case nil:
		return map[string]any{"@id": nil}, false, nil
	case string:
		return map[string]any{"@id": v}, true, nil
	case map[string]any:
		return v, false, nil
	}
	return nil, false, text("neither a text nor an object")
}

// fill reads a definition. ignored says that the term is not to be defined.
func (d *definer) fill(t *term, name string, m map[string]any, simple bool) (ignored bool, err error) {
	if v, has := m["@protected"]; has {
		b, ok := v.(bool)
		if !ok {
			return false, fail("invalid @protected value", "%v", v)
		}
		t.protected = b
	}
	if v, has := m["@type"]; has {
		if err := d.typeOf(t, v); err != nil {
			return false, err
		}
	}
	if v, has := m["@reverse"]; has {
		ignored, err := d.reverseOf(t, m, v)
		if err != nil || ignored {
			return ignored, err
		}
	} else {
		ignored, err := d.mapping(t, name, m, simple)
		if err != nil || ignored {
			return ignored, err
		}
		if err := containerOf(t, m); err != nil {
			return false, err
		}
	}
	if err := d.indexOf(t, m); err != nil {
		return false, err
	}
	if err := d.contextOf(t, m); err != nil {
		return false, err
	}
	if err := wordsOf(t, m); err != nil {
		return false, err
	}
	return false, rest(t, name, m)
}

func (d *definer) typeOf(t *term, v any) error {
	s, ok := v.(string)
	if !ok {
		return fail("invalid type mapping", "%v", v)
	}
	iri, ok, err := d.iri(s, vocab)
	if err != nil {
		return err
	}
	switch {
	case iri == "@id" || iri == "@vocab" || iri == "@json" || iri == "@none":
	case !ok || !isAbsolute(iri):
		return fail("invalid type mapping", "%v", v)
	}
	t.typ = iri
	return nil
}

func (d *definer) reverseOf(t *term, m map[string]any, v any) (ignored bool, err error) {
	for _, k := range []string{"@id", "@nest"} {
		if _, has := m[k]; has {
			return false, fail("invalid reverse property", "%s beside @reverse", k)
		}
	}
	s, ok := v.(string)
	if !ok {
		return false, fail("invalid IRI mapping", "@reverse %v", v)
	}
	if likeKeyword(s) {
		return true, nil
	}
	if t.iri, ok, err = d.iri(s, vocab); err != nil {
		return false, err
	}
	if !ok || !isAbsolute(t.iri) && !isBlank(t.iri) {
		return false, fail("invalid IRI mapping", "@reverse %s", s)
	}
	if c, has := m["@container"]; has && c != nil {
		if c != "@set" && c != "@index" {
			return false, fail("invalid reverse property", "@container %v", c)
		}
		t.container = []string{c.(string)}
	}
	t.reverse = true
	return false, nil
}

// mapping finds the IRI that a term stands for (§4.2.2, steps 14 to 18).
func (d *definer) mapping(t *term, name string, m map[string]any, simple bool) (ignored bool, err error) {
	id, has := m["@id"]
	if has && id != name {
		if id == nil {
			return false, nil
		}
		s, ok := id.(string)
		if !ok {
			return false, fail("invalid IRI mapping", "@id %v", id)
		}
		if likeKeyword(s) && !keywords[s] {
			return true, nil
		}
		return false, d.explicit(t, name, s, simple)
	}
	i := strings.IndexByte(name, ':')
	switch {
	case i > 0:
		if err := d.need(name[:i]); err != nil {
			return false, err
		}
		t.iri = name
		if p, has := d.c.terms[name[:i]]; has && p.iri != "" {
			t.iri = p.iri + name[i+1:]
		}
	case strings.Contains(name, "/"):
		iri, ok, err := d.iri(name, vocab)
		if err != nil {
			return false, err
		}
		if !ok || !isAbsolute(iri) {
			return false, fail("invalid IRI mapping", "%s", name)
		}
		t.iri = iri
	case name == "@type":
		t.iri = "@type"
	case d.c.hasVocab:
		t.iri = d.c.vocab + name
	default:
		return false, fail("invalid IRI mapping", "%s", name)
	}
	return false, nil
}

func (d *definer) explicit(t *term, name, id string, simple bool) error {
	iri, ok, err := d.iri(id, vocab)
	if err != nil {
		return err
	}
	if !ok || !keywords[iri] && !isAbsolute(iri) && !isBlank(iri) {
		return fail("invalid IRI mapping", "%s: %s", name, id)
	}
	if iri == "@context" {
		return fail("invalid keyword alias", "%s", name)
	}
	t.iri = iri
	if len(name) > 2 && strings.Contains(name[1:len(name)-1], ":") || strings.Contains(name, "/") {
		d.defined[name] = true
		own, _, err := d.iri(name, vocab)
		if err != nil {
			return err
		}
		d.defined[name] = false
		if own != iri {
			return fail("invalid IRI mapping", "%s is mapped to %s", name, iri)
		}
		return nil
	}
	if simple && !strings.Contains(name, ":") && (isBlank(iri) || strings.ContainsAny(iri[len(iri)-1:], ":/?#[]@")) {
		t.prefix = true
	}
	return nil
}
