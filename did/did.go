// Package did holds decentralized identifiers, their documents and the keys
// in them (W3C DID Core 1.0, Controlled Identifiers 1.0). It fetches nothing:
// the folders below it resolve one method each, and [Methods] joins them.
package did

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Errors that callers branch on. Each resolver wraps exactly one of them.
var (
	// ErrSyntax says that a string is no DID or DID URL (DID Core §3).
	ErrSyntax = errors.New("not a DID")
	// ErrUnsupported says that no resolver here knows the method.
	ErrUnsupported = errors.New("DID method not supported")
	// ErrNotFound is a definite answer: the identifier has no document.
	ErrNotFound = errors.New("DID has no document")
	// ErrUnreachable is no answer: the document could not be fetched now.
	ErrUnreachable = errors.New("DID document out of reach")
	// ErrInvalidDocument says that what was found is not that DID's document.
	ErrInvalidDocument = errors.New("invalid DID document")
	// ErrKeyNotListed says that a document does not list a key for a purpose.
	ErrKeyNotListed = errors.New("key not listed for this purpose")
	// ErrWeakKey says that a key is malformed or in a small subgroup.
	ErrWeakKey = errors.New("key refused")
)

// MaxLength is the longest DID or DID URL accepted, in bytes. A did:peer:4
// long form carries a whole document, hence the room.
const MaxLength = 16 << 10

// DID is a syntactically valid identifier. The zero value is no DID; values
// are comparable with ==.
type DID struct {
	text   string
	method int // length of the method name
}

// Parse reads a DID without path, query or fragment (DID Core §3.1). The error
// wraps [ErrSyntax].
func Parse(s string) (DID, error) {
	fail := func(why string) (DID, error) {
		return DID{}, fmt.Errorf("%w: %s: %q", ErrSyntax, why, jsondoc.Clip(s))
	}
	if len(s) > MaxLength {
		return fail(fmt.Sprintf("longer than %d bytes", MaxLength))
	}
	rest, ok := strings.CutPrefix(s, "did:")
	if !ok {
		return fail(`it must begin with "did:"`)
	}
	method, id, ok := strings.Cut(rest, ":")
	if !ok || method == "" || !all(method, isMethodChar) {
		return fail("the method name must be lower-case letters and digits")
	}
	if id == "" || strings.HasSuffix(id, ":") {
		return fail("the method-specific identifier is empty or ends in a colon")
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case isIDChar(c) || c == ':':
		case c == '%' && i+2 < len(id) && isHex(id[i+1]) && isHex(id[i+2]):
			i += 2
		default:
			return fail(fmt.Sprintf("character %q is not allowed", c))
		}
	}
	return DID{text: s, method: len(method)}, nil
}

// String returns the DID as it was parsed.
func (d DID) String() string { return d.text }

// IsZero reports whether d is the zero value.
func (d DID) IsZero() bool { return d.text == "" }

// Method returns the method name, such as "web".
func (d DID) Method() string {
	if d.IsZero() {
		return ""
	}
	return d.text[4 : 4+d.method]
}

// SpecificID returns what follows "did:method:".
func (d DID) SpecificID() string {
	if d.IsZero() {
		return ""
	}
	return d.text[5+d.method:]
}

// URL is a DID URL (DID Core §3.2), such as a verification method's id.
type URL struct {
	DID                   DID
	Path, Query, Fragment string
}

// ParseURL reads a DID URL; a bare DID is one. The error wraps [ErrSyntax].
func ParseURL(s string) (URL, error) {
	if len(s) > MaxLength {
		return URL{}, fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxLength)
	}
	var u URL
	rest, frag, hasFrag := strings.Cut(s, "#")
	if hasFrag && (frag == "" || !all(frag, isURLChar)) {
		return URL{}, fmt.Errorf("%w: bad fragment: %q", ErrSyntax, jsondoc.Clip(s))
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery && (query == "" || !all(query, isURLChar)) {
		return URL{}, fmt.Errorf("%w: bad query: %q", ErrSyntax, jsondoc.Clip(s))
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, u.Path = rest[:i], rest[i:]
		if !all(u.Path, isURLChar) {
			return URL{}, fmt.Errorf("%w: bad path: %q", ErrSyntax, jsondoc.Clip(s))
		}
	}
	d, err := Parse(rest)
	if err != nil {
		return URL{}, err
	}
	u.DID, u.Query, u.Fragment = d, query, frag
	return u, nil
}

// String returns the URL as it was parsed.
func (u URL) String() string {
	s := u.DID.String() + u.Path
	if u.Query != "" {
		s += "?" + u.Query
	}
	if u.Fragment != "" {
		s += "#" + u.Fragment
	}
	return s
}

func all(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isMethodChar(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func isIDChar(c byte) bool {
	return isMethodChar(c) || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isURLChar leaves out what RFC 3986 has in no path, query or fragment.
func isURLChar(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune("#\"<>[\\]^`{|}", rune(c))
}
