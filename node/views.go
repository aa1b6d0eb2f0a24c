package node

import (
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/catalogue"
)

// catalogueView is a catalogue as its page and its JSON show it.
type catalogueView struct {
	Slug        string      `json:"catalogue"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Version     string      `json:"version"`
	License     string      `json:"license,omitempty"`
	Issuer      string      `json:"issuer"`
	Badges      []badgeView `json:"achievements"`
	Paths       []pathView  `json:"-"`
}

// pathView is the drawing of a path on a page, with what it shows in words.
type pathView struct {
	Name, Src, Alt string
}

type badgeView struct {
	ID          string   `json:"id"`
	Slug        string   `json:"slug"`
	Href        string   `json:"-"`
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Description string   `json:"description"`
	Criteria    []string `json:"-"`
	Outcomes    []string `json:"-"`
	Facts       []fact   `json:"-"`
	// Language is that of its texts; Languages are all in which it is given,
	// where there are several.
	Language  string         `json:"language,omitempty"`
	Languages []languageView `json:"-"`
}

// languageView is a badge in another language, as a page links it.
type languageView struct {
	Language, ID, Href, Name string
	Here                     bool
}

type fact struct{ Name, Value string }

func (n *Node) issuer() catalogue.Issuer {
	return catalogue.Issuer{ID: n.id.String(), Name: n.set.Name, Base: n.set.Base}
}

func (n *Node) catalogue(slug string) *catalogue.Catalogue {
	for _, c := range n.catalogues() {
		if c.Slug == slug {
			return c
		}
	}
	return nil
}

// view lists a catalogue's badges, of one kind or of all.
func (n *Node) view(c *catalogue.Catalogue, kind string) catalogueView {
	v := catalogueView{Slug: c.Slug, Name: c.Name, Description: c.Description, Version: c.Version, License: c.License, Issuer: n.id.String(), Badges: []badgeView{}}
	for slug, a := range c.Achievements.All() {
		if kind == "" || a.Kind == kind {
			v.Badges = append(v.Badges, n.badge(c, slug, a))
		}
	}
	for slug, p := range c.Paths.All() {
		v.Paths = append(v.Paths, pathView{Name: p.Name, Src: n.root() + "/" + c.Slug + "/p/" + slug + ".svg", Alt: drawPath(c, p).Describe()})
	}
	return v
}

// href is the address of an achievement of this node on its own pages.
func (n *Node) href(id string) string { return n.root() + strings.TrimPrefix(id, n.set.Base) }

// languages are a badge in each language in which it is given; none where there
// is but one.
func (n *Node) languages(c *catalogue.Catalogue, slug string) (out []languageView) {
	all := c.Languages(slug)
	if len(all) < 2 {
		return nil
	}
	for _, l := range all {
		in, _ := c.In(l)
		a, _ := in.Find(slug)
		id := in.ID(n.issuer(), slug)
		out = append(out, languageView{Language: l, ID: id, Href: n.href(id), Name: a.Name, Here: l == c.Language})
	}
	return out
}

func (n *Node) badge(c *catalogue.Catalogue, slug string, a catalogue.Achievement) badgeView {
	v := badgeView{ID: c.ID(n.issuer(), slug), Slug: slug, Name: a.Name, Kind: a.Kind, Description: a.Description, Language: c.Language}
	v.Href, v.Languages = n.href(v.ID), n.languages(c, slug)
	for _, text := range a.Criteria.All() {
		v.Criteria = append(v.Criteria, text)
	}
	for _, o := range a.Outcomes {
		obj, _ := c.Objectives.Get(o)
		v.Outcomes = append(v.Outcomes, obj.Text)
	}
	add := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, fact{name, value})
		}
	}
	add("Kind", a.Kind)
	if a.EQF > 0 {
		add("EQF level", fmt.Sprint(a.EQF))
	}
	if a.Credits != nil {
		add("Credits", fmt.Sprintf("%g %s", a.Credits.Points, strings.ToUpper(a.Credits.System)))
	}
	if p, err := requirement.ParsePeriod(a.Workload); err == nil {
		add("Workload", p.Words())
	}
	add("Assessment", a.Assessment)
	add("Setting", a.Setting)
	add("Form", a.Mode)
	if p, err := requirement.ParsePeriod(a.Valid); err == nil {
		add("Valid for", p.Words())
	}
	add("Issued by", n.set.Name)
	return v
}
