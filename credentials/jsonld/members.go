package jsonld

import (
	"slices"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// expanding is one object on its way (§5.1.2, steps 12 to 14).
type expanding struct {
	p         *processor
	c         *activeContext
	typeScope *activeContext
	property  string
	inputType string
	result    map[string]any
}

func (x *expanding) members(e map[string]any) error {
	var nests []string
	for _, key := range sortedKeys(e) {
		if key == "@context" {
			continue
		}
		iri, ok, err := x.c.iri(key, vocab)
		if err != nil {
			return err
		}
		if !ok || !keywords[iri] && !isAbsolute(iri) && !isBlank(iri) {
			if err := x.p.dropped("%q", jsondoc.Clip(key)); err != nil {
				return err
			}
			continue
		}
		if err := x.plainKey(key, iri); err != nil {
			return err
		}
		switch {
		case iri == "@nest":
			nests = append(nests, key)
		case keywords[iri]:
			err = x.keyword(iri, e[key])
		default:
			err = x.member(key, iri, e[key])
		}
		if err != nil {
			return err
		}
	}
	for _, key := range nests {
		if err := x.nested(key, e[key]); err != nil {
			return err
		}
	}
	return nil
}

// nested reads the members below @nest as if they stood beside it.
func (x *expanding) nested(key string, value any) error {
	for _, v := range asList(value) {
		m, ok := v.(map[string]any)
		if !ok {
			return fail("invalid @nest value", "%v", v)
		}
		for k := range m {
			if x.c.keyword(k) == "@value" {
				return fail("invalid @nest value", "a value")
			}
		}
		c := x.c
		if t := x.c.terms[key]; t != nil && t.hasContext {
			var err error
			if x.c, err = x.p.scoped(x.c, t, true); err != nil {
				return err
			}
		}
		err := x.members(m)
		x.c = c
		if err != nil {
			return err
		}
	}
	return nil
}

// keyword expands the value of a keyword (step 13.4).
func (x *expanding) keyword(kw string, value any) error {
	if x.property == "@reverse" {
		return fail("invalid reverse property map", "%s", kw)
	}
	if _, has := x.result[kw]; has && kw != "@included" && kw != "@type" {
		return fail("colliding keywords", "%s is there twice", kw)
	}
	switch kw {
	case "@id":
		return x.id(value)
	case "@type":
		return x.types(value)
	case "@value":
		return x.value(value)
	case "@graph":
		v, err := x.p.expand(position{c: x.c, property: "@graph"}, value)
		if err != nil {
			return err
		}
		x.result[kw] = list(v)
	case "@included":
		return x.included(value)
	case "@list":
		return x.list(value)
	case "@set":
		v, err := x.p.expand(position{c: x.c, property: x.property}, value)
		if err != nil {
			return err
		}
		x.result[kw] = v
	case "@reverse":
		return x.reversed(value)
	case "@language", "@direction", "@index":
		s, ok := value.(string)
		if !ok || kw == "@direction" && s != "ltr" && s != "rtl" {
			code := map[string]string{"@language": "invalid language-tagged string", "@direction": "invalid base direction", "@index": "invalid @index value"}[kw]
			return fail(code, "%v", value)
		}
		x.result[kw] = s
	default:
		return x.p.dropped("%s has no place here", kw)
	}
	return nil
}

func (x *expanding) id(value any) error {
	s, ok := value.(string)
	if !ok {
		return fail("invalid @id value", "%v", value)
	}
	iri, ok, err := x.c.iri(s, relative)
	if err != nil {
		return err
	}
	if !ok {
		x.result["@id"] = nil
		return x.p.dropped("%q is no identifier", s)
	}
	x.result["@id"] = iri
	return x.p.plainID(iri)
}

func (x *expanding) types(value any) error {
	var out []any
	_, isList := value.([]any)
	for _, v := range asList(value) {
		s, ok := v.(string)
		if !ok {
			return fail("invalid type value", "%v", v)
		}
		iri, ok, err := x.typeScope.iri(s, relative|vocab)
		if err != nil {
			return err
		}
		if !ok {
			if err := x.p.dropped("type %q", s); err != nil {
				return err
			}
			continue
		}
		if err := x.plainType(s, iri); err != nil {
			return err
		}
		out = append(out, iri)
	}
	old, has := x.result["@type"]
	switch {
	case has:
		x.result["@type"] = append(slices.Clone(asList(old)), out...)
	case isList || len(out) != 1:
		x.result["@type"] = append([]any{}, out...)
	default:
		x.result["@type"] = out[0]
	}
	return nil
}

func (x *expanding) value(value any) error {
	if x.inputType != "@json" {
		switch value.(type) {
		case map[string]any, []any:
			return fail("invalid value object value", "%v", value)
		}
	}
	x.result["@value"] = value
	return nil
}

func (x *expanding) included(value any) error {
	v, err := x.p.expand(position{c: x.c}, value)
	if err != nil {
		return err
	}
	for _, e := range list(v) {
		m, ok := e.(map[string]any)
		if !ok || isValueObject(e) || isList0(m) {
			return fail("invalid @included value", "%v", e)
		}
	}
	if v == nil {
		return fail("invalid @included value", "%v", value)
	}
	appendTo(x.result, "@included", list(v))
	return nil
}

func isList0(m map[string]any) bool { _, l := m["@list"]; _, s := m["@set"]; return l || s }

func (x *expanding) list(value any) error {
	if x.property == "" || x.property == "@graph" {
		return x.p.dropped("a list outside of any property")
	}
	v, err := x.p.expand(position{c: x.c, property: x.property}, value)
	if err != nil {
		return err
	}
	x.result["@list"] = list(v)
	return nil
}

// reversed expands @reverse (step 13.4.13).
func (x *expanding) reversed(value any) error {
	if _, ok := value.(map[string]any); !ok {
		return fail("invalid @reverse value", "%v", value)
	}
	v, err := x.p.expand(position{c: x.c, property: "@reverse"}, value)
	if err != nil {
		return err
	}
	m, _ := v.(map[string]any)
	if twice, ok := m["@reverse"].(map[string]any); ok {
		for _, k := range sortedKeys(twice) {
			appendTo(x.result, k, list(twice[k]))
		}
		m = without(m, "@reverse")
	}
	if len(m) == 0 {
		return nil
	}
	for _, k := range sortedKeys(m) {
		if err := x.addReverse(k, list(m[k])); err != nil {
			return err
		}
	}
	return nil
}

func (x *expanding) addReverse(iri string, items []any) error {
	rev, _ := x.result["@reverse"].(map[string]any)
	if rev == nil {
		rev = map[string]any{}
		x.result["@reverse"] = rev
	}
	for _, it := range items {
		if isValueObject(it) || isList(it) {
			return fail("invalid reverse property value", "%v", it)
		}
		appendTo(rev, iri, it)
	}
	return nil
}

// member expands the value of a property (step 13.5 onwards).
func (x *expanding) member(key, iri string, value any) error {
	t := x.c.terms[key]
	m, isMap := value.(map[string]any)
	var v any
	var err error
	switch {
	case t != nil && t.typ == "@json":
		v = map[string]any{"@value": value, "@type": "@json"}
	case isMap && t.has("@language"):
		v, err = x.languageMap(t, m)
	case isMap && (t.has("@index") || t.has("@type") || t.has("@id")):
		v, err = x.indexMap(key, t, m)
	default:
		v, err = x.p.expand(position{c: x.c, property: key}, value)
	}
	if err != nil {
		return err
	}
	if v == nil {
		return x.p.dropped("%q holds nothing", jsondoc.Clip(key))
	}
	if t.has("@list") && !isList(v) {
		v = map[string]any{"@list": list(v)}
	}
	if t.has("@graph") && !t.has("@id") && !t.has("@index") {
		var graphs []any
		for _, e := range list(v) {
			graphs = append(graphs, map[string]any{"@graph": list(e)})
		}
		v = append([]any{}, graphs...)
	}
	if t != nil && t.reverse {
		return x.addReverse(iri, list(v))
	}
	appendTo(x.result, iri, v)
	return nil
}
