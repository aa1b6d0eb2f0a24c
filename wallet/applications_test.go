package wallet

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// opened is a new wallet with a partner that is never reached.
func opened(t *testing.T) (*Wallet, exchange.Connection) {
	t.Helper()
	dir := t.TempDir()
	if _, err := Init(t.Context(), dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), Config{Dir: dir, Offline: true, Now: func() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, partnerOf(t, w, "Alder", "did:web:alder.example")
}

func partnerOf(t *testing.T, w *Wallet, label, id string) exchange.Connection {
	t.Helper()
	own, err := w.newPeer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := did.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	c := exchange.NewConnection(didcomm.Pair{Own: own, Peer: peer}, label, label, w.cfg.Now())
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Put(tx, c) }); err != nil {
		t.Fatal(err)
	}
	return c
}

// hear lets the wallet act on a message of a partner.
func hear(t *testing.T, w *Wallet, c exchange.Connection, kind, id, thread string, v any) error {
	t.Helper()
	doc, err := jsondoc.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := c.Pair()
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.applicant()[kind](t.Context(), exchange.Inbound{Message: application.Message(kind, id, thread, doc), Connection: c, Pair: pair})
	if err == nil && out.Apply != nil {
		err = w.db.Update(t.Context(), out.Apply)
	}
	return err
}

// onItsWay is an application with one file that waits for the partner.
func onItsWay(t *testing.T, w *Wallet) (Application, []byte) {
	t.Helper()
	whole := bytes.Repeat([]byte("words\n"), 100_000)
	file := filepath.Join(t.TempDir(), "work.txt")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := w.Apply(t.Context(), ApplyRequest{Achievement: "openbadges/contributor", Evidence: []EvidenceFrom{{From: file}}})
	if !errors.Is(err, ErrUndecided) || !a.Waiting || a.State != application.Draft {
		t.Fatalf("%+v, %v", a, err)
	}
	return a, whole
}

func TestAnApplicationIsKeptUntilThePartnerAnswers(t *testing.T) {
	w, c := opened(t)
	birch := partnerOf(t, w, "Birch", "did:web:birch.example")
	if _, err := w.Apply(t.Context(), ApplyRequest{Achievement: "openbadges/contributor"}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "say at which partner with --at") {
		t.Errorf("two partners: %v", err)
	}
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Delete(tx, birch.ID) }); err != nil {
		t.Fatal(err)
	}
	a, _ := onItsWay(t, w)
	told := func(state application.State, revision, n int) application.Progress {
		return application.Progress{Achievement: "openbadges/contributor", Name: "Contributor", State: state, Revision: revision, Told: n}
	}
	if err := hear(t, w, c, application.TypeProgress, "m2", a.ID, told(application.InReview, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := hear(t, w, c, application.TypeProgress, "m1", a.ID, told(application.Submitted, 1, 1)); err != nil { // the older one comes later
		t.Fatal(err)
	}
	var p *didcomm.Problem
	if err := hear(t, w, birch, application.TypeProgress, "m3", a.ID, told(application.Rejected, 1, 9)); !errors.As(err, &p) {
		t.Errorf("another partner's word: %v", err)
	}
	if got, err := w.Application(t.Context(), a.ID[:6]); err != nil || got.State != application.InReview || got.Waiting || got.Name != "Contributor" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := hear(t, w, c, application.TypeProgress, "m4", a.ID, application.Progress{State: application.InReview, Revision: 1, Reason: "no", Refused: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Application(t.Context(), a.ID); err != nil || got.State != application.InReview || got.Refused != "no" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPiecesOfAFileGoToThePartnerThatItWasHandedInAt(t *testing.T) {
	w, c := opened(t)
	a, whole := onItsWay(t, w)
	birch := partnerOf(t, w, "Birch", "did:web:birch.example")
	piece := application.Piece{Digest: a.Sent.Evidence[0].Digest, Offset: application.ChunkSize}
	var p *didcomm.Problem
	for name, err := range map[string]error{
		"another partner": hear(t, w, birch, application.TypeNeed, "n1", a.ID, piece),
		"another file":    hear(t, w, c, application.TypeNeed, "n2", a.ID, application.Piece{Digest: strings.Repeat("0", 64)}),
		"behind the end":  hear(t, w, c, application.TypeNeed, "n3", a.ID, application.Piece{Digest: piece.Digest, Offset: int64(len(whole))}),
		"no application":  hear(t, w, c, application.TypeNeed, "n4", "ffff", piece),
	} {
		if !errors.As(err, &p) || p.Code != exchange.CodeState {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := hear(t, w, c, application.TypeNeed, "n5", a.ID, piece); err != nil {
		t.Fatal(err)
	}
	if err := w.db.DeleteBlob(piece.Digest); err != nil {
		t.Fatal(err)
	}
	if err := hear(t, w, c, application.TypeNeed, "n6", a.ID, piece); err != nil {
		t.Fatal(err)
	}
	sent := outbox(t, w, c)
	if len(sent) != 3 || sent[1].Type != application.TypeChunk || sent[2].Type != application.TypeWithdraw {
		t.Fatalf("%d messages: %+v", len(sent), sent)
	}
	got, err := application.Attached(sent[1], application.FormatBytes)
	if err != nil || !bytes.Equal(got, whole[application.ChunkSize:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if a, err = w.Application(t.Context(), a.ID); err != nil || a.Refused != "evidence 1, work.txt, is not in this wallet any more; apply again with it" {
		t.Errorf("%+v, %v", a, err)
	}
}

func outbox(t *testing.T, w *Wallet, c exchange.Connection) (out []didcomm.Message) {
	t.Helper()
	pair, err := c.Pair()
	if err != nil {
		t.Fatal(err)
	}
	err = w.db.View(t.Context(), func(tx *store.Tx) error {
		es, err := didcomm.Pending(tx, pair, 0, 100)
		for _, e := range es {
			out = append(out, e.Message)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestABackupTakesApplicationsAlong(t *testing.T) {
	w, c := opened(t)
	a, work := onItsWay(t, w)
	if err := hear(t, w, c, application.TypeProgress, "m1", a.ID, application.Progress{Achievement: "openbadges/contributor", Name: "Contributor", State: application.Returned, Revision: 1, Reason: "more", Told: 1}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := w.Backup(t.Context(), &file, seal.Options{Passphrase: "p", WorkFactor: 12}); err != nil {
		t.Fatal(err)
	}
	other, _ := opened(t)
	for range 2 {
		if _, err := other.Restore(t.Context(), bytes.NewReader(file.Bytes()), "p"); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := other.Applications(t.Context()); err != nil || len(all) != 1 || all[0].State != application.Returned || all[0].Reason != "more" || all[0].Sent.Evidence[0].Name != "work.txt" {
		t.Errorf("%+v, %v", all, err)
	}
	if got, err := other.blob(a.Sent.Evidence[0].Digest); err != nil || !bytes.Equal(got, work) {
		t.Errorf("the file that was handed in: %d bytes, %v", len(got), err)
	}
}
