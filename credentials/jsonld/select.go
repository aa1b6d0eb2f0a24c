package jsonld

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Selective disclosure (Data Integrity ECDSA §3.4) shows some statements of a
// document, so that the nodes of a part must be those of the whole. The nodes
// that have no id get one for the time of the work; then a part of the JSON
// says of the same nodes what the whole says.

// ErrPointer says that a JSON pointer leads nowhere in the document.
var ErrPointer = errors.New("JSON pointer leads nowhere")

// Selectable is a document of which parts can be selected.
type Selectable struct {
	doc     jsondoc.Value
	without string
	ids     map[jsondoc.Value]string // for nodes that have none
	labels  map[string]string        // such an id, as a token -> blank node
	names   map[string]string        // blank node -> its name in lines
	lines   []string
	at      map[string]int
}

// Selection is a part of a document.
type Selection struct {
	// JSON is the part as a document.
	JSON []byte
	// Lines are the statements of the part, as indexes of those of the whole.
	Lines []int
	// Names are the names in the whole of the part's blank nodes, by their
	// canonical identifiers in the part alone, such as c14n0.
	Names map[string]string
}

// NewSelectable reads a document without one of its members. rename gives
// each blank node, of which it is told the canonical identifier, such as
// c14n0, the name that it has in the statements.
func NewSelectable(doc jsondoc.Value, without string, rename func(canonical string) (string, error)) (*Selectable, error) {
	s := &Selectable{doc: doc, without: without, ids: map[jsondoc.Value]string{}, labels: map[string]string{}, at: map[string]int{}}
	if err := s.identify(); err != nil {
		return nil, err
	}
	quads, err := s.quads(s.json(nil, true))
	if err != nil {
		return nil, err
	}
	if s.names, err = renamed(quads, rename); err != nil {
		return nil, err
	}
	s.lines = named(quads, s.names)
	for i, l := range s.lines {
		s.at[l] = i
	}
	return s, nil
}

// Statements returns the statements of a document without one of its members,
// in order, each ending with a line feed. rename is that of [NewSelectable].
func Statements(doc jsondoc.Value, without string, rename func(canonical string) (string, error)) ([]string, error) {
	top, err := nativeObject(doc)
	if err != nil {
		return nil, err
	}
	delete(top, without)
	expanded, err := expandMap(top)
	if err != nil {
		return nil, err
	}
	quads, err := toRDF(expanded)
	if err != nil {
		return nil, err
	}
	names, err := renamed(quads, rename)
	if err != nil {
		return nil, err
	}
	return named(quads, names), nil
}

// renamed gives each blank node its name.
func renamed(quads []quad, rename func(canonical string) (string, error)) (map[string]string, error) {
	c, err := canonicalize(quads, newSHA256)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(c.canon.ids))
	for label, canonical := range c.canon.ids {
		if names[label], err = rename(strings.TrimPrefix(canonical, "_:")); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// Lines are the statements in order, each ending with a line feed.
func (s *Selectable) Lines() []string { return s.lines }

// identify finds the nodes without id, by expanding once.
func (s *Selectable) identify() error {
	source := map[uintptr]jsondoc.Value{}
	top, err := nativeFrom(s.doc, func(m map[string]any, v jsondoc.Value) { source[reflect.ValueOf(m).Pointer()] = v })
	if err != nil {
		return err
	}
	m, ok := top.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: expected an object", ErrInvalid)
	}
	delete(m, s.without)
	if _, err := expandMap(m); err != nil { // also keeps the contexts for the next
		return err
	}
	prefix := rand.Text()
	p := &processor{load: load, initial: own.initial, safe: true, unnamed: func(e map[string]any) {
		v, known := source[reflect.ValueOf(e).Pointer()]
		if !known || s.ids[v] != "" {
			return
		}
		id := "urn:bnid:" + prefix + ":" + strconv.Itoa(len(s.ids))
		s.ids[v] = id
		s.labels["<"+id+">"] = "_:b" + strconv.Itoa(len(s.ids)-1)
	}}
	_, err = p.document(p.initial, m)
	return err
}

// quads makes the statements of JSON in which each node has an id.
func (s *Selectable) quads(raw []byte) ([]quad, error) {
	v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: len(raw)})
	if err != nil {
		return nil, err
	}
	expanded, err := Expand(v)
	if err != nil {
		return nil, err
	}
	b := &builder{labels: map[string]string{}}
	if err := b.document(expanded); err != nil {
		return nil, err
	}
	if b.next > 0 {
		return nil, fmt.Errorf("%w: a document with lists or graphs cannot be disclosed in part", ErrInvalid)
	}
	for i, q := range b.quads {
		for _, t := range []*string{&q.s, &q.o} {
			if label, ok := s.labels[*t]; ok {
				*t = label
			}
		}
		b.quads[i] = q
	}
	return b.quads, nil
}

// named writes statements under the names of the blank nodes, in order.
func named(quads []quad, names map[string]string) []string {
	name := func(t string) string {
		if isBlank(t) {
			return "_:" + names[t]
		}
		return t
	}
	lines := make([]string, 0, len(quads))
	for _, q := range quads {
		lines = append(lines, quad{name(q.s), q.p, name(q.o), name(q.g)}.line())
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// Select selects what JSON pointers (RFC 6901) name; identifiers and types on
// the way there go with it. The error wraps [ErrPointer].
func (s *Selectable) Select(pointers []string) (Selection, error) {
	if len(pointers) == 0 {
		return Selection{}, nil
	}
	top := &picked{}
	for _, p := range pointers {
		if err := top.pick(s.doc, p, s.without); err != nil {
			return Selection{}, err
		}
	}
	quads, err := s.quads(s.json(top, true))
	if err != nil {
		return Selection{}, err
	}
	out := Selection{JSON: s.json(top, false), Names: map[string]string{}}
	for _, l := range named(quads, s.names) {
		i, ok := s.at[l]
		if !ok {
			return out, fmt.Errorf("%w: a part says what the whole does not: %s", ErrInvalid, jsondoc.Clip(l))
		}
		out.Lines = append(out.Lines, i)
	}
	slices.Sort(out.Lines)
	c, err := canonicalize(quads, newSHA256)
	if err != nil {
		return out, err
	}
	for label, canonical := range c.canon.ids {
		out.Names[strings.TrimPrefix(canonical, "_:")] = s.names[label]
	}
	return out, nil
}

// picked is what of a value is selected: all of it, or of its members.
type picked struct {
	whole bool
	inner map[jsondoc.Value]*picked
}

func (p *picked) pick(v jsondoc.Value, pointer, without string) error {
	if pointer != "" && pointer[0] != '/' {
		return fmt.Errorf("%w: %q does not begin with /", ErrPointer, jsondoc.Clip(pointer))
	}
	for i, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		next := v.Get(token)
		if v.Kind() == jsondoc.Array {
			if n, err := strconv.Atoi(token); err == nil && n >= 0 && strconv.Itoa(n) == token {
				next = v.At(n)
			}
		}
		if !next.Exists() || i == 0 && token == without {
			return fmt.Errorf("%w: %q", ErrPointer, jsondoc.Clip(pointer))
		}
		if p.inner == nil {
			p.inner = map[jsondoc.Value]*picked{}
		}
		if p.inner[next] == nil {
			p.inner[next] = &picked{}
		}
		v, p = next, p.inner[next]
	}
	p.whole = true
	return nil
}

// json writes the document, or what is picked of it; with the ids that nodes
// got, or as it came.
func (s *Selectable) json(top *picked, ids bool) []byte {
	if top == nil {
		top = &picked{whole: true}
	}
	w := &selectWriter{s: s, ids: ids}
	w.value(s.doc, top)
	return w.out
}

type selectWriter struct {
	s   *Selectable
	ids bool
	out []byte
}

func (w *selectWriter) value(v jsondoc.Value, p *picked) {
	switch {
	case v.Kind() == jsondoc.Object:
		w.object(v, p)
	case v.Kind() == jsondoc.Array:
		w.open('[')
		for e := v.Child(); e.Exists(); e = e.Next() {
			if of := p.of(e); of != nil {
				w.comma()
				w.value(e, of)
			}
		}
		w.out = append(w.out, ']')
	default:
		w.out = append(w.out, v.Raw()...)
	}
}

// of returns what is picked of a member or element.
func (p *picked) of(v jsondoc.Value) *picked {
	if p.whole {
		return p
	}
	return p.inner[v]
}

func (w *selectWriter) object(v jsondoc.Value, p *picked) {
	w.open('{')
	if id := w.s.ids[v]; w.ids && id != "" {
		w.out = append(w.out, `"id":"`+id+`"`...)
	}
	for m := v.Child(); m.Exists(); m = m.Next() {
		of := p.of(m)
		top := v == w.s.doc
		switch name := m.Name(); {
		case top && name == w.s.without:
			continue
		case of == nil && (name == "id" || name == "type" || top && name == "@context"):
			of = &picked{whole: true}
		case of == nil:
			continue
		}
		w.comma()
		w.out = append(append(w.out, m.RawName()...), ':')
		w.value(m, of)
	}
	w.out = append(w.out, '}')
}

func (w *selectWriter) open(c byte) { w.out = append(w.out, c) }

func (w *selectWriter) comma() {
	if last := w.out[len(w.out)-1]; last != '{' && last != '[' {
		w.out = append(w.out, ',')
	}
}
