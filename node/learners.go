package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// Learner is where one learner stands, by the badges that this node gave them.
type Learner struct {
	DID   string        `json:"did"`
	Paths []LearnerPath `json:"paths"`
	Roles []LearnerRole `json:"roles"`
}

// LearnerPath is progress on a path.
type LearnerPath struct {
	Catalogue string               `json:"catalogue"`
	Path      string               `json:"path"`
	Progress  requirement.Progress `json:"progress"`
}

// LearnerRole is the fit to a role, now and in 90 days.
type LearnerRole struct {
	Catalogue string              `json:"catalogue"`
	Role      string              `json:"role"`
	Now       requirement.Outcome `json:"now"`
	Soon      requirement.Outcome `json:"soon"`
}

// lapsing is how far ahead it is looked for what lapses.
const lapsing = 90 * 24 * time.Hour

// Learners calls yield with every learner who holds a badge of this node, in
// the order of their DIDs. One at a time is in memory. Badges that learners
// hold of others are not known here.
func (n *Node) Learners(ctx context.Context, yield func(Learner) error) error {
	return n.db.View(ctx, func(tx *store.Tx) error {
		who, h := "", &requirement.Holdings{}
		flush := func() error {
			if who == "" || h.Len() == 0 {
				return nil
			}
			return yield(n.learnerNow(who, h))
		}
		for a, err := range awards.Starting(tx, "recipient", "did:") {
			if err != nil {
				return err
			}
			if a.Recipient.DID != who {
				if err := flush(); err != nil {
					return err
				}
				who, h = a.Recipient.DID, &requirement.Holdings{}
			}
			if b, ok := n.heldOf(a); ok {
				h.AddOwn(b)
			}
		}
		return flush()
	})
}

// heldOf tells an award as a badge that is held.
func (n *Node) heldOf(a Award) (requirement.Held, bool) {
	if a.State != AwardIssued && a.State != AwardHeld {
		return requirement.Held{}, false
	}
	b := requirement.Held{Credential: a.ID, Achievement: catalogueID(n, a), Issuer: n.id.String(), Level: a.Level, Awarded: a.Awarded, From: a.ValidFrom, Until: a.ValidUntil, Standing: requirement.Current}
	if a.Standing != Active {
		b.Standing, b.Why = requirement.Lapsed, string(a.Standing)
	}
	return b, true
}

func (n *Node) learnerNow(who string, h *requirement.Holdings) Learner {
	l := Learner{DID: who, Paths: []LearnerPath{}, Roles: []LearnerRole{}}
	now := n.now()
	for _, c := range n.catalogues() {
		names := c.Names(n.issuer())
		for _, p := range c.Paths {
			l.Paths = append(l.Paths, LearnerPath{c.Slug, p.Key, p.Value.Compile().Progress(h, names, nil, now)})
		}
		for _, r := range c.Roles {
			l.Roles = append(l.Roles, LearnerRole{c.Slug, r.Key, r.Value.Requires.Evaluate(h, names, now), r.Value.Requires.Evaluate(h, names, now.Add(lapsing))})
		}
	}
	return l
}

// LearnersOf is [Node.Learners] with one path or role only, by its name, with
// or without its catalogue.
func (n *Node) LearnersOf(ctx context.Context, name string, yield func(Learner) error) error {
	if name != "" && !n.hasPathOrRole(name) {
		return fmt.Errorf("%w: no path or role %q; there are: %s", ErrInput, name, strings.Join(n.pathsAndRoles(), ", "))
	}
	fits := func(c, p string) bool { return name == "" || name == p || name == c+"/"+p }
	return n.Learners(ctx, func(l Learner) error {
		l.Paths = slices.DeleteFunc(l.Paths, func(p LearnerPath) bool { return !fits(p.Catalogue, p.Path) })
		l.Roles = slices.DeleteFunc(l.Roles, func(r LearnerRole) bool { return !fits(r.Catalogue, r.Role) })
		return yield(l)
	})
}

func (n *Node) hasPathOrRole(name string) bool {
	for _, have := range n.pathsAndRoles() {
		if _, slug, _ := strings.Cut(have, "/"); name == have || name == slug {
			return true
		}
	}
	return false
}

func (n *Node) pathsAndRoles() (out []string) {
	each := func(c *catalogue.Catalogue, slug string) { out = append(out, c.Slug+"/"+slug) }
	for _, c := range n.catalogues() {
		for _, p := range c.Paths {
			each(c, p.Key)
		}
		for _, r := range c.Roles {
			each(c, r.Key)
		}
	}
	return out
}
