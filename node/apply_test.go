package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"

	"github.com/trust-me/trustme/did"
)

// someone is a wallet's end: a key, and a connection with the node.
type someone struct {
	n      *Node
	c      exchange.Connection
	pair   didcomm.Pair
	id     did.DID
	signer credentials.Signer
	badges [][]byte
}

func newSomeone(t testing.TB, n *Node, label string) *someone {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ks, err := keys.Open(t.Context(), db, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	k, err := ks.Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	s := &someone{n: n, signer: nil}
	if s.id, err = key.New(k); err != nil {
		t.Fatal(err)
	}
	s.signer = ks.Signer(k, key.MethodID(s.id))
	s.pair = didcomm.Pair{Own: n.contact, Peer: s.id}
	s.c = exchange.NewConnection(s.pair, "", label, n.now())
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Put(tx, s.c) }); err != nil {
		t.Fatal(err)
	}
	return s
}

// given gives a badge and keeps it to be shown.
func (s *someone) given(t testing.TB, slug string, level int) {
	t.Helper()
	s.givenIn(t, slug, "", level)
}

func (s *someone) givenIn(t testing.TB, slug, language string, level int) {
	t.Helper()
	g, err := s.n.Grant(t.Context(), GrantRequest{Achievement: slug, Language: language, To: Recipient{DID: s.id.String()}, Level: level, Key: didcomm.NewID()})
	if err != nil {
		t.Fatal(err)
	}
	_, raw, err := s.n.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.badges = append(s.badges, raw)
}

// message makes a message with a proof over its document.
func (s *someone) message(t testing.TB, kind, thread string, v any) exchange.Inbound {
	t.Helper()
	doc, err := jsondoc.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	id := didcomm.NewID()
	vp, err := credentials.BuildPresentation(t.Context(), credentials.PresentationOptions{Credentials: s.badges, Holder: s.id.String(), Challenge: application.Challenge(s.id.String(), id, doc),
		Domain: s.pair.Own.String(), Now: s.n.now(), Cryptosuite: dataintegrity.EdDSAJCS}, s.signer)
	if err != nil {
		t.Fatal(err)
	}
	return exchange.Inbound{Message: application.Message(kind, id, thread, doc, application.Shown(vp)), Connection: s.c, Pair: s.pair}
}

// act lets the node act on a message, as the mailbox does, and returns the
// answers that are given at once.
func (s *someone) act(t testing.TB, in exchange.Inbound) ([]didcomm.Message, error) {
	t.Helper()
	out, err := s.n.applying()[in.Message.Type](t.Context(), in)
	if err == nil && out.Apply != nil {
		err = s.n.db.Update(t.Context(), out.Apply)
	}
	return out.Now, err
}

// waiting returns what is queued for this person, and takes it off.
func (s *someone) waiting(t testing.TB) []didcomm.Message {
	t.Helper()
	var out []didcomm.Message
	err := s.n.db.Update(t.Context(), func(tx *store.Tx) error {
		es, err := didcomm.Pending(tx, s.pair, 0, 100)
		for _, e := range es {
			out = append(out, e.Message)
			err = errors.Join(err, didcomm.Acknowledge(tx, s.pair, e.Message.ID))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// progress returns the last that this person was told about applications.
func (s *someone) progress(t testing.TB) (p application.Progress) {
	t.Helper()
	for _, m := range s.waiting(t) {
		if m.Type != application.TypeProgress {
			continue
		}
		var err error
		if p, err = application.ReadProgress(m); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func link(name string) application.Evidence {
	return application.Evidence{Kind: application.Link, Name: name, URL: "https://example.org/" + name}
}

func words(text string) application.Evidence {
	sum := sha256.Sum256([]byte(text))
	return application.Evidence{Kind: application.Text, Name: "words", Text: text, Digest: hex.EncodeToString(sum[:])}
}

// forIssuer is a submission that an applicant of issuer with all that comes
// before it hands in.
func forIssuer() application.Submission {
	return application.Submission{Achievement: "openbadges/issuer", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("log"), words("I did.")}}
}

func TestEachGuardOfASubmissionSaysTheWayOut(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	other := newSomeone(t, n, "other")
	other.given(t, "explorer", 0)
	held := func(s *someone, i int) application.Evidence {
		c, err := credentials.Parse(s.badges[i])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(s.badges[i])
		return application.Evidence{Kind: application.Credential, Name: "badge", Credential: c.ID(), Digest: hex.EncodeToString(sum[:]), Size: int64(len(s.badges[i])), Media: "application/vc"}
	}
	for _, tt := range []struct {
		name  string
		spoil func(s *application.Submission, who *someone)
		want  string // "" when it is taken in
	}{
		{"nothing", func(*application.Submission, *someone) {}, ""},
		{"a badge as evidence", func(s *application.Submission, who *someone) { s.Evidence[0] = held(who, 0) }, ""},
		{"no such badge", func(s *application.Submission, _ *someone) { s.Achievement = "openbadges/ghost" }, "no badge openbadges/ghost is given here; http://localhost:8480 shows what there is"},
		{"in French", func(s *application.Submission, _ *someone) { s.Language = "fr" }, ""},
		{"in a language that is not there", func(s *application.Submission, _ *someone) { s.Language = "de" }, `issuer is not given in the language "de"; it is given in en, fr`},
		{"in what is no language", func(s *application.Submission, _ *someone) { s.Language = "../fr" }, `the language "../fr" is no code of a language; write fr, or pt-BR`},
		{"given otherwise", func(s *application.Submission, _ *someone) { s.Achievement = "openbadges/explorer" }, "Open Badges Explorer is earned with a claim code; redeem yours with: trustme wallet claim CODE"},
		{"too little evidence", func(s *application.Submission, _ *someone) { s.Evidence = s.Evidence[:1] }, "Badge Issuer wants at least 2 items of evidence, and there is 1; add more with --evidence"},
		{"a kind that is not taken", func(s *application.Submission, who *someone) {
			who.badges = who.badges[:2]
			s.Achievement, s.Level, s.Evidence = "openbadges/designer", 3, []application.Evidence{words("x")}
		}, "evidence 1 is of the kind text; Badge Designer takes file, url"},
		{"a level out of scale", func(s *application.Submission, _ *someone) { s.Level = 4 }, "Badge Issuer has no such level; it has 1 (Assisted), 2 (Independent), 3 (Guides others)"},
		{"the order", func(_ *application.Submission, who *someone) { who.badges = who.badges[:1] }, "missing: earner, designer@2"},
		{"somebody else's badges", func(_ *application.Submission, who *someone) {
			who.badges = append([][]byte{}, other.badges...)
		}, "missing: earner, designer@2"},
		{"a badge that is not shown", func(s *application.Submission, _ *someone) { s.Evidence[0] = held(other, 0) }, "evidence 1: the credential badge was not shown, is not valid, or is not yours; look at it with: trustme wallet verify"},
		{"somebody else's badge as evidence", func(s *application.Submission, who *someone) {
			s.Evidence[0] = held(other, 0)
			who.badges = append(who.badges, other.badges[0])
		}, "evidence 1: the credential badge was not shown, is not valid, or is not yours; look at it with: trustme wallet verify"},
		{"held already", func(_ *application.Submission, who *someone) { who.given(t, "issuer", 2) }, "you hold Badge Issuer already, at level 2; look at it with: trustme wallet list"},
		{"held at a lower level", func(_ *application.Submission, who *someone) { who.given(t, "issuer", 1) }, ""},
		{"renewing what is not there", func(s *application.Submission, _ *someone) { s.Renews = "urn:uuid:1" }, "the badge that this would renew is none of yours for Badge Issuer; leave it out to apply anew"},
		{"words too long for a badge", func(s *application.Submission, _ *someone) {
			s.Say = strings.Repeat("x", application.MaxSay+1)
		}, "say is to be a text of at most 8192 bytes"},
		{"a level where there is none", func(s *application.Submission, _ *someone) { s.Achievement, s.Level = "openbadges/contributor", 1 }, "Open Badges Contributor has no such level; it has none: leave out --level"},
	} {
		who := newSomeone(t, n, tt.name)
		who.given(t, "basics", 0)
		who.given(t, "earner", 0)
		who.given(t, "designer", 2)
		s := forIssuer()
		tt.spoil(&s, who)
		id := didcomm.NewID()
		if _, err := who.act(t, who.message(t, application.TypeSubmit, id, s)); err != nil {
			if p, ok := errors.AsType[*didcomm.Problem](err); !ok || p.Comment != tt.want {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		p := who.progress(t)
		if tt.want == "" && (p.Refused || p.State != application.Submitted) || tt.want != "" && (!p.Refused || p.Reason != tt.want) {
			t.Errorf("%s: %+v", tt.name, p)
		}
		if a, err := n.Application(t.Context(), id); tt.want != "" && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: half done: %+v, %v", tt.name, a, err)
		}
	}
}

func TestAnApplicationBelongsToWhoBeganIt(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana, eve := newSomeone(t, n, "ana"), newSomeone(t, n, "eve")
	s := application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("work")}}
	id := didcomm.NewID()
	if _, err := ana.act(t, ana.message(t, application.TypeSubmit, id, s)); err != nil {
		t.Fatal(err)
	}
	if p := ana.progress(t); p.State != application.Submitted {
		t.Fatalf("%+v", p)
	}
	if _, err := ana.act(t, ana.message(t, application.TypeSubmit, didcomm.NewID(), s)); err != nil {
		t.Fatal(err)
	}
	if p := ana.progress(t); !strings.HasPrefix(p.Reason, "you have applied for Open Badges Contributor already: it is submitted; see: trustme wallet applications show "+id) {
		t.Errorf("a second one: %+v", p)
	}
	if _, err := eve.act(t, eve.message(t, application.TypeSubmit, id, s)); err != nil {
		t.Fatal(err)
	}
	if p := eve.progress(t); p.Reason != "this application is somebody else's; apply anew" {
		t.Errorf("another's: %+v", p)
	}
	for _, kind := range []string{application.TypeWithdraw, application.TypeAppeal} {
		var p *didcomm.Problem
		if _, err := eve.act(t, eve.message(t, kind, id, application.Request{})); !errors.As(err, &p) || p.Code != exchange.CodeState {
			t.Errorf("%s: %v", kind, err)
		}
	}
	stolen := ana.message(t, application.TypeSubmit, didcomm.NewID(), s) // ana's proof, sent by eve
	stolen.Connection, stolen.Pair = eve.c, eve.pair
	var p *didcomm.Problem
	if _, err := eve.act(t, stolen); !errors.As(err, &p) || p.Code != exchange.CodeHolder {
		t.Errorf("a stolen proof: %v", err)
	}
}

// BenchmarkSubmit takes in applications of learners with three badges: the
// presentation verified, the guards evaluated, the record durable.
func BenchmarkSubmit(b *testing.B) {
	dir := b.TempDir()
	if err := Init(InitRequest{Dir: dir, Settings: Settings{Name: "Alder", Reserve: 1}}); err != nil {
		b.Fatal(err)
	}
	n, err := Open(context.Background(), Config{Dir: dir, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	who := newSomeone(b, n, "ana")
	who.given(b, "basics", 0)
	who.given(b, "earner", 0)
	who.given(b, "designer", 2)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		id := didcomm.NewID()
		in := who.message(b, application.TypeSubmit, id, forIssuer())
		b.StartTimer()
		if _, err := who.act(b, in); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if p := who.progress(b); p.State != application.Submitted {
			b.Fatalf("%+v", p)
		}
		if _, err := who.act(b, who.message(b, application.TypeWithdraw, id, application.Request{})); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
