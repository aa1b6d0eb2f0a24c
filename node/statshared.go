package node

// What partners are told keeps to four rules. They look at nothing but which
// groups are small, so that who knows them learns no more from what they hide:
//
//  1. A count of one to four is told as "<5", and what is computed from so few,
//     such as a median, as "hidden"; 0 and what is five or more is told.
//  2. A total of which a part is so hidden is "hidden" itself, since it less the
//     others would tell the part. It is five or more then: a total under five
//     is told as "<5", without its parts, whose number would tell of it.
//  3. A total that is broken down in another way too, such as by route, is told
//     in the first way only if that has a small part: what both ways leave open
//     could have one answer.
//  4. Another way with a small part of its own is left out, since the total and
//     the first way would tell it.
//
// What goes with a breakdown, such as the ages of applications by state, is left
// out with it: that there is a state tells that somebody is in it. What is left
// out is one line, "hidden". Two answers for times that overlap can still be
// subtracted from each other; the operator gives one.

// smallGroup is the least number that partners are told.
const smallGroup = 5

// groups are how many are behind figures that are no count of them. Figures
// are keyed by metric and By alone.
type groups map[Figure]int64

// few reports whether somebody could be told from a number of people.
func few(n int64) bool { return n > 0 && n < smallGroup }

// breakdown are the figures of a metric: of its total, if it has one, and of
// its parts.
type breakdown struct {
	total *Figure
	parts []*Figure
}

func (b breakdown) anyFew() bool {
	for _, p := range b.parts {
		if few(int64(p.Value)) {
			return true
		}
	}
	return false
}

// suppress hides what partners are not told.
func (s *Stats) suppress(g groups) {
	broken := map[string]*breakdown{}
	for i := range s.Figures {
		f := &s.Figures[i]
		b := broken[f.Metric]
		if b == nil {
			b = &breakdown{}
			broken[f.Metric] = b
		}
		if f.By == "" {
			b.total = f
		} else {
			b.parts = append(b.parts, f)
		}
	}
	leave := map[string]bool{} // metrics whose parts are left out
	for _, m := range metrics {
		b, first := broken[m.name], broken[m.of]
		switch {
		case b == nil:
		case first != nil && (b.anyFew() || first.anyFew() || few(int64(first.total.Value))),
			b.total != nil && m.kind != "" && few(int64(b.total.Value)),
			m.with != "" && leave[m.with]:
			leave[m.name] = true
		}
	}
	shown := s.Figures[:0:0]
	for i := range s.Figures {
		f := s.Figures[i]
		b := broken[f.Metric]
		behind, computed := g[Figure{Metric: f.Metric, By: f.By}]
		switch {
		case f.By != "" && leave[f.Metric]:
			if b.total != nil || b.parts[0] != &s.Figures[i] {
				continue
			}
			f.By = "" // one line says that there is more
			f.hide(true, 0)
		case computed:
			f.hide(few(behind), 0)
		case few(int64(f.Value)):
			f.hide(true, smallGroup)
		case f.By == "" && b.anyFew():
			f.hide(true, 0)
		}
		shown = append(shown, f)
	}
	s.Figures = shown
}

func (f *Figure) hide(hidden bool, under int) {
	if hidden {
		f.Value, f.Hidden, f.Under = 0, true, under
	}
}
