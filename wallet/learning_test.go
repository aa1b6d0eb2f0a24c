package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// signed signs a draft by the key of another wallet, as a partner does.
func signed(t *testing.T, by *Wallet, d recognition.Draft) []byte {
	t.Helper()
	d.Issuer, d.From = credentials.Profile{ID: by.id.String(), Name: "Alder"}, by.cfg.Now().UTC().Truncate(time.Second)
	unsigned, err := d.Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := by.signer(by.id)
	if err != nil {
		t.Fatal(err)
	}
	v, err := credentials.Issue(t.Context(), by.party.Verifier, unsigned, s, by.cfg.Now())
	if err != nil {
		t.Fatal(err)
	}
	return v.Credential().Bytes()
}

// mobility is a learning agreement of home about who.
func mobility(t *testing.T, home *Wallet, who string) (id string, raw []byte) {
	t.Helper()
	id = newURN()
	return id, signed(t, home, recognition.Draft{Statement: recognition.Statement{Kind: recognition.Learning, ID: id, Name: "Mobility", Of: who, Agreement: newURN(),
		Recognizes: []recognition.Rule{{Source: "https://birch.example/d/a/x", Target: "https://alder.example/o/a/y", Association: recognition.ExactMatch}}}})
}

// take hands the wallet a message, as its agent does.
func take(ctx context.Context, w *Wallet, h func(context.Context, exchange.Inbound) (didcomm.Outcome, error), c exchange.Connection, m didcomm.Message) error {
	out, err := h(ctx, exchange.Inbound{Connection: c, Message: m})
	if err != nil {
		return err
	}
	return w.db.Update(ctx, out.Apply)
}

func bundled(t *testing.T, b recognition.Bundle) []byte {
	t.Helper()
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The host's signature comes while the learner signs: both stay.
func TestASignatureThatComesWhileTheLearnerSignsIsKept(t *testing.T) {
	w, c := opened(t)
	home, _ := opened(t)
	host, _ := opened(t)
	for range 10 {
		id, raw := mobility(t, home, w.id.String())
		if err := take(t.Context(), w, w.onLearning, c, exchange.LearningAgreement(id, raw)); err != nil {
			t.Fatal(err)
		}
		counter := signed(t, host, recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: newURN(), Name: "Countersignature", Of: id},
			Resources: []credentials.Resource{{ID: id, MediaType: "application/vc", DigestMultibase: recognition.Digest(raw)}}})
		message := exchange.LearningAgreement(id, bundled(t, recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{counter}}))
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := w.AcceptLearning(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := take(t.Context(), w, w.onLearning, c, message); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		l, b, err := w.learning(t.Context(), id)
		if err != nil || len(b.Countersignatures) != 2 || !slices.Contains(l.Signers, host.id.String()) || !slices.Contains(l.Signers, w.id.String()) {
			t.Fatalf("%d signatures by %v, %v", len(b.Countersignatures), l.Signers, err)
		}
	}
}

// A partner can put here so many agreements about this learner, and none about
// another.
func TestAPartnerFillsNoWalletWithAgreements(t *testing.T) {
	w, c := opened(t)
	home, _ := opened(t)
	var p *didcomm.Problem
	id, raw := mobility(t, home, home.id.String())
	if err := take(t.Context(), w, w.onLearning, c, exchange.LearningAgreement(id, raw)); !errors.As(err, &p) {
		t.Errorf("about somebody else: %v", err)
	}
	err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		for range maxLearnings {
			if err := learnings.Insert(tx, Learning{ID: newURN()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	id, raw = mobility(t, home, w.id.String())
	if err := take(t.Context(), w, w.onLearning, c, exchange.LearningAgreement(id, raw)); !errors.As(err, &p) {
		t.Errorf("one too many: %v", err)
	}
}

// A badge comes by an offer that the learner accepts, not as a transcript.
func TestWhatIsNoTranscriptDoesNotComeAsOne(t *testing.T) {
	w, c := opened(t)
	home, _ := opened(t)
	raw := signed(t, home, recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: newURN(), Name: "Not asked for", Of: w.id.String()}})
	var p *didcomm.Problem
	if err := take(t.Context(), w, w.onTranscript, c, exchange.Transcript("urn:uuid:1", raw)); !errors.As(err, &p) {
		t.Errorf("%v", err)
	}
	if all, err := w.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d held, %v", len(all), err)
	}
}

// A partner out of reach could send anything in another's name: it takes the
// place of no badge that verified.
func TestWhatNobodyCouldTellReplacesNoBadge(t *testing.T) {
	w, _ := opened(t)
	now := w.cfg.Now()
	good := Held{ID: "a", Credential: "urn:uuid:1", Issuer: "did:web:alder.example", Verdict: string(credentials.Valid), ValidFrom: now}
	unsure, newer := good, good
	unsure.ID, unsure.Verdict, unsure.ValidFrom = "b", string(credentials.Undecided), now.Add(time.Hour)
	newer.ID, newer.ValidFrom = "c", now.Add(2*time.Hour)
	for _, tt := range []struct {
		h    Held
		want int
	}{{good, 1}, {unsure, 2}, {newer, 1}} {
		if err := w.db.Update(t.Context(), func(tx *store.Tx) error { _, err := put(tx, tt.h, []byte(tt.h.ID)); return err }); err != nil {
			t.Fatal(err)
		}
		all, err := w.List(t.Context())
		if err != nil || len(all) != tt.want || tt.want == 2 && !slices.ContainsFunc(all, func(h Held) bool { return h.ID == good.ID }) {
			t.Errorf("after %s: %+v, %v", tt.h.ID, all, err)
		}
	}
}

// Two versions of a badge are one badge: the newest that is valid is taken, and
// once the newer is found valid the older goes.
func TestOfTwoVersionsTheNewestThatIsValidIsTaken(t *testing.T) {
	w, _ := opened(t)
	now := w.cfg.Now()
	good := Held{ID: "aaaa", Credential: "urn:uuid:1", Name: "Welding", Issuer: "did:web:alder.example", Verdict: string(credentials.Valid), ValidFrom: now}
	unsure := good
	unsure.ID, unsure.Verdict, unsure.ValidFrom = "bbbb", string(credentials.Undecided), now.Add(time.Hour)
	for _, h := range []Held{good, unsure} {
		if err := w.db.Update(t.Context(), func(tx *store.Tx) error { _, err := put(tx, h, []byte(h.ID)); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for what, want := range map[string]string{"Welding": "aaaa", "urn:uuid:1": "aaaa", "bbbb": "bbbb"} {
		if h, raw, err := w.Get(t.Context(), what); err != nil || h.ID != want || string(raw) != want {
			t.Errorf("%s: %s, %q, %v, want %s", what, h.ID, raw, err, want)
		}
	}
	unsure.Verdict = string(credentials.Valid) // as after another look
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		if err := dropOlder(tx, unsure); err != nil {
			return err
		}
		return held.Put(tx, unsure)
	}); err != nil {
		t.Fatal(err)
	}
	if all, err := w.List(t.Context()); err != nil || len(all) != 1 || all[0].ID != "bbbb" {
		t.Errorf("after it was found valid: %+v, %v", all, err)
	}
	other := good
	other.ID, other.Credential, other.ValidFrom = "cccc", "urn:uuid:2", now.Add(3*time.Hour)
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error { _, err := put(tx, other, []byte("cccc")); return err }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Get(t.Context(), "Welding"); !errors.Is(err, ErrInput) {
		t.Errorf("two badges of one name: %v", err)
	}
}

// Who signs an endorsement chooses its id: it takes nobody else's place, and an
// agreement is no endorsement.
func TestAnEndorsementTakesNoOthersPlace(t *testing.T) {
	w, _ := opened(t)
	one, another := Endorsement{ID: "urn:uuid:1", Of: "urn:uuid:b", By: "did:example:guild"}, Endorsement{ID: "urn:uuid:1", Of: "urn:uuid:b", By: "did:example:mallory"}
	for _, tt := range []struct {
		e  Endorsement
		ok bool
	}{{one, true}, {another, false}, {one, true}} {
		err := w.db.Update(t.Context(), func(tx *store.Tx) error { return putEndorsement(tx, tt.e, []byte("x")) })
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrInput) {
			t.Errorf("by %s: %v", tt.e.By, err)
		}
	}
	home, _ := opened(t)
	_, raw := mobility(t, home, w.id.String())
	if _, err := w.readEndorsement(t.Context(), raw); !errors.Is(err, ErrInput) {
		t.Errorf("a learning agreement: %v", err)
	}
}
