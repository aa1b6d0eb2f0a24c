// Package catalogue reads a partner's catalogue of badges: one strict YAML
// file a catalogue, and one for each translation of it, checked before anything is issued from it, and compiled
// into Open Badges 3.0 achievements.
package catalogue

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrInvalid says that a catalogue was refused; [*Problems] has the reasons.
var ErrInvalid = errors.New("catalogue refused")

// OpenBadges is the catalogue that ships with the program: Open Badges about
// Open Badges.
//
//go:embed openbadges.yaml
var OpenBadges []byte

// Catalogue is one YAML file. Names of achievements, objectives, paths and
// roles are slugs; the order of the file is kept.
type Catalogue struct {
	Slug         string               `yaml:"catalogue"`
	Version      string               `yaml:"version"`
	Name         string               `yaml:"name"`
	Description  string               `yaml:"description"`
	Domain       string               `yaml:"domain"`
	Language     string               `yaml:"language"`
	License      string               `yaml:"license"`
	Country      string               `yaml:"country"`
	Quality      string               `yaml:"quality"`
	Defaults     Terms                `yaml:"defaults"`
	Series       []Series             `yaml:"series"`
	Objectives   Ordered[Objective]   `yaml:"objectives"`
	Achievements Ordered[Achievement] `yaml:"achievements"`
	Paths        Ordered[Path]        `yaml:"paths"`
	Roles        Ordered[Role]        `yaml:"roles"`

	source       []byte
	translations []*Translation
	// Of a catalogue in another language: the original, and the translation.
	of *Catalogue
	in *Translation
}

// Source returns the bytes that the catalogue was read from.
func (c *Catalogue) Source() []byte { return c.source }

// Terms are what every achievement of a catalogue inherits and may override.
type Terms struct {
	Setting     string  `yaml:"setting"`
	Mode        string  `yaml:"mode"`
	RPL         *bool   `yaml:"rpl"`
	Review      *Review `yaml:"review"`
	Suspendable *bool   `yaml:"suspendable"`
}

// Review says who decides about applications, and how many.
type Review struct {
	Quorum   int      `yaml:"quorum"`
	FourEyes *bool    `yaml:"foureyes"`
	By       []string `yaml:"by"`
}

// Series groups achievements for display.
type Series struct {
	ID   string   `yaml:"id"`
	Name string   `yaml:"name"`
	Of   []string `yaml:"of"`
	Line int      `yaml:"-"`
}

// UnmarshalYAML reads a series strictly and keeps its line.
func (s *Series) UnmarshalYAML(n *yaml.Node) error {
	type plain Series // without this method
	if err := strictly(n, (*plain)(s)); err != nil {
		return err
	}
	s.Line = n.Line
	return nil
}

// Objective is a learning objective. Align entries are "URI words". One that
// was taken from a framework says what it is there: Type is the target type of
// its alignments (Open Badges 3.0), such as CFItem or ceasn:Competency.
type Objective struct {
	Kind      string   `yaml:"kind,omitempty"`
	Text      string   `yaml:"text"`
	Type      string   `yaml:"type,omitempty"`
	Framework string   `yaml:"framework,omitempty"`
	Code      string   `yaml:"code,omitempty"`
	Align     []string `yaml:"align,omitempty"`
}

// Achievement is one badge of the catalogue.
type Achievement struct {
	Terms `yaml:",inline"`
	Name  string `yaml:"name"`
	Kind  string `yaml:"kind"`
	// Type is an achievementType of Open Badges 3.0, in place of the one that
	// follows from the kind.
	Type        string          `yaml:"type"`
	Description string          `yaml:"description"`
	Outcomes    []string        `yaml:"outcomes"`
	Align       []string        `yaml:"align"`
	EQF         int             `yaml:"eqf"`
	Credits     *Credits        `yaml:"credits"`
	Workload    string          `yaml:"workload"`
	Activity    string          `yaml:"activity"`
	Criteria    Ordered[string] `yaml:"criteria"`
	Assessment  string          `yaml:"assessment"`
	Result      *Result         `yaml:"result"`
	Levels      Ordered[string] `yaml:"levels"`
	Pass        int             `yaml:"pass"`
	Valid       string          `yaml:"valid"`
	Renew       *Renew          `yaml:"renew"`
	Award       Award           `yaml:"award"`
	Tags        []string        `yaml:"tags"`
	// Image is a PNG as a data: URL ([SetImage]); without one it is drawn.
	Image string `yaml:"image"`
	// Retired is given no more; what was given stays valid. What was replaced is
	// retired.
	Retired bool `yaml:"retired"`
	// ReplacedBy is the slug of the achievement that took its place.
	ReplacedBy string `yaml:"replaced_by"`
}

// Credits are optional ECVET or ECTS points.
type Credits struct {
	System string  `yaml:"system"`
	Points float64 `yaml:"points"`
}

// Result is a measured result, such as a percentage with a pass mark.
type Result struct {
	Type string   `yaml:"type"`
	Min  *float64 `yaml:"min"`
	Max  *float64 `yaml:"max"`
	Pass *float64 `yaml:"pass"`
}

// Renew says when and how an achievement is renewed.
type Renew struct {
	Window string    `yaml:"window"`
	When   RenewWhen `yaml:"when"`
}

// RenewWhen is the condition of a renewal: fresh evidence, or activity.
type RenewWhen struct {
	Evidence int    `yaml:"evidence"`
	Event    string `yaml:"event"`
	N        int    `yaml:"n"`
	Within   string `yaml:"within"`
	Test     string `yaml:"test"`
}

// Award says how an achievement is earned.
type Award struct {
	By       string       `yaml:"by"`
	Evidence *Evidence    `yaml:"evidence"`
	Review   *Review      `yaml:"review"`
	Of       *Requirement `yaml:"of"`
	When     *Requirement `yaml:"when"`
	On       *Event       `yaml:"on"`
}

// Evidence says what an application must bring.
type Evidence struct {
	Min   int      `yaml:"min"`
	Kinds []string `yaml:"kinds"`
}

// Event is an outside fact that earns an achievement.
type Event struct {
	Verb   string  `yaml:"verb"`
	Object string  `yaml:"object"`
	Scaled float64 `yaml:"scaled"`
}

// Path lays achievements out in an order.
type Path struct {
	Name   string        `yaml:"name"`
	Domain string        `yaml:"domain"`
	Order  string        `yaml:"order"`
	Steps  Ordered[Step] `yaml:"steps"`
	Goal   *Requirement  `yaml:"goal"`
}

// Step is one achievement of a path.
type Step struct {
	After    *Requirement `yaml:"after"`
	Optional bool         `yaml:"optional"`
	Accept   []string     `yaml:"accept"`
}

// Role is a named requirement.
type Role struct {
	Name        string       `yaml:"name"`
	Description string       `yaml:"description"`
	Requires    *Requirement `yaml:"requires"`
	Entitles    string       `yaml:"entitles"`
}

// MaxSize bounds a catalogue file, in bytes: what one value of a store takes.
const MaxSize = 900 << 10

// Load reads and checks the catalogue file at path, with the translations that
// lie beside it.
func Load(path string) (*Catalogue, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, err
	}
	translations, err := Beside(path)
	if err != nil {
		return nil, err
	}
	return Parse(raw, translations...)
}

// Parse reads and checks a catalogue and its translations. Unknown keys,
// unknown references and cycles are errors that name the line; the error is a
// [*Problems] and wraps [ErrInvalid].
func Parse(raw []byte, translations ...File) (*Catalogue, error) {
	c, ps := Examine(raw, translations...)
	if slices.ContainsFunc(ps, Problem.fatal) {
		return nil, &Problems{List: slices.DeleteFunc(ps, func(p Problem) bool { return !p.fatal() })}
	}
	return c, nil
}

// Examine reads a catalogue and its translations, and returns every finding
// about them, warnings too. The catalogue is nil when the file could not be
// read as one.
func Examine(raw []byte, translations ...File) (*Catalogue, []Problem) {
	c := Catalogue{source: raw}
	if found := decode(raw, &c, "catalogue", "catalogue, version, name and achievements"); found != nil {
		return nil, found
	}
	c.inherit()
	found := c.Lint()
	return &c, append(found, c.translate(translations)...)
}

func (c *Catalogue) inherit() {
	for i := range c.Achievements {
		a := &c.Achievements[i].Value
		a.Retired = a.Retired || a.ReplacedBy != ""
		if a.Setting == "" {
			a.Setting = c.Defaults.Setting
		}
		if a.Mode == "" {
			a.Mode = c.Defaults.Mode
		}
		if a.RPL == nil {
			a.RPL = c.Defaults.RPL
		}
		if a.Suspendable == nil {
			a.Suspendable = c.Defaults.Suspendable
		}
		if a.Review == nil {
			a.Review = c.Defaults.Review
		}
	}
}

// Find returns the achievement of a slug.
func (c *Catalogue) Find(slug string) (Achievement, bool) { return c.Achievements.Get(slug) }

// Reviewed tells who decides about applications for the achievement: what its
// award says, over what it inherits. Quorum is at least 1, and FourEyes is set.
func (a Achievement) Reviewed() Review {
	out := Review{Quorum: 1, FourEyes: new(true)}
	for _, r := range []*Review{a.Review, a.Award.Review} {
		if r == nil {
			continue
		}
		if r.Quorum > 0 {
			out.Quorum = r.Quorum
		}
		if r.FourEyes != nil {
			out.FourEyes = r.FourEyes
		}
		if r.By != nil {
			out.By = r.By
		}
	}
	return out
}

// Prior reports whether the achievement may be earned by the validation of
// prior learning.
func (a Achievement) Prior() bool { return a.RPL != nil && *a.RPL }

// CanSuspend reports whether badges of the achievement name a suspension list.
func (a Achievement) CanSuspend() bool { return a.Suspendable != nil && *a.Suspendable }

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// fromYAML turns a decoder's error into problems with lines.
func fromYAML(err error) (out []Problem) {
	var texts []string
	var te *yaml.TypeError
	if errors.As(err, &te) {
		texts = te.Errors
	} else {
		texts = []string{err.Error()}
	}
	for _, t := range texts {
		p := Problem{Message: strings.TrimPrefix(t, "yaml: ")}
		if m := yamlLine.FindStringSubmatch(t); m != nil {
			fmt.Sscan(m[1], &p.Line)
			p.Message = m[2]
		}
		p.explain()
		out = append(out, p)
	}
	return out
}

var (
	wrongKind = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
	kindNames = map[string]string{"seq": "a list", "map": "a mapping", "str": "the text", "int": "the number", "float": "the number", "bool": "the word", "null": "nothing", "timestamp": "the date"}
)

// explain says in words what the decoder says in its own.
func (p *Problem) explain() {
	if i := strings.Index(p.Message, " not found in type"); i > 0 {
		p.Message = "unknown key " + strings.TrimPrefix(p.Message[:i], "field ")
		p.Fix = "correct its spelling or remove it"
		return
	}
	m := wrongKind.FindStringSubmatch(p.Message)
	if m == nil {
		return
	}
	want := "a mapping of keys, such as {name: ...}"
	switch {
	case m[3] == "string":
		want = "a text"
	case m[3] == "int":
		want = "a whole number"
	case m[3] == "float64":
		want = "a number"
	case m[3] == "bool":
		want = "true or false"
	case strings.HasPrefix(m[3], "[]"):
		want = "a list, such as [one, two]"
	}
	p.Message = strings.TrimSpace(kindNames[m[1]]+" "+m[2]) + " stands where " + want + " is expected"
	p.Fix = "write it so"
}
