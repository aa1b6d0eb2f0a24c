package drawing

import (
	"cmp"
	"slices"
)

// Measures of a drawing, in pixels.
const (
	boxWidth, boxHeight = 216, 78
	gapX, gapY          = 28, 64
	passWidth           = 12 // where an edge passes a layer
	margin              = 24
)

// spot is a place in a layer: a step, or where an edge passes.
type spot struct {
	step int // -1 where an edge passes
	edge int
	x    int // left
}

func (s spot) width() int {
	if s.step < 0 {
		return passWidth
	}
	return boxWidth
}

func (s spot) middle() int { return s.x + s.width()/2 }

// layout is where everything is.
type layout struct {
	rows  [][]spot
	edges []edge
	// via is where each edge passes, from its first step to its last: layer and
	// place in it.
	via   [][][2]int
	width int
	// aside is how far from the middle of its last step an edge arrives.
	aside []int
}

// maxPasses bounds the places where edges pass: beyond it they are drawn
// straight, over what is between.
const maxPasses = 20_000

// arrange lays the steps out so that edges pass beside boxes, and near to what
// they lead to.
func (p Path) arrange() layout {
	l := layout{edges: p.edges()}
	layer := p.layers(l.edges)
	for _, row := range rows(layer) {
		var spots []spot
		for _, i := range row {
			spots = append(spots, spot{step: i, edge: -1})
		}
		l.rows = append(l.rows, spots)
	}
	passes := 0
	for _, e := range l.edges {
		passes += max(0, layer[e.to]-layer[e.from]-1)
	}
	for i, e := range l.edges {
		for at := layer[e.from] + 1; at < layer[e.to] && passes <= maxPasses; at++ {
			l.rows[at] = append(l.rows[at], spot{step: -1, edge: i})
		}
	}
	l.order()
	l.place()
	return l
}

// order sorts each layer by the middle of what leads there from above.
func (l *layout) order() {
	for at := 1; at < len(l.rows); at++ {
		above := l.positions(at - 1)
		weight := make(map[spot]float64, len(l.rows[at]))
		for i, s := range l.rows[at] {
			sum, n := 0.0, 0
			for k, e := range l.edges {
				leads := s.step >= 0 && e.to == s.step || s.step < 0 && k == s.edge
				if pos, ok := above[passing(k)]; leads && ok {
					sum, n = sum+pos, n+1
				} else if pos, ok := above[e.from]; leads && ok {
					sum, n = sum+pos, n+1
				}
			}
			weight[s] = float64(i) / float64(len(l.rows[at]))
			if n > 0 {
				weight[s] = sum / float64(n)
			}
		}
		slices.SortStableFunc(l.rows[at], func(a, b spot) int { return cmp.Compare(weight[a], weight[b]) })
	}
}

// passing is the key of the place where an edge passes, beside those of steps.
func passing(edge int) int { return -1 - edge }

// positions are the places in a layer, 0 to 1, by step or edge.
func (l *layout) positions(at int) map[int]float64 {
	out := map[int]float64{}
	for i, s := range l.rows[at] {
		key := s.step
		if key < 0 {
			key = passing(s.edge)
		}
		out[key] = (float64(i) + 0.5) / float64(len(l.rows[at]))
	}
	return out
}

// place gives every spot its left edge, each layer in the middle, and every
// edge its way.
func (l *layout) place() {
	widths := make([]int, len(l.rows))
	for i, row := range l.rows {
		for _, s := range row {
			widths[i] += s.width() + gapX
		}
		widths[i] -= gapX
		l.width = max(l.width, widths[i])
	}
	where := map[int][2]int{} // of steps
	for i, row := range l.rows {
		x := margin + (l.width-widths[i])/2
		for j := range row {
			row[j].x = x
			x += row[j].width() + gapX
			if row[j].step >= 0 {
				where[row[j].step] = [2]int{i, j}
			}
		}
	}
	l.via = make([][][2]int, len(l.edges))
	for k, e := range l.edges {
		l.via[k] = append(l.via[k], where[e.from])
	}
	for i, row := range l.rows {
		for j, s := range row {
			if s.step < 0 {
				l.via[s.edge] = append(l.via[s.edge], [2]int{i, j})
			}
		}
	}
	for k, e := range l.edges {
		l.via[k] = append(l.via[k], where[e.to])
	}
	l.width += 2 * margin
	l.spread()
}

// spread lets the edges that lead to one step arrive beside each other, in the
// order of where they come from.
func (l *layout) spread() {
	l.aside = make([]int, len(l.edges))
	into := map[int][]int{}
	for k, e := range l.edges {
		into[e.to] = append(into[e.to], k)
	}
	for _, edges := range into {
		slices.SortStableFunc(edges, func(a, b int) int { return cmp.Compare(l.beforeLast(a), l.beforeLast(b)) })
		step := min(44, (boxWidth-40)/len(edges))
		for i, k := range edges {
			l.aside[k] = step * (2*i - len(edges) + 1) / 2
		}
	}
}

// beforeLast is where an edge is above the step that it leads to.
func (l *layout) beforeLast(k int) int {
	at := l.via[k][len(l.via[k])-2]
	return l.rows[at[0]][at[1]].middle()
}

func top(row int) int { return margin + titleHeight + row*(boxHeight+gapY) }
