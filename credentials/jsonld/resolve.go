package jsonld

import "strings"

// reference is an IRI reference in its parts (RFC 3986 §3).
type reference struct {
	scheme, authority, path, query, fragment string
	hasAuthority, hasQuery, hasFragment      bool
}

func split(s string) (r reference) {
	s, r.fragment, r.hasFragment = strings.Cut(s, "#")
	s, r.query, r.hasQuery = strings.Cut(s, "?")
	if i := strings.IndexByte(s, ':'); isAbsolute(s) {
		r.scheme, s = s[:i], s[i+1:]
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		r.hasAuthority = true
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			i = len(rest)
		}
		r.authority, s = rest[:i], rest[i:]
	}
	r.path = s
	return r
}

func (r reference) String() string {
	var b strings.Builder
	if r.scheme != "" {
		b.WriteString(r.scheme + ":")
	}
	if r.hasAuthority {
		b.WriteString("//" + r.authority)
	}
	b.WriteString(r.path)
	if r.hasQuery {
		b.WriteString("?" + r.query)
	}
	if r.hasFragment {
		b.WriteString("#" + r.fragment)
	}
	return b.String()
}

// resolve resolves a reference against a base (RFC 3986 §5.2), without
// escaping anything.
func resolve(base, ref string) string {
	if base == "" {
		return ref
	}
	b, r := split(base), split(ref)
	t := r
	switch {
	case r.scheme != "":
		t.path = removeDots(r.path)
		return t.String()
	case r.hasAuthority:
		t.path = removeDots(r.path)
	case r.path == "":
		t.path = b.path
		if !r.hasQuery {
			t.query, t.hasQuery = b.query, b.hasQuery
		}
		t.authority, t.hasAuthority = b.authority, b.hasAuthority
	default:
		t.authority, t.hasAuthority = b.authority, b.hasAuthority
		if !strings.HasPrefix(r.path, "/") {
			t.path = b.path[:strings.LastIndexByte(b.path, '/')+1] + r.path
			if b.hasAuthority && b.path == "" {
				t.path = "/" + r.path
			}
		}
		t.path = removeDots(t.path)
	}
	t.scheme = b.scheme
	return t.String()
}

// removeDots is §5.2.4.
func removeDots(p string) string {
	if !strings.Contains(p, ".") {
		return p
	}
	var out []string
	segments := strings.Split(p, "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
			if last {
				out = append(out, "")
			}
		case "..":
			if len(out) > 1 || len(out) == 1 && out[0] != "" {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return strings.Join(out, "/")
}
