package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/trust-me/trustme/credentials/status"
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
// journal keeps. Once it returns, the change is on disk; while the node serves,
// SetStanding waits for the beat that publishes it, or for the node to stop. A
// verifier may act on the old list for up to the list's ttl. A revocation is
// final; doing the same twice is no error.
func (n *Node) SetStanding(ctx context.Context, r StandingRequest) (Changed, error) {
	if r.Reason == "" {
		return Changed{}, fmt.Errorf("%w: give a reason; it is kept in the journal", ErrInput)
	}
	var a Award
	err := n.db.Update(ctx, func(tx *store.Tx) (err error) {
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
		a.Standing, a.Reason, a.Updated = Standing(r.To), r.Reason, n.now().UTC()
		if err := awards.Put(tx, a); err != nil {
			return err
		}
		if err := n.setBit(tx, a.List, a.Purpose, a.Index, a.Standing != Active); err != nil {
			return err
		}
		return n.note(tx, "award."+r.To, map[string]any{"credential": a.ID, "achievement": a.Catalogue + "/" + a.Achievement, "reason": r.Reason})
	})
	if err != nil {
		return Changed{}, err
	}
	if err := n.recall(ctx, a.List, a.Purpose, a.Index); err != nil {
		return Changed{}, err
	}
	if a.Standing == Revoked {
		n.lists.revoke(or(a.Credential, a.ID))
	}
	published, err := n.published(ctx)
	if err == nil && !published {
		err = n.Publish(ctx) // on disk, for the next start
	}
	return Changed{a, published}, err
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
