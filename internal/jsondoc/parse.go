package jsondoc

import (
	"cmp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

type parser struct {
	*doc
	at     int
	depth  int
	limits Limits
	parent int32
}

// ParseLimits reads raw within l. raw is kept and must not be changed. The
// error is an [*Error].
func ParseLimits(raw []byte, l Limits) (Value, error) {
	l.Size, l.Depth, l.Nodes = cmp.Or(l.Size, 1<<20), cmp.Or(l.Depth, 64), cmp.Or(l.Nodes, 100_000)
	p := &parser{doc: &doc{raw: raw}, limits: l, parent: -1}
	if len(raw) > l.Size {
		return Value{}, p.fail(ErrLimit, strconv.Itoa(len(raw))+" bytes, more than "+strconv.Itoa(l.Size))
	}
	p.nodes = make([]node, 0, min(len(raw)/16+8, l.Nodes))
	p.space()
	if err := p.value(""); err != nil {
		return Value{}, err
	}
	p.space()
	if p.at != len(raw) {
		p.parent = -1
		return Value{}, p.fail(ErrMalformed, "data after the end")
	}
	return Value{p.doc, 0}, nil
}

func (p *parser) fail(kind error, reason string) error {
	e := &Error{Offset: p.at, Reason: reason, kind: kind}
	if p.parent >= 0 {
		e.Pointer = p.pointer(p.parent)
	}
	return e
}

func (p *parser) space() {
	for p.at < len(p.raw) {
		switch p.raw[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.raw) {
		return p.raw[p.at]
	}
	return 0
}

// value reads one value into a node and sets its extent.
func (p *parser) value(name string) error {
	if len(p.nodes) >= p.limits.Nodes {
		return p.fail(ErrLimit, "more than "+strconv.Itoa(p.limits.Nodes)+" values")
	}
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{start: int32(p.at), parent: p.parent, name: name})
	var err error
	switch c := p.peek(); {
	case c == '{':
		err = p.container(i, Object, '}')
	case c == '[':
		err = p.container(i, Array, ']')
	case c == '"':
		p.nodes[i].kind = String
		var s string
		s, err = p.text()
		p.nodes[i].text = s
	case c == 't':
		err = p.word(i, Bool, "true")
	case c == 'f':
		err = p.word(i, Bool, "false")
	case c == 'n':
		err = p.word(i, Null, "null")
	case c == '-' || c >= '0' && c <= '9':
		err = p.number(i)
	default:
		err = p.fail(ErrMalformed, "a value is missing")
	}
	p.nodes[i].end, p.nodes[i].next = int32(p.at), int32(len(p.nodes))
	return err
}

func (p *parser) word(i int32, k Kind, w string) error {
	if len(p.raw)-p.at < len(w) || string(p.raw[p.at:p.at+len(w)]) != w {
		return p.fail(ErrMalformed, "neither true, false nor null")
	}
	p.nodes[i].kind = k
	p.at += len(w)
	return nil
}

func (p *parser) container(i int32, k Kind, end byte) error {
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
	} else if err := p.members(i, k, end); err != nil {
		return err
	}
	p.parent = outer
	p.depth--
	return nil
}

func (p *parser) members(i int32, k Kind, end byte) error {
	names := names{d: p.doc, parent: i}
	for {
		name := ""
		if k == Object {
			var err error
			if name, err = p.name(&names); err != nil {
				return err
			}
		}
		first := int32(len(p.nodes))
		if err := p.value(name); err != nil {
			return err
		}
		names.note(name, first)
		p.nodes[i].count++
		p.space()
		switch p.peek() {
		case ',':
			p.at++
			p.space()
		case end:
			p.at++
			return nil
		default:
			return p.fail(ErrMalformed, "a comma or "+string(end)+" is missing")
		}
	}
}

func (p *parser) name(seen *names) (string, error) {
	if p.peek() != '"' {
		return "", p.fail(ErrMalformed, "a member name is missing")
	}
	name, err := p.text()
	if err != nil {
		return "", err
	}
	if seen.has(name) {
		return "", p.fail(ErrMalformed, "the member "+strconv.Quote(name)+" stands there twice")
	}
	p.space()
	if p.peek() != ':' {
		return "", p.fail(ErrMalformed, "a colon is missing")
	}
	p.at++
	p.space()
	return name, nil
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

const scanned = 16

func (s *names) has(name string) bool {
	if s.set != nil {
		_, ok := s.set[name]
		return ok
	}
	if s.count == 0 {
		return false
	}
	for i := s.first; i < int32(len(s.d.nodes)); i = s.d.nodes[i].next {
		if s.d.nodes[i].name == name {
			return true
		}
	}
	return false
}

func (s *names) note(name string, node int32) {
	if s.count++; s.count == 1 {
		s.first = node
	}
	if s.set != nil {
		s.set[name] = struct{}{}
	} else if s.count == scanned {
		s.set = make(map[string]struct{}, 4*scanned)
		for i := s.first; i < int32(len(s.d.nodes)); i = s.d.nodes[i].next {
			s.set[s.d.nodes[i].name] = struct{}{}
		}
	}
}

// number checks the grammar of RFC 8259 §6; the text is kept as it is.
func (p *parser) number(i int32) error {
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
	if f, err := strconv.ParseFloat(string(p.raw[from:p.at]), 64); err != nil || f-f != 0 {
		return p.fail(ErrLimit, "a number out of range")
	}
	return nil
}

// text reads a string; the cursor stands on its first quote.
func (p *parser) text() (string, error) {
	p.at++
	from := p.at
	for p.at < len(p.raw) { // most strings have no escapes
		c := p.raw[p.at]
		if c == '"' {
			s := string(p.raw[from:p.at])
			p.at++
			return s, nil
		}
		if c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
		p.at++
	}
	return p.escaped(append([]byte(nil), p.raw[from:p.at]...))
}

func (p *parser) escaped(out []byte) (string, error) {
	for p.at < len(p.raw) {
		c := p.raw[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < ' ':
			return "", p.fail(ErrMalformed, "a control character in a string")
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
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

func (p *parser) escape() (rune, error) {
	p.at++
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.unicode()
	}
	return 0, p.fail(ErrMalformed, "an unknown escape")
}

func (p *parser) unicode() (rune, error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if r >= 0xdc00 || p.at+1 >= len(p.raw) || p.raw[p.at] != '\\' || p.raw[p.at+1] != 'u' {
		return 0, p.fail(ErrMalformed, "half a surrogate pair")
	}
	p.at += 2
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	full := utf16.DecodeRune(r, low)
	if full == utf8.RuneError {
		return 0, p.fail(ErrMalformed, "half a surrogate pair")
	}
	return full, nil
}

func (p *parser) hex4() (rune, error) {
	if p.at+4 > len(p.raw) {
		return 0, p.fail(ErrMalformed, "an escape without end")
	}
	n, err := strconv.ParseUint(string(p.raw[p.at:p.at+4]), 16, 16)
	if err != nil || p.raw[p.at] == '+' || p.raw[p.at] == '-' {
		return 0, p.fail(ErrMalformed, "an escape with a digit that is none")
	}
	p.at += 4
	return rune(n), nil
}
