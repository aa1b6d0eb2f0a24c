package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// A catalogue that is kept grows old. One older than a day is fetched anew when
// partners are visited, and when it is used: with the checks of the first time,
// and for no longer than an answer may wait. Where that does not succeed the one
// that is kept goes on, and its age is told.

const (
	catalogueAge  = 24 * time.Hour   // from when on a catalogue is fetched anew
	freshenAgain  = time.Hour        // after a publisher that did not answer
	freshenUse    = 2 * time.Second  // how long an answer waits for all of them
	freshenSync   = 10 * time.Second // how long a visit of all partners does
	freshenAtOnce = 4
)

// fresh lists the catalogues that are kept, for an answer that rests on them.
func (w *Wallet) fresh(ctx context.Context) ([]Catalogue, error) {
	limit := freshenUse
	if w.cfg.Refresh { // it was asked for
		limit = freshenSync
	}
	if _, err := w.freshen(ctx, limit); err != nil {
		return nil, err
	}
	return w.Catalogues(ctx)
}

// AgeOf returns how long ago a catalogue was fetched.
func (w *Wallet) AgeOf(k Catalogue) time.Duration { return max(w.cfg.Now().Sub(k.Fetched), 0) }

// Old reports whether a catalogue should have been fetched anew.
func (w *Wallet) Old(k Catalogue) bool { return w.AgeOf(k) > catalogueAge }

// freshen fetches anew the catalogues that are due, and returns what became of
// them in words. A publisher that does not answer is no error.
func (w *Wallet) freshen(ctx context.Context, limit time.Duration) ([]SyncResult, error) {
	all, err := w.Catalogues(ctx)
	if err != nil || w.cfg.Offline {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	news, errs := make([]SyncResult, len(all)), make([]error, len(all))
	slots := make(chan struct{}, freshenAtOnce)
	var wg sync.WaitGroup
	for i, k := range all {
		if !w.due(k) {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if limited.Err() == nil { // else its turn comes with the next use
				news[i], errs[i] = w.renewCatalogue(ctx, limited, k)
			}
		})
	}
	wg.Wait()
	var out []SyncResult
	for _, n := range news {
		if len(n.News) > 0 {
			out = append(out, n)
		}
	}
	return out, errors.Join(errs...)
}

// due reports whether a catalogue is to be fetched anew now, and notes that it
// will be.
func (w *Wallet) due(k Catalogue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	tried := max(w.cfg.Now().Sub(k.Tried), 0) // a clock that was put back waits no longer
	if w.cfg.Refresh && !w.renewed[k.ID] || w.Old(k) && tried >= freshenAgain {
		w.renewed[k.ID] = true
		return true
	}
	return false
}

// renewCatalogue fetches one anew while limited lasts.
func (w *Wallet) renewCatalogue(ctx, limited context.Context, k Catalogue) (SyncResult, error) {
	res := SyncResult{Partner: k.IssuerName, Received: []string{}}
	if res.Partner == "" {
		res.Partner = k.Issuer
	}
	now, err := w.fetchCatalogue(limited, k.ID)
	if ctx.Err() != nil {
		return res, ctx.Err()
	}
	if err == nil {
		if now.Version != k.Version {
			res.News = []string{fmt.Sprintf("the catalogue %s is of version %s now; it was %s", k.Slug, now.Version, k.Version)}
		}
		return res, nil
	}
	why := err.Error()
	if limited.Err() != nil {
		why = "its publisher did not answer in time"
	}
	res.News = []string{fmt.Sprintf("the catalogue %s is as of %s and could not be fetched anew: %s", k.Slug, k.Fetched.Format(time.RFC3339), why)}
	return res, w.noteTried(ctx, k.ID, why)
}

// noteTried writes down why a catalogue could not be fetched anew.
func (w *Wallet) noteTried(ctx context.Context, id, why string) error {
	return w.db.Update(ctx, func(tx *store.Tx) error {
		k, err := catalogues.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		k.Tried, k.Problem = w.cfg.Now().UTC().Truncate(time.Second), why
		return catalogues.Put(tx, k)
	})
}
