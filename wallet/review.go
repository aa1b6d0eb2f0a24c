package wallet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// reply is what came back to a request: an answer, or why it was refused.
type reply struct {
	m       didcomm.Message
	refused string
}

// onAnswer hands an answer to the request that waits for it.
func (w *Wallet) onAnswer(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	w.replied(in.Message.Thread(), reply{m: in.Message})
	return didcomm.Outcome{}, nil
}

func (w *Wallet) replied(thread string, r reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ch := w.replies[thread]; ch != nil {
		select {
		case ch <- r:
		default: // it is answered already
		}
	}
}

// asker makes a request of a kind and returns the answer. q is the document,
// or what is written as one.
type asker func(kind string, q any, more ...didcomm.Attachment) (didcomm.Message, error)

// call asks a partner for something over a connection that is open, with a
// presentation of the badges that the partner gave.
func (w *Wallet) call(ctx context.Context, l *didcomm.Link, c exchange.Connection, kind string, q any, more ...didcomm.Attachment) (didcomm.Message, error) {
	doc, ok := q.([]byte)
	if !ok {
		var err error
		if doc, err = jsondoc.Marshal(q); err != nil {
			return didcomm.Message{}, err
		}
	}
	pair, err := c.Pair()
	if err != nil {
		return didcomm.Message{}, err
	}
	id := didcomm.NewID()
	vp, err := w.shownTo(ctx, c, id, doc, "", nil)
	if err != nil {
		return didcomm.Message{}, err
	}
	ch := make(chan reply, 1)
	w.mu.Lock()
	w.replies[id] = ch
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.replies, id)
		w.mu.Unlock()
	}()
	if err := w.agent.SendNow(ctx, pair, application.Message(kind, id, "", doc, append(more, application.Shown(vp))...)); err != nil {
		return didcomm.Message{}, fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	select {
	case r := <-ch:
		if r.refused != "" {
			return r.m, errorf(ErrInput, "%s", r.refused)
		}
		return r.m, nil
	case <-l.Done():
		return didcomm.Message{}, errorf(ErrUndecided, "%s: %v", partner(c), didcomm.ErrGone)
	case <-ctx.Done():
		return didcomm.Message{}, ctx.Err()
	case <-time.After(syncTime):
		return didcomm.Message{}, errorf(ErrUndecided, "%s is connected but does not answer", partner(c))
	}
}

// visit opens a connection to a partner for a few requests.
func (w *Wallet) visit(ctx context.Context, at string, f func(asker) error) error {
	c, err := w.partner(ctx, at)
	if err != nil {
		return err
	}
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	if w.cfg.Offline {
		return errorf(ErrUndecided, "--offline forbids to visit %s; leave it out", partner(c))
	}
	l, err := w.agent.Connect(ctx, pair)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	defer l.Close()
	return f(func(kind string, q any, more ...didcomm.Attachment) (didcomm.Message, error) {
		return w.call(ctx, l, c, kind, q, more...)
	})
}

// Tasks lists what a partner has for this wallet's owner to review or to sign.
func (w *Wallet) Tasks(ctx context.Context, at string) (out []application.Task, err error) {
	err = w.visit(ctx, at, func(ask asker) error {
		m, err := ask(application.TypeList, application.Request{})
		if err == nil {
			out, err = application.ReadTasks(m)
		}
		return err
	})
	return out, err
}

// Take leases an application for review, and shows it.
func (w *Wallet) Take(ctx context.Context, at, id string) (t application.Task, err error) {
	err = w.visit(ctx, at, func(ask asker) error {
		t, err = oneTask(ask(application.TypeTake, application.Request{Application: id}))
		return err
	})
	return t, err
}

func oneTask(m didcomm.Message, err error) (application.Task, error) {
	if err != nil {
		return application.Task{}, err
	}
	ts, err := application.ReadTasks(m)
	if err == nil && (len(ts) != 1 || ts[0].Submission == nil) {
		err = errorf(ErrUndecided, "the partner's answer holds no application")
	}
	if err != nil {
		return application.Task{}, err
	}
	return ts[0], nil
}

// Task shows an application, and saves its files in dir where that is given.
// A file that is not what its digest says is refused. files are the paths, ""
// for an item that is no file.
func (w *Wallet) Task(ctx context.Context, at, id, dir string) (t application.Task, files []string, err error) {
	err = w.visit(ctx, at, func(ask asker) error {
		if t, err = oneTask(ask(application.TypeShow, application.Request{Application: id})); err != nil || dir == "" {
			return err
		}
		for i, e := range t.Submission.Evidence {
			path := ""
			if e.Kind == application.File || e.Kind == application.Credential {
				path = filepath.Join(dir, fmt.Sprintf("%d-%s", i+1, safeName(e)))
				if err := w.save(ask, t.ID, e, path); err != nil {
					return fmt.Errorf("evidence %d: %w", i+1, err)
				}
			}
			files = append(files, path)
		}
		return nil
	})
	return t, files, err
}

// safeName is a name of a stranger's that can do no harm as a file.
func safeName(e application.Evidence) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, e.Name)
	switch {
	case e.Kind == application.Credential:
		name += ".json"
	case application.MediaOf(name) != e.Media:
		name += application.EndingOf(e.Media)
	}
	return strings.TrimLeft(name[max(0, len(name)-80):], ".-")
}

// save fetches a file piece by piece and writes it once it is whole.
func (w *Wallet) save(ask asker, id string, e application.Evidence, path string) error {
	var whole []byte
	for int64(len(whole)) < e.Size && len(whole) <= application.MaxFile {
		m, err := ask(application.TypeFile, application.Piece{Application: id, Digest: e.Digest, Offset: int64(len(whole))})
		if err != nil {
			return err
		}
		piece, err := application.Attached(m, application.FormatBytes)
		if err != nil {
			return err
		}
		whole = append(whole, piece...)
	}
	if sum := sha256.Sum256(whole); hex.EncodeToString(sum[:]) != e.Digest {
		return errorf(ErrInput, "%s is not the file that was handed in: its digest differs", e.Name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, whole)
}

// Decision is what a reviewer decides: each criterion, an overall comment, or
// the reason to reject the application.
type Decision struct {
	Judged  []application.Judged
	Comment string
	Reject  string
}

// judged writes out what is said about "all": every criterion that is not
// judged by itself.
func (d Decision) judged(criteria []application.Criterion) []application.Judged {
	out := []application.Judged{}
	seen := map[string]bool{}
	for _, j := range d.Judged {
		if j.Criterion != "all" {
			out = append(out, j)
			seen[j.Criterion] = true
		}
	}
	for _, j := range d.Judged {
		for _, c := range criteria {
			if j.Criterion == "all" && !seen[c.Slug] {
				out = append(out, application.Judged{Criterion: c.Slug, Satisfied: j.Satisfied, Comment: j.Comment})
				seen[c.Slug] = true
			}
		}
	}
	return out
}

// Decide signs a review of the application as it is now and hands it in.
func (w *Wallet) Decide(ctx context.Context, at, id string, d Decision) (o application.Outcome, err error) {
	err = w.visit(ctx, at, func(ask asker) error {
		t, err := oneTask(ask(application.TypeShow, application.Request{Application: id}))
		if err != nil {
			return err
		}
		v := application.Verdict{Application: t.ID, Achievement: t.Achievement, Revision: t.Revision, Round: t.Round, Judged: d.judged(t.Criteria), Comment: d.Comment, Reject: d.Reject, Evidence: t.Submission.Digests()}
		doc, err := jsondoc.Marshal(v)
		if err != nil {
			return err
		}
		signed, err := w.signReview(ctx, v, doc)
		if err != nil {
			return err
		}
		m, err := ask(application.TypeReview, doc, didcomm.Attach("review-0", exchange.MediaCredential, application.FormatReview, signed))
		if err == nil {
			o, err = application.ReadOutcome(m)
		}
		return err
	})
	return o, err
}

// signReview signs a review with the key that the wallet's badges are bound to.
func (w *Wallet) signReview(ctx context.Context, v application.Verdict, doc []byte) ([]byte, error) {
	id, ok := application.URN(didcomm.NewID())
	if !ok {
		return nil, errors.New("a new id is no id")
	}
	now := w.cfg.Now().UTC().Truncate(time.Second)
	unsigned, err := v.Unsigned(id, w.id.String(), jsondoc.Stamp(now), doc)
	if err != nil {
		return nil, errorf(ErrInput, "%v", err)
	}
	s, err := w.signer(w.id)
	if err != nil {
		return nil, err
	}
	signed, err := credentials.Issue(ctx, w.party.Verifier, unsigned, s, now)
	if err != nil {
		return nil, fmt.Errorf("signing the review: %w", err)
	}
	return signed.Credential().Bytes(), nil
}

// SignTask gives the badge of an accepted application, as an operator.
func (w *Wallet) SignTask(ctx context.Context, at, id string) (o application.Outcome, err error) {
	return o, w.visit(ctx, at, func(ask asker) error {
		m, err := ask(application.TypeSign, application.Request{Application: id})
		if err == nil {
			o, err = application.ReadOutcome(m)
		}
		return err
	})
}

// Claim redeems a claim code at a partner, and fetches the badge.
func (w *Wallet) Claim(ctx context.Context, at, code, language string) (o application.Outcome, res SyncResult, err error) {
	err = w.visit(ctx, at, func(ask asker) error {
		m, err := ask(application.TypeClaim, application.Request{Code: code, Language: language})
		if err == nil {
			o, err = application.ReadOutcome(m)
		}
		return err
	})
	if err != nil {
		return o, res, err
	}
	c, err := w.partner(ctx, at)
	if err != nil {
		return o, res, err
	}
	res, err = w.syncOne(ctx, c)
	return o, res, err
}
