package didcomm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/store"
)

// Outcome is what a handler makes of a message. Apply holds its durable
// effects; it runs in one transaction with the mark that the message was acted
// on, may run twice, and does nothing slow. A message without Apply changes
// nothing and may be handled again. Now are answers that are worth nothing
// later (a pong): they go out at once and are not stored. After runs once the
// transaction is durable.
type Outcome struct {
	Apply func(tx *store.Tx) error
	Now   []Message
	After func()
}

// Handler decides about one opened message. An error that wraps a [*Problem]
// is told to the sender and the message is done; any other error means that
// no decision could be made: the message is not acknowledged and comes again.
type Handler interface {
	Handle(ctx context.Context, r Received) (Outcome, error)
}

// Config holds the parts of an agent. Zero limits mean the defaults.
type Config struct {
	DB       *store.DB
	Keys     *keys.Store
	Resolver did.Resolver
	Own      func(context.Context, did.DID) (bool, error)
	Handler  Handler
	// Dial opens the TCP connections to peers; it refuses forbidden addresses.
	// Default: an unguarded dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger
	Now  func() time.Time
	// Window is how many messages may await acknowledgement on a connection.
	// Default 32.
	Window int
	// Retry is when unacknowledged messages are sent again. Default 20 s.
	Retry time.Duration
	// PerSecond and Burst bound the frames a peer may send. Default 200, 400.
	PerSecond, Burst int
	// MaxConns bounds the open connections. Default 10,000.
	MaxConns int
	// Ping is the interval of websocket pings; a peer that is silent for three
	// of them is gone. Default 25 s.
	Ping time.Duration
}

// Agent is one party on the wire: it accepts and dials websockets, opens what
// arrives, and sends what waits in the outboxes of connected peers.
type Agent struct {
	cfg    Config
	packer *Packer
	up     websocket.Upgrader

	ctx  context.Context // ends with Close; stops the work of connections
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{}
	links map[string]*conn // by pair id
	stats Stats
}

// Stats counts since the start of the agent.
type Stats struct {
	Connections                                                              int
	Received, Sent, Acknowledged, Refused, Duplicates, Undecided, RateLimits uint64
}

// ErrTooMany says that the agent has [Config.MaxConns] connections.
var ErrTooMany = errors.New("too many connections")

// New returns an agent. Close it to end its connections.
func New(cfg Config) *Agent {
	cfg.Window = cmp.Or(cfg.Window, 32)
	cfg.Retry = cmp.Or(cfg.Retry, 20*time.Second)
	cfg.PerSecond, cfg.Burst = cmp.Or(cfg.PerSecond, 200), cmp.Or(cfg.Burst, 400)
	cfg.MaxConns = cmp.Or(cfg.MaxConns, 10_000)
	cfg.Ping = cmp.Or(cfg.Ping, 25*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Agent{cfg: cfg, packer: &Packer{Keys: cfg.Keys, Resolver: cfg.Resolver, Own: cfg.Own}, conns: map[*conn]struct{}{}, links: map[string]*conn{}}
	a.up = websocket.Upgrader{ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: &sync.Pool{}, HandshakeTimeout: 5 * time.Second}
	a.ctx, a.stop = context.WithCancel(context.Background())
	return a
}

// ServeHTTP accepts a websocket.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		http.Error(w, "This is a DIDComm v2 endpoint: connect with a websocket, as a wallet does.", http.StatusUpgradeRequired)
		return
	}
	a.mu.Lock()
	full := len(a.conns) >= a.cfg.MaxConns || a.ctx.Err() != nil
	a.mu.Unlock()
	if full {
		http.Error(w, "too many connections, try again later", http.StatusServiceUnavailable)
		return
	}
	ws, err := a.up.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	if _, err := a.start(ws, nil); err != nil {
		a.cfg.Log.Warn("connection refused", "err", err)
	}
}

// Close ends every connection and waits until their work is over.
func (a *Agent) Close() {
	a.stop()
	a.mu.Lock()
	for c := range a.conns {
		c.shut()
	}
	a.mu.Unlock()
	a.wg.Wait()
}

// Stats returns counts.
func (a *Agent) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Connections = len(a.conns)
	return s
}

func (a *Agent) count(f func(*Stats)) {
	a.mu.Lock()
	f(&a.stats)
	a.mu.Unlock()
}

// Wake tells the agent that the outbox of a pair has new messages. It does
// nothing when the peer is not connected: they go out when it is.
func (a *Agent) Wake(p Pair) {
	a.mu.Lock()
	c := a.links[p.id()]
	a.mu.Unlock()
	if c != nil {
		c.poke()
	}
}

// Connected reports whether the peer of a pair is connected.
func (a *Agent) Connected(p Pair) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.links[p.id()] != nil
}

// SendNow packs m and hands it to the open connection of the pair. Nothing is
// stored: it may be lost with the connection.
func (a *Agent) SendNow(ctx context.Context, p Pair, m Message) error {
	a.mu.Lock()
	c := a.links[p.id()]
	a.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%w: not connected", ErrGone)
	}
	return c.sendNow(ctx, p, m)
}

// ErrGone says that there is no connection to the peer, or no longer.
var ErrGone = errors.New("connection lost")

// bind makes c the connection over which the pair's mail goes. The newest
// connection wins: an older one is likely dead without knowing.
func (a *Agent) bind(c *conn, p Pair) {
	a.mu.Lock()
	_, live := a.conns[c]
	if live && a.links[p.id()] != c && len(c.pairs) < maxPairs {
		a.links[p.id()] = c
		c.pairs = append(c.pairs, &lane{pair: p})
	}
	a.mu.Unlock()
	c.poke()
}

// maxPairs bounds the DIDs that one connection may speak for.
const maxPairs = 64

func (a *Agent) forget(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
	for _, l := range c.pairs {
		if a.links[l.pair.id()] == c {
			delete(a.links, l.pair.id())
		}
	}
}
