package jsondoc

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

type parser struct {
	*doc
	at     int
	depth  int
	limits Limits
	parent int32
	meant  string // by the string with escapes that was read last
	err    error  // the first one; reading ends with it
}

const defaultDepth = 64

// ParseLimits reads raw within l. raw is kept and must not be changed. The
// error is an [*Error].
func ParseLimits(raw []byte, l Limits) (Value, error) {
	l.Size, l.Depth, l.Nodes = cmp.Or(l.Size, 1<<20), cmp.Or(l.Depth, defaultDepth), cmp.Or(l.Nodes, 100_000)
	p := parser{doc: &doc{raw: raw}, limits: l, parent: -1}
	if len(raw) > l.Size {
		p.fail(ErrLimit, strconv.Itoa(len(raw))+" bytes, more than "+strconv.Itoa(l.Size))
		return Value{}, p.err
	}
	p.take(min(len(raw)/16+8, l.Nodes))
	key, ok := p.alike()
	if ok {
		return Value{p.doc, 0}, nil
	}
	p.text = string(raw)
	p.space()
	if !p.value(0, 0, false) {
		return Value{}, p.err
	}
	p.space()
	if p.at != len(raw) {
		p.parent = -1
		p.fail(ErrMalformed, "data after the end")
		return Value{}, p.err
	}
	p.keep(key)
	return Value{p.doc, 0}, nil
}

// memory is what a document is read into.
type memory struct {
	nodes  []node
	parted []parted
}

// spare is the memory of documents that were released.
var spare = sync.Pool{New: func() any { return new(memory) }}

// maxSpare keeps what a badge takes, not what a giant did.
const maxSpare = 1 << 10

// take gives the document room for n nodes.
func (d *doc) take(n int) {
	if n > maxSpare {
		d.nodes = make([]node, 0, n)
		return
	}
	d.memory = spare.Get().(*memory)
	if cap(d.memory.nodes) < n {
		d.memory.nodes = make([]node, 0, n)
	}
	d.nodes, d.parted = d.memory.nodes[:0], d.memory.parted[:0]
}

// Release gives the memory of v's document back, for the next. Nothing of the
// document may be used any more, but the texts that were taken from it may.
func (v Value) Release() {
	if v.d == nil {
		return
	}
	if m := v.d.memory; m != nil && cap(v.d.nodes) <= maxSpare {
		clear(v.d.parted) // its texts are not the next one's
		m.nodes, m.parted = v.d.nodes, v.d.parted
		spare.Put(m)
	}
	v.d.nodes, v.d.parted, v.d.memory = nil, nil, nil // who goes on using it is told so by a panic
}

// fail notes the first error, and is false for its callers to return.
func (p *parser) fail(kind error, reason string) bool {
	if p.err == nil {
		e := &Error{Offset: p.at, Reason: reason, kind: kind}
		if p.parent >= 0 {
			e.Pointer = p.pointer(p.parent)
		}
		p.err = e
	}
	return false
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// remember keeps what a string with escapes means.
func (p *parser) remember(at int32) {
	if p.decoded == nil {
		p.decoded = map[int32]string{}
	}
	p.decoded[at] = p.meant
}

// value reads one value into a node of the name text[from:to], or of the name
// that p.meant tells, and sets its extent.
func (p *parser) value(from, to int32, escaped bool) (ok bool) {
	if len(p.nodes) >= p.limits.Nodes {
		return p.fail(ErrLimit, "more than "+strconv.Itoa(p.limits.Nodes)+" values")
	}
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{start: int32(p.at), parent: p.parent, nameAt: from, nameEnd: to, nameDecoded: escaped})
	if escaped {
		p.remember(2 * i)
	}
	switch c := p.peek(); c {
	case '"':
		_, _, escaped, ok = p.quoted()
		if p.nodes[i].kind = String; escaped {
			p.nodes[i].textDecoded = true
			p.remember(2*i + 1)
		}
	case '{':
		ok = p.container(i, Object, '}')
	case '[':
		ok = p.container(i, Array, ']')
	case 't':
		ok = p.literal(i, Bool, "true")
	case 'f':
		ok = p.literal(i, Bool, "false")
	case 'n':
		ok = p.literal(i, Null, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		ok = p.number(i)
	default:
		ok = p.fail(ErrMalformed, "a value is missing")
	}
	p.nodes[i].end, p.nodes[i].next = int32(p.at), int32(len(p.nodes))
	return ok
}

func (p *parser) literal(i int32, k Kind, w string) bool {
	if len(p.text)-p.at < len(w) || p.text[p.at:p.at+len(w)] != w {
		return p.fail(ErrMalformed, "neither true, false nor null")
	}
	p.nodes[i].kind = k
	p.at += len(w)
	return true
}

func (p *parser) container(i int32, k Kind, end byte) bool {
	p.nodes[i].kind = k
	if p.depth++; p.depth > p.limits.Depth {
		return p.fail(ErrLimit, "nested deeper than "+strconv.Itoa(p.limits.Depth))
	}
	outer := p.parent
	p.parent = i
	p.at++
	p.space()
	if p.peek() == end {
		p.at++
	} else if !p.members(i, k, end) {
		return false
	}
	p.parent = outer
	p.depth--
	return true
}

func (p *parser) members(i int32, k Kind, end byte) bool {
	names := names{d: p.doc, parent: i}
	for {
		var from, to int32
		var escaped, ok bool
		if k == Object {
			if from, to, escaped, ok = p.name(&names); !ok {
				return false
			}
		}
		first := int32(len(p.nodes))
		if !p.value(from, to, escaped) {
			return false
		}
		if k == Object {
			names.note(first)
		}
		p.nodes[i].count++
		p.space()
		switch p.peek() {
		case ',':
			p.at++
			p.space()
		case end:
			p.at++
			return true
		default:
			return p.fail(ErrMalformed, "a comma or "+string(end)+" is missing")
		}
	}
}

func (p *parser) name(seen *names) (from, to int32, escaped, ok bool) {
	if p.peek() != '"' {
		return 0, 0, false, p.fail(ErrMalformed, "a member name is missing")
	}
	if from, to, escaped, ok = p.quoted(); !ok {
		return 0, 0, false, false
	}
	name := p.meant
	if !escaped {
		name = p.text[from:to]
	}
	if seen.has(name) {
		return 0, 0, false, p.fail(ErrMalformed, "the member "+strconv.Quote(name)+" stands there twice")
	}
	p.space()
	if p.peek() != ':' {
		return 0, 0, false, p.fail(ErrMalformed, "a colon is missing")
	}
	p.at++
	p.space()
	return from, to, escaped, true
}

// names finds duplicate members: by scanning while they are few, by a set when
// they are many.
type names struct {
	d      *doc
	parent int32
	count  int
	first  int32
	set    map[string]struct{}
}

const scanned = 32

func (s *names) has(name string) bool {
	if s.set != nil {
		_, ok := s.set[name]
		return ok
	}
	if s.count == 0 {
		return false
	}
	for i := s.first; i < int32(len(s.d.nodes)); i = s.d.nodes[i].next {
		if s.d.named(i, name) {
			return true
		}
	}
	return false
}

func (s *names) note(node int32) {
	if s.count++; s.count == 1 {
		s.first = node
	}
	if s.set != nil {
		s.set[s.d.name(node)] = struct{}{}
	} else if s.count == scanned {
		s.set = make(map[string]struct{}, 4*scanned)
		for i := s.first; i < int32(len(s.d.nodes)); i = s.d.nodes[i].next {
			s.set[s.d.name(i)] = struct{}{}
		}
	}
}

// number checks the grammar of RFC 8259 §6; the text is kept as it is.
func (p *parser) number(i int32) bool {
	p.nodes[i].kind = Number
	digits := func() bool {
		from := p.at
		for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
			p.at++
		}
		return p.at > from
	}
	from := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !digits() {
		return p.fail(ErrMalformed, "a digit is missing")
	}
	if p.peek() == '.' {
		if p.at++; !digits() {
			return p.fail(ErrMalformed, "a digit is missing after the point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !digits() {
			return p.fail(ErrMalformed, "a digit is missing in the exponent")
		}
	}
	if p.at-from > 64 {
		return p.fail(ErrLimit, "a number of more than 64 characters")
	}
	if f, err := strconv.ParseFloat(p.text[from:p.at], 64); err != nil || f-f != 0 {
		return p.fail(ErrLimit, "a number out of range")
	}
	return true
}

// ordinary are the bytes of a string that stand for themselves alone.
var ordinary = func() (o [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		o[c] = c != '"' && c != '\\'
	}
	return o
}()

// plain counts the bytes up to the first that is a quote, a backslash, a
// control character or beyond ASCII, in steps of eight: those at the end are
// left to the caller.
func plain(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for len(b) >= n+8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^('"'*ones), x^('\\'*ones)
		// The highest bit of a byte is set where that byte is one of them; only
		// above the first may it be set in error.
		special := x | (x - ' '*ones) | (quote-ones)&^quote | (slash-ones)&^slash
		if special &= highs; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
		n += 8
	}
	return n
}

// quoted reads a string; the cursor stands on its first quote. It is
// text[from:to], or in p.meant when it has escapes.
func (p *parser) quoted() (from, to int32, escaped, ok bool) {
	p.at++
	text, start := p.raw, p.at
	for at := start; at < len(text); {
		if at += plain(text[at:]); at >= len(text) {
			break
		}
		c := text[at]
		switch {
		case ordinary[c]:
			at++
		case c == '"':
			p.at = at + 1
			return int32(start), int32(at), false, true
		case c == '\\':
			p.at = at
			p.meant, ok = p.escaped(slices.Clone(text[start:at]))
			return 0, 0, ok, ok
		case c < ' ':
			p.at = at
			return 0, 0, false, p.fail(ErrMalformed, "a control character in a string")
		default:
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				p.at = at
				return 0, 0, false, p.fail(ErrMalformed, "invalid UTF-8")
			}
			at += n
		}
	}
	p.at = len(text)
	return 0, 0, false, p.fail(ErrMalformed, "a string without end")
}

func (p *parser) escaped(out []byte) (string, bool) {
	for p.at < len(p.raw) {
		c := p.raw[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), true
		case c < ' ':
			return "", p.fail(ErrMalformed, "a control character in a string")
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
		case c < utf8.RuneSelf:
			out = append(out, c)
			p.at++
		default:
			r, n := utf8.DecodeRune(p.raw[p.at:])
			if r == utf8.RuneError && n == 1 {
				return "", p.fail(ErrMalformed, "invalid UTF-8")
			}
			out = append(out, p.raw[p.at:p.at+n]...)
			p.at += n
		}
	}
	return "", p.fail(ErrMalformed, "a string without end")
}

func (p *parser) escape() (rune, bool) {
	p.at++
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return p.unicode()
	}
	return 0, p.fail(ErrMalformed, "an unknown escape")
}

func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if r >= 0xdc00 || p.at+1 >= len(p.raw) || p.raw[p.at] != '\\' || p.raw[p.at+1] != 'u' {
		return 0, p.fail(ErrMalformed, "half a surrogate pair")
	}
	p.at += 2
	low, ok := p.hex4()
	if !ok {
		return 0, false
	}
	full := utf16.DecodeRune(r, low)
	if full == utf8.RuneError {
		return 0, p.fail(ErrMalformed, "half a surrogate pair")
	}
	return full, true
}

func (p *parser) hex4() (rune, bool) {
	if p.at+4 > len(p.raw) {
		return 0, p.fail(ErrMalformed, "an escape without end")
	}
	n, err := strconv.ParseUint(string(p.raw[p.at:p.at+4]), 16, 16)
	if err != nil || p.raw[p.at] == '+' || p.raw[p.at] == '-' {
		return 0, p.fail(ErrMalformed, "an escape with a digit that is none")
	}
	p.at += 4
	return rune(n), true
}
