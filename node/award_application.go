package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// awardFor makes the award of an application. It is bound to the key that the
// applicant proved, and made once for an application.
func (n *Node) awardFor(a application.Application) (Award, error) {
	award, err := n.awardOf(GrantRequest{Achievement: a.Catalogue + "/" + a.Slug, To: Recipient{Connection: a.Applicant.Connection}, Level: a.Now.Level, Key: "application " + a.ID, ours: true, route: routeReview})
	if err != nil {
		return Award{}, err
	}
	award = n.speak(award, a.Now.Language)
	award.Recipient.DID, award.Items = a.Applicant.DID, items(a)
	if !a.Now.Private {
		award.Narrative = a.Now.Say
	}
	return award, nil
}

// items tells the evidence of an application as the badge does: of a private
// one no more than digests.
func items(a application.Application) []Item {
	var out []Item
	for i, e := range a.Now.Evidence {
		item := Item{ID: application.EvidenceID(a.ID, a.Now.Revision, i), Media: e.Media, Digest: e.Digest}
		switch e.Kind {
		case application.Text:
			item.Media = "text/plain"
		case application.Credential:
			item.Media = "application/vc"
		}
		if !a.Now.Private {
			item.Name, item.Narrative, item.Genre = e.Name, e.Narrative, e.Genre
			if e.Kind == application.Link {
				item.ID = e.URL
			}
		}
		out = append(out, item)
	}
	return out
}

// addItems writes evidence into a badge, and the digests by which a verifier
// holds the files to it (VC Data Model 2.0 §5.3).
func addItems(award *credentials.Award, items []Item) error {
	for _, i := range items {
		award.Evidence = append(award.Evidence, credentials.Evidence{ID: i.ID, Name: i.Name, Narrative: i.Narrative, Genre: i.Genre})
		if i.Digest == "" {
			continue
		}
		sum, err := hex.DecodeString(i.Digest)
		if err != nil {
			return fmt.Errorf("%w: the digest of evidence %s: %v", store.ErrCorrupt, i.ID, err)
		}
		digest, err := application.Multibase(sum)
		if err != nil {
			return err
		}
		award.Resources = append(award.Resources, credentials.Resource{ID: i.ID, MediaType: i.Media, DigestMultibase: digest})
	}
	return nil
}

// checkApplication refuses an application whose badge could never be signed,
// as long as the learner can still change it.
func (n *Node) checkApplication(ctx context.Context, a application.Application) error {
	award, err := n.awardFor(a)
	if err == nil {
		err = n.check(ctx, award)
	}
	if refusal(err) {
		return application.Refusal(sentence(err))
	}
	return err
}

// sentence is what a refusal says, without the word that marks it as one.
func sentence(err error) string {
	return strings.TrimPrefix(err.Error(), ErrInput.Error()+": ")
}

// award gives the badge of an accepted application: the award, its offer, the
// state and the message about it in one transaction. by is who signed, nil
// where nobody has to, and act who the journal tells of. A renewal that is not to be given any more is closed
// instead: one that was handed in in time is given also when that is over.
func (n *Node) award(tx *store.Tx, a *application.Application, by *application.Person, act Actor, award Award) error {
	award.By = act
	if a.Now.Renews != "" {
		w, err := n.target(a.Catalogue + "/" + a.Slug)
		if err != nil {
			return err
		}
		old, _, err := n.renewed(tx, w, a.Now, a.Applicant)
		if no, ok := errors.AsType[application.Refusal](err); ok {
			return n.closeRenewal(tx, a, act, string(no))
		}
		if err != nil {
			return err
		}
		award = n.asRenewal(award, old)
	}
	var before []Award
	for old, err := range awards.By(tx, "key", award.Key) {
		if err != nil {
			return err
		}
		if old.State != AwardDeclined {
			before = append(before, old)
		}
	}
	old, found, err := n.given(tx, award)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		award = before[0]
	} else if found { // given meanwhile, in another way
		award = old
	} else if err := n.reserveIn(tx, &award); err != nil {
		return err
	}
	a.Sign(by, award.ID, n.now().UTC())
	if err := n.noteApplication(tx, "application.issued", *a, act.tell(map[string]any{"credential": award.ID})); err != nil {
		return err
	}
	return n.tellApplicant(tx, a)
}

// closeRenewal ends the application for a renewal whose badge was renewed or
// withdrawn meanwhile.
func (n *Node) closeRenewal(tx *store.Tx, a *application.Application, act Actor, why string) error {
	a.Close("nothing is left to renew: "+why, n.now().UTC())
	if err := n.dropUploads(tx, a.ID); err != nil {
		return err
	}
	if err := n.noteApplication(tx, "application.rejected", *a, act.tell(map[string]any{"closed": "renewed or withdrawn meanwhile"})); err != nil {
		return err
	}
	return n.tellApplicant(tx, a)
}

// signApplication gives the badge of an accepted application by the hand of
// an operator, and act who the journal tells of: them, or the operator at this
// machine in their name. The error is an [application.Refusal] when they may not.
func (n *Node) signApplication(ctx context.Context, id string, by application.Person, act Actor) (a application.Application, err error) {
	if a, err = n.Application(ctx, id); err != nil {
		return a, err
	}
	w, err := n.target(a.Catalogue + "/" + a.Slug)
	if err != nil {
		return a, err
	}
	if err := a.MaySign(by, w.rules()); err != nil {
		return a, err
	}
	award, err := n.awardFor(a)
	if err == nil {
		err = n.check(ctx, award)
	}
	if err != nil {
		return a, err
	}
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if a, err = getApplication(tx, a.ID); err != nil {
			return err
		}
		if err := a.MaySign(by, w.rules()); err != nil {
			return err
		}
		return n.award(tx, &a, &by, act, award)
	})
	if err == nil {
		n.wake(ctx, a.Applicant.Connection)
	}
	return a, err
}

// asRefusal turns a refusal of an application into one for an operator.
func asRefusal(err error) error {
	if no, ok := errors.AsType[application.Refusal](err); ok {
		return fmt.Errorf("%w: %s", ErrInput, string(no))
	}
	return err
}
