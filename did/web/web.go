// Package web resolves did:web (did:web Method Specification): the document
// is fetched over HTTPS from the host that the identifier names.
package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/fetch"
)

// ErrBlocked says that an address is one that is never fetched, such as one of
// a private network.
var ErrBlocked = fetch.ErrBlocked

// Response is what was fetched.
type Response = fetch.Response

// StatusError is an HTTP answer other than 200.
type StatusError = fetch.StatusError

// Getter fetches a URL. The error wraps a *[StatusError] where there was an
// answer other than 200.
type Getter interface {
	Get(ctx context.Context, url string) (Response, error)
}

// Resolver resolves did:web. The zero value is ready.
type Resolver struct {
	// Client fetches. Default: one that goes to public addresses only, within
	// bounds of time and size, and keeps nothing.
	Client Getter
	// Loopback allows hosts of this machine, which are asked over plain HTTP:
	// for tests and the testnet only.
	Loopback bool
}

// New returns the did:web of a base URL such as https://alder.example or
// http://localhost:8443/partner.
func New(base string) (did.DID, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return did.DID{}, fmt.Errorf("%w: %q is not a base URL such as https://alder.example", did.ErrSyntax, base)
	}
	if u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return did.DID{}, fmt.Errorf("%w: did:web needs https, and %q has not", did.ErrSyntax, base)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return did.DID{}, fmt.Errorf("%w: did:web needs a host name, not the address %s (use localhost for a test)", did.ErrSyntax, u.Hostname())
	}
	id := strings.ReplaceAll(strings.ToLower(u.Host), ":", "%3A")
	for seg := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		if seg != "" {
			id += ":" + seg
		}
	}
	return did.Parse("did:web:" + id)
}

// URL returns where the document of id is fetched from.
func (r Resolver) URL(id did.DID) (string, error) {
	if id.Method() != "web" {
		return "", fmt.Errorf("%w: did:%s", did.ErrUnsupported, id.Method())
	}
	parts := strings.Split(id.SpecificID(), ":")
	host, err := url.PathUnescape(parts[0])
	if err != nil {
		return "", fmt.Errorf("%w: %v", did.ErrSyntax, err)
	}
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil && port != "" {
		name = h
	} else if strings.ContainsAny(host, ":/?#@[]") {
		return "", fmt.Errorf("%w: did:web host %q", did.ErrSyntax, host)
	}
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return "", fmt.Errorf("%w: %w: did:web needs a host name, not %q", did.ErrSyntax, ErrBlocked, name)
	}
	scheme := "https"
	if isLoopback(name) {
		if !r.Loopback {
			return "", fmt.Errorf("%w: %s names this machine itself; a testnet allows that with --allow-loopback", ErrBlocked, id)
		}
		scheme = "http"
	}
	path := "/.well-known"
	if len(parts) > 1 {
		path = ""
		for _, p := range parts[1:] {
			if p == "" || p == "." || p == ".." || strings.Contains(strings.ToLower(p), "%2f") {
				return "", fmt.Errorf("%w: did:web path segment %q", did.ErrSyntax, p)
			}
			path += "/" + p
		}
	}
	return scheme + "://" + host + path + "/did.json", nil
}

// Resolve fetches the document. A 404 or 410 is [did.ErrNotFound]; a blocked
// address is [did.ErrUnreachable] and also wraps [ErrBlocked].
func (r Resolver) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	u, err := r.URL(id)
	if errors.Is(err, ErrBlocked) {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrUnreachable, err)
	}
	if err != nil {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
	}
	resp, err := r.get(ctx, u)
	status, answered := errors.AsType[*StatusError](err)
	switch {
	case answered && (status.Code == 404 || status.Code == 410):
		return did.Resolution{}, fmt.Errorf("%w: %s answers %d", did.ErrNotFound, u, status.Code)
	case err != nil:
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrUnreachable, err)
	}
	d, err := document(resp.Body)
	if err != nil {
		return did.Resolution{}, err
	}
	if d.ID != id {
		return did.Resolution{}, fmt.Errorf("%w: %s holds the document of %s", did.ErrInvalidDocument, u, d.ID)
	}
	return did.Resolution{Document: d, Raw: resp.Body, Fetched: resp.Fetched, Cached: resp.Cached}, nil
}

func (r Resolver) get(ctx context.Context, u string) (Response, error) {
	if r.Client != nil {
		return r.Client.Get(ctx, u)
	}
	c := fetch.New(fetch.Config{Loopback: r.Loopback})
	defer c.Close()
	return c.Get(ctx, u)
}

// parsed keeps what the documents at hand say, by their bytes: checking their
// keys costs more than a signature. Whoever gets one must not change it.
var parsed = bounded.NewMap[[sha256.Size]byte, did.Document](128)

// maxKept bounds the size of a document that is kept.
const maxKept = 16 << 10

func document(raw []byte) (did.Document, error) {
	sum := sha256.Sum256(raw)
	if d, ok := parsed.Get(sum); ok {
		return d, nil
	}
	d, err := did.ParseDocument(raw)
	if err == nil && len(raw) <= maxKept {
		parsed.Put(sum, d)
	}
	return d, err
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
