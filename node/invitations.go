package node

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Invitations lists the links and codes that are open, oldest first:
// invitations to connect, claim codes, claim links and requests for badges.
func (n *Node) Invitations(ctx context.Context) ([]Invite, error) {
	out := []Invite{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for i, err := range invites.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if n.closed(i) == nil {
				out = append(out, i)
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Invite) int { return a.Created.Compare(b.Created) })
	return out, err
}

// CloseRequest names a link or code by its code.
type CloseRequest struct {
	Code string `json:"code"`
}

// CloseInvitation closes a link or code: nobody can use it from when
// CloseInvitation returns nil. Who used it before keeps what came of it. The
// error wraps [ErrNotFound], or [ErrInput] for one that is not open.
func (n *Node) CloseInvitation(ctx context.Context, r CloseRequest) (Invite, error) {
	i, _, err := n.inviteByCode(ctx, r.Code)
	if err != nil {
		return i, err
	}
	return i, n.db.Update(ctx, func(tx *store.Tx) error {
		if i, err = invites.Get(tx, i.ID); err != nil {
			return err
		}
		if n.closed(i) != nil {
			return fmt.Errorf("%w: %s is closed, used up or over already; trustme node invitations list shows those that are open", ErrInput, i.Code)
		}
		i.Closed = true
		if err := invites.Put(tx, i); err != nil {
			return err
		}
		return n.note(tx, "invitation.closed", map[string]any{"invitation": i.ID, "uses": i.Uses})
	})
}

// Asks lists the requests for badges, oldest first.
func (n *Node) Asks(ctx context.Context) ([]exchange.Ask, error) {
	out := []exchange.Ask{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range exchange.Asks.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, a)
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b exchange.Ask) int { return a.Updated.Compare(b.Updated) })
	return out, err
}

func (n *Node) adminInvitations(mux *http.ServeMux) {
	handle(mux, "POST /invitations", n.Invite)
	handle(mux, "POST /invitations/close", n.CloseInvitation)
	mux.HandleFunc("GET /invitations", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Invitations(r.Context())
		answer(w, all, err)
	})
	handle(mux, "POST /asks", n.Ask)
	mux.HandleFunc("GET /asks", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Asks(r.Context())
		answer(w, all, err)
	})
	mux.HandleFunc("GET /asks/{id}", n.adminAsk)
}

// Invitations lists the links and codes that are open.
func (c *Client) Invitations(ctx context.Context) (all []Invite, err error) {
	return all, c.call(ctx, http.MethodGet, "/invitations", nil, &all)
}

// CloseInvitation closes a link or code.
func (c *Client) CloseInvitation(ctx context.Context, r CloseRequest) (i Invite, err error) {
	return i, c.call(ctx, http.MethodPost, "/invitations/close", r, &i)
}

// Asks lists the requests for badges.
func (c *Client) Asks(ctx context.Context) (all []exchange.Ask, err error) {
	return all, c.call(ctx, http.MethodGet, "/asks", nil, &all)
}
