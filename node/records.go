package node

import (
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/store"
)

// AwardState is how far an award has come.
type AwardState string

// The states of an award. Offered waits for the learner; Issued is signed;
// Held is acknowledged by the learner's wallet.
const (
	AwardOffered  AwardState = "offered"
	AwardIssued   AwardState = "issued"
	AwardHeld     AwardState = "held"
	AwardDeclined AwardState = "declined"
	AwardRebound  AwardState = "rebound" // claimed: a badge bound to a DID took its place
	AwardRenewed  AwardState = "renewed" // the same badge with newer dates took its place
)

// Standing is what the status lists say of a badge.
type Standing string

// The standings of a badge. Revoked is final.
const (
	Active    Standing = "active"
	Suspended Standing = "suspended"
	Revoked   Standing = "revoked"
)

// Award is the node's record of one badge for one recipient. The signed bytes
// are kept apart, under the same id.
type Award struct {
	ID          string     `json:"id"`                   // the credential's id, urn:uuid:...
	Credential  string     `json:"credential,omitempty"` // the credential's id, of a renewal: that of the first
	Key         string     `json:"key"`                  // the same award asked for twice has the same key
	Catalogue   string     `json:"catalogue"`
	Achievement string     `json:"achievement"`        // slug
	Language    string     `json:"language,omitempty"` // of a translation; "" for the catalogue's own
	Name        string     `json:"name"`
	Level       int        `json:"level,omitempty"`
	Narrative   string     `json:"narrative,omitempty"`
	Evidence    []string   `json:"evidence,omitempty"` // links
	Items       []Item     `json:"items,omitempty"`    // evidence of an application
	Recipient   Recipient  `json:"recipient"`
	State       AwardState `json:"state"`
	Standing    Standing   `json:"standing"`
	Reason      string     `json:"reason,omitempty"`
	Since       time.Time  `json:"since,omitzero"` // when its standing changed last
	Purpose     string     `json:"purpose"`        // of its status list
	List        int        `json:"list"`
	Index       int        `json:"index"`
	Awarded     time.Time  `json:"awarded"`
	ValidFrom   time.Time  `json:"validFrom,omitzero"`
	ValidUntil  time.Time  `json:"validUntil,omitzero"`
	Lapsed      bool       `json:"lapsed,omitempty"` // its expiry bit is set
	Route       string     `json:"route,omitempty"`  // by which it came, such as grant or review
	By          Actor      `json:"by,omitzero"`      // who gave it
	Claim       string     `json:"claim,omitempty"`  // id of the invitation that claims it
	Replaces    string     `json:"replaces,omitempty"`
	Apart       bool       `json:"apart,omitempty"` // its key tells it apart from others of the same badge to the same person
	Made        time.Time  `json:"made,omitzero"`   // when it was offered or signed
	Updated     time.Time  `json:"updated"`
}

// Item is an item of evidence as the badge tells it. Digest is a SHA-256 in
// hex, "" for a link.
type Item struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	Narrative string `json:"narrative,omitempty"`
	Genre     string `json:"genre,omitempty"`
	Media     string `json:"mediaType,omitempty"`
	Digest    string `json:"digest,omitempty"`
}

// Recipient is who an award is for: exactly one of the three. Once a wallet
// has proven a key, DID is set as well.
type Recipient struct {
	Connection string `json:"connection,omitempty"`
	DID        string `json:"did,omitempty"`
	Email      string `json:"email,omitempty"`
	Salt       string `json:"salt,omitempty"`
}

// Display names the recipient for an operator.
func (r Recipient) Display() string {
	switch {
	case r.Email != "":
		return r.Email
	case r.Connection != "":
		return "connection " + r.Connection
	}
	return r.DID
}

var awards = store.NewCollection("award", func(a Award) string { return a.ID },
	store.Index[Award]{Name: "key", Values: func(a Award) []string { return []string{a.Key} }},
	store.Index[Award]{Name: "achievement", Values: func(a Award) []string { return []string{a.Catalogue + "/" + a.Achievement} }},
	store.Index[Award]{Name: "recipient", Values: func(a Award) []string { return only(a.Recipient.DID, a.Recipient.Connection) }},
	store.Index[Award]{Name: "email", Values: func(a Award) []string { return only(a.Recipient.Email) }},
	store.Index[Award]{Name: "expiry", Values: func(a Award) []string {
		if a.ValidUntil.IsZero() || a.List == 0 || a.Lapsed {
			return nil
		}
		return []string{a.ValidUntil.UTC().Format(time.RFC3339)}
	}})

// only leaves out empty texts.
func only(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// Invite is an invitation that this node made. A short code leads to it.
type Invite struct {
	ID      string    `json:"id"`
	Code    string    `json:"code"`
	Label   string    `json:"label,omitempty"`
	Goal    string    `json:"goal"`
	Award   string    `json:"award,omitempty"` // claimed by whoever accepts
	Badge   string    `json:"badge,omitempty"` // earned by whoever accepts: catalogue/slug
	Level   int       `json:"level,omitempty"`
	Ask     string    `json:"ask,omitempty"`    // presentation request attached
	Uses    int       `json:"uses"`             // left
	Closed  bool      `json:"closed,omitempty"` // by an operator
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

var invites = store.NewCollection("invite", func(i Invite) string { return i.ID },
	store.Index[Invite]{Name: "code", Values: func(i Invite) []string { return []string{i.Code} }})

// Presented is a presentation that a learner gave us, with what we made of it.
type Presented struct {
	ID      string   `json:"id"` // of the request
	Holder  string   `json:"holder"`
	Verdict string   `json:"verdict"`
	Why     string   `json:"why"`
	Badges  []string `json:"badges"` // names
	// Endorsers stand behind the badges.
	Endorsers []credentials.Endorser `json:"endorsers,omitempty"`
	At        time.Time              `json:"at"`
}

var presented = store.NewCollection("presented", func(p Presented) string { return p.ID },
	store.Index[Presented]{Name: "holder", Values: func(p Presented) []string { return only(p.Holder) }})

func credentialKey(id string) []byte   { return []byte("credential/" + id) }
func presentationKey(id string) []byte { return []byte("presentation/" + id) }
