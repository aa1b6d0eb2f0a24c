// Package drawing draws a learning path: as SVG and as text, in layers of what
// comes before what. The same path gives the same bytes. Everything that a
// colour tells is told by a shape and a word too, and a drawing holds no
// script, no style sheet and nothing from elsewhere.
package drawing

import (
	"slices"
	"strings"
	"unicode"

	"github.com/trust-me/trustme/credentials/requirement"
)

// Path is a path to be drawn.
type Path struct {
	Title string
	// Summary says in a line where somebody stands with it, or how many do.
	Summary string
	Steps   []Step
	Goal    *requirement.Requirement
}

// Step is one badge of a path.
type Step struct {
	Badge, Name string
	After       *requirement.Requirement
	Optional    bool
	// State is where a learner stands; empty for a drawing of the path itself.
	State requirement.StepState
	// Note is what else is known of it, such as how many satisfied it.
	Note string
}

// Of is the drawing of a path with the names of its badges.
func Of(title string, p requirement.Path, name func(badge string) string) Path {
	out := Path{Title: title, Goal: p.Goal}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, Step{Badge: s.Badge, Name: name(s.Badge), After: s.After, Optional: s.Optional})
	}
	return out
}

// Mark adds where a learner stands with each step.
func (p Path) Mark(progress requirement.Progress) Path {
	p.Steps = slices.Clone(p.Steps)
	for i := range p.Steps {
		for _, s := range progress.Steps {
			if s.Badge == p.Steps[i].Badge {
				p.Steps[i].State = s.State
				if len(s.Missing) > 0 {
					p.Steps[i].Note = "needs " + strings.Join(s.Missing, ", ")
				}
			}
		}
	}
	return p
}

// edge leads from a step to one that comes after it. Either says that it is
// one of several ways.
type edge struct {
	from, to int
	either   bool
	level    int
}

// edges are what the prerequisites of all steps come to. What is no step of
// the path leads nowhere.
func (p Path) edges() (out []edge) {
	index := map[string]int{}
	for i, s := range p.Steps {
		index[s.Badge] = i
	}
	for to, s := range p.Steps {
		if s.After == nil {
			continue
		}
		var walk func(r requirement.Requirement, either bool)
		walk = func(r requirement.Requirement, either bool) {
			if from, ok := index[r.Badge]; ok && r.Badge != "" && from != to {
				out = append(out, edge{from, to, either, r.Level})
			}
			for _, part := range r.All {
				walk(part, either)
			}
			for _, part := range r.Any {
				walk(part, either || len(r.Any) > 1)
			}
			for _, part := range r.Of {
				walk(part, either || r.N < len(r.Of))
			}
		}
		walk(*s.After, false)
	}
	return out
}

// layers gives each step the layer after the last of what comes before it, the
// first being 0.
func (p Path) layers(edges []edge) []int {
	before := make([][]int, len(p.Steps))
	for _, e := range edges {
		before[e.to] = append(before[e.to], e.from)
	}
	const unknown, visiting = -1, -2
	layer := slices.Repeat([]int{unknown}, len(p.Steps))
	var find func(int) int
	find = func(i int) int {
		switch layer[i] {
		case visiting: // a circle, which a catalogue cannot have
			return 0
		case unknown:
			layer[i] = visiting
			at := 0
			for _, b := range before[i] {
				at = max(at, find(b)+1)
			}
			layer[i] = at
		}
		return layer[i]
	}
	for i := range layer {
		find(i)
	}
	return layer
}

// rows are the steps of each layer, in the order of the path.
func rows(layer []int) [][]int {
	if len(layer) == 0 {
		return nil
	}
	out := make([][]int, slices.Max(layer)+1)
	for i, l := range layer {
		out[l] = append(out[l], i)
	}
	return out
}

// word is the state of a step as people read it.
func (s Step) word() string {
	var out []string
	if s.State != "" {
		out = append(out, string(s.State))
	}
	if s.Optional {
		out = append(out, "optional")
	}
	return strings.Join(out, ", ")
}

// plain writes a requirement without brackets around all of it.
func plain(r *requirement.Requirement) string {
	s := r.String()
	if r.All != nil {
		s = strings.TrimSuffix(strings.TrimPrefix(s, "("), ")")
	}
	return s
}

// clean drops what would steer a terminal or break a line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
}
