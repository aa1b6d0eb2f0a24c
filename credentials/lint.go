package credentials

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Problem is a broken rule: where (a JSON pointer), what, and the fix.
type Problem struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

func (p Problem) String() string {
	at := p.Pointer
	if at == "" {
		at = "the credential"
	}
	return at + " " + p.Message + "; " + p.Fix
}

// Lint holds a badge to the rules of Open Badges 3.0 and the VC Data Model
// 2.0 as its issuer: what the official schemas refuse is a problem, also where
// a reader forgives it. A signed badge may be linted as well as an unsigned
// one. No problems: nil.
func Lint(raw []byte) []Problem {
	c, err := Parse(raw)
	if err != nil {
		f := explainParse(err)
		return []Problem{{Code: f.code, Message: f.message, Fix: "write one JSON object"}}
	}
	return lintIssued(c.doc)
}

// lintIssued holds a badge to the rules as its issuer.
func lintIssued(doc jsondoc.Value) []Problem {
	if soundLike(doc, Badge, true) {
		return nil
	}
	l := &linter{issuing: true}
	l.credential(doc, Badge)
	return l.problems
}

// LintAny holds any credential to the VC Data Model 2.0 (or 1.1) alone.
func LintAny(raw []byte) []Problem {
	c, err := Parse(raw)
	if err != nil {
		f := explainParse(err)
		return []Problem{{Code: f.code, Message: f.message, Fix: "write one JSON object"}}
	}
	return lintDoc(c.doc, AnyCredential)
}

// lintDoc holds a credential to the rules as a reader.
func lintDoc(doc jsondoc.Value, k Kind) []Problem {
	if soundLike(doc, k, false) {
		return nil
	}
	l := &linter{}
	l.credential(doc, k)
	return l.problems
}

// maxProblems ends a list that helps nobody any more.
const maxProblems = 50

type linter struct {
	issuing  bool
	v1       bool
	problems []Problem
	trace    *lintTrace // set while it is noted which text is read by which rule
}

func (l *linter) add(code string, v jsondoc.Value, member, message, fix string) {
	if len(l.problems) >= maxProblems {
		return
	}
	at := v.Pointer()
	if member != "" {
		at += "/" + member
	}
	if slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Pointer == at && p.Message == message }) {
		return // the data model and the badge's class ask for the same
	}
	l.problems = append(l.problems, Problem{at, code, message, fix})
}

func (l *linter) bad(v jsondoc.Value, member, message, fix string) {
	l.add(CodeSchema, v, member, message, fix)
}

// credential is the whole of the rules.
func (l *linter) credential(doc jsondoc.Value, k Kind) {
	l.v1 = isV1(doc)
	l.types(doc, "VerifiableCredential")
	l.contexts(doc, k)
	l.silent(doc, true)
	l.dataModel(doc)
	if k == AnyCredential {
		return
	}
	c := badgeClass(doc)
	if c == nil {
		l.bad(doc, "type", "is none of OpenBadgeCredential, AchievementCredential, EndorsementCredential and ClrCredential", `add "OpenBadgeCredential"`)
		return
	}
	l.class(doc, c)
	if c.name != "EndorsementCredential" {
		l.recipient(doc)
	}
}

// badgeTypes are the types of the credentials of Open Badges 3.0 and CLR 2.0.
var badgeTypes = []string{"OpenBadgeCredential", "AchievementCredential", "EndorsementCredential", "ClrCredential"}

// badgeClass returns the class of a badge, nil for any other credential.
func badgeClass(doc jsondoc.Value) *class {
	for _, name := range badgeTypes {
		if has(doc.Get("type"), name) {
			return classes[strings.Replace(name, "OpenBadge", "Achievement", 1)]
		}
	}
	return nil
}

// ContextCLR is the context of CLR 2.0. No package publishes it, so that it
// is known by name alone: proofs that rest on its words are refused.
const ContextCLR = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"

// contexts demands the ordered contexts of a badge, all of them pinned.
func (l *linter) contexts(doc jsondoc.Value, k Kind) {
	v := doc.Get("@context")
	fix := `begin "@context" with "` + jsonld.CredentialsV2 + `"`
	first := text(v.First())
	if first != jsonld.CredentialsV2 && (first != jsonld.CredentialsV1 || l.issuing) {
		l.add(CodeContext, doc, "@context", "does not begin with the context of the VC Data Model", fix)
		return
	}
	at, place := 1, "second"
	if k == Badge && has(doc.Get("type"), "ClrCredential") {
		if !strings.HasPrefix(text(v.At(1)), "https://purl.imsglobal.org/spec/clr/v2p0/context") {
			l.add(CodeContext, doc, "@context", "does not name the context of CLR 2.0 in the second place", `put "`+ContextCLR+`" second`)
		}
		at, place = 2, "third"
	}
	if k == Badge && !strings.HasPrefix(text(v.At(at)), "https://purl.imsglobal.org/spec/ob/v3p0/context") {
		l.add(CodeContext, doc, "@context", "does not name the context of Open Badges 3.0 in the "+place+" place", `put "`+jsonld.OpenBadges303+`" `+place)
	}
	for e := range v.Elements() {
		url, isText := e.Text()
		switch {
		case !isText && e.Kind() != jsondoc.Object:
			l.add(CodeContext, e, "", "is neither a URL nor an object", fix)
		case k == AnyCredential:
		case isText && url == ContextCLR && at == 2: // by name: only a JWT, which signs the text itself, holds under it
		case isText && !jsonld.Known(url):
			l.add(CodeContext, e, "", fmt.Sprintf("names %q, which is not among the pinned contexts; none is fetched", jsondoc.Clip(url)), "use published contexts only")
		case !isText && !isExtension(e):
			l.add(CodeContext, e, "", "is a context of the document's own", "use published contexts only")
		}
	}
}

func isExtension(v jsondoc.Value) bool {
	var want any
	return json.Unmarshal(jsonld.Extension(), &want) == nil && reflect.DeepEqual(v.Any(), want)
}

// silent finds what the signature would pass over: nulls and empty lists, of
// which RDF has no trace, keywords, and contexts in odd places.
func (l *linter) silent(v jsondoc.Value, credential bool) {
	for name, m := range v.Members() {
		switch {
		case name == "@context" && credential:
			continue
		case name == "@context":
			l.add(CodeContext, v, name, "gives words another meaning within the credential", "remove it")
			continue
		case name == "proof" && credential:
			continue
		case strings.HasPrefix(name, "@") && !isLanguage(v):
			l.add(CodeUnsigned, v, name, "is a keyword of JSON-LD, which a credential does not use", "use the plain member")
			continue
		}
		l.value(m)
	}
}

func (l *linter) value(m jsondoc.Value) {
	switch m.Kind() {
	case jsondoc.Null:
		l.add(CodeUnsigned, m, "", "is null, which no signature covers", "remove it")
	case jsondoc.Array:
		if m.Len() == 0 {
			l.add(CodeUnsigned, m, "", "is an empty list, which no signature covers", "remove it")
		}
		for e := range m.Elements() {
			l.value(e)
		}
	case jsondoc.Object:
		l.silent(m, has(m.Get("type"), "VerifiableCredential") || has(m.Get("type"), "EndorsementCredential") || has(m.Get("type"), "EnvelopedVerifiableCredential"))
	}
}

// isLanguage reports whether v is a language value object (VC Data Model 2.0
// §11.1): @value, @language and @direction alone.
func isLanguage(v jsondoc.Value) bool {
	_, ok := v.Get("@value").Text()
	for name := range v.Members() {
		ok = ok && slices.Contains([]string{"@value", "@language", "@direction"}, name)
	}
	return ok
}

// describe says what a document is.
func describe(doc jsondoc.Value) string {
	model := "VC 2.0"
	if isV1(doc) {
		model = "VC 1.1"
	}
	for _, t := range badgeTypes {
		if has(doc.Get("type"), t) {
			return t + " (" + model + ")"
		}
	}
	return "credential (" + model + ")"
}
