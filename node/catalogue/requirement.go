package catalogue

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Requirement is the one expression of the learning side: a badge (at a
// level, within a time), all, any, or n of several (DOMAIN.md §3).
type Requirement struct {
	Badge  string
	Level  int
	Within string
	All    []Requirement
	Any    []Requirement
	N      int
	Of     []Requirement
	Line   int
}

// UnmarshalYAML reads a slug or a mapping with exactly one of badge, all, any
// and of.
func (r *Requirement) UnmarshalYAML(n *yaml.Node) error {
	r.Line = n.Line
	if n.Kind == yaml.ScalarNode {
		r.Badge = n.Value
		return nil
	}
	var m struct {
		Badge  string        `yaml:"badge"`
		Level  int           `yaml:"level"`
		Within string        `yaml:"within"`
		All    []Requirement `yaml:"all"`
		Any    []Requirement `yaml:"any"`
		N      int           `yaml:"n"`
		Of     []Requirement `yaml:"of"`
	}
	if err := strictly(n, &m); err != nil {
		return err
	}
	*r = Requirement{m.Badge, m.Level, m.Within, m.All, m.Any, m.N, m.Of, n.Line}
	forms := 0
	for _, has := range []bool{m.Badge != "", m.All != nil, m.Any != nil, m.Of != nil} {
		if has {
			forms++
		}
	}
	if forms != 1 {
		return fmt.Errorf("line %d: a requirement is a badge, or exactly one of badge, all, any, and n with of", n.Line)
	}
	if m.Of != nil && (m.N < 1 || m.N > len(m.Of)) {
		return fmt.Errorf("line %d: n must be 1 to %d, the length of of", n.Line, len(m.Of))
	}
	return nil
}

// Badges returns every badge that the requirement names, in order.
func (r *Requirement) Badges() []string {
	if r == nil {
		return nil
	}
	if r.Badge != "" {
		return []string{r.Badge}
	}
	var out []string
	for _, part := range [][]Requirement{r.All, r.Any, r.Of} {
		for i := range part {
			out = append(out, part[i].Badges()...)
		}
	}
	return out
}

// String writes the requirement as people read it.
func (r *Requirement) String() string {
	join := func(rs []Requirement, sep string) string {
		var parts []string
		for i := range rs {
			parts = append(parts, rs[i].String())
		}
		return strings.Join(parts, sep)
	}
	switch {
	case r == nil:
		return "nothing"
	case r.Badge != "" && r.Level > 0:
		return fmt.Sprintf("%s@%d", r.Badge, r.Level)
	case r.Badge != "":
		return r.Badge
	case r.All != nil:
		return "(" + join(r.All, " and ") + ")"
	case r.Any != nil:
		return "1 of (" + join(r.Any, " | ") + ")"
	}
	return fmt.Sprintf("%d of (%s)", r.N, join(r.Of, " | "))
}
