package credentials

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// MaxRecords bounds the credentials of one comprehensive learner record.
const MaxRecords = maxRecords

// Association says how two achievements of a record belong together (CLR 2.0,
// Association), such as "precedes".
type Association struct {
	Kind, Source, Target string
}

// ClrDraft is a Comprehensive Learner Record 2.0 to be signed: credentials of
// one subject, each as it was signed. Partial says that there may be more.
type ClrDraft struct {
	ID, Name     string
	Issuer       Profile
	Subject      string
	From         time.Time
	Partial      bool
	Credentials  [][]byte // JSON or compact JWT
	Associations []Association
}

// BuildCLR returns the unsigned record. It is for [IssueJWT]: no package
// publishes the context that an embedded proof would rest on. The error wraps
// [ErrAward].
func BuildCLR(d ClrDraft) ([]byte, error) {
	switch {
	case d.ID == "" || d.Issuer.ID == "" || d.Subject == "" || d.From.IsZero():
		return nil, fmt.Errorf("%w: a record wants an id, an issuer, a subject and a time", ErrAward)
	case len(d.Credentials) == 0 || len(d.Credentials) > maxRecords:
		return nil, fmt.Errorf("%w: %d credentials; a record holds 1 to %d", ErrAward, len(d.Credentials), maxRecords)
	}
	type association struct {
		Type   string `json:"type"`
		Kind   string `json:"associationType"`
		Source string `json:"sourceId"`
		Target string `json:"targetId"`
	}
	type subject struct {
		ID           string            `json:"id"`
		Type         []string          `json:"type"`
		Credentials  []json.RawMessage `json:"verifiableCredential"`
		Associations []association     `json:"association,omitempty"`
	}
	s := subject{ID: d.Subject, Type: []string{"ClrSubject"}}
	for i, raw := range d.Credentials {
		c, _, err := ParseAny(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: credential %d: %w", ErrAward, i+1, err)
		}
		one := json.RawMessage(c.Bytes())
		if c.IsJWT() {
			if one, err = jsondoc.Marshal(map[string]any{"@context": jsonld.CredentialsV2, "id": envelope + string(c.Bytes()), "type": "EnvelopedVerifiableCredential"}); err != nil {
				return nil, err
			}
		}
		s.Credentials = append(s.Credentials, one)
	}
	for _, a := range d.Associations {
		s.Associations = append(s.Associations, association{"Association", a.Kind, a.Source, a.Target})
	}
	return jsondoc.Marshal(struct {
		Context []string    `json:"@context"`
		ID      string      `json:"id"`
		Type    []string    `json:"type"`
		Name    string      `json:"name"`
		Issuer  profileJSON `json:"issuer"`
		From    string      `json:"validFrom"`
		Awarded string      `json:"awardedDate"`
		Partial bool        `json:"partial"`
		Subject subject     `json:"credentialSubject"`
	}{[]string{jsonld.CredentialsV2, ContextCLR, jsonld.OpenBadges303}, d.ID, []string{"VerifiableCredential", "ClrCredential"}, d.Name, *d.Issuer.json(),
		jsondoc.Stamp(d.From), jsondoc.Stamp(d.From), d.Partial, s})
}
