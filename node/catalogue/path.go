package catalogue

import (
	"slices"
	"strings"
)

func (l *linter) path(n Named[Path]) {
	p := n.Value
	l.slug("path", n.Key, n.Line)
	if p.Order != "enforce" && p.Order != "advise" {
		l.err(n.Line, "use enforce or advise", "path %s has the order %q", n.Key, p.Order)
	}
	for _, s := range p.Steps {
		l.badges(s.Line, "path "+n.Key, []string{s.Key})
		l.requirement("step "+s.Key, s.Value.After)
		for _, id := range s.Value.Accept {
			if _, err := publisher(id); err != nil {
				l.err(s.Line, "name the partner's achievement by its address", "step %s accepts %v", s.Key, err)
			}
		}
	}
	for _, b := range p.Goal.Badges() {
		if _, ok := p.Steps.Get(b); !ok {
			l.err(p.Goal.Line, "add it to steps", "the goal of path %s names %s, which is no step of it", n.Key, b)
		}
	}
	if loop := p.cycle(); loop != nil {
		l.err(n.Line, "remove one of these prerequisites", "path %s runs in a circle: %s", n.Key, strings.Join(loop, " -> "))
	}
}

// cycle returns a loop of prerequisites, first step repeated at the end, or
// nil.
func (p Path) cycle() []string {
	const visiting, done = 1, 2
	state := map[string]int{}
	var trail []string
	var visit func(string) []string
	visit = func(slug string) []string {
		switch state[slug] {
		case done:
			return nil
		case visiting:
			i := slices.Index(trail, slug)
			return append(slices.Clone(trail[i:]), slug)
		}
		state[slug] = visiting
		trail = append(trail, slug)
		step, _ := p.Steps.Get(slug)
		for _, before := range step.After.Badges() {
			if loop := visit(before); loop != nil {
				return loop
			}
		}
		trail = trail[:len(trail)-1]
		state[slug] = done
		return nil
	}
	for slug := range p.Steps.All() {
		if loop := visit(slug); loop != nil {
			return loop
		}
	}
	return nil
}
