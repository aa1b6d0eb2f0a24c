package wallet

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// agreementsFile keeps the agreements of a catalogue's publisher, compressed:
// they are much alike, and a list of as many as are taken would not fit else.
func agreementsFile(catalogue string) []byte { return []byte("catalogue-agreements/" + catalogue) }

// maxAgreements bounds the agreements of one partner that are looked at.
const maxAgreements = 500

// fetchAgreements asks a partner which other partners' badges it recognises. A
// partner without such a page recognises nobody's.
func (w *Wallet) fetchAgreements(ctx context.Context, base string) ([]byte, error) {
	raw, err := w.party.Get(ctx, base+"/agreements")
	var code *fetch.StatusError
	if errors.As(err, &code) && code.Code == 404 {
		return []byte("[]"), nil
	}
	if err != nil {
		return nil, err
	}
	_, err = readAgreements(raw)
	return raw, err
}

// maxAgreementsSize bounds a partner's list, as it is fetched.
const maxAgreementsSize = 4 << 20

func squeeze(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(raw)
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}

func unsqueeze(kept []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, fmt.Errorf("%w: the agreements of a catalogue: %v", store.ErrCorrupt, err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxAgreementsSize+1))
	if err != nil || len(raw) > maxAgreementsSize {
		return nil, fmt.Errorf("%w: the agreements of a catalogue: %d bytes, %v", store.ErrCorrupt, len(raw), err)
	}
	return raw, nil
}

func readAgreements(raw []byte) (out []recognition.Bundle, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil || len(out) > maxAgreements {
		return nil, errorf(ErrInput, "the partner's list of agreements is none: a list of at most %d signed agreements (%v)", maxAgreements, err)
	}
	return out, nil
}

// termsAtOnce is how many agreements are judged at once.
const termsAtOnce = 8

// terms are what the publisher of a catalogue recognises, each agreement
// verified now, while limited lasts. One that is none counts for nothing; what
// one says that could not be told, or not in that time, is uncertain.
func (w *Wallet) terms(ctx, limited context.Context, k Catalogue) (recognition.Terms, error) {
	var raw []byte
	err := w.db.View(ctx, func(tx *store.Tx) error {
		kept, err := store.GetLarge(tx, agreementsFile(k.ID))
		if err == nil {
			raw, err = unsqueeze(kept)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return recognition.Terms{Self: []string{k.Issuer}}, nil // kept by an older version
	}
	if err != nil {
		return recognition.Terms{}, err
	}
	bundles, err := readAgreements(raw)
	if err != nil {
		return recognition.Terms{}, err
	}
	opened, errs := make([]recognition.Statement, len(bundles)), make([]error, len(bundles))
	slots := make(chan struct{}, termsAtOnce)
	var wg sync.WaitGroup
	for i, b := range bundles {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			opened[i], errs[i] = w.openInTime(limited, b)
		})
	}
	wg.Wait()
	t := recognition.Terms{Self: []string{k.Issuer}}
	for i, err := range errs {
		if err != nil && !recognition.IsUndecided(err) {
			w.cfg.Log.Info("an agreement of a partner does not count", "did", k.Issuer, "err", err)
			continue
		}
		t.Statements = append(t.Statements, opened[i])
	}
	return t, ctx.Err()
}

// openInTime opens an agreement. One that could not be judged before the time
// was over says so.
func (w *Wallet) openInTime(limited context.Context, b recognition.Bundle) (recognition.Statement, error) {
	s, err := recognition.Open(limited, w.party.Verifier, b, w.cfg.Now())
	if errors.Is(limited.Err(), context.DeadlineExceeded) && (err == nil || recognition.IsUndecided(err)) && (s.Standing == requirement.Uncertain || s.Unjudged != "") {
		s.Why = fmt.Sprintf("it was not judged within %s; try again later", w.cfg.Patience)
		if s.Unjudged != "" {
			s.Unjudged = s.Why
		}
	}
	return s, err
}
