package catalogue

import (
	"fmt"
	"strings"
)

// lintTranslation returns every finding about a translation: mistakes, and as
// warnings what it leaves untranslated.
func (c *Catalogue) lintTranslation(t *Translation) []Problem {
	l := &linter{c: c}
	l.translationHead(t)
	whole := []string{}
	for _, text := range []struct{ name, of, in string }{{"name", c.Name, t.Name}, {"description", c.Description, t.Description}, {"quality", c.Quality, t.Quality}} {
		if text.of != "" && text.in == "" {
			whole = append(whole, text.name)
		}
	}
	l.untranslated(1, t, "the catalogue", whole)
	entries(l, t, "series", named(c.Series), t.Series, func(s Series, in string) []text { return []text{{"name", s.Name, in}} })
	entries(l, t, "objective", c.Objectives, t.Objectives, func(o Objective, in string) []text { return []text{{"text", o.Text, in}} })
	entries(l, t, "achievement", c.Achievements, t.Achievements, func(a Achievement, in AchievementIn) []text {
		out := []text{{"name", a.Name, in.Name}, {"description", a.Description, in.Description}}
		return append(append(out, pairsOf("criterion", a.Criteria, in.Criteria)...), pairsOf("level", a.Levels, in.Levels)...)
	})
	for _, n := range t.Achievements {
		if a, ok := c.Find(n.Key); ok {
			l.unknown(n.Key, "criterion", a.Criteria, n.Value.Criteria)
			l.unknown(n.Key, "level", a.Levels, n.Value.Levels)
		}
	}
	entries(l, t, "path", c.Paths, t.Paths, func(p Path, in PathIn) []text { return []text{{"name", p.Name, in.Name}} })
	entries(l, t, "role", c.Roles, t.Roles, func(r Role, in RoleIn) []text {
		return []text{{"name", r.Name, in.Name}, {"description", r.Description, in.Description}}
	})
	return l.out
}

// text is one text of a catalogue, and what a translation has for it.
type text struct{ name, of, in string }

func pairsOf(what string, of, in Ordered[string]) (out []text) {
	for key, s := range of.All() {
		translated, _ := in.Get(key)
		out = append(out, text{what + " " + key, s, translated})
	}
	return out
}

func (l *linter) translationHead(t *Translation) {
	c, named := l.c, t.file.language()
	if t.Of != c.Slug {
		l.err(1, "write catalogue: "+c.Slug+", or name the file after its own catalogue", "this is a translation of the catalogue %q, and lies beside %s", t.Of, c.Slug)
	}
	switch {
	case !language.MatchString(t.Language):
		l.err(1, "write language: fr, or language: pt-BR, or rename the file if it is no translation", "language %q is no code of a language", t.Language)
	case t.Language != named:
		l.err(1, "make them the same", "the file says language: %s, and its name says %s", t.Language, named)
	case c.Language == "":
		l.err(1, "add language: en to the catalogue", "the catalogue does not say which language is its own")
	case strings.EqualFold(t.Language, c.Language):
		l.err(1, "put the texts into the catalogue itself", "%s is the language of the catalogue", t.Language)
	}
	for _, o := range c.translations {
		if strings.EqualFold(o.Language, t.Language) {
			l.err(1, "keep one of the two", "%s is a translation into %s already", o.file.Name, o.Language)
		}
	}
}

// entries holds the entries of a part of a translation to those of the
// catalogue.
func entries[T, In any](l *linter, t *Translation, what string, of Ordered[T], in Ordered[In], texts func(T, In) []text) {
	for _, n := range in {
		if _, ok := of.Get(n.Key); !ok {
			l.err(n.Line, "correct its spelling or remove it", "the catalogue has no %s %s", what, n.Key)
		}
	}
	for _, n := range of {
		var here In
		line := 1
		for _, m := range in {
			if m.Key == n.Key {
				here, line = m.Value, m.Line
			}
		}
		all := texts(n.Value, here)
		var missing []string
		for _, x := range all {
			if x.of != "" && x.in == "" {
				missing = append(missing, x.name)
			}
		}
		_, told := in.Get(n.Key)
		switch {
		case told && len(missing) == len(all) && what == "achievement":
			l.err(line, "add its name, description and criteria, or remove it", "achievement %s stands here, and nothing of it is translated", n.Key)
		case !told && what == "achievement":
			l.warn(line, "add it, or accept that", "achievement %s is not translated: its badges are not given in %s", n.Key, t.Language)
		default:
			l.untranslated(line, t, what+" "+n.Key, missing)
		}
	}
}

func (l *linter) untranslated(line int, t *Translation, of string, missing []string) {
	if len(missing) > 0 {
		l.warn(line, "translate it, or accept that", "%s of %s is not translated into %s, and stays as it is", strings.Join(missing, ", "), of, t.Language)
	}
}

// unknown refuses texts of an achievement for what it does not have.
func (l *linter) unknown(slug, what string, of, in Ordered[string]) {
	for _, n := range in {
		if _, ok := of.Get(n.Key); !ok {
			l.err(n.Line, fmt.Sprintf("correct its spelling or remove it; it has %s", strings.Join(keys(of), ", ")), "achievement %s has no %s %s", slug, what, n.Key)
		}
	}
}

func keys(o Ordered[string]) []string {
	out := []string{}
	for k := range o.All() {
		out = append(out, k)
	}
	if len(out) == 0 {
		return []string{"none"}
	}
	return out
}
