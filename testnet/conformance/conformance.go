// Package conformance is the door for the public conformance suites: a server
// on loopback with keys of its own life, which puts the engine of credentials
// and did behind the calls of the VC API that the suites of the W3C and of its
// credentials community group make. It is a test tool and no part of a node:
// it takes credentials of any type, contexts that no badge may use, and
// presentations that answer nobody, and it keeps nothing.
package conformance

import (
	"context"
	"crypto/tls"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/jwk"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/peer"
)

//go:generate sh -c "cd gencontexts && npm install && npm run generate"

// contexts are those that the suites use and no badge does.
//
//go:embed contexts
var contexts embed.FS

// ErrConfig says that a door cannot be set up as asked. The message names the
// setting.
var ErrConfig = errors.New("conformance door refused")

// Config of a door. The zero value listens on any free port of 127.0.0.1.
type Config struct {
	// Listen is an address of this machine itself. Default 127.0.0.1:0.
	Listen string
	// Public is the base of the addresses that are handed out, such as those of
	// status lists, where something stands in front of the door. Default: where
	// it listens.
	Public string
	// TLS answers https, under a certificate of its own that nobody has signed.
	TLS bool
	// NoIssuerBinding accepts a credential whose issuer does not list the key
	// that signed: vectors of some suites have an issuer without keys.
	NoIssuerBinding bool
	// Lists finds status lists that are not the door's own. Default: none; the
	// door makes no request.
	Lists credentials.StatusSource
	// Now tells the time. Default [time.Now].
	Now func() time.Time
}

// Door is a listening server.
type Door struct {
	cfg      Config
	ln       net.Listener
	base     string
	resolver did.Resolver
	verifier *credentials.Verifier
	issuers  []*issuer
	lists    *lists
}

// New sets the contexts of this process, makes keys and takes hold of the
// address. The error wraps [ErrConfig], or jsonld.ErrContext when a document has
// been read in this process before.
func New(cfg Config) (*Door, error) {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := checkBase(cfg.Public); err != nil {
		return nil, err
	}
	if err := acceptContexts(); err != nil {
		return nil, err
	}
	ln, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	d := &Door{cfg: cfg, ln: ln, base: strings.TrimRight(cfg.Public, "/"), resolver: did.Methods{"key": key.Resolver{}, "jwk": jwk.Resolver{}, "peer": peer.Resolver{}}}
	if d.base == "" {
		d.base = map[bool]string{false: "http://", true: "https://"}[cfg.TLS] + ln.Addr().String()
	}
	if d.issuers, err = newIssuers(); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	d.lists = newLists(d.base, d.listIssuer(), cfg)
	d.verifier = credentials.NewVerifier(credentials.VerifierConfig{Resolver: d.resolver, Status: d.lists, Now: cfg.Now})
	return d, nil
}

// Base returns the base of all addresses.
func (d *Door) Base() string { return d.base }

// Close gives the address back, where [Door.Serve] was not called.
func (d *Door) Close() error { return d.ln.Close() }

// Serve answers until ctx ends, and for the requests under way a little longer.
func (d *Door) Serve(ctx context.Context) error {
	srv := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(d.ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(last)
	<-failed
	return err
}

func checkBase(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%w: public %q is no web address; write it as https://localhost:40443", ErrConfig, base)
	}
	return nil
}

// listen refuses every address that another machine could reach.
func listen(cfg Config) (net.Listener, error) {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: listen %q is no address: %v; write it as 127.0.0.1:40443", ErrConfig, cfg.Listen, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: listen %q is not on this machine alone; the door is a test tool, use 127.0.0.1, [::1] or localhost", ErrConfig, cfg.Listen)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: listen: %v", ErrConfig, err)
	}
	if a, ok := ln.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%w: listen %q leads to %s, which is not on this machine alone", ErrConfig, cfg.Listen, ln.Addr()), ln.Close())
	}
	if !cfg.TLS {
		return ln, nil
	}
	cert, err := certificate(cfg.Now())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}), nil
}

func acceptContexts() error {
	raw, err := contexts.ReadFile("contexts/index.json")
	if err != nil {
		return err
	}
	var index map[string]string
	if err := json.Unmarshal(raw, &index); err != nil {
		return err
	}
	for u, file := range index {
		raw, err := contexts.ReadFile("contexts/" + file)
		if err != nil {
			return err
		}
		if err := jsonld.Accept(u, raw); err != nil {
			return err
		}
	}
	return jsonld.AcceptInline()
}
