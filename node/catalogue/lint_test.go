package catalogue_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/node/catalogue"
)

// spoiled is the shipped catalogue with texts replaced, in pairs.
func spoiled(t *testing.T, oldNew ...string) []byte {
	t.Helper()
	text := string(catalogue.OpenBadges)
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("%q is not in the catalogue", oldNew[i])
		}
		text = strings.Replace(text, oldNew[i], oldNew[i+1], 1)
	}
	return []byte(text)
}

// Each check has a case that spoils one thing in a good file, and gives that
// finding alone.
func TestEachMistakeIsFoundAloneWithItsLine(t *testing.T) {
	const explorer = "    workload: PT2H\n"
	tests := []struct {
		name, old, new, want string
		warning              bool
	}{
		{name: "catalogue without a name", old: "name: Open Badges about Open Badges", new: `name: ""`, want: "line 1: the catalogue has no name; add name"},
		{name: "version", old: "version: 1.1.0 ", new: "version: one ", want: `version "one" is not of the form 1.0.0`},
		{name: "language", old: "language: en", new: "language: English", want: `language "English" is no code of a language; write language: en`},
		{name: "country", old: "country: BE", new: "country: Belgium", want: `country "Belgium" is no code of a country`},
		{name: "setting", old: explorer, new: explorer + "    setting: school\n", want: `line 38: achievement explorer: unknown setting "school"`},
		{name: "mode", old: explorer, new: explorer + "    mode: remote\n", want: `achievement explorer: unknown mode "remote"; use online, onsite`},
		{name: "objective without text", old: `lo-assess:    {kind: competence, text: "Assess evidence against criteria fairly, giving reasons a learner can act on."}`, new: `lo-assess: {kind: competence, text: ""}`, want: "objective lo-assess has no text; say what the learner can do"},
		{name: "objective of an unknown kind", old: "lo-wallet:    {kind: skill, ", new: "lo-wallet:    {kind: habit, ", want: `objective lo-wallet has the unknown kind "habit"`},
		{name: "objective of an unknown type", old: "lo-design:    {kind: competence,", new: "lo-design:    {kind: competence, type: CFThing,", want: `objective lo-design has the unknown type "CFThing"; use one of ceasn:Competency`},
		{name: "objective of a framework without alignment", old: "lo-wallet:    {kind: skill, ", new: "lo-wallet:    {kind: skill, type: CFItem, ", want: "objective lo-wallet tells of a framework, and aligns with nothing of it"},
		{name: "alignment without URI", old: `align: ["http://data.europa.eu/esco/skill/5fd5c985-eaaa-47aa-8314-62359c54505a develop`, new: `align: ["develop`, want: `has no URI; write "https://... name"`},
		{name: "achievement without description", old: "    description: Took part in an introduction to Open Badges.\n", new: "", want: "achievement explorer needs a name and a description; add both"},
		{name: "achievement without criteria", old: `    criteria: {attend: "Attends an introduction session (onsite, online or recorded) and signs the attendance."}` + "\n", new: "", want: "achievement explorer has no criteria"},
		{name: "kind", old: "kind: participation", new: "kind: fun", want: `unknown kind "fun"; use one of competence, contribution`},
		{name: "type", old: explorer, new: explorer + "    type: Medal\n", want: `achievement explorer has the unknown type "Medal"; use one of Open Badges 3.0, such as QualityAssuranceCredential`},
		{name: "no time at all", old: "workload: PT25H", new: "workload: PT0H", want: `achievement issuer: workload "PT0H" is no time at all; write how long it is, or leave it out`},
		{name: "criterion without words", old: `policy: "Publishes issuer profile, privacy notice and renewal policy."`, new: `policy: " "`, want: "achievement issuer has the criterion policy without words; say what is to be done"},
		{name: "outcome twice", old: "outcomes: [lo-share]", new: "outcomes: [lo-share, lo-share]", want: "achievement contributor names the outcome lo-share twice; name it once"},
		{name: "awarded to who holds it", old: "award: {by: presentation, of: {badge: basics}}", new: "award: {by: presentation, of: {any: [basics, earner]}}", want: "achievement earner is awarded to who holds it already; name the badges that come before it"},
		{name: "two badges of a name", old: "name: Badge Earner", new: "name: Badge Designer", want: `achievements earner and designer are both called "Badge Designer"; give it a name of its own`, warning: true},
		{name: "outcome", old: "outcomes: [lo-share]", new: "outcomes: [lo-nope]", want: "achievement contributor names the unknown outcome lo-nope; define it under objectives"},
		{name: "EQF", old: "    eqf: 4\n    workload: PT6H", new: "    eqf: 9\n    workload: PT6H", want: "achievement evidence has the EQF level 9; use 1 to 8"},
		{name: "credits", old: "{system: ecvet, points: 1}", new: "{system: miles, points: 1}", want: "achievement issuer has bad credits"},
		{name: "workload", old: "workload: PT25H", new: "workload: 25 hours", want: `workload "25 hours" is no duration; write an ISO 8601 duration`},
		{name: "assessment", old: "assessment: portfolio", new: "assessment: chat", want: `warning: line 75: achievement evidence: assessment "chat" is no word of the European Learning Model`, warning: true},
		{name: "pass out of scale", old: "    pass: 2\n    award", new: "    pass: 0\n    award", want: "achievement designer: pass 0 is no level of it; set pass to 1 to 3"},
		{name: "pass without levels", old: explorer, new: explorer + "    pass: 1\n", want: "achievement explorer: pass 1, and it has no levels"},
		{name: "levels not counted up", old: "levels: {1: Assisted, 2: Independent, 3: Guides others}", new: "levels: {1: Assisted, 2: Independent, 4: Guides others}", want: `level "4" is not number 3 with a name`},
		{name: "result of an unknown type", old: "type: Percent", new: "type: Stars", want: `a result of the unknown type "Stars"`},
		{name: "pass mark out of scale", old: "max: 100, pass: 80", new: "max: 100, pass: 180", want: "achievement basics has a result whose pass mark is out of scale"},
		{name: "expires without renewal", old: explorer, new: explorer + "    valid: P1Y\n", want: "warning: line 38: achievement explorer expires and cannot be renewed", warning: true},
		{name: "renewal window", old: "window: P90D", new: "window: soon", want: `achievement issuer: renewal window "soon" is no duration`},
		{name: "renewal by nothing that counts", old: "within: P1Y}}", new: "within: always}}", want: `achievement reviewer: renewal within "always" is no duration`},
		{name: "renewal by two things", old: "when: {evidence: 1}", new: "when: {evidence: 1, test: x}", want: "achievement issuer is renewed by nothing, or by several things"},
		{name: "way of award", old: "award: {by: claim-code}", new: "award: {by: luck}", want: `achievement explorer is awarded by "luck"; use one of grant`},
		{name: "rule without a condition", old: "award: {by: rule, when: {n: 3, of: [explorer, basics, earner, evidence, designer]}}", new: "award: {by: rule}", want: "achievement halfway is awarded by a rule that is missing; add when"},
		{name: "presentation of nothing", old: "award: {by: presentation, of: {badge: basics}}", new: "award: {by: presentation}", want: "achievement earner is awarded for a presentation of nothing"},
		{name: "event that is not told", old: `object: "https://lms.example/ob-basics", scaled: 0.8`, new: `object: "https://lms.example/ob-basics", scaled: 8`, want: "achievement basics is awarded for an event that is not told"},
		{name: "kind of evidence", old: "kinds: [file, url, text, credential]", new: "kinds: [file, smell]", want: `achievement evidence takes evidence of the unknown kind "smell"; use file, url, text, credential`},
		{name: "items of evidence", old: "evidence: {min: 2}", new: "evidence: {min: -2}", want: "achievement issuer asks for -2 items of evidence"},
		{name: "quorum", old: "award: {by: review, review: {quorum: 2}}", new: "award: {by: review, review: {quorum: -2}}", want: "achievement reviewer: a quorum of -2"},
		{name: "reviewers hold a badge that is none", old: "by: [reviewer]", new: "by: [ghost]", want: "line 1: the review of the defaults names the unknown badge ghost"},
		{name: "replaced by nothing known", old: explorer, new: explorer + "    replaced_by: ghost\n", want: "line 32: achievement explorer is replaced by the unknown badge ghost"},
		{name: "replaced by itself", old: explorer, new: explorer + "    replaced_by: explorer\n", want: "achievement explorer replaces itself: explorer -> explorer"},
		{name: "series without badges", old: "{id: discover, name: Discover, of: [explorer, basics, halfway]}", new: "{id: discover, name: Discover, of: []}", want: "line 15: series discover needs a name and badges"},
		{name: "two series of a name", old: "id: practise", new: "id: discover", want: "line 16: two series are called discover"},
		{name: "series of an unknown badge", old: "of: [explorer, basics, halfway]", new: "of: [explorer, ghost]", want: "line 15: series discover names the unknown badge ghost; define it under achievements"},
		{name: "order", old: "order: enforce", new: "order: strict", want: `path become-issuer has the order "strict"`},
		{name: "path without a name", old: "    name: From curious to issuer\n", new: "", want: "path become-issuer needs a name and steps"},
		{name: "step that is no badge", old: "      explorer: {}\n", new: "      explorer: {}\n      ghost: {}\n", want: "path become-issuer names the unknown badge ghost"},
		{name: "prerequisite that is no badge", old: "evidence: {after: basics}", new: "evidence: {after: ghost}", want: "step evidence names the unknown badge ghost"},
		{name: "prerequisite that is no step", old: "evidence: {after: basics}", new: "evidence: {after: halfway}", want: "warning: line 150: step evidence of path become-issuer comes after halfway, which is no step of it", warning: true},
		{name: "level that there is not", old: "{badge: designer, level: 2}]}}", new: "{badge: designer, level: 4}]}}", want: "step issuer asks for designer@4, and there is no such level; use one of its 3 levels"},
		{name: "goal that is no step", old: "goal: {all: [explorer, issuer]}", new: "goal: {all: [explorer, halfway]}", want: "the goal of path become-issuer names halfway, which is no step of it; add it to steps"},
		{name: "accepted address that is none", old: "explorer: {}", new: `explorer: {accept: ["https://birch.example/x"]}`, want: `step explorer accepts what is no achievement: "https://birch.example/x" is no address of an achievement`},
		{name: "circle", old: "      explorer: {}", new: "      explorer: {after: explorer}", want: "path become-issuer runs in a circle: explorer -> explorer; remove one of these prerequisites"},
		{name: "role without a name", old: "    name: Open Badge issuer\n", new: "", want: "role open-badge-issuer has no name"},
		{name: "role of an unknown badge", old: "of: [reviewer, contributor]}", new: "of: [reviewer, ghost]}", want: "line 161: role open-badge-issuer names the unknown badge ghost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ps := catalogue.Examine(spoiled(t, tt.old, tt.new))
			if len(ps) != 1 || !strings.Contains(ps[0].String(), tt.want) || ps[0].Warning != tt.warning {
				t.Fatalf("got %v, want %q", ps, tt.want)
			}
			for _, p := range ps {
				if p.Fix == "" || p.Line == 0 {
					t.Errorf("%s: has no line, or no fix", p)
				}
			}
		})
	}
}

// What cannot be read is told in words, each mistake of the file at once.
func TestMistakesThatHinderReadingAreToldTogetherInWords(t *testing.T) {
	const bad = `catalogue: a
version: 1.0.0
name: [A]
language: en
achievements:
  one:
    name: One
    kind: skill
    eqf: high
    outcomes: x
    criteria: {do: "Does it."}
    award: by grant
  two: {nane: Two, kind: skill, rpl: perhaps}
  two: {name: Two}
paths:
  p:
    name: P
    order: advise
    steps:
      one: {after: [two]}
`
	_, ps := catalogue.Examine([]byte(bad))
	var got []string
	for _, p := range ps {
		got = append(got, p.String())
	}
	want := []string{
		"line 3: a list stands where a text is expected; write it so",
		"line 9: the text high stands where a whole number is expected; write it so",
		"line 10: the text x stands where a list, such as [one, two] is expected; write it so",
		"line 12: the text by grant stands where a mapping of keys, such as {name: ...} is expected; write it so",
		"line 13: unknown key nane; correct its spelling or remove it",
		"line 13: the text perhaps stands where true or false is expected; write it so",
		`line 14: "two" stands here twice; keep one of them`,
		"line 20: a list does not say whether all of it is required; write {all: [...]} or {any: [...]}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The bad catalogue of the domain model gives its findings: every circle, and
// the references that are none.
func TestTheBadCatalogueOfTheDomainModelGivesItsFindings(t *testing.T) {
	var want struct{ Errors []string }
	scenario(t, "bad ", &want)
	_, ps := catalogue.Examine(spoiled(t, "outcomes: [lo-design]", "outcomes: [lo-nope]", "      basics:   {}", "      basics:   {after: issuer}", "of: [reviewer, contributor]}", "of: [reviewer, ghost]}"))
	if len(ps) != len(want.Errors) {
		t.Errorf("%d findings, want %d: %v", len(ps), len(want.Errors), ps)
	}
	for _, w := range want.Errors {
		what := w[strings.LastIndexByte(w, ' ')+1:] // an outcome, or a badge
		if _, circle, ok := strings.Cut(w, "cycle "); ok {
			what = ": " + circle
		}
		if !slices.ContainsFunc(ps, func(p catalogue.Problem) bool { return strings.HasSuffix(p.Message, what) }) {
			t.Errorf("not found: %s in %v", w, ps)
		}
	}
}

func TestTheMicroCredentialProfileSaysWhatTheDomainModelSays(t *testing.T) {
	var want map[string][]string
	scenario(t, "micro ", &want)
	p, err := shipped(t).Fit(catalogue.EUMicroCredential)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, f := range p.Achievements {
		got[f.Achievement] = f.Missing
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(p.AtIssue) != 3 || p.Complete() != 6 || len(p.Problems()) != 7 {
		t.Errorf("%d elements at issue, %d complete, %d findings", len(p.AtIssue), p.Complete(), len(p.Problems()))
	}
}

// What a catalogue says once for all its badges is missing in each.
func TestElementsOfTheCatalogueAreMissingInEveryBadge(t *testing.T) {
	for _, tt := range []struct{ old, missing string }{
		{"country: BE ", "country/region"}, {"quality: Internal four-eyes review; yearly catalogue review by the partnership\n", "type of quality assurance"}, {"  mode: online ", "form of participation"},
	} {
		c, err := catalogue.Parse(spoiled(t, tt.old, ""))
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Fit(catalogue.EUMicroCredential)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Achievements {
			if !slices.Contains(f.Missing, tt.missing) {
				t.Errorf("without %q %s lacks %v", tt.old, f.Achievement, f.Missing)
			}
		}
	}
}

// scenario reads a line of the domain model's scenarios into v.
func scenario(t *testing.T, name string, v any) {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedtest.Dir(t, "domain"), "path-scenarios.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), name); ok {
			if err := json.Unmarshal([]byte(rest), v); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no line %q", name)
}

func TestWhatWasReplacedIsRetiredAndSaysByWhat(t *testing.T) {
	c, err := catalogue.Parse(spoiled(t, "    workload: PT2H\n", "    workload: PT2H\n    replaced_by: basics\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := c.Find("explorer"); !a.Retired {
		t.Error("it is still given")
	}
	raw, err := c.Document(alder, "explorer")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Related []struct {
			ID      string
			Type    []string
			Version string
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil || len(d.Related) != 1 || d.Related[0].ID != "https://alder.example/openbadges/a/basics" || d.Related[0].Type[0] != "Related" {
		t.Errorf("%+v, %v", d, err)
	}
}

// The alignments of an objective say what it is in its framework.
func TestObjectivesCarryTheTypeOfTheirFramework(t *testing.T) {
	for _, tt := range []struct{ objective, want string }{
		{`{kind: skill, type: CFItem, framework: F, code: "1.a", align: ["https://case.example/ims/case/v1p0/CFItems/1 Weld"], text: "Weld."}`, "CFItem"},
		{`{kind: skill, type: "ceasn:Competency", align: ["https://ctdl.example/1 Weld"], text: "Weld."}`, "ceasn:Competency"},
		{`{kind: skill, align: ["https://credentialengineregistry.org/resources/ce-1 Weld"], text: "Weld."}`, "ceasn:Competency"},
		{`{kind: skill, align: ["http://data.europa.eu/esco/skill/1 weld"], text: "Weld."}`, "ext:ESCOSkill"},
	} {
		c, err := catalogue.Parse(spoiled(t, `lo-wallet:    {kind: skill,      text: "Receive, keep, present and verify a badge with one's own wallet and DID."}`, "lo-wallet: "+tt.objective))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := c.Document(alder, "earner")
		if err != nil || !strings.Contains(string(raw), `"targetType":"`+tt.want+`"`) {
			t.Errorf("%s: %s, %v", tt.objective, raw, err)
		}
	}
}
