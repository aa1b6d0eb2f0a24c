package baking

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Namespace of the tag in an SVG (§5.3.2).
const Namespace = "https://purl.imsglobal.org/ob/v3p0"

const (
	svgNamespace = "http://www.w3.org/2000/svg"
	maxDepth     = 256
	maxTokens    = 500_000
	maxAttrs     = 1000 // of one tag
)

// element writes JSON as CDATA and a JWT as the verify attribute. What XML
// would end or change, "]]>" and carriage returns, lies between two CDATA; so
// do other ends of lines, of XML 1.1 and Unicode, which some readers change.
func element(credential []byte) []byte {
	const open = `<openbadges:credential xmlns:openbadges="` + Namespace + `"`
	if isToken(credential) {
		return []byte(open + ` verify="` + string(credential) + `"></openbadges:credential>`)
	}
	data := strings.NewReplacer("]]>", "]]]]><![CDATA[>", "\r", "]]>&#13;<![CDATA[",
		"\u0085", "]]>&#x85;<![CDATA[", "\u2028", "]]>&#x2028;<![CDATA[", "\u2029", "]]>&#x2029;<![CDATA[").Replace(string(credential))
	return []byte(open + "><![CDATA[" + data + "]]></openbadges:credential>")
}

// bakeSVG puts the tag behind the opening svg tag, or in place of the one that
// is there.
func bakeSVG(image, credential []byte) ([]byte, error) {
	w, err := walkSVG(image)
	if err != nil {
		return nil, err
	}
	from, to := w.insert, w.insert
	if w.found {
		from, to = w.start, w.end
	}
	return slices.Concat(image[:from], element(credential), image[to:]), nil
}

func extractSVG(image []byte) ([]byte, error) {
	w, err := walkSVG(image)
	if err != nil {
		return nil, err
	}
	content := w.content()
	if len(bytes.TrimSpace(content)) == 0 {
		content = w.verify
	} else if len(w.verify) > 0 {
		return nil, fmt.Errorf("%w: the tag openbadges:credential has a verify attribute and content", ErrAmbiguous)
	}
	switch {
	case len(content) == 0:
		return nil, ErrNone
	case len(content) > MaxCredential:
		return nil, fmt.Errorf("%w: a credential of %d bytes, at most %d", ErrLimit, len(content), MaxCredential)
	}
	return content, nil
}

// svgWalk reads an SVG token by token. It finds the tag of the credential, its
// place, and the place behind the opening svg tag.
type svgWalk struct {
	raw        []byte
	depth      int
	insert     int // behind the opening svg tag, 0 before it
	found      bool
	inside     int // depth of the tag while within it
	start, end int // of the tag
	verify     []byte
	pieces     []piece
}

// piece is a part of the tag's content. Blank text outside CDATA is layout.
type piece struct {
	text          []byte
	cdata, layout bool
}

// content is what the CDATA holds, exactly; blank text around them is layout.
// Without CDATA it is the text, trimmed.
func (w *svgWalk) content() []byte {
	parts := w.pieces
	exact := slices.ContainsFunc(parts, func(p piece) bool { return p.cdata })
	for exact && parts[0].layout {
		parts = parts[1:]
	}
	for exact && parts[len(parts)-1].layout {
		parts = parts[:len(parts)-1]
	}
	var out []byte
	for _, p := range parts {
		out = append(out, p.text...)
	}
	if !exact {
		return bytes.TrimSpace(out)
	}
	return out
}

// walkSVG accepts no DOCTYPE, no entities of its own, nothing beside one svg
// element, and nothing that two readers of XML take differently.
func walkSVG(b []byte) (*svgWalk, error) {
	if len(b) > MaxImage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(b), MaxImage)
	}
	w := &svgWalk{raw: b}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Entity = map[string]string{}
	for n := 0; ; n++ {
		if n > maxTokens {
			return nil, fmt.Errorf("%w: more than %d tags, texts and comments", ErrLimit, maxTokens)
		}
		at := int(d.InputOffset())
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: SVG: %v", ErrMalformed, err)
		}
		if err := w.token(t, at, int(d.InputOffset())); err != nil {
			return nil, err
		}
	}
	if w.insert == 0 || w.depth != 0 {
		return nil, fmt.Errorf("%w: neither PNG nor SVG", ErrMalformed)
	}
	return w, nil
}

func (w *svgWalk) token(t xml.Token, at, end int) error {
	switch t := t.(type) {
	case xml.Directive:
		return fmt.Errorf("%w: an SVG with a DOCTYPE or entities is not read; save the image without them", ErrMalformed)
	case xml.StartElement:
		return w.open(t, at, end)
	case xml.EndElement:
		if w.inside == w.depth {
			w.end, w.inside = end, 0
		}
		w.depth--
	case xml.Comment, xml.ProcInst:
		if w.inside > 0 {
			return fmt.Errorf("%w: a comment or instruction inside the credential", ErrMalformed)
		}
	case xml.CharData:
		blank := len(bytes.TrimSpace(w.raw[at:end])) == 0
		switch {
		case w.inside > 0:
			cdata := bytes.HasPrefix(w.raw[at:end], []byte("<![CDATA["))
			w.pieces = append(w.pieces, piece{t.Copy(), cdata, blank})
		case w.depth == 0 && !blank && (at > 0 || len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) > 0):
			return fmt.Errorf("%w: text outside the svg element", ErrMalformed)
		}
	}
	return nil
}

func (w *svgWalk) open(t xml.StartElement, at, end int) error {
	if w.depth++; w.depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrLimit, maxDepth)
	}
	if err := unique(t.Attr); err != nil {
		return err
	}
	if w.depth == 1 {
		if t.Name.Local != "svg" || t.Name.Space != svgNamespace || w.insert != 0 {
			return fmt.Errorf("%w: neither PNG nor SVG", ErrMalformed)
		}
		if w.insert = end; w.raw[end-2] == '/' {
			return fmt.Errorf("%w: an empty SVG", ErrMalformed)
		}
	}
	if w.inside > 0 {
		return fmt.Errorf("%w: a tag inside the credential", ErrMalformed)
	}
	if t.Name.Local != "credential" || t.Name.Space != Namespace {
		return nil
	}
	if w.found {
		return fmt.Errorf("%w: two tags openbadges:credential", ErrAmbiguous)
	}
	w.found, w.inside, w.start = true, w.depth, at
	for _, a := range t.Attr {
		if a.Name.Local == "verify" && a.Name.Space == "" {
			w.verify = []byte(strings.TrimSpace(a.Value))
		}
	}
	return nil
}

// unique refuses an attribute that is there twice: XML forbids it, and readers
// take either one.
func unique(attrs []xml.Attr) error {
	if len(attrs) < 2 {
		return nil
	}
	if len(attrs) > maxAttrs {
		return fmt.Errorf("%w: a tag with %d attributes, at most %d", ErrLimit, len(attrs), maxAttrs)
	}
	seen := make(map[xml.Name]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name] {
			return fmt.Errorf("%w: the attribute %s is there twice", ErrMalformed, a.Name.Local)
		}
		seen[a.Name] = true
	}
	return nil
}
