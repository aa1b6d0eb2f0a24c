package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Holder plays the holder's part of issue-credential 3.0.
type Holder struct {
	DB  *store.DB
	Now func() time.Time
	// Wants decides whether an offer is accepted at once; one that is not
	// waits for [Holder.Accept] or [Holder.Decline].
	Wants func(o Offer) bool
	// Proof returns a presentation by the key that the badge will be bound to.
	Proof func(ctx context.Context, challenge, domain string) ([]byte, error)
	// Receive checks a credential that answers an offer of ours and returns
	// the writes that keep it. The error is a [*didcomm.Problem] when it is
	// refused; any other error lets the issuer send it again.
	Receive func(ctx context.Context, o Offer, credential []byte) (id string, record func(*store.Tx) error, err error)
}

// Roles returns the message types of this part.
func (h *Holder) Roles() map[string]Handle {
	return map[string]Handle{TypeOffer: h.onOffer, TypeIssue: h.onIssue}
}

func (h *Holder) onOffer(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	p, err := readPreview(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	o := Offer{ID: in.Message.Thread(), Connection: in.Connection.ID, Preview: p, State: Offered, Updated: h.Now().UTC()}
	if was, err := h.offer(ctx, o.ID); err != nil {
		return didcomm.Outcome{}, err
	} else if was.Connection != "" && was.Connection != o.Connection {
		return didcomm.Outcome{}, &didcomm.Problem{Code: CodeState, Comment: "this thread is between others"}
	} else if was.Connection != "" && was.State != Offered { // offered again: it was answered
		return didcomm.Outcome{Apply: func(tx *store.Tx) error { return didcomm.Acknowledge(tx, in.Pair, o.ID) }}, nil
	}
	var request *didcomm.Message
	if h.Wants(o) {
		m, err := h.request(ctx, o)
		if err != nil {
			return didcomm.Outcome{}, err
		}
		request, o.State = &m, Requested
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		if was, err := Got.Get(tx, o.ID); err == nil && (was.Connection != o.Connection || was.State != Offered) {
			return fmt.Errorf("the offer %s has changed meanwhile", o.ID) // the message comes again
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := Got.Put(tx, o); err != nil || request == nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, *request)
	}}, nil
}

// offer returns the offer of a thread, zero where there is none.
func (h *Holder) offer(ctx context.Context, thread string) (o Offer, err error) {
	err = h.DB.View(ctx, func(tx *store.Tx) (err error) {
		o, err = Got.Get(tx, thread)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return o, err
}

func (h *Holder) request(ctx context.Context, o Offer) (didcomm.Message, error) {
	proof, err := h.Proof(ctx, o.Preview.Challenge, o.Preview.Domain)
	if err != nil {
		return didcomm.Message{}, fmt.Errorf("proving the key for %q: %w", o.Preview.Name, err)
	}
	return didcomm.Message{ID: "request-" + o.ID, Type: TypeRequest, Thid: o.ID, ReturnRoute: "all",
		Body:        didcomm.Object(map[string]string{"comment": o.Preview.Name}),
		Attachments: []didcomm.Attachment{didcomm.Attach("proof-0", MediaPresentation, FormatHolderProof, proof)}}, nil
}

// Accept answers an offer that was put aside. The request is in the outbox
// when Accept returns.
func (h *Holder) Accept(ctx context.Context, c Connection, o Offer) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	m, err := h.request(ctx, o)
	if err != nil {
		return err
	}
	return h.answer(ctx, pair, o, Requested, m)
}

// Decline turns an offer down, with a reason that the issuer is told.
func (h *Holder) Decline(ctx context.Context, c Connection, o Offer, reason string) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	m := (&didcomm.Problem{Code: CodeDeclined, Comment: reason}).Report(o.ID)
	m.ID = "decline-" + o.ID
	return h.answer(ctx, pair, o, Declined, m)
}

func (h *Holder) answer(ctx context.Context, pair didcomm.Pair, o Offer, to OfferState, m didcomm.Message) error {
	return h.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := Got.Get(tx, o.ID)
		if err != nil {
			return err
		}
		if now.State != Offered {
			return &didcomm.Problem{Code: CodeState, Comment: fmt.Sprintf("the offer is %s already", now.State)}
		}
		now.State, now.Updated = to, h.Now().UTC()
		if err := Got.Put(tx, now); err != nil {
			return err
		}
		return didcomm.Send(tx, pair, m)
	})
}

func (h *Holder) onIssue(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	o, err := offerOf(ctx, h.DB, Got, in)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if o.State != Requested && o.State != Accepted {
		return didcomm.Outcome{}, &didcomm.Problem{Code: CodeState, Comment: fmt.Sprintf("this badge was not asked for: the offer is %s", o.State)}
	}
	raw, err := attachment(in.Message, FormatCredential)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	id, record, err := h.Receive(ctx, o, raw)
	if err != nil {
		return h.refuse(in, o, err)
	}
	ack := didcomm.Message{ID: "ack-" + o.ID, Type: TypeIssueAck, Thid: o.ID, ReturnRoute: "all", Body: didcomm.Object(map[string]string{"status": "OK"})}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		if err := record(tx); err != nil {
			return err
		}
		o.State, o.Credential, o.Updated = Accepted, id, h.Now().UTC()
		if err := Got.Put(tx, o); err != nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, ack)
	}}, nil
}
