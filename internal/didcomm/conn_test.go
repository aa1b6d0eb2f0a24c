package didcomm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

// serve runs an agent of alder behind a socket. The parts that every agent has
// are filled in.
func serve(t *testing.T, alder *party, cfg Config) (*Agent, string) {
	t.Helper()
	cfg.DB, cfg.Keys, cfg.Resolver, cfg.Own = alder.db, alder.keys, resolver, alder.own
	if cfg.Handler == nil {
		cfg.Handler = counting{make(chan Received, 100)}
	}
	a := New(cfg)
	srv := httptest.NewServer(a)
	t.Cleanup(func() { a.Close(); srv.Close() })
	return a, "ws" + strings.TrimPrefix(srv.URL, "http")
}

func dialRaw(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// until waits for what another goroutine is about to do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}

func TestAFrameOfExactlyTheLimitIsReadAndOneByteMoreIsNot(t *testing.T) {
	a, url := serve(t, newParty(t, nil), Config{})
	ws := dialRaw(t, url)
	for i := range 2 { // of 2 MiB, no envelope, and the connection goes on
		if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, 2<<20)); err != nil {
			t.Fatal(err)
		}
		until(t, "the frame is read", func() bool { return a.Stats().Received == uint64(i+1) })
	}
	if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, 2<<20+1)); err != nil {
		t.Fatal(err)
	}
	_, _, err := ws.ReadMessage()
	if ce, ok := errors.AsType[*websocket.CloseError](err); !ok || ce.Code != 1009 || ce.Text != "a frame may have at most 2097152 bytes" {
		t.Errorf("one byte more: %v", err)
	}
	ws.Close()
	until(t, "the connection is over", func() bool { return a.Stats().Connections == 0 })
	if s := a.Stats(); s.Received != 2 || s.Refused != 3 {
		t.Errorf("%+v", s)
	}
}

// A peer that sends far more than a frame, without reading in between, is told
// all the same; one that never stops is not listened to for ever.
func TestAPeerIsToldAlsoInTheMiddleOfWhatItSends(t *testing.T) {
	a, url := serve(t, newParty(t, nil), Config{})
	ws := dialRaw(t, url)
	if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, 5*MaxFrame)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 1009) {
		t.Errorf("got %v", err)
	}
	ws.Close()
	endless := dialRaw(t, url)
	w, err := endless.NextWriter(websocket.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := io.Copy(w, endlessZeros{})
	if err == nil || sent > 64*MaxFrame {
		t.Errorf("%d bytes were taken, %v", sent, err)
	}
	until(t, "the connections are over", func() bool { return a.Stats().Connections == 0 })
}

type endlessZeros struct{}

func (endlessZeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The other side of the same: our agent logs the reason that a peer gives.
func TestTheReasonOfAClosingPeerIsLogged(t *testing.T) {
	up := websocket.Upgrader{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		if err := ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1009, "too much for me"), time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		_, _, _ = ws.ReadMessage() // until the answer
	}))
	defer srv.Close()
	ana, alder := newParty(t, nil), newParty(t, &did.Endpoint{URI: "ws" + strings.TrimPrefix(srv.URL, "http")})
	var log syncBuffer
	a := New(Config{DB: ana.db, Keys: ana.keys, Resolver: resolver, Own: ana.own, Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer a.Close()
	l, err := a.Connect(t.Context(), Pair{Own: ana.id, Peer: alder.id})
	if err != nil {
		t.Fatal(err)
	}
	<-l.Done()
	if !strings.Contains(log.String(), "connection closed by the peer") || !strings.Contains(log.String(), "too much for me") {
		t.Errorf("logged: %s", log.String())
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Two frames at once, then one each 20 ms: ten take at least 160 ms, and none
// is lost.
func TestAPeerThatIsTooFastIsSlowedAndLosesNothing(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, nil)
	h := counting{make(chan Received, 20)}
	a, url := serve(t, alder, Config{Handler: h, PerSecond: 50, Burst: 2})
	ws := dialRaw(t, url)
	begin := time.Now()
	for i := range 10 {
		m := message(`{}`)
		m.ID = string(rune('a' + i))
		env, err := ana.packer.Pack(t.Context(), m, ana.id, alder.id)
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.WriteMessage(websocket.BinaryMessage, env); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		if r := <-h.handled; r.Message.ID != string(rune('a'+i)) {
			t.Errorf("message %d is %q", i, r.Message.ID)
		}
	}
	if took := time.Since(begin); took < 160*time.Millisecond {
		t.Errorf("ten frames were taken in %v", took)
	}
	if s := a.Stats(); s.RateLimits == 0 || s.Received != 10 {
		t.Errorf("%+v", s)
	}
}

func TestOneConnectionMoreThanAllowedIsTurnedAwayUntilAnotherEnds(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, nil)
	a, url := serve(t, alder, Config{MaxConns: 2})
	first, _ := dialRaw(t, url), dialRaw(t, url)
	until(t, "two are connected", func() bool { return a.Stats().Connections == 2 })
	_, resp, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("a third connection: %v, %v", resp, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "too many connections, try again later") {
		t.Errorf("told %q, %v", body, err)
	}
	busy := newParty(t, &did.Endpoint{URI: url})
	w := New(Config{DB: ana.db, Keys: ana.keys, Resolver: resolver, Own: ana.own})
	defer w.Close()
	if _, err := w.Connect(t.Context(), Pair{Own: ana.id, Peer: busy.id}); !errors.Is(err, did.ErrUnreachable) || !strings.Contains(err.Error(), "HTTP 503") {
		t.Errorf("a wallet: %v", err)
	}
	first.Close()
	until(t, "one has left", func() bool { return a.Stats().Connections == 1 })
	l, err := w.Connect(t.Context(), Pair{Own: ana.id, Peer: busy.id})
	if err != nil {
		t.Fatalf("there is room, and: %v", err)
	}
	l.Close()
}

// refusing answers every message with a problem, as the router does to one
// that nobody sealed.
type refusing struct{ asked chan Received }

func (h refusing) Handle(_ context.Context, r Received) (Outcome, error) {
	h.asked <- r
	return Outcome{Apply: func(*store.Tx) error { panic("a refused message was acted on") }}, &Problem{Code: "e.p.trust", Comment: "no"}
}

func TestAnAnonymousMessageThatIsRefusedIsAnsweredToNobody(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, nil)
	h := refusing{make(chan Received, 2)}
	a, url := serve(t, alder, Config{Handler: h})
	ws := dialRaw(t, url)
	m := message(`{}`)
	m.ReturnRoute = "all"
	env, err := ana.packer.Pack(t.Context(), m, did.DID{}, alder.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.BinaryMessage, env); err != nil {
		t.Fatal(err)
	}
	if r := <-h.asked; !r.From.IsZero() {
		t.Errorf("from %s", r.From)
	}
	until(t, "it is refused", func() bool { return a.Stats().Refused == 1 })
	if err := ws.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, raw, err := ws.ReadMessage(); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("answered with %d bytes, %v", len(raw), err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.links) != 0 {
		t.Error("an anonymous message took the way back")
	}
}

func TestADeadLinkIsNoticedByItsSilenceAndALivingOneStays(t *testing.T) {
	a, url := serve(t, newParty(t, nil), Config{Ping: 40 * time.Millisecond})
	dead, living := dialRaw(t, url), dialRaw(t, url)
	var pings sync.WaitGroup
	pings.Add(10)
	left := 10
	pong := living.PingHandler()
	living.SetPingHandler(func(s string) error {
		if left--; left >= 0 {
			pings.Done()
		}
		return pong(s)
	})
	go func() {
		_, _, _ = living.ReadMessage() // answers pings until the test ends
	}()
	// dead does not read, so it answers no ping, as a host that lost its power.
	until(t, "the dead link is noticed", func() bool { return a.Stats().Connections == 1 })
	pings.Wait() // 400 ms, in which a silent one would be gone thrice
	if n := a.Stats().Connections; n != 1 {
		t.Errorf("%d connections are left, not the living one", n)
	}
	dead.Close()
}

// dialTimes runs Keep in a bubble of its own time, and returns the times
// between two dials.
func dialTimes(t *testing.T, ana *party, peer did.DID, within time.Duration, dial func(ctx context.Context, n int) (net.Conn, error)) (pauses []time.Duration) {
	t.Helper()
	var at []time.Time
	a := New(Config{DB: ana.db, Keys: ana.keys, Resolver: resolver, Own: ana.own, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		at = append(at, time.Now())
		return dial(ctx, len(at))
	}})
	defer a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	a.Keep(ctx, Pair{Own: ana.id, Peer: peer}, func(*Link) error { return nil })
	for i := 1; i < len(at); i++ {
		pauses = append(pauses, at[i].Sub(at[i-1]))
	}
	return pauses
}

var errAway = errors.New("nobody there")

func TestPausesBetweenDialsDoubleUpToAMinute(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, &did.Endpoint{URI: "ws://127.0.0.1:1"})
	synctest.Test(t, func(t *testing.T) {
		pauses := dialTimes(t, ana, alder.id, time.Hour, func(context.Context, int) (net.Conn, error) { return nil, errAway })
		// 0.2 · 2⁹ = 102 s, so that from the tenth on it is a minute; in an hour
		// there are at most 60 of them and at least 40.
		if len(pauses) < 45 || len(pauses) > 75 {
			t.Errorf("%d dials in an hour", len(pauses)+1)
		}
		for i, p := range pauses {
			base := min(200*time.Millisecond<<min(i, 20), time.Minute)
			if p < base || p > base*3/2 {
				t.Errorf("pause %d is %v, not from %v to half as much again", i, p, base)
			}
		}
	})
}

func TestAConnectionThatHeldBeginsTheFirstPauseAnew(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, &did.Endpoint{URI: "ws://127.0.0.1:1"})
	for _, tt := range []struct {
		life time.Duration
		base time.Duration // of the pause after it, which is the sixth
	}{
		{9 * time.Second, 32 * 200 * time.Millisecond},
		{11 * time.Second, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			pauses := dialTimes(t, ana, alder.id, 3*time.Minute, func(ctx context.Context, n int) (net.Conn, error) {
				if n != 6 {
					return nil, errAway
				}
				return lives(t, tt.life), nil
			})
			if p := pauses[5] - tt.life; p < tt.base || p > tt.base*3/2+time.Second {
				t.Errorf("after a connection of %v: pause of %v, not from %v to half as much again", tt.life, p, tt.base)
			}
		})
	}
}

// lives returns this side of a websocket whose other side ends it after life.
func lives(t *testing.T, life time.Duration) net.Conn {
	here, there := net.Pipe()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		time.AfterFunc(life, func() { ws.Close() })
		for err == nil {
			_, _, err = ws.ReadMessage() // answers pings
		}
	})}
	l := &oneConn{c: make(chan net.Conn, 1)}
	l.c <- there
	go srv.Serve(l) //nolint:errcheck // it ends with the bubble
	t.Cleanup(func() { srv.Close() })
	return here
}

// oneConn is a listener with one connection to give.
type oneConn struct {
	c    chan net.Conn
	once sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.c
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *oneConn) Close() error   { l.once.Do(func() { close(l.c) }); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
