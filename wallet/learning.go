package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Learning is a learning agreement about this learner: what badges earned at a
// host count for at home. The wallet carries it between the two.
type Learning struct {
	ID      string             `json:"id"`
	Name    string             `json:"name"`
	Home    string             `json:"home"`
	Learner string             `json:"learner"`
	Text    string             `json:"text,omitempty"`
	Rules   []recognition.Rule `json:"recognizes"`
	From    time.Time          `json:"from"`
	Until   time.Time          `json:"until,omitzero"`
	Signers []string           `json:"signers"` // beside home
	// Parties are the connections that have a copy: home, and the host once it
	// was brought there.
	Parties []string  `json:"parties"`
	Updated time.Time `json:"updated"`
}

var learnings = store.NewCollection("learning", func(l Learning) string { return l.ID })

func learningKey(id string) []byte { return []byte("learning-bundle/" + id) }

func getLearningBundle(tx *store.Tx, id string) (b recognition.Bundle, err error) {
	raw, err := store.GetLarge(tx, learningKey(id))
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(raw, &b)
}

// carry keeps a learning agreement and sends it to those of its parties that
// are not except.
func carry(tx *store.Tx, l Learning, b recognition.Bundle, except string) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := learnings.Put(tx, l); err != nil {
		return err
	}
	if err := store.PutLarge(tx, learningKey(l.ID), raw); err != nil {
		return err
	}
	for _, id := range l.Parties {
		if id == except {
			continue
		}
		c, err := exchange.Connections.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // the partner was removed
		}
		if err != nil {
			return err
		}
		pair, err := c.Pair()
		if err != nil {
			return err
		}
		if err := didcomm.Send(tx, pair, exchange.LearningAgreement(l.ID, raw)); err != nil {
			return err
		}
	}
	return nil
}

// onLearning takes a learning agreement, or one with more signatures, and
// carries it to the other party.
func (w *Wallet) onLearning(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	raw, err := exchange.ReadLearningAgreement(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	refuse := func(why string) (didcomm.Outcome, error) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeState, Comment: "the learning agreement: " + why}
	}
	b, s, err := recognition.OpenRaw(ctx, w.party.Verifier, raw, w.cfg.Now())
	if errors.Is(err, recognition.ErrStatement) {
		return refuse(err.Error())
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if s.Kind != recognition.Learning || !slices.Contains(own.DIDs, s.Of) {
		return refuse("it is about somebody else")
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		l, err := learnings.Get(tx, s.ID)
		if errors.Is(err, store.ErrNotFound) {
			if full, err := tooMany(tx, learnings, maxLearnings, func(Learning) bool { return true }); err != nil {
				return err
			} else if full {
				return &didcomm.Problem{Code: exchange.CodeState, Comment: "the learning agreement: this wallet keeps no more of them"}
			}
			l = Learning{ID: s.ID, Name: s.Name, Home: s.By, Learner: s.Of, Text: s.Comment, Rules: s.Recognizes, From: s.From, Until: s.Until, Signers: s.Signers, Parties: []string{in.Connection.ID}, Updated: w.cfg.Now().UTC()}
			return carry(tx, l, b, in.Connection.ID)
		}
		if err != nil {
			return err
		}
		have, err := getLearningBundle(tx, l.ID)
		if err != nil {
			return err
		}
		if !have.Merge(b) {
			return nil
		}
		l.Signers = s.Union(l.Signers)
		l.Updated = w.cfg.Now().UTC()
		return carry(tx, l, have, in.Connection.ID)
	}}, nil
}

// What partners may put here unasked, of all of them together.
const (
	maxLearnings   = 100
	maxTranscripts = 200
)

// tooMany reports whether there are max records of a kind already.
func tooMany[T any](tx *store.Tx, c store.Collection[T], most int, fits func(T) bool) (bool, error) {
	count := 0
	for v, err := range c.List(tx, store.Range{}) {
		if err != nil {
			return false, err
		}
		if fits(v) {
			count++
		}
	}
	return count >= most, nil
}

// Learnings lists the learning agreements.
func (w *Wallet) Learnings(ctx context.Context) (out []Learning, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for l, err := range learnings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, l)
		}
		return nil
	})
	return out, err
}

func (w *Wallet) learning(ctx context.Context, id string) (Learning, recognition.Bundle, error) {
	all, err := w.Learnings(ctx)
	if err != nil {
		return Learning{}, recognition.Bundle{}, err
	}
	short := strings.TrimPrefix(id, "urn:uuid:")
	all = slices.DeleteFunc(all, func(l Learning) bool { return !strings.HasPrefix(strings.TrimPrefix(l.ID, "urn:uuid:"), short) })
	if len(all) != 1 {
		return Learning{}, recognition.Bundle{}, errorf(ErrInput, "%d learning agreements begin with %q; `trustme wallet learning list` lists them", len(all), id)
	}
	var b recognition.Bundle
	return all[0], b, w.db.View(ctx, func(tx *store.Tx) (err error) {
		b, err = getLearningBundle(tx, all[0].ID)
		return err
	})
}

// AcceptLearning countersigns a learning agreement with the learner's key and
// tells its parties.
func (w *Wallet) AcceptLearning(ctx context.Context, id string) (Learning, error) {
	l, b, err := w.learning(ctx, id)
	if err != nil || slices.Contains(l.Signers, l.Learner) {
		return l, err
	}
	b, err = w.countersign(ctx, l, b)
	if err != nil {
		return l, err
	}
	return w.deliver(ctx, l.ID, func(tx *store.Tx, now Learning) error {
		have, err := getLearningBundle(tx, now.ID) // the host may have signed meanwhile
		if err != nil || slices.Contains(now.Signers, now.Learner) {
			return err
		}
		have.Merge(b)
		now.Signers, now.Updated = append(now.Signers, now.Learner), w.cfg.Now().UTC()
		return carry(tx, now, have, "")
	})
}

func (w *Wallet) countersign(ctx context.Context, l Learning, b recognition.Bundle) (recognition.Bundle, error) {
	id, err := did.Parse(l.Learner)
	if err != nil {
		return b, err
	}
	now := w.cfg.Now().UTC().Truncate(time.Second)
	d := recognition.Draft{Issuer: credentials.Profile{ID: l.Learner}, Resources: []credentials.Resource{{ID: l.ID, MediaType: "application/vc", DigestMultibase: recognition.Digest(b.Agreement)}},
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: newURN(), Name: "Countersignature: " + l.Name, Of: l.ID, From: now, Until: l.Until, Comment: "I agree as learner."}}
	unsigned, err := d.Build()
	if err != nil {
		return b, errorf(ErrInput, "%v", err)
	}
	s, err := w.signer(id)
	if err != nil {
		return b, err
	}
	v, err := credentials.Issue(ctx, w.party.Verifier, unsigned, s, now)
	if err != nil {
		return b, err
	}
	b.Merge(recognition.Bundle{Agreement: b.Agreement, Countersignatures: [][]byte{v.Credential().Bytes()}})
	return b, nil
}

// BringLearning takes a learning agreement to the host.
func (w *Wallet) BringLearning(ctx context.Context, id, at string) (Learning, error) {
	l, _, err := w.learning(ctx, id)
	if err != nil {
		return l, err
	}
	c, err := w.partner(ctx, at)
	if err != nil {
		return l, err
	}
	return w.deliver(ctx, l.ID, func(tx *store.Tx, now Learning) error {
		b, err := getLearningBundle(tx, now.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(now.Parties, c.ID) {
			now.Parties = append(now.Parties, c.ID)
		}
		return carry(tx, now, b, now.Parties[0])
	})
}

// deliver writes, from what is kept now, then visits the parties so that it
// arrives now where it can.
func (w *Wallet) deliver(ctx context.Context, id string, write func(tx *store.Tx, now Learning) error) (l Learning, err error) {
	err = w.db.Update(ctx, func(tx *store.Tx) error {
		now, err := learnings.Get(tx, id)
		if err != nil {
			return err
		}
		if err := write(tx, now); err != nil {
			return err
		}
		l, err = learnings.Get(tx, id)
		return err
	})
	if err != nil || w.cfg.Offline {
		return l, err
	}
	cs, err := w.Connections(ctx)
	if err != nil {
		return l, err
	}
	for _, c := range cs {
		if !slices.Contains(l.Parties, c.ID) {
			continue
		}
		if _, err := w.syncOne(ctx, c); err != nil {
			return l, errorf(ErrUndecided, "it is kept, and leaves with the next sync: %v", err)
		}
	}
	return l, nil
}

// onTranscript keeps a transcript about this learner.
func (w *Wallet) onTranscript(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	raw, err := exchange.ReadTranscript(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	refuse := func(why string) (didcomm.Outcome, error) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeCredential, Comment: "the transcript " + why}
	}
	c, form, err := credentials.ParseAny(raw)
	if err != nil {
		return refuse("cannot be read: " + err.Error())
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{})
	switch {
	case !slices.Contains(c.Types(), "ClrCredential"): // a badge comes by an offer, which the learner accepts
		return refuse("is none: its type is no ClrCredential")
	case !slices.Contains(own.DIDs, c.SubjectID()):
		return refuse("is about somebody else")
	case r.Verdict == credentials.Invalid:
		return refuse("does not verify: " + r.Why())
	}
	h := w.describe(c, form, r)
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		if full, err := tooMany(tx, held, maxTranscripts, func(h Held) bool { return h.Achievement == "" }); err != nil {
			return err
		} else if full {
			return &didcomm.Problem{Code: exchange.CodeCredential, Comment: "the transcript: this wallet keeps no more of them"}
		}
		_, err := put(tx, h, raw)
		return err
	}}, nil
}

// joinLearning adds a learning agreement of a backup, or the signatures and
// parties that the one here lacks.
func joinLearning(tx *store.Tx, l Learning, b recognition.Bundle) error {
	have, err := learnings.Get(tx, l.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		have = l
	case err != nil:
		return err
	default:
		kept, err := getLearningBundle(tx, l.ID)
		if err != nil {
			return err
		}
		if !kept.Merge(b) {
			return nil
		}
		have.Signers, have.Parties, b = union(have.Signers, l.Signers), union(have.Parties, l.Parties), kept
	}
	if err := learnings.Put(tx, have); err != nil {
		return err
	}
	return putJSON(tx, learningKey(l.ID), b)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
