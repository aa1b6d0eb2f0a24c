package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// standingFigures tell where things stand now.
func (n *Node) standingFigures(ctx context.Context, s *Stats, g groups) error {
	signed, err := n.applicationFigures(ctx, s, g)
	if err != nil {
		return err
	}
	due, err := n.Renewals(ctx, RenewalsRequest{})
	if err != nil {
		return err
	}
	count := map[RenewalState]float64{}
	for _, r := range due {
		count[r.State]++
	}
	s.add("renewals", string(Due), count[Due])
	s.add("renewals", string(Overdue), count[Overdue])
	s.agreed(signed)
	return n.learnerFigures(ctx, s)
}

// applicationFigures tell how many applications are in which state, and how old
// the open ones are. It counts agreements by the way.
func (n *Node) applicationFigures(ctx context.Context, s *Stats, g groups) (signed map[string]int, err error) {
	count, ages := map[application.State]int{}, map[application.State][]time.Duration{}
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		for a, err := range applications.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if count[a.State]++; a.State.Open() {
				ages[a.State] = append(ages[a.State], max(0, s.At.Sub(a.Created)))
			}
		}
		signed, err = n.agreementsNow(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, state := range application.States {
		s.add("applications now", string(state), float64(count[state]))
	}
	for _, state := range application.States {
		slices.Sort(ages[state])
		if old := ages[state]; len(old) > 0 { // that of one person, whom a partner is not told of
			s.aged(g, openOldest, state, old[len(old)-1], 1)
		}
	}
	for _, state := range application.States {
		if old := ages[state]; len(old) > 0 {
			s.aged(g, openMedian, state, old[(len(old)-1)/2], len(old))
		}
	}
	return signed, nil
}

func (s *Stats) aged(g groups, metric string, state application.State, age time.Duration, of int) {
	s.add(metric, string(state), float64(age/time.Second))
	g[Figure{Metric: metric, By: string(state)}] = int64(of)
}

// agreementsNow counts agreements by who recognises in them, this node or the
// partner, and where they stand.
func (n *Node) agreementsNow(tx *store.Tx) (map[string]int, error) {
	count, now := map[string]int{}, n.now()
	for a, err := range agreements.List(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		whose := "theirs "
		if a.Ours {
			whose = "ours "
		}
		count[whose+a.figure(now)]++
	}
	return count, nil
}

func (s *Stats) agreed(count map[string]int) {
	for _, whose := range []string{"ours", "theirs"} {
		for _, state := range []AgreementState{Proposed, InForce, OnHold, WasEnded} {
			if state == Proposed && whose == "theirs" {
				continue // here only once it is countersigned
			}
			by := whose + " " + slug(state)
			s.add("agreements now", by, float64(count[by]))
		}
	}
}

func slug(s AgreementState) string { return strings.ReplaceAll(string(s), " ", "-") }

// figure is the state that an agreement is counted in. One that the partner
// holds back is suspended, and one whose time is over ended.
func (a Agreement) figure(now time.Time) string {
	switch {
	case a.State == WasExpiry || a.State != Proposed && !a.Until.IsZero() && !now.Before(a.Until):
		return slug(WasEnded)
	case a.AtPartner == OnHold && a.State == InForce:
		return slug(OnHold)
	}
	return slug(a.State)
}

// learnerFigures tell how far learners are on each path and with each role, by
// the badges of this node.
func (n *Node) learnerFigures(ctx context.Context, s *Stats) error {
	var learners float64
	count := map[Figure]float64{}
	err := n.Learners(ctx, func(l Learner) error {
		learners++
		for _, p := range l.Paths {
			if p.Progress.Done == 0 {
				continue
			}
			name := p.Catalogue + "/" + p.Path
			count[Figure{Metric: "path begun", By: name}]++
			for _, st := range p.Progress.Steps {
				if st.State == requirement.Satisfied {
					count[Figure{Metric: "path step satisfied", By: name + "/" + st.Badge}]++
				}
			}
			if p.Progress.Goal.OK() {
				count[Figure{Metric: "path goal met", By: name}]++
			}
		}
		for _, r := range l.Roles {
			if !r.Now.OK() {
				continue
			}
			name := r.Catalogue + "/" + r.Role
			count[Figure{Metric: "role met", By: name}]++
			if !r.Soon.OK() {
				count[Figure{Metric: "role lapsing in 90 days", By: name}]++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.add("learners", "", learners)
	paths, steps, roles := n.stations()
	for _, m := range []struct {
		metric string
		all    []string
	}{{"path begun", paths}, {"path step satisfied", steps}, {"path goal met", paths}, {"role met", roles}, {"role lapsing in 90 days", roles}} {
		for _, by := range m.all {
			s.add(m.metric, by, count[Figure{Metric: m.metric, By: by}])
		}
	}
	return nil
}

// stations are the paths, their steps and the roles of all catalogues, by which
// figures are told.
func (n *Node) stations() (paths, steps, roles []string) {
	for _, c := range n.catalogues() {
		for slug, p := range c.Paths.All() {
			name := c.Slug + "/" + slug
			paths = append(paths, name)
			for step := range p.Steps.All() {
				steps = append(steps, name+"/"+step)
			}
		}
		for slug := range c.Roles.All() {
			roles = append(roles, c.Slug+"/"+slug)
		}
	}
	return paths, steps, roles
}
