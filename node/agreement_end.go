package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// SetAgreementRequest suspends, resumes or ends an agreement.
type SetAgreementRequest struct {
	ID     string         `json:"id"`
	To     AgreementState `json:"to"` // suspended, in force or ended
	Reason string         `json:"reason"`

	by Actor // the operator unless it is set
}

// SetAgreement suspends, resumes or ends an agreement that this node signed, or
// ends its countersignature of a partner's. What was awarded while an
// agreement held keeps counting after its end: its last version, which is
// signed here, says until when it did.
func (n *Node) SetAgreement(ctx context.Context, r SetAgreementRequest) (SignedAgreement, error) {
	a, err := n.Agreement(ctx, r.ID)
	if err != nil {
		return SignedAgreement{}, err
	}
	if err := a.may(r); err != nil {
		return SignedAgreement{}, err
	}
	if a.State == r.To {
		return n.AgreementBundle(ctx, a.ID)
	}
	if over := !a.Until.IsZero() && !n.now().Before(a.Until); over && r.To == WasEnded && a.State != Proposed {
		return SignedAgreement{}, fmt.Errorf("%w: the agreement ended by itself on %s; what was awarded before counts on", ErrInput, a.Until.Format(time.DateOnly))
	}
	var last []byte
	if a.Ours && r.To == WasEnded {
		if last, err = n.lastVersion(ctx, a); err != nil {
			return SignedAgreement{}, err
		}
	}
	var d Document
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		d, err = n.setAgreement(tx, a, r, last)
		return err
	})
	if err != nil {
		return SignedAgreement{}, err
	}
	n.judged.forget()
	if d.ID != "" {
		if err := n.tell(ctx, d); err != nil {
			return SignedAgreement{}, err
		}
	}
	return n.AgreementBundle(ctx, a.ID)
}

// setAgreement does so in a transaction, and returns the document to tell of;
// none where the agreement is in that state already. Last is its last version,
// where there is one.
func (n *Node) setAgreement(tx *store.Tx, a Agreement, r SetAgreementRequest, last []byte) (Document, error) {
	now, err := agreements.Get(tx, a.ID) // it may have changed meanwhile
	if err != nil || now.State == r.To {
		return Document{}, err
	}
	if err := now.may(r); err != nil {
		return Document{}, err
	}
	wasInForce := now.State != Proposed
	standing, document := Active, a.ID
	if r.To != InForce {
		standing = Suspended
	}
	if !a.Ours {
		document = a.Signature
	}
	d, err := n.setDocument(tx, document, standing, r.Reason)
	if err != nil {
		return d, err
	}
	now.State, now.Reason, now.Updated = r.To, r.Reason, n.now().UTC()
	if last != nil && wasInForce {
		b, err := getBundle(tx, a.ID)
		if err != nil {
			return d, err
		}
		b.Ended = last
		if err := putBundle(tx, a.ID, b); err != nil {
			return d, err
		}
	}
	if r.To == WasEnded {
		now.Until = n.second()
	}
	if err := agreements.Put(tx, now); err != nil {
		return d, err
	}
	return d, n.note(tx, "agreement."+map[AgreementState]string{OnHold: "suspended", InForce: "resumed", WasEnded: "ended"}[r.To], or(r.by, operator).tell(map[string]any{"agreement": a.ID, "partner": a.Partner, "reason": r.Reason}))
}

func (a Agreement) may(r SetAgreementRequest) error {
	switch {
	case r.To != OnHold && r.To != InForce && r.To != WasEnded:
		return fmt.Errorf("%w: %q; an agreement can be suspended, resumed or ended", ErrInput, r.To)
	case r.Reason == "":
		return fmt.Errorf("%w: give a reason; it is kept in the journal", ErrInput)
	case a.State == WasEnded && r.To != WasEnded:
		return fmt.Errorf("%w: the agreement was ended, and that is final; sign a new one", ErrInput)
	case a.State == Proposed && r.To != WasEnded:
		return fmt.Errorf("%w: the agreement is only proposed; the partner has not countersigned it", ErrInput)
	case !a.Ours && r.To != WasEnded:
		return fmt.Errorf("%w: %s signed this agreement, and alone can suspend it; you can end your countersignature", ErrInput, a.Partner)
	}
	return nil
}

// lastVersion signs the agreement once more, with now as its end. It names the
// status of no list: the end is in its bytes.
func (n *Node) lastVersion(ctx context.Context, a Agreement) ([]byte, error) {
	var b recognition.Bundle
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		b, err = getBundle(tx, a.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := signedIn(b)
	if err != nil {
		return nil, err
	}
	until := n.second().Add(time.Second)
	if !until.After(s.From) {
		until = s.From.Add(time.Second)
	}
	if s.Until.IsZero() || until.Before(s.Until) {
		s.Until = until
	}
	return n.signStatement(ctx, recognition.Draft{Statement: s})
}

// terms are what this node recognises by: its own word, and its agreements.
func (n *Node) terms(ctx context.Context) (recognition.Terms, error) {
	t := recognition.Terms{Self: []string{n.id.String()}}
	bundles, err := n.publicBundles(ctx, func(a Agreement) bool { return a.Ours && a.State != Proposed })
	if err != nil {
		return t, err
	}
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for l, err := range learnings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if !l.AtHome {
				continue
			}
			b, err := getBundle(tx, l.ID)
			if err != nil {
				return err
			}
			bundles = append(bundles, b)
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	t.Statements, err = n.judged.all(ctx, n, bundles)
	return t, err
}

// endReplaced ends the agreement that one in force amends. It is done again with
// each refresh, since the node may stop between the two.
func (n *Node) endReplaced(ctx context.Context, a Agreement) error {
	if !a.Ours || a.State != InForce || a.Replaces == "" {
		return nil
	}
	old, err := n.Agreement(ctx, a.Replaces)
	if err != nil || old.State == WasEnded || !old.Until.IsZero() && !n.now().Before(old.Until) {
		return err
	}
	_, err = n.SetAgreement(ctx, SetAgreementRequest{ID: old.ID, To: WasEnded, Reason: "amended by " + a.ID, by: itself})
	return err
}

// RefreshAgreements asks the partners of proposed agreements for their
// countersignature, and where the agreements stand that they signed. A partner that has not decided is asked again later, and so
// is one that does not answer, whose error is returned beside what came.
func (n *Node) RefreshAgreements(ctx context.Context, id string) ([]SignedAgreement, error) {
	out, err := n.takeDue(ctx, id)
	all, listed := n.Agreements(ctx)
	if listed != nil {
		return out, errors.Join(err, listed)
	}
	return out, errors.Join(err, n.lookAtTheirs(ctx, slices.DeleteFunc(all, func(a Agreement) bool { return id != "" && a.ID != id })))
}

// takeDue asks for the countersignatures that are due.
func (n *Node) takeDue(ctx context.Context, id string) ([]SignedAgreement, error) {
	all, err := n.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	out := []SignedAgreement{}
	var errs []error
	for _, a := range all {
		if id == "" || a.ID == id {
			if err := n.endReplaced(ctx, a); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", a.Name, err))
			}
		}
		if !a.Ours || a.State != Proposed || a.PartnerBase == "" || id != "" && a.ID != id {
			continue
		}
		s, err := n.TakeAgreement(ctx, TakeAgreementRequest{Address: a.PartnerBase + "/agreements/" + a.ID[len("urn:uuid:"):]})
		if code, ok := errors.AsType[*fetch.StatusError](err); ok && code.Code == http.StatusNotFound {
			continue // the partner has not decided yet
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Name, err))
			continue
		}
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

// keepUpEvery is how often a serving node asks partners for countersignatures
// that are due, for checkpoints and for catalogues that grew old, and counts what
// happened.
const keepUpEvery = time.Minute

// keepUp does that on a steady beat until ctx ends. What fails is tried again.
func (n *Node) keepUp(ctx context.Context) {
	t := time.NewTicker(keepUpEvery)
	defer t.Stop()
	for beat := 1; ; beat++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			take := n.takeDue
			if beat%lookEvery == 0 {
				take = n.RefreshAgreements
			}
			_, err := take(ctx, "")
			if err = errors.Join(err, n.keepCheckpoints(ctx), n.countUp(ctx), n.renewActive(ctx), n.eraseLeft(ctx), n.renewPartners(ctx)); err != nil && ctx.Err() == nil {
				n.log.Info("not all partners could be asked", "err", err)
			}
		}
	}
}
