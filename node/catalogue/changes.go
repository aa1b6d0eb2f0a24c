package catalogue

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Raise is what a change asks of a version's number (Semantic Versioning 2.0).
type Raise string

// The steps: Patch for other words, Minor for more than there was, Major for
// what holders, learners and partners relied on.
const (
	None  Raise = "none"
	Patch Raise = "patch"
	Minor Raise = "minor"
	Major Raise = "major"
)

var stepOrder = []Raise{None, Patch, Minor, Major}

func higher(a, b Raise) Raise {
	return stepOrder[max(slices.Index(stepOrder, a), slices.Index(stepOrder, b))]
}

func lower(a, b Raise) Raise {
	return stepOrder[min(slices.Index(stepOrder, a), slices.Index(stepOrder, b))]
}

// Change is one difference between two versions of a catalogue. Of is what
// changed: an achievement, objective, path, role or series, or "" for the
// catalogue itself.
type Change struct {
	Kind  string `json:"kind"` // added, removed or changed
	Of    string `json:"of"`
	Field string `json:"field,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Step  Raise  `json:"step"`
}

// String writes a change as a line of a report.
func (c Change) String() string {
	switch c.Kind {
	case "added":
		return fmt.Sprintf("+ %s (%s)", c.Of, c.Step)
	case "removed":
		return fmt.Sprintf("- %s (%s)", c.Of, c.Step)
	}
	return fmt.Sprintf("~ %s: %s: %s -> %s (%s)", c.Of, c.Field, cmp.Or(c.From, "nothing"), cmp.Or(c.To, "nothing"), c.Step)
}

// Changes are the differences between two versions, and what they ask of the
// newer one's number.
type Changes struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	List    []Change `json:"changes"`
	Step    Raise    `json:"step"`    // that the changes ask for
	Least   string   `json:"least"`   // the lowest version that takes it
	Enough  bool     `json:"enough"`  // To is at least that
	Warning string   `json:"warning"` // why not
}

// field is a fact of something in a catalogue, and what its change asks for.
type field struct {
	name, value string
	step        Raise
}

// Diff tells what changed from one version of a catalogue to the next.
func Diff(from, to *Catalogue) Changes {
	c := Changes{From: from.Version, To: to.Version, List: []Change{}, Step: None}
	c.fields("catalogue", from.fields(), to.fields())
	each(&c, "achievement", from.Achievements, to.Achievements, Major, Achievement.fields)
	each(&c, "objective", from.Objectives, to.Objectives, Major, Objective.fields)
	each(&c, "path", from.Paths, to.Paths, Major, Path.fields)
	each(&c, "role", from.Roles, to.Roles, Major, Role.fields)
	each(&c, "series", named(from.Series), named(to.Series), Patch, Series.fields)
	c.translations(from, to)
	for _, d := range c.List {
		c.Step = higher(c.Step, d.Step)
	}
	c.Least = next(from.Version, c.Step)
	c.Enough = !Less(to.Version, c.Least)
	if !c.Enough {
		c.Warning = fmt.Sprintf("this is a %s step: the version after %s is %s, and not %s", c.Step, c.From, c.Least, c.To)
	}
	return c
}

// translations compares the languages of two versions, and the texts of those
// that both have. What is no longer given in a language was relied on; a text
// is but words.
func (c *Changes) translations(from, to *Catalogue) {
	languages := func(c *Catalogue) (out Ordered[*Translation]) {
		for _, t := range c.Translations() {
			out = append(out, Named[*Translation]{Key: t.Language, Value: t})
		}
		return out
	}
	each(c, "translation", languages(from), languages(to), Major, func(*Translation) []field { return nil })
	for language, a := range languages(from).All() {
		b, ok := languages(to).Get(language)
		if !ok {
			continue
		}
		what := "translation " + language
		c.fields(what, a.fields(), b.fields())
		each(c, what+" of achievement", a.Achievements, b.Achievements, Major, AchievementIn.fields)
		each(c, what+" of objective", a.Objectives, b.Objectives, Patch, word)
		each(c, what+" of path", a.Paths, b.Paths, Patch, func(p PathIn) []field { return word(p.Name) })
		each(c, what+" of role", a.Roles, b.Roles, Patch, func(r RoleIn) []field {
			return []field{{"name", r.Name, Patch}, {"description", r.Description, Patch}}
		})
		each(c, what+" of series", a.Series, b.Series, Patch, word)
	}
}

func word(s string) []field { return []field{{"text", s, Patch}} }

func (t *Translation) fields() []field {
	return []field{{"name", t.Name, Patch}, {"description", t.Description, Patch}, {"quality", t.Quality, Patch}}
}

func (a AchievementIn) fields() []field {
	return []field{{"name", a.Name, Patch}, {"description", a.Description, Patch}, {"criteria", pairs(a.Criteria), Patch}, {"levels", pairs(a.Levels), Patch}}
}

// each compares the entries of one part of two catalogues.
func each[T any](c *Changes, what string, from, to Ordered[T], removal Raise, fields func(T) []field) {
	for _, n := range from {
		if v, ok := to.Get(n.Key); ok {
			c.fields(what+" "+n.Key, fields(n.Value), fields(v))
		} else {
			c.List = append(c.List, Change{Kind: "removed", Of: what + " " + n.Key, Step: removal})
		}
	}
	for _, n := range to {
		if _, ok := from.Get(n.Key); !ok {
			c.List = append(c.List, Change{Kind: "added", Of: what + " " + n.Key, Step: lower(removal, Minor)})
		}
	}
}

func (c *Changes) fields(of string, from, to []field) {
	for i, f := range from {
		if f.value != to[i].value {
			c.List = append(c.List, Change{Kind: "changed", Of: of, Field: f.name, From: f.value, To: to[i].value, Step: f.step})
		}
	}
}

func named(list []Series) (out Ordered[Series]) {
	for _, s := range list {
		out = append(out, Named[Series]{Key: s.ID, Value: s, Line: s.Line})
	}
	return out
}

func (c *Catalogue) fields() []field {
	return []field{{"name", c.Name, Patch}, {"description", c.Description, Patch}, {"domain", c.Domain, Minor}, {"language", c.Language, Minor},
		{"license", c.License, Minor}, {"country", c.Country, Minor}, {"quality", c.Quality, Minor}}
}

// fields of an achievement: what a holder has shown asks for a major step, how
// it is earned for a minor one, its words for a patch.
func (a Achievement) fields() []field {
	rule := a.Reviewed()
	f := []field{
		{"name", a.Name, Patch}, {"description", a.Description, Patch}, {"kind", a.Kind, Major}, {"type", a.Type, Major}, {"image", imageIn(a.Image), Patch}, {"outcomes", strings.Join(a.Outcomes, ", "), Major},
		{"eqf", number(a.EQF), Major}, {"criteria", pairs(a.Criteria), Major}, {"levels", pairs(a.Levels), Major}, {"pass", number(a.Pass), Major},
		{"valid", a.Valid, Major}, {"workload", a.Workload, Major}, {"assessment", a.Assessment, Major},
		{"align", strings.Join(a.Align, ", "), Minor}, {"activity", a.Activity, Minor}, {"setting", a.Setting, Minor}, {"mode", a.Mode, Minor},
		{"rpl", fmt.Sprint(a.Prior()), Minor}, {"suspendable", fmt.Sprint(a.CanSuspend()), Minor}, {"tags", strings.Join(a.Tags, ", "), Minor},
		{"retired", fmt.Sprint(a.Retired), Minor}, {"replaced_by", a.ReplacedBy, Minor},
		{"review", fmt.Sprintf("%d, four eyes %t, by %s", rule.Quorum, *rule.FourEyes, strings.Join(rule.By, ", ")), Minor},
		{"award", a.Award.text(), Minor},
	}
	credits, renew, result := "", "", ""
	if a.Credits != nil {
		credits = fmt.Sprintf("%g %s", a.Credits.Points, a.Credits.System)
	}
	if a.Renew != nil {
		renew = fmt.Sprintf("%+v", *a.Renew)
	}
	if r := a.Result; r != nil {
		result = fmt.Sprintf("%s from %s to %s, pass %s", r.Type, decimal(r.Min), decimal(r.Max), decimal(r.Pass))
	}
	return append(f, field{"credits", credits, Major}, field{"renew", renew, Minor}, field{"result", result, Major})
}

func (w Award) text() string {
	s := "by " + w.By
	if w.Of != nil {
		s += " of " + w.Of.String()
	}
	if w.When != nil {
		s += " when " + w.When.String()
	}
	if w.On != nil {
		s += fmt.Sprintf(" on %s %s %g", w.On.Verb, w.On.Object, w.On.Scaled)
	}
	if w.Evidence != nil {
		s += fmt.Sprintf(" with %d items of evidence: %s", w.Evidence.Min, strings.Join(w.Evidence.Kinds, ", "))
	}
	return s
}

func (o Objective) fields() []field {
	return []field{{"text", o.Text, Patch}, {"kind", o.Kind, Minor}, {"align", strings.Join(o.Align, ", "), Minor},
		{"type", o.Type, Minor}, {"framework", o.Framework, Minor}, {"code", o.Code, Minor}}
}

func (p Path) fields() []field {
	var steps, optional, after, accept []string
	for slug, s := range p.Steps.All() {
		steps = append(steps, slug)
		if s.Optional {
			optional = append(optional, slug)
		}
		if s.After != nil {
			after = append(after, slug+" after "+s.After.String())
		}
		for _, id := range s.Accept {
			accept = append(accept, slug+" "+id)
		}
	}
	join := func(list []string) string { return strings.Join(list, ", ") }
	goal := ""
	if p.Goal != nil {
		goal = p.Goal.String()
	}
	return []field{{"name", p.Name, Patch}, {"domain", p.Domain, Minor}, {"order", p.Order, Minor}, {"steps", join(steps), Minor},
		{"prerequisites", join(after), Minor}, {"optional", join(optional), Minor}, {"accept", join(accept), Minor}, {"goal", goal, Major}}
}

func (r Role) fields() []field {
	requires := ""
	if r.Requires != nil {
		requires = r.Requires.String()
	}
	return []field{{"name", r.Name, Patch}, {"description", r.Description, Patch}, {"requires", requires, Major}, {"entitles", r.Entitles, Minor}}
}

func (s Series) fields() []field {
	return []field{{"name", s.Name, Patch}, {"of", strings.Join(s.Of, ", "), Patch}}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func decimal(f *float64) string {
	if f == nil {
		return "?"
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func pairs(o Ordered[string]) string {
	var out []string
	for k, v := range o.All() {
		out = append(out, k+": "+v)
	}
	return strings.Join(out, "; ")
}

// numbers reads a version such as 1.2.3.
func numbers(version string) (out [3]int) {
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return [3]int{} // Lint refuses such a version
		}
		out[i] = n
	}
	return out
}

// Less reports whether version a comes before b.
func Less(a, b string) bool {
	x, y := numbers(a), numbers(b)
	return slices.Compare(x[:], y[:]) < 0
}

// next is the version a step after one. Before 1.0.0 nothing is promised: a
// major step raises the middle number (Semantic Versioning 2.0 §4).
func next(version string, s Raise) string {
	v := numbers(version)
	if v[0] == 0 && s == Major {
		s = Minor
	}
	switch s {
	case Major:
		v = [3]int{v[0] + 1, 0, 0}
	case Minor:
		v = [3]int{v[0], v[1] + 1, 0}
	case Patch:
		v[2]++
	}
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// imageIn names an image in a list of changes by its digest.
func imageIn(dataURL string) string {
	if dataURL == "" {
		return "drawn"
	}
	sum := sha256.Sum256([]byte(dataURL))
	return hex.EncodeToString(sum[:4])
}
