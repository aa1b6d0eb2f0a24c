package wallet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Held is a badge in the wallet. ID is short enough to type; Verdict and
// Checked are those of the last look.
type Held struct {
	ID          string    `json:"id"`
	Credential  string    `json:"credential"`
	Name        string    `json:"name"`
	Issuer      string    `json:"issuer"`
	IssuerName  string    `json:"issuerName,omitempty"`
	Achievement string    `json:"achievement"`
	Level       string    `json:"level,omitempty"`    // name of the level reached
	CountsAs    string    `json:"countsAs,omitempty"` // the achievement that it translates; "" for none
	Subject     string    `json:"subject,omitempty"`
	Form        string    `json:"form"` // json or jwt
	Verdict     string    `json:"verdict"`
	Why         string    `json:"why,omitempty"`
	ValidFrom   time.Time `json:"validFrom,omitzero"`
	ValidUntil  time.Time `json:"validUntil,omitzero"`
	Received    time.Time `json:"received"`
	Checked     time.Time `json:"checked"`
	// SelfAsserted says that its subject issued it: nobody else vouches for it.
	SelfAsserted bool `json:"selfAsserted,omitempty"`
	// Said is what the issuer told this wallet of its standing; nil for nothing.
	Said *Word `json:"said,omitempty"`
}

var held = store.NewCollection("held", func(h Held) string { return h.ID },
	store.Index[Held]{Name: "credential", Values: func(h Held) []string { return []string{h.Issuer + " " + h.Credential} }})

func bytesKey(id string) []byte { return []byte("badge/" + id) }

// heldID names a badge by its bytes: the same badge twice is one.
func heldID(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:5])
}

// Add keeps a badge. Only a verifier can make what it takes.
func (w *Wallet) Add(ctx context.Context, v credentials.Verified) (Held, error) {
	h := w.describe(v.Credential(), credentials.FormJSON, v.Report())
	return h, w.db.Update(ctx, func(tx *store.Tx) error { _, err := put(tx, h, v.Credential().Bytes()); return err })
}

func (w *Wallet) describe(c credentials.Credential, form credentials.Form, r credentials.Report) Held {
	now := w.cfg.Now().UTC()
	h := Held{ID: heldID(c.Bytes()), Credential: c.ID(), Name: c.Name(), Issuer: c.IssuerID(), IssuerName: c.IssuerName(), Achievement: c.AchievementID(),
		Subject: c.SubjectID(), Form: string(form), Verdict: string(r.Verdict), Why: r.Why(), ValidFrom: c.ValidFrom(), ValidUntil: c.ValidUntil(), Received: now, Checked: now,
		SelfAsserted: c.IsSelfAsserted(), Level: c.Facts().Level}
	if as := c.CountsAs(); as != h.Achievement {
		h.CountsAs = as
	}
	return h
}

// Awards reports whether the badge is one of an achievement, or of a
// translation of it.
func (h Held) Awards(achievement string) bool {
	return achievement == h.Achievement || achievement == or(h.CountsAs, h.Achievement)
}

// put keeps a badge, unless it is held already, in this version or a newer one:
// added says which. Of one credential the newest version is kept (Open Badges
// 3.0, equality of credentials): a renewal takes the place of what it renews.
func put(tx *store.Tx, h Held, raw []byte) (added bool, err error) {
	if h.Credential != "" {
		for old, err := range held.By(tx, "credential", h.Issuer+" "+h.Credential) {
			if err != nil {
				return false, err
			}
			if old.ID == h.ID || newer(old, h) {
				return false, nil
			}
		}
	}
	if err := dropOlder(tx, h); err != nil {
		return false, err
	}
	if err := held.Insert(tx, h); errors.Is(err, store.ErrExists) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if err := store.PutLarge(tx, bytesKey(h.ID), raw); err != nil {
		return false, err
	}
	_, err = tx.Append("badge.held", map[string]string{"badge": h.ID})
	return true, err
}

// dropOlder removes the older versions of a badge that is valid: what nobody
// could tell takes no badge's place.
func dropOlder(tx *store.Tx, h Held) error {
	if h.Credential == "" || h.Verdict != string(credentials.Valid) {
		return nil
	}
	for old, err := range held.By(tx, "credential", h.Issuer+" "+h.Credential) {
		if err != nil {
			return err
		}
		if old.ID != h.ID && !newer(old, h) {
			if err := held.Delete(tx, old.ID); err != nil {
				return err
			}
			if err := store.DeleteLarge(tx, bytesKey(old.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

// newer reports whether a is a newer version of a credential than b. Of two from
// the same second the one that is valid longer is; of two that are equal in this,
// too, neither, so that the one that came last is kept.
func newer(a, b Held) bool {
	if !a.ValidFrom.Equal(b.ValidFrom) {
		return a.ValidFrom.After(b.ValidFrom)
	}
	return !b.ValidUntil.IsZero() && (a.ValidUntil.IsZero() || a.ValidUntil.After(b.ValidUntil))
}

// receive implements [exchange.Holder.Receive]: a badge that does not verify
// is refused; one that could not be told yet is kept and marked.
func (w *Wallet) receive(ctx context.Context, o exchange.Offer, raw []byte) (string, func(*store.Tx) error, error) {
	refuse := func(why string) (string, func(*store.Tx) error, error) {
		return "", nil, &didcomm.Problem{Code: exchange.CodeCredential, Comment: why}
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		return refuse("the badge cannot be read: " + err.Error())
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return "", nil, err
	}
	switch {
	case !slices.Contains(own.DIDs, c.SubjectID()):
		return refuse("the badge is bound to another DID")
	case o.Preview.Achievement != "" && c.AchievementID() != o.Preview.Achievement:
		return refuse("the badge is not the one that was offered")
	}
	r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{})
	if r.Verdict == credentials.Invalid {
		return refuse("the badge does not verify: " + r.Why())
	}
	h := w.describe(c, credentials.FormJSON, r)
	return c.ID(), func(tx *store.Tx) error { _, err := put(tx, h, raw); return err }, nil
}

// proof implements [exchange.Holder.Proof].
func (w *Wallet) proof(ctx context.Context, challenge, domain string) ([]byte, error) {
	s, err := w.signer(w.id)
	if err != nil {
		return nil, err
	}
	return credentials.BuildPresentation(ctx, credentials.PresentationOptions{Holder: w.id.String(), Challenge: challenge, Domain: domain, Now: w.cfg.Now()}, s)
}

// List returns the badges, oldest first.
func (w *Wallet) List(ctx context.Context) (out []Held, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for h, err := range held.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, h)
		}
		return nil
	})
	sortHeld(out)
	return out, err
}

func (w *Wallet) names(ctx context.Context) (map[string]string, error) {
	all, err := w.List(ctx)
	out := map[string]string{}
	for _, h := range all {
		out[h.ID] = h.Name
	}
	return out, err
}

// Get returns a badge and its bytes. what is its id, the beginning of it, its
// name, or the credential's id. The error wraps [ErrNotHeld], or [ErrInput]
// when several fit.
func (w *Wallet) Get(ctx context.Context, what string) (Held, []byte, error) {
	all, err := w.List(ctx)
	if err != nil {
		return Held{}, nil, err
	}
	var fits []Held
	for _, h := range all {
		if h.fits(what) {
			fits = append(fits, h)
		}
	}
	fits = newest(fits)
	switch {
	case len(fits) == 0:
		return Held{}, nil, fmt.Errorf("%w: %q; `trustme wallet list` shows what is", ErrNotHeld, what)
	case len(fits) > 1:
		return Held{}, nil, fmt.Errorf("%w: %d badges fit %q; give the id from `trustme wallet list`", ErrInput, len(fits), what)
	}
	var raw []byte
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		raw, err = store.GetLarge(tx, bytesKey(fits[0].ID))
		return err
	})
	return fits[0], raw, err
}

// newest returns the one to take of several versions of one badge: the newest
// that is valid, else the newest. Of several badges it returns all.
func newest(fits []Held) []Held {
	if len(fits) < 2 {
		return fits
	}
	best := fits[0]
	for _, h := range fits[1:] {
		if h.Credential == "" || h.Credential != best.Credential || h.Issuer != best.Issuer {
			return fits
		}
		a, b := h.Verdict == string(credentials.Valid), best.Verdict == string(credentials.Valid)
		if a && !b || a == b && h.ValidFrom.After(best.ValidFrom) {
			best = h
		}
	}
	return []Held{best}
}

// Verify looks at a badge again and keeps the verdict. A version that is found
// valid takes the place of those before it.
func (w *Wallet) Verify(ctx context.Context, what string) (Held, credentials.Report, error) {
	h, raw, err := w.Get(ctx, what)
	if err != nil {
		return h, credentials.Report{}, err
	}
	r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline})
	return h, r, w.db.Update(ctx, func(tx *store.Tx) error {
		if now, err := held.Get(tx, h.ID); err == nil { // its issuer may have said something meanwhile
			h = now
		}
		h.Verdict, h.Why, h.Checked = string(r.Verdict), r.Why(), w.cfg.Now().UTC()
		if err := dropOlder(tx, h); err != nil {
			return err
		}
		return held.Put(tx, h)
	})
}
