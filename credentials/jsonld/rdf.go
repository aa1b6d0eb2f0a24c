package jsonld

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/gowebpki/jcs"

	"encoding/json"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// quad holds its terms as N-Quads tokens: "<iri>", "_:label" or a literal. The
// graph is empty for the default graph.
type quad struct{ s, p, o, g string }

const (
	rdfNS  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	i18nNS = "https://www.w3.org/ns/i18n#"
	xsdNS  = "http://www.w3.org/2001/XMLSchema#"
	maxRDF = 50_000 // quads of one document
)

// builder walks an expanded document and collects quads (JSON-LD 1.1 API §7.1,
// §8). What that algorithm would leave out silently is an error here.
type builder struct {
	// lenient leaves out what cannot be said in RDF, as the specification
	// does; the suite of the W3C demands it.
	lenient bool
	// undirected leaves out the direction of a text, as the API has it by
	// default. Signatures cover it as the i18n-datatype (§10.2).
	undirected bool
	quads      []quad
	labels     map[string]string // blank labels of the document -> ours
	next       int
}

func toRDF(expanded []any) ([]quad, error) {
	b := &builder{labels: map[string]string{}}
	err := b.document(expanded)
	return b.quads, err
}

func (b *builder) document(expanded []any) error {
	for _, e := range expanded {
		n, ok := e.(map[string]any)
		if !ok || n["@value"] != nil {
			return fmt.Errorf("%w: a value outside of any node", ErrInvalid)
		}
		if _, err := b.node(n, ""); err != nil {
			return err
		}
	}
	return nil
}

// unsayable stands for a term that RDF cannot hold, in lenient mode.
const unsayable = "!"

// unless returns err, or in lenient mode a term that leads to no statement.
func (b *builder) unless(err error) (string, error) {
	if b.lenient {
		return unsayable, nil
	}
	return "", err
}

func (b *builder) blank() string {
	b.next++
	return "_:b" + strconv.Itoa(b.next-1)
}

func (b *builder) add(q quad) error {
	if q.s == unsayable || q.p == unsayable || q.o == unsayable || q.g == unsayable {
		return nil
	}
	if len(b.quads) >= maxRDF {
		return fmt.Errorf("%w: more than %d statements", ErrLimit, maxRDF)
	}
	b.quads = append(b.quads, q)
	return nil
}

// resource returns the token of an @id or @type value.
func (b *builder) resource(id string) (string, error) {
	if strings.HasPrefix(id, "_:") {
		if b.labels[id] == "" {
			b.labels[id] = b.blank()
		}
		return b.labels[id], nil
	}
	err := checkIRI(id)
	if err == nil && !b.lenient {
		err = checkWeb(id)
	}
	if err != nil {
		return b.unless(err)
	}
	return "<" + id + ">", nil
}

// checkIRI refuses relative references and what RFC 3987 does not allow in an
// IRI. It is no grammar: it finds what would break or hide a statement.
func checkIRI(s string) error {
	i := strings.IndexByte(s, ':')
	if i <= 0 {
		return fmt.Errorf("%w: %q is no absolute IRI and no term", ErrRelativeIRI, jsondoc.Clip(s))
	}
	for k, c := range s[:i] {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || k > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return fmt.Errorf("%w: %q is no absolute IRI and no term", ErrRelativeIRI, jsondoc.Clip(s))
		}
	}
	for _, c := range s {
		if c <= ' ' || strings.ContainsRune("<>\"{}|\\^`", c) || c == 0x7f {
			return fmt.Errorf("%w: %q has a character that no IRI may have", ErrInvalid, jsondoc.Clip(s))
		}
	}
	if strings.Count(s, "#") > 1 {
		return fmt.Errorf("%w: %q has two fragments", ErrInvalid, jsondoc.Clip(s))
	}
	return nil
}

// checkWeb refuses a web address without a host, which a reader of addresses
// would take for another.
func checkWeb(s string) error {
	i := strings.IndexByte(s, ':')
	if scheme := strings.ToLower(s[:i]); scheme == "http" || scheme == "https" {
		if u, err := url.Parse(s); err != nil || u.Host == "" {
			return fmt.Errorf("%w: %q is no web address", ErrInvalid, jsondoc.Clip(s))
		}
	}
	return nil
}

// node adds the statements of a node object and returns its token.
func (b *builder) node(n map[string]any, graph string) (string, error) {
	subject := ""
	if id, ok := n["@id"].(string); ok {
		var err error
		if subject, err = b.resource(id); err != nil {
			return "", err
		}
	} else {
		subject = b.blank()
	}
	for _, key := range sortedKeys(n) {
		if err := b.member(subject, key, n[key], graph); err != nil {
			return "", err
		}
	}
	return subject, nil
}

func (b *builder) member(subject, key string, value any, graph string) error {
	switch key {
	case "@id", "@index":
		return nil
	case "@type":
		return b.types(subject, value, graph)
	case "@graph":
		return b.children(value, subject)
	case "@included":
		return b.children(value, graph)
	case "@reverse":
		return b.reverse(subject, value, graph)
	}
	if strings.HasPrefix(key, "@") {
		return fmt.Errorf("%w: keyword %s", ErrInvalid, key)
	}
	if strings.HasPrefix(key, "_:") {
		if b.lenient {
			key = unsayable
		} else {
			return fmt.Errorf("%w: a blank node as property", ErrInvalid)
		}
	}
	predicate, err := b.resource(key)
	if err != nil {
		return err
	}
	for _, v := range list(value) {
		o, ok, err := b.object(v, graph)
		if err != nil {
			return err
		}
		if ok {
			if err := b.add(quad{subject, predicate, o, graph}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) types(subject string, value any, graph string) error {
	for _, t := range list(value) {
		s, _ := t.(string)
		o, err := b.resource(s)
		if err != nil {
			return err
		}
		if err := b.add(quad{subject, "<" + rdfNS + "type>", o, graph}); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) children(value any, graph string) error {
	for _, e := range list(value) {
		if err := b.child(e, graph); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) child(e any, graph string) error {
	m, ok := e.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: a graph holds nodes", ErrInvalid)
	}
	if _, isValue := m["@value"]; isValue {
		return fmt.Errorf("%w: a value outside of any node", ErrInvalid)
	}
	_, err := b.node(m, graph)
	return err
}

func (b *builder) reverse(subject string, value any, graph string) error {
	props, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: @reverse", ErrInvalid)
	}
	for _, p := range sortedKeys(props) {
		predicate, err := b.resource(p)
		if err != nil {
			return err
		}
		for _, v := range list(props[p]) {
			m, ok := v.(map[string]any)
			if !ok {
				return fmt.Errorf("%w: @reverse of a value", ErrInvalid)
			}
			s, err := b.node(m, graph)
			if err != nil {
				return err
			}
			if err := b.add(quad{s, predicate, subject, graph}); err != nil {
				return err
			}
		}
	}
	return nil
}

// object returns the token of a value, node or list; ok is false for a null.
func (b *builder) object(v any, graph string) (token string, ok bool, err error) {
	m, isMap := v.(map[string]any)
	if !isMap {
		return "", false, fmt.Errorf("%w: unexpected value %v", ErrInvalid, v)
	}
	if val, isValue := m["@value"]; isValue {
		if token, err = b.literal(m, val); err != nil {
			token, err = b.unless(err)
		}
		return token, err == nil, err
	}
	if l, isList := m["@list"]; isList {
		token, err = b.list(list(l), graph)
		return token, err == nil, err
	}
	if g, isGraph := m["@graph"]; isGraph && m["@id"] == nil && onlyGraph(m) {
		name := b.blank()
		for _, e := range list(g) {
			if err := b.child(e, name); err != nil {
				return "", false, err
			}
		}
		return name, true, nil
	}
	token, err = b.node(m, graph)
	return token, err == nil, err
}

func onlyGraph(m map[string]any) bool {
	for k := range m {
		if k != "@graph" && k != "@index" {
			return false
		}
	}
	return true
}

func (b *builder) list(items []any, graph string) (string, error) {
	tail := "<" + rdfNS + "nil>"
	var tokens []string
	for _, it := range items {
		o, ok, err := b.object(it, graph)
		if err != nil {
			return "", err
		}
		if ok {
			tokens = append(tokens, o)
		}
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		cell := b.blank()
		if err := b.add(quad{cell, "<" + rdfNS + "first>", tokens[i], graph}); err != nil {
			return "", err
		}
		if err := b.add(quad{cell, "<" + rdfNS + "rest>", tail, graph}); err != nil {
			return "", err
		}
		tail = cell
	}
	return tail, nil
}

// literal writes a value object (JSON-LD 1.1 API §8.2.3).
func (b *builder) literal(m map[string]any, val any) (string, error) {
	datatype, _ := m["@type"].(string)
	lang, hasLang := m["@language"].(string)
	if hasLang && !isLanguageTag(lang) {
		return "", fmt.Errorf("%w: %q is no language tag", ErrInvalid, jsondoc.Clip(lang))
	}
	if dir, has := m["@direction"].(string); has && !b.undirected {
		s, _ := val.(string)
		return quote(s) + "^^<" + i18nNS + strings.ToLower(lang) + "_" + dir + ">", nil
	}
	if hasLang {
		// The value space of tags is in lower case (RDF 1.1 Concepts §3.3), and
		// jsonld.js signs them so.
		s, _ := val.(string)
		return quote(s) + "@" + strings.ToLower(lang), nil
	}
	if datatype == "@json" {
		raw, err := json.Marshal(val)
		if err != nil {
			return "", fmt.Errorf("%w: %v", ErrInvalid, err)
		}
		if raw, err = jcs.Transform(raw); err != nil {
			return "", fmt.Errorf("%w: %v", ErrInvalid, err)
		}
		return quote(string(raw)) + "^^<" + rdfNS + "JSON>", nil
	}
	if datatype != "" && !strings.HasPrefix(datatype, "@") {
		if err := checkIRI(datatype); err != nil {
			return "", err
		}
	}
	var text, native string
	switch x := val.(type) {
	case string:
		text, native = x, xsdNS+"string"
	case bool:
		text, native = strconv.FormatBool(x), xsdNS+"boolean"
	case float64:
		text, native = number(x, datatype)
	default:
		return "", fmt.Errorf("%w: value %v", ErrInvalid, val)
	}
	if datatype == "" {
		datatype = native
	}
	if datatype == xsdNS+"string" {
		return quote(text), nil
	}
	return quote(text) + "^^<" + datatype + ">", nil
}

func number(f float64, datatype string) (text, native string) {
	if f == math.Trunc(f) && math.Abs(f) < 1e21 && datatype != xsdNS+"double" {
		if f == 0 {
			f = 0 // no negative zero
		}
		return strconv.FormatFloat(math.Abs(f)*sign(f), 'f', 0, 64), xsdNS + "integer"
	}
	s := strconv.FormatFloat(f, 'E', 15, 64) // 1.100000000000000E+00
	mantissa, exp, _ := strings.Cut(s, "E")
	mantissa = strings.TrimRight(mantissa, "0")
	if strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	n, err := strconv.Atoi(exp)
	if err != nil {
		return s, xsdNS + "double"
	}
	return mantissa + "E" + strconv.Itoa(n), xsdNS + "double"
}

func sign(f float64) float64 {
	if f < 0 {
		return -1
	}
	return 1
}

func isLanguageTag(s string) bool {
	for part := range strings.SplitSeq(s, "-") {
		if len(part) == 0 || len(part) > 8 {
			return false
		}
		for _, c := range part {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
				return false
			}
		}
	}
	return true
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	if v == nil {
		return nil
	}
	return []any{v}
}
