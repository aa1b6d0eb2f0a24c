package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

func itoa(n int) string { return strconv.Itoa(n) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return itoa(n) + " " + what + "s"
}

func are(n int) string {
	if n == 1 {
		return "is 1"
	}
	return "are " + itoa(n)
}

// applying are the parts that a partner plays in applications.
func (n *Node) applying() map[string]exchange.Handle {
	return map[string]exchange.Handle{
		application.TypeSubmit: n.onSubmit, application.TypeChunk: n.onChunk, application.TypeWithdraw: n.onWithdraw, application.TypeAppeal: n.onAppeal, application.TypeClaim: n.onClaim,
		application.TypeList: n.onList, application.TypeTake: n.onTake, application.TypeShow: n.onShow, application.TypeFile: n.onFile, application.TypeReview: n.onReview, application.TypeSign: n.onSign,
	}
}

// onSubmit takes in a submission, or tells the learner why not. The files that
// it names are asked for; it counts once they are here.
func (n *Node) onSubmit(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	id := in.Message.Thread()
	if _, ok := application.URN(id); !ok {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeMessage, Comment: "the thread of an application is 32 hexadecimal digits"}
	}
	s, doc, err := application.ReadSubmission(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	who, err := n.proven(ctx, in, doc)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	w, err := n.target(s.Achievement)
	if err == nil {
		s.Level, err = n.level(ctx, w, s)
	}
	if err == nil {
		err = n.guard(ctx, w, s, who)
	}
	a := application.Application{ID: id, Applicant: who.person, State: application.Draft, Created: n.now().UTC()}
	if err == nil {
		a.Catalogue, a.Slug, a.Name = w.c.Slug, w.slug, w.a.Name
		sample := a
		sample.Now = s
		err = n.checkApplication(ctx, sample)
	}
	if no, ok := errors.AsType[application.Refusal](err); ok {
		a.Slug, a.Now.Level = s.Achievement, s.Level
		return n.applied(in, func(tx *store.Tx) error { return n.refuse(tx, in, a, string(no)) }), nil
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if err := n.keepCredentials(ctx, s, who); err != nil {
		return didcomm.Outcome{}, err
	}
	return n.applied(in, func(tx *store.Tx) error {
		err := n.begin(tx, in, a, w, s, who)
		if no, ok := errors.AsType[application.Refusal](err); ok {
			return n.refuse(tx, in, a, string(no))
		}
		return err
	}), nil
}

// applied is an outcome after which the learner's connection is served.
func (n *Node) applied(in exchange.Inbound, apply func(*store.Tx) error) didcomm.Outcome {
	return didcomm.Outcome{Apply: apply, After: func() { n.agent.Wake(in.Pair) }}
}

// begin records a submission that passed the guards.
func (n *Node) begin(tx *store.Tx, in exchange.Inbound, a application.Application, w target, s application.Submission, who shownBy) error {
	old, err := getApplication(tx, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case old.Applicant != a.Applicant:
		return refused("this application is somebody else's; apply anew")
	case old.Catalogue+"/"+old.Slug != w.name():
		return refused("the application is for ", old.Catalogue, "/", old.Slug, "; apply anew for another badge")
	default:
		a = old
	}
	if err := n.guardTwice(tx, w, a.ID, a.Applicant); err != nil {
		return err
	}
	if err := a.Begin(s, n.now().UTC()); err != nil {
		return err
	}
	a.Via = in.Message.ID
	if err := n.dropUploads(tx, a.ID); err != nil { // of one that this takes the place of
		return err
	}
	if err := store.PutLarge(tx, shownKey(a.ID, s.Revision), who.raw); err != nil {
		return err
	}
	for _, e := range s.Evidence {
		if e.Kind == application.Credential && !slices.Contains(a.Stored, e.Digest) {
			a.Stored = append(a.Stored, e.Digest)
		}
	}
	missing := a.Missing()
	if len(missing) == 0 {
		return n.submit(tx, a)
	}
	if err := putApplication(tx, a); err != nil {
		return err
	}
	for _, f := range missing {
		if err := n.need(tx, in.Connection, a, f, 0); err != nil {
			return err
		}
	}
	return nil
}

// submit makes the pending submission count: it is queued for review, or where
// a valid presentation is all that is target, the badge is given.
func (n *Node) submit(tx *store.Tx, a application.Application) error {
	if err := a.Submit(n.now().UTC()); err != nil {
		return err
	}
	kinds := map[application.Kind]bool{}
	for _, e := range a.Now.Evidence {
		kinds[e.Kind] = true
	}
	if err := n.noteApplication(tx, "application.submitted", a, learner.tell(map[string]any{"kinds": slices.Sorted(maps.Keys(kinds))})); err != nil {
		return err
	}
	w, err := n.target(a.Catalogue + "/" + a.Slug)
	if err != nil {
		return err
	}
	if w.a.Award.By == "presentation" {
		a.State = application.Accepted
		award, err := n.awardFor(a)
		if err != nil {
			return err
		}
		award.Route = routePresentation
		return n.award(tx, &a, nil, learner, award)
	}
	return n.tellApplicant(tx, &a)
}

// keepCredentials stores the credentials among the evidence, so that reviewers
// can look at them.
func (n *Node) keepCredentials(ctx context.Context, s application.Submission, who shownBy) error {
	for _, e := range s.Evidence {
		if e.Kind != application.Credential {
			continue
		}
		if _, _, err := n.db.PutBlob(ctx, bytes.NewReader(who.credentials[e.Digest].Bytes())); err != nil {
			return fmt.Errorf("keeping a credential of the evidence: %w", err)
		}
	}
	return nil
}

// onWithdraw ends an application. What was handed in is forgotten: the record,
// and what reviewers signed, stay.
func (n *Node) onWithdraw(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	var files []string
	out := n.moved(in, func(tx *store.Tx, a *application.Application) (string, error) {
		stored := a.Stored
		if err := a.Withdraw(n.now().UTC()); err != nil {
			return "", err
		}
		files = stored
		for revision := range a.Now.Revision + 2 { // the last may be on its way
			if err := store.DeleteLarge(tx, shownKey(a.ID, revision)); err != nil {
				return "", err
			}
		}
		return "application.withdrawn", n.dropUploads(tx, a.ID)
	})
	wake := out.After
	out.After = func() {
		wake()
		if err := n.forgetFiles(ctx, files); err != nil {
			n.log.Error("files of a withdrawn application are left", "err", err)
		}
	}
	return out, nil
}

func (n *Node) onAppeal(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	q, _, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	return n.moved(in, func(_ *store.Tx, a *application.Application) (string, error) {
		return "application.appealed", a.AppealFor(q.Reason, n.now().UTC())
	}), nil
}
