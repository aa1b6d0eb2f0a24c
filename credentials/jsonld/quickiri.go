package jsonld

import "strings"

// plainIRI reports whether s is an absolute IRI that expansion leaves as it
// is and that may stand in a statement. It says no in doubt.
func (c *activeContext) plainIRI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || !isAbsolute(s) {
		return false
	}
	hashes, escapes := 0, 0
	for i := range len(s) {
		switch b := s[i]; {
		case b == '#':
			hashes++
		case b == '%':
			escapes++
		case b <= ' ' || b == 0x7f || unsafeIRI[b]:
			return false
		}
	}
	if hashes > 1 {
		return false
	}
	scheme, rest := s[:colon], s[colon+1:]
	if scheme == "https" || scheme == "http" {
		return strings.HasPrefix(rest, "//") && hasHost(rest[2:]) && (escapes == 0 || wellEscaped(rest))
	}
	if strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http") {
		return false
	}
	t := c.terms[scheme]
	return t == nil || strings.HasPrefix(rest, "//")
}

// unsafeIRI are the characters that [checkIRI] refuses.
var unsafeIRI = [256]bool{'<': true, '>': true, '"': true, '{': true, '}': true, '|': true, '\\': true, '^': true, '`': true}

// wellEscaped reports whether two hexadecimal digits follow each percent sign,
// as whoever parses an address wants it.
func wellEscaped(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0; i = strings.IndexByte(s, '%') {
		if len(s) < i+3 || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		s = s[i+3:]
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hasHost reports whether a web address goes on with a host of the usual form.
func hasHost(s string) bool {
	n := 0
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z' || s[n] >= '0' && s[n] <= '9' || s[n] == '-' || s[n] == '.') {
		n++
	}
	if n == 0 {
		return false
	}
	if s = s[n:]; strings.HasPrefix(s, ":") {
		for s = s[1:]; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
		}
	}
	return s == "" || s[0] == '/' || s[0] == '?' || s[0] == '#'
}
