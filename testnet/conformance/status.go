package conformance

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
)

// lists is the one status list that the door publishes, signed anew each time
// that it is asked for, and the way to others.
type lists struct {
	url    string
	by     *issuer
	now    func() time.Time
	others credentials.StatusSource

	mu   sync.Mutex
	bits status.Bitmap
	used map[int]bool
}

func newLists(base string, by *issuer, cfg Config) *lists {
	return &lists{url: base + listPath, by: by, now: cfg.Now, others: cfg.Lists, bits: status.NewBitmap(0), used: map[int]bool{}}
}

const listPath = "/status/1/" + status.Revocation

// entry takes an index that was not given out before.
func (l *lists) entry() (status.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.used) < l.bits.Len() {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(l.bits.Len())))
		if err != nil {
			return status.Entry{}, err
		}
		if i := int(n.Int64()); !l.used[i] {
			l.used[i] = true
			return status.NewEntry(l.url, status.Revocation, i), nil
		}
	}
	return status.Entry{}, fmt.Errorf("%w: all %d entries of the status list are given out; start the door anew", status.ErrLength, l.bits.Len())
}

// signed returns the list as of now.
func (l *lists) signed(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return credentials.SignStatusList(ctx, status.Description{ID: l.url, Issuer: l.by.id.String(), Purpose: status.Revocation, ValidFrom: now}, l.bits, l.by, now)
}

// StatusList implements credentials.StatusSource.
func (l *lists) StatusList(ctx context.Context, url string) (status.Fetched, error) {
	switch {
	case url == l.url:
		raw, err := l.signed(ctx)
		return status.Fetched{Body: raw, At: l.now()}, err
	case strings.HasPrefix(url, strings.TrimSuffix(l.url, listPath)+"/"):
		return status.Fetched{}, fmt.Errorf("%w: %s", status.ErrNoList, url)
	case l.others != nil:
		return l.others.StatusList(ctx, url)
	}
	return status.Fetched{}, fmt.Errorf("%w: %s: the door makes no request", status.ErrUnreachable, url)
}
