package node

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// StatsRequest asks for figures.
type StatsRequest struct {
	Since time.Time `json:"since,omitzero"` // whole days; zero for all
	// Shared suppresses groups under five, for partners to read.
	Shared bool `json:"shared,omitempty"`
}

// Figure is one number: a metric, what it is told apart by, and how many.
// Hidden is a group too small to be told.
type Figure struct {
	Metric string `json:"metric"`
	By     string `json:"by,omitempty"`
	Value  int64  `json:"value"`
	Hidden bool   `json:"hidden,omitempty"`
}

// Stats are a node's figures. They count this node's own acts and what others
// told it, and name no person: holders are not tracked.
type Stats struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since,omitzero"`
	At    time.Time `json:"at"`
	// AcceptedWithin is the time within which half of the accepted badges were.
	AcceptedWithin string   `json:"acceptedWithin,omitempty"`
	OldestOpen     string   `json:"oldestOpenApplication,omitempty"` // its age
	Figures        []Figure `json:"figures"`
}

// Value returns a figure; 0 when there is none.
func (s Stats) Value(metric, by string) int64 {
	for _, f := range s.Figures {
		if f.Metric == metric && f.By == by {
			return f.Value
		}
	}
	return 0
}

// smallGroup is the least number that partners are told.
const smallGroup = 5

// counted metrics: the kind of fact by the name that people read.
var metrics = []struct{ name, kind string }{
	{"offered or signed", "award.made"}, {"issued", "award.issued"}, {"accepted", "award.held"}, {"declined", "award.declined"}, {"renewed", "award.renewed"},
	{"revoked", "award.revoked"}, {"suspended", "award.suspended"}, {"reinstated", "award.active"}, {"lapsed", "award.lapsed"},
	{"applications submitted", "application.submitted"}, {"applications returned", "application.returned"}, {"applications accepted", "application.accepted"},
	{"applications rejected", "application.rejected"}, {"applications appealed", "application.appealed"}, {"applications withdrawn", "application.withdrawn"}, {"reviews", "review.submitted"},
	{"submitted by route", "application.submitted by route"}, {"criteria not satisfied", "criterion missed"},
	{"endorsements given", "endorsement.given"}, {"endorsements declined", "endorsement.declined"}, {"endorsements withdrawn", "endorsement.withdrawn"}, {"endorsements taken in", "endorsement.taken"},
	{"agreements in force", "agreement.in-force"}, {"agreements ended", "agreement.ended"}, {"recognised", "recognition.yes by partner"}, {"not recognised", "recognition.no by partner"},
	{"credits recognised, in hundredths", "credits recognised"},
	{"presentations verified", "presentation.verified"}, {"presentations refused", "presentation.refused"}, {"transcripts", "transcript.issued"},
}

// Stats counts what happened, from the journal, and where things stand, from
// the node's records.
func (n *Node) Stats(ctx context.Context, r StatsRequest) (Stats, error) {
	s := Stats{Node: n.id.String(), Since: r.Since, At: n.now().UTC(), Figures: []Figure{}}
	t, err := n.countsSince(ctx, r.Since)
	if err != nil {
		return s, err
	}
	for _, m := range metrics {
		counts := t[m.kind]
		if len(counts) == 0 {
			continue
		}
		if !strings.HasSuffix(m.kind, "by route") {
			s.Figures = append(s.Figures, Figure{Metric: m.name, Value: t.sum(m.kind)})
		}
		for _, by := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) }) {
			if by != "" {
				s.Figures = append(s.Figures, Figure{Metric: m.name, By: by, Value: counts[by]})
			}
		}
	}
	s.AcceptedWithin = median(t["seconds to accept"])
	if err := n.standingFigures(ctx, &s); err != nil {
		return s, err
	}
	if r.Shared {
		s.suppress()
	}
	return s, nil
}

// suppress hides groups under five, and with a single hidden group the whole
// of its metric, from which it could be told.
func (s *Stats) suppress() {
	hidden := map[string]int{}
	for i := range s.Figures {
		f := &s.Figures[i]
		if f.Value > 0 && f.Value < smallGroup {
			f.Value, f.Hidden = 0, true
			if f.By != "" {
				hidden[f.Metric]++
			}
		}
	}
	for i := range s.Figures {
		if f := &s.Figures[i]; f.By == "" && hidden[f.Metric] == 1 {
			f.Value, f.Hidden = 0, true
		}
	}
	s.OldestOpen = ""
}

// standingFigures tell where things stand now: open applications, and how far
// learners are on paths and with roles.
func (n *Node) standingFigures(ctx context.Context, s *Stats) error {
	add := func(metric, by string, v int64) {
		s.Figures = append(s.Figures, Figure{Metric: metric, By: by, Value: v})
	}
	var oldest time.Time
	open := map[string]int64{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range applications.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			open[string(a.State)]++
			if a.State.Open() && (oldest.IsZero() || a.Created.Before(oldest)) {
				oldest = a.Created
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, state := range slices.Sorted(maps.Keys(open)) {
		add("applications now", state, open[state])
	}
	if !oldest.IsZero() {
		s.OldestOpen = s.At.Sub(oldest).Round(time.Minute).String()
	}
	due, err := n.Renewals(ctx, RenewalsRequest{})
	if err != nil {
		return err
	}
	for _, state := range []RenewalState{Due, Overdue} {
		if c := int64(len(slices.DeleteFunc(slices.Clone(due), func(r Renewal) bool { return r.State != state }))); c > 0 {
			add("renewals", string(state), c)
		}
	}
	count := map[Figure]int64{}
	var order []Figure
	one := func(metric, by string, v int64) {
		f := Figure{Metric: metric, By: by}
		if _, seen := count[f]; !seen {
			order = append(order, f)
		}
		count[f] += v
	}
	err = n.Learners(ctx, func(l Learner) error {
		one("learners", "", 1)
		for _, p := range l.Paths {
			name := p.Catalogue + "/" + p.Path
			if p.Progress.Done == 0 {
				continue
			}
			one("path begun", name, 1)
			for _, st := range p.Progress.Steps {
				if st.State == requirement.Satisfied {
					one("path step satisfied", name+"/"+st.Badge, 1)
				}
			}
			if p.Progress.Goal.OK() {
				one("path goal met", name, 1)
			}
		}
		for _, r := range l.Roles {
			if !r.Now.OK() {
				continue
			}
			one("role met", r.Catalogue+"/"+r.Role, 1)
			if !r.Soon.OK() {
				one("role lapsing in 90 days", r.Catalogue+"/"+r.Role, 1)
			}
		}
		return nil
	})
	slices.SortFunc(order, func(a, b Figure) int { return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.By, b.By)) })
	for _, f := range order {
		add(f.Metric, f.By, count[f])
	}
	return err
}

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
