package node

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/node/drawing"
)

// PathStanding is a path of a catalogue, and how many learners satisfied each
// of its steps by badges of this node.
type PathStanding struct {
	Catalogue string                   `json:"catalogue"`
	Path      string                   `json:"path"`
	Name      string                   `json:"name"`
	Enforced  bool                     `json:"enforced"`
	Steps     []StepStanding           `json:"steps"`
	Goal      *requirement.Requirement `json:"goal,omitempty"`
	Learners  int                      `json:"learners"` // who satisfied a step
	Arrived   int                      `json:"arrived"`  // who met the goal
}

// StepStanding is one step of a path.
type StepStanding struct {
	Badge     string                   `json:"badge"`
	Name      string                   `json:"name"`
	After     *requirement.Requirement `json:"after,omitempty"`
	Optional  bool                     `json:"optional,omitempty"`
	Satisfied int                      `json:"satisfied"`
}

// RoleStanding is a role of a catalogue, and how many learners fulfil it by
// badges of this node.
type RoleStanding struct {
	Catalogue   string                  `json:"catalogue"`
	Role        string                  `json:"role"`
	Name        string                  `json:"name"`
	Description string                  `json:"description,omitempty"`
	Requires    requirement.Requirement `json:"requires"`
	Learners    int                     `json:"learners"`
	Fulfilled   int                     `json:"fulfilled"`
	Lapsing     int                     `json:"lapsing"` // of those, within 90 days
	// Who are the first of those whose fit lapses, and what they will miss.
	Who []RoleLapse `json:"who"`
}

// RoleLapse is a learner whose fit to a role lapses within 90 days.
type RoleLapse struct {
	DID     string   `json:"did"`
	Missing []string `json:"missing"`
}

// maxLapses bounds the learners that are named with a role; all are in
// [Node.Learners].
const maxLapses = 100

// PathStandings counts how far learners are on the paths of a name: with or
// without its catalogue, and all for none. Memory does not grow with the
// learners.
func (n *Node) PathStandings(ctx context.Context, name string) ([]PathStanding, error) {
	return standings(ctx, n, "path", name, func(c *catalogue.Catalogue) catalogue.Ordered[catalogue.Path] { return c.Paths }, pathStanding, (*PathStanding).count)
}

func pathStanding(c *catalogue.Catalogue, slug string, p catalogue.Path) PathStanding {
	s := PathStanding{Catalogue: c.Slug, Path: slug, Name: p.Name, Enforced: p.Order == "enforce"}
	compiled := p.Compile()
	s.Goal = compiled.Goal
	for _, step := range compiled.Steps {
		a, _ := c.Find(step.Badge)
		s.Steps = append(s.Steps, StepStanding{Badge: step.Badge, Name: a.Name, After: step.After, Optional: step.Optional})
	}
	return s
}

// standings begins to count what the catalogues have under a name, and counts
// every learner. One learner at a time is in memory.
func standings[T, S any](ctx context.Context, n *Node, what, name string, all func(*catalogue.Catalogue) catalogue.Ordered[T], begin func(*catalogue.Catalogue, string, T) S, count func(*S, Learner)) ([]S, error) {
	out := []S{}
	var have []string
	for _, c := range n.catalogues() {
		for slug, x := range all(c).All() {
			have = append(have, c.Slug+"/"+slug)
			if called(name, c.Slug, slug) {
				out = append(out, begin(c, slug, x))
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no %s %q here; there are: %s", ErrInput, what, name, strings.Join(have, ", "))
	}
	return out, n.Learners(ctx, func(l Learner) error {
		for i := range out {
			count(&out[i], l)
		}
		return nil
	})
}

func (s *PathStanding) count(l Learner) {
	for _, p := range l.Paths {
		if p.Catalogue != s.Catalogue || p.Path != s.Path {
			continue
		}
		begun := false
		for i, step := range p.Progress.Steps {
			if step.State == requirement.Satisfied {
				s.Steps[i].Satisfied++
				begun = true
			}
		}
		if begun {
			s.Learners++
		}
		if p.Progress.Goal.OK() {
			s.Arrived++
		}
	}
}

// Drawing is the path with its counts, to be drawn.
func (s PathStanding) Drawing() drawing.Path {
	d := drawing.Path{Title: s.Name, Goal: s.Goal, Summary: fmt.Sprintf("%d on the way, %d at the goal", s.Learners, s.Arrived)}
	for _, step := range s.Steps {
		d.Steps = append(d.Steps, drawing.Step{Badge: step.Badge, Name: step.Name, After: step.After, Optional: step.Optional, Note: fmt.Sprintf("satisfied by %d", step.Satisfied)})
	}
	return d
}

// RoleStandings counts who fulfils the roles of a name: with or without its
// catalogue, and all for none.
func (n *Node) RoleStandings(ctx context.Context, name string) ([]RoleStanding, error) {
	return standings(ctx, n, "role", name, func(c *catalogue.Catalogue) catalogue.Ordered[catalogue.Role] { return c.Roles }, roleStanding, (*RoleStanding).count)
}

func roleStanding(c *catalogue.Catalogue, slug string, r catalogue.Role) RoleStanding {
	return RoleStanding{Catalogue: c.Slug, Role: slug, Name: r.Name, Description: r.Description, Requires: r.Requires.Requirement, Who: []RoleLapse{}}
}

func (s *RoleStanding) count(l Learner) {
	for _, r := range l.Roles {
		if r.Catalogue != s.Catalogue || r.Role != s.Role {
			continue
		}
		s.Learners++
		if !r.Now.OK() {
			continue
		}
		s.Fulfilled++
		if r.Soon.OK() {
			continue
		}
		if s.Lapsing++; len(s.Who) < maxLapses {
			s.Who = append(s.Who, RoleLapse{l.DID, r.Soon.Missing})
		}
	}
}

// called reports whether a path or role has a name: its slug, or catalogue and
// slug; everything is called nothing.
func called(name, catalogue, slug string) bool {
	return name == "" || name == slug || name == catalogue+"/"+slug
}

// drawPath is a path as the public page shows it: without anybody's progress.
func drawPath(c *catalogue.Catalogue, p catalogue.Path) drawing.Path {
	return drawing.Of(p.Name, p.Compile(), func(badge string) string {
		a, _ := c.Find(badge)
		return a.Name
	})
}

// servePath answers with the drawing of a path.
func (n *Node) servePath(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		slug, svg := strings.CutSuffix(r.PathValue("image"), ".svg")
		p, ok := c.Paths.Get(slug)
		if !ok || !svg {
			n.fail(w, r, http.StatusNotFound, "There is no such path in "+c.Name+".")
			return
		}
		send(w, r, "image/svg+xml", time.Hour, drawPath(c, p).SVG())
	}
}

func (n *Node) adminPaths(mux *http.ServeMux) {
	mux.HandleFunc("GET /paths", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.PathStandings(r.Context(), r.URL.Query().Get("name"))
		answer(w, all, err)
	})
	mux.HandleFunc("GET /catalogue-roles", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.RoleStandings(r.Context(), r.URL.Query().Get("name"))
		answer(w, all, err)
	})
}

// PathStandings counts how far learners are on paths.
func (c *Client) PathStandings(ctx context.Context, name string) (all []PathStanding, err error) {
	return all, c.call(ctx, http.MethodGet, "/paths?name="+url.QueryEscape(name), nil, &all)
}

// RoleStandings counts who fulfils roles.
func (c *Client) RoleStandings(ctx context.Context, name string) (all []RoleStanding, err error) {
	return all, c.call(ctx, http.MethodGet, "/catalogue-roles?name="+url.QueryEscape(name), nil, &all)
}
