package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// refuse records that a credential was refused and tells the issuer. Errors
// that are no problem leave the decision open.
func (h *Holder) refuse(in Inbound, o Offer, cause error) (didcomm.Outcome, error) {
	var p *didcomm.Problem
	if !errors.As(cause, &p) {
		return didcomm.Outcome{}, cause
	}
	m := p.Report(o.ID)
	m.ID = "refuse-" + o.ID
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		o.State, o.Reason, o.Updated = Refused, p.Comment, h.Now().UTC()
		if err := Got.Put(tx, o); err != nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, m)
	}}, nil
}

// Ask is a verifier's request for a presentation (W3C CCG Verifiable
// Presentation Request, QueryByExample). Challenge serves once.
type Ask struct {
	ID          string `json:"id"` // the thread, and the id of the request message
	Invitation  string `json:"invitation,omitempty"`
	Connection  string `json:"connection,omitempty"`
	Challenge   string `json:"challenge"`
	Domain      string `json:"domain"`
	Achievement string `json:"achievement,omitempty"` // empty: any Open Badge
	// Wants is a requirement.Request as JSON, for badges that meet it together.
	Wants   json.RawMessage `json:"wants,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	State   AskState        `json:"state"`
	Verdict string          `json:"verdict,omitempty"`
	Why     string          `json:"why,omitempty"`
	Holder  string          `json:"holder,omitempty"`
	Updated time.Time       `json:"updated"`
}

// AskState is where a request for a presentation stands.
type AskState string

// The states of an [Ask]; the last two are final.
const (
	Asked     AskState = "asked"
	Verified  AskState = "verified"
	NotProven AskState = "refused"
)

// Asks are the requests of a verifier.
var Asks = store.NewCollection("ask", func(a Ask) string { return a.ID },
	store.Index[Ask]{Name: "invitation", Values: func(a Ask) []string { return nonEmpty(a.Invitation) }})

// Message returns the request as a message, for an outbox or an invitation.
func (a Ask) Message() didcomm.Message {
	example := map[string]any{"type": []string{"VerifiableCredential", "OpenBadgeCredential"}}
	if a.Achievement != "" {
		example["credentialSubject"] = map[string]any{"achievement": map[string]string{"id": a.Achievement}}
	}
	query := []any{map[string]any{"type": "QueryByExample", "credentialQuery": []any{map[string]any{"reason": a.Reason, "example": example}}}}
	if a.Wants != nil {
		query = append(query, map[string]any{"type": QueryRequirement, "requirement": a.Wants})
	}
	vpr := map[string]any{"query": query, "challenge": a.Challenge, "domain": a.Domain}
	return didcomm.Message{ID: a.ID, Type: TypePresentationRequest, Thid: a.ID, ReturnRoute: "all",
		Body:        didcomm.Object(map[string]any{"goal_code": GoalPresent, "comment": a.Reason, "will_confirm": true}),
		Attachments: []didcomm.Attachment{didcomm.Attach("request-0", MediaJSON, FormatVPR, didcomm.Object(vpr))}}
}

// ReadAsk reads a request as the prover sees it.
func ReadAsk(m didcomm.Message) (Ask, error) {
	if m.Type != TypePresentationRequest {
		return Ask{}, fmt.Errorf("%w: the attached message is no presentation request", ErrInvitation)
	}
	raw, err := attachment(m, FormatVPR)
	if err != nil {
		return Ask{}, err
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return Ask{}, malformed("presentation request", err)
	}
	a := Ask{ID: m.Thread(), State: Asked}
	a.Challenge, _ = v.Get("challenge").Text()
	a.Domain, _ = v.Get("domain").Text()
	for q := range v.Get("query").Elements() {
		if kind, _ := q.Get("type").Text(); kind == QueryRequirement {
			a.Wants = q.Get("requirement").Raw()
		}
		for c := range q.Get("credentialQuery").Elements() {
			a.Reason, _ = c.Get("reason").Text()
			a.Achievement, _ = c.Get("example").Get("credentialSubject").Get("achievement").Get("id").Text()
		}
	}
	if a.Challenge == "" || a.Domain == "" {
		return Ask{}, malformed("presentation request", errors.New("challenge and domain are required"))
	}
	return a, nil
}

// Judgement is a verifier's answer to a presentation. Proven is false both for
// what is refused and for what could not be told; Verdict says which.
type Judgement struct {
	Proven  bool
	Verdict string // valid, invalid or undecided
	Why     string
	Holder  string
	Record  func(tx *store.Tx, a Ask) error
}

// AskVerifier plays the verifier's part of present-proof 3.0.
type AskVerifier struct {
	DB  *store.DB
	Now func() time.Time
	// Judge checks a presentation over the challenge and domain of a.
	Judge func(ctx context.Context, presentation []byte, a Ask) (Judgement, error)
}

// Roles returns the message types of this part.
func (v *AskVerifier) Roles() map[string]Handle {
	return map[string]Handle{TypePresentation: v.onPresentation}
}

func (v *AskVerifier) onPresentation(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	a, err := v.ask(ctx, in)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	raw, err := attachment(in.Message, FormatVP)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	j, err := v.Judge(ctx, raw, a)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	answer := didcomm.Message{ID: "answer-" + a.ID, Type: TypePresentationAck, Thid: a.ID, Body: didcomm.Object(map[string]string{"status": "OK", "comment": j.Why})}
	if !j.Proven {
		answer = (&didcomm.Problem{Code: CodeProof, Comment: j.Why}).Report(a.ID)
		answer.ID, answer.Thid = "answer-"+a.ID, a.ID
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		now, err := Asks.Get(tx, a.ID)
		if err != nil || now.State != Asked {
			return err
		}
		now.State, now.Verdict, now.Why, now.Holder, now.Connection, now.Updated = NotProven, j.Verdict, j.Why, j.Holder, in.Connection.ID, v.Now().UTC()
		if j.Proven {
			now.State = Verified
		}
		if err := Asks.Put(tx, now); err != nil {
			return err
		}
		if j.Record != nil {
			if err := j.Record(tx, now); err != nil {
				return err
			}
		}
		if err := didcomm.Acknowledge(tx, in.Pair, a.ID); err != nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, answer)
	}}, nil
}

// ask finds the request that a presentation answers. A request answers to the
// connection it was sent to, or to the one that its invitation brought; its
// challenge serves once.
func (v *AskVerifier) ask(ctx context.Context, in Inbound) (Ask, error) {
	var a Ask
	err := v.DB.View(ctx, func(tx *store.Tx) (err error) {
		a, err = Asks.Get(tx, in.Message.Thread())
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Ask{}, &didcomm.Problem{Code: CodeState, Comment: "nothing was asked on this thread"}
	case err != nil:
		return Ask{}, err
	case a.Connection != "" && a.Connection != in.Connection.ID, a.Connection == "" && a.Invitation != in.Connection.Invitation:
		return Ask{}, &didcomm.Problem{Code: CodeState, Comment: "somebody else was asked on this thread"}
	case a.State != Asked:
		return Ask{}, &didcomm.Problem{Code: CodeState, Comment: "this request was answered already: a challenge serves once; ask for a new request"}
	}
	return a, nil
}

// Presentation returns the message that answers a request.
func Presentation(a Ask, invitation string, presentation []byte) didcomm.Message {
	return didcomm.Message{ID: "presentation-" + a.ID, Type: TypePresentation, Thid: a.ID, Pthid: invitation, ReturnRoute: "all",
		Body:        didcomm.Object(map[string]string{"goal_code": GoalPresent}),
		Attachments: []didcomm.Attachment{didcomm.Attach("presentation-0", MediaPresentation, FormatVP, presentation)}}
}

// ReadProblem returns the code and the comment of a problem report.
func ReadProblem(m didcomm.Message) (code, comment string) {
	var body struct {
		Code    string   `json:"code"`
		Comment string   `json:"comment"`
		Args    []string `json:"args"`
	}
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return "e.p.msg", "the report could not be read"
	}
	return body.Code, body.Comment
}
