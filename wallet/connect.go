package wallet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

func ownKey(d did.DID) []byte {
	h := sha256.Sum256([]byte(d.String()))
	return []byte("own/" + hex.EncodeToString(h[:16]))
}

// Invitation reads a link, short or whole, or the JSON of an invitation. A
// short link is opened at its host.
func (w *Wallet) Invitation(ctx context.Context, link string) (exchange.Invitation, error) {
	inv, err := exchange.ParseInvitation(link)
	if err == nil || !exchange.IsShortLink(link) {
		return inv, w.notExpired(inv, err)
	}
	c := fetch.New(fetch.Config{Loopback: w.cfg.Loopback, Now: w.cfg.Now, Accept: "application/json", MaxBytes: 64 << 10})
	defer c.Close()
	r, err := c.Get(ctx, link)
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status) && status.Code == 404:
		return inv, fmt.Errorf("%w: %s leads to no invitation; check its ten letters and digits", exchange.ErrInvitation, link)
	case err != nil:
		return inv, fmt.Errorf("%w: opening the invitation: %w", ErrUndecided, err)
	}
	inv, err = exchange.ParseInvitation(string(r.Body))
	return inv, w.notExpired(inv, err)
}

func (w *Wallet) notExpired(inv exchange.Invitation, err error) error {
	if err == nil && !inv.Expires.IsZero() && !w.cfg.Now().Before(inv.Expires) {
		return fmt.Errorf("%w: it expired on %s; ask for a new one", exchange.ErrInvitation, inv.Expires.Format("2006-01-02 15:04"))
	}
	return err
}

// Connected is what [Wallet.Connect] made.
type Connected struct {
	Connection exchange.Connection `json:"connection"`
	Label      string              `json:"label"`
	Sync       SyncResult          `json:"sync"`
}

// Connect accepts an invitation: a new pair of keys for this partner alone, a
// connection to it, and whatever waits there. When Connect returns nil the
// partner has acknowledged the connection.
func (w *Wallet) Connect(ctx context.Context, link string) (Connected, error) {
	inv, err := w.Invitation(ctx, link)
	if err != nil {
		return Connected{}, err
	}
	hello := didcomm.Message{ID: "hello-" + inv.ID, Type: exchange.TypePing, Pthid: inv.ID, ReturnRoute: "all", Body: didcomm.Object(map[string]bool{"response_requested": false})}
	c, err := w.open(ctx, inv, hello, func(*store.Tx) error { return nil })
	if err != nil {
		return Connected{}, err
	}
	res, err := w.syncOne(ctx, c)
	if refused := w.heard(ctx, c, hello.ID); refused != nil {
		err = refused
	}
	return Connected{Connection: c, Label: inv.Label, Sync: res}, err
}

// heard fails when the partner refused the first message of a connection.
func (w *Wallet) heard(ctx context.Context, c exchange.Connection, id string) error {
	var p problem
	err := w.db.View(ctx, func(tx *store.Tx) (err error) {
		p, err = problems.Get(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.db.Update(ctx, func(tx *store.Tx) error { return exchange.Connections.Delete(tx, c.ID) }); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrInput, p.Comment)
}

// open makes the connection of an invitation, with its first message in the
// outbox and what also writes. The same invitation gives the same connection.
func (w *Wallet) open(ctx context.Context, inv exchange.Invitation, first didcomm.Message, also func(*store.Tx) error) (exchange.Connection, error) {
	var known exchange.Connection
	err := w.db.View(ctx, func(tx *store.Tx) error {
		for c, err := range exchange.Connections.By(tx, "invitation", inv.ID) {
			known = c
			return err
		}
		return store.ErrNotFound
	})
	if err == nil {
		pair, err := known.Pair()
		if err != nil {
			return known, err
		}
		return known, w.db.Update(ctx, func(tx *store.Tx) error {
			if err := also(tx); err != nil {
				return err
			}
			return didcomm.Send(tx, pair, first)
		})
	}
	if !errors.Is(err, store.ErrNotFound) {
		return known, err
	}
	own, err := w.newPeer(ctx)
	if err != nil {
		return known, err
	}
	pair := didcomm.Pair{Own: own, Peer: inv.From}
	c := exchange.NewConnection(pair, inv.ID, inv.Label, w.cfg.Now())
	return c, w.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Put(ownKey(own), nil); err != nil {
			return err
		}
		if err := exchange.Connections.Insert(tx, c); err != nil {
			return err
		}
		if err := also(tx); err != nil {
			return err
		}
		return didcomm.Send(tx, pair, first)
	})
}

// newPeer makes a DID for one connection. It has no endpoint: the wallet
// dials, and answers come back over that connection.
func (w *Wallet) newPeer(ctx context.Context) (did.DID, error) {
	agree, err := w.keys.Create(ctx, did.X25519)
	if err != nil {
		return did.DID{}, err
	}
	auth, err := w.keys.Create(ctx, did.Ed25519)
	if err != nil {
		return did.DID{}, err
	}
	return peer.New2(agree, auth, nil)
}

// Connections lists the partners.
func (w *Wallet) Connections(ctx context.Context) (out []exchange.Connection, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
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

// problem is a report of a partner about a message of ours.
type problem struct {
	About   string    `json:"about"` // thread or message id
	Code    string    `json:"code"`
	Comment string    `json:"comment"`
	At      time.Time `json:"at"`
}

var problems = store.NewCollection("problem", func(p problem) string { return p.About })

// onProblem keeps a report. One about an offer or a presentation closes it.
func (w *Wallet) onProblem(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	code, comment := exchange.ReadProblem(in.Message)
	about := in.Message.Pthid
	if about == "" {
		about = in.Message.Thread()
	}
	w.onStatus(in.Pair, about, -1) // a refused status request is answered, too
	w.replied(about, reply{refused: comment})
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		if err := problems.Put(tx, problem{about, code, comment, w.cfg.Now().UTC()}); err != nil {
			return err
		}
		if err := didcomm.Acknowledge(tx, in.Pair, about); err != nil { // a refused message is not sent again
			return err
		}
		return errors.Join(w.closeShown(tx, about, ShownRefused, comment), w.closeApplied(tx, about, comment), w.closeGot(tx, in, about, code, comment))
	}}, nil
}

// closeGot ends an offer that its issuer does not give any more.
func (w *Wallet) closeGot(tx *store.Tx, in exchange.Inbound, about, code, why string) error {
	o, err := exchange.Got.Get(tx, about)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || code != exchange.CodeState || o.Connection != in.Connection.ID || o.State != exchange.Offered && o.State != exchange.Requested {
		return err
	}
	o.State, o.Reason, o.Updated = exchange.Ended, why, w.cfg.Now().UTC()
	if err := exchange.Got.Put(tx, o); err != nil {
		return err
	}
	return didcomm.Acknowledge(tx, in.Pair, "request-"+o.ID)
}
