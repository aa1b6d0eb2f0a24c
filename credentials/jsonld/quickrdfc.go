package jsonld

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
)

// canonicalWork is what canonicalising needs beside the statements; it is kept
// from one document to the next.
type canonicalWork struct {
	order   []int32 // statements, those of a subject together, each in order
	starts  []int32 // where the statements of a group begin
	groups  int32
	named   []int32 // groups of IRIs, in order
	blanks  []quickBlank
	names   []string // of blank nodes, by node
	doubled bool     // two statements are the same
	scratch []byte
	out     []byte
}

type quickBlank struct {
	node int32
	hash [sha256.Size]byte
}

// canonical is RDFC-1.0 (§4.4.3) for a tree in which every blank node has a
// first degree hash of its own: else it answers false.
func (w *walker) canonical() bool {
	w.group()
	w.sort()
	if !w.hash() {
		return false
	}
	w.write()
	return true
}

// group gives each subject a group: nodes of one IRI share theirs.
func (w *walker) group() {
	w.named, w.blanks, w.groups = w.named[:0], w.blanks[:0], 0
	for i := range w.nodes {
		if w.nodes[i].iri != "" {
			w.named = append(w.named, int32(i))
		}
	}
	slices.SortFunc(w.named, func(a, b int32) int { return compareIRIs(w.nodes[a].iri, w.nodes[b].iri) })
	distinct := w.named[:0]
	for _, n := range w.named {
		if len(distinct) == 0 || w.nodes[distinct[len(distinct)-1]].iri != w.nodes[n].iri {
			distinct = append(distinct, n)
			w.groups++
		} else {
			w.nodes[distinct[len(distinct)-1]].ready = false // there are more to sort with
		}
		w.nodes[n].group = w.groups - 1
	}
	w.named = distinct
	for i := range w.nodes {
		if w.nodes[i].iri == "" {
			w.nodes[i].group = w.groups
			w.groups++
			w.blanks = append(w.blanks, quickBlank{node: int32(i)})
		}
	}
}

// compareIRIs orders IRIs as their tokens, which end with ">".
func compareIRIs(a, b string) int {
	n := min(len(a), len(b))
	if c := cmp.Compare(a[:n], b[:n]); c != 0 || len(a) == len(b) {
		return c
	}
	if len(a) < len(b) {
		return cmp.Compare('>', b[n])
	}
	return cmp.Compare(a[n], '>')
}

// sort puts the statements of each group into the order of their lines; those
// about blank nodes stay as they came, until these have names. A statement
// that is made twice is one.
func (w *walker) sort() {
	w.starts = append(w.starts[:0], make([]int32, w.groups+1)...)
	for i := range w.quads {
		w.starts[w.nodes[w.quads[i].subject].group+1]++
	}
	for g := range w.groups {
		w.starts[g+1] += w.starts[g]
	}
	w.order = slices.Grow(w.order[:0], len(w.quads))[:len(w.quads)]
	for i := len(w.quads) - 1; i >= 0; i-- { // filled from behind
		g := w.nodes[w.quads[i].subject].group
		w.starts[g+1]--
		w.order[w.starts[g+1]] = int32(i)
	}
	// Now starts[g+1] is where group g begins; shift it back.
	copy(w.starts, w.starts[1:])
	w.starts[w.groups] = int32(len(w.quads))
	for _, n := range w.named {
		w.arrange(n)
	}
	for i := range w.blanks {
		w.arrange(w.blanks[i].node)
	}
}

// arrange sorts the statements of a node's group, unless they are in order.
func (w *walker) arrange(node int32) {
	if n := &w.nodes[node]; !n.ready {
		w.insert(w.of(n.group))
	}
}

// insert sorts the few statements of a node; equal ones stay as they came.
func (w *walker) insert(group []int32) {
	if len(group) > 32 {
		slices.SortStableFunc(group, w.compare)
		return
	}
	for i := 1; i < len(group); i++ {
		x := group[i]
		k := i
		for ; k > 0 && w.compare(x, group[k-1]) < 0; k-- {
			group[k] = group[k-1]
		}
		group[k] = x
	}
}

// of returns the statements of a group.
func (w *walker) of(g int32) []int32 { return w.order[w.starts[g]:w.starts[g+1]] }

// compare orders the lines of two statements about one subject, and notes when
// they are the same, which no sorting can miss. "_" comes behind what other
// objects begin with; those of one property about blank nodes are equal so far.
func (w *walker) compare(a, b int32) int {
	p, q := &w.quads[a], &w.quads[b]
	c := bytes.Compare(w.arena[p.from:p.to], w.arena[q.from:q.to])
	if c == 0 && p.blank == none {
		w.doubled = true
	}
	return c
}

// doubles reports whether the statement i of a group is the one before it.
func (w *walker) doubles(group []int32, i int) bool {
	return w.doubled && i > 0 && w.quads[group[i]].blank == none && w.compare(group[i-1], group[i]) == 0
}

// hash names the blank nodes by their first degree hashes (§4.6.3).
func (w *walker) hash() bool {
	for i := range w.blanks {
		w.blanks[i].hash = w.firstDegree(w.blanks[i].node)
	}
	slices.SortFunc(w.blanks, func(a, b quickBlank) int {
		if c := cmp.Compare(binary.BigEndian.Uint64(a.hash[:]), binary.BigEndian.Uint64(b.hash[:])); c != 0 {
			return c
		}
		return bytes.Compare(a.hash[:], b.hash[:])
	})
	w.names = append(w.names[:0], make([]string, len(w.nodes))...)
	for i, b := range w.blanks {
		if i > 0 && w.blanks[i-1].hash == b.hash {
			return false
		}
		w.names[b.node] = canonicalName(i)
	}
	return true
}

func (w *walker) firstDegree(node int32) [sha256.Size]byte {
	n := &w.nodes[node]
	kept := n.kept()
	if kept != nil {
		if h := kept.Load(); h != nil {
			return *h
		}
	}
	b := w.scratch[:0]
	from := ""
	if n.in != none {
		from = w.nodes[w.quads[n.in].subject].iri
	}
	if n.in != none && from != "" { // "<" comes before "_:a"
		b = append(append(append(b, '<'), from...), '>')
		b = w.line(b, &w.quads[n.in], "_:a")
	}
	own := w.of(n.group)
	for i, q := range own {
		if !w.doubles(own, i) {
			b = w.line(append(b, "_:a"...), &w.quads[q], "_:z")
		}
	}
	if n.in != none && from == "" { // "_:z" comes behind
		b = w.line(append(b, "_:z"...), &w.quads[n.in], "_:a")
	}
	w.scratch = b
	h := sha256.Sum256(b)
	if kept != nil {
		keep := h // on the heap only where it is kept
		kept.Store(&keep)
	}
	return h
}

// line writes the rest of a statement behind its subject.
func (w *walker) line(b []byte, q *quickQuad, blank string) []byte {
	b = append(b, w.arena[q.from:q.to]...)
	if q.blank != none {
		b = append(append(b, blank[1:]...), endOfLine...)
	}
	return b
}

// write puts all lines in order into out.
func (w *walker) write() {
	b := w.out[:0]
	for _, n := range w.named {
		b = w.writeGroup(b, w.nodes[n].group, "<", w.nodes[n].iri, ">")
	}
	slices.SortFunc(w.blanks, func(a, b quickBlank) int { return cmp.Compare(w.names[a.node], w.names[b.node]) })
	for _, n := range w.blanks {
		b = w.writeGroup(b, w.nodes[n.node].group, "", w.names[n.node], "")
	}
	w.out = b
}

func (w *walker) writeGroup(b []byte, g int32, before, subject, after string) []byte {
	group := w.of(g)
	w.sortNamed(group)
	from, to := 0, 0                   // of the subject, once it was written
	begun, ended := int32(0), int32(0) // whole lines that are still to be copied
	for i, x := range group {
		if w.doubles(group, i) {
			continue
		}
		q := &w.quads[x]
		if q.line != none && !w.nodes[q.subject].anew {
			if q.line != ended {
				b = append(b, w.arena[begun:ended]...)
				begun = q.line
			}
			ended = q.to
			continue
		}
		b = append(b, w.arena[begun:ended]...)
		begun, ended = 0, 0
		name := ""
		if q.blank != none {
			name = w.names[q.blank]
		}
		if to == 0 {
			from = len(b)
			b = append(append(append(b, before...), subject...), after...)
			to = len(b)
		} else {
			b = append(b, b[from:to]...)
		}
		b = w.line(b, q, name)
	}
	return append(b, w.arena[begun:ended]...)
}

// sortNamed orders the statements of a property about blank nodes, which stand
// together, now that these have names.
func (w *walker) sortNamed(group []int32) {
	for from := 0; from < len(group); {
		q := &w.quads[group[from]]
		to := from + 1
		for q.blank != none && to < len(group) && w.compare(group[from], group[to]) == 0 {
			to++
		}
		if to > from+1 {
			slices.SortFunc(group[from:to], func(x, y int32) int {
				return cmp.Compare(w.names[w.quads[x].blank], w.names[w.quads[y].blank])
			})
		}
		from = to
	}
}

// canonicalName is the i-th canonical identifier.
func canonicalName(i int) string {
	if i < len(canonicalNames) {
		return canonicalNames[i]
	}
	return "_:c14n" + strconv.Itoa(i)
}

var canonicalNames = func() (all [64]string) {
	for i := range all {
		all[i] = "_:c14n" + strconv.Itoa(i)
	}
	return all
}()
