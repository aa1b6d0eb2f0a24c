package node

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// world is what a partner may not tell exactly: applications by achievement, by
// route and by state, which sum up to the same total.
type world struct{ badges, routes, states []int }

func (w world) figures() (Stats, groups) {
	var s Stats
	g := groups{}
	total := 0
	for _, n := range w.badges {
		total += n
	}
	s.add("applications submitted", "", float64(total))
	for i, n := range w.badges {
		if n > 0 { // what did not happen has no row
			s.add("applications submitted", fmt.Sprint("a", i), float64(n))
		}
	}
	for i, n := range w.routes {
		if n > 0 {
			s.add("submitted by route", fmt.Sprint("r", i), float64(n))
		}
	}
	for i, n := range w.states {
		s.add("applications now", fmt.Sprint("s", i), float64(n))
	}
	for i, n := range w.states {
		if n > 0 {
			s.add(openMedian, fmt.Sprint("s", i), 3600)
			g[Figure{Metric: openMedian, By: fmt.Sprint("s", i)}] = int64(n)
		}
	}
	return s, g
}

// told is what a partner reads of a world.
func (w world) told(t *testing.T) string {
	s, g := w.figures()
	s.suppress(g)
	var b strings.Builder
	if err := s.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// numbers are all counts in a world, by name.
func (w world) numbers() map[string]int {
	out := map[string]int{}
	s, _ := w.figures()
	for _, f := range s.Figures {
		if f.Metric != openMedian {
			out[f.Metric+","+f.By] = int(f.Value)
		}
	}
	return out
}

// splits are the ways to split a total into so many parts.
func splits(total, parts int) (out [][]int) {
	if parts == 1 {
		return [][]int{{total}}
	}
	for first := range total + 1 {
		for _, rest := range splits(total-first, parts-1) {
			out = append(out, append([]int{first}, rest...))
		}
	}
	return out
}

// Whoever reads what partners are told, knows that breakdowns have one total,
// and knows the rules of hiding themselves, finds more than one value for each
// number that is not told. All worlds of up to seven applications are tried,
// against all that could look the same: a hidden part that is four at most may
// be three more than it is.
func TestNoHiddenNumberCanBeComputed(t *testing.T) {
	const most, reach = 7, 7 + 3*3
	type seen struct {
		values map[string]map[int]bool
		small  bool // a world to try is among them
	}
	told := map[string]*seen{}
	for total := range reach + 1 {
		ways := splits(total, 3)
		if total < smallGroup { // as many parts as a small total has ones
			ways = append(ways, splits(total, 4)...)
		}
		for _, badges := range ways {
			for _, routes := range splits(total, 2) {
				for _, states := range splits(total, 2) {
					w := world{badges, routes, states}
					text := w.told(t)
					k := told[text]
					if k == nil {
						k = &seen{values: map[string]map[int]bool{}}
						told[text] = k
					}
					k.small = k.small || total <= most
					for name, n := range w.numbers() {
						if k.values[name] == nil {
							k.values[name] = map[int]bool{}
						}
						k.values[name][n] = true
					}
				}
			}
		}
	}
	hidden := 0
	for text, k := range told {
		for name, values := range k.values {
			if !k.small || strings.Contains(text, fmt.Sprintf("\n%s,%d\n", name, slices.Collect(maps.Keys(values))[0])) {
				continue
			}
			if hidden++; len(values) < 2 {
				t.Fatalf("%s is %v, as can be computed from\n%s", name, values, text)
			}
		}
	}
	if hidden < 100 {
		t.Errorf("only %d numbers were hidden", hidden)
	}
}

// Of any figures, what is told is true: a value is the one it was, what is under
// five is, and a count that is hidden otherwise is five or more.
func TestWhatPartnersAreToldIsTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 27))
	for range 2000 {
		var s Stats
		g := groups{}
		for _, m := range metrics {
			var parts []float64
			sum := 0.0
			for range r.IntN(4) {
				parts = append(parts, float64(r.IntN(9)))
				sum += parts[len(parts)-1]
			}
			if m.total || len(m.labels) == 0 {
				s.add(m.name, "", sum)
			}
			for i, v := range parts {
				s.add(m.name, fmt.Sprint("part", i), v)
			}
			if m.kind == "" && m.of == "" && m.name != "learners" {
				for _, f := range s.Figures {
					if f.Metric == m.name {
						g[Figure{Metric: f.Metric, By: f.By}] = int64(r.IntN(9))
					}
				}
			}
		}
		full := maps.Collect(func(yield func(Figure, float64) bool) {
			for _, f := range s.Figures {
				if !yield(Figure{Metric: f.Metric, By: f.By}, f.Value) {
					return
				}
			}
		})
		s.suppress(g)
		for _, f := range s.Figures {
			key := Figure{Metric: f.Metric, By: f.By}
			was, there := full[key]
			behind, computed := g[key]
			switch {
			case !f.Hidden && (was != f.Value || !there), // another number
				!f.Hidden && computed && few(behind), !f.Hidden && !computed && few(int64(was)), // too few
				f.Under > 0 && (was < 1 || was >= float64(f.Under) || computed),
				f.Hidden && f.Value != 0,
				f.Hidden && f.Under == 0 && there && !computed && was < smallGroup:
				t.Fatalf("%+v was %v (behind it %d)", f, was, behind)
			}
		}
	}
}
