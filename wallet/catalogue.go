package wallet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
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
	// Tried is when it was last tried to fetch it anew, and Problem why that
	// did not succeed; empty when it did.
	Tried   time.Time `json:"tried,omitzero"`
	Problem string    `json:"problem,omitempty"`
}

var catalogues = store.NewCollection("catalogue", func(c Catalogue) string { return c.ID })

func catalogueFile(id string) []byte { return []byte("catalogue-file/" + id) }

func translationsFile(id string) []byte { return []byte("catalogue-translations/" + id) }

// AddCatalogue fetches the catalogue at an address, such as
// https://alder.example/openbadges, verifies its signature and digests, and
// keeps it, with its translations; the address of a publisher will do where it
// publishes one alone. One of an older version than is kept, and one of another
// issuer at the same address, are refused. The error wraps [ErrInput], or
// [ErrUndecided] when its signature could not be judged now.
func (w *Wallet) AddCatalogue(ctx context.Context, address string) (Catalogue, error) {
	if w.cfg.Offline {
		return Catalogue{}, errorf(ErrInput, "a catalogue is fetched from its publisher; leave out --offline")
	}
	at, err := catalogue.Locate(ctx, w.party.Get, address)
	if errors.Is(err, catalogue.ErrInvalid) {
		err = errorf(ErrInput, "%v", err)
	}
	if err != nil {
		return Catalogue{}, err
	}
	return w.fetchCatalogue(ctx, at)
}

// fetchCatalogue gets, verifies and keeps the catalogue at an address.
func (w *Wallet) fetchCatalogue(ctx context.Context, address string) (Catalogue, error) {
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
	if agreements, err = squeeze(agreements); err != nil {
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
		case catalogue.Less(k.Version, old.Version):
			return errorf(ErrInput, "the catalogue at %s is of version %s, older than the one that is kept, %s", k.ID, k.Version, old.Version)
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

// ReadCatalogue returns a catalogue that is kept, named by its slug or address;
// "" for the only one.
func (w *Wallet) ReadCatalogue(ctx context.Context, name string) (Catalogue, *catalogue.Catalogue, error) {
	k, err := w.catalogueNamed(ctx, name)
	if err != nil {
		return k, nil, err
	}
	c, err := w.parsed(ctx, k)
	return k, c, err
}

// catalogueNamed finds a catalogue that is kept.
func (w *Wallet) catalogueNamed(ctx context.Context, name string) (Catalogue, error) {
	all, err := w.Catalogues(ctx)
	if err != nil {
		return Catalogue{}, err
	}
	var found []Catalogue
	for _, c := range all {
		if name == "" || c.Slug == name || c.ID == name || c.ID == name+"/catalogue.json" {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 0:
		return Catalogue{}, errorf(ErrInput, "no catalogue %q is kept; `trustme wallet catalogue list` lists them", name)
	case len(found) > 1 && name == "":
		return Catalogue{}, errorf(ErrInput, "%d catalogues are kept; name one from: trustme wallet catalogue list", len(found))
	case len(found) > 1:
		return Catalogue{}, errorf(ErrInput, "%d catalogues are called %q; name one by its address", len(found), name)
	}
	return found[0], nil
}

// RemoveCatalogue forgets a catalogue, named by its slug or address.
func (w *Wallet) RemoveCatalogue(ctx context.Context, name string) (Catalogue, error) {
	found, err := w.catalogueNamed(ctx, name)
	if err != nil {
		return Catalogue{}, err
	}
	return found, w.db.Update(ctx, func(tx *store.Tx) error {
		if err := catalogues.Delete(tx, found.ID); err != nil {
			return err
		}
		if err := store.DeleteLarge(tx, translationsFile(found.ID)); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err // there is none of one that was kept before there were translations
		}
		return errors.Join(store.DeleteLarge(tx, catalogueFile(found.ID)), store.DeleteLarge(tx, agreementsFile(found.ID)))
	})
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
	all, err := w.fresh(ctx)
	if err != nil {
		return err
	}
	h, err := w.Holdings(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Catalogue) int { return cmp.Or(cmp.Compare(a.Slug, b.Slug), cmp.Compare(a.ID, b.ID)) })
	limited, cancel := context.WithTimeout(ctx, w.cfg.Patience)
	defer cancel()
	for _, k := range all {
		c, err := w.parsed(ctx, k)
		if err != nil {
			return err
		}
		terms, err := w.terms(ctx, limited, k)
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
