package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// Application is the learner's record of an application: what was handed in
// last, and where the partner says that it stands. Waiting says that no answer
// to that came yet; Refused is why the partner did not take it in.
type Application struct {
	ID         string                 `json:"id"`
	Connection string                 `json:"connection"`
	Partner    string                 `json:"partner"`
	Name       string                 `json:"name"`
	State      application.State      `json:"state"`
	Reason     string                 `json:"reason,omitempty"`
	Waiting    bool                   `json:"waiting,omitempty"`
	Refused    string                 `json:"refused,omitempty"`
	Judged     []application.Judged   `json:"judged,omitempty"`
	Revision   int                    `json:"revision"`
	Told       int                    `json:"told"`
	Sent       application.Submission `json:"sent"`
	Created    time.Time              `json:"created"`
	Updated    time.Time              `json:"updated"`
}

// Standing is the state in a word, as lists show it.
func (a Application) Standing() string {
	switch {
	case a.Refused != "" && a.State == application.Draft:
		return "refused"
	case a.Waiting:
		return "on its way"
	}
	return string(a.State)
}

// over reports whether nothing can happen to the application any more.
func (a Application) over() bool {
	return !a.Waiting && (!a.State.Open() && a.State != application.Draft || a.State == application.Draft && a.Refused != "")
}

// Why is the partner's reason for where the application stands, and why it
// refused what was asked for last.
func (a Application) Why() string {
	if a.Refused != "" && a.State != application.Draft {
		return strings.TrimPrefix(a.Reason+"; what you asked for last was refused: "+a.Refused, "; ")
	}
	return a.Reason + a.Refused
}

// applied lists the applications; each is kept apart, since it may be large.
var applied = store.NewCollection("applied", func(a appliedLine) string { return a.ID })

type appliedLine struct {
	ID string `json:"id"`
}

func appliedKey(id string) []byte { return []byte("applied/" + id) }

func getApplied(tx *store.Tx, id string) (a Application, err error) {
	raw, err := store.GetLarge(tx, appliedKey(id))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("%w: application %s: %v", store.ErrCorrupt, id, err)
	}
	return a, nil
}

func putApplied(tx *store.Tx, a Application) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := store.PutLarge(tx, appliedKey(a.ID), raw); err != nil {
		return err
	}
	return applied.Put(tx, appliedLine{a.ID})
}

// Applications lists the applications, oldest first.
func (w *Wallet) Applications(ctx context.Context) (out []Application, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		for l, err := range applied.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			a, err := getApplied(tx, l.ID)
			if err != nil {
				return err
			}
			out = append(out, a)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Application) int { return a.Created.Compare(b.Created) })
	return out, err
}

// Application finds an application by its id, the beginning of it, or the name
// of its badge, of which the last one counts. The error wraps [ErrNotHeld].
func (w *Wallet) Application(ctx context.Context, what string) (Application, error) {
	all, err := w.Applications(ctx)
	if err != nil {
		return Application{}, err
	}
	for _, a := range slices.Backward(all) {
		if len(what) >= 4 && strings.HasPrefix(a.ID, what) || strings.EqualFold(a.Name, what) || a.Sent.Achievement == what {
			return a, nil
		}
	}
	return Application{}, errorf(ErrNotHeld, "no application %q; `trustme wallet applications list` lists them", what)
}

// applicant are the parts that a learner plays in applications.
func (w *Wallet) applicant() map[string]exchange.Handle {
	return map[string]exchange.Handle{application.TypeProgress: w.onProgress, application.TypeNeed: w.onNeed, application.TypeAnswer: w.onAnswer}
}

// onProgress keeps where an application stands.
func (w *Wallet) onProgress(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, err := application.ReadProgress(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	id := in.Message.Thread()
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		a, err := getApplied(tx, id)
		switch {
		case errors.Is(err, store.ErrNotFound): // such as of a wallet that was restored
			a = Application{ID: id, Connection: in.Connection.ID, Partner: partner(in.Connection), Created: w.cfg.Now().UTC(), Sent: application.Submission{Achievement: p.Achievement, Level: p.Level}}
		case err != nil:
			return err
		case a.Connection != in.Connection.ID:
			return &didcomm.Problem{Code: exchange.CodeState, Comment: "this application is with another partner"}
		}
		a.Updated = w.cfg.Now().UTC()
		if p.Refused {
			a.Refused, a.Waiting = p.Reason, false
			return putApplied(tx, a)
		}
		if p.Told <= a.Told { // an older message came later
			return nil
		}
		a.State, a.Reason, a.Judged, a.Revision, a.Told, a.Name = p.State, p.Reason, p.Judged, p.Revision, p.Told, p.Name
		if p.Revision >= a.Sent.Revision {
			a.Waiting, a.Refused = false, ""
		}
		return putApplied(tx, a)
	}}, nil
}

// closeApplied ends the waiting for an application that the partner refused
// at the door.
func (w *Wallet) closeApplied(tx *store.Tx, id, why string) error {
	a, err := getApplied(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || !a.Waiting {
		return err
	}
	a.Waiting, a.Refused, a.Updated = false, why, w.cfg.Now().UTC()
	return putApplied(tx, a)
}

// onNeed sends the piece of a file that the partner asks for, if it is one
// that was handed in there.
func (w *Wallet) onNeed(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, doc, err := application.ReadPiece(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	var a Application
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err = getApplied(tx, in.Message.Thread())
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return didcomm.Outcome{}, err
	}
	at := slices.IndexFunc(a.Sent.Evidence, func(e application.Evidence) bool { return e.Kind == application.File && e.Digest == p.Digest })
	if a.Connection != in.Connection.ID || at < 0 || p.Offset >= a.Sent.Evidence[at].Size {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeState, Comment: "no such file was handed in"}
	}
	piece, err := w.piece(p.Digest, p.Offset)
	if errors.Is(err, store.ErrNotFound) { // such as in a wallet that was restored
		return w.giveUp(in, a, at), nil
	}
	if err != nil {
		return didcomm.Outcome{}, fmt.Errorf("reading a file of the application: %w", err)
	}
	w.pieces.Add(1)
	m := application.Message(application.TypeChunk, "chunk-"+in.Message.ID, a.ID, doc, application.Bytes(piece))
	return didcomm.Outcome{Apply: func(tx *store.Tx) error { return didcomm.Send(tx, in.Pair, m) }}, nil
}

// giveUp withdraws an application whose file is not here any more.
func (w *Wallet) giveUp(in exchange.Inbound, a Application, at int) didcomm.Outcome {
	why := fmt.Sprintf("evidence %d, %s, is not in this wallet any more; apply again with it", at+1, a.Sent.Evidence[at].Name)
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		a.Waiting, a.Refused, a.Updated = false, why, w.cfg.Now().UTC()
		if err := putApplied(tx, a); err != nil {
			return err
		}
		return didcomm.Send(tx, in.Pair, application.Message(application.TypeWithdraw, "withdraw-"+in.Message.ID, a.ID, []byte("{}")))
	}}
}

func (w *Wallet) piece(digest string, offset int64) (piece []byte, err error) {
	f, err := w.db.OpenBlob(digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.CopyN(io.Discard, f, offset); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, application.ChunkSize))
}

// send queues a message about an application, with its record, and visits the
// partner. It returns the record as it is then.
func (w *Wallet) send(ctx context.Context, a Application, kind, id string, doc []byte, more ...didcomm.Attachment) (Application, error) {
	c, err := w.connectionOf(ctx, a.Connection)
	if err != nil {
		return a, err
	}
	pair, err := c.Pair()
	if err != nil {
		return a, err
	}
	a.Waiting, a.Refused, a.Updated = true, "", w.cfg.Now().UTC()
	err = w.db.Update(ctx, func(tx *store.Tx) error {
		if err := putApplied(tx, a); err != nil {
			return err
		}
		return didcomm.Send(tx, pair, application.Message(kind, id, a.ID, doc, more...))
	})
	if err != nil {
		return a, err
	}
	_, visit := w.syncOne(ctx, c)
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err = getApplied(tx, a.ID)
		return err
	})
	switch {
	case err != nil:
		return a, err
	case a.Refused != "":
		return a, errorf(ErrInput, "%s", a.Refused)
	case a.Waiting && visit != nil:
		return a, fmt.Errorf("%w; it is kept, and goes out with: trustme wallet sync", visit)
	case a.Waiting:
		return a, errorf(ErrUndecided, "%s has not answered yet; see: trustme wallet applications list", a.Partner)
	}
	return a, nil
}

func (w *Wallet) connectionOf(ctx context.Context, id string) (c exchange.Connection, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = exchange.Connections.Get(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = errorf(ErrInput, "the connection %s is gone; accept a new invitation of the partner", id)
	}
	return c, err
}

// Withdraw ends an application.
func (w *Wallet) Withdraw(ctx context.Context, what string) (Application, error) {
	a, err := w.Application(ctx, what)
	if err == nil && a.over() {
		err = errorf(ErrInput, "the application is %s; there is nothing to withdraw", a.Standing())
	}
	if err != nil {
		return a, err
	}
	return w.tellPartner(ctx, what, application.TypeWithdraw, "withdraw-", application.Request{})
}

// Appeal hands a rejected application to other reviewers, once.
func (w *Wallet) Appeal(ctx context.Context, what, reason string) (Application, error) {
	a, err := w.Application(ctx, what)
	if err == nil && a.State != application.Rejected && !a.over() { // the partner may have rejected it since
		a, err = w.lookedUp(ctx, a)
	}
	if err == nil && a.State != application.Rejected {
		err = errorf(ErrInput, "the application is %s; only one that was rejected is appealed", a.Standing())
	}
	if err != nil {
		return a, err
	}
	return w.tellPartner(ctx, what, application.TypeAppeal, "appeal-", application.Request{Reason: reason})
}

// lookedUp visits the partner of an application, and returns it as it is then.
func (w *Wallet) lookedUp(ctx context.Context, a Application) (Application, error) {
	c, err := w.connectionOf(ctx, a.Connection)
	if err != nil {
		return a, err
	}
	if _, err := w.syncOne(ctx, c); err != nil {
		return a, err
	}
	return w.Application(ctx, a.ID)
}

// Forget removes an application that is over from this wallet, with the files
// that nothing else here needs; the partner keeps its record. The digests in a
// badge that came of it are proven by those files, so keep them elsewhere.
func (w *Wallet) Forget(ctx context.Context, what string) (Application, error) {
	a, err := w.Application(ctx, what)
	if err == nil && !a.over() {
		err = errorf(ErrInput, "the application is %s; withdraw it first, or wait for its end", a.Standing())
	}
	if err != nil {
		return a, err
	}
	err = w.db.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(applied.Delete(tx, a.ID), store.DeleteLarge(tx, appliedKey(a.ID)))
	})
	if err != nil {
		return a, err
	}
	return a, w.dropFiles(ctx, filesOf(a.Sent.Evidence))
}

// tellPartner sends a message about an application that was handed in. Each
// attempt is a message of its own: what was refused may be tried again later.
func (w *Wallet) tellPartner(ctx context.Context, what, kind, prefix string, q application.Request) (Application, error) {
	a, err := w.Application(ctx, what)
	if err != nil {
		return a, err
	}
	doc, err := jsondoc.Marshal(q)
	if err != nil {
		return a, err
	}
	return w.send(ctx, a, kind, prefix+didcomm.NewID(), doc)
}

func partner(c exchange.Connection) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Peer
}
