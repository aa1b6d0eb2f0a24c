package dataintegrity

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gowebpki/jcs"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// canonicalJSON calls use with a part in the JSON Canonicalization Scheme
// (RFC 8785), which is good until use returns.
func canonicalJSON(p jsonld.Part, use func([]byte)) error {
	if p.Body.Kind() != jsondoc.Object {
		return fmt.Errorf("%w: a document is an object", ErrMalformed)
	}
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	out, err := appendObject((*b)[:0], p.Body, p.Without)
	*b = out
	if err == nil {
		use(out)
	}
	return err
}

func appendCanonical(b []byte, v jsondoc.Value) ([]byte, error) {
	switch v.Kind() {
	case jsondoc.Object:
		return appendObject(b, v, "")
	case jsondoc.Array:
		b = append(b, '[')
		var err error
		for i, e := 0, v.Child(); e.Exists(); i, e = i+1, e.Next() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendCanonical(b, e); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case jsondoc.String:
		s, _ := v.Text()
		return appendText(b, s), nil
	case jsondoc.Number:
		return appendNumber(b, v)
	}
	return append(b, v.Raw()...), nil // true, false and null
}

func appendNumber(b []byte, v jsondoc.Value) ([]byte, error) {
	f, err := jsonld.Double(v)
	if err != nil {
		return b, err
	}
	s, err := jcs.NumberToJSON(f)
	if err != nil {
		return b, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return append(b, s...), nil
}

// appendObject writes members in the order of their names, without one.
func appendObject(b []byte, v jsondoc.Value, without string) ([]byte, error) {
	var few [24]jsondoc.Value
	members := few[:0]
	for m := v.Child(); m.Exists(); m = m.Next() {
		if without == "" || m.Name() != without {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(x, y jsondoc.Value) int { return compareUTF16(x.Name(), y.Name()) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, m.Name()), ':')
		var err error
		if b, err = appendCanonical(b, m); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// compareUTF16 orders names by their UTF-16 code units (RFC 8785 §3.2.3): a
// character beyond U+FFFF, written with surrogates, comes before U+E000.
func compareUTF16(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		// UTF-8 keeps the order of characters; only four-byte forms move.
		if (a[i] >= 0xf0) != (b[i] >= 0xf0) && a[i] >= 0xee && b[i] >= 0xee {
			return strings.Compare(b[i:], a[i:])
		}
		break
	}
	return strings.Compare(a, b)
}

// appendText writes a string with the escapes of RFC 8785 §3.2.2.2.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if k := bytes.IndexByte([]byte("\b\t\n\f\r\"\\"), c); k >= 0 {
			b = append(b, '\\', `btnfr"\`[k])
		} else {
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(append(b, s[from:]...), '"')
}
