package jsonld

import "slices"

// languageMap expands a map from language to texts (step 13.7).
func (x *expanding) languageMap(t *term, m map[string]any) (any, error) {
	dir := x.c.direction
	if t.hasDirection {
		dir = t.direction
	}
	out := []any{}
	for _, lang := range sortedKeys(m) {
		for _, item := range asList(m[lang]) {
			if item == nil {
				continue
			}
			s, ok := item.(string)
			if !ok {
				return nil, fail("invalid language map value", "%v", item)
			}
			v := map[string]any{"@value": s}
			iri, _, err := x.c.iri(lang, vocab)
			if err != nil {
				return nil, err
			}
			if lang != "@none" && iri != "@none" {
				v["@language"] = lang
			}
			if dir != "" {
				v["@direction"] = dir
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// indexMap expands a map by index, id or type (step 13.8).
func (x *expanding) indexMap(key string, t *term, m map[string]any) (any, error) {
	out := []any{}
	for _, index := range sortedKeys(m) {
		c := x.c
		if (t.has("@id") || t.has("@type")) && c.previous != nil {
			c = c.previous
		}
		if it := c.terms[index]; t.has("@type") && it != nil && it.hasContext {
			var err error
			if c, err = x.p.scoped(c, it, false); err != nil {
				return nil, err
			}
		} else if !t.has("@type") {
			if t.has("@index") {
				c = x.c
			}
		}
		expanded, _, err := x.c.iri(index, vocab)
		if err != nil {
			return nil, err
		}
		v, err := x.p.expand(position{c: c, property: key, fromMap: true}, asList(m[index]))
		if err != nil {
			return nil, err
		}
		for _, item := range list(v) {
			if item, err = x.indexed(t, index, expanded, item); err != nil {
				return nil, err
			}
			out = append(out, item)
		}
	}
	return out, nil
}

// indexed puts the key of a map into one of its values.
func (x *expanding) indexed(t *term, index, expanded string, item any) (any, error) {
	if t.has("@graph") && !isGraph(item) {
		item = map[string]any{"@graph": list(item)}
	}
	m, ok := item.(map[string]any)
	if !ok || expanded == "@none" {
		return item, nil
	}
	switch {
	case t.has("@index") && t.index != "" && t.index != "@index":
		v, err := x.p.valueOf(x.c, t.index, index)
		if err != nil {
			return nil, err
		}
		property, _, err := x.c.iri(t.index, vocab)
		if err != nil {
			return nil, err
		}
		m[property] = append([]any{v}, list(m[property])...)
		if isValueObject(m) {
			return nil, fail("invalid value object", "an index property on a value")
		}
	case t.has("@index"):
		if _, has := m["@index"]; !has {
			m["@index"] = index
		}
	case t.has("@id"):
		if _, has := m["@id"]; !has {
			iri, _, err := x.c.iri(index, relative)
			if err != nil {
				return nil, err
			}
			m["@id"] = iri
		}
	case t.has("@type"):
		m["@type"] = slices.Insert(slices.Clone(list(m["@type"])), 0, any(expanded))
	}
	return m, nil
}
