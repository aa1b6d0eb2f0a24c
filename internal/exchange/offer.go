package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// Preview is what an offer tells about a badge, and what the answer must
// prove: a presentation by the future subject's key over challenge and domain.
type Preview struct {
	Name        string `json:"name"`
	Achievement string `json:"achievement"`
	Issuer      string `json:"issuer"`
	IssuerName  string `json:"issuerName,omitempty"`
	Challenge   string `json:"challenge"`
	Domain      string `json:"domain"`
}

// OfferState is where an offer stands, on either side.
type OfferState string

// The states of an offer. The last four are final. Ended is one that its issuer
// does not give any more.
const (
	Offered   OfferState = "offered"
	Requested OfferState = "requested"
	Issued    OfferState = "issued"
	Accepted  OfferState = "accepted"
	Declined  OfferState = "declined"
	Refused   OfferState = "refused"
	Ended     OfferState = "ended"
)

// Offer is one run of issue-credential 3.0. ID is the thread, which is the id
// of the offer message. Award is the issuer's own reference.
type Offer struct {
	ID         string     `json:"id"`
	Connection string     `json:"connection"`
	Award      string     `json:"award,omitempty"`
	Preview    Preview    `json:"preview"`
	State      OfferState `json:"state"`
	Reason     string     `json:"reason,omitempty"`
	Message    string     `json:"message,omitempty"` // id of the issue message
	Credential string     `json:"credential,omitempty"`
	Updated    time.Time  `json:"updated"`
}

func (o Offer) final() bool {
	return o.State == Accepted || o.State == Declined || o.State == Refused || o.State == Ended
}

// Given and Got are the offers of an issuer and of a holder.
var (
	Given = store.NewCollection("offer-given", func(o Offer) string { return o.ID }, byAward)
	Got   = store.NewCollection("offer-got", func(o Offer) string { return o.ID })
)

var byAward = store.Index[Offer]{Name: "award", Values: func(o Offer) []string { return nonEmpty(o.Award) }}

func offerMessage(o Offer) (didcomm.Message, error) {
	raw, err := json.Marshal(o.Preview)
	if err != nil {
		return didcomm.Message{}, err
	}
	return didcomm.Message{ID: o.ID, Type: TypeOffer, Thid: o.ID, ReturnRoute: "all",
		Body:        didcomm.Object(map[string]any{"goal_code": GoalClaim, "comment": o.Preview.Name, "credential_preview": map[string]any{"type": "https://didcomm.org/issue-credential/3.0/credential-credential", "body": map[string]string{"name": o.Preview.Name, "achievement": o.Preview.Achievement}}}),
		Attachments: []didcomm.Attachment{didcomm.Attach("offer-0", MediaJSON, FormatOffer, raw)}}, nil
}

func readPreview(m didcomm.Message) (Preview, error) {
	raw, err := attachment(m, FormatOffer)
	if err != nil {
		return Preview{}, err
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return Preview{}, malformed("offer", err)
	}
	text := func(name string) string { s, _ := v.Get(name).Text(); return s }
	p := Preview{text("name"), text("achievement"), text("issuer"), text("issuerName"), text("challenge"), text("domain")}
	if p.Name == "" || p.Challenge == "" || p.Domain == "" {
		return Preview{}, malformed("offer", errors.New("name, challenge and domain are required"))
	}
	return p, nil
}

// attachment returns the bytes of the attachment of a format; a message with a
// single attachment need not name it.
func attachment(m didcomm.Message, formats ...string) ([]byte, error) {
	for _, a := range m.Attachments {
		for _, f := range formats {
			if a.Format == f || a.Format == "" && len(m.Attachments) == 1 {
				b, err := a.Bytes()
				if err != nil {
					return nil, malformed("attachment", err)
				}
				return b, nil
			}
		}
	}
	return nil, malformed("message", fmt.Errorf("an attachment of format %q is missing", formats[0]))
}
