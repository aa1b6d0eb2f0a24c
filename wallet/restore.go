package wallet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Restore adds what this wallet lacks of a backup, and returns how much that
// was: backups of two wallets merge as a union, what is held stays as it is,
// and a backup restored twice changes nothing. Into a wallet that is as Init
// made it, the backup's DID becomes the wallet's own. Nothing is added from a
// backup that is not whole, but for files that nothing names.
//
// It is one transaction up to what a transaction can hold, and several above.
// One that was cut off between two of them left a part that is good in itself;
// restoring again adds the rest.
func (w *Wallet) Restore(ctx context.Context, r io.Reader, passphrase string) (Manifest, error) {
	c, m, err := open(ctx, r, passphrase, func(file io.Reader) (string, error) { // before the records that name it
		digest, _, err := w.db.PutBlob(ctx, file)
		return digest, err
	})
	if err != nil {
		return Manifest{}, err
	}
	adds, err := w.additions(ctx, c)
	if err != nil {
		return Manifest{}, err
	}
	added := Manifest{Created: m.Created}
	for len(adds) > 0 {
		n := fitting(adds)
		var now Manifest
		err := w.db.Update(ctx, func(tx *store.Tx) error {
			now = added // it may run again
			for _, a := range adds[:n] {
				if err := a.to(tx, &now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return added, fmt.Errorf("restoring, with %d of %d badges added (do it again to add the rest): %w", added.Badges, m.Badges, err)
		}
		added, adds = now, adds[n:]
	}
	id, err := w.readIdentity(ctx)
	if err != nil {
		return added, err
	}
	w.id, err = did.Parse(id.DIDs[0])
	return added, err
}

// addition adds one thing to the wallet unless it is there, and counts it.
type addition struct {
	bytes int // about what it writes
	to    func(*store.Tx, *Manifest) error
}

// fitting returns how many additions one transaction takes: a badge of the
// largest size alone, and no more than half of what the store allows.
func fitting(adds []addition) int {
	bytes := 0
	for i, a := range adds {
		if bytes += a.bytes; i > 0 && (bytes > 512<<10 || i == 400) {
			return i
		}
	}
	return len(adds)
}

// additions lists what a backup holds in an order that can be cut anywhere:
// keys before the identity that needs them, and before badges and connections
// that tell a wallet in use from a new one.
func (w *Wallet) additions(ctx context.Context, c content) (adds []addition, err error) {
	add := func(bytes int, to func(*store.Tx, *Manifest) error) { adds = append(adds, addition{bytes, to}) }
	imports, err := w.keys.Imports(ctx, c.Transfer, c.Keys)
	if err != nil {
		return nil, err
	}
	for _, write := range imports {
		add(1<<10, func(tx *store.Tx, m *Manifest) error { m.Keys++; return write(tx) })
	}
	add(128*len(c.DIDs), func(tx *store.Tx, _ *Manifest) error { return adopt(tx, c.DIDs) })
	for _, v := range c.Connections {
		d, err := did.Parse(v.Own)
		if err != nil {
			return nil, err
		}
		add(4<<10, func(tx *store.Tx, m *Manifest) error {
			added, err := insert(tx, exchange.Connections, v)
			if err != nil || !added {
				return err
			}
			m.Connections++
			return tx.Put(ownKey(d), nil)
		})
	}
	for _, v := range c.Offers {
		add(4<<10, func(tx *store.Tx, _ *Manifest) error { _, err := insert(tx, exchange.Got, v); return err })
	}
	for _, v := range c.Shown {
		add(4<<10, func(tx *store.Tx, _ *Manifest) error { _, err := insert(tx, shown, v); return err })
	}
	for _, a := range c.Applications {
		add(256<<10, func(tx *store.Tx, _ *Manifest) error {
			if _, err := getApplied(tx, a.ID); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return putApplied(tx, a)
		})
	}
	for _, e := range c.Endorsements {
		add(4<<10+len(e.Bytes), func(tx *store.Tx, _ *Manifest) error { return putEndorsement(tx, e.Endorsement, e.Bytes) })
	}
	for _, b := range c.Badges {
		add(4<<10+len(b.Bytes), func(tx *store.Tx, m *Manifest) error {
			added, err := put(tx, b.Held, b.Bytes)
			if added {
				m.Badges++
			}
			return err
		})
	}
	return append(adds, c.records()...), nil
}

// records are the additions of what the learner made, and of what stands
// between the learner and partners.
func (c content) records() (adds []addition) {
	add := func(bytes int, to func(*store.Tx) error) {
		adds = append(adds, addition{bytes, func(tx *store.Tx, _ *Manifest) error { return to(tx) }})
	}
	for _, a := range c.EndorseAsks {
		add(4<<10, func(tx *store.Tx) error { _, err := insert(tx, exchange.EndorseAsks, a); return err })
	}
	for _, l := range c.Learnings {
		add(64<<10, func(tx *store.Tx) error { return joinLearning(tx, l.Learning, l.Bundle) })
	}
	for _, r := range c.Records {
		add(32<<10, func(tx *store.Tx) error {
			if err := getJSON(tx, recordKey(r.ID), &Record{}); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return putRecord(tx, r)
		})
	}
	for _, p := range c.Publications {
		add(64<<10, func(tx *store.Tx) error {
			if err := getJSON(tx, publicationKey(p.ID), &Publication{}); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return putPublication(tx, p)
		})
	}
	return adds
}

// adopt adds DIDs to the wallet's own. They come first in a wallet as Init
// made it, to whose DID nothing is bound yet.
func adopt(tx *store.Tx, dids []string) error {
	id, err := getIdentity(tx)
	if err != nil {
		return err
	}
	unused, err := isUnused(tx, id)
	if err != nil {
		return err
	}
	first, then := id.DIDs, dids
	if unused {
		first, then = dids, id.DIDs
	}
	all := slices.Clone(first)
	for _, d := range then {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	if slices.Equal(all, id.DIDs) {
		return nil
	}
	return putIdentity(tx, identity{DIDs: all})
}

// isUnused reports whether a wallet has one DID and nothing else.
func isUnused(tx *store.Tx, id identity) (bool, error) {
	for _, err := range held.List(tx, store.Range{Limit: 1}) {
		return false, err
	}
	for _, err := range exchange.Connections.List(tx, store.Range{Limit: 1}) {
		return false, err
	}
	return len(id.DIDs) == 1, nil
}

// insert adds a record that is absent.
func insert[T any](tx *store.Tx, c store.Collection[T], v T) (added bool, err error) {
	err = c.Insert(tx, v)
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	return err == nil, err
}
