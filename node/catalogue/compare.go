package catalogue

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
)

// Pair is an achievement of one catalogue beside one of another, and how near
// they are.
type Pair struct {
	A, B string // slugs
	// Score is between 0 and 1: half of it is what they align with in common,
	// the rest the nearness of level and of workload.
	Score  float64
	Shared []string // URIs that both align with
	EQF    [2]int
	Hours  [2]float64
}

// minScore is the least score of a pair worth showing.
const minScore = 0.25

// Compare pairs the achievements of two catalogues that share an alignment or
// a kind of outcome, the best first; each achievement of a is in one pair at
// most for each of b.
func Compare(a, b *Catalogue) []Pair {
	var out []Pair
	for sa, x := range a.Achievements.All() {
		for sb, y := range b.Achievements.All() {
			if p := pair(a, b, x, y); p.Score >= minScore {
				p.A, p.B = sa, sb
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(p, q Pair) int {
		return cmp.Or(cmp.Compare(q.Score, p.Score), cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B))
	})
	return out
}

func pair(a, b *Catalogue, x, y Achievement) Pair {
	ours, theirs := a.aims(x), b.aims(y)
	p := Pair{EQF: [2]int{x.EQF, y.EQF}, Hours: [2]float64{hours(x.Workload), hours(y.Workload)}}
	all := len(theirs)
	for uri := range ours {
		if theirs[uri] {
			p.Shared = append(p.Shared, uri)
		} else {
			all++
		}
	}
	slices.Sort(p.Shared)
	if len(p.Shared) == 0 && (x.Kind != y.Kind || !strings.EqualFold(x.Name, y.Name)) {
		return p // nothing says that they are about the same
	}
	alike := 1.0
	if len(p.Shared) > 0 {
		alike = float64(len(p.Shared)) / float64(all)
	}
	level := 0.5 // one of them says none
	if x.EQF > 0 && y.EQF > 0 {
		level = max(0, 1-math.Abs(float64(x.EQF-y.EQF))/3)
	}
	load := 0.5
	if p.Hours[0] > 0 && p.Hours[1] > 0 {
		load = min(p.Hours[0], p.Hours[1]) / max(p.Hours[0], p.Hours[1])
	}
	p.Score = 0.5*alike + 0.25*level + 0.25*load
	return p
}

// aims are the URIs outside the catalogue that an achievement aligns with, by
// itself or by its outcomes.
func (c *Catalogue) aims(a Achievement) map[string]bool {
	out := map[string]bool{}
	add := func(list []string) {
		for _, s := range list {
			uri, _, _ := strings.Cut(s, " ")
			out[uri] = true
		}
	}
	add(a.Align)
	for _, slug := range a.Outcomes {
		o, _ := c.Objectives.Get(slug)
		add(o.Align)
	}
	return out
}

// hours returns a duration such as PT25H in hours, 0 for none.
func hours(workload string) float64 {
	p, err := requirement.ParsePeriod(workload)
	if err != nil {
		return 0
	}
	return p.Length().Hours()
}

// Match is an achievement of one catalogue and the nearest of another.
type Match struct {
	Pair
	Equal bool // the same alignments, level and workload
}

// Units sorts the achievements of two catalogues for people who bring them
// together: those of a that have an equal or a near one in b, and those of
// each that have none in the other.
func Units(a, b *Catalogue) (both []Match, onlyA, onlyB []string) {
	all := Compare(a, b)
	foundB := map[string]bool{}
	for _, p := range all {
		foundB[p.B] = true
	}
	for slug := range a.Achievements.All() {
		i := slices.IndexFunc(all, func(p Pair) bool { return p.A == slug })
		if i < 0 {
			onlyA = append(onlyA, slug)
			continue
		}
		x, _ := a.Find(slug)
		y, _ := b.Find(all[i].B)
		both = append(both, Match{all[i], len(all[i].Shared) > 0 && maps.Equal(a.aims(x), b.aims(y)) && x.EQF == y.EQF && all[i].Hours[0] == all[i].Hours[1]})
	}
	for slug := range b.Achievements.All() {
		if !foundB[slug] {
			onlyB = append(onlyB, slug)
		}
	}
	return both, onlyA, onlyB
}
