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
	if p.Name == "" || len(p.Steps) == 0 {
		l.err(n.Line, "add name, and a badge under steps", "path %s needs a name and steps", n.Key)
	}
	for _, s := range p.Steps {
		l.badges(s.Line, "path "+n.Key, []string{s.Key})
		l.requirement("step "+s.Key, s.Value.After)
		for _, b := range s.Value.After.Badges() {
			_, known := l.c.Find(b)
			if _, step := p.Steps.Get(b); known && !step {
				l.warn(s.Value.After.Line, "add it to steps, or accept that the path does not lead there", "step %s of path %s comes after %s, which is no step of it", s.Key, n.Key, b)
			}
		}
		if a, _ := l.c.Find(s.Key); a.Retired && a.ReplacedBy == "" && !s.Value.Optional && len(s.Value.Accept) == 0 {
			l.warn(s.Line, "make it optional, remove it, or name its successor with replaced_by", "path %s has the step %s, which is given no more: nobody new can finish it", n.Key, s.Key)
		}
		for _, id := range s.Value.Accept {
			if _, err := publisher(id); err != nil {
				l.err(s.Line, "name the partner's achievement by its address", "step %s accepts what is no achievement: %v", s.Key, err)
			}
		}
	}
	for _, b := range p.Goal.Badges() {
		if _, ok := p.Steps.Get(b); !ok {
			l.err(p.Goal.Line, "add it to steps", "the goal of path %s names %s, which is no step of it", n.Key, b)
		}
	}
	for _, loop := range p.cycles() {
		l.err(n.Line, "remove one of these prerequisites", "path %s runs in a circle: %s", n.Key, strings.Join(loop, " -> "))
	}
}

func (l *linter) role(n Named[Role]) {
	l.slug("role", n.Key, n.Line)
	if n.Value.Name == "" {
		l.err(n.Line, "add name", "role %s has no name", n.Key)
	}
	if n.Value.Requires == nil {
		l.err(n.Line, "add requires", "role %s requires nothing", n.Key)
	}
	l.requirement("role "+n.Key, n.Value.Requires)
}

// cycles returns the loops of prerequisites, the first step of each repeated at
// its end: one for every prerequisite that leads back.
func (p Path) cycles() (loops [][]string) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var trail []string
	var visit func(string)
	visit = func(slug string) {
		switch state[slug] {
		case done:
			return
		case visiting:
			if i := slices.Index(trail, slug); len(loops) < maxCycles {
				loops = append(loops, append(slices.Clone(trail[i:]), slug))
			}
			return
		}
		state[slug] = visiting
		trail = append(trail, slug)
		step, _ := p.Steps.Get(slug)
		for _, before := range step.After.Badges() {
			visit(before)
		}
		trail = trail[:len(trail)-1]
		state[slug] = done
	}
	for slug := range p.Steps.All() {
		visit(slug)
	}
	return loops
}

// maxCycles bounds the loops that are told of one path.
const maxCycles = 20
