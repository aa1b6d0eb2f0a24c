package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Connection is a peer that may talk to us: the pair of DIDs, the invitation
// through which it came, and what we call it.
type Connection struct {
	ID         string    `json:"id"`
	Own        string    `json:"own"`
	Peer       string    `json:"peer"`
	Invitation string    `json:"invitation,omitempty"`
	Label      string    `json:"label,omitempty"`
	Since      time.Time `json:"since"`
}

// Connections is kept by node and wallet alike.
var Connections = store.NewCollection("connection", func(c Connection) string { return c.ID },
	store.Index[Connection]{Name: "invitation", Values: func(c Connection) []string { return nonEmpty(c.Invitation) }})

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// ConnectionID names a pair in twelve characters that can be typed.
func ConnectionID(p didcomm.Pair) string {
	h := sha256.Sum256([]byte(p.Own.String() + " " + p.Peer.String()))
	return hex.EncodeToString(h[:6])
}

// NewConnection returns the record of a pair.
func NewConnection(p didcomm.Pair, invitation, label string, now time.Time) Connection {
	return Connection{ID: ConnectionID(p), Own: p.Own.String(), Peer: p.Peer.String(), Invitation: invitation, Label: label, Since: now.UTC()}
}

// Pair returns the two DIDs.
func (c Connection) Pair() (didcomm.Pair, error) {
	own, err := did.Parse(c.Own)
	if err != nil {
		return didcomm.Pair{}, err
	}
	peer, err := did.Parse(c.Peer)
	return didcomm.Pair{Own: own, Peer: peer}, err
}

// connected finds the connection of a pair; ok is false when there is none.
func connected(ctx context.Context, db *store.DB, p didcomm.Pair) (c Connection, ok bool, err error) {
	err = db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = Connections.Get(tx, ConnectionID(p))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, false, nil
	}
	if err == nil && (c.Own != p.Own.String() || c.Peer != p.Peer.String()) {
		return c, false, nil // a collision of short ids is not the peer
	}
	return c, err == nil, err
}
