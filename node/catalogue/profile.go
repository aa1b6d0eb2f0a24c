package catalogue

import "fmt"

// Profile is a set of elements that every achievement shall have.
type Profile struct {
	Name string `json:"profile"`
	// AtIssue are the elements that a badge states and a catalogue cannot.
	AtIssue      []string  `json:"statedInEachBadge"`
	Achievements []Fitting `json:"achievements"`
}

// Fitting is what an achievement lacks of a profile; nothing for one that has
// it all.
type Fitting struct {
	Achievement string   `json:"achievement"`
	Missing     []string `json:"missing"`
	Line        int      `json:"line"`
}

// EUMicroCredential names the profile of the standard elements that describe a
// micro-credential: Council Recommendation 2022/C 243/02, Annex I.
const EUMicroCredential = "eu-microcredential"

// Profiles are the names of the profiles there are.
var Profiles = []string{EUMicroCredential}

// element is one of a profile: whether an achievement has it, and how it is
// written.
type element struct {
	name, fix string
	has       func(*Catalogue, Achievement) bool
}

// euElements are the eight of Annex I that a catalogue states; the learner,
// the awarding body and the date of issuing are the other three.
var euElements = []element{
	{"title", "add name to it", func(_ *Catalogue, a Achievement) bool { return a.Name != "" }},
	{"country/region", "add country: BE to the catalogue", func(c *Catalogue, _ Achievement) bool { return c.Country != "" }},
	{"learning outcomes", "add outcomes: [...], each defined under objectives", func(_ *Catalogue, a Achievement) bool { return len(a.Outcomes) > 0 }},
	{"workload", "add workload: PT5H", func(_ *Catalogue, a Achievement) bool { return a.Workload != "" }},
	{"level", "add eqf: 1 to 8", func(_ *Catalogue, a Achievement) bool { return a.EQF > 0 }},
	{"type of assessment", "add assessment, such as assessment: practical", func(_ *Catalogue, a Achievement) bool { return a.Assessment != "" }},
	{"form of participation", "add mode: online, onsite, blended, work or project", func(_ *Catalogue, a Achievement) bool { return a.Mode != "" }},
	{"type of quality assurance", "add quality to the catalogue", func(c *Catalogue, _ Achievement) bool { return c.Quality != "" }},
}

// Fit holds every achievement to a profile. The error wraps [ErrInvalid] when
// there is none of that name.
func (c *Catalogue) Fit(profile string) (Profile, error) {
	if profile != EUMicroCredential {
		return Profile{}, refusef("there is no profile %q; use %s", profile, EUMicroCredential)
	}
	p := Profile{Name: profile, AtIssue: []string{"learner", "awarding body", "date of issuing"}}
	for _, n := range c.Achievements {
		f := Fitting{Achievement: n.Key, Missing: []string{}, Line: n.Line}
		for _, e := range euElements {
			if !e.has(c, n.Value) {
				f.Missing = append(f.Missing, e.name)
			}
		}
		p.Achievements = append(p.Achievements, f)
	}
	return p, nil
}

// Complete counts the achievements that have every element.
func (p Profile) Complete() (n int) {
	for _, f := range p.Achievements {
		if len(f.Missing) == 0 {
			n++
		}
	}
	return n
}

// Problems tells each missing element as a finding, with how it is written.
func (p Profile) Problems() (out []Problem) {
	for _, f := range p.Achievements {
		for _, m := range f.Missing {
			for _, e := range euElements {
				if e.name == m {
					out = append(out, Problem{Line: f.Line, Message: fmt.Sprintf("achievement %s lacks the %s", f.Achievement, m), Fix: e.fix})
				}
			}
		}
	}
	return out
}
