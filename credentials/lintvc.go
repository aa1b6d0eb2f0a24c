package credentials

import (
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// dataModel holds a credential to the VC Data Model 2.0 (§4), or 1.1.
func (l *linter) dataModel(doc jsondoc.Value) {
	l.url(doc, "id", optional)
	l.issuer(doc)
	l.subjects(doc)
	l.period(doc)
	for _, name := range []string{"name", "description"} {
		l.words(doc, name)
		l.words(doc.Get("issuer"), name)
	}
	for _, m := range []struct {
		name string
		id   need
	}{{"credentialStatus", optional}, {"credentialSchema", required}, {"refreshService", optional}, {"termsOfUse", optional}, {"evidence", optional}} {
		for e := range doc.Get(m.name).Elements() {
			if e.Kind() != jsondoc.Object {
				l.bad(e, "", "is not an object", "write an object with a type")
				continue
			}
			if m.name == "evidence" {
				l.anyType(e)
			} else {
				l.typed(e)
			}
			if n := m.id; l.issuing && m.name == "refreshService" {
				l.url(e, "id", required) // as the official schemas have it
			} else {
				l.url(e, "id", n)
			}
		}
	}
	if r := doc.Get("refreshService"); l.issuing && r.Kind() == jsondoc.Array {
		l.bad(r, "", "is a list, which the official schemas refuse", "name one refresh service")
	}
	l.resources(doc.Get("relatedResource"))
	for p := range doc.Get("proof").Elements() {
		if p.Kind() != jsondoc.Object {
			l.bad(p, "", "is no proof", "write an object with a type")
			continue
		}
		l.typed(p)
		if l.issuing { // a reader holds it to its suite
			l.class(p, classes["Proof"])
		}
	}
}

type need int

const (
	optional need = iota
	required
)

// url demands one absolute URL.
func (l *linter) url(v jsondoc.Value, name string, n need) {
	if l.trace == nil {
		l.oneURL(v, name, n)
		return
	}
	l.rule(v, func(l *linter, v jsondoc.Value) { l.oneURL(v, name, n) })
}

func (l *linter) oneURL(v jsondoc.Value, name string, n need) {
	m := v.Get(name)
	switch s, ok := m.Text(); {
	case !m.Exists() && n == optional:
	case !m.Exists():
		l.bad(v, name, "is missing", "add a URL, such as urn:uuid:…")
	case !ok:
		l.bad(m, "", "is not one URL", "write one URL")
	case !isURL(s):
		l.bad(m, "", "is no absolute URL: "+jsondoc.Clip(s), "write a URL with a scheme, such as https: or urn:uuid:")
	}
}

// isURL reports whether s is an absolute URL: a scheme, a colon, and none of
// the characters that no URL has.
func isURL(s string) bool {
	i := strings.IndexByte(s, ':')
	if i <= 0 || i == len(s)-1 {
		return false
	}
	for k, c := range s[:i] {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || k > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	for k := range len(s) {
		if notInURL[s[k]] {
			return false
		}
	}
	return true
}

var notInURL = func() (no [256]bool) {
	for _, c := range []byte(" <>\"{}|\\^`\t\r\n") {
		no[c] = true
	}
	return no
}()

// types demands type with one wanted item, each a term or an absolute URL.
func (l *linter) types(v jsondoc.Value, want string) {
	t := v.Get("type")
	if !t.Exists() {
		l.bad(v, "type", "is missing", `add "type": ["`+want+`"]`)
		return
	}
	for e := range t.Elements() {
		s, ok := e.Text()
		if ok && s == want {
			continue
		}
		if !ok || s == "" || strings.Contains(s, ":") && !isURL(s) || strings.ContainsAny(s, " <>\"") {
			l.bad(e, "", "is no type", "write a term of the contexts or a URL")
		}
	}
	if !has(t, want) {
		l.bad(t, "", "lacks "+want, `add "`+want+`"`)
	}
}

// typed demands a type of any kind; of an issuer one text, as the official
// schemas have it.
func (l *linter) typed(v jsondoc.Value) {
	if t := v.Get("type"); l.issuing && t.Exists() && t.Kind() != jsondoc.String {
		l.bad(t, "", "is not one type", "write one text")
		return
	}
	l.anyType(v)
}

func (l *linter) anyType(v jsondoc.Value) {
	for e := range v.Get("type").Elements() {
		if s, ok := e.Text(); !ok || s == "" {
			l.bad(e, "", "is no type", "write a term of the contexts or a URL")
		}
		return
	}
	l.bad(v, "type", "is missing", "say of what type it is")
}

func (l *linter) issuer(doc jsondoc.Value) {
	v := doc.Get("issuer")
	switch v.Kind() {
	case jsondoc.Absent:
		l.bad(doc, "issuer", "is missing", "name the issuer by its DID")
	case jsondoc.String:
		if s := text(v); !isURL(s) {
			l.bad(v, "", "is no absolute URL: "+jsondoc.Clip(s), "name the issuer by its DID")
		}
	case jsondoc.Object:
		l.url(v, "id", required)
	default:
		l.bad(v, "", "is not one issuer", "write a DID, or an object with id")
	}
}

func (l *linter) subjects(doc jsondoc.Value) {
	v := doc.Get("credentialSubject")
	if !v.Exists() || v.Len() == 0 {
		l.bad(doc, "credentialSubject", "says nothing", "say who achieved what")
		return
	}
	for s := range v.Elements() {
		if s.Kind() != jsondoc.Object || s.Len() == 0 {
			l.bad(s, "", "makes no claim", "say who achieved what")
			continue
		}
		l.url(s, "id", optional)
	}
}

// period demands dates with a zone, in order (VC Data Model 2.0 §4.9).
func (l *linter) period(doc jsondoc.Value) { l.rule(doc, (*linter).dates) }

func (l *linter) dates(doc jsondoc.Value) {
	from, until := "validFrom", "validUntil"
	if l.v1 {
		from, until = "issuanceDate", "expirationDate"
		if !doc.Get(from).Exists() {
			l.bad(doc, from, "is missing", "say since when it is valid")
		}
		l.date(doc, "validFrom") // version 1.1 knows these names too
		l.date(doc, "validUntil")
	}
	var at [2]time.Time
	for i, name := range []string{from, until} {
		at[i] = l.date(doc, name)
	}
	if !at[1].IsZero() && at[1].Before(at[0]) {
		l.bad(doc, until, "comes before "+from, "put them in order")
	}
}

func (l *linter) date(v jsondoc.Value, name string) time.Time {
	m := v.Get(name)
	if !m.Exists() {
		return time.Time{}
	}
	s, ok := m.Text()
	t, err := parseTime(s)
	if !ok || err != nil {
		l.bad(m, "", "is no date and time with zone: "+jsondoc.Clip(string(m.Raw())), "write it as 2026-11-01T12:00:00Z")
		return time.Time{}
	}
	return t
}

// words demands text, or language value objects.
func (l *linter) words(v jsondoc.Value, name string) {
	for e := range v.Get(name).Elements() {
		if e.Kind() != jsondoc.String && !isLanguage(e) {
			l.bad(e, "", "is no text", "write a text, or an object of @value, @language and @direction")
		}
	}
}

// resources demands an id and a digest of each, and no id twice (§5.3).
func (l *linter) resources(v jsondoc.Value) {
	var seen []string
	for e := range v.Elements() {
		l.url(e, "id", required)
		if id := text(e.Get("id")); slices.Contains(seen, id) {
			l.bad(e, "id", "is there twice", "list each resource once")
		} else {
			seen = append(seen, id)
		}
		if !e.Get("digestMultibase").Exists() && !e.Get("digestSRI").Exists() {
			l.bad(e, "", "has no digest", "add digestMultibase")
		}
	}
}
