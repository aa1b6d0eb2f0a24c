package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// lookEvery is every how many beats of keepUp this node looks at what its
// partners say of the agreements that it countersigned.
const lookEvery = 10

// lookAtTheirs asks partners where the agreements stand that they signed and
// this node countersigned: one that the partner ended, or amended, is ended
// here, and one that it suspended is told so. A partner that does not answer is
// asked again later.
func (n *Node) lookAtTheirs(ctx context.Context, all []Agreement) error {
	var errs []error
	for _, a := range all {
		if a.Ours || a.State == WasEnded || a.PartnerBase == "" {
			continue
		}
		s, b, err := n.openAgreement(ctx, TakeAgreementRequest{Address: a.PartnerBase + "/agreements/" + a.ID[len("urn:uuid:"):]})
		if code, ok := errors.AsType[*fetch.StatusError](err); ok && code.Code == http.StatusNotFound {
			continue // one that came as a file, such as from another address
		}
		if err == nil {
			err = n.heedTheirs(ctx, a.ID, s, b)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Name, err))
		}
	}
	return errors.Join(errs...)
}

// heedTheirs writes down what a partner says of its agreement.
func (n *Node) heedTheirs(ctx context.Context, id string, s recognition.Statement, b recognition.Bundle) error {
	err := n.db.Update(ctx, func(tx *store.Tx) error {
		a, err := agreements.Get(tx, id)
		if err != nil {
			return err
		}
		own, err := getBundle(tx, id)
		if err != nil {
			return err
		}
		if a.State == WasEnded || !bytes.Equal(own.Agreement, b.Agreement) {
			return nil // ended meanwhile, or another text under the id, which was not countersigned
		}
		at := InForce
		if s.Standing == requirement.Lapsed && !s.Ended {
			at = OnHold
		}
		switch {
		case s.Ended:
			own.Ended = b.Ended
			a.State, a.Until, a.Reason, a.AtPartner = WasEnded, s.Until, "the partner ended it", ""
		case at == OnHold && a.AtPartner != OnHold:
			a.AtPartner = OnHold
		case at == InForce && a.AtPartner == OnHold && s.Standing == requirement.Current:
			a.AtPartner = ""
		default:
			return nil
		}
		a.Updated = n.now().UTC()
		kind := map[AgreementState]string{OnHold: "agreement.suspended", "": "agreement.resumed"}[a.AtPartner]
		if s.Ended {
			kind = "agreement.ended"
		}
		if err := errors.Join(putBundle(tx, id, own), agreements.Put(tx, a)); err != nil {
			return err
		}
		return n.note(tx, kind, map[string]any{"agreement": id, "partner": a.Partner, "by": a.Partner})
	})
	if err == nil {
		n.judged.forget()
	}
	return err
}
