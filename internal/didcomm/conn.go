package didcomm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/trust-me/trustme/internal/store"
)

// conn is one websocket. One goroutine reads and acts, message by message, so
// that a fast peer is slowed by TCP and not by memory; one writes.
type conn struct {
	a     *Agent
	ws    *websocket.Conn
	frame chan []byte   // sealed frames to go out at once, bounded
	wake  chan struct{} // there may be mail to send
	done  chan struct{} // both goroutines are over
	quit  chan struct{}
	once  sync.Once
	pairs []*lane // guarded by Agent.mu
}

// lane is the state of sending one pair's outbox over a connection.
type lane struct {
	pair  Pair
	sent  uint64    // highest seq sent on this connection
	moved time.Time // when something was last sent
}

const (
	writeWait  = 10 * time.Second
	frameQueue = 32
)

// start takes over a websocket. A dialled one is bound to its pair at once.
func (a *Agent) start(ws *websocket.Conn, p *Pair) (*conn, error) {
	c := &conn{a: a, ws: ws, frame: make(chan []byte, frameQueue), wake: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	a.mu.Lock()
	if a.ctx.Err() != nil || len(a.conns) >= a.cfg.MaxConns {
		a.mu.Unlock()
		return nil, errors.Join(ErrTooMany, ws.Close())
	}
	a.conns[c] = struct{}{}
	a.wg.Add(1)
	a.mu.Unlock()
	if p != nil {
		a.bind(c, *p)
	}
	go func() {
		defer a.wg.Done()
		defer close(c.done)
		var writing sync.WaitGroup
		writing.Go(c.write)
		c.read()
		c.shut()
		writing.Wait()
		a.forget(c)
	}()
	return c, nil
}

func (c *conn) shut() {
	c.once.Do(func() {
		close(c.quit)
		deadline := time.Now().Add(time.Second)
		// Best effort: the peer notices a dead connection by its pings as well.
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), deadline)
		_ = c.ws.Close()
	})
}

func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) read() {
	silence := 3 * c.a.cfg.Ping
	limit := rate.NewLimiter(rate.Limit(c.a.cfg.PerSecond), c.a.cfg.Burst)
	alive := func() error { return c.ws.SetReadDeadline(time.Now().Add(silence)) }
	c.ws.SetPongHandler(func(string) error { return alive() })
	ping := c.ws.PingHandler()
	c.ws.SetPingHandler(func(s string) error { return errors.Join(alive(), ping(s)) })
	for alive() == nil {
		raw, err := c.frameIn()
		if errors.Is(err, errFrameSize) {
			c.a.count(func(s *Stats) { s.Refused++ })
			c.a.cfg.Log.Warn("frame refused", "err", err)
			c.turnAway(websocket.CloseMessageTooBig, err.Error())
			return
		}
		if err != nil {
			c.toldBy(err)
			return
		}
		if !limit.Allow() { // slow the peer down instead of dropping what it sent
			c.a.count(func(s *Stats) { s.RateLimits++ })
			if limit.Wait(c.a.ctx) != nil {
				return
			}
		}
		c.a.receive(c, raw)
	}
}

var errFrameSize = fmt.Errorf("a frame may have at most %d bytes", MaxFrame)

// frameIn reads one frame.
func (c *conn) frameIn() ([]byte, error) {
	_, r, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, MaxFrame+1))
	if err == nil && len(raw) > MaxFrame {
		err = errFrameSize
	}
	return raw, err
}

// linger is how long a peer that is turned away may take to hear it, and
// lingerBytes how much it may still send meanwhile.
const (
	linger      = time.Second
	lingerBytes = 8 * MaxFrame
)

// turnAway ends the connection with a code and a reason. It reads on until the
// peer hangs up: data left unread would reset the connection, and the reason
// would be lost with it.
func (c *conn) turnAway(code int, why string) {
	c.once.Do(func() {
		close(c.quit)
		defer c.ws.Close()
		end := time.Now().Add(linger)
		if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), end) != nil || c.ws.SetReadDeadline(end) != nil {
			return
		}
		defer context.AfterFunc(c.a.ctx, func() { _ = c.ws.SetReadDeadline(time.Now()) })() // the agent closes
		_, _ = io.CopyN(io.Discard, c.ws.NetConn(), lingerBytes)
	})
}

// toldBy logs why a peer closed the connection, where it gives a reason.
func (c *conn) toldBy(err error) {
	if ce, ok := errors.AsType[*websocket.CloseError](err); ok && ce.Text != "" {
		c.a.cfg.Log.Warn("connection closed by the peer", "err", ce.Error())
	}
}

func (c *conn) write() {
	ping := time.NewTicker(c.a.cfg.Ping)
	retry := time.NewTicker(c.a.cfg.Retry / 2)
	defer ping.Stop()
	defer retry.Stop()
	defer c.shut()
	for {
		var err error
		select {
		case <-c.quit:
			return
		case f := <-c.frame:
			err = c.put(f)
		case <-c.wake:
			err = c.deliver()
		case <-retry.C:
			c.rewind()
			err = c.deliver()
		case <-ping.C:
			err = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		}
		if err != nil {
			if !errors.Is(err, ErrGone) && c.a.ctx.Err() == nil {
				c.a.cfg.Log.Warn("connection ended", "err", err)
			}
			return
		}
	}
}

func (c *conn) put(frame []byte) error {
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("%w: %v", ErrGone, err)
	}
	if err := c.ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		return fmt.Errorf("%w: %v", ErrGone, err)
	}
	return nil
}

// lanes returns the pairs whose mail still goes over this connection.
func (c *conn) lanes() []*lane {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	var out []*lane
	for _, l := range c.pairs {
		if c.a.links[l.pair.id()] == c {
			out = append(out, l)
		}
	}
	return out
}

// rewind makes a lane send everything again that was not acknowledged in time.
func (c *conn) rewind() {
	for _, l := range c.lanes() {
		if l.sent > 0 && time.Since(l.moved) > c.a.cfg.Retry {
			l.sent = 0
		}
	}
}

// deliver sends waiting mail, in order, up to the window of each pair.
func (c *conn) deliver() error {
	for _, l := range c.lanes() {
		if err := c.deliverLane(l); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) deliverLane(l *lane) error {
	ctx := c.a.ctx
	var batch []Entry
	err := c.a.cfg.DB.View(ctx, func(tx *store.Tx) error {
		flying, err := waitingUpTo(tx, l.pair, l.sent, c.a.cfg.Window)
		if err != nil || flying >= c.a.cfg.Window {
			return err
		}
		batch, err = Pending(tx, l.pair, l.sent, c.a.cfg.Window-flying)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	for _, e := range batch {
		m := e.Message
		m.Created = c.a.cfg.Now().Unix()
		frame, err := c.a.packer.Pack(ctx, m, l.pair.Own, l.pair.Peer)
		if err != nil {
			return fmt.Errorf("packing for a peer: %w", err)
		}
		if err := c.put(frame); err != nil {
			return err
		}
		l.sent, l.moved = e.Seq, time.Now()
	}
	if n := uint64(len(batch)); n > 0 {
		c.a.count(func(s *Stats) { s.Sent += n })
	}
	return nil
}

// sendNow queues one frame behind the others of this connection.
func (c *conn) sendNow(ctx context.Context, p Pair, m Message) error {
	m.Created = c.a.cfg.Now().Unix()
	frame, err := c.a.packer.Pack(ctx, m, p.Own, p.Peer)
	if err != nil {
		return err
	}
	select {
	case c.frame <- frame:
		return nil
	case <-c.quit:
		return ErrGone
	case <-ctx.Done():
		return ctx.Err()
	}
}
