// Package party assembles what every party needs to look at others: resolvers
// of all methods, one guarded client, a cache that shows ages, and a verifier
// over them. Node, wallet and the verify command each hold one.
package party

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/cache"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/store"
)

// Config of a party.
type Config struct {
	DB *store.DB
	// Loopback lets it reach this machine itself, as a testnet does.
	Loopback bool
	// Offline makes no request; copies serve, and the report tells their age.
	Offline bool
	// Refresh asks publishers whatever the age of a copy.
	Refresh bool
	Now     func() time.Time
	// Trusted are issuers that recognition answers yes to.
	Trusted []string
	// Own returns the document of a DID that is ours, so that a node does not
	// ask itself over the network.
	Own func(ctx context.Context, id did.DID) (did.Resolution, bool, error)
	// StatusLists returns a status list that is ours.
	StatusLists func(ctx context.Context, url string) (body []byte, ok bool, err error)
}

// Party is what [New] assembles. It is safe for concurrent use.
type Party struct {
	Resolver did.Resolver
	Verifier *credentials.Verifier
	Cache    *cache.Cache
	Client   *fetch.Client
	cfg      Config
}

// New assembles a party.
func New(cfg Config) (*Party, error) {
	p := &Party{cfg: cfg, Client: fetch.New(fetch.Config{Loopback: cfg.Loopback, Now: cfg.Now})}
	p.Cache = &cache.Cache{DB: cfg.DB, Client: p.Client, Now: cfg.Now, Offline: cfg.Offline, Refresh: cfg.Refresh}
	methods := did.Methods{"key": key.Resolver{}, "jwk": jwk.Resolver{}, "peer": peer.Resolver{}, "web": web.Resolver{Client: p.Cache, Loopback: cfg.Loopback}}
	p.Resolver = methods
	if cfg.Own != nil {
		p.Resolver = withOwn{methods, cfg.Own}
	}
	p.Verifier = credentials.NewVerifier(credentials.VerifierConfig{Resolver: p.Resolver, Status: p, Now: cfg.Now, Offline: cfg.Offline, TrustedIssuers: cfg.Trusted})
	return p, nil
}

type withOwn struct {
	rest did.Resolver
	own  func(context.Context, did.DID) (did.Resolution, bool, error)
}

func (w withOwn) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	if r, ok, err := w.own(ctx, id); ok || err != nil {
		return r, err
	}
	return w.rest.Resolve(ctx, id)
}

// StatusList implements [credentials.StatusSource].
func (p *Party) StatusList(ctx context.Context, list string) (status.Fetched, error) {
	if p.cfg.StatusLists != nil {
		if body, ok, err := p.cfg.StatusLists(ctx, list); ok || err != nil {
			return status.Fetched{Body: body, At: p.cfg.Now().UTC()}, err
		}
	}
	r, err := p.Cache.Get(ctx, list)
	var code *fetch.StatusError
	switch {
	case errors.As(err, &code) && (code.Code == 404 || code.Code == 410):
		return status.Fetched{}, fmt.Errorf("%w: %w", status.ErrNoList, err)
	case err != nil:
		return status.Fetched{}, fmt.Errorf("%w: %w", status.ErrUnreachable, err)
	}
	return status.Fetched{Body: r.Body, At: r.Fetched, Cached: r.Cached}, nil
}

// Dial opens a TCP connection to a peer's endpoint, guarded like everything
// that is fetched: the address is judged after name resolution.
func (p *Party) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, Control: fetch.Guard(p.cfg.Loopback)}
	return d.DialContext(ctx, network, address)
}

// Fetch gets a document that a person named, such as a badge at a URL.
func (p *Party) Fetch(ctx context.Context, address string) (fetch.Response, error) {
	if u, err := url.Parse(strings.TrimSpace(address)); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return fetch.Response{}, fmt.Errorf("%w: %q is no web address", fetch.ErrBlocked, address)
	}
	return p.Client.Get(ctx, address)
}

// Get is the body of [Party.Fetch].
func (p *Party) Get(ctx context.Context, address string) ([]byte, error) {
	r, err := p.Fetch(ctx, address)
	return r.Body, err
}

// Mark implements [credentials.SeenMarks]: how new the newest list of an
// address was, over restarts, so that an older one is noticed.
func (p *Party) Mark(ctx context.Context, list string, validFrom time.Time) (newest time.Time, err error) {
	h := sha256.Sum256([]byte(list))
	key := []byte("seen/" + hex.EncodeToString(h[:]))
	read := func(tx *store.Tx) error {
		raw, err := tx.Get(key)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return newest.UnmarshalText(raw)
	}
	if err := p.cfg.DB.View(ctx, read); err != nil {
		return newest, err
	}
	if !validFrom.After(newest) {
		return newest, nil
	}
	err = p.cfg.DB.Update(ctx, func(tx *store.Tx) error {
		newest = time.Time{}
		if err := read(tx); err != nil || !validFrom.After(newest) {
			return err
		}
		newest = validFrom
		raw, err := validFrom.MarshalText()
		if err != nil {
			return err
		}
		return tx.Put(key, raw)
	})
	return newest, err
}
