package catalogue

import (
	"maps"
	"slices"
	"strings"
)

// Translation is a catalogue in another language: an overlay of texts, in a
// file of its own beside the catalogue's. What it does not say stays as the
// catalogue has it.
type Translation struct {
	Of           string                 `yaml:"catalogue"`
	Language     string                 `yaml:"language"`
	Name         string                 `yaml:"name"`
	Description  string                 `yaml:"description"`
	Quality      string                 `yaml:"quality"`
	Series       Ordered[string]        `yaml:"series"`
	Objectives   Ordered[string]        `yaml:"objectives"`
	Achievements Ordered[AchievementIn] `yaml:"achievements"`
	Paths        Ordered[PathIn]        `yaml:"paths"`
	Roles        Ordered[RoleIn]        `yaml:"roles"`

	file File
}

// AchievementIn are the texts of an achievement in another language.
type AchievementIn struct {
	Name        string          `yaml:"name"`
	Description string          `yaml:"description"`
	Criteria    Ordered[string] `yaml:"criteria"`
	Levels      Ordered[string] `yaml:"levels"`
}

// PathIn is the text of a path in another language.
type PathIn struct {
	Name string `yaml:"name"`
}

// RoleIn are the texts of a role in another language.
type RoleIn struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

// Source returns the bytes that the translation was read from.
func (t *Translation) Source() []byte { return t.file.Raw }

// Translations are the catalogue's overlays, in the order of their languages.
func (c *Catalogue) Translations() []*Translation { return c.original().translations }

// Files are the files of the translations, in the order of their languages.
func (c *Catalogue) Files() []File {
	var out []File
	for _, t := range c.Translations() {
		out = append(out, t.file)
	}
	return out
}

// Same reports whether two catalogues were read from the same bytes,
// translations too.
func (c *Catalogue) Same(other *Catalogue) bool {
	digests := func(c *Catalogue) map[string]string {
		out := map[string]string{"": string(c.Source())}
		for _, t := range c.Translations() {
			out[t.Language] = string(t.file.Raw)
		}
		return out
	}
	return maps.Equal(digests(c), digests(other))
}

// original is the catalogue that this one is a translation of, else itself.
func (c *Catalogue) original() *Catalogue {
	if c.of != nil {
		return c.of
	}
	return c
}

// In returns the catalogue in a language: its texts are those of that
// translation, and the ids of what it translates are those of the translated
// achievements. The language of the catalogue, and none, give the catalogue
// itself. Letters of any case are the same language (BCP 47 §2.1.1).
func (c *Catalogue) In(language string) (*Catalogue, bool) {
	c = c.original()
	if language == "" || strings.EqualFold(language, c.Language) {
		return c, true
	}
	for _, t := range c.translations {
		if strings.EqualFold(language, t.Language) {
			return c.translated(t), true
		}
	}
	return nil, false
}

// Languages are those in which badges of an achievement are given, the
// catalogue's own first; for "" those of the catalogue. One that says none has
// none.
func (c *Catalogue) Languages(slug string) (out []string) {
	c = c.original()
	if c.Language != "" {
		out = append(out, c.Language)
	}
	for _, t := range c.translations {
		if _, ok := t.Achievements.Get(slug); ok || slug == "" {
			out = append(out, t.Language)
		}
	}
	return out
}

// Given returns the catalogue in a language in which badges of an achievement
// are given, "" for its own.
func (c *Catalogue) Given(slug, language string) (*Catalogue, bool) {
	in, ok := c.In(language)
	return in, ok && (in.of == nil || in.speaks(slug))
}

// Translated returns the language of a translation, "" for the catalogue itself.
func (c *Catalogue) Translated() string {
	if c.of == nil {
		return ""
	}
	return c.Language
}

// speaks reports whether this is a translation that has the achievement.
func (c *Catalogue) speaks(slug string) bool {
	if c.of == nil {
		return false
	}
	_, ok := c.in.Achievements.Get(slug)
	return ok
}

// translated returns the catalogue with the texts of a translation in place of
// its own.
func (c *Catalogue) translated(t *Translation) *Catalogue {
	out := *c
	out.of, out.in, out.Language = c, t, t.Language
	out.Name, out.Description, out.Quality = or(t.Name, c.Name), or(t.Description, c.Description), or(t.Quality, c.Quality)
	out.Series = slices.Clone(c.Series)
	for i, s := range c.Series {
		name, _ := t.Series.Get(s.ID)
		out.Series[i].Name = or(name, s.Name)
	}
	out.Objectives = put(c.Objectives, t.Objectives, func(o *Objective, text string) { o.Text = or(text, o.Text) })
	out.Achievements = put(c.Achievements, t.Achievements, func(a *Achievement, in AchievementIn) {
		a.Name, a.Description = or(in.Name, a.Name), or(in.Description, a.Description)
		same := func(s *string, text string) { *s = or(text, *s) }
		a.Criteria, a.Levels = put(a.Criteria, in.Criteria, same), put(a.Levels, in.Levels, same)
	})
	out.Paths = put(c.Paths, t.Paths, func(p *Path, in PathIn) { p.Name = or(in.Name, p.Name) })
	out.Roles = put(c.Roles, t.Roles, func(r *Role, in RoleIn) {
		r.Name, r.Description = or(in.Name, r.Name), or(in.Description, r.Description)
	})
	return &out
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// put returns a copy of the entries of a catalogue with what a translation has
// of each put into it.
func put[T, In any](entries Ordered[T], in Ordered[In], into func(*T, In)) Ordered[T] {
	out := slices.Clone(entries)
	for i := range out {
		if text, ok := in.Get(out[i].Key); ok {
			into(&out[i].Value, text)
		}
	}
	return out
}

// translationsOf names, in an achievement, the same in other languages: in the
// original every translation, in a translation the original (Open Badges 3.0,
// Related).
func (c *Catalogue) translationsOf(is Issuer, slug string) (out []related) {
	name := func(c *Catalogue) {
		out = append(out, related{c.ID(is, slug), []string{"Related"}, c.Language, c.Version})
	}
	if c.of != nil {
		name(c.of)
		return out
	}
	for _, t := range c.translations {
		if x := c.translated(t); x.speaks(slug) {
			name(x)
		}
	}
	return out
}
