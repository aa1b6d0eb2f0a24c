package wallet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/wallet"
)

// verifier asks for badges over a real websocket. While down it answers
// nobody.
type verifier struct {
	db   *store.DB
	id   did.DID
	down atomic.Bool
}

func newVerifier(t *testing.T) *verifier {
	t.Helper()
	v := &verifier{}
	var err error
	if v.db, err = store.OpenMemory(store.Options{}); err != nil {
		t.Fatal(err)
	}
	ks, err := keys.Open(t.Context(), v.db, bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	p, err := party.New(party.Config{DB: v.db, Loopback: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	asks := &exchange.AskVerifier{DB: v.db, Now: time.Now, Judge: func(ctx context.Context, vp []byte, a exchange.Ask) (exchange.Judgement, error) {
		r := p.Verifier.VerifyPresentation(ctx, vp, a.Challenge, a.Domain)
		return exchange.Judgement{Proven: r.Verdict == credentials.Valid, Verdict: string(r.Verdict), Why: r.Why, Holder: r.Holder}, nil
	}}
	router := &exchange.Router{DB: v.db, Roles: asks.Roles(), Admit: func(_ context.Context, r didcomm.Received) (exchange.Connection, func(*store.Tx) error, error) {
		return exchange.NewConnection(didcomm.Pair{Own: r.To, Peer: r.From}, r.Message.Pthid, "", time.Now()), func(*store.Tx) error { return nil }, nil
	}}
	agent := didcomm.New(didcomm.Config{DB: v.db, Keys: ks, Resolver: p.Resolver, Handler: router, Own: func(_ context.Context, d did.DID) (bool, error) { return d == v.id, nil }})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		agent.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { agent.Close(); srv.Close(); v.db.Close() })
	agree, err := ks.Create(t.Context(), did.X25519)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := ks.Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if v.id, err = peer.New2(agree, auth, &did.Endpoint{URI: "ws" + strings.TrimPrefix(srv.URL, "http")}); err != nil {
		t.Fatal(err)
	}
	return v
}

// ask returns a link that asks for any badge.
func (v *verifier) ask(t *testing.T, id string) string {
	t.Helper()
	a := exchange.Ask{ID: id, Invitation: "inv-" + id, Challenge: "c-" + id, Domain: v.id.String(), State: exchange.Asked}
	if err := v.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Asks.Put(tx, a) }); err != nil {
		t.Fatal(err)
	}
	m := a.Message()
	link, err := exchange.Invitation{ID: a.Invitation, From: v.id, Label: "Birch", Request: &m}.URL("https://birch.example/i")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// learner opens a wallet with two badges, the newer being Cooking.
func learner(t *testing.T, dir string, now func() time.Time) *wallet.Wallet {
	t.Helper()
	if _, err := wallet.Init(t.Context(), dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(t.Context(), wallet.Config{Dir: dir, Loopback: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	is := newIssuer(t)
	for i, name := range []string{"Welding", "Cooking"} {
		if _, err := w.Add(t.Context(), is.badge(t, urn+string(rune('a'+i)), name, w.DID().String(), time.Time{})); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var quick = seal.Options{Passphrase: "p", WorkFactor: 10}

// contents are what a backup holds.
type contents struct {
	Manifest json.RawMessage
	Body     map[string]json.RawMessage
}

func backup(t *testing.T, w *wallet.Wallet) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := w.Backup(t.Context(), &b, quick); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inside(t *testing.T, raw []byte) (c contents) {
	t.Helper()
	a, err := seal.OpenArchive(bytes.NewReader(raw), "wallet", "p")
	if err != nil {
		t.Fatal(err)
	}
	c.Manifest = a.Manifest
	if err := json.NewDecoder(a.Payload).Decode(&c.Body); err != nil {
		t.Fatal(err)
	}
	return c
}

// shownBy returns the wallet's records of what it showed.
func shownBy(t *testing.T, w *wallet.Wallet) (out []wallet.Shown) {
	t.Helper()
	if err := json.Unmarshal(inside(t, backup(t, w)).Body["shown"], &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPresentationThatWasAnsweredIsNotShownAgain(t *testing.T) {
	v := newVerifier(t)
	w := learner(t, t.TempDir(), time.Now)
	link := v.ask(t, "1")
	if s, err := w.Present(t.Context(), link, []string{"Welding"}); err != nil || s.State != wallet.ShownAccepted {
		t.Fatalf("%+v, %v", s, err)
	}
	before := shownBy(t, w)
	for range 2 {
		_, err := w.Present(t.Context(), link, []string{"Welding"})
		if !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), "shown already and accepted on "+before[0].At.Format(time.DateOnly)) || !strings.Contains(err.Error(), "ask for a new request") {
			t.Errorf("again: %v", err)
		}
	}
	if after := shownBy(t, w); len(after) != 1 || after[0].State != wallet.ShownAccepted || after[0].Answer != before[0].Answer || !after[0].At.Equal(before[0].At) {
		t.Errorf("the record was %+v, and is %+v", before, after)
	}
}

func TestAPresentationWithoutAnAnswerIsTakenUpAgain(t *testing.T) {
	v := newVerifier(t)
	w := learner(t, t.TempDir(), time.Now)
	link := v.ask(t, "1")
	v.down.Store(true)
	if s, err := w.Present(t.Context(), link, []string{"Welding"}); !errors.Is(err, wallet.ErrUndecided) || s.State != wallet.ShownSent {
		t.Fatalf("nobody answers: %+v, %v", s, err)
	}
	v.down.Store(false)
	// The presentation in the outbox is of Welding; another would not be sent.
	if _, err := w.Present(t.Context(), link, []string{"Cooking"}); !errors.Is(err, wallet.ErrInput) {
		t.Errorf("another badge on the same request: %v", err)
	}
	s, err := w.Present(t.Context(), link, nil)
	if err != nil || s.State != wallet.ShownAccepted || !slices.Equal(s.Badges, []string{"Welding"}) {
		t.Errorf("%+v, %v", s, err)
	}
}
