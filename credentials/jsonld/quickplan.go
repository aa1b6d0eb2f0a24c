package jsonld

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"

	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Documents that are like one pattern say the same but for some texts. The
// statements of the pattern are kept, with what each was made of; for a
// document like it those of its own texts are made anew, by the same tests.
// A text that decides more than its own statement (a type, a word) is the
// source of none: where it differs, the document is walked as any other.

// source tells what was made of the text at a place.
type source struct {
	place int32
	kind  sourceKind
	of    int32 // the node, or the statement
	t     *term
	c     *activeContext
}

type sourceKind uint8

const (
	sourceID        sourceKind = iota // the identifier of a node
	sourceReference                   // the object of a statement about that node
	sourceLiteral                     // an object that is a literal
	sourceLink                        // an object that is an IRI
)

func (w *walker) note(s source) {
	if w.noting {
		w.sources = append(w.sources, s)
	}
}

// plan is what the quick way made of a part of a pattern.
type plan struct {
	ok      bool // else it cannot go the quick way
	arena   []byte
	nodes   []quickNode
	quads   []quickQuad
	sources []source // by place
	doubled bool     // a statement is made twice
}

// planKey names a part of a pattern, and the contexts for it, which may be
// another document's.
type planKey struct {
	pattern, contexts *jsondoc.Pattern
	place, at         int32
	without           string
}

var plans = bounded.NewMap[planKey, *plan](128)

// again makes the statements of a part that is like one of which they were
// made before. It answers false for any other.
func (w *walker) again(p Part, contexts jsondoc.Value) bool {
	k := planKey{p.Body.Like(), contexts.Like(), p.Body.Place(), contexts.Place(), p.Without}
	if k.pattern == nil || k.contexts == nil {
		return false
	}
	for e := range contexts.Parted {
		if e.Within(contexts) {
			return false
		}
	}
	pl, ok := plans.Get(k)
	if !ok {
		pl = newPlan(Part{Body: k.pattern.At(k.place), Without: p.Without}, contexts)
		plans.Put(k, pl)
	}
	if !pl.ok {
		return false
	}
	w.arena, w.nodes, w.quads = append(w.arena[:0], pl.arena...), append(w.nodes[:0], pl.nodes...), append(w.quads[:0], pl.quads...)
	w.doubled = pl.doubled
	without := jsondoc.Value{}
	if p.Without != "" {
		without = p.Body.Get(p.Without)
	}
	sources := pl.sources
	for e := range p.Body.Parted {
		if !e.Within(p.Body) || e.Within(without) {
			continue
		}
		for len(sources) > 0 && sources[0].place < e.Place() {
			sources = sources[1:]
		}
		if len(sources) == 0 || sources[0].place != e.Place() {
			return false
		}
		for ; len(sources) > 0 && sources[0].place == e.Place(); sources = sources[1:] {
			if !w.anew(&sources[0], e) {
				return false
			}
		}
	}
	w.forget()
	return w.topOnce()
}

// forget leaves the kept hashes of blank nodes that were linked to under
// another identifier.
func (w *walker) forget() {
	for i := range w.nodes {
		if n := &w.nodes[i]; n.in != none && w.nodes[w.quads[n.in].subject].anew {
			n.shape = nil
		}
	}
}

// anew makes of a text what was made of the pattern's.
func (w *walker) anew(s *source, v jsondoc.Value) bool {
	text, _ := v.Text()
	if s.kind == sourceID {
		n := &w.nodes[s.of]
		n.iri, n.anew = text, true
		return s.c.plainIRI(text)
	}
	q := &w.quads[s.of]
	n := &w.nodes[q.subject]
	n.shape, n.ready = nil, false // what was kept of it was of other statements
	if s.kind == sourceLiteral {
		*q = w.literal(q.subject, s.t, text, s.t.quick.suffix)
		return true
	}
	*q = w.token(q.subject, s.t.quick.token, "<", text, ">")
	return s.kind == sourceReference || s.c.plainIRI(text)
}

// newPlan makes the statements of a part of a pattern, in the order in which
// they are written: so they are nearly sorted in each document like it.
func newPlan(p Part, contexts jsondoc.Value) *plan {
	w := &walker{noting: true}
	c, ok := own.begin(contexts)
	if !ok || !w.walk(p, c) {
		return &plan{}
	}
	w.group()
	w.sort()
	pl := &plan{ok: true, nodes: slices.Clone(w.nodes), sources: slices.Clone(w.sources)}
	at := w.inOrder()
	for _, i := range w.order {
		pl.add(w, w.quads[i])
	}
	pl.doubled = w.doubled
	hashes := &shape{hashes: make([]atomic.Pointer[[sha256.Size]byte], len(pl.nodes))}
	for i := range pl.nodes {
		n := &pl.nodes[i]
		n.shape, n.at, n.ready = hashes, int32(i), true
		if n.in != none {
			n.in = at[n.in]
		}
	}
	for i := range pl.sources {
		if s := &pl.sources[i]; s.kind != sourceID {
			s.of = at[s.of]
		}
	}
	slices.SortStableFunc(pl.sources, func(a, b source) int { return int(a.place - b.place) })
	return pl
}

// add adds a statement of w, and its whole line if that holds no label: lines
// that follow each other are then written as one.
func (pl *plan) add(w *walker, q quickQuad) {
	if iri := w.nodes[q.subject].iri; iri != "" && q.blank == none {
		q.line = int32(len(pl.arena))
		pl.arena = append(append(append(pl.arena, '<'), iri...), '>')
	}
	from := int32(len(pl.arena))
	pl.arena = append(pl.arena, w.arena[q.from:q.to]...)
	q.from, q.to = from, int32(len(pl.arena))
	pl.quads = append(pl.quads, q)
}

// inOrder returns where in the order each statement stands.
func (w *walker) inOrder() []int32 {
	at := make([]int32, len(w.order))
	for k, i := range w.order {
		at[i] = int32(k)
	}
	return at
}
