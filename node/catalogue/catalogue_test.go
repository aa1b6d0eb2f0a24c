package catalogue_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trust-me/trustme/node/catalogue"
)

var alder = catalogue.Issuer{ID: "did:web:alder.example", Name: "Alder", Base: "https://alder.example"}

func shipped(t *testing.T) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Parse(catalogue.OpenBadges)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShippedCatalogueHasNineBadgesOfSevenKinds(t *testing.T) {
	c := shipped(t)
	kinds := map[string]bool{}
	for _, a := range c.Achievements.All() {
		kinds[a.Kind] = true
	}
	if len(c.Achievements) != 9 || len(kinds) != 7 {
		t.Errorf("got %d badges of %d kinds, want 9 of 7 (DOMAIN.md §3)", len(c.Achievements), len(kinds))
	}
	if ps := c.Lint(); len(ps) != 0 {
		t.Errorf("the shipped catalogue has findings: %v", ps)
	}
}

func TestSpoiledCatalogueIsRefusedWithLineAndReason(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown key", "    order: enforce", "    ordr: enforce", "line 145: unknown key ordr"},
		{"unknown key in an achievement", "    workload: PT2H", "    worklod: PT2H", "unknown key worklod"},
		{"unknown key in an award", "{by: claim-code}", "{bye: claim-code}", "unknown key bye"},
		{"an image that is in another file", "    workload: PT2H", "    image: basics.png", "the image: not fit to be the image of a badge: it is no data:image/png;base64; put a PNG into the file with: trustme node catalogue image FILE explorer IMAGE.png"},
		{"unknown outcome", "outcomes: [lo-wallet]", "outcomes: [lo-nope]", "unknown outcome lo-nope"},
		{"unknown badge", "of: [explorer, basics, halfway]", "of: [explorer, ghost]", "unknown badge ghost"},
		{"cycle", "      basics:   {}", "      basics:   {after: issuer}", "basics -> issuer -> earner -> basics"},
		{"bad duration", "valid: P1Y", "valid: 1 year", `valid "1 year" is no duration`},
		{"bad kind", "kind: participation", "kind: fun", `unknown kind "fun"`},
		{"renewal without validity", "    valid: P2Y\n", "", "can be renewed but never expires"},
		{"level out of scale", "    pass: 2\n    award", "    pass: 4\n    award", "pass 4 is no level"},
		{"two of a name", "  earner:\n    name", "  basics:\n    name", `"basics" stands here twice`},
		{"n too large", "{n: 3, of: [explorer, basics, earner, evidence, designer]}", "{n: 6, of: [explorer]}", "n must be 1 to 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(string(catalogue.OpenBadges), tt.old, tt.new, 1)
			if text == string(catalogue.OpenBadges) {
				t.Fatalf("%q is not in the catalogue", tt.old)
			}
			_, err := catalogue.Parse([]byte(text))
			if !errors.Is(err, catalogue.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}

func TestAchievementDocumentCarriesLevelsCreditsAndAlignments(t *testing.T) {
	raw, err := shipped(t).Document(alder, "designer")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		ID               string
		AchievementType  string
		CreditsAvailable float64
		HumanCode        string
		Alignment        []struct{ TargetURL, TargetType, TargetCode, TargetName string }
		Result           []struct {
			RequiredLevel string
			Levels        []struct{ Level string } `json:"rubricCriterionLevel"`
		} `json:"resultDescription"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != "https://alder.example/openbadges/a/designer" || d.AchievementType != "Competency" || d.CreditsAvailable != 0.5 || d.HumanCode != "openbadges/designer" {
		t.Errorf("unexpected document: %s", raw)
	}
	if d.Alignment[0].TargetURL != "http://data.europa.eu/snb/eqf/4" || d.Alignment[3].TargetType != "ext:ESCOSkill" ||
		d.Alignment[1].TargetType != "ext:VolumeOfLearning" || d.Alignment[1].TargetCode != "PT12H" || d.Alignment[1].TargetName != "12 hours" {
		t.Errorf("unexpected alignments: %+v", d.Alignment)
	}
	if len(d.Result[0].Levels) != 3 || d.Result[0].RequiredLevel != d.ID+"#level-2" {
		t.Errorf("unexpected results: %+v", d.Result)
	}
}

func TestUnknownAchievementIsNamedWithTheKnownOnes(t *testing.T) {
	_, err := shipped(t).Document(alder, "welder")
	if err == nil || !strings.Contains(err.Error(), `"welder"`) || !strings.Contains(err.Error(), "designer") {
		t.Errorf("got %v", err)
	}
}

// A node refuses a published version with another content, so that a change to
// the shipped catalogue, or to a translation of it, needs a new version, and its
// line here.
func TestTheShippedCatalogueChangesWithItsVersion(t *testing.T) {
	editions := map[string]string{
		"1.0.0": "37b66cd01b40e91ff7174dee2b7e1d1026a3a2aeb1469d11888c6a6b6d834a26", // without translations
		"1.1.0": "3926bb24aea20b1846337de3749ab0eb8b934a48e92e8b018ef5a590df315228",
	}
	c, err := catalogue.Parse(catalogue.OpenBadges, catalogue.ShippedTranslations()...)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	h.Write(catalogue.OpenBadges)
	for _, f := range c.Files() {
		h.Write(f.Raw)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != editions[c.Version] {
		t.Errorf("version %s has the digest %s, not %s: raise the version", c.Version, got, editions[c.Version])
	}
}
