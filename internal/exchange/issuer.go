package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Issuer plays the issuer's part of issue-credential 3.0.
type Issuer struct {
	DB  *store.DB
	Now func() time.Time
	// Prove checks the holder's proof and returns the DID that made it. The
	// error is a [*didcomm.Problem] when it proves nothing.
	Prove func(ctx context.Context, presentation []byte, challenge, domain string) (did.DID, error)
	// Issue returns the signed credential of an award for a subject, and the
	// writes that record it. Asked twice it returns the same credential. An
	// [*Over] of it, or of the writes before they wrote anything, ends the offer.
	Issue func(ctx context.Context, award string, subject did.DID) (Signed, error)
	// Closed is told, in the transaction, how an award's offer ended.
	Closed func(tx *store.Tx, o Offer) error
	// Settled, where it is set, runs once an acknowledgement is durable.
	Settled func()
}

// Over says why an offer is not given any more. The holder is told.
type Over struct{ Why string }

func (o *Over) Error() string { return o.Why }

// Signed is a credential ready to be handed out.
type Signed struct {
	ID     string
	Bytes  []byte
	Record func(tx *store.Tx) error
}

// Offer puts an offer of award into the mailbox of a connection, in the
// caller's transaction. thread makes it idempotent.
func (i *Issuer) Offer(tx *store.Tx, c Connection, thread, award string, p Preview) (Offer, error) {
	pair, err := c.Pair()
	if err != nil {
		return Offer{}, err
	}
	if o, err := Given.Get(tx, thread); err == nil {
		return o, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return Offer{}, err
	}
	o := Offer{ID: thread, Connection: c.ID, Award: award, Preview: p, State: Offered, Updated: i.Now().UTC()}
	m, err := offerMessage(o)
	if err != nil {
		return Offer{}, err
	}
	if err := Given.Insert(tx, o); err != nil {
		return Offer{}, err
	}
	return o, didcomm.Send(tx, pair, m)
}

// Roles returns the message types of this part.
func (i *Issuer) Roles() map[string]Handle {
	return map[string]Handle{TypeRequest: i.onRequest, TypeIssueAck: i.onAck}
}

// offer finds the offer of a thread and holds it to its connection.
func offerOf(ctx context.Context, db *store.DB, c store.Collection[Offer], in Inbound) (Offer, error) {
	var o Offer
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		o, err = c.Get(tx, in.Message.Thread())
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && o.Connection != in.Connection.ID {
		return Offer{}, &didcomm.Problem{Code: CodeState, Comment: "there is no such offer between us"}
	}
	return o, err
}

func (i *Issuer) onRequest(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	o, err := offerOf(ctx, i.DB, Given, in)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if o.State != Offered { // asked again: the credential is on its way or there
		return didcomm.Outcome{Apply: func(tx *store.Tx) error { return didcomm.Acknowledge(tx, in.Pair, o.ID) }}, nil
	}
	proof, err := attachment(in.Message, FormatHolderProof, FormatVP)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	subject, err := i.Prove(ctx, proof, o.Preview.Challenge, o.Preview.Domain)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	signed, err := i.Issue(ctx, o.Award, subject)
	if over, ok := errors.AsType[*Over](err); ok {
		return didcomm.Outcome{Apply: func(tx *store.Tx) error { return i.end(tx, in, o.ID, over.Why) }}, nil
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		now, err := Given.Get(tx, o.ID)
		if err != nil || now.State != Offered {
			return err
		}
		err = signed.Record(tx)
		if over, ok := errors.AsType[*Over](err); ok {
			return i.end(tx, in, o.ID, over.Why)
		}
		if err != nil {
			return err
		}
		now.State, now.Credential, now.Message, now.Updated = Issued, signed.ID, "issue-"+o.ID, i.Now().UTC()
		if err := Given.Put(tx, now); err != nil {
			return err
		}
		if err := didcomm.Acknowledge(tx, in.Pair, o.ID); err != nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, didcomm.Message{ID: now.Message, Type: TypeIssue, Thid: o.ID, ReturnRoute: "all",
			Body:        didcomm.Object(map[string]string{"comment": o.Preview.Name}),
			Attachments: []didcomm.Attachment{didcomm.Attach("credential-0", MediaCredential, FormatCredential, signed.Bytes)}})
	}}, nil
}

func (i *Issuer) onAck(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	if _, err := offerOf(ctx, i.DB, Given, in); err != nil {
		return didcomm.Outcome{}, err
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		return i.close(tx, in, Accepted, "")
	}, After: i.Settled}, nil
}

// OnProblem closes an offer that the holder declined or refused; ok is false
// when the problem is not about an offer of ours.
func (i *Issuer) OnProblem(ctx context.Context, in Inbound, code, comment string) (out didcomm.Outcome, ok bool, err error) {
	in.Message.Thid = in.Message.Pthid // a problem names the thread as its parent
	_, err = offerOf(ctx, i.DB, Given, in)
	var p *didcomm.Problem
	if errors.As(err, &p) {
		return out, false, nil
	}
	if err != nil {
		return out, false, err
	}
	state := Refused
	if code == CodeDeclined {
		state = Declined
	}
	out.Apply = func(tx *store.Tx) error { return i.close(tx, in, state, comment) }
	return out, true, nil
}

// end closes an offer that is not given any more, and tells the holder why.
func (i *Issuer) end(tx *store.Tx, in Inbound, offer, why string) error {
	o, err := Given.Get(tx, offer)
	if err != nil || o.State != Offered {
		return err
	}
	o.State, o.Reason, o.Updated = Ended, why, i.Now().UTC()
	if err := Given.Put(tx, o); err != nil {
		return err
	}
	if err := didcomm.Acknowledge(tx, in.Pair, o.ID); err != nil {
		return err
	}
	if i.Closed != nil {
		if err := i.Closed(tx, o); err != nil {
			return err
		}
	}
	m := (&didcomm.Problem{Code: CodeState, Comment: why}).Report(o.ID)
	m.ID, m.ReturnRoute = "ended-"+o.ID, "all"
	return didcomm.Send(tx, in.Pair, m)
}

func (i *Issuer) close(tx *store.Tx, in Inbound, state OfferState, reason string) error {
	o, err := Given.Get(tx, in.Message.Thread())
	if err != nil || o.final() {
		return err
	}
	o.State, o.Reason, o.Updated = state, reason, i.Now().UTC()
	if err := Given.Put(tx, o); err != nil {
		return err
	}
	if err := didcomm.Acknowledge(tx, in.Pair, o.ID, o.Message); err != nil {
		return err
	}
	if i.Closed == nil {
		return nil
	}
	return i.Closed(tx, o)
}
