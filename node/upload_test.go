package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

func fileOf(name, media string, whole []byte) application.Evidence {
	sum := sha256.Sum256(whole)
	return application.Evidence{Kind: application.File, Name: name, Media: media, Size: int64(len(whole)), Digest: hex.EncodeToString(sum[:])}
}

// chunk answers a need.
func (s *someone) chunk(t testing.TB, need didcomm.Message, whole []byte) exchange.Inbound {
	t.Helper()
	p, doc, err := application.ReadPiece(need)
	if err != nil {
		t.Fatal(err)
	}
	piece := whole[p.Offset:min(int64(len(whole)), p.Offset+application.ChunkSize)]
	return exchange.Inbound{Message: application.Message(application.TypeChunk, "chunk-"+need.ID, need.Thread(), doc, application.Bytes(piece)), Connection: s.c, Pair: s.pair}
}

func (s *someone) needs(t testing.TB) (out []didcomm.Message) {
	t.Helper()
	for _, m := range s.waiting(t) {
		if m.Type == application.TypeNeed {
			out = append(out, m)
		}
	}
	return out
}

// handInFile submits an application with one file and a link.
func handInFile(t testing.TB, who *someone, f application.Evidence) (id string) {
	t.Helper()
	id = didcomm.NewID()
	s := application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{link("work"), f}}
	if _, err := who.act(t, who.message(t, application.TypeSubmit, id, s)); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAFileComesInPiecesAndGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	ana := newSomeone(t, n, "ana")
	whole := []byte("%PDF-1.7\n" + strings.Repeat("evidence ", 200_000)) // three pieces and a rest
	id := handInFile(t, ana, fileOf("work.pdf", "application/pdf", whole))
	var last exchange.Inbound
	for i := range 4 {
		needs := ana.needs(t)
		if len(needs) != 1 {
			t.Fatalf("piece %d: %d needs", i, len(needs))
		}
		if a, err := n.Application(t.Context(), id); err != nil || a.State != application.Draft {
			t.Fatalf("piece %d: %+v, %v", i, a, err)
		}
		if i == 2 { // the node ends, and begins again
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = opened(t, dir, nil)
			ana.n = n
		}
		next := ana.chunk(t, needs[0], whole)
		for _, in := range []exchange.Inbound{last, next, next} { // an old one, and the same twice, change nothing
			if in.Message.ID == "" {
				continue
			}
			if _, err := ana.act(t, in); err != nil {
				t.Fatal(err)
			}
		}
		last = next
	}
	if p := ana.progress(t); p.State != application.Submitted || p.Revision != 1 {
		t.Fatalf("%+v", p)
	}
	f, err := n.evidence(t.Context(), id, "2")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes of %d, %v", len(got), len(whole), err)
	}
	nothingLeft(t, n)
}

// nothingLeft wants no piece of a file to lie about.
func nothingLeft(t testing.TB, n *Node) {
	t.Helper()
	err := n.db.View(t.Context(), func(tx *store.Tx) error {
		for u, err := range uploads.List(tx, store.Range{}) {
			t.Errorf("%+v, %v", u, err)
		}
		for r, err := range tx.Scan(store.Range{Prefix: []byte("piece/"), KeysOnly: true}) {
			t.Errorf("%q, %v", r.Key, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFileThatIsNotWhatItClaimsIsRefusedAndNothingIsLeft(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	for _, tt := range []struct {
		name  string
		file  application.Evidence
		bytes []byte
		want  string
	}{
		{"another type", fileOf("photo.png", "image/png", []byte("GIF89a...")), []byte("GIF89a..."), "evidence 2, photo.png: it is declared as image/png, and its bytes are image/gif; declare what it is"},
		{"other bytes", fileOf("a.txt", "text/plain", []byte("mine")), []byte("hers"), "evidence 2, a.txt: its bytes are not those of the digest that was told; hand it in again"},
	} {
		who := newSomeone(t, n, tt.name)
		id := handInFile(t, who, tt.file)
		if _, err := who.act(t, who.chunk(t, who.needs(t)[0], tt.bytes)); err != nil {
			t.Fatal(err)
		}
		if p := who.progress(t); !p.Refused || p.Reason != tt.want {
			t.Errorf("%s: %+v", tt.name, p)
		}
		if _, err := n.Application(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := n.db.OpenBlob(tt.file.Digest); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: a blob: %v", tt.name, err)
		}
		nothingLeft(t, n)
	}
}

// A submission that takes the place of one whose files are on their way asks
// for them anew.
func TestASubmissionTakesThePlaceOfOneThatIsOnItsWay(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana := newSomeone(t, n, "ana")
	whole := bytes.Repeat([]byte("x"), 2*application.ChunkSize)
	f := fileOf("a.txt", "text/plain", whole)
	id := handInFile(t, ana, f)
	first := ana.chunk(t, ana.needs(t)[0], whole)
	if _, err := ana.act(t, first); err != nil {
		t.Fatal(err)
	}
	s := application.Submission{Achievement: "openbadges/contributor", Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{f, link("more")}}
	if _, err := ana.act(t, ana.message(t, application.TypeSubmit, id, s)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		needs := ana.needs(t)
		if len(needs) == 0 {
			t.Fatal("nothing is asked for")
		}
		if _, err := ana.act(t, ana.chunk(t, needs[len(needs)-1], whole)); err != nil {
			t.Fatal(err)
		}
	}
	if p := ana.progress(t); p.State != application.Submitted {
		t.Errorf("%+v", p)
	}
	if a, err := n.Application(t.Context(), id); err != nil || len(a.Now.Evidence) != 2 || a.Now.Evidence[1].Name != "more" {
		t.Errorf("%+v, %v", a.Now, err)
	}
	nothingLeft(t, n)
}

func TestADraftWhoseFilesDoNotComeEnds(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	ana := newSomeone(t, n, "ana")
	whole := bytes.Repeat([]byte("x"), 2*application.ChunkSize)
	id := handInFile(t, ana, fileOf("a.txt", "text/plain", whole))
	if _, err := ana.act(t, ana.chunk(t, ana.needs(t)[0], whole)); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, draftFor + time.Hour} {
		now = now.Add(later)
		if err := n.dropDrafts(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Application(t.Context(), id); errors.Is(err, ErrNotFound) != (later > 0) {
			t.Errorf("after %s: %v", later, err)
		}
	}
	if p := ana.progress(t); !p.Refused || p.Reason != "its files did not come within 30 days; apply again with them" {
		t.Errorf("%+v", p)
	}
	nothingLeft(t, n)
}

func TestPiecesThatWereNotAskedForChangeNothing(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana, eve := newSomeone(t, n, "ana"), newSomeone(t, n, "eve")
	whole := bytes.Repeat([]byte("x"), application.ChunkSize+10)
	f := fileOf("a.txt", "text/plain", whole)
	id := handInFile(t, ana, f)
	need := ana.needs(t)[0]
	piece := func(by *someone, p application.Piece, b []byte) error {
		doc, err := jsondoc.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = by.act(t, exchange.Inbound{Message: application.Message(application.TypeChunk, didcomm.NewID(), id, doc, application.Bytes(b)), Connection: by.c, Pair: by.pair})
		return err
	}
	var p *didcomm.Problem
	if err := piece(ana, application.Piece{Digest: f.Digest}, whole[:5]); !errors.As(err, &p) || p.Code != exchange.CodeMessage {
		t.Errorf("a short piece: %v", err)
	}
	if err := piece(eve, application.Piece{Digest: f.Digest}, whole[:application.ChunkSize]); !errors.As(err, &p) || p.Code != exchange.CodeState {
		t.Errorf("another's piece: %v", err)
	}
	if err := piece(ana, application.Piece{Digest: f.Digest, Offset: application.ChunkSize}, whole[application.ChunkSize:]); err != nil {
		t.Errorf("a piece too early: %v", err)
	}
	if err := piece(ana, application.Piece{Digest: strings.Repeat("00", 32)}, whole[:application.ChunkSize]); err != nil {
		t.Errorf("a piece of nothing: %v", err)
	}
	if _, err := ana.act(t, ana.chunk(t, need, whole)); err != nil {
		t.Fatal(err)
	}
	if _, err := ana.act(t, ana.chunk(t, ana.needs(t)[0], whole)); err != nil {
		t.Fatal(err)
	}
	if p := ana.progress(t); p.State != application.Submitted {
		t.Errorf("%+v", p)
	}
}

// What was handed in is forgotten when it is withdrawn; a file that another
// application has as well stays.
func TestWithdrawingForgetsWhatWasHandedIn(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana, ben := newSomeone(t, n, "ana"), newSomeone(t, n, "ben")
	whole := []byte("the same words\n")
	f := fileOf("a.txt", "text/plain", whole)
	ids := map[*someone]string{}
	for _, who := range []*someone{ana, ben} {
		ids[who] = handInFile(t, who, f)
		if _, err := who.act(t, who.chunk(t, who.needs(t)[0], whole)); err != nil {
			t.Fatal(err)
		}
		if p := who.progress(t); p.State != application.Submitted {
			t.Fatalf("%+v", p)
		}
	}
	for _, tt := range []struct {
		who  *someone
		left bool
	}{{ana, true}, {ben, false}} {
		in := tt.who.message(t, application.TypeWithdraw, ids[tt.who], application.Request{})
		out, err := n.onWithdraw(t.Context(), in)
		if err == nil {
			err = n.db.Update(t.Context(), out.Apply)
		}
		if err != nil {
			t.Fatal(err)
		}
		out.After()
		r, err := n.db.OpenBlob(f.Digest)
		if err == nil {
			err = r.Close()
		}
		if tt.left && err != nil || !tt.left && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("left %v: %v", tt.left, err)
		}
		if a, err := n.Application(t.Context(), ids[tt.who]); err != nil || a.State != application.Withdrawn || a.Now.Evidence != nil || a.Now.Say != "" {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// Whoever withdraws while a file is on its way leaves no pieces behind.
func TestWithdrawingEndsAnUpload(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana := newSomeone(t, n, "ana")
	whole := bytes.Repeat([]byte("x"), 2*application.ChunkSize)
	id := handInFile(t, ana, fileOf("a.txt", "text/plain", whole))
	if _, err := ana.act(t, ana.chunk(t, ana.needs(t)[0], whole)); err != nil {
		t.Fatal(err)
	}
	rest := ana.needs(t)
	if _, err := ana.act(t, ana.message(t, application.TypeWithdraw, id, application.Request{})); err != nil {
		t.Fatal(err)
	}
	if p := ana.progress(t); p.State != application.Withdrawn {
		t.Errorf("%+v", p)
	}
	if _, err := ana.act(t, ana.chunk(t, rest[0], whole)); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, n)
}
