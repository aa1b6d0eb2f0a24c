package catalogue_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/node/catalogue"
)

// french is the shipped translation with texts replaced, in pairs.
func french(t *testing.T, oldNew ...string) catalogue.File {
	t.Helper()
	f := catalogue.ShippedTranslations()[0]
	text := string(f.Raw)
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("%q is not in the translation", oldNew[i])
		}
		text = strings.Replace(text, oldNew[i], oldNew[i+1], 1)
	}
	return catalogue.File{Name: f.Name, Raw: []byte(text)}
}

func bilingual(t *testing.T) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Parse(catalogue.OpenBadges, catalogue.ShippedTranslations()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheShippedTranslationHasNoMistakeAndLeavesNothingOut(t *testing.T) {
	if _, found := catalogue.Examine(catalogue.OpenBadges, catalogue.ShippedTranslations()...); len(found) > 0 {
		t.Errorf("%v", found)
	}
	c := bilingual(t)
	for slug := range c.Achievements.All() {
		if got := c.Languages(slug); !slices.Equal(got, []string{"en", "fr"}) {
			t.Errorf("%s is given in %v", slug, got)
		}
	}
}

// Each check has a case that spoils one thing in a good translation, and gives
// that finding alone.
func TestEachMistakeOfATranslationIsFoundAlone(t *testing.T) {
	fr := func(oldNew ...string) []catalogue.File { return []catalogue.File{french(t, oldNew...)} }
	named := func(name string, oldNew ...string) []catalogue.File {
		f := french(t, oldNew...)
		f.Name = name
		return []catalogue.File{f}
	}
	halfway := "  halfway:\n    name: À mi-chemin du badge Émetteur\n    description: La moitié du parcours de l'émetteur est accomplie.\n    criteria:\n      half: \"Détient trois des cinq badges qui précèdent le badge Émetteur de badges.\"\n"
	for _, tt := range []struct {
		name    string
		base    []byte
		files   []catalogue.File
		want    string
		warning bool
	}{
		{name: "unknown key", files: fr("language: fr", "language: fr\nversion: 1.0.0"), want: "openbadges.fr.yaml: line 4: unknown key version; correct its spelling or remove it"},
		{name: "unknown key of an achievement", files: fr("    name: Explorateur des Open Badges\n", "    name: Explorateur des Open Badges\n    kind: skill\n"), want: "openbadges.fr.yaml: line 24: unknown key kind; correct"},
		{name: "key twice", files: fr("    name: Explorateur", "    name: X\n    name: Explorateur"), want: `mapping key "name" already defined`},
		{name: "another catalogue", files: fr("catalogue: openbadges", "catalogue: welding"), want: `this is a translation of the catalogue "welding", and lies beside openbadges; write catalogue: openbadges`},
		{name: "no code of a language", files: named("openbadges.french.yaml", "language: fr", "language: french"), want: `openbadges.french.yaml: line 1: language "french" is no code of a language; write language: fr`},
		{name: "another language than its name", files: fr("language: fr", "language: nl"), want: "the file says language: nl, and its name says fr; make them the same"},
		{name: "the catalogue's own language", files: named("openbadges.EN.yaml", "language: fr", "language: en"), want: "the file says language: en, and its name says EN"},
		{name: "the language of the catalogue", files: named("openbadges.en.yaml", "language: fr", "language: en"), want: "en is the language of the catalogue; put the texts into the catalogue itself"},
		{name: "a catalogue without a language", base: spoiled(t, "language: en\n", ""), files: fr(), want: "the catalogue does not say which language is its own; add language: en to the catalogue"},
		{name: "a language twice", files: append(fr(), named("open.fr.yaml")...), want: "open.fr.yaml: line 1: openbadges.fr.yaml is a translation into fr already; keep one of the two"},
		{name: "unknown series", files: fr("  discover: Découvrir", "  discover: Découvrir\n  rest: Reste"), want: "line 8: the catalogue has no series rest; correct its spelling or remove it"},
		{name: "unknown objective", files: fr("  lo-explain: ", "  lo-more: \"Plus.\"\n  lo-explain: "), want: "the catalogue has no objective lo-more"},
		{name: "unknown achievement", files: fr("  explorer:\n", "  welder:\n    name: Soudeur\n    criteria: {weld: \"Soude.\"}\n  explorer:\n"), want: "the catalogue has no achievement welder"},
		{name: "unknown criterion", files: fr("      quiz: \"", "      exam: \"x\"\n      quiz: \""), want: "achievement basics has no criterion exam; correct its spelling or remove it; it has quiz"},
		{name: "unknown level", files: fr("3: Guide les autres}", "3: Guide les autres, 4: Maître}"), want: "achievement designer has no level 4; correct its spelling or remove it; it has 1, 2, 3"},
		{name: "levels where there are none", files: fr("    name: Explorateur", "    levels: {1: Un}\n    name: Explorateur"), want: "achievement explorer has no level 1; correct its spelling or remove it; it has none"},
		{name: "unknown path", files: fr("paths:\n", "paths:\n  short-cut: {name: Raccourci}\n"), want: "the catalogue has no path short-cut"},
		{name: "unknown role", files: fr("roles:\n", "roles:\n  chief: {name: Chef}\n"), want: "the catalogue has no role chief"},
		{name: "an achievement without a text", files: fr(halfway, "  halfway: {}\n"), want: "achievement halfway stands here, and nothing of it is translated; add its name"},
		{name: "nothing in it", files: []catalogue.File{{Name: "openbadges.fr.yaml"}}, want: "openbadges.fr.yaml: line 1: the file holds no translation; begin with the keys catalogue, language and achievements"},
		{name: "two documents", files: fr("roles:\n", "---\nroles:\n"), want: "the file holds more than one document; keep one translation a file"},
		{name: "too large", files: []catalogue.File{{Name: "openbadges.fr.yaml", Raw: make([]byte, catalogue.MaxSize+1)}}, want: "openbadges.fr.yaml: the file is larger than 921600 bytes; shorten its texts"},
		{name: "too many", files: make([]catalogue.File, catalogue.MaxTranslations+1), want: "the catalogue has 51 translations; there are at most 50"},
		{name: "a catalogue", files: []catalogue.File{{Name: "openbadges.new.yaml", Raw: catalogue.OpenBadges}}, want: "warning: openbadges.new.yaml: the file is a catalogue, and named as a translation of openbadges would be; rename it; it is left out here", warning: true},
		{name: "an achievement left out", files: fr(halfway, ""), want: "warning: openbadges.fr.yaml: line 1: achievement halfway is not translated: its badges are not given in fr", warning: true},
		{name: "a text left out", files: fr("    description: La moitié du parcours de l'émetteur est accomplie.\n", ""), want: "description of achievement halfway is not translated into fr, and stays as it is; translate it, or accept that", warning: true},
		{name: "a criterion left out", files: fr("      describe: \"Dit pour chaque élément ce qu'il montre, quand, où et dans quel rôle.\"\n", ""), want: "criterion describe of achievement evidence is not translated", warning: true},
		{name: "quality left out", files: fr("quality: Contrôle interne à quatre yeux ; révision annuelle du catalogue par le partenariat\n", ""), want: "quality of the catalogue is not translated", warning: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.base == nil {
				tt.base = catalogue.OpenBadges
			}
			_, found := catalogue.Examine(tt.base, tt.files...)
			if len(found) != 1 || !strings.Contains(found[0].String(), tt.want) || found[0].Warning != tt.warning {
				t.Errorf("got %v", found)
			}
			if _, err := catalogue.Parse(tt.base, tt.files...); (err == nil) != tt.warning {
				t.Errorf("it is taken: %v", err)
			}
		})
	}
}

func TestTranslationsAreFoundBesideTheirCatalogue(t *testing.T) {
	dir := t.TempDir()
	for name, raw := range map[string][]byte{"badges.yaml": catalogue.OpenBadges, "badges.fr.yaml": french(t).Raw, "badges.v1.yaml": []byte("x"), "badges.fr.bak": []byte("x"), "other.fr.yaml": []byte("x"), "badges.old.fr.yaml": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := catalogue.Load(filepath.Join(dir, "badges.yaml"))
	if err != nil || len(c.Files()) != 1 || c.Files()[0].Name != "badges.fr.yaml" {
		t.Fatalf("%v, %v", c.Files(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "badges.french.yaml"), french(t).Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalogue.Load(filepath.Join(dir, "badges.yaml")); err == nil || !strings.Contains(err.Error(), "badges.french.yaml: line 1: the file says language: fr, and its name says french") {
		t.Errorf("a name that is no language: %v", err)
	}
}

// A translation is an achievement of its own; each names the other.
func TestATranslatedAchievementNamesTheOriginal(t *testing.T) {
	c := bilingual(t)
	fr, ok := c.In("FR")
	if !ok {
		t.Fatal("no French")
	}
	type compiled struct {
		ID, Name, InLanguage, HumanCode string
		Criteria                        struct{ ID, Narrative string }
		Image                           struct{ ID, Caption string }
		Alignment                       []struct{ TargetName, TargetURL string }
		ResultDescription               []struct {
			ID, RequiredLevel    string
			RubricCriterionLevel []struct{ ID, Name, Level string }
		}
		Related []relation
	}
	read := func(c *catalogue.Catalogue) (d compiled) {
		raw, err := c.Document(alder, "designer")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := read(c), read(fr)
	if b.ID != a.ID+"/fr" || b.Name != "Concepteur de badges" || b.InLanguage != "fr" || a.InLanguage != "en" || b.HumanCode != a.HumanCode || b.Criteria.ID != b.ID+"#criteria" ||
		!strings.Contains(b.Criteria.Narrative, "Aligne chacun d'eux") || b.Image.ID != b.ID+"/image.png" || b.Image.Caption != b.Name {
		t.Errorf("%+v", b)
	}
	if l := b.ResultDescription[0]; l.RequiredLevel != b.ID+"#level-2" || l.RubricCriterionLevel[1].Name != "Autonome" || l.RubricCriterionLevel[1].ID != fr.LevelID(alder, "designer", 2) {
		t.Errorf("%+v", l)
	}
	related := func(id, language string) []relation {
		return []relation{{id, []string{"Related"}, language, c.Version}}
	}
	if !reflect.DeepEqual(a.Related, related(b.ID, "fr")) || !reflect.DeepEqual(b.Related, related(a.ID, "en")) {
		t.Errorf("%+v and %+v", a.Related, b.Related)
	}
	for i := range a.Alignment {
		if a.Alignment[i].TargetURL != b.Alignment[i].TargetURL {
			t.Errorf("an alignment with %s, and with %s", a.Alignment[i].TargetURL, b.Alignment[i].TargetURL)
		}
	}
	if w, _ := fr.Names(alder)("designer"); w.Achievement != a.ID {
		t.Errorf("a requirement in French wants %s", w.Achievement)
	}
}

type relation struct {
	ID                  string
	Type                []string
	InLanguage, Version string
}

var day = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// Badges in every language keep the rules of Open Badges, and what is not
// translated is the original.
func TestTranslatedAchievementsKeepTheRulesOfOpenBadges(t *testing.T) {
	c := bilingual(t)
	fr, _ := c.In("fr")
	for slug := range c.Achievements.All() {
		raw, err := fr.Document(alder, slug)
		if err != nil {
			t.Fatal(err)
		}
		badge, err := credentials.Build(credentials.Award{ID: "urn:uuid:1", Issuer: credentials.Profile{ID: alder.ID}, Achievement: raw, Subject: credentials.Subject{ID: "did:key:ana"}, ValidFrom: day, AwardedDate: day})
		if err != nil {
			t.Fatal(err)
		}
		if found := credentials.Lint(badge); len(found) > 0 {
			t.Errorf("%s: %v", slug, found)
		}
		parsed, err := credentials.Parse(badge)
		if err != nil || parsed.CountsAs() != c.ID(alder, slug) || parsed.AchievementID() != fr.ID(alder, slug) {
			t.Errorf("%s counts as %s, %v", slug, parsed.CountsAs(), err)
		}
	}
	part, err := catalogue.Parse(catalogue.OpenBadges, catalogue.File{Name: "x.fr.yaml", Raw: []byte("catalogue: openbadges\nlanguage: fr\nachievements: {basics: {name: Bases}}\n")})
	if err != nil {
		t.Fatal(err)
	}
	partly, _ := part.In("fr")
	for slug, same := range map[string]bool{"designer": true, "basics": false} {
		a, err := part.Document(alder, slug)
		if err != nil {
			t.Fatal(err)
		}
		b, err := partly.Document(alder, slug)
		if err != nil {
			t.Fatal(err)
		}
		if (string(a) == string(b)) != same || (len(part.Languages(slug)) == 1) != same {
			t.Errorf("%s in French: %s", slug, b)
		}
	}
	if basics, _ := partly.Find("basics"); basics.Name != "Bases" || basics.Description != "Knows what Open Badges are made of and what they prove." {
		t.Errorf("what is not translated: %+v", basics)
	}
}

func TestAChangedTranslationAsksForANewVersion(t *testing.T) {
	parse := func(files ...catalogue.File) *catalogue.Catalogue {
		c, err := catalogue.Parse(catalogue.OpenBadges, files...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := parse(french(t))
	for _, tt := range []struct {
		name        string
		to          *catalogue.Catalogue
		says, least string
	}{
		{"nothing", parse(french(t)), "", "1.1.0"},
		{"another word", parse(french(t, "A pris part à une", "A suivi une")), "~ translation fr of achievement explorer: description: A pris part à une introduction aux Open Badges. -> A suivi une introduction aux Open Badges. (patch)", "1.1.1"},
		{"another criterion", parse(french(t, "avec au moins 80 %", "avec 80 %")), "~ translation fr of achievement basics: criteria: ", "1.1.1"},
		{"another objective", parse(french(t, "avec une communauté", "ensemble")), "~ translation fr of objective lo-share: text: ", "1.1.1"},
		{"another title", parse(french(t, "Les Open Badges par", "Les badges par")), "~ translation fr: name: ", "1.1.1"},
		{"a role's text gone", parse(french(t, "    description: Personne à qui une organisation confie l'émission de ses badges.\n", "")), "-> nothing (patch)", "1.1.1"},
		{"an achievement gone", parse(catalogue.File{Name: "x.fr.yaml", Raw: []byte("catalogue: openbadges\nlanguage: fr\nachievements: {basics: {name: Bases}}\n")}), "- translation fr of achievement explorer (major)", "2.0.0"},
		{"a language gone", parse(), "- translation fr (major)", "2.0.0"},
		{"a language more", parse(french(t), catalogue.File{Name: "x.nl.yaml", Raw: []byte("catalogue: openbadges\nlanguage: nl\nachievements: {basics: {name: Basis}}\n")}), "+ translation nl (minor)", "1.2.0"},
	} {
		d := catalogue.Diff(old, tt.to)
		said := slices.ContainsFunc(d.List, func(c catalogue.Change) bool { return strings.Contains(c.String(), tt.says) })
		if d.Least != tt.least || (len(d.List) > 0) != (tt.says != "") || tt.says != "" && !said || old.Same(tt.to) != (tt.says == "") {
			t.Errorf("%s: %s is asked for: %v", tt.name, d.Least, d.List)
		}
	}
}

// What is read as a translation gives achievements that count as the original.
func FuzzATranslationIsReadOrRefused(f *testing.F) {
	f.Add(catalogue.ShippedTranslations()[0].Raw)
	f.Add([]byte("catalogue: openbadges\nlanguage: fr\nachievements: {basics: {name: Bases, levels: {}}}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := catalogue.Parse(catalogue.OpenBadges, catalogue.File{Name: "openbadges.fr.yaml", Raw: raw})
		if err != nil {
			return
		}
		fr, ok := c.In("fr")
		if !ok || len(fr.Achievements) != len(c.Achievements) {
			t.Fatal("a translation that was read is not there")
		}
		for slug := range c.Achievements.All() {
			doc, err := fr.Document(alder, slug)
			if err != nil || !strings.Contains(string(doc), `"id":"`+c.ID(alder, slug)) {
				t.Errorf("%s: %v", doc, err)
			}
		}
	})
}
