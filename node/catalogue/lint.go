package catalogue

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
)

// Problem is one finding. Line is 0 when it belongs to no line. A warning does
// not keep a catalogue from being used.
type Problem struct {
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Warning bool   `json:"warning,omitempty"`
}

func (p Problem) fatal() bool { return !p.Warning }

// String writes the finding as a line of a report.
func (p Problem) String() string {
	s := p.Message
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	if p.Warning {
		s = "warning: " + s
	}
	if p.Fix != "" {
		s += "; " + p.Fix
	}
	return s
}

// Problems is why a catalogue was refused: all reasons, not just the first.
type Problems struct{ List []Problem }

func (p *Problems) Error() string {
	var lines []string
	for _, q := range p.List {
		lines = append(lines, q.String())
	}
	return ErrInvalid.Error() + ":\n  " + strings.Join(lines, "\n  ")
}

// Unwrap makes errors.Is(err, [ErrInvalid]) hold.
func (p *Problems) Unwrap() error { return ErrInvalid }

var (
	semver = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	// Kinds maps each kind of achievement to its Open Badges achievementType.
	kinds = map[string]string{
		"knowledge": "Competency", "skill": "Competency", "competence": "Competency",
		"participation": "CertificateOfCompletion", "contribution": "CommunityService",
		"engagement": "Membership", "progress": "Badge",
	}
	awards   = []string{"grant", "claim-code", "event", "presentation", "rule", "review"}
	settings = []string{"", "formal", "non-formal", "informal"}
	modes    = map[string]string{"online": "920fbb3cbe", "onsite": "9191af2ed9", "blended": "e92d221e4d", "work": "729f3bed4b", "project": ""}
)

type linter struct {
	c   *Catalogue
	out []Problem
}

// one reports whether a rule names one way to renew, or none, which leaves it to
// the issuer.
func (w RenewWhen) one() bool {
	ways := 0
	for _, is := range []bool{w.Evidence > 0, w.Event != "", w.Test != ""} {
		if is {
			ways++
		}
	}
	return ways < 2 && (w.Event == "") == (w.N == 0)
}

func (l *linter) err(line int, fix, format string, args ...any) {
	l.out = append(l.out, Problem{Line: line, Message: fmt.Sprintf(format, args...), Fix: fix})
}

func (l *linter) warn(line int, fix, format string, args ...any) {
	l.out = append(l.out, Problem{Line: line, Message: fmt.Sprintf(format, args...), Fix: fix, Warning: true})
}

// Lint returns every finding about the catalogue, errors and warnings.
func (c *Catalogue) Lint() []Problem {
	l := &linter{c: c}
	l.head()
	for _, n := range c.Objectives {
		l.slug("objective", n.Key, n.Line)
		if n.Value.Text == "" {
			l.err(n.Line, "say what the learner can do", "objective %s has no text", n.Key)
		}
		l.alignments(n.Value.Align, n.Line)
	}
	for _, n := range c.Achievements {
		l.achievement(n)
	}
	for _, s := range c.Series {
		l.badges(0, "series "+s.ID, s.Of)
	}
	for _, n := range c.Paths {
		l.path(n)
	}
	for _, n := range c.Roles {
		l.slug("role", n.Key, n.Line)
		if n.Value.Requires == nil {
			l.err(n.Line, "add requires", "role %s requires nothing", n.Key)
		}
		l.requirement("role "+n.Key, n.Value.Requires)
	}
	return l.out
}

func (l *linter) head() {
	c := l.c
	l.slug("catalogue", c.Slug, 1)
	if c.Name == "" {
		l.err(1, "add name", "the catalogue has no name")
	}
	if !semver.MatchString(c.Version) {
		l.err(1, "write version: 1.0.0", "version %q is not of the form 1.0.0", c.Version)
	}
	if len(c.Achievements) == 0 {
		l.err(1, "add at least one under achievements", "the catalogue has no achievements")
	}
}

func (l *linter) slug(what, s string, line int) {
	if !slugPattern.MatchString(s) {
		l.err(line, "use lower-case letters, digits and hyphens", "%s %q is no slug", what, s)
	}
}

func (l *linter) achievement(n Named[Achievement]) {
	a, line := n.Value, n.Line
	l.slug("achievement", n.Key, line)
	if a.Name == "" || a.Description == "" {
		l.err(line, "add both", "achievement %s needs a name and a description", n.Key)
	}
	if _, ok := kinds[a.Kind]; !ok {
		l.err(line, "use one of "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "), "achievement %s has the unknown kind %q", n.Key, a.Kind)
	}
	if len(a.Criteria) == 0 {
		l.err(line, "say under criteria what is to be done", "achievement %s has no criteria", n.Key)
	}
	for _, o := range a.Outcomes {
		if _, ok := l.c.Objectives.Get(o); !ok {
			l.err(line, "define it under objectives", "achievement %s names the unknown outcome %s", n.Key, o)
		}
	}
	l.alignments(a.Align, line)
	l.facts(n.Key, a, line)
	l.award(n.Key, a, line)
}

// facts checks the values that have a scale or a vocabulary.
func (l *linter) facts(slug string, a Achievement, line int) {
	if a.EQF < 0 || a.EQF > 8 {
		l.err(line, "use 1 to 8, or leave it out", "achievement %s has the EQF level %d", slug, a.EQF)
	}
	if !slices.Contains(settings, a.Setting) {
		l.err(line, "use formal, non-formal or informal", "achievement %s has the unknown setting %q", slug, a.Setting)
	}
	if _, ok := modes[a.Mode]; a.Mode != "" && !ok {
		l.err(line, "use online, onsite, blended, work or project", "achievement %s has the unknown mode %q", slug, a.Mode)
	}
	if a.Credits != nil && (a.Credits.System != "ecvet" && a.Credits.System != "ects" || a.Credits.Points <= 0) {
		l.err(line, "write credits: {system: ecvet, points: 0.5}", "achievement %s has bad credits", slug)
	}
	for what, d := range map[string]string{"workload": a.Workload, "valid": a.Valid} {
		if d != "" && !isDuration(d) {
			l.err(line, "write an ISO 8601 duration such as PT5H or P1Y", "achievement %s: %s %q is no duration", slug, what, d)
		}
	}
	if len(a.Levels) > 0 && (a.Pass < 1 || a.Pass > len(a.Levels)) {
		l.err(line, fmt.Sprintf("set pass to 1 to %d", len(a.Levels)), "achievement %s: pass %d is no level of it", slug, a.Pass)
	}
	switch {
	case a.Renew != nil && a.Valid == "":
		l.err(line, "add valid, such as P2Y", "achievement %s can be renewed but never expires", slug)
	case a.Renew != nil && !isDuration(a.Renew.Window):
		l.err(line, "write renew: {window: P60D, ...}", "achievement %s: renewal window %q is no duration", slug, a.Renew.Window)
	case a.Renew != nil && !a.Renew.When.one():
		l.err(line, "write when: {evidence: 1}, {event: review.submitted, n: 3, within: P1Y}, or {test: URL}", "achievement %s is renewed by nothing, or by several things", slug)
	case a.Renew == nil && a.Valid != "":
		l.warn(line, "add renew, or accept that it lapses", "achievement %s expires and cannot be renewed", slug)
	}
}

func isDuration(s string) bool {
	_, err := requirement.ParsePeriod(s)
	return err == nil
}

func (l *linter) award(slug string, a Achievement, line int) {
	if !slices.Contains(awards, a.Award.By) {
		l.err(line, "use one of "+strings.Join(awards, ", "), "achievement %s is awarded by %q", slug, a.Award.By)
	}
	if a.Award.By == "review" && a.Review == nil && a.Award.Review == nil {
		l.err(line, "add review under defaults or award", "achievement %s is reviewed, but nobody says by whom", slug)
	}
	if a.Award.By == "rule" && a.Award.When == nil {
		l.err(line, "add when", "achievement %s is awarded by a rule that is missing", slug)
	}
	l.requirement("achievement "+slug, a.Award.Of)
	l.requirement("achievement "+slug, a.Award.When)
	for _, r := range []*Review{a.Review, a.Award.Review} {
		if r != nil {
			l.badges(line, "review of "+slug, r.By)
		}
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
	if r != nil {
		l.badges(r.Line, where, r.Badges())
	}
}
