package elm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/elm"
)

const badge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1","type":["VerifiableCredential","OpenBadgeCredential"],
"issuer":{"id":"did:web:alder.example","type":["Profile"],"name":"Alder"},"validFrom":"2026-11-01T00:00:00Z","validUntil":"2027-11-01T00:00:00Z",
"credentialSubject":{"id":"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp","type":["AchievementSubject"],"achievement":{"id":"https://alder.example/a/designer","type":["Achievement"],
"name":"Concepteur","description":"Conçoit.","inLanguage":"fr-BE","criteria":{"narrative":"n"},"creditsAvailable":0.5,"alignment":[
{"type":["Alignment"],"targetName":"EQF level 4","targetUrl":"http://data.europa.eu/snb/eqf/4","targetType":"ext:EQFLevel"},
{"type":["Alignment"],"targetName":"12 hours","targetUrl":"http://data.europa.eu/snb/model/elm/volumeOfLearning","targetCode":"PT12H","targetType":"ext:VolumeOfLearning"},
{"type":["Alignment"],"targetName":"ECVET","targetUrl":"http://data.europa.eu/snb/education-credit/60b314e826","targetType":"ext:CreditFramework"},
{"type":["Alignment"],"targetName":"develop digital content","targetUrl":"http://data.europa.eu/esco/skill/5fd5c985-eaaa-47aa-8314-62359c54505a","targetType":"ext:ESCOSkill"}]}}}`

var legal = elm.Legal{Learner: "Ana Andromeda", Identifier: "BE-126839"}

func read(t *testing.T, s string) credentials.Credential {
	t.Helper()
	c, err := credentials.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The EU's shapes want an xsd:duration; another would make the whole file
// refused.
func TestAWorkloadThatIsNoDurationIsLeftOut(t *testing.T) {
	for _, s := range []string{"12 hours", "P2W", "P", "P1DT", "-PT5H", ""} {
		out, err := elm.Build(read(t, strings.Replace(badge, "PT12H", s, 1)), legal, []byte("png"))
		if err != nil || bytes.Contains(out, []byte("volumeOfLearning\":")) {
			t.Errorf("%q is in the export, %v", s, err)
		}
	}
}

func TestABadgeIsToldInTheModelWithTheOriginalInIt(t *testing.T) {
	c := read(t, badge)
	out, err := elm.Build(c, legal, []byte("png"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := elm.Build(c, legal, []byte("png"))
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("the same badge gives other bytes, %v", err)
	}
	var got struct {
		Credential struct {
			Expires string `json:"expirationDate"`
			Subject struct {
				Claim struct {
					Title map[string]string
					Spec  struct {
						EQF    struct{ ID string } `json:"eqfLevel"`
						Volume string              `json:"volumeOfLearning"`
						Credit struct {
							Framework struct{ ID string }
							Point     string
						} `json:"creditPoint"`
						Outcomes []struct {
							Skills []struct{ ID string } `json:"relatedESCOSkill"`
						} `json:"learningOutcome"`
					} `json:"specifiedBy"`
				} `json:"hasClaim"`
			} `json:"credentialSubject"`
			Evidence []struct {
				Embedded []struct{ Content string } `json:"embeddedEvidence"`
			}
			Issuer struct {
				Location struct {
					Address struct {
						Country struct{ ID string } `json:"countryCode"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	claim := got.Credential.Subject.Claim
	if claim.Title["fr"] != "Concepteur" || claim.Spec.EQF.ID != "http://data.europa.eu/snb/eqf/4" || claim.Spec.Volume != "PT12H" || claim.Spec.Credit.Point != "0.5" ||
		claim.Spec.Credit.Framework.ID != "http://data.europa.eu/snb/education-credit/60b314e826" || len(claim.Spec.Outcomes) != 1 || len(claim.Spec.Outcomes[0].Skills) != 1 {
		t.Errorf("%+v", claim)
	}
	if got.Credential.Expires != "2027-11-01T00:00:00Z" || got.Credential.Issuer.Location.Address.Country.ID != "http://publications.europa.eu/resource/authority/country/BEL" {
		t.Errorf("%+v", got.Credential)
	}
	if raw, err := base64.StdEncoding.DecodeString(got.Credential.Evidence[0].Embedded[0].Content); err != nil || string(raw) != badge {
		t.Errorf("the badge in it is %s, %v", raw, err)
	}
}

func TestWhatTheModelWantsIsAskedForByName(t *testing.T) {
	for name, tt := range map[string]struct {
		badge, say string
		legal      elm.Legal
	}{
		"no legal name":         {badge, "--legal-name", elm.Legal{Identifier: "BE-126839"}},
		"no identifier":         {badge, "--issuer-id", elm.Legal{Learner: "Ana"}},
		"a word, no country":    {badge, "\"foo\" is no country; give the issuer's with --country", elm.Legal{Learner: "Ana", Identifier: "foo"}},
		"a prefix that is none": {badge, "\"FOO\" is no country", elm.Legal{Learner: "Ana", Identifier: "FOO-1"}},
		"no country":            {badge, "--country", elm.Legal{Learner: "Ana", Identifier: "126839"}},
		"no name of issuer":     {strings.Replace(badge, `,"name":"Alder"`, "", 1), "--issuer-name", legal},
		"self-asserted":         {strings.Replace(badge, "did:web:alder.example", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", 1), "nobody but you", legal},
		"no achievement name":   {strings.Replace(badge, `"name":"Concepteur",`, "", 1), "with a name", legal},
	} {
		if _, err := elm.Build(read(t, tt.badge), tt.legal, nil); !errors.Is(err, elm.ErrConvert) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
