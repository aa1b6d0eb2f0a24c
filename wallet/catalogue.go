package wallet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// Catalogue is a partner's catalogue that the wallet keeps, so that paths and
// roles are answered without the partner.
type Catalogue struct {
	ID         string    `json:"id"` // address of the signed credential
	Slug       string    `json:"catalogue"`
	Version    string    `json:"version"`
	Name       string    `json:"name"`
	Issuer     string    `json:"issuer"`
	IssuerName string    `json:"issuerName,omitempty"`
	Base       string    `json:"base"`
	Published  time.Time `json:"published"`
	Fetched    time.Time `json:"fetched"`
	Languages  []string  `json:"languages,omitempty"`
}

var catalogues = store.NewCollection("catalogue", func(c Catalogue) string { return c.ID })

func catalogueFile(id string) []byte { return []byte("catalogue-file/" + id) }

func translationsFile(id string) []byte { return []byte("catalogue-translations/" + id) }

// AddCatalogue fetches the catalogue at an address, such as
// https://alder.example/openbadges, verifies its signature and digests, and
// keeps it, with its translations. One of an older version than is kept, and one of another issuer at
// the same address, are refused. The error wraps [ErrInput], or
// [ErrUndecided] when its signature could not be judged now.
func (w *Wallet) AddCatalogue(ctx context.Context, address string) (Catalogue, error) {
	if w.cfg.Offline {
		return Catalogue{}, errorf(ErrInput, "a catalogue is fetched from its publisher; leave out --offline")
	}
	e, err := catalogue.Fetch(ctx, w.party.Get, w.party.Verifier, address)
	switch {
	case recognition.IsUndecided(err):
		return Catalogue{}, errorf(ErrUndecided, "%v", err)
	case errors.Is(err, catalogue.ErrInvalid):
		return Catalogue{}, errorf(ErrInput, "%v", err)
	case err != nil:
		return Catalogue{}, err
	}
	agreements, err := w.fetchAgreements(ctx, e.Base)
	if err != nil {
		return Catalogue{}, err
	}
	k := Catalogue{ID: e.ID, Slug: e.Catalogue.Slug, Version: e.Catalogue.Version, Name: e.Catalogue.Name, Issuer: e.Issuer, IssuerName: e.IssuerName, Base: e.Base,
		Published: e.Published, Fetched: w.cfg.Now().UTC().Truncate(time.Second), Languages: e.Catalogue.Languages("")}
	return k, w.keepCatalogue(ctx, k, e.Catalogue, agreements)
}

func (w *Wallet) keepCatalogue(ctx context.Context, k Catalogue, c *catalogue.Catalogue, agreements []byte) error {
	packed, err := c.Pack()
	if err != nil {
		return err
	}
	return w.db.Update(ctx, func(tx *store.Tx) error {
		old, err := catalogues.Get(tx, k.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case old.Issuer != k.Issuer:
			return errorf(ErrInput, "the catalogue at %s was %s's, and is %s's now; if you trust them, remove the old one first: trustme wallet catalogue remove %s", k.ID, old.Issuer, k.Issuer, old.Slug)
		case k.Published.Before(old.Published):
			return errorf(ErrInput, "the catalogue at %s is of %s, older than the one that is kept, of %s", k.ID, k.Published.Format(time.RFC3339), old.Published.Format(time.RFC3339))
		}
		if err := catalogues.Put(tx, k); err != nil {
			return err
		}
		if err := store.PutLarge(tx, agreementsFile(k.ID), agreements); err != nil {
			return err
		}
		if err := store.PutLarge(tx, translationsFile(k.ID), packed); err != nil {
			return err
		}
		return store.PutLarge(tx, catalogueFile(k.ID), c.Source())
	})
}

// Catalogues lists the catalogues that are kept.
func (w *Wallet) Catalogues(ctx context.Context) (out []Catalogue, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for c, err := range catalogues.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	return out, err
}

// RemoveCatalogue forgets a catalogue, named by its slug or address.
func (w *Wallet) RemoveCatalogue(ctx context.Context, name string) (Catalogue, error) {
	all, err := w.Catalogues(ctx)
	if err != nil {
		return Catalogue{}, err
	}
	var found []Catalogue
	for _, c := range all {
		if c.Slug == name || c.ID == name || c.ID == name+"/catalogue.json" {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return Catalogue{}, errorf(ErrInput, "no catalogue %q is kept; `trustme wallet catalogue list` lists them", name)
	case 1:
	default:
		return Catalogue{}, errorf(ErrInput, "%d catalogues are called %q; name one by its address", len(found), name)
	}
	return found[0], w.db.Update(ctx, func(tx *store.Tx) error {
		if err := catalogues.Delete(tx, found[0].ID); err != nil {
			return err
		}
		if err := store.DeleteLarge(tx, translationsFile(found[0].ID)); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err // there is none of one that was kept before there were translations
		}
		return errors.Join(store.DeleteLarge(tx, catalogueFile(found[0].ID)), store.DeleteLarge(tx, agreementsFile(found[0].ID)))
	})
}

// PathProgress is where the learner stands with a path of a catalogue.
type PathProgress struct {
	Catalogue string               `json:"catalogue"`
	Issuer    string               `json:"issuer"`
	Path      string               `json:"path"`
	Name      string               `json:"name"`
	Enforced  bool                 `json:"enforced"`
	Progress  requirement.Progress `json:"progress"`
	// Names are the names of the steps' badges, by slug.
	Names map[string]string `json:"names"`
	// Layout is the path itself.
	Layout requirement.Path `json:"-"`
}

// RoleFit is whether the learner fits a role of a catalogue.
type RoleFit struct {
	Catalogue string              `json:"catalogue"`
	Issuer    string              `json:"issuer"`
	Role      string              `json:"role"`
	Name      string              `json:"name"`
	Requires  string              `json:"requires"`
	Outcome   requirement.Outcome `json:"outcome"`
	// Shown are the fewest badges that prove it.
	Shown []requirement.Held `json:"shown,omitempty"`
}

// Paths answers where the learner stands with the paths of the catalogues that
// are kept: all, or those of a name.
func (w *Wallet) Paths(ctx context.Context, name string) ([]PathProgress, error) {
	var out []PathProgress
	open, err := w.applied(ctx)
	if err != nil {
		return nil, err
	}
	err = w.eachCatalogue(ctx, func(k Catalogue, c *catalogue.Catalogue, is catalogue.Issuer, names requirement.Names, h *requirement.Holdings) error {
		for _, p := range c.Paths {
			if name != "" && p.Key != name && !strings.EqualFold(p.Value.Name, name) {
				continue
			}
			pp := PathProgress{Catalogue: k.Slug, Issuer: k.Issuer, Path: p.Key, Name: p.Value.Name, Enforced: p.Value.Order == "enforce", Names: map[string]string{}}
			pp.Layout = p.Value.Compile()
			pp.Progress = pp.Layout.Progress(h, names, func(badge string) bool { return open[c.ID(is, badge)] || open[k.Issuer+" "+c.Slug+"/"+badge] }, w.cfg.Now())
			for _, s := range pp.Progress.Steps {
				a, _ := c.Find(s.Badge)
				pp.Names[s.Badge] = a.Name
			}
			out = append(out, pp)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errorf(ErrInput, "no path%s in the catalogues that are kept; add one with: trustme wallet catalogue add https://alder.example/openbadges", called(name))
	}
	return out, err
}

// Roles answers whether the learner fits the roles of the catalogues that are
// kept: all, or those of a name.
func (w *Wallet) Roles(ctx context.Context, name string) ([]RoleFit, error) {
	var out []RoleFit
	err := w.eachCatalogue(ctx, func(k Catalogue, c *catalogue.Catalogue, is catalogue.Issuer, names requirement.Names, h *requirement.Holdings) error {
		for _, r := range c.Roles {
			if name != "" && r.Key != name && !strings.EqualFold(r.Value.Name, name) {
				continue
			}
			f := RoleFit{Catalogue: k.Slug, Issuer: k.Issuer, Role: r.Key, Name: r.Value.Name, Requires: r.Value.Requires.String(),
				Outcome: r.Value.Requires.Evaluate(h, names, w.cfg.Now())}
			f.Shown, _ = r.Value.Requires.Smallest(h, names, w.cfg.Now())
			out = append(out, f)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errorf(ErrInput, "no role%s in the catalogues that are kept; add one with: trustme wallet catalogue add https://alder.example/openbadges", called(name))
	}
	return out, err
}

func called(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}

// parsed reads the file of a catalogue that is kept.
func (w *Wallet) parsed(ctx context.Context, k Catalogue) (*catalogue.Catalogue, error) {
	var raw, packed []byte
	err := w.db.View(ctx, func(tx *store.Tx) (err error) {
		if raw, err = store.GetLarge(tx, catalogueFile(k.ID)); err != nil {
			return err
		}
		if packed, err = store.GetLarge(tx, translationsFile(k.ID)); errors.Is(err, store.ErrNotFound) {
			return nil // it was kept before there were translations
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return catalogue.Unpack(raw, packed)
}

// eachCatalogue gives every kept catalogue with the badges that are held, each
// judged now.
func (w *Wallet) eachCatalogue(ctx context.Context, f func(Catalogue, *catalogue.Catalogue, catalogue.Issuer, requirement.Names, *requirement.Holdings) error) error {
	all, err := w.Catalogues(ctx)
	if err != nil {
		return err
	}
	h, err := w.Holdings(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Catalogue) int { return cmp.Or(cmp.Compare(a.Slug, b.Slug), cmp.Compare(a.ID, b.ID)) })
	for _, k := range all {
		c, err := w.parsed(ctx, k)
		if err != nil {
			return err
		}
		terms, err := w.terms(ctx, k)
		if err != nil {
			return err
		}
		is := catalogue.Issuer{ID: k.Issuer, Name: k.IssuerName, Base: k.Base}
		if err := f(k, c, is, terms.Names(c.Names(is), is.ID), h); err != nil {
			return err
		}
	}
	return nil
}

// Holdings judges every badge that is held and was given to this learner.
// Badges of others, and self-made ones, speak of nobody here.
func (w *Wallet) Holdings(ctx context.Context) (*requirement.Holdings, error) {
	hs, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return nil, err
	}
	out := &requirement.Holdings{}
	for _, h := range hs {
		if !slices.Contains(own.DIDs, h.Subject) {
			continue
		}
		var raw []byte
		if err := w.db.View(ctx, func(tx *store.Tx) (err error) {
			raw, err = store.GetLarge(tx, bytesKey(h.ID))
			return err
		}); err != nil {
			return nil, err
		}
		c, _, err := credentials.ParseAny(raw)
		if err != nil {
			return nil, fmt.Errorf("reading the badge %s, which was readable when it was taken: %w", h.ID, err)
		}
		out.AddJudged(c, w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline}))
	}
	return out, nil
}

// applied returns the achievements that were offered and are not held yet, and
// those that are applied for, with the partner before catalogue/slug.
func (w *Wallet) applied(ctx context.Context) (map[string]bool, error) {
	offers, err := w.Offers(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, o := range offers {
		if o.State == exchange.Offered || o.State == exchange.Requested {
			out[o.Preview.Achievement] = true
		}
	}
	all, err := w.Applications(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if !a.State.Open() || a.Refused != "" && a.State == application.Draft {
			continue
		}
		c, err := w.connectionOf(ctx, a.Connection)
		if err == nil { // one whose connection is gone is nowhere in progress
			out[c.Peer+" "+a.Sent.Achievement] = true
		}
	}
	return out, nil
}
