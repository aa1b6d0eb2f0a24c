// Package recognition answers whose badges count. A badge counts for a
// verifier when its issuer is the achievement's creator, when the creator
// authorised the issuer, or when an agreement says that it stands for one of
// the verifier's own. What somebody stands behind is an endorsement that they
// signed; there is no registry, and nobody's partners become one's own.
package recognition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrStatement says that a document is not one of those that this package
// reads, or says something that it cannot say.
var ErrStatement = errors.New("no agreement")

// Kind is what a [Statement] is.
type Kind string

// The kinds. All are EndorsementCredentials (Open Badges 3.0), so that any
// verifier reads who stands behind whom.
const (
	Endorsement Kind = "endorsement"
	Agreement   Kind = "agreement"
	Learning    Kind = "learning agreement"
)

// Association is how a partner's achievement relates to one's own, in the
// words of CASE 1.0 and CLR 2.0. ExactMatch satisfies what asks for it, PartOf
// adds its credits; the others inform.
type Association string

// The associations that decide something.
const (
	ExactMatch Association = "exactMatchOf"
	PartOf     Association = "isPartOf"
)

var associations = []Association{ExactMatch, PartOf, "isChildOf", "isParentOf", "isPeerOf", "isRelatedTo", "precedes", "replacedBy", "exemplar", "hasSkillLevel", "isTranslationOf"}

// What is larger is no level and no number of points of anybody.
const (
	maxLevel   = 100
	maxCredits = 1_000_000
)

// Rule says that a badge of the partner counts as one of the signer's.
type Rule struct {
	Source      string      `json:"source"` // the partner's achievement
	Target      string      `json:"target"` // the signer's
	Association Association `json:"association"`
	MinLevel    int         `json:"minLevel,omitempty"`     // least level that counts
	Within      string      `json:"within,omitempty"`       // ISO 8601, since the award
	EQF         string      `json:"eqfLevel,omitempty"`     // URI of the level that it counts for
	Credits     float64     `json:"creditPoints,omitempty"` // points that it counts for
	Framework   string      `json:"creditFramework,omitempty"`
}

// Statement is a signed document by which By stands behind Of: an endorsement,
// a partner agreement, or the learning agreement of one person. It counts for
// what was awarded from From until Until.
type Statement struct {
	Kind       Kind      `json:"kind"`
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	By         string    `json:"by"`
	ByName     string    `json:"byName,omitempty"`
	Of         string    `json:"of"`
	Comment    string    `json:"comment,omitempty"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until,omitzero"`
	Recognizes []Rule    `json:"recognizes,omitempty"`
	Authorizes []string  `json:"authorizes,omitempty"`
	// Agreement is the partner agreement that a learning agreement is under.
	Agreement string `json:"agreement,omitempty"`
	// Signers are those who countersigned it.
	Signers []string `json:"signers,omitempty"`
	// Unjudged is why a countersignature that is there could not be judged.
	Unjudged string `json:"unjudged,omitempty"`
	// Ended says that By ended it before its time, at Until.
	Ended bool `json:"ended,omitempty"`
	// Standing is whether it can be relied on now; Why, where it cannot.
	Standing requirement.Standing `json:"standing"`
	Why      string               `json:"why,omitempty"`
}

// Read reads what a credential states. It does not verify; see [Judge]. The
// error wraps [ErrStatement] and names the member.
func Read(c credentials.Credential) (Statement, error) {
	types := c.Types()
	if !slices.Contains(types, "EndorsementCredential") {
		return Statement{}, fmt.Errorf("%w: /type has no EndorsementCredential", ErrStatement)
	}
	s := Statement{Kind: Endorsement, ID: c.ID(), By: c.IssuerID(), ByName: c.IssuerName(), Of: c.SubjectID(), From: c.ValidFrom(), Until: c.ValidUntil(), Standing: requirement.Uncertain, Why: "not verified"}
	s.Name, _ = c.Doc().Get("name").Text()
	switch {
	case slices.Contains(types, "PartnerAgreement"):
		s.Kind = Agreement
	case slices.Contains(types, "LearningAgreement"):
		s.Kind = Learning
	}
	subject := c.Doc().Get("credentialSubject").First()
	s.Comment, _ = subject.Get("endorsementComment").Text()
	s.Agreement, _ = subject.Get("agreement").Text()
	s.Authorizes = subject.Get("authorizes").Texts()
	for r := range subject.Get("recognizes").Elements() {
		rule, err := readRule(r)
		if err != nil {
			return Statement{}, err
		}
		s.Recognizes = append(s.Recognizes, rule)
	}
	if s.ID == "" || s.Of == "" || s.By == "" {
		return Statement{}, fmt.Errorf("%w: id, issuer and credentialSubject.id are required", ErrStatement)
	}
	return s, nil
}

func readRule(v jsondoc.Value) (r Rule, err error) {
	text := func(name string) string { s, _ := v.Get(name).Text(); return s }
	r = Rule{Source: text("source"), Target: text("target"), Association: Association(text("association")), Within: text("within"), EQF: text("eqfLevel"), Framework: text("creditFramework")}
	if n := v.Get("minLevel"); n.Exists() {
		level, ok := n.Int()
		if !ok || level < 0 || level > maxLevel {
			return r, fmt.Errorf("%w: %s is no level", ErrStatement, n.Pointer())
		}
		r.MinLevel = int(level)
	}
	if n := v.Get("creditPoints"); n.Exists() {
		if r.Credits, err = strconv.ParseFloat(string(n.Raw()), 64); err != nil || n.Kind() != jsondoc.Number || r.Credits < 0 {
			return r, fmt.Errorf("%w: %s is no number of points", ErrStatement, n.Pointer())
		}
	}
	if err := r.Check(); err != nil {
		return r, fmt.Errorf("%w (%s)", err, v.Pointer())
	}
	return r, nil
}

// Check refuses a rule that could not be applied. The error wraps
// [ErrStatement].
func (r Rule) Check() error {
	switch {
	case r.Source == "" || r.Target == "":
		return fmt.Errorf("%w: a rule needs a source, the partner's achievement, and a target, one's own", ErrStatement)
	case !slices.Contains(associations, r.Association):
		return fmt.Errorf("%w: the association %q is none of %v", ErrStatement, r.Association, associations)
	case r.MinLevel < 0 || r.Credits < 0:
		return fmt.Errorf("%w: levels and points are not negative", ErrStatement)
	case r.MinLevel > maxLevel || !(r.Credits <= maxCredits): // not a number is no number of points either
		return fmt.Errorf("%w: there are at most level %d and %d points", ErrStatement, maxLevel, maxCredits)
	}
	if r.Within != "" {
		if _, err := requirement.ParsePeriod(r.Within); err != nil {
			return fmt.Errorf("%w: within: %w", ErrStatement, err)
		}
	}
	return nil
}

// Judge takes over from a report whether the statement can be relied on. That
// its time is over does not matter here: what was awarded within it counts.
func (s *Statement) Judge(r credentials.Report) {
	for _, name := range []string{credentials.CheckShape, credentials.CheckProof, credentials.CheckIssuer, credentials.CheckRefresh, credentials.CheckStatus} {
		switch c := r.Check(name); {
		case c.Advisory:
		case c.Answer == credentials.No:
			s.Standing, s.Why = requirement.Lapsed, c.Message
			return
		case c.Answer == credentials.Unknown:
			s.Standing, s.Why = requirement.Uncertain, c.Message
			return
		}
	}
	s.Standing, s.Why = requirement.Current, ""
	if r.Check(credentials.CheckProof).Answer != credentials.Yes { // nothing was looked at
		s.Standing, s.Why = requirement.Uncertain, r.Why()
	}
}

// Countersigned reports whether whom it is about signed it as well.
func (s Statement) Countersigned() bool { return slices.Contains(s.Signers, s.Of) }

// Union returns signers with those that countersigned the statement.
func (s Statement) Union(signers []string) []string {
	for _, by := range s.Signers {
		if !slices.Contains(signers, by) {
			signers = append(signers, by)
		}
	}
	return signers
}

// covers reports whether the statement was in force when something was awarded.
func (s Statement) covers(awarded time.Time) bool {
	return !awarded.Before(s.From) && (s.Until.IsZero() || awarded.Before(s.Until))
}
