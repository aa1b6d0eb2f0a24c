package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		goleak.IgnoreAnyFunction("github.com/dgraph-io/ristretto/v2.(*defaultPolicy[...]).processItems"),
		goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// side is one party: a store, keys, and an agent on a real websocket. What the
// parts above would do with credentials is replaced by marked bytes.
type side struct {
	t      *testing.T
	db     *store.DB
	keys   *keys.Store
	router *exchange.Router
	agent  *didcomm.Agent
	id     did.DID
	srv    *httptest.Server

	mu       sync.Mutex
	received map[string]int // credentials kept, by text
	issued   int
}

var resolver = did.Methods{"peer": peer.Resolver{}, "key": key.Resolver{}}

func newSide(t *testing.T) *side {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &side{t: t, db: db, received: map[string]int{}}
	if s.keys, err = keys.Open(t.Context(), db, bytes.Repeat([]byte{1}, 32)); err != nil {
		t.Fatal(err)
	}
	s.router = &exchange.Router{DB: db, Roles: map[string]exchange.Handle{}}
	s.agent = didcomm.New(didcomm.Config{DB: db, Keys: s.keys, Resolver: resolver, Handler: s.router, Retry: 300 * time.Millisecond,
		Own: func(_ context.Context, d did.DID) (bool, error) { return d == s.id, nil }})
	t.Cleanup(func() {
		s.agent.Close()
		if s.srv != nil {
			s.srv.Close()
		}
		db.Close()
	})
	return s
}

func (s *side) identify(endpoint *did.Endpoint) {
	s.t.Helper()
	a, err := s.keys.Create(s.t.Context(), did.X25519)
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := s.keys.Create(s.t.Context(), did.Ed25519)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.id, err = peer.New2(a, v, endpoint); err != nil {
		s.t.Fatal(err)
	}
}

func newIssuer(t *testing.T) (*side, *exchange.Issuer) {
	s := newSide(t)
	s.srv = httptest.NewServer(s.agent)
	s.identify(&did.Endpoint{URI: "ws" + strings.TrimPrefix(s.srv.URL, "http")})
	iss := &exchange.Issuer{DB: s.db, Now: time.Now,
		Prove: func(_ context.Context, vp []byte, challenge, _ string) (did.DID, error) {
			subject, ok := strings.CutSuffix(string(vp), "|"+challenge)
			if !ok {
				return did.DID{}, &didcomm.Problem{Code: exchange.CodeHolder, Comment: "the proof is over another challenge"}
			}
			return did.Parse(subject)
		},
		Issue: func(_ context.Context, award string, subject did.DID) (exchange.Signed, error) {
			return exchange.Signed{ID: "urn:" + award, Bytes: []byte("credential " + award + " for " + subject.String()), Record: func(*store.Tx) error {
				s.mu.Lock()
				s.issued++
				s.mu.Unlock()
				return nil
			}}, nil
		}}
	for typ, h := range iss.Roles() {
		s.router.Roles[typ] = h
	}
	s.router.Roles[didcomm.TypeProblem] = func(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
		code, comment := exchange.ReadProblem(in.Message)
		out, _, err := iss.OnProblem(ctx, in, code, comment)
		return out, err
	}
	s.router.Admit = func(_ context.Context, r didcomm.Received) (exchange.Connection, func(*store.Tx) error, error) {
		if r.Message.Pthid != "open" {
			return exchange.Connection{}, nil, &didcomm.Problem{Code: exchange.CodeInvitation, Comment: "no such invitation"}
		}
		return exchange.NewConnection(didcomm.Pair{Own: r.To, Peer: r.From}, "open", "", time.Now()), func(*store.Tx) error { return nil }, nil
	}
	return s, iss
}

const subject = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"

func newHolder(t *testing.T, wants bool) (*side, *exchange.Holder) {
	s := newSide(t)
	s.identify(nil)
	h := &exchange.Holder{DB: s.db, Now: time.Now, Wants: func(exchange.Offer) bool { return wants },
		Proof: func(_ context.Context, challenge, _ string) ([]byte, error) {
			return []byte(subject + "|" + challenge), nil
		},
		Receive: func(_ context.Context, o exchange.Offer, raw []byte) (string, func(*store.Tx) error, error) {
			if strings.Contains(string(raw), "forged") {
				return "", nil, &didcomm.Problem{Code: exchange.CodeCredential, Comment: "the signature does not match"}
			}
			return o.ID, func(tx *store.Tx) error { return tx.Put([]byte("held/"+string(raw)), nil) }, nil
		}}
	for typ, f := range h.Roles() {
		s.router.Roles[typ] = f
	}
	return s, h
}

// connect makes the holder's connection and dials; the ping carries the
// invitation as its parent thread.
func (s *side) connect(to *side) (*didcomm.Link, exchange.Connection) {
	s.t.Helper()
	return s.connectAs(to, "ping")
}

func (s *side) connectAs(to *side, id string) (*didcomm.Link, exchange.Connection) {
	s.t.Helper()
	pair := didcomm.Pair{Own: s.id, Peer: to.id}
	c := exchange.NewConnection(pair, "", "issuer", time.Now())
	ping := didcomm.Message{ID: id, Type: exchange.TypePing, Pthid: "open", ReturnRoute: "all", Body: didcomm.Object(struct{}{})}
	err := s.db.Update(s.t.Context(), func(tx *store.Tx) error {
		if err := exchange.Connections.Put(tx, c); err != nil {
			return err
		}
		return didcomm.Send(tx, pair, ping)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := s.agent.Connect(s.t.Context(), pair)
	if err != nil {
		s.t.Fatal(err)
	}
	return l, c
}

func (s *side) held() (out []string) {
	err := s.db.View(s.t.Context(), func(tx *store.Tx) error {
		for r, err := range tx.Scan(store.Range{Prefix: []byte("held/")}) {
			if err != nil {
				return err
			}
			out = append(out, string(r.Key[5:]))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}

func (s *side) offers(c store.Collection[exchange.Offer]) map[string]exchange.OfferState {
	out := map[string]exchange.OfferState{}
	err := s.db.View(s.t.Context(), func(tx *store.Tx) error {
		for o, err := range c.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out[o.ID] = o.State
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func offer(t *testing.T, s *side, iss *exchange.Issuer, peer did.DID, award string) {
	t.Helper()
	pair := didcomm.Pair{Own: s.id, Peer: peer}
	err := s.db.Update(t.Context(), func(tx *store.Tx) error {
		c, err := exchange.Connections.Get(tx, exchange.ConnectionID(pair))
		if err != nil {
			return err
		}
		_, err = iss.Offer(tx, c, "thread-"+award, award, exchange.Preview{Name: award, Achievement: "urn:a", Issuer: s.id.String(), Challenge: "c-" + award, Domain: "d"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.agent.Wake(pair)
}

func (s *side) connectedTo(peer did.DID) func() bool {
	return func() bool {
		ok := false
		err := s.db.View(s.t.Context(), func(tx *store.Tx) error {
			_, err := exchange.Connections.Get(tx, exchange.ConnectionID(didcomm.Pair{Own: s.id, Peer: peer}))
			ok = err == nil
			return nil
		})
		return ok && err == nil
	}
}

func (s *side) waiting(peer did.DID) int {
	n := 0
	err := s.db.View(s.t.Context(), func(tx *store.Tx) (err error) {
		n, err = didcomm.Waiting(tx, didcomm.Pair{Own: s.id, Peer: peer}, 100)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestABadgeIsOfferedRequestedIssuedAndAcknowledged(t *testing.T) {
	alder, iss := newIssuer(t)
	ana, _ := newHolder(t, true)
	ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	offer(t, alder, iss, ana.id, "basics")
	eventually(t, "the acknowledgement", func() bool { return alder.offers(exchange.Given)["thread-basics"] == exchange.Accepted })
	if got := ana.held(); len(got) != 1 || got[0] != "credential basics for "+subject {
		t.Errorf("held: %q", got)
	}
	eventually(t, "empty outboxes", func() bool { return alder.waiting(ana.id) == 0 && ana.waiting(alder.id) == 0 })
}

func TestWhatIsOfferedWhileAwayComesAtTheNextConnectionInOrderAndOnce(t *testing.T) {
	alder, iss := newIssuer(t)
	ana, _ := newHolder(t, true)
	link, _ := ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	link.Close()
	for i := range 20 {
		offer(t, alder, iss, ana.id, fmt.Sprintf("badge-%02d", i))
	}
	if got := ana.held(); len(got) != 0 {
		t.Fatalf("held while away: %q", got)
	}
	for range 3 { // reconnecting in the middle neither loses nor repeats anything
		l, err := ana.agent.Connect(t.Context(), didcomm.Pair{Own: ana.id, Peer: alder.id})
		if err != nil {
			t.Fatal(err)
		}
		if err := ana.agent.SendNow(t.Context(), didcomm.Pair{Own: ana.id, Peer: alder.id}, exchange.LiveDelivery()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Millisecond)
		l.Close()
	}
	if _, err := ana.agent.Connect(t.Context(), didcomm.Pair{Own: ana.id, Peer: alder.id}); err != nil {
		t.Fatal(err)
	}
	if err := ana.agent.SendNow(t.Context(), didcomm.Pair{Own: ana.id, Peer: alder.id}, exchange.LiveDelivery()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all badges", func() bool { return len(ana.held()) == 20 })
	eventually(t, "all acknowledgements", func() bool {
		for _, s := range alder.offers(exchange.Given) {
			if s != exchange.Accepted {
				return false
			}
		}
		return true
	})
	if alder.issued != 20 {
		t.Errorf("issued %d times, want 20", alder.issued)
	}
}

func TestAnOfferPutAsideWaitsForItsAnswer(t *testing.T) {
	alder, iss := newIssuer(t)
	ana, h := newHolder(t, false)
	_, c := ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	offer(t, alder, iss, ana.id, "one")
	offer(t, alder, iss, ana.id, "two")
	eventually(t, "both offers", func() bool { return len(ana.offers(exchange.Got)) == 2 })
	get := func(id string) (o exchange.Offer) {
		if err := ana.db.View(t.Context(), func(tx *store.Tx) (err error) { o, err = exchange.Got.Get(tx, id); return err }); err != nil {
			t.Fatal(err)
		}
		return o
	}
	if err := h.Accept(t.Context(), c, get("thread-one")); err != nil {
		t.Fatal(err)
	}
	if err := h.Decline(t.Context(), c, get("thread-two"), "not mine"); err != nil {
		t.Fatal(err)
	}
	if err := h.Accept(t.Context(), c, get("thread-two")); err == nil {
		t.Error("a declined offer was accepted")
	}
	pair, err := c.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ana.agent.Wake(pair)
	eventually(t, "both ends", func() bool {
		s := alder.offers(exchange.Given)
		return s["thread-one"] == exchange.Accepted && s["thread-two"] == exchange.Declined
	})
}

func TestARefusedCredentialIsToldToItsIssuer(t *testing.T) {
	alder, iss := newIssuer(t)
	ana, _ := newHolder(t, true)
	ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	offer(t, alder, iss, ana.id, "forged")
	eventually(t, "the refusal", func() bool { return alder.offers(exchange.Given)["thread-forged"] == exchange.Refused })
	if got := ana.held(); len(got) != 0 {
		t.Errorf("held: %q", got)
	}
}

func TestStrangersWithoutAnInvitationAreNotHeard(t *testing.T) {
	alder, iss := newIssuer(t)
	_ = iss
	mallory, _ := newHolder(t, true)
	pair := didcomm.Pair{Own: mallory.id, Peer: alder.id}
	reports := make(chan string, 4)
	mallory.router.Roles[didcomm.TypeProblem] = func(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
		_, comment := exchange.ReadProblem(in.Message)
		reports <- comment
		return didcomm.Outcome{}, nil
	}
	if err := mallory.db.Update(t.Context(), func(tx *store.Tx) error {
		return exchange.Connections.Put(tx, exchange.NewConnection(pair, "", "", time.Now()))
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := mallory.agent.Connect(t.Context(), pair); err != nil {
		t.Fatal(err)
	}
	for _, m := range []didcomm.Message{
		{ID: "1", Type: exchange.TypePing, ReturnRoute: "all", Body: []byte("{}")},
		{ID: "2", Type: exchange.TypePing, Pthid: "guessed", ReturnRoute: "all", Body: []byte("{}")},
		{ID: "3", Type: exchange.TypeRequest, Thid: "thread-x", ReturnRoute: "all", Body: []byte("{}")},
	} {
		if err := mallory.agent.SendNow(t.Context(), pair, m); err != nil {
			t.Fatal(err)
		}
		select {
		case r := <-reports:
			if !strings.Contains(r, "invitation") {
				t.Errorf("message %s: told %q", m.ID, r)
			}
		case <-time.After(3 * time.Second):
			t.Fatalf("message %s: no answer", m.ID)
		}
	}
	if alder.connectedTo(mallory.id)() {
		t.Error("a stranger was connected")
	}
}

func TestInvitationReadsBackFromItsLink(t *testing.T) {
	from, err := did.Parse("did:web:alder.example")
	if err != nil {
		t.Fatal(err)
	}
	ask := exchange.Ask{ID: "ask-1", Challenge: "c", Domain: "did:web:alder.example", Achievement: "https://alder.example/a/x", Reason: "to enter"}
	m := ask.Message()
	in := exchange.Invitation{ID: "i1", From: from, Label: "Alder", Goal: "Show a badge", GoalCode: exchange.GoalPresent, Expires: time.Unix(1_800_000_000, 0).UTC(), Request: &m}
	link, err := in.URL("https://alder.example/i")
	if err != nil {
		t.Fatal(err)
	}
	back, err := exchange.ParseInvitation(link)
	if err != nil {
		t.Fatal(err)
	}
	got, err := exchange.ReadAsk(*back.Request)
	if err != nil || got.Challenge != "c" || got.Achievement != ask.Achievement || got.Reason != "to enter" || got.ID != "ask-1" {
		t.Errorf("request %+v, %v", got, err)
	}
	a, _ := json.Marshal(in)
	b, _ := json.Marshal(back)
	if back.From != in.From || back.Label != in.Label || !back.Expires.Equal(in.Expires) || len(a) == 0 || len(b) == 0 {
		t.Errorf("got %+v", back)
	}
	for _, bad := range []string{"", "https://alder.example/i", link[:len(link)-9], "https://alder.example/i?_oob=e30", `{"id":"x","type":"other"}`} {
		if _, err := exchange.ParseInvitation(bad); !errors.Is(err, exchange.ErrInvitation) {
			t.Errorf("%.40q: got %v", bad, err)
		}
	}
}

// Thread ids follow from badge ids, so that a partner may know those of others.
func TestAnOfferOfAnotherPartnersThreadChangesNothing(t *testing.T) {
	alder, iss := newIssuer(t)
	mallory, evil := newIssuer(t)
	ana, _ := newHolder(t, false)
	for _, to := range []*side{alder, mallory} {
		ana.connectAs(to, "ping-"+to.id.String()[:30])
		eventually(t, "the connection", to.connectedTo(ana.id))
	}
	offer(t, alder, iss, ana.id, "basics")
	eventually(t, "the offer", func() bool { return ana.offers(exchange.Got)["thread-basics"] == exchange.Offered })
	before := ana.offer("thread-basics")
	offer(t, mallory, evil, ana.id, "basics")
	eventually(t, "the refusal", func() bool { return mallory.offers(exchange.Given)["thread-basics"] != exchange.Offered })
	if after := ana.offer("thread-basics"); after != before {
		t.Errorf("the offer became %+v", after)
	}
}

func (s *side) offer(thread string) (o exchange.Offer) {
	err := s.db.View(s.t.Context(), func(tx *store.Tx) (err error) {
		o, err = exchange.Got.Get(tx, thread)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}
