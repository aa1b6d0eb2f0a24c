package credentials

import (
	"slices"

	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// The rules look at few of a badge's texts, and at most of these one by one. So
// it is noted of a pattern that keeps them which rule read which text: in a
// document like it only the rules that read one of its own texts are applied
// again. Where anything else read it, or a rule finds a problem, all are.

// lintTrace notes which rule read which text.
type lintTrace struct {
	rules []lintRule
	now   int             // the rule at work, -1: none
	by    map[int32][]int // rules, or -1, by the place of the text that they read
}

// lintRule is a rule that was applied to the value at a place.
type lintRule struct {
	place int32
	v1    bool
	hold  func(*linter, jsondoc.Value)
}

// rule applies a rule that depends on nothing but v's document, and the
// model's version.
func (l *linter) rule(v jsondoc.Value, hold func(*linter, jsondoc.Value)) {
	t := l.trace
	if t == nil {
		hold(l, v)
		return
	}
	before := t.now
	t.now = len(t.rules)
	t.rules = append(t.rules, lintRule{v.Place(), l.v1, hold})
	hold(l, v)
	t.now = before
}

func (t *lintTrace) read(place int32) {
	if !slices.Contains(t.by[place], t.now) {
		t.by[place] = append(t.by[place], t.now)
	}
}

type lintKey struct {
	pattern *jsondoc.Pattern
	kind    Kind
	issuing bool
}

// traces are those of patterns that keep the rules, nil for the others.
var traces = bounded.NewMap[lintKey, *lintTrace](128)

// soundLike reports whether a document keeps the rules as the pattern does that
// it is like. No means that it must be looked at.
func soundLike(doc jsondoc.Value, k Kind, issuing bool) bool {
	key := lintKey{doc.Like(), k, issuing}
	if key.pattern == nil || doc.Place() != 0 {
		return false
	}
	t, ok := traces.Get(key)
	if !ok {
		t = traced(key)
		traces.Put(key, t)
	}
	if t == nil {
		return false
	}
	l := linter{issuing: issuing}
	for e := range doc.Parted {
		for _, i := range t.by[e.Place()] {
			if i < 0 {
				return false
			}
			r := &t.rules[i]
			l.v1 = r.v1
			if r.hold(&l, doc.Elsewhere(r.place)); len(l.problems) > 0 {
				return false
			}
		}
	}
	return true
}

func traced(k lintKey) *lintTrace {
	t := &lintTrace{now: -1, by: map[int32][]int{}}
	l := linter{issuing: k.issuing, trace: t}
	if l.credential(k.pattern.Watched(t.read), k.kind); len(l.problems) > 0 {
		return nil
	}
	return t
}
