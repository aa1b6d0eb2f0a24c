package catalogue

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
)

func (l *linter) achievement(n Named[Achievement]) {
	a := n.Value
	l.slug("achievement", n.Key, n.Line)
	if a.Name == "" || a.Description == "" {
		l.err(n.Line, "add both", "achievement %s needs a name and a description", n.Key)
	}
	if _, ok := kinds[a.Kind]; !ok {
		l.err(n.at("kind"), "use one of "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "), "achievement %s has the unknown kind %q", n.Key, a.Kind)
	}
	if a.Type != "" && !slices.Contains(credentials.AchievementTypes(), a.Type) && !strings.HasPrefix(a.Type, "ext:") {
		l.err(n.at("type"), "use one of Open Badges 3.0, such as QualityAssuranceCredential, MicroCredential or License, or leave it out", "achievement %s has the unknown type %q", n.Key, a.Type)
	}
	if len(a.Criteria) == 0 {
		l.err(n.at("criteria"), "say under criteria what is to be done", "achievement %s has no criteria", n.Key)
	}
	for slug, text := range a.Criteria.All() {
		if strings.TrimSpace(text) == "" {
			l.err(a.Criteria.line(slug), "say what is to be done", "achievement %s has the criterion %s without words", n.Key, slug)
		}
	}
	for i, o := range a.Outcomes {
		if slices.Contains(a.Outcomes[:i], o) {
			l.err(n.at("outcomes"), "name it once", "achievement %s names the outcome %s twice", n.Key, o)
		}
		if _, ok := l.c.Objectives.Get(o); !ok {
			l.err(n.at("outcomes"), "define it under objectives", "achievement %s names the unknown outcome %s", n.Key, o)
		}
	}
	l.image(n)
	l.alignments(a.Align, n.at("align"))
	l.facts(n)
	l.scales(n)
	l.renewal(n)
	l.award(n)
	l.succession(n)
}

// vocabulary checks the terms that have one.
func (l *linter) vocabulary(at func(key string) int, of string, t Terms) {
	if !slices.Contains(settings, t.Setting) {
		l.err(at("setting"), "use formal, non-formal or informal", "%s: unknown setting %q", of, t.Setting)
	}
	if _, ok := modes[t.Mode]; t.Mode != "" && !ok {
		l.err(at("mode"), "use online, onsite, blended, work or project", "%s: unknown mode %q", of, t.Mode)
	}
}

// facts checks the values that have a scale or a vocabulary.
func (l *linter) facts(n Named[Achievement]) {
	slug, a := n.Key, n.Value
	if a.EQF < 0 || a.EQF > 8 {
		l.err(n.at("eqf"), "use 1 to 8, or leave it out", "achievement %s has the EQF level %d", slug, a.EQF)
	}
	l.vocabulary(n.at, "achievement "+slug, a.Terms)
	if _, ok := assessmentURI[a.Assessment]; a.Assessment != "" && !ok {
		l.warn(n.at("assessment"), "use one of "+strings.Join(slices.Sorted(maps.Keys(assessmentURI)), ", ")+", or accept that badges do not tell it", "achievement %s: assessment %q is no word of the European Learning Model", slug, a.Assessment)
	}
	if a.Credits != nil && (a.Credits.System != "ecvet" && a.Credits.System != "ects" || a.Credits.Points <= 0) {
		l.err(n.at("credits"), "write credits: {system: ecvet, points: 0.5}", "achievement %s has bad credits", slug)
	}
	for _, d := range [][2]string{{"workload", a.Workload}, {"valid", a.Valid}} {
		if p, err := requirement.ParsePeriod(d[1]); d[1] != "" && err != nil {
			l.err(n.at(d[0]), "write an ISO 8601 duration such as PT5H or P1Y", "achievement %s: %s %q is no duration", slug, d[0], d[1])
		} else if d[1] != "" && p.Length() == 0 {
			l.err(n.at(d[0]), "write how long it is, or leave it out", "achievement %s: %s %q is no time at all", slug, d[0], d[1])
		}
	}
}

// scales checks levels and results.
func (l *linter) scales(n Named[Achievement]) {
	slug, a := n.Key, n.Value
	switch {
	case len(a.Levels) > 0 && (a.Pass < 1 || a.Pass > len(a.Levels)):
		l.err(n.at("pass"), fmt.Sprintf("set pass to 1 to %d", len(a.Levels)), "achievement %s: pass %d is no level of it", slug, a.Pass)
	case len(a.Levels) == 0 && a.Pass != 0:
		l.err(n.at("pass"), "add levels: {1: Assisted, 2: Independent}, or remove pass", "achievement %s: pass %d, and it has no levels", slug, a.Pass)
	}
	for i, lv := range a.Levels {
		if lv.Key != fmt.Sprint(i+1) || lv.Value == "" {
			l.err(n.at("levels"), "write levels: {1: Assisted, 2: Independent, 3: Guides others}", "achievement %s: level %q is not number %d with a name", slug, lv.Key, i+1)
		}
	}
	r := a.Result
	if r == nil {
		return
	}
	if !slices.Contains(resultTypes, r.Type) {
		l.err(n.at("result"), "use one of "+strings.Join(resultTypes, ", "), "achievement %s has a result of the unknown type %q", slug, r.Type)
	}
	above := func(a, b *float64) bool { return a != nil && b != nil && *a > *b }
	if above(r.Min, r.Max) || above(r.Min, r.Pass) || above(r.Pass, r.Max) {
		l.err(n.at("result"), "write min, pass and max in rising order", "achievement %s has a result whose pass mark is out of scale", slug)
	}
}

// resultTypes are those of Open Badges 3.0 that an achievement can state by
// numbers.
var resultTypes = []string{"GradePointAverage", "Percent", "PerformanceLevel", "PredictedScore", "RawScore", "Result", "ScaledScore"}

func (l *linter) renewal(n Named[Achievement]) {
	slug, a := n.Key, n.Value
	switch {
	case a.Renew != nil && a.Valid == "":
		l.err(n.at("renew"), "add valid, such as P2Y", "achievement %s can be renewed but never expires", slug)
	case a.Renew != nil && !isDuration(a.Renew.Window):
		l.err(n.at("renew"), "write renew: {window: P60D, ...}", "achievement %s: renewal window %q is no duration", slug, a.Renew.Window)
	case a.Renew != nil && !a.Renew.When.one():
		l.err(n.at("renew"), "write when: {evidence: 1}, {event: review.submitted, n: 3, within: P1Y}, or {test: URL}", "achievement %s is renewed by nothing, or by several things", slug)
	case a.Renew != nil && a.Renew.When.Within != "" && !isDuration(a.Renew.When.Within):
		l.err(n.at("renew"), "write within: P1Y", "achievement %s: renewal within %q is no duration", slug, a.Renew.When.Within)
	case a.Renew == nil && a.Valid != "":
		l.warn(n.at("valid"), "add renew, or accept that it lapses", "achievement %s expires and cannot be renewed", slug)
	}
}

func isDuration(s string) bool {
	_, err := requirement.ParsePeriod(s)
	return err == nil
}

func (l *linter) award(n Named[Achievement]) {
	slug, a := n.Key, n.Value
	if !slices.Contains(awards, a.Award.By) {
		l.err(n.at("award"), "use one of "+strings.Join(awards, ", "), "achievement %s is awarded by %q", slug, a.Award.By)
	}
	if a.Award.By == "review" && a.Review == nil && a.Award.Review == nil {
		l.err(n.at("award"), "add review under defaults or award", "achievement %s is reviewed, but nobody says by whom", slug)
	}
	if a.Award.By == "rule" && a.Award.When == nil {
		l.err(n.at("award"), "add when", "achievement %s is awarded by a rule that is missing", slug)
	}
	if a.Award.By == "presentation" && a.Award.Of == nil {
		l.err(n.at("award"), "add of, such as of: {badge: basics}", "achievement %s is awarded for a presentation of nothing", slug)
	}
	if on := a.Award.On; a.Award.By == "event" && (on == nil || on.Verb == "" || on.Object == "" || on.Scaled < 0 || on.Scaled > 1) {
		l.err(n.at("award"), `add on: {verb: "http://...", object: "https://...", scaled: 0.8}, scaled being 0 to 1`, "achievement %s is awarded for an event that is not told", slug)
	}
	if e := a.Award.Evidence; e != nil {
		l.evidence(n.at("award"), slug, *e)
	}
	for _, r := range []*Requirement{a.Award.Of, a.Award.When} {
		if slices.Contains(r.Badges(), slug) {
			l.err(r.Line, "name the badges that come before it", "achievement %s is awarded to who holds it already", slug)
		}
	}
	l.requirement("achievement "+slug, a.Award.Of)
	l.requirement("achievement "+slug, a.Award.When)
	if a.Review != l.c.Defaults.Review {
		l.review(n.at("review"), "achievement "+slug, a.Review)
	}
	l.review(n.at("award"), "achievement "+slug, a.Award.Review)
}

func (l *linter) review(line int, of string, r *Review) {
	if r == nil {
		return
	}
	if r.Quorum < 0 {
		l.err(line, "write quorum: 1 or more", "%s: a quorum of %d", of, r.Quorum)
	}
	l.badges(line, "the review of "+of, r.By)
}

func (l *linter) evidence(line int, slug string, e Evidence) {
	if e.Min < 0 {
		l.err(line, "write min: 1 or more", "achievement %s asks for %d items of evidence", slug, e.Min)
	}
	for _, k := range e.Kinds {
		if !slices.Contains(evidenceKinds, k) {
			l.err(line, "use "+strings.Join(evidenceKinds, ", "), "achievement %s takes evidence of the unknown kind %q", slug, k)
		}
	}
}

var evidenceKinds = []string{"file", "url", "text", "credential"}

// succession checks what took an achievement's place.
func (l *linter) succession(n Named[Achievement]) {
	next := n.Value.ReplacedBy
	if next == "" {
		return
	}
	if _, ok := l.c.Find(next); !ok {
		l.err(n.Line, "define it under achievements", "achievement %s is replaced by the unknown badge %s", n.Key, next)
		return
	}
	trail := []string{n.Key}
	for next != "" && !slices.Contains(trail, next) {
		trail = append(trail, next)
		a, _ := l.c.Find(next)
		next = a.ReplacedBy
	}
	if next == n.Key {
		l.err(n.Line, "let the newest stand for itself", "achievement %s replaces itself: %s", n.Key, strings.Join(append(trail, next), " -> "))
	}
}

func (l *linter) alignments(list []string, line int) {
	for _, s := range list {
		uri, _, _ := strings.Cut(s, " ")
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || u.Host == "" {
			l.err(line, `write "https://... name"`, "alignment %q has no URI", s)
		}
	}
}

func (l *linter) badges(line int, where string, slugs []string) {
	for _, s := range slugs {
		if _, ok := l.c.Find(s); !ok && !strings.Contains(s, "://") {
			l.err(line, "define it under achievements", "%s names the unknown badge %s", where, s)
		}
	}
}

func (l *linter) requirement(where string, r *Requirement) {
	if r == nil {
		return
	}
	l.badges(r.Line, where, r.Badges())
	var walk func(requirement.Requirement)
	walk = func(q requirement.Requirement) {
		if a, ok := l.c.Find(q.Badge); ok && q.Level > len(a.Levels) {
			l.err(r.Line, fmt.Sprintf("use one of its %d levels, or name the badge alone", len(a.Levels)), "%s asks for %s, and there is no such level", where, q)
		}
		for _, part := range slices.Concat(q.All, q.Any, q.Of) {
			walk(part)
		}
	}
	walk(r.Requirement)
}
