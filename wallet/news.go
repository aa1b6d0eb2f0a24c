package wallet

import (
	"context"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// standings tells where things stand that a partner moves, each in a sentence:
// applications, requests for endorsements, learning agreements, and offers that
// ended. What differs after a visit is news.
func (w *Wallet) standings(ctx context.Context, c exchange.Connection) (map[string]string, error) {
	out := map[string]string{}
	all, err := w.Applications(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Connection != c.ID {
			continue
		}
		out[a.ID] = a.Name + " is " + a.Standing()
		if why := a.Why(); why != "" {
			out[a.ID] += ": " + why
		}
	}
	return out, w.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range exchange.EndorseAsks.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if a.Connection != c.ID {
				continue
			}
			out[a.ID] = fmt.Sprintf("the endorsement of %s is %s", or(a.Name, a.Of), a.State)
			if a.Reason != "" {
				out[a.ID] += ": " + a.Reason
			}
		}
		for l, err := range learnings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if slices.Contains(l.Parties, c.ID) {
				out[l.ID] = fmt.Sprintf("the learning agreement %s has %d countersignatures; see: trustme wallet learning list", l.Name, len(l.Signers))
			}
		}
		for o, err := range exchange.Got.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if o.Connection == c.ID && o.State == exchange.Ended {
				out[o.ID] = o.Preview.Name + " is not given any more: " + o.Reason
			}
		}
		return nil
	})
}
