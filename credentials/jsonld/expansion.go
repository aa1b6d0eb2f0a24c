package jsonld

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// position is where an element stands while it is expanded (§5.1.2). property
// is "" at the top.
type position struct {
	c        *activeContext
	property string
	fromMap  bool
}

// dropped is what expansion does with content that has no meaning: an error
// in safe mode, silence otherwise.
func (p *processor) dropped(format string, args ...any) error {
	if !p.safe {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUndefinedTerm, fmt.Sprintf(format, args...))
}

func (c *activeContext) iri(s string, m mode) (string, bool, error) {
	return (&definer{c: c}).iri(s, m)
}

// keyword returns the keyword that a key stands for, "" when for none.
func (c *activeContext) keyword(key string) string {
	if keywords[key] {
		return key
	}
	if t, ok := c.terms[key]; ok && keywords[t.iri] {
		return t.iri
	}
	return ""
}

// expand is the Expansion Algorithm (§5.1.2).
func (p *processor) expand(at position, element any) (any, error) {
	switch e := element.(type) {
	case nil:
		return nil, nil
	case []any:
		return p.array(at, e)
	case map[string]any:
		return p.object(at, e)
	}
	if at.property == "" || at.property == "@graph" {
		return nil, p.dropped("a value outside of any node: %v", element)
	}
	c := at.c
	if t := c.terms[at.property]; t != nil && t.hasContext {
		var err error
		if c, err = p.scoped(c, t, true); err != nil {
			return nil, err
		}
	}
	return p.valueOf(c, at.property, element)
}

func (p *processor) array(at position, items []any) (any, error) {
	out := make([]any, 0, len(items))
	list := at.c.terms[at.property].has("@list")
	for _, it := range items {
		v, err := p.expand(at, it)
		if err != nil {
			return nil, err
		}
		l, isList := v.([]any)
		switch {
		case list && isList:
			out = append(out, map[string]any{"@list": l})
		case isList:
			out = append(out, l...)
		case v != nil:
			out = append(out, v)
		}
	}
	return out, nil
}

// object expands a node, value, list or set object.
func (p *processor) object(at position, e map[string]any) (any, error) {
	c, err := p.enter(at, e)
	if err != nil {
		return nil, err
	}
	typeScope := c
	if c, err = p.typed(c, e); err != nil {
		return nil, err
	}
	x := &expanding{p: p, c: c, typeScope: typeScope, property: at.property, result: make(map[string]any, len(e))}
	if x.inputType, err = inputType(c, e); err != nil {
		return nil, err
	}
	if err := x.members(e); err != nil {
		return nil, err
	}
	if _, isValue := x.result["@value"]; isValue {
		if err := x.plainValue(at.c.terms[at.property]); err != nil {
			return nil, err
		}
	}
	if p.unnamed != nil && x.isUnnamed() {
		p.unnamed(e)
	}
	return x.finish(at.property)
}

func (x *expanding) isUnnamed() bool {
	for _, k := range []string{"@id", "@value", "@list", "@set"} {
		if _, has := x.result[k]; has {
			return false
		}
	}
	return true
}

// enter finds the context in which an object's keys are read: type-scoped
// contexts end here, property-scoped and own ones begin.
func (p *processor) enter(at position, e map[string]any) (*activeContext, error) {
	c := at.c
	t := c.terms[at.property]
	if c.previous != nil && !at.fromMap && !stays(c, e) {
		c = c.previous
	}
	var err error
	if t != nil && t.hasContext {
		if c, err = p.scoped(c, t, true); err != nil {
			return nil, err
		}
	}
	if local, has := e["@context"]; has {
		if c, err = p.with(c, local); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// stays reports whether a type-scoped context goes on holding: for values and
// for mere references.
func stays(c *activeContext, e map[string]any) bool {
	for k := range e {
		kw := c.keyword(k)
		if kw == "@value" || kw == "@id" && len(e) == 1 {
			return true
		}
	}
	return false
}

// typed applies the contexts of the types of an object, in the order of their
// names.
func (p *processor) typed(c *activeContext, e map[string]any) (*activeContext, error) {
	scope := c
	for _, key := range sortedKeys(e) {
		if scope.keyword(key) != "@type" {
			continue
		}
		var names []string
		for _, t := range asList(e[key]) {
			if s, ok := t.(string); ok {
				names = append(names, s)
			}
		}
		slices.Sort(names)
		for _, n := range names {
			if t := scope.terms[n]; t != nil && t.hasContext {
				var err error
				if c, err = p.scoped(c, t, false); err != nil {
					return nil, err
				}
			}
		}
	}
	return c, nil
}

func inputType(c *activeContext, e map[string]any) (string, error) {
	for _, key := range sortedKeys(e) {
		if c.keyword(key) != "@type" {
			continue
		}
		l := asList(e[key])
		if len(l) == 0 {
			return "", nil
		}
		s, ok := l[len(l)-1].(string)
		if !ok {
			return "", nil
		}
		iri, _, err := c.iri(s, vocab)
		return iri, err
	}
	return "", nil
}

// valueOf is the Value Expansion algorithm (§5.3.2).
func (p *processor) valueOf(c *activeContext, property string, value any) (map[string]any, error) {
	t := c.terms[property]
	s, isText := value.(string)
	typ := ""
	if t != nil {
		typ = t.typ
	}
	if isText && (typ == "@id" || typ == "@vocab") {
		m := relative
		if typ == "@vocab" {
			m |= vocab
		}
		iri, ok, err := c.iri(s, m)
		if err != nil {
			return nil, err
		}
		if !ok {
			return map[string]any{"@id": nil}, p.dropped("%q is no identifier", s)
		}
		return map[string]any{"@id": iri}, p.plainID(iri)
	}
	out := map[string]any{"@value": value}
	switch {
	case typ != "" && typ != "@id" && typ != "@vocab" && typ != "@none":
		out["@type"] = typ
	case isText:
		lang, dir := c.language, c.direction
		if t != nil && t.hasLanguage {
			lang = t.language
		}
		if t != nil && t.hasDirection {
			dir = t.direction
		}
		if lang != "" {
			out["@language"] = lang
		}
		if dir != "" {
			out["@direction"] = dir
		}
	}
	return out, nil
}

// finish checks what an object became (§5.1.2, steps 15 to 20).
func (x *expanding) finish(property string) (any, error) {
	r := x.result
	_, isValue := r["@value"]
	set, isSet := r["@set"]
	_, isList := r["@list"]
	switch {
	case isValue:
		null, err := checkValue(r)
		if err != nil {
			return nil, err
		}
		if null {
			return nil, x.p.dropped("%s: a value of null", property)
		}
	case r["@type"] != nil:
		r["@type"] = asList(r["@type"])
	}
	if isSet || isList {
		for k := range r {
			if k != "@set" && k != "@list" && k != "@index" || isSet && isList {
				return nil, fail("invalid set or list object", "%s", k)
			}
		}
		if isSet {
			return x.top(property, set)
		}
	}
	if _, has := r["@language"]; has && len(r) == 1 {
		return nil, x.p.dropped("%s: a language without text", property)
	}
	return x.top(property, r)
}

// top drops what is no node from the top level.
func (x *expanding) top(property string, v any) (any, error) {
	r, isMap := v.(map[string]any)
	if property != "" && property != "@graph" || !isMap {
		return v, nil
	}
	_, isValue := r["@value"]
	_, isList := r["@list"]
	_, isID := r["@id"]
	if len(r) == 0 || isValue || isList || isID && len(r) == 1 {
		return nil, x.p.dropped("a node that says nothing")
	}
	return r, nil
}

func checkValue(r map[string]any) (null bool, err error) {
	_, hasType := r["@type"]
	_, hasLang := r["@language"]
	_, hasDir := r["@direction"]
	for k := range r {
		if !slices.Contains([]string{"@value", "@type", "@language", "@direction", "@index"}, k) {
			return false, fail("invalid value object", "it has %s", k)
		}
	}
	if hasType && (hasLang || hasDir) {
		return false, fail("invalid value object", "type beside language or direction")
	}
	v := r["@value"]
	typ, _ := r["@type"].(string)
	if l, ok := r["@type"].([]any); ok && len(l) == 1 {
		typ, _ = l[0].(string)
		r["@type"] = typ
	}
	switch {
	case typ == "@json":
		return false, nil
	case v == nil:
		return true, nil
	case hasLang:
		if _, ok := v.(string); !ok {
			return false, fail("invalid language-tagged value", "%v", v)
		}
	case hasType && (!isAbsolute(typ) || strings.ContainsAny(typ, " \t\n<>\"{}|\\^`")):
		return false, fail("invalid typed value", "%v", r["@type"])
	}
	return false, nil
}

// document expands a whole document (§9.1, expand).
func (p *processor) document(c *activeContext, doc any) ([]any, error) {
	v, err := p.expand(position{c: c}, doc)
	if err != nil {
		return nil, err
	}
	if m, ok := v.(map[string]any); ok {
		if g, has := m["@graph"]; has && len(m) == 1 {
			v = g
		}
	}
	if v == nil {
		return []any{}, nil
	}
	if p.safe {
		if err := plainTop(asList(v)); err != nil {
			return nil, err
		}
	}
	return asList(v), nil
}

func appendTo(m map[string]any, key string, v any) {
	all, _ := m[key].([]any)
	if l, ok := v.([]any); ok {
		all = append(slices.Clip(all), l...)
	} else {
		all = append(slices.Clip(all), v)
	}
	if all == nil {
		all = []any{}
	}
	m[key] = all
}

func isGraph(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if _, has := m["@graph"]; !has {
		return false
	}
	for k := range m {
		if k != "@graph" && k != "@id" && k != "@index" && k != "@context" {
			return false
		}
	}
	return true
}

func isList(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	_, has := m["@list"]
	return has
}

func isValueObject(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	_, has := m["@value"]
	return has
}

func without(m map[string]any, key string) map[string]any {
	out := maps.Clone(m)
	delete(out, key)
	return out
}
