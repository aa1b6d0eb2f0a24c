package testnet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
)

// class is many learners and reviewers in one process: each has a key and a
// websocket of its own, all share one store in memory and lose connections
// only with the node.
type class struct {
	t      *testing.T
	db     *store.DB
	keys   *keys.Store
	party  *party.Party
	agent  *didcomm.Agent
	people sync.Map // by the DID of the connection

	mu       sync.Mutex
	replies  map[string]chan didcomm.Message
	states   map[string]application.Progress // of applications, the last that was told
	received map[string]int                  // credentials, by id
}

// pupil is one of them; app is the application of a learner.
type pupil struct {
	class  *class
	id     did.DID
	signer credentials.Signer
	pair   didcomm.Pair
	holder *exchange.Holder
	app    string
	sent   application.Submission
}

// proof is the file that some hand in.
var proof = bytes.Repeat([]byte("what I did, and when\n"), 3000)

func newClass(t *testing.T) *class {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &class{t: t, db: db, replies: map[string]chan didcomm.Message{}, states: map[string]application.Progress{}, received: map[string]int{}}
	if c.keys, err = keys.Open(t.Context(), db, bytes.Repeat([]byte{1}, 32)); err != nil {
		t.Fatal(err)
	}
	if c.party, err = party.New(party.Config{DB: db, Loopback: true, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	roles := map[string]exchange.Handle{application.TypeProgress: c.onProgress, application.TypeNeed: c.onNeed, application.TypeAnswer: c.onAnswer, didcomm.TypeProblem: c.onAnswer}
	for _, kind := range []string{exchange.TypeOffer, exchange.TypeIssue} {
		roles[kind] = func(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
			return c.of(in).holder.Roles()[kind](ctx, in)
		}
	}
	c.agent = didcomm.New(didcomm.Config{DB: db, Keys: c.keys, Resolver: c.party.Resolver, Handler: &exchange.Router{DB: db, Roles: roles}, Retry: 3 * time.Second, Dial: c.party.Dial,
		Own: func(_ context.Context, d did.DID) (bool, error) { _, ok := c.people.Load(d); return ok, nil }})
	t.Cleanup(func() {
		c.agent.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *class) of(in exchange.Inbound) *pupil {
	p, ok := c.people.Load(in.Pair.Own)
	if !ok {
		panic("a message for nobody") // the agent asks Own first
	}
	return p.(*pupil)
}

// join makes somebody who accepts the invitation, connected as long as ctx.
func (c *class) join(ctx context.Context, wg *sync.WaitGroup, inv exchange.Invitation) *pupil {
	c.t.Helper()
	var ks [3]did.PublicKey
	for i, kind := range []did.KeyType{did.X25519, did.Ed25519, did.Ed25519} {
		var err error
		if ks[i], err = c.keys.Create(ctx, kind); err != nil {
			c.t.Fatal(err)
		}
	}
	own, err := peer.New2(ks[0], ks[1], nil)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &pupil{class: c, pair: didcomm.Pair{Own: own, Peer: inv.From}, app: didcomm.NewID()}
	if p.id, err = key.New(ks[2]); err != nil {
		c.t.Fatal(err)
	}
	p.signer = c.keys.Signer(ks[2], key.MethodID(p.id))
	p.holder = &exchange.Holder{DB: c.db, Now: time.Now, Wants: func(exchange.Offer) bool { return true }, Proof: p.proof, Receive: c.receive}
	c.people.Store(own, p)
	hello := didcomm.Message{ID: didcomm.NewID(), Type: exchange.TypePing, Pthid: inv.ID, ReturnRoute: "all", Body: didcomm.Object(map[string]bool{"response_requested": false})}
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		if err := exchange.Connections.Put(tx, exchange.NewConnection(p.pair, "", "node", time.Now())); err != nil {
			return err
		}
		return didcomm.Send(tx, p.pair, hello)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	wg.Go(func() {
		c.agent.Keep(ctx, p.pair, func(*didcomm.Link) error { return c.agent.SendNow(ctx, p.pair, exchange.LiveDelivery()) })
	})
	return p
}

func (p *pupil) proof(ctx context.Context, challenge, domain string) ([]byte, error) {
	return credentials.BuildPresentation(ctx, credentials.PresentationOptions{Holder: p.id.String(), Challenge: challenge, Domain: domain, Now: time.Now(), Cryptosuite: dataintegrity.EdDSAJCS}, p.signer)
}

func (c *class) receive(_ context.Context, _ exchange.Offer, raw []byte) (string, func(*store.Tx) error, error) {
	cr, err := credentials.Parse(raw)
	if err != nil {
		return "", nil, err
	}
	return cr.ID(), func(tx *store.Tx) error {
		_, err := tx.Get([]byte("held/" + cr.ID())) // the same delivery twice is one
		if errors.Is(err, store.ErrNotFound) {
			c.mu.Lock()
			c.received[cr.ID()]++
			c.mu.Unlock()
			return tx.Put([]byte("held/"+cr.ID()), nil)
		}
		return err
	}, nil
}

// message makes a message with a proof over its document.
func (p *pupil) message(ctx context.Context, kind, id, thread string, doc []byte, more ...didcomm.Attachment) (didcomm.Message, error) {
	vp, err := p.proof(ctx, application.Challenge(p.pair.Own.String(), id, doc), p.pair.Peer.String())
	return application.Message(kind, id, thread, doc, append(more, application.Shown(vp))...), err
}

// submission is the message that hands in a revision.
func (p *pupil) submission(ctx context.Context, s application.Submission) (didcomm.Message, error) {
	doc, err := jsondoc.Marshal(s)
	if err != nil {
		return didcomm.Message{}, err
	}
	return p.message(ctx, application.TypeSubmit, fmt.Sprintf("submit-%s-%d", p.app, s.Revision), p.app, doc)
}

// apply hands in an application; some have a file.
func (p *pupil) apply(ctx context.Context, file bool) error {
	p.sent = application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{{Kind: application.Link, Name: "work", URL: "https://example.org/work"}}}
	if file {
		sum := sha256.Sum256(proof)
		p.sent.Evidence = append(p.sent.Evidence, application.Evidence{Kind: application.File, Name: "proof.txt", Media: "text/plain", Size: int64(len(proof)), Digest: hex.EncodeToString(sum[:])})
	}
	m, err := p.submission(ctx, p.sent)
	if err != nil {
		return err
	}
	return p.queue(ctx, m)
}

func (p *pupil) queue(ctx context.Context, m didcomm.Message) error {
	err := p.class.db.Update(ctx, func(tx *store.Tx) error { return didcomm.Send(tx, p.pair, m) })
	p.class.agent.Wake(p.pair)
	return err
}

// onProgress keeps what is told, and hands in again what was returned.
func (c *class) onProgress(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, who := application.Progress{}, c.of(in)
	p, err := application.ReadProgress(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	var again *didcomm.Message
	if p.State == application.Returned && !p.Refused {
		s := who.sent
		s.Revision = p.Revision + 1
		m, err := who.submission(ctx, s)
		if err != nil {
			return didcomm.Outcome{}, err
		}
		again = &m
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		c.mu.Lock()
		if p.Told > c.states[who.app].Told {
			c.states[who.app] = p
		}
		c.mu.Unlock()
		if again == nil {
			return nil
		}
		return didcomm.Send(tx, in.Pair, *again)
	}}, nil
}

func (c *class) onNeed(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, doc, err := application.ReadPiece(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	m := application.Message(application.TypeChunk, "chunk-"+in.Message.ID, in.Message.Thread(), doc, application.Bytes(proof[p.Offset:]))
	return didcomm.Outcome{Apply: func(tx *store.Tx) error { return didcomm.Send(tx, in.Pair, m) }}, nil
}

func (c *class) onAnswer(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, thread := range []string{in.Message.Thid, in.Message.Pthid} {
		if ch := c.replies[thread]; ch != nil {
			delete(c.replies, thread)
			ch <- in.Message
		}
	}
	return didcomm.Outcome{}, nil
}

// errNoAnswer says that the node went away, or refused; what was asked may or
// may not have been done.
var errNoAnswer = errors.New("no answer")

func (p *pupil) ask(ctx context.Context, kind string, doc []byte, more ...didcomm.Attachment) (didcomm.Message, error) {
	id, ch := didcomm.NewID(), make(chan didcomm.Message, 1)
	m, err := p.message(ctx, kind, id, "", doc, more...)
	if err != nil {
		return m, err
	}
	c := p.class
	c.mu.Lock()
	c.replies[id] = ch
	c.mu.Unlock()
	if err := c.agent.SendNow(ctx, p.pair, m); err != nil {
		return m, errNoAnswer
	}
	select {
	case m = <-ch:
		if m.Type == didcomm.TypeProblem {
			return m, errNoAnswer
		}
		return m, nil
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
	}
	return m, errNoAnswer
}

// tasks lists what awaits this person.
func (p *pupil) tasks(ctx context.Context) ([]application.Task, error) {
	m, err := p.ask(ctx, application.TypeList, []byte("{}"))
	if err != nil {
		return nil, err
	}
	return application.ReadTasks(m)
}

// review takes an application and decides about it.
func (p *pupil) review(ctx context.Context, id string, satisfied bool) error {
	doc, err := jsondoc.Marshal(application.Request{Application: id})
	if err != nil {
		return err
	}
	m, err := p.ask(ctx, application.TypeTake, doc)
	if err != nil {
		return err
	}
	ts, err := application.ReadTasks(m)
	if err != nil || len(ts) != 1 {
		return errors.Join(err, errNoAnswer)
	}
	t := ts[0]
	v := application.Verdict{Application: t.ID, Achievement: t.Achievement, Revision: t.Revision, Round: t.Round, Judged: []application.Judged{}, Evidence: t.Submission.Digests()}
	for _, k := range t.Criteria {
		v.Judged = append(v.Judged, application.Judged{Criterion: k.Slug, Satisfied: satisfied, Comment: "look again"})
	}
	if doc, err = jsondoc.Marshal(v); err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	urn, _ := application.URN(didcomm.NewID())
	unsigned, err := v.Unsigned(urn, p.id.String(), jsondoc.Stamp(now), doc)
	if err != nil {
		return err
	}
	signed, err := credentials.Issue(ctx, p.class.party.Verifier, unsigned, p.signer, now)
	if err != nil {
		return err
	}
	_, err = p.ask(ctx, application.TypeReview, doc, didcomm.Attach("review-0", exchange.MediaCredential, application.FormatReview, signed.Credential().Bytes()))
	return err
}

// sign signs an accepted application.
func (p *pupil) sign(ctx context.Context, id string) error {
	doc, err := jsondoc.Marshal(application.Request{Application: id})
	if err == nil {
		_, err = p.ask(ctx, application.TypeSign, doc)
	}
	return err
}
