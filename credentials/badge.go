package credentials

import (
	"encoding/json"

	"github.com/trust-me/trustme/credentials/status"
)

// The members of a badge in the order in which they are written.
type badge struct {
	Context     []json.RawMessage `json:"@context"`
	ID          string            `json:"id"`
	Type        []string          `json:"type"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	Image       *imageJSON        `json:"image,omitempty"`
	Issuer      profileJSON       `json:"issuer"`
	ValidFrom   string            `json:"validFrom"`
	ValidUntil  string            `json:"validUntil,omitempty"`
	AwardedDate string            `json:"awardedDate,omitempty"`
	Subject     subjectJSON       `json:"credentialSubject"`
	Evidence    []evidenceJSON    `json:"evidence,omitempty"`
	Endorsement []json.RawMessage `json:"endorsement,omitempty"`
	Resources   []resourceJSON    `json:"relatedResource,omitempty"`
	Status      *status.Entry     `json:"credentialStatus,omitempty"`
	Refresh     *refreshJSON      `json:"refreshService,omitempty"`
}

type profileJSON struct {
	ID          string            `json:"id"`
	Type        []string          `json:"type"`
	Name        string            `json:"name,omitempty"`
	URL         string            `json:"url,omitempty"`
	Description string            `json:"description,omitempty"`
	Email       string            `json:"email,omitempty"`
	Image       *imageJSON        `json:"image,omitempty"`
	Endorsement []json.RawMessage `json:"endorsement,omitempty"`
}

type imageJSON struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type subjectJSON struct {
	ID            string          `json:"id,omitempty"`
	Type          []string        `json:"type"`
	Identifier    []identityJSON  `json:"identifier,omitempty"`
	ActivityStart string          `json:"activityStartDate,omitempty"`
	ActivityEnd   string          `json:"activityEndDate,omitempty"`
	Role          string          `json:"role,omitempty"`
	LicenseNumber string          `json:"licenseNumber,omitempty"`
	Narrative     string          `json:"narrative,omitempty"`
	CreditsEarned float64         `json:"creditsEarned,omitempty"`
	Source        *profileJSON    `json:"source,omitempty"`
	Achievement   json.RawMessage `json:"achievement"`
	Result        []resultJSON    `json:"result,omitempty"`
}

type identityJSON struct {
	Type   string `json:"type"`
	Hashed bool   `json:"hashed"`
	Hash   string `json:"identityHash"`
	Kind   string `json:"identityType"`
	Salt   string `json:"salt,omitempty"`
}

type resultJSON struct {
	Type        []string `json:"type"`
	Description string   `json:"resultDescription,omitempty"`
	Level       string   `json:"achievedLevel,omitempty"`
	Value       string   `json:"value,omitempty"`
	Status      string   `json:"status,omitempty"`
}

type evidenceJSON struct {
	ID          string   `json:"id,omitempty"`
	Type        []string `json:"type"`
	Name        string   `json:"name,omitempty"`
	Narrative   string   `json:"narrative,omitempty"`
	Description string   `json:"description,omitempty"`
	Genre       string   `json:"genre,omitempty"`
	Audience    string   `json:"audience,omitempty"`
}

type resourceJSON struct {
	ID              string `json:"id"`
	MediaType       string `json:"mediaType,omitempty"`
	DigestMultibase string `json:"digestMultibase"`
}

type refreshJSON struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}
