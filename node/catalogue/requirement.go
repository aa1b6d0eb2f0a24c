package catalogue

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/did/web"
)

// Requirement is a requirement as a catalogue writes it, and its line.
type Requirement struct {
	requirement.Requirement
	Line int
}

// UnmarshalYAML reads a slug, or a mapping with exactly one of badge, all, any
// and of.
func (r *Requirement) UnmarshalYAML(n *yaml.Node) error {
	got, err := readRequirement(n)
	if err != nil {
		return err
	}
	if err := got.Check(); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*r = Requirement{got, n.Line}
	return nil
}

// part is a requirement within another.
type part struct{ requirement.Requirement }

func (p *part) UnmarshalYAML(n *yaml.Node) (err error) {
	p.Requirement, err = readRequirement(n)
	return err
}

func readRequirement(n *yaml.Node) (r requirement.Requirement, err error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return requirement.Requirement{Badge: n.Value}, nil
	case yaml.SequenceNode:
		return r, fmt.Errorf("line %d: a list does not say whether all of it is required; write {all: [...]} or {any: [...]}", n.Line)
	}
	var m struct {
		Badge  string `yaml:"badge"`
		Level  int    `yaml:"level"`
		Within string `yaml:"within"`
		All    []part `yaml:"all"`
		Any    []part `yaml:"any"`
		N      int    `yaml:"n"`
		Of     []part `yaml:"of"`
	}
	if err := strictly(n, &m); err != nil {
		return r, err
	}
	inner := func(parts []part) []requirement.Requirement {
		if parts == nil {
			return nil
		}
		out := make([]requirement.Requirement, len(parts))
		for i, p := range parts {
			out[i] = p.Requirement
		}
		return out
	}
	return requirement.Requirement{Badge: m.Badge, Level: m.Level, Within: m.Within, All: inner(m.All), Any: inner(m.Any), N: m.N, Of: inner(m.Of)}, nil
}

// Badges returns every badge that the requirement names; nothing for none.
func (r *Requirement) Badges() []string {
	if r == nil {
		return nil
	}
	return r.Requirement.Badges()
}

func (r *Requirement) inner() *requirement.Requirement {
	if r == nil {
		return nil
	}
	return &r.Requirement
}

// Compile returns the path as it is evaluated.
func (p Path) Compile() requirement.Path {
	out := requirement.Path{Goal: p.Goal.inner(), Enforce: p.Order == "enforce"}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, requirement.Step{Badge: s.Key, After: s.Value.After.inner(), Optional: s.Value.Optional})
	}
	return out
}

// Names tells what the slugs of a catalogue stand for: its own achievements,
// issued by who publishes it, what took the place of those that are given no
// more, and what the steps of its paths accept of other partners, issued by
// them.
func (c *Catalogue) Names(is Issuer) requirement.Names {
	c = c.original() // a translation counts as that
	return func(badge string) (requirement.Wanted, bool) {
		a, ok := c.Find(badge)
		if !ok {
			return requirement.Wanted{}, false
		}
		w := requirement.Wanted{Achievement: c.ID(is, badge), Issuers: []string{is.ID}, Retired: a.Retired}
		for _, next := range c.successors(badge) {
			w.Equivalents = append(w.Equivalents, requirement.Equivalent{Achievement: c.ID(is, next), Issuer: is.ID, Why: "took the place of " + badge})
			w.Instead = next
		}
		for _, p := range c.Paths {
			step, _ := p.Value.Steps.Get(badge)
			for _, id := range step.Accept {
				if issuer, err := publisher(id); err == nil {
					w.Equivalents = append(w.Equivalents, requirement.Equivalent{Achievement: id, Issuer: issuer, Why: "accepted by " + is.Name})
				}
			}
		}
		return w, true
	}
}

// successors returns what took the place of an achievement, the newest last.
func (c *Catalogue) successors(slug string) (out []string) {
	for {
		a, _ := c.Find(slug)
		if slug = a.ReplacedBy; slug == "" || slices.Contains(out, slug) {
			return out
		}
		out = append(out, slug)
	}
}

// publisher returns the did:web of the node at whose address an achievement
// is: base, catalogue, a, slug.
func publisher(achievement string) (string, error) {
	m := achievementAddress.FindStringSubmatch(achievement)
	if m == nil {
		return "", fmt.Errorf("%q is no address of an achievement, such as https://birch.example/design/a/badge-maker", achievement)
	}
	d, err := web.New(m[1])
	return d.String(), err
}

var achievementAddress = regexp.MustCompile(`^(https?://.+)/[a-z0-9-]+/a/[a-z0-9-]+$`)
