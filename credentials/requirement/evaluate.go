package requirement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
)

// Wanted is what a badge's name stands for: an achievement, whose badges count
// if one of Issuers issued them, and others that are accepted in its place.
type Wanted struct {
	Achievement string       `json:"achievement"`
	Issuers     []string     `json:"issuers"`
	Equivalents []Equivalent `json:"equivalents,omitempty"`
	// Retired says that it is given no more, and Instead which badge took its
	// place, "" for none. They are for who lays out a path, and do not travel.
	Retired bool   `json:"-"`
	Instead string `json:"-"`
}

// Equivalent is an achievement of somebody else's that counts by agreement.
type Equivalent struct {
	Achievement string    `json:"achievement"`
	Issuer      string    `json:"issuer"`
	MinLevel    int       `json:"minLevel,omitempty"` // the least level that counts, 0 for any
	Level       int       `json:"level,omitempty"`    // the level that it counts for, 0 for its own
	Within      string    `json:"within,omitempty"`   // ISO 8601 duration since the award, "" for any time
	From        time.Time `json:"from,omitzero"`      // when it must have been awarded; zero for any time
	Until       time.Time `json:"until,omitzero"`
	Why         string    `json:"why,omitempty"` // such as the agreement
	// Uncertain says why nobody can tell whether it counts; "" where it does.
	Uncertain string `json:"uncertain,omitempty"`
}

func (q Equivalent) covers(awarded time.Time) bool {
	return !awarded.Before(q.From) && (q.Until.IsZero() || awarded.Before(q.Until))
}

// Names tells what a badge's name in a requirement stands for.
type Names func(badge string) (Wanted, bool)

// Outcome is the answer to a requirement: yes, no, or unknown when it hangs on
// a badge that could not be judged.
type Outcome struct {
	Answer credentials.Answer `json:"answer"`
	// Missing says what would have to be earned, in words: earner, designer@2,
	// 1 of (reviewer | contributor). It is empty for a yes.
	Missing []string `json:"missing,omitempty"`
	// Uncertain are the badges on which an unknown answer hangs.
	Uncertain []Held `json:"uncertain,omitempty"`
}

// OK reports whether the requirement is met.
func (o Outcome) OK() bool { return o.Answer == credentials.Yes }

// Evaluate answers a requirement over the badges that somebody holds, at a
// time.
func (r Requirement) Evaluate(h *Holdings, names Names, at time.Time) Outcome {
	return r.evaluate(evaluation{h, names, at})
}

type evaluation struct {
	h     *Holdings
	names Names
	at    time.Time
}

func (r Requirement) evaluate(e evaluation) Outcome {
	switch {
	case r.Badge != "":
		return r.badge(e)
	case r.All != nil:
		return r.all(e)
	case r.Any != nil:
		return Requirement{N: 1, Of: r.Any}.some(e)
	case r.Of != nil:
		return r.some(e)
	}
	return Outcome{Answer: credentials.Yes} // nothing is required
}

func (r Requirement) badge(e evaluation) Outcome {
	best, found := e.best(r)
	switch {
	case found && best.Standing == Current:
		return Outcome{Answer: credentials.Yes}
	case found && best.Standing == Uncertain:
		return Outcome{Answer: credentials.Unknown, Missing: []string{r.String()}, Uncertain: []Held{best}}
	}
	return Outcome{Answer: credentials.No, Missing: []string{r.String()}}
}

// best returns the badge that speaks most for a requirement of one: a current
// one, else an uncertain one, else one that lapsed.
func (e evaluation) best(r Requirement) (best Held, found bool) {
	for _, b := range e.matching(r) {
		if !found || rank(b.Standing) > rank(best.Standing) {
			best, found = b, true
		}
	}
	return best, found
}

func rank(s Standing) int {
	switch s {
	case Current:
		return 2
	case Uncertain:
		return 1
	}
	return 0
}

// matching returns the badges of a requirement of one that count, whatever
// their standing.
func (e evaluation) matching(r Requirement) (out []Held) {
	w, ok := e.names(r.Badge)
	if !ok {
		return nil
	}
	for _, b := range e.h.by[w.Achievement] {
		if slices.Contains(w.Issuers, b.Issuer) && b.Level >= r.Level && e.within(b, r.Within) {
			out = append(out, b.at(e.at))
		}
	}
	for _, q := range w.Equivalents {
		for _, b := range e.h.by[q.Achievement] {
			level := cmp.Or(q.Level, b.Level)
			if b.Issuer == q.Issuer && q.covers(b.Awarded) && b.Level >= q.MinLevel && level >= r.Level && e.within(b, q.Within) && e.within(b, r.Within) {
				b = b.at(e.at)
				switch {
				case b.Standing == Current && q.Uncertain != "":
					b.Standing, b.Why = Uncertain, q.Uncertain
				case b.Standing == Current:
					b.Why = q.Why
				}
				out = append(out, b)
			}
		}
	}
	return out
}

func (e evaluation) within(b Held, period string) bool {
	if period == "" {
		return true
	}
	p, err := ParsePeriod(period)
	return err == nil && !p.After(b.Awarded).Before(e.at)
}

func (r Requirement) all(e evaluation) Outcome {
	out := Outcome{Answer: credentials.Yes}
	for _, p := range r.All {
		o := p.evaluate(e)
		out.Missing = append(out.Missing, o.Missing...)
		out.Uncertain = append(out.Uncertain, o.Uncertain...)
		switch {
		case o.Answer == credentials.No:
			out.Answer = credentials.No
		case o.Answer == credentials.Unknown && out.Answer == credentials.Yes:
			out.Answer = credentials.Unknown
		}
	}
	return out
}

// some answers n of several. What is missing is so many of those that are not
// met.
func (r Requirement) some(e evaluation) Outcome {
	yes, unknown := 0, 0
	var out Outcome
	var open []string
	for _, p := range r.Of {
		o := p.evaluate(e)
		switch o.Answer {
		case credentials.Yes:
			yes++
			continue
		case credentials.Unknown:
			unknown++
			out.Uncertain = append(out.Uncertain, o.Uncertain...)
		}
		open = append(open, p.String())
	}
	switch {
	case yes >= r.N:
		return Outcome{Answer: credentials.Yes}
	case yes+unknown >= r.N:
		out.Answer = credentials.Unknown
	default:
		out.Answer = credentials.No
	}
	if left := r.N - yes; left == len(open) {
		out.Missing = open
	} else {
		out.Missing = []string{fmt.Sprintf("%d of (%s)", left, strings.Join(open, " | "))}
	}
	return out
}

// maxAlternatives bounds the ways to meet a part that are compared.
const maxAlternatives = 64

// Smallest returns the fewest badges that meet a requirement, such as a
// presentation of them shows; false when it is not met. Of several ways the
// one is taken that names its badges first.
func (r Requirement) Smallest(h *Holdings, names Names, at time.Time) ([]Held, bool) {
	ways := r.ways(evaluation{h, names, at})
	if len(ways) == 0 {
		return nil, false
	}
	return ways[0], true
}

// ways returns sets of current badges that meet a requirement, the smallest
// first.
func (r Requirement) ways(e evaluation) [][]Held {
	switch {
	case r.Badge != "":
		var out [][]Held
		for _, b := range e.matching(r) {
			if b.Standing == Current {
				out = append(out, []Held{b})
			}
		}
		return fewest(out)
	case r.All != nil:
		return Requirement{N: len(r.All), Of: r.All}.choose(e)
	case r.Any != nil:
		return Requirement{N: 1, Of: r.Any}.choose(e)
	case r.Of != nil:
		return r.choose(e)
	}
	return [][]Held{nil}
}

func (r Requirement) choose(e evaluation) [][]Held {
	have := make([][][]Held, r.N+1) // by how many parts are met
	have[0] = [][]Held{nil}
	for _, p := range r.Of {
		ways := p.ways(e)
		for n := r.N; n > 0; n-- { // downwards, so that a part is used once
			for _, a := range have[n-1] {
				for _, b := range ways {
					have[n] = append(have[n], union(a, b))
				}
			}
			have[n] = fewest(have[n])
		}
	}
	return have[r.N]
}

func union(a, b []Held) []Held {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.ContainsFunc(out, func(y Held) bool { return y.Credential == x.Credential }) {
			out = append(out, x)
		}
	}
	return out
}

func fewest(sets [][]Held) [][]Held {
	slices.SortStableFunc(sets, func(a, b []Held) int { return cmp.Compare(len(a), len(b)) })
	return sets[:min(len(sets), maxAlternatives)]
}
