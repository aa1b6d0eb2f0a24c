package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

// peerWallet is a wallet's end of a real websocket that says just what a test
// tells it to.
type peerWallet struct {
	t      *testing.T
	agent  *didcomm.Agent
	pair   didcomm.Pair
	id     did.DID // the key that badges are bound to
	signer keys.Signer
	heard  chan didcomm.Message
}

// Handle implements [didcomm.Handler].
func (w *peerWallet) Handle(_ context.Context, r didcomm.Received) (didcomm.Outcome, error) {
	return didcomm.Outcome{Apply: func(*store.Tx) error { return nil }, After: func() { w.heard <- r.Message }}, nil
}

// joins connects a new wallet to a node and returns its connection there.
func joins(t *testing.T, n *node.Node) (*peerWallet, string) {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ks, err := keys.Open(t.Context(), db, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	p, err := party.New(party.Config{DB: db, Loopback: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	create := func(k did.KeyType) did.PublicKey {
		pub, err := ks.Create(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return pub
	}
	own, err := peer.New2(create(did.X25519), create(did.Ed25519), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &peerWallet{t: t, heard: make(chan didcomm.Message, 100)}
	subject := create(did.Ed25519)
	if w.id, err = key.New(subject); err != nil {
		t.Fatal(err)
	}
	w.signer = ks.Signer(subject, key.MethodID(w.id))
	w.agent = didcomm.New(didcomm.Config{DB: db, Keys: ks, Resolver: p.Resolver, Handler: w, Now: time.Now,
		Own: func(_ context.Context, d did.DID) (bool, error) { return d == own, nil }})
	t.Cleanup(func() {
		w.agent.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := n.Invite(t.Context(), node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := exchange.ParseInvitation(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.pair = didcomm.Pair{Own: own, Peer: inv.From}
	if _, err := w.agent.Connect(t.Context(), w.pair); err != nil {
		t.Fatal(err)
	}
	w.says(didcomm.Message{Type: exchange.TypePing, Pthid: inv.ID, Body: didcomm.Object(map[string]bool{"response_requested": false})})
	id := exchange.ConnectionID(didcomm.Pair{Own: inv.From, Peer: own})
	waitFor(t, "the connection", func() bool {
		cs, err := n.Connections(t.Context())
		for _, c := range cs {
			if c.ID == id {
				return true
			}
		}
		return err != nil
	})
	return w, id
}

func (w *peerWallet) says(m didcomm.Message) {
	w.t.Helper()
	m.ID, m.ReturnRoute = didcomm.NewID(), "all"
	if err := w.agent.SendNow(w.t.Context(), w.pair, m); err != nil {
		w.t.Fatal(err)
	}
}

// hears waits for a message of a type.
func (w *peerWallet) hears(typ string) didcomm.Message {
	w.t.Helper()
	for limit := time.After(10 * time.Second); ; {
		select {
		case m := <-w.heard:
			if m.Type == typ {
				return m
			}
		case <-limit:
			w.t.Fatalf("no %s came", typ)
		}
	}
}

func (w *peerWallet) request(thread string, p exchange.Preview) didcomm.Message {
	w.t.Helper()
	proof, err := credentials.BuildPresentation(w.t.Context(), credentials.PresentationOptions{Holder: w.id.String(), Challenge: p.Challenge, Domain: p.Domain, Now: time.Now()}, w.signer)
	if err != nil {
		w.t.Fatal(err)
	}
	return didcomm.Message{Type: exchange.TypeRequest, Thid: thread, Body: didcomm.Object(struct{}{}),
		Attachments: []didcomm.Attachment{didcomm.Attach("proof-0", exchange.MediaPresentation, exchange.FormatHolderProof, proof)}}
}

// An offer belongs to the connection it was made to: what another wallet says
// about it is refused and changes nothing, even with the offer's own challenge.
func TestAnotherWalletCanNeitherTakeNorEndAnOffer(t *testing.T) {
	n, _ := serve(t)
	ana, conn := joins(t, n)
	mallory, _ := joins(t, n)
	g, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: node.Recipient{Connection: conn}})
	if err != nil {
		t.Fatal(err)
	}
	offer := ana.hears(exchange.TypeOffer)
	raw, err := offer.Attachments[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var preview exchange.Preview
	if err := json.Unmarshal(raw, &preview); err != nil {
		t.Fatal(err)
	}
	ack := didcomm.Message{Type: exchange.TypeIssueAck, Thid: offer.ID, Body: didcomm.Object(map[string]string{"status": "OK"})}
	decline := didcomm.Message{Type: didcomm.TypeProblem, Pthid: offer.ID, Body: didcomm.Object(map[string]string{"code": exchange.CodeDeclined, "comment": "no"})}
	refused := func(m didcomm.Message) {
		t.Helper()
		mallory.says(m)
		if code, comment := exchange.ReadProblem(mallory.hears(didcomm.TypeProblem)); code != exchange.CodeState || comment != "there is no such offer between us" {
			t.Errorf("%s: answered %s %q", m.Type, code, comment)
		}
	}
	stands := func(want node.AwardState, to string) {
		t.Helper()
		a, raw, err := n.Award(t.Context(), g.Award.ID)
		if err != nil || a.State != want || a.Standing != node.Active || a.Recipient.DID != to || (raw != nil) != (want != node.AwardOffered) {
			t.Errorf("the award is %+v with %d bytes, %v; want it %s to %s", a, len(raw), err, want, to)
		}
	}
	attack := func() {
		t.Helper()
		mallory.says(decline) // a problem is never answered; what comes after it is
		refused(mallory.request(offer.ID, preview))
		refused(ack)
	}
	attack()
	stands(node.AwardOffered, "")
	ana.says(ana.request(offer.ID, preview))
	ana.hears(exchange.TypeIssue)
	stands(node.AwardIssued, ana.id.String())
	attack()
	stands(node.AwardIssued, ana.id.String())
	ana.says(ack)
	waitFor(t, "the acknowledgement", func() bool {
		a, _, err := n.Award(t.Context(), g.Award.ID)
		return err == nil && a.State == node.AwardHeld
	})
	attack()
	stands(node.AwardHeld, ana.id.String())
	select {
	case m := <-mallory.heard:
		t.Errorf("something came to the other wallet: %s", m.Type)
	default:
	}
}
