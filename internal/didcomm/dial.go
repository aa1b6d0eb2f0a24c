package didcomm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trust-me/trustme/did"
)

// Link is a connection that this side dialled.
type Link struct{ c *conn }

// Done is closed when the connection is over.
func (l *Link) Done() <-chan struct{} { return l.c.done }

// Close ends the connection and waits for its work.
func (l *Link) Close() {
	l.c.shut()
	<-l.c.done
}

// Connect dials the websocket endpoint in the peer's document and binds the
// connection to the pair. The error wraps [did.ErrUnreachable] when the peer
// does not answer now.
func (a *Agent) Connect(ctx context.Context, p Pair) (*Link, error) {
	res, err := a.cfg.Resolver.Resolve(ctx, p.Peer)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", p.Peer, err)
	}
	end, ok := res.Document.DIDComm()
	if !ok {
		return nil, fmt.Errorf("%w: %s names no DIDComm endpoint", did.ErrInvalidDocument, p.Peer)
	}
	if err := a.checkEndpoint(end.URI); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: a.up.WriteBufferPool}
	if a.cfg.Dial != nil {
		dialer.NetDialContext = a.cfg.Dial
	}
	ws, resp, err := dialer.DialContext(ctx, end.URI, nil)
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("%w: %s answers HTTP %d", did.ErrUnreachable, end.URI, resp.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", did.ErrUnreachable, end.URI, err)
	}
	c, err := a.start(ws, &p)
	if err != nil {
		return nil, err
	}
	return &Link{c}, nil
}

// checkEndpoint refuses what is no websocket address. Where it may lead is
// decided by [Config.Dial], which sees the address after name resolution.
func (a *Agent) checkEndpoint(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "wss" && u.Scheme != "ws" {
		return fmt.Errorf("%w: endpoint %q is no websocket address", did.ErrInvalidDocument, uri)
	}
	local := u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
	if u.Scheme == "ws" && !local {
		return fmt.Errorf("%w: endpoint %q must be wss", did.ErrInvalidDocument, uri)
	}
	return nil
}

// Pauses of [Agent.Keep]. A connection that held for steady shows that the
// peer is well; one that ends at once does not.
const (
	firstPause = 200 * time.Millisecond
	mostPause  = time.Minute
	steady     = 10 * time.Second
)

// Keep holds a connection to the peer until ctx ends. It dials again after
// 0.2 s, doubling to a minute, each with up to half as much again by chance;
// from the beginning once a connection has held for ten seconds. greet runs on
// each new connection; its error ends that connection.
func (a *Agent) Keep(ctx context.Context, p Pair, greet func(*Link) error) {
	wait := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := a.hold(ctx, p, greet)
		if err == nil && time.Since(began) >= steady {
			wait = firstPause
		}
		if err != nil && ctx.Err() == nil {
			a.cfg.Log.Info("peer not connected", "peer", p.Peer.String(), "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait + rand.N(wait/2)):
		}
		wait = min(2*wait, mostPause)
	}
}

// hold holds one connection until it ends. An error says that there was none
// to hold.
func (a *Agent) hold(ctx context.Context, p Pair, greet func(*Link) error) error {
	l, err := a.Connect(ctx, p)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := greet(l); err != nil {
		return err
	}
	select {
	case <-l.Done():
	case <-ctx.Done():
	}
	return nil
}
