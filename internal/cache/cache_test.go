package cache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/cache"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// publisher answers with a counter, or fails as told.
type publisher struct {
	asked  int
	maxAge time.Duration
	err    error
	now    func() time.Time
}

func (p *publisher) Get(_ context.Context, url string) (fetch.Response, error) {
	p.asked++
	if p.err != nil {
		return fetch.Response{}, p.err
	}
	return fetch.Response{Body: fmt.Appendf(nil, "%s %d", url, p.asked), Fetched: p.now(), MaxAge: p.maxAge}, nil
}

type net struct {
	pub   *publisher
	cache *cache.Cache
	now   time.Time
}

func newNet(t *testing.T) *net {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	n := &net{now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return n.now }
	n.pub = &publisher{now: clock}
	n.cache = &cache.Cache{DB: db, Client: n.pub, Now: clock}
	return n
}

func (n *net) get(t *testing.T, want string, cached bool) {
	t.Helper()
	r, err := n.cache.Get(t.Context(), "u")
	if err != nil || string(r.Body) != want || r.Cached != cached {
		t.Errorf("got %q, cached %v, %v; want %q, %v", r.Body, r.Cached, err, want, cached)
	}
}

func TestAFreshCopyServesWithoutARequestAndAnOldOneIsFetchedAgain(t *testing.T) {
	n := newNet(t)
	n.get(t, "u 1", false)
	n.now = n.now.Add(4 * time.Minute)
	n.get(t, "u 1", true)
	n.now = n.now.Add(2 * time.Minute) // five minutes are over
	n.get(t, "u 2", false)
	n.pub.maxAge = time.Minute // the publisher allows less
	n.cache.Refresh = true
	n.get(t, "u 3", false)
	n.cache.Refresh = false
	n.now = n.now.Add(61 * time.Second)
	n.get(t, "u 4", false)
}

func TestAClockSetBackDoesNotMakeACopyFresh(t *testing.T) {
	n := newNet(t)
	n.get(t, "u 1", false)
	n.now = n.now.Add(-time.Hour)
	n.get(t, "u 2", false)
}

func TestAnOldCopyServesWhenItsPublisherIsOutOfReachWithItsAge(t *testing.T) {
	n := newNet(t)
	n.get(t, "u 1", false)
	then := n.now
	n.now = n.now.Add(48 * time.Hour)
	n.pub.err = fmt.Errorf("%w: cut", fetch.ErrUnreachable)
	r, err := n.cache.Get(t.Context(), "u")
	if err != nil || !r.Cached || !r.Fetched.Equal(then) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := n.cache.Get(t.Context(), "never seen"); !errors.Is(err, fetch.ErrUnreachable) {
		t.Errorf("never seen: %v", err)
	}
	n.pub.err = fmt.Errorf("%w: it changed its address", fetch.ErrBlocked) // a definite no is not papered over
	if _, err := n.cache.Get(t.Context(), "u"); !errors.Is(err, fetch.ErrBlocked) {
		t.Errorf("blocked now: %v", err)
	}
}

func TestOfflineMakesNoRequestAndADefiniteNoIsRemembered(t *testing.T) {
	n := newNet(t)
	n.pub.err = &fetch.StatusError{URL: "u", Code: 404}
	var status *fetch.StatusError
	if _, err := n.cache.Get(t.Context(), "u"); !errors.As(err, &status) {
		t.Fatal(err)
	}
	n.cache.Offline = true
	asked := n.pub.asked
	if _, err := n.cache.Get(t.Context(), "u"); !errors.As(err, &status) || status.Code != 404 {
		t.Errorf("a remembered 404: %v", err)
	}
	if _, err := n.cache.Get(t.Context(), "other"); !errors.Is(err, fetch.ErrUnreachable) {
		t.Errorf("not at hand: %v", err)
	}
	if err := n.cache.Put(t.Context(), "other", fetch.Response{Body: []byte("x"), Fetched: n.now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if r, err := n.cache.Get(t.Context(), "other"); err != nil || string(r.Body) != "x" || n.pub.asked != asked {
		t.Errorf("a copy put there: %+v, %v, %d requests", r, err, n.pub.asked-asked)
	}
}

// Copies that were read are kept in memory, a few of them, and never an older
// one than was put.
func TestCopiesInMemoryAreBoundedAndNeverOlderThanThoseKept(t *testing.T) {
	n := newNet(t)
	for i := range 200 {
		url := fmt.Sprint("u", i%50)
		body := fmt.Sprint("body ", i)
		if err := n.cache.Put(t.Context(), url, fetch.Response{Body: []byte(body), Fetched: n.now}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := n.cache.Get(t.Context(), url)
			if err != nil || string(r.Body) != body {
				t.Fatalf("%s: %q, %v; want %q", url, r.Body, err, body)
			}
		}
	}
	done := make(chan error)
	go func() {
		for i := range 300 {
			if err := n.cache.Put(t.Context(), "u", fetch.Response{Body: fmt.Append(nil, i), Fetched: n.now}); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	last := 0
	for {
		r, err := n.cache.Get(t.Context(), "u")
		if err == nil && string(r.Body) != "u 1" {
			var at int
			if _, err := fmt.Sscan(string(r.Body), &at); err != nil || at < last {
				t.Fatalf("%q after %d, %v", r.Body, last, err)
			}
			last = at
		}
		select {
		case err, failed := <-done:
			if failed {
				t.Fatal(err)
			}
			if r, err := n.cache.Get(t.Context(), "u"); err != nil || string(r.Body) != "299" {
				t.Errorf("in the end %q, %v", r.Body, err)
			}
			return
		default:
		}
	}
}
