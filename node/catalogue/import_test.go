package catalogue_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/node/catalogue"
)

const escoHead = "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,altLabels,hiddenLabels,status,modifiedDate,scopeNote,definition,inScheme,description\n"

const esco = escoHead +
	"KnowledgeSkillCompetence,http://data.europa.eu/esco/skill/0005c151,skill/competence,sector-specific,manage musical staff,\"manage staff of music\nmanage music staff\",,released,2023-11-30T15:53:37.136Z,,,\"http://data.europa.eu/esco/concept-scheme/skills\",\"Assign and manage\nstaff tasks.\"\n" +
	"KnowledgeSkillCompetence,http://data.europa.eu/esco/skill/00064735,knowledge,cross-sector,haskell,,,released,2023-11-28T10:21:58.111Z,,,,The techniques of Haskell.\n" +
	"KnowledgeSkillCompetence,http://data.europa.eu/esco/skill/00000000,knowledge,cross-sector,old,,,obsolete,,,,,Gone.\n" +
	"KnowledgeSkillCompetence,http://data.europa.eu/esco/skill/5fd5c985-eaaa-47aa-8314-62359c54505a,skill/competence,transversal,develop digital content,,,released,,,,,There already.\n"

const caseFile = `{"CFDocument": {"title": "Frame \"W\": welding"}, "CFItems": [
 {"identifier": "1", "uri": "https://case.example/ims/case/v1p0/CFItems/1", "fullStatement": "Welds # safely: always\nand well.", "humanCodingScheme": "W.1", "CFItemType": "Standard"},
 {"identifier": "2", "uri": "https://case.example/ims/case/v1p0/CFItems/2", "fullStatement": "Cuts.", "humanCodingScheme": "W.1"},
 {"identifier": "3", "uri": "https://case.example/ims/case/v1p0/CFItems/3", "fullStatement": "Ended.", "statusEndDate": "2020-01-01"}]}`

func objectives(t *testing.T, read func([]byte) ([]catalogue.Objective, error), raw string) []catalogue.Objective {
	t.Helper()
	list, err := read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Skills come with the kind, the words and the URI of ESCO; one that is there
// is skipped; not a byte of the rest of the file changes.
func TestSkillsOfESCOAreAddedAndTheRestStays(t *testing.T) {
	got, err := catalogue.AddObjectives(catalogue.OpenBadges, objectives(t, catalogue.ReadESCO, esco))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Slugs, []string{"lo-manage-musical-staff", "lo-haskell"}) || len(got.Skipped) != 1 {
		t.Errorf("added %v, skipped %v", got.Slugs, got.Skipped)
	}
	c, err := catalogue.Parse(got.File)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := c.Objectives.Get("lo-manage-musical-staff")
	if o.Kind != "skill" || o.Text != "Assign and manage staff tasks." || o.Align[0] != "http://data.europa.eu/esco/skill/0005c151 manage musical staff" {
		t.Errorf("%+v", o)
	}
	if o, _ := c.Objectives.Get("lo-haskell"); o.Kind != "knowledge" {
		t.Errorf("%+v", o)
	}
	begin, end, ok := bytes.Cut(got.File, []byte("  lo-manage-musical-staff:"))
	_, tail, _ := bytes.Cut(catalogue.OpenBadges, begin)
	if !ok || !bytes.HasPrefix(catalogue.OpenBadges, begin) || !bytes.HasSuffix(end, tail) || !bytes.HasPrefix(tail, []byte("\nachievements:")) {
		t.Error("the rest of the file changed")
	}
	again, err := catalogue.AddObjectives(got.File, objectives(t, catalogue.ReadESCO, esco))
	if err != nil || len(again.Slugs) != 0 || !bytes.Equal(again.File, got.File) {
		t.Errorf("a second time: %v, %v", again.Slugs, err)
	}
}

func TestItemsOfCASEKeepTheirTypeCodeAndFramework(t *testing.T) {
	got, err := catalogue.AddObjectives(catalogue.OpenBadges, objectives(t, catalogue.ReadCASE, caseFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Parse(got.File)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := c.Objectives.Get("lo-w-1")
	if !slices.Equal(got.Slugs, []string{"lo-w-1", "lo-w-1-2"}) || o.Type != "CFItem" || o.Code != "W.1" || o.Framework != `Frame "W": welding` || o.Text != "Welds # safely: always and well." || o.Align[0] != "https://case.example/ims/case/v1p0/CFItems/1 Welds # safely: always and well." {
		t.Errorf("%v %+v", got.Slugs, o)
	}
	if n := len(catalogue.Choose(objectives(t, catalogue.ReadCASE, caseFile), []string{"CUTS"})); n != 1 {
		t.Errorf("%d items hold the word", n)
	}
}

// However the objectives are written, what else the file says stays.
func TestObjectivesAreAddedToFilesOfAnyForm(t *testing.T) {
	const head = "catalogue: a # keep\nversion: 1.0.0\nname: A\n"
	const rest = "# badges\nachievements:\n  one: {name: One, kind: skill, description: d, criteria: {c: x}, award: {by: grant}} # end\n"
	for name, file := range map[string]string{
		"none": head + rest, "empty": head + "objectives:\n" + rest, "in a line": head + "objectives: {lo-a: {text: A}} # keep\n" + rest, "deeper": head + "objectives:\n    lo-a: # keep\n        text: |+\n            A\n\n\n" + rest,
		"last": head + rest + "objectives:\n  lo-a: {text: A}", "JSON": `{"catalogue":"a","version":"1.0.0","name":"A","achievements":{"one":{"name":"One","kind":"skill","description":"d","criteria":{"c":"x"},"award":{"by":"grant"}}}}`,
		"CRLF": strings.ReplaceAll(head+"objectives:\n  lo-a: {text: A}\n"+rest, "\n", "\r\n"), "quoted over lines": head + "objectives:\n  lo-a: {text: \"A\n\n# B\"}\n\n# c\n\n" + rest,
	} {
		got, err := catalogue.AddObjectives([]byte(file), objectives(t, catalogue.ReadCASE, caseFile))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, err := catalogue.Parse(got.File)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, got.File)
			continue
		}
		if _, ok := c.Objectives.Get("lo-w-1"); !ok {
			t.Errorf("%s: not added:\n%s", name, got.File)
		}
		if strings.Count(string(got.File), "# keep") != strings.Count(file, "# keep") || strings.Count(string(got.File), "# badges") != strings.Count(file, "# badges") {
			t.Errorf("%s: a comment is gone:\n%s", name, got.File)
		}
		keeps(t, []byte(file), got)
	}
}

// keeps holds that a file with objectives added says all that it said before.
func keeps(t *testing.T, before []byte, after catalogue.Added) {
	t.Helper()
	var old, now map[string]any
	if err := errors.Join(yaml.Unmarshal(before, &old), yaml.Unmarshal(after.File, &now)); err != nil {
		t.Fatal(err)
	}
	if list, ok := now["objectives"].(map[string]any); ok {
		for _, slug := range after.Slugs {
			if _, there := list[slug]; !there {
				t.Errorf("%s is not there", slug)
			}
			delete(list, slug)
		}
		if len(list) == 0 && old["objectives"] == nil {
			delete(now, "objectives")
			delete(old, "objectives")
		}
	}
	a, errA := yaml.Marshal(old)
	b, errB := yaml.Marshal(now)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("it said\n%s\nand says\n%s", a, b)
	}
}

func TestFilesOfNoFrameworkAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, raw, want string
		read            func([]byte) ([]catalogue.Objective, error)
	}{
		{"another CSV", "name,email\na,b\n", "it has no column conceptUri; download the skills as CSV", catalogue.ReadESCO},
		{"nothing", "", "this is no ESCO file", catalogue.ReadESCO},
		{"a row without URI", escoHead + "x,,skill/competence,,label\n", "line 2 of the ESCO file has no conceptUri", catalogue.ReadESCO},
		{"no JSON", "CFItems", "this is no CASE package", catalogue.ReadCASE},
		{"no items", `{"CFDocument":{"title":"x"}}`, "CFItems is missing or empty", catalogue.ReadCASE},
		{"an item without URI", `{"CFItems":[{"identifier":"7","fullStatement":"x"}]}`, "CFItems[0] (7) has no uri", catalogue.ReadCASE},
	} {
		if _, err := tt.read([]byte(tt.raw)); !errors.Is(err, catalogue.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A new catalogue has no finding, whatever the answers are, or they are
// refused.
func TestANewCatalogueHasNoMistake(t *testing.T) {
	s := catalogue.Sketch{Slug: "welding", Name: `Welding: "MIG" & co #1`, Domain: "metal", Country: "BE", Badge: "Safe at work", Objective: "Works safely: always."}
	file, err := s.Write()
	if err != nil {
		t.Fatal(err)
	}
	c, found := catalogue.Examine(file)
	if len(found) != 0 || c.Name != s.Name {
		t.Errorf("%v", found)
	}
	if p, err := c.Fit(catalogue.EUMicroCredential); err != nil || p.Complete() != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	s.Country = "Belgium"
	if _, err := s.Write(); !errors.Is(err, catalogue.ErrInvalid) {
		t.Errorf("a country that is none: %v", err)
	}
	s.Country, s.Slug = "BE", "a: b"
	if _, err := s.Write(); !errors.Is(err, catalogue.ErrInvalid) {
		t.Errorf("a slug that is none: %v", err)
	}
}
