package node

import (
	"context"
	"slices"

	"github.com/trust-me/trustme/internal/store"
)

// WithdrawAllRequest withdraws every badge of an achievement.
type WithdrawAllRequest struct {
	Achievement string `json:"achievement"`
	Reason      string `json:"reason"`
}

// WithdrawnAll counts the badges that were revoked.
type WithdrawnAll struct {
	Achievement string `json:"achievement"`
	Revoked     int    `json:"revoked"`
}

// withdrawBatch is how many badges are looked up, and revoked in one transaction,
// where the reason is short: each writes it three times.
const withdrawBatch = 100

func fitting(reason string) int {
	if len(reason) > 256 {
		return withdrawBatch / 10
	}
	return withdrawBatch
}

// WithdrawAll revokes every badge of an achievement that still stands, such as
// after a mistake in its assessment (Open Badges 3.0, use case "Badge Class
// Status"), and tells their holders. It can be repeated, and goes on where it was interrupted.
func (n *Node) WithdrawAll(ctx context.Context, r WithdrawAllRequest) (WithdrawnAll, error) {
	if err := checkReason(r.Reason); err != nil {
		return WithdrawnAll{}, err
	}
	c, slug, _, err := n.achievement(r.Achievement)
	if err != nil {
		return WithdrawnAll{}, err
	}
	out := WithdrawnAll{Achievement: c.Slug + "/" + slug}
	after, before := "", -1
	told := map[Recipient]bool{}
	for {
		some, err := n.standingOf(ctx, out.Achievement, after)
		if err != nil {
			return out, err
		}
		if len(some) == 0 {
			if before == out.Revoked {
				break
			}
			after, before = "", out.Revoked // once more, for those that were given meanwhile
			continue
		}
		for part := range slices.Chunk(some, fitting(r.Reason)) {
			did, done, err := n.revokeSome(ctx, part, r.Reason)
			out.Revoked += did
			for _, a := range done {
				told[Recipient{Connection: a.Recipient.Connection, DID: a.Recipient.DID}] = true
			}
			if err != nil {
				return out, err
			}
		}
		after = some[len(some)-1].ID
	}
	published, err := n.published(ctx)
	if err == nil && !published {
		err = n.Publish(ctx)
	}
	for r := range told {
		n.wakeHolder(ctx, r)
	}
	return out, err
}

// standingOf returns the next badges of an achievement that are to be revoked,
// after the one with an id.
func (n *Node) standingOf(ctx context.Context, achievement, after string) (some []Award, err error) {
	return some, n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range awards.ByAfter(tx, "achievement", achievement, after) {
			if err != nil {
				return err
			}
			if a.Standing != Revoked && a.State != AwardDeclined {
				some = append(some, a)
			}
			if len(some) == withdrawBatch {
				return nil
			}
		}
		return nil
	})
}

// revokeSome revokes those that still stand when their turn comes, and returns
// them, and how many badges that were: who revoked one meanwhile has said so.
func (n *Node) revokeSome(ctx context.Context, some []Award, reason string) (did int, done []Award, err error) {
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		done, did = nil, 0 // a transaction may run more than once
		for _, old := range some {
			a, err := awards.Get(tx, old.ID)
			if err != nil {
				return err
			}
			if a.Standing == Revoked || a.State == AwardDeclined {
				continue
			}
			if a, err = n.stand(tx, a, Revoked, reason); err != nil {
				return err
			}
			done = append(done, a)
			if a.State == AwardRenewed {
				continue // an older version of a badge whose newest is counted
			}
			did++
			if err := n.tellHolder(tx, a); err != nil {
				return err
			}
			if err := n.note(tx, "award.revoked", operator.tell(map[string]any{"credential": or(a.Credential, a.ID), "achievement": a.Catalogue + "/" + a.Achievement, "reason": reason})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	for _, a := range done {
		n.lists.revoke(or(a.Credential, a.ID))
		if err := n.recall(ctx, a.List, a.Purpose, a.Index); err != nil {
			return did, done, err
		}
	}
	return did, done, nil
}
