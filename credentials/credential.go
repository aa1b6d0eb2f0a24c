package credentials

import (
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrMalformed says that bytes are no credential at all. Parsing wraps it, or
// an error of package jsondoc, jose or baking.
var ErrMalformed = errors.New("not a credential")

// Form is how a credential travels.
type Form string

// The forms that are read.
const (
	FormJSON Form = "json"
	FormJWT  Form = "jwt"
	FormPNG  Form = "png"
	FormSVG  Form = "svg"
)

// Credential is a well-formed credential, not yet verified. Its bytes are
// those that came; its document is what they say.
type Credential struct {
	raw   []byte
	doc   jsondoc.Value
	token *jose.Token // set for a JWT
}

// Parse reads a credential in JSON (VC Data Model 2.0, and 1.1 for reading).
// It looks at the outer form only; [Lint] looks at the rest.
func Parse(raw []byte) (Credential, error) {
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return Credential{}, err
	}
	if v.Kind() != jsondoc.Object {
		return Credential{}, fmt.Errorf("%w: it is a JSON %s, not an object", ErrMalformed, v.Kind())
	}
	return Credential{raw: raw, doc: v}, nil
}

// Bytes returns the credential as it came: JSON, or a compact JWT. They must
// not be changed.
func (c Credential) Bytes() []byte { return c.raw }

// IsJWT reports whether the credential is a JWT.
func (c Credential) IsJWT() bool { return c.token != nil }

// Doc returns the credential's document; of a JWT, its payload.
func (c Credential) Doc() jsondoc.Value { return c.doc }

// ID returns the credential's id, "" when it has none.
func (c Credential) ID() string { return text(c.doc.Get("id")) }

// IssuerID returns the issuer's id, which alone identifies the issuer.
func (c Credential) IssuerID() string { return c.doc.Get("issuer").ID() }

// IssuerName returns the name that the issuer gives itself.
func (c Credential) IssuerName() string { return c.doc.Get("issuer").Get("name").Words() }

// SubjectID returns the id of the subject, "" when it has none.
func (c Credential) SubjectID() string { return text(c.subject().Get("id")) }

// Achievement returns the achievement object, absent when there is none.
func (c Credential) Achievement() jsondoc.Value { return c.subject().Get("achievement").First() }

// AchievementID returns the id of the achievement.
func (c Credential) AchievementID() string { return text(c.Achievement().Get("id")) }

// Name returns the achievement's name, else the credential's own.
func (c Credential) Name() string {
	if n := c.Achievement().Get("name").Words(); n != "" {
		return n
	}
	return c.doc.Get("name").Words()
}

// Types returns the types of the credential.
func (c Credential) Types() []string { return c.doc.Get("type").Texts() }

// ValidFrom returns validFrom; of a credential of version 1.1, which knows both
// names, the later of it and issuanceDate. It is zero when absent or no date.
func (c Credential) ValidFrom() time.Time {
	from := c.time("validFrom")
	if old := c.time("issuanceDate"); isV1(c.doc) && old.After(from) {
		return old
	}
	return from
}

// ValidUntil returns validUntil; of a credential of version 1.1 the earlier of
// it and expirationDate. It is zero when it is open.
func (c Credential) ValidUntil() time.Time {
	until := c.time("validUntil")
	if old := c.time("expirationDate"); isV1(c.doc) && !old.IsZero() && (until.IsZero() || old.Before(until)) {
		return old
	}
	return until
}

// AwardedDate returns awardedDate, else when the credential became valid.
func (c Credential) AwardedDate() time.Time {
	if t := c.time("awardedDate"); !t.IsZero() {
		return t
	}
	return c.ValidFrom()
}

// isV1 reports whether a document is of the VC Data Model 1.1.
func isV1(doc jsondoc.Value) bool {
	return text(doc.Get("@context").First()) == "https://www.w3.org/2018/credentials/v1"
}

// Records returns the credentials of a comprehensive learner record, each as it
// was signed.
func (c Credential) Records() (out [][]byte) {
	_, records := partsOf(c.doc)
	for _, r := range records {
		out = append(out, r.raw)
	}
	return out
}

func (c Credential) subject() jsondoc.Value { return c.doc.Get("credentialSubject").First() }

func (c Credential) time(name string) time.Time {
	s, ok := c.doc.Get(name).Text()
	if !ok {
		return time.Time{}
	}
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// parseTime reads a dateTimeStamp: RFC 3339 with a time zone.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, fmt.Errorf("%q is no date and time with zone, such as 2026-11-01T12:00:00Z", s)
	}
	return t, nil
}

func text(v jsondoc.Value) string { s, _ := v.Text(); return s }

func has(v jsondoc.Value, want string) bool {
	for e := range v.Elements() {
		if s, _ := e.Text(); s == want {
			return true
		}
	}
	return false
}
