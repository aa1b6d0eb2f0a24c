package credentials_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/fetch"
)

// answer is what a GET of one URL gets, in the words of the corpus.
type answer struct {
	File, ContentType, Redirect string
	Status                      int
	Endless                     bool
	body                        []byte
}

// internet stands for the outside: URLs and their answers, under the rules of
// the product's own client (https only, no private address, three redirects,
// 4 MiB). It keeps count of what was asked.
type internet struct {
	answers map[string]answer
	dir     string
	now     func() time.Time
	asked   []string
}

func (n *internet) Get(ctx context.Context, u string) (fetch.Response, error) {
	for range 4 {
		if err := allowed(u); err != nil {
			return fetch.Response{}, err
		}
		n.asked = append(n.asked, u)
		a, ok := n.answers[u]
		switch {
		case !ok:
			return fetch.Response{}, fmt.Errorf("%w: %s", fetch.ErrUnreachable, u)
		case a.Redirect != "":
			u = a.Redirect
			continue
		case a.Status != 0 && a.Status != http.StatusOK:
			return fetch.Response{}, &fetch.StatusError{URL: u, Code: a.Status}
		case a.Endless:
			return fetch.Response{}, fmt.Errorf("%w: %s", fetch.ErrTooLarge, u)
		case a.body == nil && a.File == "":
			return fetch.Response{}, fmt.Errorf("%w: %s", fetch.ErrUnreachable, u)
		}
		body := a.body
		if body == nil {
			var err error
			if body, err = os.ReadFile(filepath.Join(n.dir, a.File)); err != nil {
				return fetch.Response{}, fmt.Errorf("%w: %v", fetch.ErrUnreachable, err)
			}
		}
		return fetch.Response{Body: body, ContentType: a.ContentType, Fetched: n.now()}, nil
	}
	return fetch.Response{}, fmt.Errorf("%w: too many redirects", fetch.ErrUnreachable)
}

func allowed(u string) error {
	p, err := url.Parse(u)
	if err != nil || p.Scheme != "https" || p.Hostname() == "" || p.Hostname() == "localhost" {
		return fmt.Errorf("%w: %q", fetch.ErrBlocked, u)
	}
	if _, err := netip.ParseAddr(p.Hostname()); err == nil || strings.Trim(p.Hostname(), "0123456789.x") == "" {
		return fmt.Errorf("%w: %q", fetch.ErrBlocked, u)
	}
	return nil
}

// StatusList makes the internet a source of status lists.
func (n *internet) StatusList(ctx context.Context, u string) (status.Fetched, error) {
	r, err := n.Get(ctx, u)
	var s *fetch.StatusError
	if errors.As(err, &s) && (s.Code == http.StatusNotFound || s.Code == http.StatusGone) {
		return status.Fetched{}, fmt.Errorf("%w: %w", status.ErrNoList, err)
	}
	return status.Fetched{Body: r.Body, At: r.Fetched, Cached: r.Cached}, err
}

// serve sets an answer: a document, or {"status": code}.
func (n *internet) serve(t *testing.T, u string, raw json.RawMessage) {
	t.Helper()
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil || a.Status == 0 {
		a = answer{body: bytes.Clone(raw), ContentType: "application/vc"}
	}
	n.answers[u] = a
}

func (n *internet) resolver() did.Methods {
	return did.Methods{"key": key.Resolver{}, "jwk": jwk.Resolver{}, "web": web.Resolver{Client: n}}
}
