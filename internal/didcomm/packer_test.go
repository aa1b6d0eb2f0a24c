package didcomm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/store"
)

var resolver = did.Methods{"peer": peer.Resolver{}}

type party struct {
	packer *Packer
	db     *store.DB
	keys   *keys.Store
	id     did.DID
}

func newParty(t testing.TB, end *did.Endpoint) *party {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := &party{db: db}
	if p.keys, err = keys.Open(context.Background(), db, bytes.Repeat([]byte{1}, 32)); err != nil {
		t.Fatal(err)
	}
	agree, err := p.keys.Create(context.Background(), did.X25519)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := p.keys.Create(context.Background(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if p.id, err = peer.New2(agree, auth, end); err != nil {
		t.Fatal(err)
	}
	p.packer = &Packer{Keys: p.keys, Resolver: resolver, Own: p.own}
	return p
}

func (p *party) own(_ context.Context, d did.DID) (bool, error) { return d == p.id, nil }

func message(body string) Message {
	return Message{ID: "m1", Type: "https://example.org/x/1.0/y", Body: json.RawMessage(body), Attachments: []Attachment{Attach("a", "application/vc", "f", []byte("exact \x00 bytes"))}}
}

func TestASealedMessageComesOutAsItWasAndNamesItsSender(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, nil)
	for _, from := range []did.DID{ana.id, {}} {
		env, err := ana.packer.Pack(t.Context(), message(`{"n":1.50}`), from, alder.id)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(env), "exact") || strings.Contains(string(env), "1.50") {
			t.Error("the plaintext shows in the envelope")
		}
		r, err := alder.packer.Unpack(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		if r.From != from || r.To != alder.id || string(r.Message.Body) != `{"n":1.50}` {
			t.Errorf("got %+v", r)
		}
		if b, err := r.Message.Attachments[0].Bytes(); err != nil || string(b) != "exact \x00 bytes" {
			t.Errorf("attachment %q, %v", b, err)
		}
	}
}

func TestAnEnvelopeForSomebodyElseOrAlteredIsRefused(t *testing.T) {
	ana, alder, mallory := newParty(t, nil), newParty(t, nil), newParty(t, nil)
	env, err := ana.packer.Pack(t.Context(), message(`{}`), ana.id, alder.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mallory.packer.Unpack(t.Context(), env); !errors.Is(err, ErrEnvelope) {
		t.Errorf("another's envelope: %v", err)
	}
	for i := range env { // every byte counts, in header, key, iv, ciphertext and tag
		if i%7 != 0 || env[i] == '"' || env[i] == '{' || env[i] == '}' {
			continue
		}
		bad := bytes.Clone(env)
		bad[i] ^= 2
		if r, err := alder.packer.Unpack(t.Context(), bad); err == nil && string(r.Message.Body) != "{}" {
			t.Errorf("byte %d altered: opened as %+v", i, r.Message)
		}
	}
}

// forge seals a plaintext whose header from is not the sealer's.
func forge(t *testing.T, as, to *party, plain string) []byte {
	t.Helper()
	sender, err := as.packer.ownAgreement(t.Context(), as.id)
	if err != nil {
		t.Fatal(err)
	}
	rcpt, err := as.packer.agreement(t.Context(), to.id)
	if err != nil {
		t.Fatal(err)
	}
	env, err := as.packer.seal(t.Context(), []byte(plain), sender, rcpt)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestAMessageFromTheWrongSenderIsRefused(t *testing.T) {
	ana, alder, mallory := newParty(t, nil), newParty(t, nil), newParty(t, nil)
	for name, tt := range map[string]struct {
		plain string
		err   error
	}{
		"claims to be Ana":          {`{"id":"1","type":"t","from":"` + ana.id.String() + `","body":{}}`, ErrSender},
		"claims nobody":             {`{"id":"1","type":"t","body":{}}`, ErrSender},
		"is addressed to another":   {`{"id":"1","type":"t","from":"` + mallory.id.String() + `","to":["` + ana.id.String() + `"],"body":{}}`, ErrEnvelope},
		"names its sender twice":    {`{"id":"1","type":"t","from":"` + mallory.id.String() + `","from":"` + ana.id.String() + `"}`, ErrMessage},
		"has no id":                 {`{"type":"t","from":"` + mallory.id.String() + `"}`, ErrMessage},
		"has a body that is a list": {`{"id":"1","type":"t","from":"` + mallory.id.String() + `","body":[]}`, ErrMessage},
	} {
		if _, err := alder.packer.Unpack(t.Context(), forge(t, mallory, alder, tt.plain)); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHeadersThatBreakTheRulesAreRefused(t *testing.T) {
	ana, alder := newParty(t, nil), newParty(t, nil)
	env, err := ana.packer.Pack(t.Context(), message(`{}`), ana.id, alder.id)
	if err != nil {
		t.Fatal(err)
	}
	var e jwe
	if err := json.Unmarshal(env, &e); err != nil {
		t.Fatal(err)
	}
	head, err := base64.RawURLEncoding.DecodeString(e.Protected)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{encCBC, encGCM}, {keys.AlgAuthcrypt, "ECDH-1PU+A128KW"}, {keys.AlgAuthcrypt, "none"}, {`"apv":"`, `"apv":"AA`}, {`"enc"`, `"zip":"DEF","enc"`}, {`"enc"`, `"crit":["x"],"enc"`}, {"X25519", "P-256"}} {
		bad := e
		bad.Protected = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(head), change[0], change[1], 1)))
		raw, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := alder.packer.Unpack(t.Context(), raw); !errors.Is(err, ErrEnvelope) {
			t.Errorf("%v: got %v", change, err)
		}
	}
	for _, junk := range []string{"", "{}", "[]", `{"protected":"e30"}`, strings.Repeat("x", 100)} {
		if _, err := alder.packer.Unpack(t.Context(), []byte(junk)); !errors.Is(err, ErrEnvelope) {
			t.Errorf("%.20q: got %v", junk, err)
		}
	}
}

// counting says yes to everything and counts.
type counting struct{ handled chan Received }

func (c counting) Handle(_ context.Context, r Received) (Outcome, error) {
	c.handled <- r
	return Outcome{Apply: func(*store.Tx) error { return nil }}, nil
}

func TestAFrameOverTheLimitEndsTheConnectionAndOthersGoOn(t *testing.T) {
	alder := newParty(t, nil)
	h := counting{make(chan Received, 10)}
	a := New(Config{DB: alder.db, Keys: alder.keys, Resolver: resolver, Own: alder.own, Handler: h})
	defer a.Close()
	srv := httptest.NewServer(a)
	defer srv.Close()
	dial := func() *websocket.Conn {
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.Close() })
		return ws
	}
	good, bad := dial(), dial()
	if err := bad.WriteMessage(websocket.BinaryMessage, make([]byte, MaxFrame+1)); err != nil {
		t.Fatal(err)
	}
	if err := bad.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _, err := bad.ReadMessage()
	if ce, ok := errors.AsType[*websocket.CloseError](err); !ok || ce.Code != websocket.CloseMessageTooBig || ce.Text != "a frame may have at most 2097152 bytes" {
		t.Errorf("after a frame over the limit: %v", err)
	}
	ana := newParty(t, nil)
	env, err := ana.packer.Pack(t.Context(), message(`{}`), ana.id, alder.id)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // the same message thrice is acted on once
		if err := good.WriteMessage(websocket.BinaryMessage, env); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case r := <-h.handled:
		if r.From != ana.id {
			t.Errorf("from %v", r.From)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the other connection does not go on")
	}
	for range 100 {
		if a.Stats().Duplicates == 2 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if s := a.Stats(); s.Duplicates != 2 || s.Refused != 1 || len(h.handled) != 0 {
		t.Errorf("%+v, %d more handled", s, len(h.handled))
	}
}

func FuzzUnpack(f *testing.F) {
	ana, alder := newParty(f, nil), newParty(f, nil)
	env, err := ana.packer.Pack(context.Background(), message(`{}`), ana.id, alder.id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(env)
	f.Add([]byte(`{"protected":"e30","recipients":[{}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := alder.packer.Unpack(context.Background(), in)
		if err == nil && r.From != ana.id {
			t.Errorf("opened as from %q", r.From)
		}
	})
}

func BenchmarkPackAndUnpack(b *testing.B) {
	ana, alder := newParty(b, nil), newParty(b, nil)
	m := message(`{}`)
	m.Attachments[0] = Attach("a", "application/vc", "f", make([]byte, 5000))
	b.ReportAllocs()
	for b.Loop() {
		env, err := ana.packer.Pack(context.Background(), m, ana.id, alder.id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := alder.packer.Unpack(context.Background(), env); err != nil {
			b.Fatal(err)
		}
	}
}
