package credentials_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

// A badge counts as the original only where every sign of a translation is
// there; each case spoils one of them.
func TestATranslatedBadgeCountsAsTheOriginal(t *testing.T) {
	const designer = "https://alder.example/openbadges/a/designer"
	for _, tt := range []struct{ name, id, language, related, want string }{
		{"the original", designer, `"en"`, `[{"id":"` + designer + `/fr","type":["Related"]}]`, designer},
		{"its translation", designer + "/fr", `"fr"`, `[{"id":"` + designer + `","type":["Related"],"inLanguage":"en"}]`, designer},
		{"the second of those related", designer + "/pt-BR", `"pt-BR"`, `[{"id":"https://alder.example/openbadges/a/basics","type":["Related"]},{"id":"` + designer + `","type":"Related"}]`, designer},
		{"another language than its id", designer + "/fr", `"de"`, `[{"id":"` + designer + `","type":["Related"]}]`, designer + "/fr"},
		{"a suffix that is no part of the path", designer + "-fr", `"fr"`, `[{"id":"` + designer + `","type":["Related"]}]`, designer + "-fr"},
		{"no language", designer + "/", `""`, `[{"id":"` + designer + `","type":["Related"]}]`, designer + "/"},
		{"a language that is no text", designer + "/fr", `["fr"]`, `[{"id":"` + designer + `","type":["Related"]}]`, designer + "/fr"},
		{"nothing related", designer + "/fr", `"fr"`, `[]`, designer + "/fr"},
		{"related to another", designer + "/fr", `"fr"`, `[{"id":"https://alder.example/openbadges/a/basics","type":["Related"]}]`, designer + "/fr"},
		{"related by another type", designer + "/fr", `"fr"`, `[{"id":"` + designer + `","type":["Achievement"]}]`, designer + "/fr"},
	} {
		doc := fmt.Sprintf(`{"type":["VerifiableCredential","OpenBadgeCredential"],"credentialSubject":{"achievement":{"id":%q,"inLanguage":%s,"related":%s}}}`, tt.id, tt.language, tt.related)
		c, err := credentials.Parse([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := c.CountsAs(); got != tt.want {
			t.Errorf("%s: counts as %s", tt.name, got)
		}
		if !c.Awards(tt.id) || c.Awards(designer) != (tt.want == designer) || c.Awards("https://alder.example/openbadges/a/basics") {
			t.Errorf("%s: of which achievements", tt.name)
		}
	}
}

// An endorsement of an achievement speaks for its translations: within the
// badge, and brought along.
func TestAnEndorsementOfTheOriginalSpeaksForItsTranslation(t *testing.T) {
	w := newWorld(t)
	guild := newParty(t, "guild")
	praise := w.endorseOf(t, guild, designerID, later)
	a := w.award()
	french := strings.Replace(achievement, designerID, designerID+"/fr", 1)
	for _, tt := range []struct {
		name, more string
		counts     bool
	}{
		{"of a translation", `,"inLanguage":"fr","related":[{"id":"` + designerID + `","type":["Related"]}]`, true},
		{"of one that says it of itself alone", `,"inLanguage":"fr"`, false},
	} {
		a.Achievement = json.RawMessage(strings.TrimSuffix(french, "}") + tt.more + `,"endorsement":[` + string(praise) + `]}`)
		within := w.issue(t, a).Credential().Bytes()
		a.Achievement = json.RawMessage(strings.TrimSuffix(french, "}") + tt.more + `}`)
		beside := w.issue(t, a).Credential().Bytes()
		for _, r := range []credentials.Report{w.v.Report(t.Context(), within, credentials.ReportOptions{}), w.v.Report(t.Context(), beside, credentials.ReportOptions{Endorsements: [][]byte{praise}})} {
			if r.Verdict != credentials.Valid || (len(r.Endorsers) == 1 && r.Endorsers[0].Of == "achievement") != tt.counts {
				t.Errorf("%s: %s, %+v", tt.name, r.Verdict, r.Endorsers)
			}
		}
	}
}
