package wallet

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/cache"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Word is what the issuer of a badge said last of its standing. It is no proof:
// Bears says whether the badge's own status, looked at since, bears it out.
type Word struct {
	Standing string             `json:"standing"` // revoked, suspended or active
	Reason   string             `json:"reason,omitempty"`
	At       time.Time          `json:"at"`
	By       string             `json:"by"` // the connection over which it came
	Bears    credentials.Answer `json:"bears"`
	Looked   time.Time          `json:"looked,omitzero"`
	Told     bool               `json:"told,omitempty"`
}

// ahead is how far the clock of an issuer may be ahead of ours: a word of the
// far future would outlast all others.
const ahead = 24 * time.Hour

// onStanding keeps what a partner says of a badge that it issued. A word about
// another's badge, or one that is not here, is dropped: nobody learns by it
// what is held. So is one that is older than what is kept, or than the version
// of the badge.
func (w *Wallet) onStanding(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	s, err := exchange.ReadStanding(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if s.At.After(w.cfg.Now().Add(ahead)) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeMessage, Comment: "standing of a badge: its time lies in the future"}
	}
	word := Word{Standing: s.Standing, Reason: s.Reason, At: s.At.UTC(), By: in.Connection.ID, Bears: credentials.Unknown}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		all, err := issuedOver(tx, in.Connection, s.Credential)
		if err != nil {
			return err
		}
		for _, h := range all {
			if !h.heeds(word) {
				continue
			}
			said := word
			h.Said = &said
			if err := held.Put(tx, h); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// issuedOver lists the versions of a credential that are held and whose issuer
// is who speaks over a connection: the connection's DID, or for an issuer that
// has no address, and so speaks under another DID, who gave the badge.
func issuedOver(tx *store.Tx, c exchange.Connection, credential string) (out []Held, err error) {
	gave := false
	for o, err := range exchange.Got.List(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		gave = gave || o.Connection == c.ID && o.Credential == credential && o.State == exchange.Accepted
	}
	for h, err := range held.List(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		if h.Credential == credential && (h.Issuer == c.Peer || gave && !strings.HasPrefix(h.Issuer, "did:web:")) {
			out = append(out, h)
		}
	}
	return out, nil
}

// heeds reports whether a word says something new of this version of a badge.
func (h Held) heeds(word Word) bool {
	if word.At.Before(h.ValidFrom) { // of the version that was renewed
		return false
	}
	return h.Said == nil || word.At.After(h.Said.At) && h.Said.Standing != "revoked" // which is final
}

// Word tells in a sentence what the issuer said of the badge, and what its own
// status says to that; "" where nothing was said.
func (h Held) Word() string {
	if h.Said == nil {
		return ""
	}
	out := h.Name + " was " + map[string]string{"active": "reinstated"}[h.Said.Standing]
	if h.Said.Standing != "active" {
		out += h.Said.Standing
	}
	if h.Said.Reason != "" {
		out += ": " + h.Said.Reason
	}
	switch h.Said.Bears {
	case credentials.Yes:
		return out
	case credentials.No:
		return out + " (its status does not say so; ask the issuer, and look again with: trustme wallet sync)"
	}
	return out + " (its status could not be looked at yet)"
}

// lookAgain is how long a wallet that watches waits until it looks again at a
// badge whose status did not bear out what its issuer said.
const lookAgain = time.Minute

// look verifies anew, with fresh status, each badge of which its issuer said
// what its status did not bear out so far.
func (w *Wallet) look(ctx context.Context, wait time.Duration) error {
	all, err := w.List(ctx)
	if err != nil || w.cfg.Offline {
		return err
	}
	for _, h := range all {
		if h.Said == nil || h.Said.Bears == credentials.Yes || w.cfg.Now().Sub(h.Said.Looked) < wait {
			continue
		}
		if err := w.lookAt(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (w *Wallet) lookAt(ctx context.Context, h Held) error {
	var raw []byte
	err := w.db.View(ctx, func(tx *store.Tx) (err error) {
		raw, err = store.GetLarge(tx, bytesKey(h.ID))
		return err
	})
	if errors.Is(err, store.ErrNotFound) { // a newer version took its place
		return nil
	}
	if err != nil {
		return err
	}
	begin := w.cfg.Now().UTC()
	r := w.party.Verifier.Report(cache.Anew(ctx), raw, credentials.ReportOptions{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return w.db.Update(ctx, func(tx *store.Tx) error {
		now, err := held.Get(tx, h.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil || now.Said == nil || !now.Said.At.Equal(h.Said.At) {
			return err // there is a newer word, which is looked at next
		}
		said := *now.Said
		said.Bears, said.Looked = bears(said.Standing, r, begin), begin
		if said.Bears == credentials.No && now.Said.Bears != credentials.No {
			said.Told = false // it is told again, as what it is
		}
		now.Said, now.Verdict, now.Why, now.Checked = &said, string(r.Verdict), r.Why(), begin
		return held.Put(tx, now)
	})
}

// bears reports whether a badge's status, as of since or later, says what its
// issuer said.
func bears(standing string, r credentials.Report, since time.Time) credentials.Answer {
	c := r.Check(credentials.CheckStatus)
	down, fresh := c.Code == credentials.CodeRevoked || c.Code == credentials.CodeSuspended, !c.Fetched.Before(since.Truncate(time.Second))
	switch {
	case standing != "active" && down, standing == "active" && fresh && c.Answer == credentials.Yes:
		return credentials.Yes
	case fresh && (down || c.Answer == credentials.Yes):
		return credentials.No
	}
	return credentials.Unknown // such as by a copy of before
}

// words returns, by connection, what issuers said and the learner was not told
// yet, and keeps that they are told.
func (w *Wallet) words(ctx context.Context, wait time.Duration) (out map[string][]string, err error) {
	if err := w.look(ctx, wait); err != nil {
		return nil, err
	}
	all, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if h.Said == nil || h.Said.Told {
			continue
		}
		err := w.db.Update(ctx, func(tx *store.Tx) error {
			now, err := held.Get(tx, h.ID)
			if errors.Is(err, store.ErrNotFound) || err == nil && (now.Said == nil || !now.Said.At.Equal(h.Said.At)) {
				return nil
			}
			if err != nil {
				return err
			}
			said := *now.Said
			said.Told, now.Said = true, &said
			return held.Put(tx, now)
		})
		if err != nil {
			return out, err
		}
		if out == nil {
			out = map[string][]string{}
		}
		out[h.Said.By] = append(out[h.Said.By], h.Word())
	}
	return out, nil
}
