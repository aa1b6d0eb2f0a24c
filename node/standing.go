package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// StandingRequest changes what the lists say of a badge.
type StandingRequest struct {
	ID     string `json:"id"`
	To     string `json:"to"` // revoked, suspended or active
	Reason string `json:"reason"`
}

// Changed is an award after its standing was set. Published says that the list
// that tells it is served; otherwise it is recorded, and the node publishes it
// as soon as it serves again.
type Changed struct {
	Award
	Published bool `json:"published"`
}

// SetStanding revokes, suspends or reinstates a badge, with a reason that the
// journal keeps and the holder is told; its renewal that is under way stands as
// the badge does. Once it returns, the change is on disk; while the node serves,
// SetStanding waits for the beat that publishes it, or for the node to stop. A
// verifier may act on the old list for up to the list's ttl. A revocation is
// final; doing the same twice is no error.
func (n *Node) SetStanding(ctx context.Context, r StandingRequest) (Changed, error) {
	if err := checkReason(r.Reason); err != nil {
		return Changed{}, err
	}
	var a Award
	var under []Award // its renewal that is under way
	err := n.db.Update(ctx, func(tx *store.Tx) (err error) {
		under = nil
		if a, err = currentOf(tx, r.ID); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no badge %q was issued here", ErrNotFound, r.ID)
		}
		if err != nil {
			return err
		}
		if a.Standing == Standing(r.To) {
			return nil
		}
		if err := a.may(Standing(r.To)); err != nil {
			return err
		}
		if a, err = n.stand(tx, a, Standing(r.To), r.Reason); err != nil {
			return err
		}
		if under, err = n.standUnder(tx, a); err != nil {
			return err
		}
		if err := n.tellHolder(tx, a); err != nil {
			return err
		}
		return n.note(tx, "award."+r.To, operator.tell(map[string]any{"credential": a.ID, "achievement": a.Catalogue + "/" + a.Achievement, "reason": r.Reason}))
	})
	if err != nil {
		return Changed{}, err
	}
	for _, x := range append(under, a) {
		if err := n.recall(ctx, x.List, x.Purpose, x.Index); err != nil {
			return Changed{}, err
		}
	}
	if a.Standing == Revoked {
		n.lists.revoke(or(a.Credential, a.ID))
	}
	published, err := n.published(ctx)
	if err == nil && !published {
		err = n.Publish(ctx) // on disk, for the next start
	}
	n.wakeHolder(ctx, a.Recipient) // who looks at the list finds what they are told
	return Changed{a, published}, err
}

// standUnder gives the renewal of a badge that was offered or signed, and that
// its holder has not acknowledged, the standing that the badge has now: it is the
// same badge, and must not come into force beside it.
func (n *Node) standUnder(tx *store.Tx, a Award) (out []Award, err error) {
	var all []Award
	for b, err := range awards.By(tx, "key", hashed(renewKey(a.ID))) {
		if err != nil {
			return nil, err
		}
		if (b.State == AwardOffered || b.State == AwardIssued) && b.Standing != a.Standing && b.may(a.Standing) == nil {
			all = append(all, b)
		}
	}
	for _, b := range all {
		if b, err = n.stand(tx, b, a.Standing, a.Reason); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func checkReason(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: give a reason; it is kept in the journal, and the holder is told it", ErrInput)
	case len(s) > exchange.MaxReason:
		return fmt.Errorf("%w: the reason has %d bytes, and at most %d are told; shorten it", ErrInput, len(s), exchange.MaxReason)
	}
	return nil
}

// stand records what a badge's standing is from now on.
func (n *Node) stand(tx *store.Tx, a Award, to Standing, reason string) (Award, error) {
	now := n.now().UTC()
	a.Since = latest(now, a.ValidFrom, a.Since.Add(time.Microsecond)) // a clock may be put back, and of two messages the later counts
	a.Standing, a.Reason, a.Updated = to, reason, now
	if err := awards.Put(tx, a); err != nil {
		return a, err
	}
	return a, n.setBit(tx, a.List, a.Purpose, a.Index, to != Active)
}

func latest(t time.Time, more ...time.Time) time.Time {
	for _, u := range more {
		if u.After(t) {
			t = u
		}
	}
	return t
}

// tellHolder queues what became of a badge for the wallet that has it: one that
// was signed, for a recipient with a connection.
func (n *Node) tellHolder(tx *store.Tx, a Award) error {
	if a.State != AwardIssued && a.State != AwardHeld {
		return nil
	}
	to, err := connectionOf(tx, a.Recipient)
	if err != nil || to == "" {
		return err
	}
	c, err := exchange.Connections.Get(tx, to)
	if err != nil {
		return ignoreMissing(err)
	}
	return exchange.Standing{Credential: or(a.Credential, a.ID), Standing: string(a.Standing), Reason: a.Reason, At: a.Since}.Tell(tx, c)
}

// connectionOf returns the connection of a recipient: its own, or the last over
// which the key was proven that a badge is bound to; "" for none.
func connectionOf(tx *store.Tx, r Recipient) (string, error) {
	if r.Connection != "" || r.DID == "" {
		return r.Connection, nil
	}
	var last Award
	for b, err := range awards.By(tx, "recipient", r.DID) {
		if err != nil {
			return "", err
		}
		if b.Recipient.Connection != "" && b.Updated.After(last.Updated) {
			last = b
		}
	}
	return last.Recipient.Connection, nil
}

func (n *Node) wakeHolder(ctx context.Context, r Recipient) {
	var to string
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		to, err = connectionOf(tx, r)
		return err
	})
	if err == nil && to != "" { // else it is sent at the next connection
		n.wake(ctx, to)
	}
}

func (a Award) may(to Standing) error {
	switch {
	case to != Revoked && to != Suspended && to != Active:
		return fmt.Errorf("%w: %q; a badge can be revoked, suspended or reinstated", ErrInput, to)
	case a.Standing == Revoked:
		return fmt.Errorf("%w: the badge is revoked, and that is final; grant a new one", ErrInput)
	case to == Suspended && a.Purpose != status.Suspension:
		return fmt.Errorf("%w: badges of %s cannot be suspended: the catalogue does not declare it suspendable; revoke it, or set suspendable: true for later ones", ErrInput, a.Achievement)
	}
	return nil
}
