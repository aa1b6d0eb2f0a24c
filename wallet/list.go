package wallet

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

func sortHeld(hs []Held) {
	slices.SortFunc(hs, func(a, b Held) int {
		return cmp.Or(a.Received.Compare(b.Received), cmp.Compare(a.ID, b.ID))
	})
}

func (h Held) fits(what string) bool {
	return len(what) >= 4 && strings.HasPrefix(h.ID, strings.ToLower(what)) || h.Credential == what || strings.EqualFold(h.Name, what)
}

// Offers lists what partners offer and what became of it.
func (w *Wallet) Offers(ctx context.Context) (out []exchange.Offer, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for o, err := range exchange.Got.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, o)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b exchange.Offer) int { return a.Updated.Compare(b.Updated) })
	return out, err
}

// undecided counts the offers of a partner that await a decision.
func (w *Wallet) undecided(ctx context.Context, c exchange.Connection) (int, error) {
	all, err := w.Offers(ctx)
	n := 0
	for _, o := range all {
		if o.Connection == c.ID && o.State == exchange.Offered {
			n++
		}
	}
	return n, err
}

// Answer accepts or declines an offer that was put aside, and visits the
// partner to say so.
func (w *Wallet) Answer(ctx context.Context, id string, accept bool, reason string) (SyncResult, error) {
	all, err := w.Offers(ctx)
	if err != nil {
		return SyncResult{}, err
	}
	var found *exchange.Offer
	for _, o := range all {
		if o.ID == id || strings.EqualFold(o.Preview.Name, id) {
			found = &o
		}
	}
	if found == nil {
		return SyncResult{}, errorf(ErrNotHeld, "no offer %q; `trustme wallet offers` lists them", id)
	}
	var c exchange.Connection
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = exchange.Connections.Get(tx, found.Connection)
		return err
	})
	if err != nil {
		return SyncResult{}, err
	}
	if accept {
		err = w.holder.Accept(ctx, c, *found)
	} else {
		err = w.holder.Decline(ctx, c, *found, cmp.Or(reason, "declined by the learner"))
	}
	if err != nil {
		return SyncResult{}, errorf(ErrInput, "%v", err)
	}
	return w.syncOne(ctx, c)
}
