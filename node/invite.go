package node

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// InviteRequest says what an invitation is for. Zero fields: one use, seven
// days.
type InviteRequest struct {
	Label string        `json:"label"`
	Uses  int           `json:"uses"`
	For   time.Duration `json:"for"`
}

// InviteLink is an invitation as it is handed out. Link is short and leads to
// a page; URL holds the whole invitation and works without that page.
type InviteLink struct {
	ID      string    `json:"id"`
	Code    string    `json:"code"`
	Link    string    `json:"link"`
	URL     string    `json:"url"`
	Uses    int       `json:"uses"`
	Expires time.Time `json:"expires"`
}

const (
	inviteFor = 7 * 24 * time.Hour
	claimFor  = 90 * 24 * time.Hour
)

// newCode returns 50 random bits as ten letters and digits that are hard to
// confuse, in two groups.
func newCode() string {
	var b [7]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	s := base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding).EncodeToString(b[:])
	return s[:5] + "-" + s[5:10]
}

func normalCode(s string) string {
	s = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), "-", ""))
	if len(s) != 10 {
		return s
	}
	return s[:5] + "-" + s[5:]
}

// Invite makes an invitation. Whoever opens it first is connected.
func (n *Node) Invite(ctx context.Context, r InviteRequest) (InviteLink, error) {
	if r.Uses < 0 || r.Uses > 10_000 {
		return InviteLink{}, fmt.Errorf("%w: uses %d; use 1 to 10000", ErrInput, r.Uses)
	}
	if err := checkFor(r.For); err != nil {
		return InviteLink{}, err
	}
	inv := n.newInvite(exchange.GoalConnect, max(r.Uses, 1), or(r.For, inviteFor))
	inv.Label = r.Label
	err := n.db.Update(ctx, func(tx *store.Tx) error {
		if err := invites.Insert(tx, inv); err != nil {
			return err
		}
		return n.note(tx, "invitation.made", map[string]any{"invitation": inv.ID, "uses": inv.Uses})
	})
	if err != nil {
		return InviteLink{}, err
	}
	return n.link(inv, nil)
}

// checkFor refuses a link that would never be open.
func checkFor(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%w: for %s; a link is open for a while, such as 1h or 168h", ErrInput, d)
	}
	return nil
}

func (n *Node) newInvite(goal string, uses int, valid time.Duration) Invite {
	now := n.now().UTC()
	return Invite{ID: didcomm.NewID(), Code: newCode(), Goal: goal, Uses: uses, Created: now, Expires: now.Add(valid)}
}

func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// invitation returns what is told to whoever opens an invite.
func (n *Node) invitation(i Invite, ask *exchange.Ask) exchange.Invitation {
	inv := exchange.Invitation{ID: i.ID, From: n.contact, Label: n.set.Name, GoalCode: i.Goal, Expires: i.Expires}
	switch i.Goal {
	case exchange.GoalClaim:
		inv.Goal = "Receive a badge from " + n.set.Name
	case exchange.GoalPresent:
		inv.Goal = "Show a badge to " + n.set.Name
	default:
		inv.Goal = "Connect with " + n.set.Name
	}
	if ask != nil {
		m := ask.Message()
		inv.Request = &m
	}
	return inv
}

func (n *Node) link(i Invite, ask *exchange.Ask) (InviteLink, error) {
	url, err := n.invitation(i, ask).URL(n.set.Base + "/i")
	return InviteLink{ID: i.ID, Code: i.Code, Link: n.set.Base + "/i/" + i.Code, URL: url, Uses: i.Uses, Expires: i.Expires}, err
}

// inviteByCode finds an invitation by its short code. The error is
// [ErrNotFound] when there is none.
func (n *Node) inviteByCode(ctx context.Context, code string) (Invite, *exchange.Ask, error) {
	var found Invite
	var ask *exchange.Ask
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for i, err := range invites.By(tx, "code", normalCode(code)) {
			if err != nil {
				return err
			}
			found = i
			if i.Ask == "" {
				return nil
			}
			a, err := exchange.Asks.Get(tx, i.Ask)
			ask = &a
			return err
		}
		return fmt.Errorf("%w: no invitation has the code %q", ErrNotFound, code)
	})
	return found, ask, err
}

// admit decides whether a stranger's first message belongs to an open
// invitation. Using it up is written together with the connection, so that two
// strangers cannot both be the only one.
func (n *Node) admit(ctx context.Context, r didcomm.Received) (exchange.Connection, func(*store.Tx) error, error) {
	var none exchange.Connection
	var inv Invite
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		inv, err = invites.Get(tx, r.Message.Pthid)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return none, nil, &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this invitation is not one of ours"}
	}
	if err != nil {
		return none, nil, err
	}
	if p := n.closed(inv); p != nil {
		return none, nil, p
	}
	pair := didcomm.Pair{Own: r.To, Peer: r.From}
	c := exchange.NewConnection(pair, inv.ID, inv.Label, n.now())
	return c, func(tx *store.Tx) error {
		now, err := invites.Get(tx, inv.ID)
		if err != nil {
			return err
		}
		if p := n.closed(now); p != nil {
			return p
		}
		open := now
		now.Uses--
		if err := invites.Put(tx, now); err != nil {
			return err
		}
		if err := n.note(tx, "connection.made", map[string]any{"connection": c.ID, "invitation": inv.ID}); err != nil {
			return err
		}
		switch {
		case now.Badge != "":
			award, err := n.redeem(tx, c, open, "", "")
			if err != nil {
				return err
			}
			return n.note(tx, "claim-code.redeemed", map[string]any{"invitation": now.ID, "credential": award.ID})
		case now.Award != "":
			_, err := n.claim(tx, c, now.Award, "")
			return err
		}
		return nil
	}, nil
}

func (n *Node) closed(i Invite) error {
	switch {
	case !n.now().Before(i.Expires):
		return &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this invitation expired on " + i.Expires.Format(time.DateOnly) + ": ask " + n.set.Name + " for a new one"}
	case i.Closed:
		return &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this invitation was closed: ask " + n.set.Name + " for a new one"}
	case i.Uses < 1:
		return &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "this invitation was used already: ask " + n.set.Name + " for a new one"}
	}
	return nil
}

// Connections lists the peers, oldest first.
func (n *Node) Connections(ctx context.Context) ([]exchange.Connection, error) {
	out := []exchange.Connection{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for c, err := range exchange.Connections.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	return out, err
}
