package judges

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/elm"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/node/catalogue"
)

// elmOf issues the badges of the catalogue that ships with the program, in a
// language, and converts each.
func elmOf(t *testing.T, language string) map[string][]byte {
	t.Helper()
	shipped, err := catalogue.Parse(catalogue.OpenBadges, catalogue.ShippedTranslations()...)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := shipped.In(language)
	if !ok {
		t.Fatalf("the catalogue is not in %s", language)
	}
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}, Now: func() time.Time { return now }})
	s := newSigner(t)
	is := catalogue.Issuer{ID: s.id.String(), Name: "Alder", Base: "https://alder.example"}
	legal := elm.Legal{Learner: "Ana Andromeda", Identifier: "BE-126839"}
	out := map[string][]byte{}
	for slug, a := range c.Achievements.All() {
		doc, err := c.Document(is, slug)
		if err != nil {
			t.Fatal(err)
		}
		award := credentials.Award{ID: "urn:uuid:0d6f1ad0-0000-4000-8000-0000000000aa", Issuer: credentials.Profile{ID: is.ID, Name: is.Name}, Achievement: doc,
			Subject: credentials.Subject{ID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0)}
		if len(a.Levels) > 0 {
			award.Results = []credentials.Result{{ResultDescription: c.ID(is, slug) + "#level", AchievedLevel: c.LevelID(is, slug, 2)}}
		}
		unsigned, err := credentials.Build(award)
		if err != nil {
			t.Fatal(err)
		}
		issue := credentials.Issue
		if slug == "basics" {
			issue = credentials.IssueJWT
		}
		signed, err := issue(t.Context(), v, unsigned, s, now)
		if err != nil {
			t.Fatal(err)
		}
		if out[slug], err = elm.Build(signed.Credential(), legal, []byte("\x89PNG\r\n\x1a\n")); err != nil {
			t.Fatalf("%s: %v", slug, err)
		}
	}
	return out
}

// What is written for Europass conforms to the European Union's own shapes;
// without its title it does not.
func TestEuropassExportsConformToTheShapesOfTheEuropeanUnion(t *testing.T) {
	present(t)
	shapes, dir := sharedtest.Dir(t, "conformance", "elm"), t.TempDir()
	all, french := elmOf(t, "en"), elmOf(t, "fr")
	if !bytes.Contains(french["designer"], []byte(`"title":{"fr":"`)) {
		t.Error("the export of a French badge is not in French")
	}
	if !bytes.Contains(all["designer"], []byte(`"volumeOfLearning":"PT12H"`)) {
		t.Error("the export lacks the workload of the badge")
	}
	args := []string{"elm.js", shapes}
	for language, badges := range map[string]map[string][]byte{"en": all, "fr": french} {
		for slug, raw := range badges {
			file := filepath.Join(dir, slug+"."+language+".json")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, file)
		}
	}
	judge(t, "54 passed, 0 failed", args...) // nine badges in two languages by three sets of shapes
	for name, spoil := range map[string]func(credential map[string]any){
		"title: Less than 1 values":            func(c map[string]any) { delete(claim(c), "title") },
		"embeddedEvidence: Less than 1 values": func(c map[string]any) { delete(c["evidence"].([]any)[0].(map[string]any), "embeddedEvidence") },
		"awardedBy: Less than 1 values":        func(c map[string]any) { delete(claim(c), "awardedBy") },
	} {
		var doc map[string]map[string]any
		if err := json.NewDecoder(bytes.NewReader(all["explorer"])).Decode(&doc); err != nil {
			t.Fatal(err)
		}
		spoil(doc["credential"])
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "spoilt.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := run(t, "elm.js", shapes, file); code != 1 || !strings.Contains(out, name) {
			t.Errorf("want %q, exit %d:\n%s", name, code, out)
		}
	}
}

func claim(credential map[string]any) map[string]any {
	return credential["credentialSubject"].(map[string]any)["hasClaim"].(map[string]any)
}
