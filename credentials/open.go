package credentials

import (
	"bytes"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/credentials/jose"
)

// ParseAny reads a credential in any form: JSON, a compact JWT, or a PNG or
// SVG with one baked in. The error wraps [ErrMalformed] or one of the packages
// jsondoc, jose and baking. The form is known even when the rest fails.
func ParseAny(raw []byte) (Credential, Form, error) {
	form := detect(raw)
	inner := raw
	if form == FormPNG || form == FormSVG {
		var err error
		if inner, err = baking.Extract(raw); err != nil {
			return Credential{}, form, err
		}
	}
	if detect(inner) == FormJWT {
		c, err := parseJWT(inner)
		return c, form, err
	}
	c, err := Parse(inner)
	return c, form, err
}

// detect tells the form by the first bytes alone. A byte order mark may stand
// before an SVG, as it may before any XML; JSON and JWT have none.
func detect(raw []byte) Form {
	b := bytes.TrimLeft(raw, " \t\r\n")
	switch {
	case len(b) > 0 && b[0] == '{':
		return FormJSON
	case baking.IsPNG(raw):
		return FormPNG
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\ufeff")), " \t\r\n"), []byte("<")):
		return FormSVG
	case bytes.HasPrefix(b, []byte("ey")) || looksLikeJWT(b):
		return FormJWT
	}
	return FormJSON
}

// looksLikeJWT reports whether b is made of base64url and dots alone.
func looksLikeJWT(b []byte) bool {
	b = bytes.TrimRight(b, " \t\r\n")
	if bytes.Count(b, []byte(".")) < 1 {
		return false
	}
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '=') {
			return false
		}
	}
	return true
}

// parseJWT reads a VC-JWT; its claims are held to the credential later.
func parseJWT(raw []byte) (Credential, error) {
	t, err := jose.Parse(bytes.TrimSpace(raw))
	if err != nil {
		return Credential{}, err
	}
	doc, _, err := t.Credential()
	return Credential{raw: raw, doc: doc, token: &t}, err
}
