package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// ClaimCodeRequest makes a code that earns an achievement for whoever redeems
// it. Zero fields: one use, seven days.
type ClaimCodeRequest struct {
	Achievement string        `json:"achievement"`
	Level       int           `json:"level,omitempty"`
	Uses        int           `json:"uses,omitempty"`
	For         time.Duration `json:"for,omitempty"`
}

// ClaimCode makes a claim code for an achievement that is earned by one.
func (n *Node) ClaimCode(ctx context.Context, r ClaimCodeRequest) (InviteLink, error) {
	c, slug, a, err := n.achievement(r.Achievement)
	if err != nil {
		return InviteLink{}, err
	}
	if a.Award.By != "claim-code" {
		return InviteLink{}, fmt.Errorf("%w: %s is awarded by %s, not by claim-code; give it with: trustme node issue --to WHOM %s/%s", ErrInput, a.Name, a.Award.By, c.Slug, slug)
	}
	if r.Uses < 0 || r.Uses > 10_000 {
		return InviteLink{}, fmt.Errorf("%w: uses %d; use 1 to 10000", ErrInput, r.Uses)
	}
	if err := checkFor(r.For); err != nil {
		return InviteLink{}, err
	}
	if r.Level < 0 || r.Level > len(a.Levels) {
		return InviteLink{}, fmt.Errorf("%w: level %d; %s has %d levels", ErrInput, r.Level, slug, len(a.Levels))
	}
	inv := n.newInvite(exchange.GoalClaim, max(r.Uses, 1), or(r.For, inviteFor))
	inv.Badge, inv.Level = c.Slug+"/"+slug, r.Level
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if err := invites.Insert(tx, inv); err != nil {
			return err
		}
		return n.note(tx, "claim-code.made", map[string]any{"invitation": inv.ID, "achievement": inv.Badge, "uses": inv.Uses})
	})
	if err != nil {
		return InviteLink{}, err
	}
	return n.link(inv, nil)
}

// redeem gives the badge of a claim code to a connection, in the transaction
// that uses the code up; inv is as it was before. who is their key where they
// proved one already. The
// same code earns a person one badge.
func (n *Node) redeem(tx *store.Tx, c exchange.Connection, inv Invite, who, language string) (Award, error) {
	award, err := n.awardOf(GrantRequest{Achievement: inv.Badge, Language: language, To: Recipient{Connection: c.ID}, Level: inv.Level, Key: fmt.Sprintf("code %s by %s", inv.ID, or(who, c.ID)), ours: true, route: routeCode, by: learner})
	if err != nil {
		return award, err
	}
	for range awards.By(tx, "key", award.Key) {
		return award, &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "you have redeemed this code already; fetch the badge with: trustme wallet sync"}
	}
	if p := n.closed(inv); p != nil {
		return award, p
	}
	award.Recipient.DID = who
	if err := n.notGiven(tx, award); err != nil {
		return award, err
	}
	return award, n.reserveIn(tx, &award)
}

// onClaim redeems a claim code for a wallet that is connected already.
func (n *Node) onClaim(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	q, doc, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	who, err := n.proven(ctx, in, doc)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	inv, _, err := n.inviteByCode(ctx, q.Code)
	if errors.Is(err, ErrNotFound) || err == nil && inv.Badge == "" && inv.Award == "" {
		return didcomm.Outcome{}, application.Refused("this is no claim code of " + application.Refusal(n.set.Name) + "; check its ten letters and digits")
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	var award Award
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if inv, err = invites.Get(tx, inv.ID); err != nil {
			return err
		}
		if inv.Badge != "" {
			award, err = n.redeem(tx, in.Connection, inv, who.person.DID, q.Language) // who has it already is told that, whether or not the code is used up
		} else {
			award, err = awards.Get(tx, inv.Award)
		}
		if err != nil {
			return err
		}
		if p := n.closed(inv); p != nil {
			return p
		}
		if inv.Award != "" {
			bound, err := n.claim(tx, in.Connection, inv.Award, q.Language)
			if err != nil {
				return err
			}
			award.Name = bound.Name
		}
		inv.Uses--
		if err := invites.Put(tx, inv); err != nil {
			return err
		}
		return n.note(tx, "claim-code.redeemed", map[string]any{"invitation": inv.ID, "credential": award.ID})
	})
	if err == nil {
		n.agent.Wake(in.Pair)
	}
	return answered(in, application.Outcome{Name: award.Name, Award: award.ID}, err)
}
