package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Endorsement is somebody's endorsement of a badge that is held, of its
// achievement or its issuer, as the wallet keeps it.
type Endorsement struct {
	ID      string    `json:"id"`
	Of      string    `json:"of"`
	By      string    `json:"by"`
	ByName  string    `json:"byName,omitempty"`
	Comment string    `json:"comment,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Verdict string    `json:"verdict"`
	Why     string    `json:"why,omitempty"`
	Taken   time.Time `json:"taken"`
}

var endorsements = store.NewCollection("endorsement", func(e Endorsement) string { return e.ID },
	store.Index[Endorsement]{Name: "of", Values: func(e Endorsement) []string { return []string{e.Of} }})

func endorsementKey(id string) []byte { return []byte("endorsement-bytes/" + id) }

// EndorseRequest asks a partner for an endorsement.
type EndorseRequest struct {
	At      string // the partner
	What    string // a badge that is held, or the id of something else
	Comment string
}

// AskEndorsement asks a partner to endorse a badge that is held, an
// achievement by its address, or an issuer by its DID. A badge is sent along,
// so that the partner can look at it. The answer comes with a later sync.
func (w *Wallet) AskEndorsement(ctx context.Context, r EndorseRequest) (exchange.EndorseAsk, error) {
	c, err := w.partner(ctx, r.At)
	if err != nil {
		return exchange.EndorseAsk{}, err
	}
	a := exchange.EndorseAsk{ID: didcomm.NewID(), Connection: c.ID, Of: r.What, Comment: r.Comment, State: exchange.EndorseAsked, Updated: w.cfg.Now().UTC()}
	var badge []byte
	if !strings.HasPrefix(r.What, "did:") && !strings.Contains(r.What, "://") {
		h, raw, err := w.Get(ctx, r.What)
		if err != nil {
			return a, err
		}
		if h.Credential == "" {
			return a, errorf(ErrInput, "%s has no id, so that nothing can be said about it", h.Name)
		}
		a.Of, a.Name, badge = h.Credential, h.Name, raw
	}
	if err := w.db.Update(ctx, func(tx *store.Tx) error { return a.Ask(tx, c, badge) }); err != nil {
		return a, err
	}
	if w.cfg.Offline {
		return a, nil // it leaves with the next sync
	}
	if _, err := w.syncOne(ctx, c); err != nil {
		return a, fmt.Errorf("the request is kept and leaves with the next sync: %w", err)
	}
	return a, w.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err = exchange.EndorseAsks.Get(tx, a.ID)
		return err
	})
}

// readEndorsement verifies an endorsement and says what it is. The error wraps
// [ErrInput] or [ErrUndecided].
func (w *Wallet) readEndorsement(ctx context.Context, raw []byte) (e Endorsement, err error) {
	c, err := credentials.Parse(raw)
	if err != nil {
		return e, errorf(ErrInput, "it is no endorsement: %v", err)
	}
	s, err := recognition.Read(c)
	if err != nil {
		return e, errorf(ErrInput, "it is no endorsement: %v", err)
	}
	if s.Kind != recognition.Endorsement {
		return e, errorf(ErrInput, "it is no endorsement, but a %s", s.Kind)
	}
	r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline})
	switch r.Verdict {
	case credentials.Invalid:
		return e, errorf(ErrInput, "the endorsement does not verify: %s", r.Why())
	case credentials.Undecided:
		return e, errorf(ErrUndecided, "the endorsement: %s", r.Why())
	}
	return Endorsement{ID: s.ID, Of: s.Of, By: s.By, ByName: s.ByName, Comment: s.Comment, Until: s.Until, Verdict: string(r.Verdict), Taken: w.cfg.Now().UTC()}, nil
}

func putEndorsement(tx *store.Tx, e Endorsement, raw []byte) error {
	if old, err := endorsements.Get(tx, e.ID); err == nil && (old.By != e.By || old.Of != e.Of) { // its signer chose the id
		return errorf(ErrInput, "another endorsement, by %s, has the same id; its signer must sign it anew", old.By)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := endorsements.Put(tx, e); err != nil {
		return err
	}
	return store.PutLarge(tx, endorsementKey(e.ID), raw)
}

// receiveEndorsement implements [exchange.Endorsed.Receive].
func (w *Wallet) receiveEndorsement(ctx context.Context, a exchange.EndorseAsk, raw []byte) (string, func(*store.Tx) error, error) {
	e, err := w.readEndorsement(ctx, raw)
	switch {
	case errors.Is(err, ErrInput):
		return "", nil, &didcomm.Problem{Code: exchange.CodeCredential, Comment: err.Error()}
	case err != nil:
		return "", nil, err
	case e.Of != a.Of:
		return "", nil, &didcomm.Problem{Code: exchange.CodeCredential, Comment: "the endorsement is about " + e.Of + ", and not about " + a.Of}
	}
	return e.ID, func(tx *store.Tx) error {
		err := putEndorsement(tx, e, raw)
		if errors.Is(err, ErrInput) {
			return &didcomm.Problem{Code: exchange.CodeCredential, Comment: err.Error()}
		}
		return err
	}, nil
}

// AddEndorsement keeps an endorsement that came as a file. It must verify, and
// be about a badge that is held, its achievement or its issuer.
func (w *Wallet) AddEndorsement(ctx context.Context, raw []byte) (Endorsement, error) {
	e, err := w.readEndorsement(ctx, raw)
	if err != nil {
		return e, err
	}
	hs, err := w.List(ctx)
	if err != nil {
		return e, err
	}
	if !slices.ContainsFunc(hs, func(h Held) bool { return e.about(h) }) {
		return e, errorf(ErrInput, "the endorsement is about %s, and no badge here is that, of that achievement or of that issuer", e.Of)
	}
	return e, w.db.Update(ctx, func(tx *store.Tx) error { return putEndorsement(tx, e, raw) })
}

func (e Endorsement) about(h Held) bool {
	return e.Of == h.Credential || h.Awards(e.Of) || e.Of == h.Issuer
}

// Endorsements lists the endorsements that are kept, each judged now, and the
// requests that were made.
func (w *Wallet) Endorsements(ctx context.Context) (all []Endorsement, asks []exchange.EndorseAsk, err error) {
	var raws [][]byte
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for e, err := range endorsements.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			raw, err := store.GetLarge(tx, endorsementKey(e.ID))
			if err != nil {
				return err
			}
			all, raws = append(all, e), append(raws, raw)
		}
		for a, err := range exchange.EndorseAsks.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			asks = append(asks, a)
		}
		return nil
	})
	for i, raw := range raws {
		r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline})
		if all[i].Verdict, all[i].Why = string(r.Verdict), ""; r.Verdict != credentials.Valid {
			all[i].Why = r.Why()
		}
	}
	return all, asks, err
}

// EndorsementBytes returns the signed endorsements of a badge that verify now.
func (w *Wallet) EndorsementBytes(ctx context.Context, h Held) (out [][]byte, err error) {
	all, _, err := w.Endorsements(ctx)
	if err != nil {
		return nil, err
	}
	return out, w.db.View(ctx, func(tx *store.Tx) error {
		for _, e := range all {
			if e.Verdict != string(credentials.Valid) || !e.about(h) {
				continue
			}
			raw, err := store.GetLarge(tx, endorsementKey(e.ID))
			if err != nil {
				return err
			}
			out = append(out, raw)
		}
		return nil
	})
}

// Endorse signs an endorsement of somebody's badge with the wallet's own key,
// as a colleague does. Without a server there is no list to withdraw it by, so
// it has an end.
func (w *Wallet) Endorse(ctx context.Context, badge []byte, name, comment string, until time.Time) ([]byte, error) {
	r := w.party.Verifier.Report(ctx, badge, credentials.ReportOptions{Offline: w.cfg.Offline})
	switch r.Verdict {
	case credentials.Invalid:
		return nil, errorf(ErrInput, "the badge does not verify: %s", r.Why())
	case credentials.Undecided:
		return nil, errorf(ErrUndecided, "the badge: %s", r.Why())
	}
	if r.Credential.ID == "" {
		return nil, errorf(ErrInput, "the badge has no id, so that nothing can be said about it")
	}
	if r.Credential.Subject == w.id.String() {
		return nil, errorf(ErrInput, "the badge is your own; an endorsement is by somebody else")
	}
	now := w.cfg.Now().UTC().Truncate(time.Second)
	if !until.After(now) {
		return nil, errorf(ErrInput, "say until when it holds, by a later day: a wallet cannot withdraw an endorsement")
	}
	d := recognition.Draft{Issuer: credentials.Profile{ID: w.id.String(), Name: name},
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: newURN(), Name: "Endorsement: " + r.Credential.Name, Of: r.Credential.ID, From: now, Until: until.UTC(), Comment: comment}}
	unsigned, err := d.Build()
	if err != nil {
		return nil, errorf(ErrInput, "%v", err)
	}
	s, err := w.signer(w.id)
	if err != nil {
		return nil, err
	}
	v, err := credentials.Issue(ctx, w.party.Verifier, unsigned, s, now)
	if err != nil {
		return nil, err
	}
	return v.Credential().Bytes(), nil
}

// newURN returns a random urn:uuid (RFC 9562 §5.4).
func newURN() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
