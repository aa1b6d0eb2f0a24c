package wallet

import (
	"context"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// forgetBatch is how many queued messages one transaction drops.
const forgetBatch = 100

// ForgetPartner ends the connection with a partner from this side: it is not
// visited any more, and what waits for it is dropped. Badges stay, and so does
// the record of what was shown. A new invitation makes a new connection. The
// error wraps [ErrInput], such as for one with an application that is open.
func (w *Wallet) ForgetPartner(ctx context.Context, at string) (exchange.Connection, error) {
	c, err := w.partner(ctx, at)
	if err != nil {
		return c, err
	}
	all, err := w.Applications(ctx)
	if err != nil {
		return c, err
	}
	for _, a := range all {
		if a.Connection == c.ID && !a.over() {
			return c, errorf(ErrInput, "the application for %s is %s there; withdraw it first: trustme wallet applications withdraw %s", a.Name, a.Standing(), a.ID)
		}
	}
	pair, err := c.Pair()
	if err != nil {
		return c, err
	}
	for left := forgetBatch; left == forgetBatch; {
		err := w.db.Update(ctx, func(tx *store.Tx) error {
			waiting, err := didcomm.Pending(tx, pair, 0, forgetBatch)
			if err != nil {
				return err
			}
			for _, e := range waiting {
				if err := didcomm.Acknowledge(tx, pair, e.Message.ID); err != nil {
					return err
				}
			}
			if left = len(waiting); left == forgetBatch {
				return nil
			}
			return exchange.Connections.Delete(tx, c.ID)
		})
		if err != nil {
			return c, err
		}
	}
	return c, nil
}
