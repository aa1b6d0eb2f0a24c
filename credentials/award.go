package credentials

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrAward says that an award lacks something that every badge needs.
var ErrAward = errors.New("incomplete award")

// Profile names an issuer or another party (Open Badges 3.0, Profile). ID is a
// DID for an issuer.
type Profile struct {
	ID, Name, URL, Description, Email string
	Image                             string            // URL or data: URI
	Endorsements                      []json.RawMessage // signed EndorsementCredentials
}

// Subject is the recipient: a DID in ID, an e-mail address, or both. The
// address is written as a SHA-256 over address and salt, never in clear.
type Subject struct {
	ID          string
	Email, Salt string
}

// Evidence is one item of evidence; see Open Badges 3.0, Evidence.
type Evidence struct {
	ID, Name, Narrative, Description, Genre, Audience string
}

// Result is one result under a result description of the achievement.
type Result struct {
	ResultDescription, AchievedLevel, Value, Status string
}

// Resource is a file that belongs to the credential, by its digest (VC Data
// Model 2.0 §5.3).
type Resource struct {
	ID, MediaType, DigestMultibase string
}

// Award is a badge to be made: an achievement, as its catalogue has it, given
// to one subject. Zero fields are left out of the credential; AwardedDate and
// Name default to ValidFrom and the achievement's name. Times are written in
// whole seconds, UTC.
type Award struct {
	ID                                 string
	Name, Description                  string
	Issuer                             Profile
	Achievement                        json.RawMessage
	Subject                            Subject
	ValidFrom, ValidUntil, AwardedDate time.Time
	Evidence                           []Evidence
	Results                            []Result
	Narrative, Role, LicenseNumber     string
	ActivityStart, ActivityEnd         time.Time
	CreditsEarned                      float64
	Source                             *Profile
	Status                             *status.Entry
	RefreshURL                         string // of a 1EdTechCredentialRefresh service
	Image                              *string
	Resources                          []Resource
	Endorsements                       []json.RawMessage // signed EndorsementCredentials
}

// Hash returns the identity hash of an e-mail address (Open Badges 3.0,
// IdentityHash).
func (s Subject) Hash() string {
	h := sha256.Sum256([]byte(s.Email + s.Salt))
	return "sha256$" + hex.EncodeToString(h[:])
}

// Build returns the unsigned credential of an award. Equal awards give equal
// bytes. The contexts are credentials/v2 and Open Badges 3.0.3; extensions and
// the project's own inline context only where a term of theirs is used. The
// error wraps [ErrAward]; [Lint] judges the content of the achievement.
func Build(a Award) ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	achievement, err := jsondoc.Parse(a.Achievement)
	if err != nil {
		return nil, fmt.Errorf("%w: achievement: %w", ErrAward, err)
	}
	b := badge{
		ID: a.ID, Type: []string{"VerifiableCredential", "OpenBadgeCredential"}, Name: cmp.Or(a.Name, text(achievement.Get("name"))),
		Description: a.Description, Issuer: *a.Issuer.json(), ValidFrom: jsondoc.Stamp(a.ValidFrom), ValidUntil: jsondoc.Stamp(a.ValidUntil),
		AwardedDate: cmp.Or(jsondoc.Stamp(a.AwardedDate), jsondoc.Stamp(a.ValidFrom)),
		Subject: subjectJSON{ID: a.Subject.ID, Type: []string{"AchievementSubject"}, Role: a.Role, Narrative: a.Narrative, LicenseNumber: a.LicenseNumber, ActivityStart: jsondoc.Stamp(a.ActivityStart), ActivityEnd: jsondoc.Stamp(a.ActivityEnd),
			CreditsEarned: a.CreditsEarned, Source: a.Source.json(), Achievement: a.Achievement, Identifier: a.Subject.identifier()},
		Status: a.Status, Endorsement: a.Endorsements,
	}
	for _, r := range a.Results {
		b.Subject.Result = append(b.Subject.Result, resultJSON{[]string{"Result"}, r.ResultDescription, r.AchievedLevel, r.Value, r.Status})
	}
	for _, e := range a.Evidence {
		b.Evidence = append(b.Evidence, evidenceJSON{e.ID, []string{"Evidence"}, e.Name, e.Narrative, e.Description, e.Genre, e.Audience})
	}
	for _, r := range a.Resources {
		b.Resources = append(b.Resources, resourceJSON(r))
	}
	if a.Image != nil {
		b.Image = &imageJSON{*a.Image, "Image"}
	}
	if a.RefreshURL != "" {
		b.Refresh = &refreshJSON{a.RefreshURL, "1EdTechCredentialRefresh"}
	}
	b.Context = contextsOf(achievement, b.Refresh != nil)
	return jsondoc.Marshal(b)
}

func (a Award) check() error {
	missing := func(what string) error { return fmt.Errorf("%w: %s is missing", ErrAward, what) }
	switch {
	case a.ID == "":
		return missing("id")
	case a.Issuer.ID == "":
		return missing("issuer id")
	case len(a.Achievement) == 0:
		return missing("achievement")
	case a.Subject.ID == "" && a.Subject.Email == "":
		return missing("subject: a DID or an e-mail address")
	case a.Subject.Email != "" && len(a.Subject.Salt) < 8:
		return fmt.Errorf("%w: an e-mail address is hashed with a salt of at least 8 characters", ErrAward)
	case a.ValidFrom.IsZero():
		return missing("validFrom")
	case !a.ValidUntil.IsZero() && !a.ValidUntil.After(a.ValidFrom):
		return fmt.Errorf("%w: validUntil must come after validFrom", ErrAward)
	case !a.ActivityEnd.IsZero() && a.ActivityEnd.Before(a.ActivityStart):
		return fmt.Errorf("%w: activityEndDate must not come before activityStartDate", ErrAward)
	case a.Status != nil && (a.Status.ID == "" || a.Status.List == "" || a.Status.Purpose == ""):
		return missing("status: id, purpose or list")
	}
	return nil
}

// extensionTerms are the terms of the project's inline context that an
// achievement or a credential of ours may use.
var extensionTerms = map[string]bool{
	"eqfLevel": true, "learningSetting": true, "mode": true, "volumeOfLearning": true, "creditFramework": true,
	"assessmentType": true, "learningActivityType": true, "qualityAssurance": true,
}

func contextsOf(achievement jsondoc.Value, refresh bool) []json.RawMessage {
	out := []json.RawMessage{quoted(jsonld.CredentialsV2), quoted(jsonld.OpenBadges303)}
	if refresh {
		out = append(out, quoted(jsonld.OBExtensions))
	}
	for name := range achievement.Members() {
		if extensionTerms[name] {
			return append(out, jsonld.Extension())
		}
	}
	return out
}

func quoted(s string) json.RawMessage { return json.RawMessage(`"` + s + `"`) }

func (p *Profile) json() *profileJSON {
	if p == nil {
		return nil
	}
	out := &profileJSON{ID: p.ID, Type: []string{"Profile"}, Name: p.Name, URL: p.URL, Description: p.Description, Email: p.Email, Endorsement: p.Endorsements}
	if p.Image != "" {
		out.Image = &imageJSON{p.Image, "Image"}
	}
	return out
}

func (s Subject) identifier() []identityJSON {
	if s.Email == "" {
		return nil
	}
	return []identityJSON{{"IdentityObject", true, s.Hash(), "emailAddress", s.Salt}}
}

// MatchesEmail reports whether an identity hash is that of an address. Only
// SHA-256 counts: MD5 can be made to match.
func (s Subject) MatchesEmail(hash string) bool {
	return s.Email != "" && strings.EqualFold(hash, s.Hash())
}
