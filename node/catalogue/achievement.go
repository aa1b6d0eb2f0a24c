package catalogue

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
)

// Issuer is who publishes the achievements: its DID, and the base URL under
// which the catalogue's pages are served.
type Issuer struct {
	ID, Name, Base string
}

// Vocabulary of the European Learning Model and its skills framework.
const (
	snb      = "http://data.europa.eu/snb/"
	ectsURI  = snb + "education-credit/6fcec5c5af"
	ecvetURI = snb + "education-credit/60b314e826"
	elmModel = snb + "model/elm/"
)

// EQF returns the URI of a level of the European Qualifications Framework.
func EQF(level int) string { return fmt.Sprintf("%seqf/%d", snb, level) }

// CreditFramework returns the URI of a credit system, ecvet or ects.
func CreditFramework(system string) (uri string, ok bool) {
	switch strings.ToLower(system) {
	case "ecvet":
		return ecvetURI, true
	case "ects":
		return ectsURI, true
	}
	return "", false
}

var settingURI = map[string]string{"non-formal": snb + "learning-setting/e207a81fc7", "formal": snb + "learning-setting/6fd4685715"}

var assessmentURI = map[string]string{
	"quiz": "b1b68f6735", "portfolio": "4f03b91c0e", "practical": "6a4db9f11d", "artefact": "de4d165a6c",
	"attendance": "7331eb4762", "peer": "19a2e5e671", "continuous": "3484bd7e51", "written": "6e6cb2cc78",
	"oral": "d30284d7df", "project": "795dac4096",
}

// document is an Open Badges 3.0 Achievement (§B.1.1) in a fixed order of
// members. Facts of the European Learning Model are told as alignments with an
// ext: target type, so that no inline context is needed (docs/decisions/0016).
type document struct {
	ID               string              `json:"id"`
	Type             []string            `json:"type"`
	Name             string              `json:"name"`
	Description      string              `json:"description"`
	AchievementType  string              `json:"achievementType"`
	Criteria         criteria            `json:"criteria"`
	Creator          profile             `json:"creator"`
	Version          string              `json:"version,omitempty"`
	InLanguage       string              `json:"inLanguage,omitempty"`
	HumanCode        string              `json:"humanCode,omitempty"`
	Tag              []string            `json:"tag,omitempty"`
	CreditsAvailable float64             `json:"creditsAvailable,omitempty"`
	Image            *imageRef           `json:"image,omitempty"`
	Alignment        []alignment         `json:"alignment,omitempty"`
	Results          []resultDescription `json:"resultDescription,omitempty"`
	Related          []related           `json:"related,omitempty"`
	Endorsement      []json.RawMessage   `json:"endorsement,omitempty"`
}

// related is another achievement: the same in another language, or the one
// that takes the place of this.
type related struct {
	ID         string   `json:"id"`
	Type       []string `json:"type"`
	InLanguage string   `json:"inLanguage,omitempty"`
	Version    string   `json:"version,omitempty"`
}

type criteria struct {
	ID        string `json:"id"`
	Narrative string `json:"narrative"`
}

type profile struct {
	ID   string   `json:"id"`
	Type []string `json:"type"`
	Name string   `json:"name,omitempty"`
}

type imageRef struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Caption string `json:"caption,omitempty"`
}

type alignment struct {
	Type            []string `json:"type"`
	TargetName      string   `json:"targetName"`
	TargetURL       string   `json:"targetUrl"`
	TargetCode      string   `json:"targetCode,omitempty"`
	TargetFramework string   `json:"targetFramework,omitempty"`
	TargetType      string   `json:"targetType,omitempty"`
}

type resultDescription struct {
	ID            string   `json:"id"`
	Type          []string `json:"type"`
	Name          string   `json:"name"`
	ResultType    string   `json:"resultType"`
	ValueMin      string   `json:"valueMin,omitempty"`
	ValueMax      string   `json:"valueMax,omitempty"`
	RequiredValue string   `json:"requiredValue,omitempty"`
	RequiredLevel string   `json:"requiredLevel,omitempty"`
	Levels        []level  `json:"rubricCriterionLevel,omitempty"`
}

type level struct {
	ID    string   `json:"id"`
	Type  []string `json:"type"`
	Name  string   `json:"name"`
	Level string   `json:"level"`
}

// ID returns the address of an achievement: <base>/<catalogue>/a/<slug>, and
// /<language> behind it for the achievement that translates it.
func (c *Catalogue) ID(is Issuer, slug string) string {
	id := fmt.Sprintf("%s/%s/a/%s", strings.TrimRight(is.Base, "/"), c.Slug, slug)
	if c.speaks(slug) {
		id += "/" + c.Language
	}
	return id
}

// LevelID returns the address of a level of an achievement, 1 being the first.
func (c *Catalogue) LevelID(is Issuer, slug string, n int) string {
	return fmt.Sprintf("%s#level-%d", c.ID(is, slug), n)
}

// Document compiles an achievement into an Open Badges 3.0 Achievement object.
// The same catalogue and signed endorsements give the same bytes.
func (c *Catalogue) Document(is Issuer, slug string, endorsements ...json.RawMessage) (json.RawMessage, error) {
	a, ok := c.Find(slug)
	if !ok {
		return nil, fmt.Errorf("no achievement %q in catalogue %q; it has: %s", slug, c.Slug, strings.Join(c.slugs(), ", "))
	}
	if c.of != nil && !c.speaks(slug) { // it is not translated
		return c.of.Document(is, slug, endorsements...)
	}
	id := c.ID(is, slug)
	d := document{
		ID: id, Type: []string{"Achievement"}, Name: a.Name, Description: a.Description, AchievementType: achievementType(a),
		Criteria: criteria{id + "#criteria", narrative(a)}, Creator: profile{is.ID, []string{"Profile"}, is.Name},
		Version: c.Version, InLanguage: c.Language, HumanCode: c.Slug + "/" + slug, Tag: c.tags(a),
		Image: &imageRef{cmp.Or(a.Image, id+"/image.png"), "Image", a.Name},
	}
	if a.Credits != nil {
		d.CreditsAvailable = a.Credits.Points
	}
	d.Related = c.translationsOf(is, slug)
	if a.ReplacedBy != "" {
		d.Related = append(d.Related, related{c.original().ID(is, a.ReplacedBy), []string{"Related"}, c.original().Language, c.Version})
	}
	d.Alignment = c.alignments(is, a)
	d.Results, d.Endorsement = results(id, a), endorsements
	return json.Marshal(d)
}

func (c *Catalogue) slugs() []string {
	var out []string
	for s := range c.Achievements.All() {
		out = append(out, s)
	}
	return out
}

// Kinds are the kinds that a badge may be of, in the order of the alphabet.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

func achievementType(a Achievement) string {
	if a.Type != "" {
		return a.Type
	}
	if a.Valid != "" { // what must be renewed is a certification, whatever it shows
		return "Certification"
	}
	return kinds[a.Kind]
}

func narrative(a Achievement) string {
	var b strings.Builder
	for slug, text := range a.Criteria.All() {
		fmt.Fprintf(&b, "- **%s** %s\n", slug, text)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (c *Catalogue) tags(a Achievement) []string {
	tags := []string{"kind:" + a.Kind}
	if c.Domain != "" {
		tags = append(tags, "domain:"+c.Domain)
	}
	return append(tags, a.Tags...)
}

func (c *Catalogue) alignments(is Issuer, a Achievement) []alignment {
	var out []alignment
	add := func(name, url, code, framework, typ string) {
		out = append(out, alignment{[]string{"Alignment"}, name, url, code, framework, typ})
	}
	outside := func(o Objective) {
		for _, s := range o.Align {
			uri, name, _ := strings.Cut(s, " ")
			framework, typ := vocabularyOf(uri)
			add(cmp.Or(name, uri), uri, o.Code, cmp.Or(o.Framework, framework), cmp.Or(o.Type, typ))
		}
	}
	if a.EQF > 0 {
		add(fmt.Sprintf("EQF level %d", a.EQF), EQF(a.EQF), fmt.Sprint(a.EQF), "European Qualifications Framework", "ext:EQFLevel")
	}
	if p, err := requirement.ParsePeriod(a.Workload); err == nil {
		add(p.Words(), elmModel+"volumeOfLearning", p.String(), "European Learning Model", "ext:VolumeOfLearning")
	}
	for _, slug := range a.Outcomes {
		o, _ := c.Objectives.Get(slug)
		add(o.Text, fmt.Sprintf("%s/%s/lo/%s", strings.TrimRight(is.Base, "/"), c.Slug, slug), slug, c.Name, "ext:LearningOutcome")
		outside(o)
	}
	outside(Objective{Align: a.Align})
	if u := settingURI[a.Setting]; u != "" {
		add(a.Setting+" learning", u, "", "European Learning Model", "ext:LearningSetting")
	}
	if m := modes[a.Mode]; m != "" {
		add(a.Mode, snb+"learning-assessment/"+m, "", "European Learning Model", "ext:LearningMode")
	}
	if u := assessmentURI[a.Assessment]; u != "" {
		add(a.Assessment, snb+"assessment/"+u, "", "European Learning Model", "ext:AssessmentType")
	}
	if a.Credits != nil {
		uri, _ := CreditFramework(a.Credits.System)
		add(strings.ToUpper(a.Credits.System), uri, "", "European Learning Model", "ext:CreditFramework")
	}
	return out
}

// vocabularyOf tells the framework and the target type of a URI that is known.
func vocabularyOf(uri string) (framework, typ string) {
	switch {
	case strings.HasPrefix(uri, "http://data.europa.eu/esco/"):
		return "ESCO", "ext:ESCOSkill"
	case strings.HasPrefix(uri, "https://credentialengineregistry.org/"):
		return "", "ceasn:Competency"
	}
	return "", ""
}

func results(id string, a Achievement) []resultDescription {
	var out []resultDescription
	kind := []string{"ResultDescription"}
	if len(a.Levels) > 0 {
		r := resultDescription{ID: id + "#level", Type: kind, Name: "Level", ResultType: "RubricCriterionLevel", RequiredLevel: fmt.Sprintf("%s#level-%d", id, a.Pass)}
		for i, l := range a.Levels {
			r.Levels = append(r.Levels, level{fmt.Sprintf("%s#level-%d", id, i+1), []string{"RubricCriterionLevel"}, l.Value, fmt.Sprint(i + 1)})
		}
		out = append(out, r)
	}
	if a.Result != nil {
		number := func(f *float64) string {
			if f == nil {
				return ""
			}
			return fmt.Sprint(*f)
		}
		out = append(out, resultDescription{ID: id + "#result", Type: kind, Name: "Result", ResultType: a.Result.Type,
			ValueMin: number(a.Result.Min), ValueMax: number(a.Result.Max), RequiredValue: number(a.Result.Pass)})
	}
	return out
}
