package recognition

import (
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Draft is a statement to be signed.
type Draft struct {
	Statement
	Issuer credentials.Profile // By
	// Resources are what the statement is about, by digest: the signed bytes of
	// an agreement in its countersignature.
	Resources []credentials.Resource
	Status    *status.Entry
}

type subjectJSON struct {
	ID         string     `json:"id"`
	Type       []string   `json:"type"`
	Comment    string     `json:"endorsementComment,omitempty"`
	Agreement  string     `json:"agreement,omitempty"`
	Recognizes []ruleJSON `json:"recognizes,omitempty"`
	Authorizes []string   `json:"authorizes,omitempty"`
}

// ruleJSON is a [Rule] in the order in which it is signed.
type ruleJSON Rule

type issuerJSON struct {
	ID   string   `json:"id"`
	Type []string `json:"type"`
	Name string   `json:"name,omitempty"`
	URL  string   `json:"url,omitempty"`
}

type resourceJSON struct {
	ID     string `json:"id"`
	Media  string `json:"mediaType,omitempty"`
	Digest string `json:"digestMultibase"`
}

// Build returns the unsigned EndorsementCredential of a draft (Open Badges 3.0
// §Endorsement). The project's inline context is added only where a term of it
// is used, since some verifiers refuse inline contexts. The error wraps
// [ErrStatement].
func (d Draft) Build() ([]byte, error) {
	for _, r := range d.Recognizes {
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	switch {
	case d.ID == "" || d.Of == "" || d.Issuer.ID == "" || d.From.IsZero():
		return nil, fmt.Errorf("%w: id, issuer, whom it is about and its beginning are needed", ErrStatement)
	case !d.Until.IsZero() && !d.Until.After(d.From):
		return nil, fmt.Errorf("%w: it ends on %s, which is not after its beginning on %s", ErrStatement, d.Until.Format(time.DateOnly), d.From.Format(time.DateOnly))
	case d.Kind == Agreement && len(d.Recognizes)+len(d.Authorizes) == 0:
		return nil, fmt.Errorf("%w: an agreement recognises or authorises something", ErrStatement)
	}
	types := []string{"VerifiableCredential", "EndorsementCredential"}
	switch d.Kind {
	case Agreement:
		types = append(types, "PartnerAgreement")
	case Learning:
		types = append(types, "LearningAgreement")
	}
	s := subjectJSON{ID: d.Of, Type: []string{"EndorsementSubject"}, Comment: d.Comment, Agreement: d.Agreement, Authorizes: d.Authorizes}
	for _, r := range d.Recognizes {
		s.Recognizes = append(s.Recognizes, ruleJSON(r))
	}
	contexts := []any{jsonld.CredentialsV2, jsonld.OpenBadges303}
	if len(types) > 2 || len(s.Recognizes)+len(s.Authorizes) > 0 {
		contexts = append(contexts, jsonld.Extension())
	}
	var resources []resourceJSON
	for _, r := range d.Resources {
		resources = append(resources, resourceJSON{r.ID, r.MediaType, r.DigestMultibase})
	}
	return jsondoc.Marshal(struct {
		Context   []any          `json:"@context"`
		ID        string         `json:"id"`
		Type      []string       `json:"type"`
		Name      string         `json:"name"`
		Issuer    issuerJSON     `json:"issuer"`
		From      string         `json:"validFrom"`
		Until     string         `json:"validUntil,omitempty"`
		Subject   subjectJSON    `json:"credentialSubject"`
		Resources []resourceJSON `json:"relatedResource,omitempty"`
		Status    *status.Entry  `json:"credentialStatus,omitempty"`
	}{contexts, d.ID, types, d.Name, issuerJSON{d.Issuer.ID, []string{"Profile"}, d.Issuer.Name, d.Issuer.URL}, jsondoc.Stamp(d.From), jsondoc.Stamp(d.Until), s, resources, d.Status})
}
