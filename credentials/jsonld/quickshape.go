package jsonld

import (
	"crypto/sha256"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// A stream of badges of one achievement says most of it again and again. What
// the quick way made of a node is kept, once it has come twice, and taken over
// for the next document: it follows from the node's bytes, the context and the
// term alone.

// shape is what the quick way made of a node. Places are relative to its own
// first token, node and statement.
type shape struct {
	raw    string
	arena  []byte
	nodes  []quickNode
	quads  []quickQuad
	hashes []atomic.Pointer[[sha256.Size]byte] // first degree hashes, by node
}

type shapeKey struct {
	c   *activeContext
	t   *term
	sum uint64
}

// minShape is the size in bytes from which a node is kept: a smaller one is
// soon made. A subject is another in each badge.
const (
	minShape   = 200
	subjectIRI = credentialNS + "credentialSubject"
)

var (
	shapes    = bounded.NewMap[shapeKey, *shape](256)
	shapeSeed = maphash.MakeSeed()
	cameOnce  bounded.Twice
)

// mark is where a walker stands.
type mark struct{ arena, nodes, quads int }

func (w *walker) mark() mark { return mark{len(w.arena), len(w.nodes), len(w.quads)} }

// child is node for the value of a property.
func (w *walker) child(v jsondoc.Value, c *activeContext, t *term) (int32, bool) {
	raw := v.Raw()
	if len(raw) < minShape || t.iri == subjectIRI || w.noting {
		return w.node(v, c, t, "")
	}
	k := shapeKey{c, t, maphash.Bytes(shapeSeed, raw)}
	at := w.mark()
	if sh, ok := shapes.Get(k); ok && sh.raw == string(raw) {
		w.take(sh)
		return int32(at.nodes), true
	}
	n, ok := w.node(v, c, t, "")
	if ok && cameOnce.Again(k.sum) {
		shapes.Put(k, w.shape(string(raw), at))
	}
	return n, ok
}

// take adds the statements of a shape.
func (w *walker) take(sh *shape) {
	at := w.mark()
	w.arena = append(w.arena, sh.arena...)
	w.nodes = append(w.nodes, sh.nodes...)
	for i := at.nodes; i < len(w.nodes); i++ {
		n := &w.nodes[i]
		if n.shape, n.at = sh, int32(i-at.nodes); n.in != none {
			n.in += int32(at.quads)
		}
	}
	w.quads = append(w.quads, sh.quads...)
	for i := at.quads; i < len(w.quads); i++ {
		w.quads[i].move(int32(at.nodes), int32(at.arena))
	}
}

// shape copies what the walker made since at.
func (w *walker) shape(raw string, at mark) *shape {
	sh := &shape{raw: raw, arena: append([]byte(nil), w.arena[at.arena:]...), nodes: append([]quickNode(nil), w.nodes[at.nodes:]...),
		quads: append([]quickQuad(nil), w.quads[at.quads:]...)}
	for i := range sh.nodes {
		n := &sh.nodes[i]
		n.iri, n.shape = strings.Clone(n.iri), nil // not the document that it came with
		if n.in != none {
			n.in -= int32(at.quads)
		}
	}
	for i := range sh.quads {
		sh.quads[i].move(-int32(at.nodes), -int32(at.arena))
	}
	sh.hashes = make([]atomic.Pointer[[sha256.Size]byte], len(sh.nodes))
	return sh
}

// move shifts the places that a statement names.
func (q *quickQuad) move(nodes, arena int32) {
	q.subject += nodes
	q.from += arena
	q.to += arena
	if q.blank != none {
		q.blank += nodes
	}
}

// kept returns where the first degree hash of a node is kept: all statements
// about it are of its shape. Of the shape's own first node one is outside.
func (n *quickNode) kept() *atomic.Pointer[[sha256.Size]byte] {
	if n.shape == nil || n.at == 0 {
		return nil
	}
	return &n.shape.hashes[n.at]
}
