package node

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// StatsRequest asks for figures.
type StatsRequest struct {
	// Since and Until bound what happened: whole days, both among them; zero for
	// no end. Where things stand is told as of now.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Shared suppresses groups under five, for partners to read.
	Shared bool `json:"shared,omitempty"`
}

// Figure is one number: a metric, what it is told apart by, and how many.
// Numbers are counts, but for credits, which are points, and for metrics with
// seconds in their name. Where By is of two parts, a space is between them.
//
// Hidden is one that is not told: where Under is set it is at least one and
// under that, else it is not said how large it is.
type Figure struct {
	Metric string
	By     string
	Value  float64
	Hidden bool
	Under  int
}

type figureJSON struct {
	Metric string   `json:"metric"`
	By     string   `json:"by,omitempty"`
	Value  *float64 `json:"value,omitempty"` // none where it is hidden
	Hidden bool     `json:"hidden,omitempty"`
	Under  int      `json:"under,omitempty"`
}

// MarshalJSON writes no value where it is hidden.
func (f Figure) MarshalJSON() ([]byte, error) {
	j := figureJSON{f.Metric, f.By, &f.Value, f.Hidden, f.Under}
	if f.Hidden {
		j.Value = nil
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Figure) UnmarshalJSON(raw []byte) error {
	var j figureJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	*f = Figure{Metric: j.Metric, By: j.By, Hidden: j.Hidden, Under: j.Under}
	if j.Value != nil {
		f.Value = *j.Value
	}
	return nil
}

// number is the figure in figures: a decimal, or why there is none.
func (f Figure) number() string {
	switch {
	case f.Hidden && f.Under > 0:
		return fmt.Sprintf("<%d", f.Under)
	case f.Hidden:
		return "hidden"
	}
	return strconv.FormatFloat(f.Value, 'f', -1, 64)
}

// Stats are a node's figures. They count this node's own acts and what others
// told it, and name no person: holders are not tracked. A total, whose By is
// empty, comes before its parts; what did not happen is 0.
type Stats struct {
	Node    string    `json:"node"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	At      time.Time `json:"at"`
	Figures []Figure  `json:"figures"`
}

// Value returns the value of a figure; 0 when there is none.
func (s Stats) Value(metric, by string) float64 { return s.figure(metric, by).Value }

func (s Stats) figure(metric, by string) Figure {
	for _, f := range s.Figures {
		if f.Metric == metric && f.By == by {
			return f
		}
	}
	return Figure{}
}

func (s *Stats) add(metric, by string, v float64) {
	s.Figures = append(s.Figures, Figure{Metric: metric, By: by, Value: v})
}

// Stats counts what happened, from the journal, and where things stand, from
// the node's records. The error wraps [ErrInput] for a time that ends before it
// begins.
func (n *Node) Stats(ctx context.Context, r StatsRequest) (Stats, error) {
	s := Stats{Node: n.id.String(), Since: r.Since, Until: r.Until, At: n.now().UTC(), Figures: make([]Figure, 0, 2*len(metrics))}
	if !r.Since.IsZero() && !r.Until.IsZero() && r.Until.Before(r.Since) {
		return s, fmt.Errorf("%w: the time ends on %s, before it begins on %s", ErrInput, r.Until.Format(time.DateOnly), r.Since.Format(time.DateOnly))
	}
	t, err := n.countsOf(ctx, r.Since, r.Until)
	if err != nil {
		return s, err
	}
	groups := groups{} // how many are behind a figure that is no count of them
	for _, m := range metrics {
		switch {
		case m.kind != "":
			s.counted(t, m)
		case m.name == acceptMedian:
			s.within(groups, m.name, t["seconds to accept"], t.sum("award.held"))
		case m.name == decideMedian:
			s.within(groups, m.name, t["seconds to decide"], t.least("application.returned", "application.accepted", "application.rejected", "application.rejected again"))
		case m.name == "credits in":
			s.creditsIn(groups, t)
		case m.name == "credits out":
			n.creditsOut(&s, groups, t)
		}
	}
	if err := n.standingFigures(ctx, &s, groups); err != nil {
		return s, err
	}
	if r.Shared {
		s.suppress(groups)
	}
	return s, nil
}

// counted adds a metric that is counted from the journal: its total, and its
// parts, largest first.
func (s *Stats) counted(t tally, m metric) {
	counts := t[m.kind]
	if m.total {
		s.add(m.name, "", float64(t.sum(m.kind)))
	}
	if len(m.labels) == 0 {
		return
	}
	for _, by := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) }) {
		if by != "" {
			s.add(m.name, by, float64(counts[by]))
		}
	}
}

// within adds the time within which half of something happened, if any did.
// The group behind it is the least of what it is made of: each is told.
func (s *Stats) within(g groups, metric string, counts map[string]int64, least int64) {
	if seconds, of := median(counts); of > 0 {
		s.add(metric, "", float64(seconds))
		g[Figure{Metric: metric}] = least
	}
}
