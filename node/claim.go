package node

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// claimKey is the key of the badges that take the place of award id, one for
// each claim of it.
func claimKey(id string) string { return "claim of " + id }

// claim offers the award of an e-mail recipient to the connection that came
// with the claim code. It becomes a new badge, bound to the wallet's key; the
// other is told to be superseded by the expiry list. What no longer stands is
// not claimed. The badge is in the language that is chosen, "" for that in which
// it was awarded.
func (n *Node) claim(tx *store.Tx, c exchange.Connection, id, language string) (bound Award, err error) {
	old, err := awards.Get(tx, id)
	if err != nil {
		return old, err
	}
	over, err := n.over(tx, old)
	switch {
	case err != nil:
		return old, err
	case old.Standing != Active:
		return old, &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this award is " + string(old.Standing) + ": " + old.Reason}
	case over:
		return old, &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this award ended on " + old.ValidUntil.Format(time.DateOnly) + ": ask " + n.set.Name + " for a new one"}
	}
	h := sha256.Sum256([]byte(id + " claimed by " + c.ID))
	if bound, err = n.chosen(old, language); err != nil {
		return old, err
	}
	bound.ID, bound.Key, bound.Replaces, bound.Claim = urn([16]byte(h[:16])), claimKey(id), id, ""
	bound.Recipient, bound.State = Recipient{Connection: c.ID, Email: old.Recipient.Email}, AwardOffered
	bound.Route, bound.By, bound.Updated = routeLink, learner, n.now().UTC()
	if err := n.notGiven(tx, bound); err != nil {
		return bound, err
	}
	return bound, n.reserveIn(tx, &bound)
}

// chosen puts an award into the language that whoever claims it chose; "" leaves
// it as it is.
func (n *Node) chosen(a Award, language string) (Award, error) {
	c := n.catalogue(a.Catalogue)
	switch {
	case language == "":
		return a, nil
	case c == nil:
		return a, fmt.Errorf("%w: %s is claimed in the language in which it was awarded; leave out --language", ErrInput, a.Name)
	}
	if _, err := givenIn(c, a.Achievement, language); err != nil {
		return a, err
	}
	return n.speak(a, language), nil
}

// addClaim gives the claim link of an e-mail recipient: the one that is open,
// or a new one when that has expired. There is none for an award that has been
// claimed, or that no longer stands.
func (n *Node) addClaim(ctx context.Context, g *Granted) error {
	if g.Award.Recipient.Email == "" || g.Award.Recipient.Connection != "" {
		return nil
	}
	var inv Invite
	err := n.db.Update(ctx, func(tx *store.Tx) error {
		inv = Invite{}
		a, err := awards.Get(tx, g.Award.ID)
		if err != nil {
			return err
		}
		if over, err := n.over(tx, a); err != nil || over || a.Standing != Active {
			return err
		}
		if claimed, err := n.claimed(tx, a.ID); err != nil || claimed {
			return err
		}
		if a.Claim != "" {
			if inv, err = invites.Get(tx, a.Claim); err != nil || n.closed(inv) == nil {
				return err
			}
		}
		inv = n.newInvite(exchange.GoalClaim, 1, claimFor)
		inv.Award, a.Claim = a.ID, inv.ID
		if err := invites.Insert(tx, inv); err != nil {
			return err
		}
		g.Award = a
		return awards.Put(tx, a)
	})
	if err != nil || inv.ID == "" {
		return err
	}
	l, err := n.link(inv, nil)
	g.Claim = &l
	return err
}

// claimed reports whether a wallet has come for the award and not declined it.
func (n *Node) claimed(tx *store.Tx, id string) (bool, error) {
	for b, err := range awards.By(tx, "key", claimKey(id)) {
		if err != nil {
			return false, err
		}
		if b.State != AwardDeclined {
			return true, nil
		}
	}
	return false, nil
}
