package credentials

import (
	"cmp"
	"regexp"
	"strconv"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Alignment ties an achievement to an item of a framework (Open Badges 3.0,
// Alignment).
type Alignment struct {
	Name, URL, Code, Framework, Type string
}

// Facts are what a badge says of learning in the vocabulary of the European
// Learning Model: as alignments with an ext: target type, or as members of the
// achievement. URIs are the vocabulary's own; what is not said is empty.
type Facts struct {
	EQF, Setting, Mode, Assessment string
	// Workload is an xsd:duration, such as PT12H; WorkloadName is what the badge
	// calls it, such as "12 hours".
	Workload, WorkloadName  string
	Credits                 float64
	CreditFramework         string
	Outcomes, Skills, Other []Alignment
	// Achievement is what was achieved, by whose word; empty where it has no id.
	Achievement string
	// Level is the name of the level that was achieved.
	Level string
}

// Facts reads them from a badge. Credits are those earned, or those that the
// achievement is worth.
func (c Credential) Facts() Facts {
	a := c.Achievement()
	f := Facts{Level: c.level()}
	if id := c.CountsAs(); id != "" {
		f.Achievement = id + " " + c.IssuerID()
	}
	f.workload(text(a.Get("volumeOfLearning")), "")
	for e := range a.Get("alignment").Elements() {
		l := Alignment{e.Get("targetName").Words(), text(e.Get("targetUrl")), text(e.Get("targetCode")), text(e.Get("targetFramework")), text(e.Get("targetType"))}
		one := map[string]*string{"ext:EQFLevel": &f.EQF, "ext:LearningSetting": &f.Setting, "ext:LearningMode": &f.Mode, "ext:AssessmentType": &f.Assessment, "ext:CreditFramework": &f.CreditFramework}[l.Type]
		switch {
		case one != nil:
			*one = cmp.Or(*one, l.URL)
		case l.Type == "ext:VolumeOfLearning":
			f.workload(l.Code, l.Name)
		case l.Type == "ext:LearningOutcome":
			f.Outcomes = append(f.Outcomes, l)
		case l.Type == "ext:ESCOSkill":
			f.Skills = append(f.Skills, l)
		default:
			f.Other = append(f.Other, l)
		}
	}
	for member, into := range map[string]*string{"eqfLevel": &f.EQF, "learningSetting": &f.Setting, "mode": &f.Mode, "assessmentType": &f.Assessment, "creditFramework": &f.CreditFramework} {
		*into = cmp.Or(*into, text(a.Get(member)))
	}
	f.Credits = cmp.Or(number(c.subject().Get("creditsEarned")), number(a.Get("creditsAvailable")))
	return f
}

var xsdDuration = regexp.MustCompile(`^P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)

// workload keeps the first duration that is one.
func (f *Facts) workload(duration, name string) {
	if last := duration[max(0, len(duration)-1):]; f.Workload == "" && xsdDuration.MatchString(duration) && last != "P" && last != "T" {
		f.Workload, f.WorkloadName = duration, cmp.Or(name, duration)
	}
}

// level returns the name of the achieved level of a rubric.
func (c Credential) level() string {
	for r := range c.subject().Get("result").Elements() {
		want := text(r.Get("achievedLevel"))
		if want == "" {
			continue
		}
		for d := range c.Achievement().Get("resultDescription").Elements() {
			for l := range d.Get("rubricCriterionLevel").Elements() {
				if l.ID() == want {
					return l.Get("name").Words()
				}
			}
		}
	}
	return ""
}

// number returns a number, 0 for none.
func number(v jsondoc.Value) float64 {
	if v.Kind() != jsondoc.Number {
		return 0
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	if err != nil {
		return 0 // too large for any credit system
	}
	return f
}

// IsSelfAsserted reports whether a badge or a record of badges was issued by
// its own subject (Open Badges 3.0, use case Self-Assertion).
func (c Credential) IsSelfAsserted() bool {
	return c.SubjectID() != "" && c.SubjectID() == c.IssuerID() && !has(c.doc.Get("type"), "EndorsementCredential") && badgeClass(c.doc) != nil
}

func selfAsserted(c Credential) string {
	if has(c.doc.Get("type"), "ClrCredential") {
		return "a collection that its own subject put together; each credential in it counts for itself"
	}
	return "self-asserted: its subject says this about themself, and nobody else vouches for it"
}
