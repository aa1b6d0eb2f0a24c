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

const maxDepth = 256

// svgTag is where the credential of an SVG lies in its bytes.
type svgTag struct {
	content    []byte // of the tag
	verify     []byte // the attribute
	start, end int
}

// Extract returns the credential in a PNG or SVG, exactly as it was put in.
// The error wraps one of this package.
func Extract(image []byte) ([]byte, error) {
	if IsPNG(image) {
		return extractPNG(image)
	}
	tag, _, err := walkSVG(image)
	if err != nil {
		return nil, err
	}
	if tag == nil || len(tag.content) == 0 {
		return nil, ErrNone
	}
	return tag.content, nil
}

// Bake puts a credential into a PNG or SVG; one that is there is replaced.
func Bake(image, credential []byte) ([]byte, error) {
	if len(credential) > MaxCredential {
		return nil, fmt.Errorf("%w: a credential of %d bytes", ErrLimit, len(credential))
	}
	if IsPNG(image) {
		return bakePNG(image, credential)
	}
	tag, insert, err := walkSVG(image)
	if err != nil {
		return nil, err
	}
	from, to := insert, insert
	if tag != nil {
		from, to = tag.start, tag.end
	}
	return slices.Concat(image[:from], element(credential), image[to:]), nil
}

// element writes JSON as CDATA and a JWT as the verify attribute. A "]]>" in
// the JSON would end the CDATA, so it is split over two.
func element(credential []byte) []byte {
	const open = `<openbadges:credential xmlns:openbadges="` + Namespace + `"`
	if !bytes.HasPrefix(bytes.TrimSpace(credential), []byte("{")) {
		return []byte(open + ` verify="` + string(credential) + `"></openbadges:credential>`)
	}
	data := strings.ReplaceAll(string(credential), "]]>", "]]]]><![CDATA[>")
	return []byte(open + "><![CDATA[" + data + "]]></openbadges:credential>")
}

// walkSVG reads an SVG token by token: no DOCTYPE, no entities of its own, an
// svg element outermost. insert is the place behind its opening tag.
func walkSVG(b []byte) (tag *svgTag, insert int, err error) {
	if len(b) > MaxImage {
		return nil, 0, fmt.Errorf("%w: %d bytes", ErrLimit, len(b))
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Entity = map[string]string{}
	depth, inside := 0, 0
	for {
		at := int(d.InputOffset())
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: SVG: %v", ErrMalformed, err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, 0, fmt.Errorf("%w: an SVG with a DOCTYPE or entities is not read", ErrMalformed)
		case xml.StartElement:
			depth++
			if depth > maxDepth {
				return nil, 0, fmt.Errorf("%w: nested deeper than %d", ErrLimit, maxDepth)
			}
			if depth == 1 {
				if t.Name.Local != "svg" || t.Name.Space != "http://www.w3.org/2000/svg" || insert != 0 {
					return nil, 0, fmt.Errorf("%w: neither PNG nor SVG", ErrMalformed)
				}
				if insert = int(d.InputOffset()); b[insert-2] == '/' {
					return nil, 0, fmt.Errorf("%w: an empty SVG", ErrMalformed)
				}
			}
			if inside > 0 {
				return nil, 0, fmt.Errorf("%w: a tag inside the credential", ErrMalformed)
			}
			if t.Name.Local == "credential" && t.Name.Space == Namespace {
				if tag != nil {
					return nil, 0, fmt.Errorf("%w: two tags openbadges:credential", ErrAmbiguous)
				}
				tag, inside = &svgTag{start: at}, depth
				for _, a := range t.Attr {
					if a.Name.Local == "verify" && a.Name.Space == "" {
						tag.verify = []byte(strings.TrimSpace(a.Value))
					}
				}
			}
		case xml.EndElement:
			if inside == depth && inside > 0 {
				tag.end, inside = int(d.InputOffset()), 0
				tag.content = bytes.TrimSpace(tag.content)
				switch {
				case len(tag.content) == 0:
					tag.content = tag.verify
				case len(tag.verify) > 0:
					return nil, 0, fmt.Errorf("%w: the tag has a verify attribute and content", ErrAmbiguous)
				}
			}
			depth--
		case xml.CharData:
			if inside > 0 {
				tag.content = append(tag.content, t...)
			}
		}
	}
	if insert == 0 || depth != 0 {
		return nil, 0, fmt.Errorf("%w: neither PNG nor SVG", ErrMalformed)
	}
	return tag, insert, nil
}
