package jsonld

import (
	"slices"
	"strings"
	"sync"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// The quick way makes statements straight from the JSON tree, for documents
// as issuers write them: members and types that the contexts name, values,
// identifiers, nodes in nodes. Whatever else it meets (contexts within the
// document, value objects, lists, maps, graphs, compact IRIs, nulls, a word
// without meaning, look-alike nodes) it leaves to the general way, which alone
// finds errors. So it never refuses, and what it answers is what the general
// way would: FuzzQuickWay and the vectors hold the two to each other.

// role is what a member of a quick document can be.
type role uint8

const (
	other     role = iota // for the general way
	roleID                // stands for @id
	roleType              // stands for @type
	roleValue             // a property with a typed literal, or an untyped value
	roleLink              // a property of identifiers
	roleWord              // a property of terms or identifiers
)

// quickTerm is what the quick way knows of a term.
type quickTerm struct {
	role   role
	token  string // "<iri>", "" when it has none that may be used
	suffix string // of a typed literal, such as ^^<…#date>
}

func (t *term) compile() (q quickTerm) {
	switch {
	case t.iri == "@id":
		return quickTerm{role: roleID}
	case t.iri == "@type":
		return quickTerm{role: roleType}
	case t.iri == "" || t.iri[0] == '@' || checkIRI(t.iri) != nil || checkWeb(t.iri) != nil:
		return q
	}
	q.token = "<" + t.iri + ">"
	if t.reverse || t.nest != "" || t.index != "" || t.hasLanguage || t.hasDirection {
		return q
	}
	for _, c := range t.container {
		if c != "@set" {
			return q
		}
	}
	switch {
	case t.typ == "@id":
		q.role = roleLink
	case t.typ == "@vocab":
		q.role = roleWord
	case t.typ == "" || t.typ == xsdNS+"string":
		q.role = roleValue
	case t.typ[0] != '@' && checkIRI(t.typ) == nil:
		q.role, q.suffix = roleValue, "^^<"+t.typ+">"
	}
	return q
}

// quickNode is the subject of statements: an IRI, or a blank node.
type quickNode struct {
	iri   string // "" : blank
	group int32  // where its statements stand
	in    int32  // the statement whose object a blank node is, or none

	shape *shape // that it was taken over from, if it was
	at    int32  // its number there
	id    int32  // the place of its identifier
	anew  bool   // its identifier is not that of the plan
	ready bool   // its statements are in order
}

// quickQuad is a statement. What its line says behind the subject is
// arena[from:to], so that lines are compared and written as a whole. Where the
// object is a blank node, that ends with the "_" of its label. Of a plan, the
// whole line is arena[line:to] where it holds no label.
type quickQuad struct {
	subject  int32
	blank    int32 // the object, none: it is a token
	from, to int32
	line     int32 // none: it is still to be put together
}

const none = -1

type walker struct {
	arena []byte
	nodes []quickNode
	quads []quickQuad
	// scopes are the types of the node in hand that have contexts.
	scopes []quickScope
	// sources tell what was made of which text, if they are noted.
	noting  bool
	sources []source
	canonicalWork
}

var walkers = sync.Pool{New: func() any { return new(walker) }}

// quickly writes the canonical form of a part into the walker's output. It
// answers false for what must go the general way.
func (w *walker) quickly(p Part) bool { return w.state(p) && w.canonical() }

// state makes the statements of a part.
func (w *walker) state(p Part) bool {
	contexts := p.Contexts
	if !contexts.Exists() {
		contexts = p.Body.Get("@context")
	} else if p.Body.Get("@context").Exists() {
		return false
	}
	if p.Body.Kind() != jsondoc.Object {
		return false
	}
	if w.again(p, contexts) {
		return true
	}
	c, ok := own.begin(contexts)
	return ok && w.walk(p, c)
}

// walk makes the statements of a part whose contexts make c.
func (w *walker) walk(p Part, c *activeContext) bool {
	w.doubled = false
	w.arena, w.nodes, w.quads, w.scopes, w.sources = w.arena[:0], w.nodes[:0], w.quads[:0], w.scopes[:0], w.sources[:0]
	if _, ok := w.node(p.Body, c, nil, p.Without); !ok || len(w.quads) == 0 || len(w.quads) > maxRDF {
		return false
	}
	return w.topOnce()
}

// topOnce reports whether no other node has the identifier of the document: the
// general way looks at what such a one says.
func (w *walker) topOnce() bool {
	top := w.nodes[0].iri
	for i := range w.nodes {
		if i > 0 && top != "" && w.nodes[i].iri == top {
			return false
		}
	}
	return true
}

// begin returns the context that a document's own makes, of those that are
// accepted.
func (p *processor) begin(contexts jsondoc.Value) (*activeContext, bool) {
	if !contexts.Exists() {
		return nil, false
	}
	if c, ok := p.read.Load(string(contexts.Raw())); ok {
		return c.(*activeContext), true
	}
	local, err := native(contexts)
	if err != nil {
		return nil, false
	}
	if _, err := acceptable(local, ""); err != nil {
		return nil, false
	}
	c, err := p.with(p.initial, local)
	if err != nil {
		return nil, false
	}
	p.keep(&p.read, string(contexts.Raw()), c)
	return c, true
}

// node reads a node object and returns its number. t is the term of the
// property that it is the value of, in c.
func (w *walker) node(v jsondoc.Value, c *activeContext, t *term, without string) (int32, bool) {
	c, ok := quickContext(v, c, t)
	if !ok {
		return 0, false
	}
	me := int32(len(w.nodes))
	w.nodes = append(w.nodes, quickNode{in: none})
	typed, ok := w.typesOf(v, c, me)
	if !ok {
		return 0, false
	}
	inner, ok := w.typedContext(c)
	if !ok || !inner.quick() {
		return 0, false
	}
	for m := v.Child(); m.Exists(); m = m.Next() {
		name := m.Name()
		if t == nil && (name == "@context" || name == without && name != "") {
			continue
		}
		mt := inner.terms[name]
		if mt == nil || name[0] == '@' || name[0] >= 'A' && name[0] <= 'Z' {
			return 0, false
		}
		switch mt.quick.role {
		case other:
			return 0, false
		case roleID:
			s, isText := m.Text()
			if !isText || w.nodes[me].iri != "" || !inner.plainIRI(s) {
				return 0, false
			}
			w.nodes[me].iri, w.nodes[me].id = s, m.Place()
			w.note(source{m.Place(), sourceID, me, nil, inner})
		case roleType:
			if m != typed {
				return 0, false
			}
		default:
			if !w.values(m, me, inner, mt) {
				return 0, false
			}
		}
	}
	return me, true
}

// quickContext is [processor.enter].
func quickContext(v jsondoc.Value, c *activeContext, t *term) (*activeContext, bool) {
	if c.previous != nil && !bare(v, c) {
		c = c.previous
	}
	if t == nil || !t.hasContext {
		return c, true
	}
	c, err := own.scoped(c, t, true)
	return c, err == nil
}

// bare reports whether a node is a mere reference, on which a context
// of a type goes on holding.
func bare(v jsondoc.Value, c *activeContext) bool {
	if v.Len() != 1 {
		return false
	}
	t := c.terms[v.Child().Name()]
	return t != nil && t.quick.role == roleID
}

// typesOf states the types of a node and returns the member that holds them.
func (w *walker) typesOf(v jsondoc.Value, c *activeContext, me int32) (typed jsondoc.Value, ok bool) {
	for _, name := range c.typeNames() {
		if m := v.Get(name); m.Exists() {
			if typed.Exists() {
				return typed, false
			}
			typed = m
		}
	}
	for e := first(typed); e.Exists(); e = following(typed, e) {
		s, isText := e.Text()
		t := c.terms[s]
		if !isText || t == nil || t.quick.token == "" {
			return typed, false
		}
		w.quads = append(w.quads, w.token(me, rdfType, "", t.quick.token, ""))
		if t.hasContext {
			w.scopes = append(w.scopes, quickScope{s, t})
		}
	}
	return typed, true
}

const rdfType = "<" + rdfNS + "type>"

// quickScope is a type with a context of its own.
type quickScope struct {
	name string
	t    *term
}

// typedContext applies the contexts of types, in the order of their names.
func (w *walker) typedContext(c *activeContext) (*activeContext, bool) {
	scopes := w.scopes
	w.scopes = w.scopes[:0]
	slices.SortFunc(scopes, func(a, b quickScope) int { return strings.Compare(a.name, b.name) })
	for _, s := range scopes {
		var err error
		if c, err = own.scoped(c, s.t, false); err != nil {
			return nil, false
		}
	}
	return c, true
}

// typeNames are the terms that stand for @type.
func (c *activeContext) typeNames() []string {
	if l := c.types.Load(); l != nil {
		return *l
	}
	var l []string
	for name, t := range c.terms {
		if t.iri == "@type" {
			l = append(l, name)
		}
	}
	c.types.Store(&l)
	return l
}

// first and following go through the elements of a value, of which one that
// is no array is the only one.
func first(v jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.Array {
		return v.Child()
	}
	return v
}

func following(v, e jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.Array {
		return e.Next()
	}
	return jsondoc.Value{}
}

func (w *walker) values(v jsondoc.Value, me int32, c *activeContext, t *term) bool {
	for e := first(v); e.Exists(); e = following(v, e) {
		if !w.value(e, me, c, t) {
			return false
		}
	}
	return true
}

// value states one value of a property.
func (w *walker) value(v jsondoc.Value, me int32, c *activeContext, t *term) bool {
	q := quickQuad{}
	switch v.Kind() {
	case jsondoc.Object:
		n, ok := w.child(v, c, t)
		if !ok {
			return false
		}
		if iri := w.nodes[n].iri; iri != "" {
			q = w.token(me, t.quick.token, "<", iri, ">")
			w.note(source{w.nodes[n].id, sourceReference, int32(len(w.quads)), t, nil})
		} else {
			q = w.link(me, n, t.quick.token)
			w.nodes[n].in = int32(len(w.quads))
		}
	case jsondoc.String:
		s, _ := v.Text()
		if t.hasContext {
			var err error
			if c, err = own.scoped(c, t, true); err != nil || !c.quick() {
				return false
			}
		}
		word := (*term)(nil)
		if t.quick.role == roleWord {
			word = c.terms[s]
		}
		switch {
		case t.quick.role == roleValue:
			q = w.literal(me, t, s, t.quick.suffix)
			w.note(source{v.Place(), sourceLiteral, int32(len(w.quads)), t, nil})
		case word != nil && word.quick.token != "":
			q = w.token(me, t.quick.token, "", word.quick.token, "")
		case word == nil && c.plainIRI(s):
			q = w.token(me, t.quick.token, "<", s, ">")
			if t.quick.role == roleLink {
				w.note(source{v.Place(), sourceLink, int32(len(w.quads)), t, c})
			}
		default:
			return false
		}
	case jsondoc.Bool, jsondoc.Number:
		s, suffix, ok := quickScalar(v, t)
		if !ok {
			return false
		}
		q = w.literal(me, t, s, suffix)
	default:
		return false
	}
	w.quads = append(w.quads, q)
	return true
}

// quickScalar writes a boolean or a number as [builder.literal] does.
func quickScalar(v jsondoc.Value, t *term) (s, suffix string, ok bool) {
	datatype := ""
	if t.quick.role == roleValue {
		datatype = t.typ
	}
	native := xsdNS + "boolean"
	if v.Kind() == jsondoc.Number {
		f, err := Double(v)
		if err != nil {
			return "", "", false
		}
		s, native = number(f, datatype)
	} else {
		s = string(v.Raw())
	}
	if datatype == "" {
		return s, "^^<" + native + ">", true
	}
	return s, t.quick.suffix, true
}

// token makes a statement whose object is written in up to three pieces.
func (w *walker) token(subject int32, property, before, text, after string) quickQuad {
	from := w.property(property)
	w.arena = append(append(append(append(w.arena, before...), text...), after...), endOfLine...)
	return quickQuad{subject, none, from, int32(len(w.arena)), none}
}

func (w *walker) literal(subject int32, t *term, s, suffix string) quickQuad {
	from := w.property(t.quick.token)
	w.arena = append(append(appendQuoted(w.arena, s), suffix...), endOfLine...)
	return quickQuad{subject, none, from, int32(len(w.arena)), none}
}

// link makes a statement whose object is a blank node.
func (w *walker) link(subject, blank int32, property string) quickQuad {
	from := w.property(property)
	w.arena = append(w.arena, '_')
	return quickQuad{subject, blank, from, int32(len(w.arena)), none}
}

const endOfLine = " .\n"

func (w *walker) property(token string) (from int32) {
	from = int32(len(w.arena))
	w.arena = append(append(append(w.arena, ' '), token...), ' ')
	return from
}

// quick reports whether nothing in a context changes values and identifiers
// beside the terms.
func (c *activeContext) quick() bool {
	return c.base == "" && c.language == "" && c.direction == "" && !c.odd
}
