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
}

// quickQuad is a statement. Its object is the token arena[from:to], or the
// blank node of that number.
type quickQuad struct {
	subject  int32
	blank    int32 // none: it is a token
	from, to int32
	property string
}

const none = -1

type walker struct {
	arena []byte
	nodes []quickNode
	quads []quickQuad
	// scopes are the types of the node in hand that have contexts.
	scopes []quickScope
	canonicalWork
}

var walkers = sync.Pool{New: func() any { return new(walker) }}

// quickly writes the canonical form of a part into the walker's output. It
// answers false for what must go the general way.
func (w *walker) quickly(p Part) bool { return w.walk(p) && w.canonical() }

// walk makes the statements of a part.
func (w *walker) walk(p Part) bool {
	w.arena, w.nodes, w.quads, w.scopes = w.arena[:0], w.nodes[:0], w.quads[:0], w.scopes[:0]
	contexts := p.Contexts
	if !contexts.Exists() {
		contexts = p.Body.Get("@context")
	} else if p.Body.Get("@context").Exists() {
		return false
	}
	c, ok := own.begin(contexts)
	if !ok || p.Body.Kind() != jsondoc.Object {
		return false
	}
	if _, ok := w.node(p.Body, c, nil, p.Without); !ok || len(w.quads) == 0 || len(w.quads) > maxRDF {
		return false
	}
	if top := w.nodes[0].iri; top != "" {
		for _, n := range w.nodes[1:] {
			if n.iri == top {
				return false // the general way looks at what it says
			}
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
			w.nodes[me].iri = s
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
		} else {
			q = quickQuad{subject: me, blank: n, property: t.quick.token}
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
		case word != nil && word.quick.token != "":
			q = w.token(me, t.quick.token, "", word.quick.token, "")
		case word == nil && c.plainIRI(s):
			q = w.token(me, t.quick.token, "<", s, ">")
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
	from := len(w.arena)
	w.arena = append(append(append(w.arena, before...), text...), after...)
	return quickQuad{subject: subject, blank: none, property: property, from: int32(from), to: int32(len(w.arena))}
}

func (w *walker) literal(subject int32, t *term, s, suffix string) quickQuad {
	from := len(w.arena)
	w.arena = append(appendQuoted(w.arena, s), suffix...)
	return quickQuad{subject: subject, blank: none, property: t.quick.token, from: int32(from), to: int32(len(w.arena))}
}

// quick reports whether nothing in a context changes values and identifiers
// beside the terms.
func (c *activeContext) quick() bool {
	return c.base == "" && c.language == "" && c.direction == "" && !c.odd
}

// plainIRI reports whether s is an absolute IRI that expansion leaves as it
// is and that may stand in a statement. It says no in doubt.
func (c *activeContext) plainIRI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || !isAbsolute(s) {
		return false
	}
	hashes, escapes := 0, 0
	for i := range len(s) {
		switch b := s[i]; {
		case b == '#':
			hashes++
		case b == '%':
			escapes++
		case b <= ' ' || b == 0x7f || unsafeIRI[b]:
			return false
		}
	}
	if hashes > 1 {
		return false
	}
	scheme, rest := s[:colon], s[colon+1:]
	if scheme == "https" || scheme == "http" {
		return strings.HasPrefix(rest, "//") && hasHost(rest[2:]) && (escapes == 0 || wellEscaped(rest))
	}
	if strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http") {
		return false
	}
	t := c.terms[scheme]
	return t == nil || strings.HasPrefix(rest, "//")
}

// unsafeIRI are the characters that [checkIRI] refuses.
var unsafeIRI = [256]bool{'<': true, '>': true, '"': true, '{': true, '}': true, '|': true, '\\': true, '^': true, '`': true}

// wellEscaped reports whether two hexadecimal digits follow each percent sign,
// as whoever parses an address wants it.
func wellEscaped(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0; i = strings.IndexByte(s, '%') {
		if len(s) < i+3 || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		s = s[i+3:]
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hasHost reports whether a web address goes on with a host of the usual form.
func hasHost(s string) bool {
	n := 0
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z' || s[n] >= '0' && s[n] <= '9' || s[n] == '-' || s[n] == '.') {
		n++
	}
	if n == 0 {
		return false
	}
	if s = s[n:]; strings.HasPrefix(s, ":") {
		for s = s[1:]; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
		}
	}
	return s == "" || s[0] == '/' || s[0] == '?' || s[0] == '#'
}
