package jsonld

import (
	"cmp"
	"slices"
	"strings"
)

// containerOf reads @container (§4.2.2, step 19).
func containerOf(t *term, m map[string]any) error {
	v, has := m["@container"]
	if !has {
		return nil
	}
	var all []string
	for _, e := range asList(v) {
		s, ok := e.(string)
		if !ok || !slices.Contains([]string{"@graph", "@id", "@index", "@language", "@list", "@set", "@type"}, s) {
			return fail("invalid container mapping", "%v", v)
		}
		all = append(all, s)
	}
	plain := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "@set" })
	withGraph := slices.Contains(plain, "@graph") && len(plain) == 2 && (slices.Contains(plain, "@id") || slices.Contains(plain, "@index"))
	if len(all) == 0 || len(plain) > 1 && !withGraph || slices.Contains(all, "@list") && len(all) > 1 {
		return fail("invalid container mapping", "%v", v)
	}
	t.container = all
	if slices.Contains(all, "@type") {
		t.typ = cmp.Or(t.typ, "@id")
		if t.typ != "@id" && t.typ != "@vocab" {
			return fail("invalid type mapping", "%s in a container of types", t.typ)
		}
	}
	return nil
}

func (d *definer) indexOf(t *term, m map[string]any) error {
	v, has := m["@index"]
	if !has {
		return nil
	}
	s, ok := v.(string)
	if !ok || !t.has("@index") {
		return fail("invalid term definition", "@index %v", v)
	}
	iri, ok, err := d.iri(s, vocab)
	if err != nil {
		return err
	}
	if !ok || !isAbsolute(iri) {
		return fail("invalid term definition", "@index %v", v)
	}
	t.index = s
	return nil
}

// contextOf keeps the context of a term and checks that it could be processed.
func (d *definer) contextOf(t *term, m map[string]any) error {
	c, has := m["@context"]
	if !has {
		return nil
	}
	t.context, t.hasContext, t.base = c, true, d.s.base
	if !d.s.validate {
		return nil
	}
	if _, err := d.p.process(d.c, c, scope{base: d.s.base, remote: d.s.remote, override: true, propagate: true}); err != nil {
		return fail("invalid scoped context", "%v", err)
	}
	return nil
}

func wordsOf(t *term, m map[string]any) error {
	if _, typed := m["@type"]; typed {
		return nil
	}
	if v, has := m["@language"]; has {
		s, ok := v.(string)
		if v != nil && !ok {
			return fail("invalid language mapping", "%v", v)
		}
		t.language, t.hasLanguage = s, true
	}
	if v, has := m["@direction"]; has {
		s, ok := v.(string)
		if v != nil && (!ok || s != "ltr" && s != "rtl") {
			return fail("invalid base direction", "%v", v)
		}
		t.direction, t.hasDirection = s, true
	}
	return nil
}

// rest reads @nest and @prefix, and refuses what no definition has.
func rest(t *term, name string, m map[string]any) error {
	if v, has := m["@nest"]; has {
		s, ok := v.(string)
		if !ok || keywords[s] && s != "@nest" {
			return fail("invalid @nest value", "%v", v)
		}
		t.nest = s
	}
	if v, has := m["@prefix"]; has {
		b, ok := v.(bool)
		switch {
		case strings.ContainsAny(name, ":/"):
			return fail("invalid term definition", "%s cannot be a prefix", name)
		case !ok:
			return fail("invalid @prefix value", "%v", v)
		case b && keywords[t.iri]:
			return fail("invalid term definition", "%s cannot be a prefix", t.iri)
		}
		t.prefix = b
	}
	for k := range m {
		switch k {
		case "@id", "@reverse", "@container", "@context", "@direction", "@index", "@language", "@nest", "@prefix", "@protected", "@type":
		default:
			return fail("invalid term definition", "%s: %s", name, k)
		}
	}
	return nil
}
