package exchange

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
)

// ErrInvitation says that a text is no usable invitation.
var ErrInvitation = errors.New("not an invitation")

// Goal codes of invitations.
const (
	GoalConnect = "trustme.connect"
	GoalClaim   = "trustme.claim-badge"
	GoalPresent = "trustme.present-badge"
)

// Invitation is an out-of-band 2.0 invitation. Request is the message attached
// to it, such as a presentation request; nil when there is none.
type Invitation struct {
	ID       string
	From     did.DID
	Label    string
	Goal     string
	GoalCode string
	Expires  time.Time
	Request  *didcomm.Message
}

type invitationBody struct {
	Goal     string   `json:"goal,omitempty"`
	GoalCode string   `json:"goal_code,omitempty"`
	Label    string   `json:"label,omitempty"`
	Accept   []string `json:"accept,omitempty"`
}

// Message returns the invitation as a plaintext.
func (i Invitation) Message() (didcomm.Message, error) {
	m := didcomm.Message{ID: i.ID, Type: TypeInvitation, From: i.From.String(),
		Body: didcomm.Object(invitationBody{i.Goal, i.GoalCode, i.Label, []string{"didcomm/v2"}})}
	if !i.Expires.IsZero() {
		m.Expires = i.Expires.Unix()
	}
	if i.Request != nil {
		raw, err := json.Marshal(i.Request)
		if err != nil {
			return m, err
		}
		m.Attachments = []didcomm.Attachment{{ID: "request-0", MediaType: MediaJSON, Data: didcomm.AttachmentData{JSON: raw}}}
	}
	return m, nil
}

// URL returns the invitation as a link under base, such as
// https://alder.example/i (Out-of-Band 2.0 §Standard Message Encoding).
func (i Invitation) URL(base string) (string, error) {
	m, err := i.Message()
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	return base + "?_oob=" + base64.RawURLEncoding.EncodeToString(raw), nil
}

// IsShortLink reports whether text is a link that leads to an invitation but
// does not hold it.
func IsShortLink(text string) bool {
	u, err := url.Parse(strings.TrimSpace(text))
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Query().Get("_oob") == ""
}

// ParseInvitation reads a link with _oob, or the bare JSON of an invitation.
// The error wraps [ErrInvitation].
func ParseInvitation(text string) (Invitation, error) {
	text = strings.TrimSpace(text)
	raw := []byte(text)
	if !strings.HasPrefix(text, "{") {
		u, err := url.Parse(text)
		if err != nil || u.Query().Get("_oob") == "" {
			return Invitation{}, fmt.Errorf("%w: expected a link with _oob=..., as the partner's page or QR code shows it", ErrInvitation)
		}
		enc := strings.TrimRight(u.Query().Get("_oob"), "=")
		if raw, err = base64.RawURLEncoding.DecodeString(enc); err != nil {
			return Invitation{}, fmt.Errorf("%w: _oob is not base64url; was the link cut?", ErrInvitation)
		}
	}
	m, err := didcomm.ParseMessage(raw)
	if err != nil {
		return Invitation{}, fmt.Errorf("%w: %v", ErrInvitation, err)
	}
	return fromMessage(m)
}

func fromMessage(m didcomm.Message) (Invitation, error) {
	if m.Type != TypeInvitation {
		return Invitation{}, fmt.Errorf("%w: type is %q, not %q", ErrInvitation, m.Type, TypeInvitation)
	}
	from, err := did.Parse(m.From)
	if err != nil {
		return Invitation{}, fmt.Errorf("%w: from: %v", ErrInvitation, err)
	}
	var body invitationBody
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return Invitation{}, fmt.Errorf("%w: body: %v", ErrInvitation, err)
	}
	inv := Invitation{ID: m.ID, From: from, Label: body.Label, Goal: body.Goal, GoalCode: body.GoalCode}
	if m.Expires != 0 {
		inv.Expires = time.Unix(m.Expires, 0).UTC()
	}
	if len(m.Attachments) > 0 { // the first is the inviter's preference
		raw, err := m.Attachments[0].Bytes()
		if err != nil {
			return Invitation{}, fmt.Errorf("%w: %v", ErrInvitation, err)
		}
		req, err := didcomm.ParseMessage(raw)
		if err != nil {
			return Invitation{}, fmt.Errorf("%w: attached request: %v", ErrInvitation, err)
		}
		inv.Request = &req
	}
	return inv, nil
}
