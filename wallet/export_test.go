package wallet

import (
	"context"
	"io"

	"github.com/trust-me/trustme/internal/store"
)

// RestorePart restores the first n things of a backup, as a restore does that
// is cut off there. It returns how many there are.
func (w *Wallet) RestorePart(ctx context.Context, r io.Reader, passphrase string, n int) (int, error) {
	c, _, err := open(ctx, r, passphrase, measure)
	if err != nil {
		return 0, err
	}
	adds, err := w.additions(ctx, c)
	if err != nil {
		return 0, err
	}
	return len(adds), w.db.Update(ctx, func(tx *store.Tx) error {
		for _, a := range adds[:min(n, len(adds))] {
			if err := a.to(tx, &Manifest{}); err != nil {
				return err
			}
		}
		return nil
	})
}
