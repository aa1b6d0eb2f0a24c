package wallet

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// Reminder is a badge that ends soon or has ended.
type Reminder struct {
	Held
	Over bool      `json:"over"`
	From time.Time `json:"renewableFrom"`
	How  string    `json:"how"` // "" when no catalogue that is kept tells
}

// remindAhead is how long before its end a badge is told of, where no catalogue
// says it.
const remindAhead = 90 * 24 * time.Hour

// Reminders lists the badges of this learner whose renewal is due, the most
// urgent first. It asks nobody.
func (w *Wallet) Reminders(ctx context.Context) ([]Reminder, error) {
	hs, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := w.renewalRules(ctx)
	if err != nil {
		return nil, err
	}
	now := w.cfg.Now()
	var out []Reminder
	for _, h := range hs {
		if h.ValidUntil.IsZero() || !slices.Contains(own.DIDs, h.Subject) {
			continue
		}
		r := Reminder{Held: h, Over: now.After(h.ValidUntil), From: h.ValidUntil.Add(-remindAhead)}
		if rule := rules[or(h.CountsAs, h.Achievement)]; rule != nil {
			if p, err := requirement.ParsePeriod(rule.Window); err == nil {
				r.From = h.ValidUntil.Add(-p.Length())
			}
			r.How = "by its issuer"
			switch {
			case rule.When.Evidence > 0:
				r.How = "by fresh evidence"
			case rule.When.Event != "":
				r.How = "by activity"
			case rule.When.Test != "":
				r.How = "by a test"
			}
		}
		if !now.Before(r.From) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Reminder) int { return a.ValidUntil.Compare(b.ValidUntil) })
	return out, nil
}

// renewalRules are those of the catalogues that are kept, by achievement.
func (w *Wallet) renewalRules(ctx context.Context) (map[string]*catalogue.Renew, error) {
	all, err := w.fresh(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]*catalogue.Renew{}
	for _, k := range all {
		c, err := w.parsed(ctx, k)
		if err != nil {
			return nil, err
		}
		for slug, a := range c.Achievements.All() {
			if a.Renew != nil {
				out[c.ID(catalogue.Issuer{ID: k.Issuer, Base: k.Base}, slug)] = a.Renew
			}
		}
	}
	return out, nil
}

// RenewRequest asks to renew a badge; with evidence it is an application.
type RenewRequest struct {
	What string // the badge
	ApplyRequest
}

// Renewed is what became of a wish to renew: the badge with its new dates, or
// the application that was handed in for it.
type Renewed struct {
	Badge       *Held        `json:"badge,omitempty"`
	Application *Application `json:"application,omitempty"`
}

// Renew asks who gave a badge to renew it. The error wraps [ErrInput], with
// what the renewal wants, when it is not offered.
func (w *Wallet) Renew(ctx context.Context, r RenewRequest) (Renewed, error) {
	h, _, err := w.Get(ctx, r.What)
	if err != nil {
		return Renewed{}, err
	}
	if h.Credential == "" || h.ValidUntil.IsZero() {
		return Renewed{}, errorf(ErrInput, "%s does not end; there is nothing to renew", h.Name)
	}
	c, err := w.partner(ctx, or(r.At, h.Issuer))
	if err != nil && r.At == "" {
		c, err = w.partner(ctx, h.IssuerName)
	}
	if err != nil {
		return Renewed{}, err
	}
	if len(r.Evidence) > 0 {
		r.At, r.Renews = c.ID, h.Credential
		if r.Achievement, err = w.slugOf(or(h.CountsAs, h.Achievement)); err != nil {
			return Renewed{}, err
		}
		a, err := w.Apply(ctx, r.ApplyRequest)
		return Renewed{Application: &a}, err
	}
	pair, err := c.Pair()
	if err != nil {
		return Renewed{}, err
	}
	m := exchange.Renewal(h.Credential)
	if err := w.db.Update(ctx, func(tx *store.Tx) error { return didcomm.Send(tx, pair, m) }); err != nil {
		return Renewed{}, err
	}
	if _, err := w.syncOne(ctx, c); err != nil {
		return Renewed{}, errorf(ErrUndecided, "the wish is kept, and leaves with the next sync: %v", err)
	}
	var refused problem
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		refused, err = problems.Get(tx, m.ID)
		return err
	})
	if err == nil {
		return Renewed{}, errorf(ErrInput, "%s", refused.Comment)
	}
	now, err := w.newest(ctx, h)
	if err != nil {
		return Renewed{}, err
	}
	if !now.ValidFrom.After(h.ValidFrom) {
		return Renewed{}, errorf(ErrUndecided, "%s has not answered yet; `trustme wallet sync` fetches the renewed badge", partner(c))
	}
	return Renewed{Badge: &now}, nil
}

// newest returns the version of a credential that is held now.
func (w *Wallet) newest(ctx context.Context, h Held) (out Held, err error) {
	out = h
	return out, w.db.View(ctx, func(tx *store.Tx) error {
		for x, err := range held.By(tx, "credential", h.Issuer+" "+h.Credential) {
			if err != nil {
				return err
			}
			if x.ValidFrom.After(out.ValidFrom) {
				out = x
			}
		}
		return nil
	})
}

// slugOf returns catalogue/slug of an achievement's address.
func (w *Wallet) slugOf(achievement string) (string, error) {
	parts := strings.Split(achievement, "/")
	if len(parts) < 4 || parts[len(parts)-2] != "a" {
		return "", errorf(ErrInput, "%s is no address of an achievement of a node", achievement)
	}
	return parts[len(parts)-3] + "/" + parts[len(parts)-1], nil
}
