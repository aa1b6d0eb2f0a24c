package node

import (
	"context"
	"errors"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// indexedKey says which indexes all records are in: records that were written
// before there was one are put into it when a node is opened.
var indexedKey = []byte("awards-by-recipient")

// indexed is its value: 1 for awards by recipient, 2 for what is found by a
// person's e-mail address, connection or DID as well.
const indexed = "2"

// indexAll puts records into the indexes that were added since they were
// written, some at a time.
func (n *Node) indexAll(ctx context.Context) error {
	have := ""
	if err := n.db.View(ctx, func(tx *store.Tx) error {
		raw, err := tx.Get(indexedKey)
		have = string(raw)
		return ignoreMissing(err)
	}); err != nil || have == indexed {
		return err
	}
	for _, reindex := range []func(context.Context, *store.DB) error{awards.Reindex, learnings.Reindex, presented.Reindex, exchange.EndorseWanted.Reindex} {
		if err := reindex(ctx, n.db); err != nil {
			return err
		}
	}
	return n.db.Update(ctx, func(tx *store.Tx) error { return tx.Put(indexedKey, []byte(indexed)) })
}

// indexAtStart is [Node.indexAll], which waits for the next start where there
// is no room on the disk: reading goes on.
func (n *Node) indexAtStart(ctx context.Context) error {
	err := n.indexAll(ctx)
	if errors.Is(err, store.ErrNoSpace) {
		n.log.Warn("records are not in all indexes yet", "err", err)
		return nil
	}
	return err
}
