package node

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// A person's applications, evidence and connection go, their badges name
// nobody, a file that somebody else handed in too stays, and the journal is
// whole. One who is half through handing in leaves no pieces.
func TestAPersonIsForgottenAndTheChainStaysWhole(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana, ben, cleo, dora := newSomeone(t, n, "ana"), newSomeone(t, n, "ben"), newSomeone(t, n, "cleo"), newSomeone(t, n, "dora")
	shared, own := []byte("%PDF-1.7\nthe report of both"), []byte("%PDF-1.7\nAna's own report")
	done := func(who *someone, whole []byte) string {
		t.Helper()
		id := handInFile(t, who, fileOf("work.pdf", "application/pdf", whole))
		for _, need := range who.needs(t) {
			if _, err := who.act(t, who.chunk(t, need, whole)); err != nil {
				t.Fatal(err)
			}
		}
		return id
	}
	ana.given(t, "basics", 0)
	anas, bens := done(ana, own), done(ben, shared)
	large := []byte("%PDF-1.7\n" + strings.Repeat("evidence ", 100_000))
	handInFile(t, cleo, fileOf("large.pdf", "application/pdf", large))
	if _, err := cleo.act(t, cleo.chunk(t, cleo.needs(t)[0], large)); err != nil { // the first of two pieces
		t.Fatal(err)
	}
	e, err := n.Erase(t.Context(), EraseRequest{Who: ana.c.ID})
	if err != nil || e != (Erased{Connections: 1, Applications: 1, Files: 1, Badges: 1}) {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := n.Application(t.Context(), anas); !errors.Is(err, ErrNotFound) {
		t.Errorf("the application is there: %v", err)
	}
	if _, err := n.db.OpenBlob(fileOf("", "", own).Digest); err == nil {
		t.Error("the file is there")
	}
	for _, text := range everything(t, n) {
		if strings.Contains(text, ana.id.String()) {
			t.Errorf("%s names the person", text)
		}
	}
	if err := n.AwardList(t.Context(), "", func(a Award) error {
		if a.Recipient != (Recipient{}) || a.List == 0 {
			t.Errorf("%+v", a)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if a, err := n.VerifyJournal(t.Context(), AuditRequest{}); err != nil || !a.OK {
		t.Errorf("%+v, %v", a, err)
	}
	if f, err := n.evidence(t.Context(), bens, "2"); err != nil {
		t.Error("Ben's file:", err)
	} else if got, err := io.ReadAll(f); err != nil || string(got) != string(shared) || f.Close() != nil {
		t.Errorf("Ben's file: %q, %v", got, err)
	}
	if _, err := n.Erase(t.Context(), EraseRequest{Who: ana.c.ID}); !errors.Is(err, ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	// The same bytes by two people: they go with the second.
	both := done(dora, shared)
	for i, who := range []*someone{cleo, dora, ben} {
		e, err := n.Erase(t.Context(), EraseRequest{Who: who.c.ID})
		if err != nil || e.Files != i/2 {
			t.Errorf("%d: %+v, %v", i, e, err)
		}
	}
	if _, err := n.Application(t.Context(), both); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	nothingLeft(t, n)
}

// everything returns the records of all collections that may name a person.
func everything(t *testing.T, n *Node) (out []string) {
	t.Helper()
	add := func(v any, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%+v", v))
		return true
	}
	err := n.db.View(t.Context(), func(tx *store.Tx) error {
		for v, err := range awards.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range applications.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range exchange.Connections.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range exchange.Given.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range dues.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range events.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range presented.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range learnings.List(tx, store.Range{}) {
			add(v, err)
		}
		for v, err := range documents.List(tx, store.Range{}) {
			add(v, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What this node signed about a person goes as well: endorsements, which are
// public, and learning agreements with what was signed under them.
func TestWhatWasSignedAboutAPersonIsForgotten(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana := newSomeone(t, n, "ana")
	ana.given(t, "basics", 0)
	var badge []byte
	if err := n.AwardList(t.Context(), "", func(a Award) (err error) { _, badge, err = n.Award(t.Context(), a.ID); return err }); err != nil {
		t.Fatal(err)
	}
	var public []string
	for _, r := range []EndorseRequest{{Credential: badge, Comment: "Ana is good at it."}, {Of: ana.id.String()}} {
		e, err := n.Endorse(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, e.ID)
	}
	l := LearningRecord{ID: n.newURN(), AtHome: true, Connection: ana.c.ID, Learner: ana.id.String(), Name: "Mobility of Ana"}
	rule := recognition.Rule{Source: "https://birch.example/d/a/x", Target: "https://alder.example/o/a/y", Association: recognition.ExactMatch}
	for kind, s := range map[string]recognition.Statement{
		"learning agreement": {Kind: recognition.Learning, ID: l.ID, Name: l.Name, Of: l.Learner, From: n.second(), Recognizes: []recognition.Rule{rule}},
		"countersignature":   {Kind: recognition.Endorsement, ID: n.newURN(), Name: "Countersignature: " + l.Name, Of: l.ID, From: n.second()},
	} {
		_, _, err := n.issueStatement(t.Context(), kind, recognition.Draft{Statement: s}, func(tx *store.Tx, _ Document, signed []byte) error {
			return n.keepLearning(tx, l, recognition.Bundle{Agreement: signed}, "learning.proposed", exchange.Connection{})
		})
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, s.ID)
	}
	if _, err := n.Erase(t.Context(), EraseRequest{Who: ana.c.ID}); err != nil {
		t.Fatal(err)
	}
	for _, text := range everything(t, n) {
		if strings.Contains(text, ana.id.String()) || strings.Contains(text, "Ana") || strings.Contains(text, l.ID) && strings.Contains(text, "Of:"+l.ID) {
			t.Errorf("%s names the person", text)
		}
	}
	for _, id := range public {
		err := n.db.View(t.Context(), func(tx *store.Tx) error { _, err := store.GetLarge(tx, credentialKey(id)); return err })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the signed bytes of %s are there: %v", id, err)
		}
	}
}

// The node stopped when the records of an application were gone and its files
// were not: the next beat removes them.
func TestAFileGoesAlsoWhenTheNodeStoppedInBetween(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	ana := newSomeone(t, n, "ana")
	own := []byte("%PDF-1.7\nAna's own report")
	handInFile(t, ana, fileOf("work.pdf", "application/pdf", own))
	for _, need := range ana.needs(t) {
		if _, err := ana.act(t, ana.chunk(t, need, own)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := n.personOf(t.Context(), ana.c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { _, err := n.eraseApplication(tx, p, &Erased{}); return err }); err != nil {
		t.Fatal(err)
	}
	if err := n.eraseLeft(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.db.OpenBlob(fileOf("", "", own).Digest); err == nil {
		t.Error("the file is there")
	}
}
