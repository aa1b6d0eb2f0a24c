package jsondoc

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"github.com/trust-me/trustme/internal/bounded"
)

// Documents of one maker are alike: the same members in the same order, with
// other texts here and there. What came twice in one build is kept as a
// pattern, along which the next is read: where the bytes are the same the
// nodes are too, and where they part a text without escapes must stand in both.
// Whatever else differs is read as any document is.

// Pattern is a document that others are like.
type Pattern struct {
	*doc
	texts []int32 // the nodes that are texts without escapes, in order
}

const (
	maxPatterns     = 4  // of one beginning
	maxBeginnings   = 16 // that are kept
	beginning       = 64 // bytes, by which patterns are found
	maxPatternSize  = 8 << 10
	maxPatternNodes = 1 << 9
	maxParted       = 32 // texts that may differ
	patience        = 64 // documents that are like none before one more takes the oldest's place
)

var (
	patterns    = bounded.NewMap[uint64, *begun](maxBeginnings)
	patternSeed = maphash.MakeSeed()
	builtOnce   bounded.Twice
)

// begun are the patterns of one beginning.
type begun struct {
	all    [maxPatterns]*Pattern
	missed *atomic.Uint32 // documents that were like none of them
}

// alike reads the document along a pattern, if it is like one.
func (p *parser) alike() (key uint64, ok bool) {
	if len(p.raw) < beginning || len(p.raw) > maxPatternSize || p.limits.Depth != defaultDepth || p.limits.Nodes < maxPatternNodes {
		return 0, false
	}
	key = maphash.Bytes(patternSeed, p.raw[:beginning])
	b, found := patterns.Get(key)
	if !found {
		return key, false
	}
	for _, t := range b.all {
		if t != nil && p.along(t) {
			p.pattern = t
			return key, true
		}
	}
	p.at, p.err, p.parted = 0, nil, p.parted[:0]
	return key, false
}

// along is [parser.value] for the whole document, if it is like t.
func (p *parser) along(t *Pattern) bool {
	p.parted = p.parted[:0]
	var few [512]byte
	own := few[:0] // what the texts say that differ
	shift, next := 0, 0
	for at := 0; ; {
		at += common(t.raw[at:], p.raw[at+shift:])
		if at == len(t.raw) {
			if len(p.raw) != at+shift {
				return false
			}
			break
		}
		// All before is read alike, so that a text which begins there does in
		// both; it is the last that does so before the bytes part.
		for next < len(t.texts) && int(t.nodes[t.texts[next]].end) <= at {
			next++
		}
		if next == len(t.texts) || len(p.parted) == maxParted {
			return false
		}
		i := t.texts[next]
		n := &t.nodes[i]
		if at <= int(n.start) {
			return false
		}
		p.at = int(n.start) + shift
		from, to, escaped, ok := p.quoted()
		if !ok || escaped {
			return false
		}
		at = int(n.end)
		shift = p.at - at
		p.parted = append(p.parted, parted{node: i, shift: int32(shift), size: int32(to - from)})
		own = append(own, p.raw[from:to]...)
	}
	p.nodes = append(p.nodes[:0], t.nodes...)
	p.shift()
	texts, from := string(own), int32(0)
	for k := range p.parted {
		d := &p.parted[k]
		d.text, from = texts[from:from+d.size], from+d.size
		p.nodes[d.node].parted = true
	}
	return true
}

// parted is a text that differs from the pattern's, and how far what comes
// behind it stands from its place there.
type parted struct {
	node, shift, size int32
	text              string
}

// textOf returns the text of a node of a document that is like a pattern. What
// both say is the pattern's, so that it is in memory once.
func (d *doc) textOf(i int32) string {
	if d.nodes[i].parted {
		for k := range d.parted {
			if d.parted[k].node == i {
				return d.parted[k].text
			}
		}
	}
	n := &d.pattern.nodes[i]
	if n.textDecoded {
		return d.pattern.decoded[2*i+1]
	}
	return d.pattern.text[n.start+1 : n.end-1]
}

// shift moves the nodes to their places.
func (p *parser) shift() {
	moved := false
	for _, d := range p.parted {
		moved = moved || d.shift != 0
	}
	if !moved {
		return
	}
	begun := int32(0) // what begins at a node, or its name, is moved by
	k := 0
	for i := range p.nodes {
		n := &p.nodes[i]
		n.start += begun
		if n.nameEnd > 0 {
			n.nameAt += begun
			n.nameEnd += begun
		}
		if k < len(p.parted) && p.parted[k].node == int32(i) {
			begun = p.parted[k].shift
			k++
		}
		// What ends behind its last descendant is moved by what was read till there.
		ended := begun
		for m := k; m < len(p.parted) && p.parted[m].node < n.next; m++ {
			ended = p.parted[m].shift
		}
		n.end += ended
	}
}

// keep makes the document a pattern, when one in the same build came before.
func (p *parser) keep(key uint64) {
	if key == 0 || len(p.nodes) > maxPatternNodes || !builtOnce.Again(key+uint64(len(p.nodes))) {
		return
	}
	if b, ok := patterns.Get(key); ok && b.all[maxPatterns-1] != nil && b.missed.Add(1)%patience != 0 {
		return // builds that come and go shall not cost a pattern each
	}
	t := &Pattern{doc: &doc{raw: []byte(p.text), text: p.text, nodes: append([]node(nil), p.nodes...), decoded: p.decoded}}
	for i := range t.nodes {
		if t.nodes[i].kind == String && !t.nodes[i].textDecoded {
			t.texts = append(t.texts, int32(i))
		}
	}
	patterns.Update(key, func(old *begun, ok bool) *begun {
		b := &begun{missed: new(atomic.Uint32)}
		if ok {
			copy(b.all[1:], old.all[:])
			b.missed = old.missed
		}
		b.all[0] = t
		return b
	})
}

// common counts the bytes with which both begin.
func common(a, b []byte) int {
	const step = 64
	n := min(len(a), len(b))
	i := 0
	for i+step <= n && bytes.Equal(a[i:i+step], b[i:i+step]) {
		i += step
	}
	for i+8 <= n {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
		i += 8
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// Like returns the pattern that v's document was read along, nil when it was
// not.
func (v Value) Like() *Pattern {
	if v.d == nil {
		return nil
	}
	return v.d.pattern
}

// Parted calls yield with each text of the document that differs from its
// pattern's, in order, until it answers false.
func (v Value) Parted(yield func(Value) bool) {
	for _, d := range v.d.parted {
		if !yield(Value{v.d, d.node}) {
			return
		}
	}
}

// Place is the number of v in its document. Documents that are like one
// pattern have the same values at the same places.
func (v Value) Place() int32 { return v.i }

// At returns the pattern's own value at a place.
func (t *Pattern) At(place int32) Value { return Value{t.doc, place} }

// Watched returns the pattern's document, and calls told with the place of
// each text that is read in it: what reads none that differs in another like it
// finds the same there.
func (t *Pattern) Watched(told func(place int32)) Value {
	d := *t.doc
	d.watch = told
	return Value{&d, 0}
}

// Elsewhere returns the value at another place of v's document.
func (v Value) Elsewhere(place int32) Value { return Value{v.d, place} }

// Within reports whether v is o, or stands in it.
func (v Value) Within(o Value) bool {
	return v.d != nil && v.d == o.d && v.i >= o.i && v.i < o.d.nodes[o.i].next
}
