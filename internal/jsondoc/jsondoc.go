// Package jsondoc reads a stranger's JSON once, exactly, into a tree that
// keeps the original bytes. What two readers could understand differently is
// an error: duplicate members, lone surrogates, invalid UTF-8, trailing data.
// Nothing is matched by folded case and nothing is re-serialised.
package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

var (
	// ErrMalformed says that the bytes are not unambiguous JSON (RFC 8259, I-JSON).
	ErrMalformed = errors.New("malformed JSON")
	// ErrLimit says that the bytes exceed a bound of [Limits].
	ErrLimit = errors.New("JSON beyond the limits")
)

// Error says where reading failed. Pointer is the JSON pointer (RFC 6901) of
// the value or its container, Offset the byte.
type Error struct {
	Pointer string
	Offset  int
	Reason  string
	kind    error
}

func (e *Error) Error() string {
	at := e.Pointer
	if at == "" {
		at = "the top"
	}
	return fmt.Sprintf("%v at %s (byte %d): %s", e.kind, at, e.Offset, e.Reason)
}

// Unwrap makes errors.Is hold for [ErrMalformed] or [ErrLimit].
func (e *Error) Unwrap() error { return e.kind }

// Limits bound what is read. Zero fields mean the defaults.
type Limits struct {
	Size  int // bytes, default 1 MiB
	Depth int // nested containers, default 64
	Nodes int // values, default 100,000
}

// Kind is the type of a value.
type Kind uint8

// The kinds; a missing member is Absent.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}[k]
}

// node is one value; children of a container follow it, and next is the index
// behind its last descendant. Positions are bytes of the document.
type node struct {
	kind            Kind
	nameDecoded     bool // the name, or the text, had escapes: it stands in decoded
	textDecoded     bool
	parted          bool // the text is not that of the pattern
	start, end      int32
	next, parent    int32
	count           int32
	nameAt, nameEnd int32
}

type doc struct {
	raw     []byte
	text    string // raw, from which names and texts are cut, unless there is a pattern
	nodes   []node
	decoded map[int32]string // 2i: the name of node i, 2i+1: its text
	pattern *Pattern         // along which it was read, if it was
	parted  []parted
	memory  *memory // that nodes and parted are of, if it is to be given back
	watch   func(place int32)
}

// watched tells of the texts within a node that are read.
func (d *doc) watched(i int32) {
	for k := i; k < d.nodes[i].next; k++ {
		if d.nodes[k].kind == String {
			d.watch(k)
		}
	}
}

func (d *doc) name(i int32) string {
	if d.pattern != nil {
		d = d.pattern.doc
	}
	n := &d.nodes[i]
	if n.nameDecoded {
		return d.decoded[2*i]
	}
	return d.text[n.nameAt:n.nameEnd]
}

// named reports whether name is that of node i.
func (d *doc) named(i int32, name string) bool {
	if d.pattern != nil {
		d = d.pattern.doc
	}
	n := &d.nodes[i]
	if n.nameDecoded {
		return d.decoded[2*i] == name
	}
	return int(n.nameEnd-n.nameAt) == len(name) && d.text[n.nameAt:n.nameEnd] == name
}

// Value is a handle on one value of a document. The zero Value is absent.
type Value struct {
	d *doc
	i int32
}

// Parse reads raw within the default limits. The error is an [*Error].
func Parse(raw []byte) (Value, error) { return ParseLimits(raw, Limits{}) }

// Kind returns the type of v.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Absent
	}
	return v.d.nodes[v.i].kind
}

// Exists reports whether v is present; null is.
func (v Value) Exists() bool { return v.d != nil }

func (v Value) children() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		end := v.d.nodes[v.i].next
		for i := v.i + 1; i < end; i = v.d.nodes[i].next {
			if !yield(i) {
				return
			}
		}
	}
}

// Get returns the member of exactly that name, absent when v is no object or
// has none.
func (v Value) Get(name string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	end := v.d.nodes[v.i].next
	for i := v.i + 1; i < end; i = v.d.nodes[i].next {
		if v.d.named(i, name) {
			return Value{v.d, i}
		}
	}
	return Value{}
}

// Len returns the number of elements or members, 1 for any other present
// value, and 0 for an absent one.
func (v Value) Len() int {
	switch v.Kind() {
	case Absent:
		return 0
	case Array, Object:
		return int(v.d.nodes[v.i].count)
	}
	return 1
}

// At returns the element i of an array, absent when there is none.
func (v Value) At(i int) Value {
	if v.Kind() != Array {
		return Value{}
	}
	for c := range v.children() {
		if i == 0 {
			return Value{v.d, c}
		}
		i--
	}
	return Value{}
}

// Child returns the first element or member of a container, absent when there
// is none. With [Value.Next] it walks a document without closures.
func (v Value) Child() Value {
	if v.Len() == 0 || v.Kind() != Array && v.Kind() != Object {
		return Value{}
	}
	return Value{v.d, v.i + 1}
}

// Next returns the element or member behind v in its container, absent when v
// is the last.
func (v Value) Next() Value {
	if v.d == nil {
		return Value{}
	}
	n := &v.d.nodes[v.i]
	if n.parent < 0 || n.next >= v.d.nodes[n.parent].next {
		return Value{}
	}
	return Value{v.d, n.next}
}

// Name returns the name of a member, "" for an element.
func (v Value) Name() string {
	if v.d == nil {
		return ""
	}
	return v.d.name(v.i)
}

// RawName returns the name of a member as JSON; nothing for an element.
func (v Value) RawName() []byte {
	if v.d == nil || v.d.nodes[v.i].parent < 0 || v.d.nodes[v.d.nodes[v.i].parent].kind != Object {
		return nil
	}
	n := &v.d.nodes[v.i]
	if n.nameDecoded {
		raw, err := json.Marshal(v.d.name(v.i))
		if err != nil {
			return nil // a text always has a form
		}
		return raw
	}
	return v.d.raw[n.nameAt-1 : n.nameEnd+1 : n.nameEnd+1]
}

// Members yields the members of an object in document order.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for i := range v.children() {
			if !yield(v.d.name(i), Value{v.d, i}) {
				return
			}
		}
	}
}

// Elements yields the elements of an array; any other present value yields
// itself once, as JSON-LD compaction writes a list of one.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		switch v.Kind() {
		case Absent:
		case Array:
			for i := range v.children() {
				if !yield(Value{v.d, i}) {
					return
				}
			}
		default:
			yield(v)
		}
	}
}

// Text returns a string value.
func (v Value) Text() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	if v.d.pattern != nil {
		return v.d.textOf(v.i), true
	}
	if v.d.watch != nil {
		v.d.watch(v.i)
	}
	n := &v.d.nodes[v.i]
	if n.textDecoded {
		return v.d.decoded[2*v.i+1], true
	}
	return v.d.text[n.start+1 : n.end-1], true
}

// Texts returns the strings among the elements.
func (v Value) Texts() []string {
	var out []string
	for e := range v.Elements() {
		if s, ok := e.Text(); ok {
			out = append(out, s)
		}
	}
	return out
}

// Words returns a text, or the first of its translations (VC 2.0 §11.1): a
// string, an object with @value, or a list of them; "" of anything else.
func (v Value) Words() string {
	for e := range v.Elements() {
		if s, ok := e.Text(); ok {
			return s
		}
		if s, ok := e.Get("@value").Text(); ok {
			return s
		}
	}
	return ""
}

// First returns the first element; nothing where there is none.
func (v Value) First() Value {
	for e := range v.Elements() {
		return e
	}
	return Value{}
}

// ID returns the id of a value that is an id or an object with one.
func (v Value) ID() string {
	if s, ok := v.Text(); ok {
		return s
	}
	s, _ := v.Get("id").Text()
	return s
}

// Int returns a number that is written as a whole number of 64 bits.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	return n, err == nil
}

// Bool returns a boolean value.
func (v Value) Bool() (value, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.Raw()[0] == 't', true
}

// Raw returns the bytes of the value as they came. They must not be changed.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	if v.d.watch != nil {
		v.d.watched(v.i)
	}
	n := &v.d.nodes[v.i]
	return v.d.raw[n.start:n.end:n.end]
}

// Offset returns where in the document the value begins, in bytes.
func (v Value) Offset() int {
	if v.d == nil {
		return 0
	}
	return int(v.d.nodes[v.i].start)
}

// Pointer returns the JSON pointer of the value (RFC 6901).
func (v Value) Pointer() string {
	if v.d == nil {
		return ""
	}
	return v.d.pointer(v.i)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func (d *doc) pointer(i int32) string {
	var parts []string
	for d.nodes[i].parent >= 0 {
		p := d.nodes[i].parent
		if d.nodes[p].kind == Object {
			parts = append(parts, pointerEscapes.Replace(d.name(i)))
		} else {
			at := 0
			for c := p + 1; c < i; c = d.nodes[c].next {
				at++
			}
			parts = append(parts, strconv.Itoa(at))
		}
		i = p
	}
	var b strings.Builder
	for k := len(parts) - 1; k >= 0; k-- {
		b.WriteString("/" + parts[k])
	}
	return b.String()
}

// Any returns v as encoding/json would decode it into an any, with numbers as
// [json.Number].
func (v Value) Any() any {
	switch v.Kind() {
	case String:
		s, _ := v.Text()
		return s
	case Bool:
		b, _ := v.Bool()
		return b
	case Number:
		return json.Number(v.Raw())
	case Array:
		out := make([]any, 0, v.Len())
		for e := range v.Elements() {
			out = append(out, e.Any())
		}
		return out
	case Object:
		out := make(map[string]any, v.Len())
		for name, m := range v.Members() {
			out[name] = m.Any()
		}
		return out
	}
	return nil
}

// Equal reports whether two values are the same bytes.
func Equal(a, b Value) bool { return bytes.Equal(a.Raw(), b.Raw()) }
