// Package fetch is the one HTTP client with which anything is fetched from a
// stranger: bounded in time, size and redirects, and closed to private,
// loopback and link-local addresses, whatever a host name resolves to.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

var (
	// ErrBlocked says that an address or scheme is forbidden.
	ErrBlocked = errors.New("address not allowed")
	// ErrTooLarge says that an answer exceeds [Config.MaxBytes].
	ErrTooLarge = errors.New("answer too large")
	// ErrUnreachable says that no answer came.
	ErrUnreachable = errors.New("no answer")
)

// StatusError is an HTTP answer other than 200.
type StatusError struct {
	URL  string
	Code int
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s answers HTTP %d", e.URL, e.Code) }

// Response is a complete answer. MaxAge is how long its publisher lets it be
// kept (Cache-Control); zero when it does not say.
type Response struct {
	Body        []byte
	ContentType string
	Fetched     time.Time
	MaxAge      time.Duration
	Cached      bool
}

// Config bounds a client. Zero fields mean the defaults.
type Config struct {
	// Timeout bounds one fetch, redirects included. Default 10 s.
	Timeout time.Duration
	// MaxBytes bounds the body. Default 4 MiB.
	MaxBytes int64
	// Loopback allows http and https to this machine (127.0.0.0/8 and ::1):
	// for tests and the testnet only.
	Loopback bool
	// Accept is the Accept header. Default prefers JSON.
	Accept string
	// Now tells the time. Default [time.Now].
	Now func() time.Time
}

// Client fetches documents. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
}

// maxRedirects is how many redirects a fetch follows; a DID document or a
// status list has no need of more.
const maxRedirects = 3

// New returns a client.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 4 << 20
	}
	if cfg.Accept == "" {
		cfg.Accept = "application/vc, application/did, application/json;q=0.9, */*;q=0.5"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg}
	dialer := &net.Dialer{Timeout: cfg.Timeout, Control: Guard(cfg.Loopback)}
	c.http = &http.Client{
		Timeout: cfg.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: cfg.Timeout,
			MaxIdleConns: 16, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", ErrUnreachable, maxRedirects)
			}
			return c.allowed(r.URL)
		},
	}
	return c
}

// Guard is the Control of a [net.Dialer]: it checks the address at connect
// time, after name resolution, so that a name cannot be pointed elsewhere
// between a check and its use. The error wraps [ErrBlocked].
func Guard(loopback bool) func(string, string, syscall.RawConn) error {
	s := ssrf.New(ssrf.WithAnyPort())
	return func(network, address string, c syscall.RawConn) error {
		if ap, err := netip.ParseAddrPort(address); loopback && err == nil && ap.Addr().Unmap().IsLoopback() {
			return nil
		}
		if err := s.Safe(network, address, c); err != nil {
			return fmt.Errorf("%w: %v", ErrBlocked, err)
		}
		return nil
	}
}

func (c *Client) allowed(u *url.URL) error {
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if a, err := netip.ParseAddr(host); err == nil && a.Unmap().IsLoopback() {
		local = true
	}
	switch {
	case u.User != nil || host == "":
		return fmt.Errorf("%w: %s", ErrBlocked, u.Redacted())
	case local && !c.cfg.Loopback:
		return fmt.Errorf("%w: %s is this machine itself", ErrBlocked, host)
	case u.Scheme == "https", u.Scheme == "http" && local:
		return nil
	}
	return fmt.Errorf("%w: %s is not https", ErrBlocked, u.Redacted())
}

// Get fetches u. The error wraps [ErrBlocked], [ErrTooLarge] or
// [ErrUnreachable], or is a [*StatusError].
func (c *Client) Get(ctx context.Context, u string) (Response, error) {
	parsed, err := url.Parse(u)
	if err != nil {
		return Response{}, fmt.Errorf("%w: not a URL: %v", ErrBlocked, err)
	}
	if err := c.allowed(parsed); err != nil {
		return Response{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return Response{}, fmt.Errorf("%w: %v", ErrBlocked, err)
	}
	req.Header.Set("Accept", c.cfg.Accept)
	resp, err := c.http.Do(req)
	switch {
	case errors.Is(err, ErrBlocked):
		return Response{}, fmt.Errorf("fetching %s: %w", parsed.Redacted(), ErrBlocked)
	case err != nil:
		return Response{}, fmt.Errorf("%w: fetching %s: %v", ErrUnreachable, parsed.Redacted(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Response{}, &StatusError{URL: parsed.Redacted(), Code: resp.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return Response{}, fmt.Errorf("%w: fetching %s: %v", ErrUnreachable, parsed.Redacted(), err)
	case int64(len(body)) > c.cfg.MaxBytes:
		return Response{}, fmt.Errorf("%w: %s sends more than %d bytes", ErrTooLarge, parsed.Redacted(), c.cfg.MaxBytes)
	}
	return Response{Body: body, ContentType: resp.Header.Get("Content-Type"), Fetched: c.cfg.Now().UTC(), MaxAge: maxAge(resp.Header.Get("Cache-Control"))}, nil
}

// maxAge reads the directive of RFC 9111 §5.2.2.1.
func maxAge(cacheControl string) time.Duration {
	for d := range strings.SplitSeq(cacheControl, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(d), "max-age="); ok {
			if n, err := strconv.ParseUint(v, 10, 31); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}

// Close releases idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
