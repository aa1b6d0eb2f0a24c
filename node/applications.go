package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// ApplicationLine is an application as a list shows it. The whole record is
// kept apart, since it may be larger than a record of a collection.
type ApplicationLine struct {
	ID        string             `json:"id"`
	Applicant application.Person `json:"applicant"`
	Catalogue string             `json:"catalogue"`
	Slug      string             `json:"achievement"`
	Name      string             `json:"name"`
	State     application.State  `json:"state"`
	Revision  int                `json:"revision"`
	Round     int                `json:"round,omitempty"`
	Level     int                `json:"level,omitempty"`
	Route     string             `json:"route"`
	Lease     application.Lease  `json:"lease,omitzero"`
	Reviews   []reviewLine       `json:"reviews,omitempty"`
	Files     []string           `json:"files,omitempty"` // digests of its blobs
	Award     string             `json:"award,omitempty"`
	Waits     string             `json:"waits,omitempty"` // for what, in words; of lists alone
	Created   time.Time          `json:"created"`
	Updated   time.Time          `json:"updated"`
}

// reviewLine says who reviewed what.
type reviewLine struct {
	By       application.Person `json:"by"`
	Revision int                `json:"revision"`
	Round    int                `json:"round"`
}

var applications = store.NewCollection("application", func(a ApplicationLine) string { return a.ID },
	store.Index[ApplicationLine]{Name: "state", Values: func(a ApplicationLine) []string { return []string{string(a.State)} }},
	store.Index[ApplicationLine]{Name: "applicant", Values: func(a ApplicationLine) []string {
		return []string{a.Applicant.DID, a.Applicant.Connection}
	}},
	store.Index[ApplicationLine]{Name: "file", Values: func(a ApplicationLine) []string { return a.Files }})

func applicationKey(id string) []byte { return []byte("application/" + id) }

// shownKey is where the presentation of a revision is kept, reviewKey where a
// signed review and its document are.
func shownKey(id string, revision int) []byte {
	return fmt.Appendf(nil, "application-shown/%s/%d", id, revision)
}
func reviewKey(id, what string) []byte { return []byte("review/" + what + "/" + id) }

func getApplication(tx *store.Tx, id string) (a application.Application, err error) {
	raw, err := store.GetLarge(tx, applicationKey(id))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("%w: application %s: %v", store.ErrCorrupt, id, err)
	}
	return a, nil
}

// putApplication keeps the record and the line of it.
func putApplication(tx *store.Tx, a application.Application) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := store.PutLarge(tx, applicationKey(a.ID), raw); err != nil {
		return err
	}
	l := ApplicationLine{ID: a.ID, Applicant: a.Applicant, Catalogue: a.Catalogue, Slug: a.Slug, Name: a.Name, State: a.State, Revision: a.Now.Revision, Round: a.Round,
		Level: a.Now.Level, Route: a.Now.Route, Lease: a.Lease, Files: a.Stored, Award: a.Award, Created: a.Created, Updated: a.Updated}
	if a.Now.Revision == 0 && a.Pending != nil {
		l.Level, l.Route = a.Pending.Level, a.Pending.Route
	}
	for _, r := range a.Reviews {
		l.Reviews = append(l.Reviews, reviewLine{r.By, r.Revision, r.Round})
	}
	return applications.Put(tx, l)
}

// deleteApplication removes a draft that never was submitted.
func deleteApplication(tx *store.Tx, id string) error {
	if err := store.DeleteLarge(tx, applicationKey(id)); err != nil {
		return err
	}
	return applications.Delete(tx, id)
}

// noteApplication adds a fact about an application to the journal: ids and
// slugs, no people, and no words of theirs. A decision has the seconds that it
// took since the revision or the appeal was handed in.
func (n *Node) noteApplication(tx *store.Tx, kind string, a application.Application, more map[string]any) error {
	body := map[string]any{"application": a.ID, "achievement": a.Catalogue + "/" + a.Slug, "route": a.Now.Route, "revision": a.Now.Revision}
	if a.Round > 0 {
		body["round"] = a.Round
	}
	if decided := a.State == application.Returned || a.State == application.Accepted || a.State == application.Rejected; decided && kind == "application."+string(a.State) && !a.Handed.IsZero() {
		body["seconds"] = int64(n.now().Sub(a.Handed).Seconds())
	}
	for k, v := range more {
		body[k] = v
	}
	return n.note(tx, kind, body)
}

// tellApplicant queues to the applicant where the application stands, and keeps it.
func (n *Node) tellApplicant(tx *store.Tx, a *application.Application) error {
	a.Told++
	p := application.Progress{Achievement: a.Catalogue + "/" + a.Slug, Name: a.Name, Level: a.Now.Level, Revision: a.Now.Revision, State: a.State, Reason: a.Reason, Told: a.Told}
	for _, r := range a.Reviews {
		if r.Revision == a.Now.Revision && r.Round == a.Round && (a.State == application.Returned || a.State == application.Rejected) {
			p.Judged = append(p.Judged, r.Judged...)
		}
	}
	if err := putApplication(tx, *a); err != nil {
		return err
	}
	return n.sendProgress(tx, a.Applicant.Connection, a.ID, fmt.Sprintf("progress-%s-%d", a.ID, a.Told), p)
}

func (n *Node) sendProgress(tx *store.Tx, to, thread, id string, p application.Progress) error {
	c, err := connection(tx, to)
	if err != nil {
		return err
	}
	return n.sendDocument(tx, c, application.TypeProgress, id, thread, p)
}

func (n *Node) sendDocument(tx *store.Tx, c exchange.Connection, kind, id, thread string, v any) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	doc, err := jsondoc.Marshal(v)
	if err != nil {
		return err
	}
	return didcomm.Send(tx, pair, application.Message(kind, id, thread, doc))
}

// moved is the outcome of a learner's message that moves an application on:
// change runs in the transaction; a refusal is told to the learner, durably.
func (n *Node) moved(in exchange.Inbound, change func(tx *store.Tx, a *application.Application) (fact string, err error)) didcomm.Outcome {
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		a, err := getApplication(tx, in.Message.Thread())
		if errors.Is(err, store.ErrNotFound) || err == nil && a.Applicant.Connection != in.Connection.ID {
			return &didcomm.Problem{Code: exchange.CodeState, Comment: "there is no such application between us"}
		}
		if err != nil {
			return err
		}
		was := a
		fact, err := change(tx, &a)
		if no, ok := errors.AsType[application.Refusal](err); ok {
			return n.refuse(tx, in, was, string(no))
		}
		if err != nil {
			return err
		}
		if err := n.noteApplication(tx, fact, a, learner.tell(map[string]any{})); err != nil {
			return err
		}
		return n.tellApplicant(tx, &a)
	}, After: func() { n.agent.Wake(in.Pair) }}
}

// refuse tells a learner that a message of theirs changed nothing, and why.
func (n *Node) refuse(tx *store.Tx, in exchange.Inbound, a application.Application, why string) error {
	p := application.Progress{Achievement: a.Catalogue + "/" + a.Slug, Name: a.Name, Level: a.Now.Level, Revision: a.Now.Revision, State: a.State, Reason: why, Refused: true}
	return n.sendProgress(tx, in.Connection.ID, in.Message.Thread(), "refused-"+in.Message.ID, p)
}

// Applications calls yield with the applications in the order of their ids:
// all, or those in a state.
func (n *Node) Applications(ctx context.Context, state string, yield func(ApplicationLine) error) error {
	return n.db.View(ctx, func(tx *store.Tx) error {
		return each(tx, applications, "state", state, yield)
	})
}

// listed adds to a line of an application that is not over what it waits for.
func (n *Node) listed(ctx context.Context, l ApplicationLine) (ApplicationLine, error) {
	if !l.State.Open() {
		return l, nil
	}
	a, err := n.Application(ctx, l.ID)
	if err != nil {
		return l, err
	}
	w, err := n.target(l.Catalogue + "/" + l.Slug)
	if err != nil {
		l.Waits = "its badge is in no catalogue that is in force"
		return l, nil
	}
	l.Waits = a.Waits(w.rules())
	return l, nil
}

// Application returns the record of an application. id may be the beginning of
// one. The error wraps [ErrNotFound], or [ErrInput] where several fit.
func (n *Node) Application(ctx context.Context, id string) (a application.Application, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		a, err = findApplication(tx, id)
		return err
	})
	return a, err
}

func findApplication(tx *store.Tx, id string) (a application.Application, err error) {
	var fits []string
	for l, err := range applications.List(tx, store.Range{Prefix: []byte(id), Limit: 2}) {
		if err != nil {
			return a, err
		}
		fits = append(fits, l.ID)
	}
	switch {
	case len(id) < 4 || len(fits) == 0:
		return a, fmt.Errorf("%w: no application %q; `trustme node application list` lists them", ErrNotFound, id)
	case len(fits) > 1 && !slices.Contains(fits, id):
		return a, fmt.Errorf("%w: several applications begin with %q; give more of the id", ErrInput, id)
	}
	return getApplication(tx, fits[0])
}
