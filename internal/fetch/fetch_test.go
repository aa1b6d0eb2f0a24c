package fetch_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/fetch"
)

func TestPrivateAndForbiddenAddressesAreNeverAsked(t *testing.T) {
	c := fetch.New(fetch.Config{Timeout: time.Second})
	for _, u := range []string{
		"https://localhost/x", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data",
		"https://10.0.0.1/", "https://192.168.1.1/", "https://[fd00::1]/", "https://0.0.0.0/", "http://alder.example/", "file:///etc/passwd",
		"ftp://alder.example/", "https://user:pass@alder.example/", "https://", "https://a.localhost/",
	} {
		if _, err := c.Get(t.Context(), u); !errors.Is(err, fetch.ErrBlocked) {
			t.Errorf("%s: got %v", u, err)
		}
	}
}

func TestLoopbackIsAskedOnlyWhenAllowed(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Write([]byte("{}"))
	}))
	defer srv.Close()
	if _, err := fetch.New(fetch.Config{}).Get(t.Context(), srv.URL); !errors.Is(err, fetch.ErrBlocked) || asked != 0 {
		t.Errorf("got %v after %d requests", err, asked)
	}
	r, err := fetch.New(fetch.Config{Loopback: true}).Get(t.Context(), srv.URL)
	if err != nil || string(r.Body) != "{}" || r.MaxAge != time.Minute {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestRedirectsAreFollowedThriceAndNotIntoPrivateNets(t *testing.T) {
	var to string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }))
	defer srv.Close()
	c := fetch.New(fetch.Config{Loopback: true, Timeout: 2 * time.Second})
	to = srv.URL
	if _, err := c.Get(t.Context(), srv.URL); !errors.Is(err, fetch.ErrUnreachable) {
		t.Errorf("an endless redirect: %v", err)
	}
	for _, to = range []string{"https://10.0.0.1/", "file:///etc/passwd", "http://alder.example/"} {
		if _, err := c.Get(t.Context(), srv.URL); !errors.Is(err, fetch.ErrBlocked) {
			t.Errorf("redirect to %s: %v", to, err)
		}
	}
}

func TestAnswersAreBoundedInSizeAndTime(t *testing.T) {
	slow := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			select {
			case <-slow:
			case <-r.Context().Done():
			}
			return
		}
		w.Write([]byte(strings.Repeat("x", 2000)))
	}))
	defer srv.Close()
	defer close(slow)
	c := fetch.New(fetch.Config{Loopback: true, MaxBytes: 1000, Timeout: 200 * time.Millisecond})
	if _, err := c.Get(t.Context(), srv.URL); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("2000 bytes of 1000: %v", err)
	}
	if _, err := c.Get(t.Context(), srv.URL+"/slow"); !errors.Is(err, fetch.ErrUnreachable) {
		t.Errorf("a server that does not answer: %v", err)
	}
}
