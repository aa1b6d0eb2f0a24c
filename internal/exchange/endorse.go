package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// EndorseState is where a request for an endorsement stands.
type EndorseState string

// The states of an [EndorseAsk]; the last three are final.
const (
	EndorseAsked    EndorseState = "asked"
	EndorseGiven    EndorseState = "given"
	EndorseDeclined EndorseState = "declined"
	EndorseRefused  EndorseState = "refused" // what was given is no such endorsement
)

// EndorseAsk is a request to endorse something: a badge, an achievement or an
// issuer, by its id. ID is the thread, and the id of the request message.
type EndorseAsk struct {
	ID          string       `json:"id"`
	Connection  string       `json:"connection"`
	Of          string       `json:"of"`
	Name        string       `json:"name,omitempty"`
	Comment     string       `json:"comment,omitempty"`
	State       EndorseState `json:"state"`
	Reason      string       `json:"reason,omitempty"`
	Endorsement string       `json:"endorsement,omitempty"` // id of what was given
	Updated     time.Time    `json:"updated"`
}

// EndorseAsks are the requests that one made; EndorseWanted those that one got.
var (
	EndorseAsks   = store.NewCollection("endorse-ask", func(a EndorseAsk) string { return a.ID })
	EndorseWanted = store.NewCollection("endorse-wanted", func(a EndorseAsk) string { return a.ID },
		store.Index[EndorseAsk]{Name: "connection", Values: func(a EndorseAsk) []string { return nonEmpty(a.Connection) }})
)

// Ask sends a request, in the caller's transaction. badge, which may be nil,
// is what the endorsement shall be of, for the endorser to look at.
func (a EndorseAsk) Ask(tx *store.Tx, c Connection, badge []byte) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	m := didcomm.Message{ID: a.ID, Type: TypeEndorseRequest, Thid: a.ID, ReturnRoute: "all", Body: didcomm.Object(map[string]string{"of": a.Of, "name": a.Name, "comment": a.Comment})}
	if badge != nil {
		m.Attachments = []didcomm.Attachment{didcomm.Attach("badge-0", MediaCredential, FormatCredential, badge)}
	}
	if err := EndorseAsks.Insert(tx, a); err != nil {
		return err
	}
	return didcomm.Send(tx, pair, m)
}

// Give answers a request with a signed endorsement, in the caller's
// transaction; Decline answers it with a reason. A request is answered once.
func (a EndorseAsk) Give(tx *store.Tx, c Connection, id string, endorsement []byte, now time.Time) error {
	a.Endorsement = id
	return a.answer(tx, c, EndorseGiven, "", now, didcomm.Message{ID: "endorsement-" + a.ID, Type: TypeEndorsement, Thid: a.ID, Body: didcomm.Object(struct{}{}),
		Attachments: []didcomm.Attachment{didcomm.Attach("credential-0", MediaCredential, FormatCredential, endorsement)}})
}

// Decline is described at [EndorseAsk.Give].
func (a EndorseAsk) Decline(tx *store.Tx, c Connection, reason string, now time.Time) error {
	return a.answer(tx, c, EndorseDeclined, reason, now, didcomm.Message{ID: "endorsement-" + a.ID, Type: TypeEndorseDecline, Thid: a.ID, Body: didcomm.Object(map[string]string{"reason": reason})})
}

func (a EndorseAsk) answer(tx *store.Tx, c Connection, to EndorseState, reason string, now time.Time, m didcomm.Message) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	kept, err := EndorseWanted.Get(tx, a.ID)
	if err != nil {
		return err
	}
	if kept.State != EndorseAsked {
		return &didcomm.Problem{Code: CodeState, Comment: "this request was answered already: it is " + string(kept.State)}
	}
	a.State, a.Reason, a.Updated = to, reason, now.UTC()
	if err := EndorseWanted.Put(tx, a); err != nil {
		return err
	}
	return didcomm.Send(tx, pair, m)
}

// Endorser plays the part of who is asked for endorsements.
type Endorser struct {
	Now func() time.Time
	// Keep is told of a new request, in its transaction; badge may be nil.
	Keep func(tx *store.Tx, a EndorseAsk, badge []byte) error
}

// Roles returns the message types of this part.
func (e *Endorser) Roles() map[string]Handle {
	return map[string]Handle{TypeEndorseRequest: e.onRequest}
}

func (e *Endorser) onRequest(_ context.Context, in Inbound) (didcomm.Outcome, error) {
	var body struct {
		Of      string `json:"of"`
		Name    string `json:"name"`
		Comment string `json:"comment"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("request for an endorsement", err)
	}
	if body.Of == "" || len(body.Of)+len(body.Name)+len(body.Comment) > 8<<10 {
		return didcomm.Outcome{}, malformed("request for an endorsement", errors.New("of is the id of what is to be endorsed; texts have at most 8 KiB in all"))
	}
	var badge []byte
	if len(in.Message.Attachments) > 0 {
		var err error
		if badge, err = attachment(in.Message, FormatCredential); err != nil {
			return didcomm.Outcome{}, err
		}
	}
	a := EndorseAsk{ID: in.Message.Thread(), Connection: in.Connection.ID, Of: body.Of, Name: body.Name, Comment: body.Comment, State: EndorseAsked, Updated: e.Now().UTC()}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		if kept, err := EndorseWanted.Get(tx, a.ID); err == nil && kept.Connection != a.Connection {
			return malformed("request for an endorsement", errors.New("its thread is another's"))
		} else if err == nil {
			return nil // asked again
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := roomFor(tx, a.Connection); err != nil {
			return err
		}
		if err := EndorseWanted.Insert(tx, a); err != nil {
			return err
		}
		return e.Keep(tx, a, badge)
	}}, nil
}

// MaxEndorseOpen is how many requests of one connection may wait for an answer.
const MaxEndorseOpen = 20

func roomFor(tx *store.Tx, connection string) error {
	open := 0
	for a, err := range EndorseWanted.By(tx, "connection", connection) {
		if err != nil {
			return err
		}
		if a.State == EndorseAsked {
			open++
		}
	}
	if open >= MaxEndorseOpen {
		return &didcomm.Problem{Code: CodeState, Comment: fmt.Sprintf("%d requests of yours wait for an answer already", open)}
	}
	return nil
}

// Endorsed plays the part of who asks for endorsements.
type Endorsed struct {
	DB  *store.DB
	Now func() time.Time
	// Receive checks an endorsement that answers a request and returns what
	// keeps it. The error is a [*didcomm.Problem] when it is none.
	Receive func(ctx context.Context, a EndorseAsk, raw []byte) (id string, keep func(tx *store.Tx) error, err error)
}

// Roles returns the message types of this part.
func (e *Endorsed) Roles() map[string]Handle {
	return map[string]Handle{TypeEndorsement: e.onEndorsement, TypeEndorseDecline: e.onDecline}
}

// ask finds the request that a message answers, and holds it to its
// connection.
func (e *Endorsed) ask(ctx context.Context, in Inbound) (a EndorseAsk, err error) {
	err = e.DB.View(ctx, func(tx *store.Tx) (err error) {
		a, err = EndorseAsks.Get(tx, in.Message.Thread())
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Connection != in.Connection.ID {
		return a, &didcomm.Problem{Code: CodeState, Comment: "no endorsement was asked for on this thread"}
	}
	return a, err
}

func (e *Endorsed) close(a EndorseAsk, to EndorseState, reason string, also func(tx *store.Tx) error) didcomm.Outcome {
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		now, err := EndorseAsks.Get(tx, a.ID)
		if err != nil || now.State != EndorseAsked {
			return err
		}
		now.State, now.Reason, now.Endorsement, now.Updated = to, reason, a.Endorsement, e.Now().UTC()
		if err := EndorseAsks.Put(tx, now); err != nil || also == nil {
			return err
		}
		return also(tx)
	}}
}

func (e *Endorsed) onEndorsement(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	a, err := e.ask(ctx, in)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	raw, err := attachment(in.Message, FormatCredential)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	id, keep, err := e.Receive(ctx, a, raw)
	var p *didcomm.Problem
	if errors.As(err, &p) {
		return e.close(a, EndorseRefused, p.Comment, nil), nil
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	a.Endorsement = id
	return e.close(a, EndorseGiven, "", keep), nil
}

func (e *Endorsed) onDecline(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	a, err := e.ask(ctx, in)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("decline", err)
	}
	return e.close(a, EndorseDeclined, body.Reason, nil), nil
}
