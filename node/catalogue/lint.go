package catalogue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Problem is one finding. Line is 0 when it belongs to no line. A warning does
// not keep a catalogue from being used.
type Problem struct {
	File    string `json:"file,omitempty"` // of a translation; "" for the catalogue's own
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
	if p.File != "" {
		s = p.File + ": " + s
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
	language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	country  = regexp.MustCompile(`^[A-Z]{2}$`)
	semver   = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	// Kinds maps each kind of achievement to its Open Badges achievementType.
	kinds = map[string]string{
		"knowledge": "Competency", "skill": "Competency", "competence": "Competency",
		"participation": "CertificateOfCompletion", "contribution": "CommunityService",
		"engagement": "Membership", "progress": "Badge",
	}
	awards = []string{"grant", "claim-code", "event", "presentation", "rule", "review"}
	// objectiveKinds and targetTypes are those of Open Badges 3.0 §B.1.2 and of the domain model.
	objectiveKinds = []string{"knowledge", "skill", "competence"}
	targetTypes    = []string{"ceasn:Competency", "ceterms:Credential", "CFItem", "CFRubric", "CFRubricCriterion", "CFRubricCriterionLevel", "CTDL"}
	settings       = []string{"", "formal", "non-formal", "informal"}
	modes          = map[string]string{"online": "920fbb3cbe", "onsite": "9191af2ed9", "blended": "e92d221e4d", "work": "729f3bed4b", "project": ""}
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
		l.objective(n)
	}
	named := map[string]string{}
	for _, n := range c.Achievements {
		l.achievement(n)
		if other, twice := named[n.Value.Name]; twice && n.Value.Name != "" {
			l.warn(n.Line, "give it a name of its own", "achievements %s and %s are both called %q", other, n.Key, n.Value.Name)
		}
		named[n.Value.Name] = n.Key
	}
	l.series()
	for _, n := range c.Paths {
		l.path(n)
	}
	for _, n := range c.Roles {
		l.role(n)
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
	if c.Language != "" && !language.MatchString(c.Language) {
		l.err(1, "write language: en, or language: pt-BR", "language %q is no code of a language", c.Language)
	}
	if c.Country != "" && !country.MatchString(c.Country) {
		l.err(1, "write the two capital letters of ISO 3166, such as BE", "country %q is no code of a country", c.Country)
	}
	l.vocabulary(func(string) int { return 1 }, "the defaults", c.Defaults)
	l.review(1, "the defaults", c.Defaults.Review)
}

func (l *linter) objective(n Named[Objective]) {
	o, line := n.Value, n.Line
	l.slug("objective", n.Key, line)
	if o.Text == "" {
		l.err(line, "say what the learner can do", "objective %s has no text", n.Key)
	}
	if o.Kind != "" && !slices.Contains(objectiveKinds, o.Kind) {
		l.err(line, "use knowledge, skill or competence, or leave it out", "objective %s has the unknown kind %q", n.Key, o.Kind)
	}
	if o.Type != "" && !slices.Contains(targetTypes, o.Type) && !strings.HasPrefix(o.Type, "ext:") {
		l.err(line, "use one of "+strings.Join(targetTypes, ", ")+", or ext:Name", "objective %s has the unknown type %q", n.Key, o.Type)
	}
	if len(o.Align) == 0 && (o.Type != "" || o.Framework != "" || o.Code != "") {
		l.err(line, `add align: ["https://... name"]`, "objective %s tells of a framework, and aligns with nothing of it", n.Key)
	}
	l.alignments(o.Align, line)
}

func (l *linter) series() {
	seen := map[string]bool{}
	for _, s := range l.c.Series {
		l.slug("series", s.ID, s.Line)
		switch {
		case s.Name == "" || len(s.Of) == 0:
			l.err(s.Line, "write {id: start, name: Start, of: [basics]}", "series %s needs a name and badges", s.ID)
		case seen[s.ID]:
			l.err(s.Line, "rename one", "two series are called %s", s.ID)
		}
		seen[s.ID] = true
		l.badges(s.Line, "series "+s.ID, s.Of)
	}
}

func (l *linter) slug(what, s string, line int) {
	if !slugPattern.MatchString(s) {
		l.err(line, "use lower-case letters, digits and hyphens", "%s %q is no slug", what, s)
	}
}
