package node

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// PartnerCatalogue is a partner's catalogue that is kept here, because this
// node may issue badges of it.
type PartnerCatalogue struct {
	Address   string    `json:"address"` // such as https://alder.example/openbadges
	Issuer    string    `json:"issuer"`
	Name      string    `json:"name"` // of the issuer
	Base      string    `json:"base"`
	Version   string    `json:"version,omitempty"`
	Published time.Time `json:"published,omitzero"`
	Fetched   time.Time `json:"fetched,omitzero"` // zero: by an older version of the program
	// Tried is when it was last tried to fetch it anew, and Problem why that
	// did not succeed; empty when it did.
	Tried   time.Time `json:"tried,omitzero"`
	Problem string    `json:"problem,omitempty"`
	// AgeSeconds is how long ago it was fetched; it is not kept.
	AgeSeconds int64 `json:"ageSeconds,omitempty"`
}

var partnerCatalogues = store.NewCollection("partner-catalogue", func(p PartnerCatalogue) string { return p.Address })

func partnerFile(address string) []byte { return []byte("partner-catalogue/" + address) }

const (
	partnersAge    = 24 * time.Hour   // from when on a kept catalogue is fetched anew
	partnersJitter = 2 * time.Hour    // added to it, so that partners' nodes do not all come at once
	partnersAgain  = time.Hour        // after a partner that did not answer
	partnersLimit  = 20 * time.Second // that all of them take on one beat
	partnersAtOnce = 4
)

// PartnerCatalogues lists the partners' catalogues that are kept.
func (n *Node) PartnerCatalogues(ctx context.Context) ([]PartnerCatalogue, error) {
	out := []PartnerCatalogue{}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		for p, err := range partnerCatalogues.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if !p.Fetched.IsZero() {
				p.AgeSeconds = int64(max(n.now().Sub(p.Fetched), 0).Seconds())
			}
			out = append(out, p)
		}
		return nil
	})
}

// keepPartners keeps a verified edition of the catalogue at an address. One of
// another issuer, and one older than is kept, are refused.
func (n *Node) keepPartners(ctx context.Context, address string, e catalogue.Edition) error {
	p := PartnerCatalogue{Address: address, Issuer: e.Issuer, Name: e.IssuerName, Base: e.Base, Version: e.Catalogue.Version, Published: e.Published, Fetched: n.second()}
	packed, err := e.Catalogue.Pack()
	if err != nil {
		return err
	}
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		old, err := partnerCatalogues.Get(tx, address)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case old.Issuer != p.Issuer:
			return fmt.Errorf("%w: the catalogue at %s was %s's, and is %s's now", ErrInput, address, old.Issuer, p.Issuer)
		case catalogue.Less(p.Version, old.Version) || p.Published.Before(old.Published):
			return fmt.Errorf("%w: the catalogue at %s is of version %s of %s, older than the one that is kept, %s of %s", ErrInput, address, p.Version, p.Published.Format(time.RFC3339), old.Version, old.Published.Format(time.RFC3339))
		}
		if err := partnerCatalogues.Put(tx, p); err != nil {
			return err
		}
		if err := store.PutLarge(tx, partnerTranslations(address), packed); err != nil {
			return err
		}
		return store.PutLarge(tx, partnerFile(address), e.Catalogue.Source())
	})
	if err == nil {
		n.partners.mu.Lock()
		defer n.partners.mu.Unlock()
		delete(n.partners.by, address) // read again when it is needed
	}
	return err
}

// renewPartners fetches the kept catalogues anew that are due, and goes on with
// what is kept where a partner does not answer.
func (n *Node) renewPartners(ctx context.Context) error {
	all, err := n.PartnerCatalogues(ctx)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, partnersLimit)
	defer cancel()
	errs := make([]error, len(all))
	slots := make(chan struct{}, partnersAtOnce)
	var wg sync.WaitGroup
	for i, p := range all {
		if !n.partnersDue(p) {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if limited.Err() == nil { // else its turn comes with the next beat
				errs[i] = n.renewPartner(ctx, limited, p)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (n *Node) partnersDue(p PartnerCatalogue) bool {
	h := fnv.New64a()
	h.Write([]byte(n.id.String() + " " + p.Address)) // never fails (hash.Hash)
	jitter := time.Duration(h.Sum64() % uint64(partnersJitter))
	tried := max(n.now().Sub(p.Tried), 0) // a clock that was put back waits no longer
	return n.now().Sub(p.Fetched) > partnersAge+jitter && tried >= partnersAgain
}

// renewPartner fetches one anew while limited lasts. That it could not be is
// kept beside it, and told.
func (n *Node) renewPartner(ctx, limited context.Context, p PartnerCatalogue) error {
	e, err := n.fetchCatalogue(limited, p.Address)
	if err == nil {
		err = n.keepPartners(limited, p.Address, e)
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	why := err.Error()
	if limited.Err() != nil {
		why = "it did not answer in time"
	}
	noted := n.db.Update(ctx, func(tx *store.Tx) error {
		now, err := partnerCatalogues.Get(tx, p.Address)
		if err != nil {
			return err
		}
		now.Tried, now.Problem = n.second(), why
		return partnerCatalogues.Put(tx, now)
	})
	return errors.Join(fmt.Errorf("the catalogue %s could not be fetched anew: %s", p.Address, why), noted)
}

func (n *Node) adminPartners(mux *http.ServeMux) {
	mux.HandleFunc("GET /catalogues/partners", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.PartnerCatalogues(r.Context())
		answer(w, all, err)
	})
}

// PartnerCatalogues lists the partners' catalogues that the node keeps.
func (c *Client) PartnerCatalogues(ctx context.Context) (all []PartnerCatalogue, err error) {
	return all, c.call(ctx, http.MethodGet, "/catalogues/partners", nil, &all)
}
