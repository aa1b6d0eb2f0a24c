package wallet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// SyncResult tells what a visit to a partner brought.
type SyncResult struct {
	Partner  string   `json:"partner"`
	Received []string `json:"received"` // names of new badges
	Waiting  int      `json:"waiting"`  // offers that await a decision
	// News says where applications, endorsements and learning agreements stand
	// that moved, what the issuer said of a badge, and what became of a catalogue.
	News    []string `json:"news,omitempty"`
	Problem string   `json:"problem,omitempty"`
}

// syncTime bounds the visit to one partner that makes no progress.
const syncTime = 30 * time.Second

// Sync visits every partner, sends what waits here and fetches what waits
// there, and fetches the catalogues that are kept anew where they grew old. A
// partner that does not answer is told in its result; the error then
// wraps [ErrUndecided].
func (w *Wallet) Sync(ctx context.Context) ([]SyncResult, error) {
	cs, err := w.Connections(ctx)
	if err != nil {
		return nil, err
	}
	var out []SyncResult
	failed := 0
	for _, c := range cs {
		r, err := w.syncOne(ctx, c)
		if err != nil {
			failed++
			r.Problem = err.Error()
		}
		out = append(out, r)
	}
	words, err := w.words(ctx, 0)
	for i, c := range cs {
		out[i].News = append(out[i].News, words[c.ID]...)
	}
	if err != nil {
		return out, err
	}
	news, err := w.freshen(ctx, freshenSync)
	if err != nil {
		return out, err
	}
	out = append(out, news...)
	if failed > 0 {
		return out, fmt.Errorf("%w: %d of %d partners did not answer; what waits there comes at the next sync", ErrUndecided, failed, len(cs))
	}
	return out, nil
}

// syncOne visits one partner until nothing waits on either side.
func (w *Wallet) syncOne(ctx context.Context, c exchange.Connection) (SyncResult, error) {
	res := SyncResult{Partner: c.Label, Received: []string{}}
	if res.Partner == "" {
		res.Partner = c.Peer
	}
	pair, err := c.Pair()
	if err != nil {
		return res, err
	}
	before, err := w.names(ctx)
	if err != nil {
		return res, err
	}
	stood, err := w.standings(ctx, c)
	if err != nil {
		return res, err
	}
	if w.cfg.Offline {
		return res, fmt.Errorf("%w: --offline forbids to visit %s; leave it out", ErrUndecided, res.Partner)
	}
	l, err := w.agent.Connect(ctx, pair)
	if err != nil {
		return res, fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	defer l.Close()
	if err := w.drain(ctx, l, pair); err != nil {
		return res, fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	after, err := w.names(ctx)
	if err != nil {
		return res, err
	}
	for id, name := range after {
		if _, known := before[id]; !known {
			res.Received = append(res.Received, name)
		}
	}
	stand, err := w.standings(ctx, c)
	if err != nil {
		return res, err
	}
	for _, id := range slices.Sorted(maps.Keys(stand)) {
		if stand[id] != stood[id] {
			res.News = append(res.News, stand[id])
		}
	}
	res.Waiting, err = w.undecided(ctx, c)
	return res, err
}

// drain waits until both outboxes of a pair are empty.
func (w *Wallet) drain(ctx context.Context, l *didcomm.Link, pair didcomm.Pair) error {
	if err := w.agent.SendNow(ctx, pair, exchange.LiveDelivery()); err != nil {
		return err
	}
	last, since, pieces := -1, time.Now(), w.pieces.Load()
	for {
		mine := 0
		err := w.db.View(ctx, func(tx *store.Tx) (err error) {
			mine, err = didcomm.Waiting(tx, pair, 1000)
			return err
		})
		if err != nil {
			return err
		}
		if mine > 0 { // an answer may take this long
			if err := pause(ctx, l, 5*time.Millisecond); err != nil {
				return err
			}
		}
		theirs := 0
		if mine == 0 {
			if theirs, err = w.ask(ctx, l, pair); err != nil {
				return err
			}
			if theirs == 0 {
				return nil
			}
			if err := pause(ctx, l, 20*time.Millisecond); err != nil {
				return err
			}
		}
		if sent := w.pieces.Load(); mine+theirs != last || sent != pieces {
			last, since, pieces = mine+theirs, time.Now(), sent
		}
		if time.Since(since) > syncTime {
			return errors.New("the partner is connected but does not take or give what waits")
		}
	}
}

func pause(ctx context.Context, l *didcomm.Link, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-l.Done():
		return didcomm.ErrGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errRefused says that the partner does not know us.
var errRefused = errors.New("the partner does not know this wallet (any more); ask for a new invitation, or forget it with: trustme wallet partners forget")

// ask asks the partner how many messages wait for us there.
func (w *Wallet) ask(ctx context.Context, l *didcomm.Link, pair didcomm.Pair) (int, error) {
	m := exchange.StatusRequest()
	ch := make(chan int, 1)
	w.mu.Lock()
	w.waiting[m.ID] = ch
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.waiting, m.ID)
		w.mu.Unlock()
	}()
	if err := w.agent.SendNow(ctx, pair, m); err != nil {
		return 0, err
	}
	select {
	case n := <-ch:
		if n < 0 {
			return 0, errRefused
		}
		return n, nil
	case <-l.Done():
		return 0, didcomm.ErrGone
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(syncTime):
		return 0, errors.New("the partner is connected but does not answer")
	}
}

func (w *Wallet) onStatus(_ didcomm.Pair, thread string, waiting int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ch := w.waiting[thread]; ch != nil {
		select {
		case ch <- waiting:
		default:
		}
	}
}

// Event is what happened while a wallet watches: a badge of that name came, or
// a partner said something of one.
type Event struct {
	Received string `json:"received,omitempty"`
	Partner  string `json:"partner,omitempty"`
	News     string `json:"news,omitempty"`
}

// Watch stays connected to every partner until ctx ends, so that badges come
// as they are issued, and tells what happens.
func (w *Wallet) Watch(ctx context.Context, tell func(Event)) error {
	reading := context.WithoutCancel(ctx) // to be told to end is no error, also not at the very first
	cs, err := w.Connections(reading)
	if err != nil {
		return err
	}
	if len(cs) == 0 {
		return fmt.Errorf("%w: there is no partner to watch; accept an invitation first: trustme wallet connect LINK", ErrInput)
	}
	known, err := w.names(reading)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	for _, c := range cs {
		pair, err := c.Pair()
		if err != nil {
			return err
		}
		go func() {
			w.agent.Keep(ctx, pair, func(*didcomm.Link) error { return w.agent.SendNow(ctx, pair, exchange.LiveDelivery()) })
			done <- struct{}{}
		}()
	}
	for left := len(cs); left > 0; {
		select {
		case <-done:
			left--
		case <-time.After(200 * time.Millisecond):
			now, err := w.names(reading)
			if err != nil {
				return err
			}
			for id, name := range now {
				if _, old := known[id]; !old {
					tell(Event{Received: name})
				}
			}
			known = now
			words, err := w.words(ctx, lookAgain)
			if err != nil && ctx.Err() == nil {
				return err
			}
			for _, c := range cs {
				for _, word := range words[c.ID] {
					tell(Event{Partner: partner(c), News: word})
				}
			}
		}
	}
	return nil
}
