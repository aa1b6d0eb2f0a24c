package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// leaseFor is how long a reviewer has an application for themselves.
const leaseFor = 24 * time.Hour

// maxTasks bounds a list of tasks; the oldest come first.
const maxTasks = 200

// reviewer is who asks, and what they may do here at present.
type reviewer struct {
	shownBy
	reviews, signs bool // by a role of this node
}

func (n *Node) reviewer(ctx context.Context, in exchange.Inbound, doc []byte) (r reviewer, err error) {
	if r.shownBy, err = n.proven(ctx, in, doc); err != nil {
		return r, err
	}
	if r.reviews, err = n.hasRole(ctx, in.Connection.ID, RoleReviewer); err != nil {
		return r, err
	}
	if r.signs, err = n.hasRole(ctx, in.Connection.ID, RoleOperator); err != nil {
		return r, err
	}
	if r.reviews || r.signs {
		err = n.remember(ctx, r.person)
	}
	return r, err
}

// qualified wants somebody to be a reviewer of an achievement now: by a badge
// that the catalogue names, or by a role of this node.
func (n *Node) qualified(r reviewer, w target) error {
	if r.reviews {
		return nil
	}
	by := w.a.Reviewed().By
	for _, slug := range by {
		if (requirement.Requirement{Badge: slug}).Evaluate(r.holdings, n.names(w.c, r.shownBy), n.now()).OK() {
			return nil
		}
	}
	way := ""
	if len(by) > 0 {
		way = "hold " + strings.Join(by, " or ") + ", valid today, or "
	}
	return refused("only reviewers decide about ", w.name(), ": ", way, "ask ", n.set.Name, " for the role reviewer")
}

// answered makes the outcome of a request of a reviewer: its answer, or a
// refusal as a problem.
func answered(in exchange.Inbound, v any, err error, more ...didcomm.Attachment) (didcomm.Outcome, error) {
	if no, ok := errors.AsType[application.Refusal](err); ok {
		return didcomm.Outcome{}, application.Refused(no)
	}
	if refusal(err) || errors.Is(err, ErrNotFound) {
		return didcomm.Outcome{}, application.Refused(application.Refusal(sentence(err)))
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	m, err := application.Answer(in.Message, v, more...)
	return didcomm.Outcome{Now: []didcomm.Message{m}}, err
}

type tasks struct {
	Tasks []application.Task `json:"tasks"`
}

// onList answers with what awaits this person: applications to review that
// they may review, and as an operator those to sign.
func (n *Node) onList(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	_, doc, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r, err := n.reviewer(ctx, in, doc)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	out := tasks{[]application.Task{}}
	for _, state := range []application.State{application.Submitted, application.InReview, application.Accepted} {
		err = n.Applications(ctx, string(state), func(l ApplicationLine) error {
			if t, ok := n.task(l, r); ok {
				out.Tasks = append(out.Tasks, t)
			}
			return nil
		})
		if err != nil {
			return didcomm.Outcome{}, err
		}
	}
	slices.SortFunc(out.Tasks, func(a, b application.Task) int { return a.Since.Compare(b.Since) })
	out.Tasks = out.Tasks[:min(len(out.Tasks), maxTasks)]
	return answered(in, out, nil)
}

// task shows an application to somebody; false where it is not for them.
func (n *Node) task(l ApplicationLine, r reviewer) (application.Task, bool) {
	t := application.Task{ID: l.ID, Achievement: l.Catalogue + "/" + l.Slug, Name: l.Name, State: l.State, Round: l.Round, Since: l.Updated.Truncate(time.Second),
		Revision: l.Revision, Level: l.Level, Route: l.Route, Sign: l.State == application.Accepted}
	w, err := n.target(t.Achievement)
	if err != nil || l.Applicant.Is(r.person) {
		return t, false
	}
	if t.Sign {
		own := slices.ContainsFunc(l.Reviews, func(v reviewLine) bool { return v.By.Is(r.person) })
		return t, r.signs && !(own && w.rules().FourEyes)
	}
	for _, v := range l.Reviews {
		if v.By.Is(r.person) && (v.Revision == l.Revision && v.Round == l.Round || v.Round < l.Round) {
			return t, false
		}
	}
	if n.now().Before(l.Lease.Until) {
		t.Taken, t.Yours = l.Lease.Until.Truncate(time.Second), l.Lease.By.Is(r.person)
	}
	return t, n.qualified(r, w) == nil
}

// asked reads a request about one application and looks it up.
func (n *Node) asked(ctx context.Context, in exchange.Inbound, id string, doc []byte) (r reviewer, a application.Application, w target, err error) {
	if r, err = n.reviewer(ctx, in, doc); err != nil {
		return r, a, w, err
	}
	if a, err = n.Application(ctx, id); err != nil {
		return r, a, w, refused("no application ", id, " awaits you; see: trustme wallet review list")
	}
	if w, err = n.target(a.Catalogue + "/" + a.Slug); err != nil {
		return r, a, w, err
	}
	if r.signs {
		return r, a, w, nil
	}
	return r, a, w, n.qualified(r, w)
}

// whole shows an application with its criteria and what was handed in.
func (n *Node) whole(a application.Application, w target, r reviewer) tasks {
	t := application.Task{ID: a.ID, Achievement: w.name(), Name: a.Name, State: a.State, Round: a.Round, Since: a.Updated.Truncate(time.Second), Revision: a.Now.Revision,
		Level: a.Now.Level, Route: a.Now.Route, Appeal: a.Appeal, Sign: a.State == application.Accepted, Submission: &a.Now, Waits: a.Waits(w.rules())}
	for slug, text := range w.a.Criteria.All() {
		t.Criteria = append(t.Criteria, application.Criterion{Slug: slug, Text: text})
	}
	for _, v := range a.Reviews { // what led to this revision or round
		if v.Revision < a.Now.Revision || v.Round < a.Round {
			t.Reason = v.Reject
		}
	}
	if n.now().Before(a.Lease.Until) {
		t.Taken, t.Yours = a.Lease.Until.Truncate(time.Second), a.Lease.By.Is(r.person)
	}
	return tasks{[]application.Task{t}}
}

func (n *Node) onShow(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	q, doc, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r, a, w, err := n.asked(ctx, in, q.Application, doc)
	if err == nil && a.Applicant.Is(r.person) {
		err = refused("this is your own application; see: trustme wallet applications show")
	}
	return answered(in, n.whole(a, w, r), err)
}

// onTake leases an application to a reviewer.
func (n *Node) onTake(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	q, doc, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r, a, w, err := n.asked(ctx, in, q.Application, doc)
	if err == nil {
		err = n.qualified(r, w) // an operator may look, and reviews as a reviewer only
	}
	if err != nil {
		return answered(in, nil, err)
	}
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if a, err = getApplication(tx, a.ID); err != nil {
			return err
		}
		first := !a.Lease.By.Is(r.person)
		if err := a.Take(r.person, leaseFor, n.now().UTC()); err != nil {
			return err
		}
		if !first {
			return putApplication(tx, a)
		}
		if err := n.noteApplication(tx, "application.taken", a, actorOf(r.person).tell(map[string]any{})); err != nil {
			return err
		}
		return n.tellApplicant(tx, &a)
	})
	if err == nil {
		n.wake(ctx, a.Applicant.Connection)
	}
	return answered(in, n.whole(a, w, r), err)
}

// onFile hands out a piece of a file of the evidence.
func (n *Node) onFile(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, doc, err := application.ReadPiece(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	_, a, _, err := n.asked(ctx, in, p.Application, doc)
	if err != nil {
		return answered(in, nil, err)
	}
	at := slices.IndexFunc(a.Now.Evidence, func(e application.Evidence) bool {
		return e.Digest == p.Digest && (e.Kind == application.File || e.Kind == application.Credential)
	})
	if at < 0 {
		return answered(in, nil, refused("the application has no such file; look at it again"))
	}
	piece, err := n.piece(p.Digest, p.Offset)
	if err != nil {
		return didcomm.Outcome{}, fmt.Errorf("reading a file of the evidence: %w", err)
	}
	return answered(in, application.Outcome{Size: a.Now.Evidence[at].Size}, nil, application.Bytes(piece))
}

func (n *Node) piece(digest string, offset int64) (piece []byte, err error) {
	f, err := n.db.OpenBlob(digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.CopyN(io.Discard, f, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, application.ChunkSize))
}

// onReview takes in a signed review.
func (n *Node) onReview(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	v, doc, err := application.ReadVerdict(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r, a, w, err := n.asked(ctx, in, v.Application, doc)
	if err == nil {
		err = n.qualified(r, w)
	}
	if err != nil {
		return answered(in, nil, err)
	}
	signed, id, err := n.signedReview(ctx, in, v, doc, r.person)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	review := application.Review{ID: id, By: r.person, Revision: v.Revision, Round: v.Round, Judged: v.Judged, Comment: v.Comment, Reject: v.Reject, At: n.now().UTC()}
	award, err := n.awardFor(a)
	if err == nil {
		err = n.check(ctx, award)
	}
	if err != nil {
		return answered(in, nil, err)
	}
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if a, err = getApplication(tx, a.ID); err != nil {
			return err
		}
		if !slices.Equal(v.Evidence, a.Now.Digests()) || v.Achievement != w.name() {
			return refused("the application has changed meanwhile: it is revision ", itoa(a.Now.Revision), "; look at it again")
		}
		return n.decided(tx, &a, review, w, award, signed, doc)
	})
	if err == nil {
		n.wake(ctx, a.Applicant.Connection)
	}
	return answered(in, application.Outcome{State: a.State, Reason: a.Reason, Award: a.Award}, err)
}

// decided records a review and what follows from it.
func (n *Node) decided(tx *store.Tx, a *application.Application, r application.Review, w target, award Award, signed, doc []byte) error {
	before := len(a.Reviews)
	if err := a.Decide(r, w.rules(), n.now().UTC()); err != nil || len(a.Reviews) == before {
		return err
	}
	if err := store.PutLarge(tx, reviewKey(r.ID, "signed"), signed); err != nil {
		return err
	}
	if err := store.PutLarge(tx, reviewKey(r.ID, "document"), doc); err != nil {
		return err
	}
	if err := n.noteApplication(tx, "review.submitted", *a, actorOf(r.By).tell(map[string]any{"review": r.ID, "unmet": r.Unmet(), "reject": r.Reject != ""})); err != nil {
		return err
	}
	if a.State != application.InReview {
		if err := n.noteApplication(tx, "application."+string(a.State), *a, actorOf(r.By).tell(map[string]any{})); err != nil {
			return err
		}
	}
	if a.State == application.Accepted && !w.rules().FourEyes {
		return n.award(tx, a, nil, actorOf(r.By), award)
	}
	return n.tellApplicant(tx, a)
}

// signedReview verifies the credential of a review: that this person signed
// it, today, over this document.
func (n *Node) signedReview(ctx context.Context, in exchange.Inbound, v application.Verdict, doc []byte, by application.Person) (raw []byte, id string, err error) {
	if raw, err = application.Attached(in.Message, application.FormatReview); err != nil {
		return nil, "", err
	}
	about, ok := application.URN(v.Application)
	rep, verified := n.party.Verifier.Examine(ctx, raw, credentials.ReportOptions{Resources: map[string][]byte{about + "#review": doc}})
	c := verified.Credential()
	no := func(why string) ([]byte, string, error) {
		return nil, "", application.Refused(application.Refusal("the signature of the review was refused: " + why))
	}
	switch {
	case !ok:
		return no("the application is named by no id")
	case rep.Verdict == credentials.Undecided:
		return nil, "", fmt.Errorf("checking a review: %s", rep.Why())
	case rep.Verdict != credentials.Valid:
		return no(rep.Why())
	case c.IssuerID() != by.DID:
		return no("it is by " + c.IssuerID() + ", and the request is by " + by.DID)
	case c.SubjectID() != about:
		return no("it is about another application")
	case rep.Check(credentials.CheckEvidence).Answer == credentials.No || !named(c, about+"#review"):
		return no("it does not vouch for the document of the review")
	}
	sum := sha256.Sum256(raw)
	return raw, hex.EncodeToString(sum[:16]), nil
}

// named reports whether a credential has the digest of a resource.
func named(c credentials.Credential, id string) bool {
	for r := range c.Doc().Get("relatedResource").Elements() {
		if got, _ := r.Get("id").Text(); got == id {
			return true
		}
	}
	return false
}

// onSign gives the badge of an accepted application, by an operator.
func (n *Node) onSign(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	q, doc, err := application.ReadRequest(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	r, err := n.reviewer(ctx, in, doc)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if !r.signs {
		return answered(in, nil, refused("only operators sign; ask ", n.set.Name, " for the role operator"))
	}
	a, err := n.signApplication(ctx, q.Application, r.person, actorOf(r.person))
	return answered(in, application.Outcome{State: a.State, Reason: a.Reason, Award: a.Award, Name: a.Name}, err)
}
