package jsonld

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// quote writes a literal's lexical form as canonical N-Quads (RDFC-1.0 §5).
func quote(s string) string { return string(appendQuoted(make([]byte, 0, len(s)+2), s)) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := unquoted(s); i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = fmt.Appendf(b, `\u%04X`, c)
		}
	}
	return append(append(b, s[from:]...), '"')
}

// unquoted counts the characters, in steps of eight, that need no escape.
func unquoted(s string) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 | uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		// The highest bit of a byte is set where it is one of them, and perhaps
		// above such a byte; beyond ASCII it is looked at one by one.
		quote, slash, deleted := x^('"'*ones), x^('\\'*ones), x^(0x7f*ones)
		if (x|(x-' '*ones)|(quote-ones)|(slash-ones)|(deleted-ones))&highs != 0 {
			break
		}
	}
	return i
}

func (q quad) line() string {
	if q.g == "" {
		return q.s + " " + q.p + " " + q.o + " .\n"
	}
	return q.s + " " + q.p + " " + q.o + " " + q.g + " .\n"
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// CanonicalizeNQuads canonicalises a dataset given as N-Quads.
func CanonicalizeNQuads(in []byte) ([]byte, error) {
	quads, err := parseNQuads(in)
	if err != nil {
		return nil, err
	}
	return canonicalQuads(quads)
}

// parseNQuads reads RDF 1.1 N-Quads; tokens come out in canonical form.
func parseNQuads(in []byte) ([]quad, error) {
	var out []quad
	n := 0
	for line := range bytes.Lines(in) {
		n++
		p := nqParser{s: strings.TrimRight(string(line), "\r\n")}
		p.space()
		if p.s == "" || p.s[0] == '#' {
			continue
		}
		q, err := p.quad()
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %v", ErrInvalid, n, err)
		}
		out = append(out, q)
	}
	return out, nil
}

type nqParser struct{ s string }

func (p *nqParser) space() { p.s = strings.TrimLeft(p.s, " \t") }

func (p *nqParser) quad() (q quad, err error) {
	for _, part := range []*string{&q.s, &q.p, &q.o} {
		if *part, err = p.term(); err != nil {
			return q, err
		}
		p.space()
	}
	if !strings.HasPrefix(p.s, ".") {
		if q.g, err = p.term(); err != nil {
			return q, err
		}
		p.space()
	}
	if !strings.HasPrefix(p.s, ".") {
		return q, fmt.Errorf("a full stop is missing at %q", jsondoc.Clip(p.s))
	}
	return q, nil
}

func (p *nqParser) term() (string, error) {
	switch {
	case strings.HasPrefix(p.s, "<"):
		i := strings.IndexByte(p.s, '>')
		if i < 0 {
			return "", fmt.Errorf("an IRI without end")
		}
		iri, err := unescape(p.s[1:i])
		p.s = p.s[i+1:]
		return "<" + iri + ">", err
	case strings.HasPrefix(p.s, "_:"):
		i := strings.IndexAny(p.s, " \t")
		if i < 0 {
			return "", fmt.Errorf("a blank node at the end of a line")
		}
		label := strings.TrimRight(p.s[:i], ".")
		p.s = p.s[len(label):]
		return label, nil
	case strings.HasPrefix(p.s, `"`):
		return p.literal()
	}
	return "", fmt.Errorf("no term at %q", jsondoc.Clip(p.s))
}

func (p *nqParser) literal() (string, error) {
	i := 1
	for ; i < len(p.s) && p.s[i] != '"'; i++ {
		if p.s[i] == '\\' {
			i++
		}
	}
	if i >= len(p.s) {
		return "", fmt.Errorf("a literal without end")
	}
	text, err := unescape(p.s[1:i])
	if err != nil {
		return "", err
	}
	p.s = p.s[i+1:]
	switch {
	case strings.HasPrefix(p.s, "@"):
		end := strings.IndexAny(p.s, " \t")
		if end < 0 {
			return "", fmt.Errorf("a language tag at the end of a line")
		}
		tag := p.s[:end]
		p.s = p.s[end:]
		return quote(text) + tag, nil
	case strings.HasPrefix(p.s, "^^"):
		p.s = p.s[2:]
		dt, err := p.term()
		if err != nil || dt == "<"+xsdNS+"string>" {
			return quote(text), err
		}
		return quote(text) + "^^" + dt, nil
	}
	return quote(text), nil
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i >= len(s) {
			return "", fmt.Errorf("a backslash at the end")
		}
		if k := strings.IndexByte(`tbnrf"'\`, s[i]); k >= 0 {
			b.WriteByte("\t\b\n\r\f\"'\\"[k])
			continue
		}
		digits := map[byte]int{'u': 4, 'U': 8}[s[i]]
		if digits == 0 || i+digits >= len(s) {
			return "", fmt.Errorf("an unknown escape")
		}
		r, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return "", fmt.Errorf("an escape that is no character")
		}
		b.WriteRune(rune(r))
		i += digits
	}
	return b.String(), nil
}
