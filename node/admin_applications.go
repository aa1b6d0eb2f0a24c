package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// adminApplications serves what an operator does about applications.
func (n *Node) adminApplications(mux *http.ServeMux) {
	mux.HandleFunc("GET /applications", func(w http.ResponseWriter, r *http.Request) {
		stream(w, func(send func(any) error) error {
			return n.Applications(r.Context(), r.URL.Query().Get("state"), func(a ApplicationLine) error {
				a, err := n.listed(r.Context(), a)
				if err != nil {
					return err
				}
				return send(a)
			})
		})
	})
	mux.HandleFunc("GET /applications/{id}", func(w http.ResponseWriter, r *http.Request) {
		a, err := n.Application(r.Context(), r.PathValue("id"))
		answer(w, a, err)
	})
	mux.HandleFunc("GET /applications/{id}/evidence/{number}", n.adminEvidence)
	mux.HandleFunc("GET /applications/{id}/reviews/{review}", n.adminReview)
	handle(mux, "POST /applications/decision", n.DecideApplication)
	handle(mux, "POST /roles", n.SetRole)
	mux.HandleFunc("GET /roles", func(w http.ResponseWriter, r *http.Request) {
		rs, err := n.RoleList(r.Context())
		answer(w, rs, err)
	})
	handle(mux, "POST /claim-codes", n.ClaimCode)
	handle(mux, "POST /events", n.RecordEvent)
}

// ApplicationDecision is what an operator does about an application: issue (as
// a connection with the role operator), reject (with a reason) or keep (it
// open against a criterion that was found not satisfied).
type ApplicationDecision struct {
	ID     string `json:"id"`
	Do     string `json:"do"`
	As     string `json:"as,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// DecideApplication does what an operator decided. The error wraps [ErrInput]
// or [ErrNotFound].
func (n *Node) DecideApplication(ctx context.Context, d ApplicationDecision) (a application.Application, err error) {
	if a, err = n.Application(ctx, d.ID); err != nil {
		return a, err
	}
	if d.Do == "issue" {
		return n.issueAs(ctx, a, d.As)
	}
	w, err := n.target(a.Catalogue + "/" + a.Slug)
	if err != nil {
		return a, asRefusal(err)
	}
	err = n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if a, err = getApplication(tx, a.ID); err != nil {
			return err
		}
		switch d.Do {
		case "reject":
			err = a.Reject(d.Reason, n.now().UTC())
		case "keep":
			err = a.Keep(w.rules(), n.now().UTC())
		default:
			return fmt.Errorf("%w: do %q; an application is issued, rejected or kept", ErrInput, d.Do)
		}
		if err != nil {
			return err
		}
		fact := "application.kept"
		if a.State == application.Rejected {
			fact = "application.rejected"
			if err := n.dropUploads(tx, a.ID); err != nil {
				return err
			}
		}
		if err := n.noteApplication(tx, fact, a, operator.tell(map[string]any{})); err != nil {
			return err
		}
		return n.tellApplicant(tx, &a)
	})
	if err == nil {
		n.wake(ctx, a.Applicant.Connection)
	}
	return a, asRefusal(err)
}

// issueAs gives the badge in the name of an operator who stands before this
// machine: a connection, whose key is known since its wallet proved it.
func (n *Node) issueAs(ctx context.Context, a application.Application, as string) (application.Application, error) {
	has, err := n.hasRole(ctx, as, RoleOperator)
	if err != nil {
		return a, err
	}
	if !has {
		return a, fmt.Errorf("%w: connection %q is no operator of this node; give the role with: trustme node role add operator %s", ErrInput, as, or(as, "CONNECTION"))
	}
	by, err := n.known(ctx, as)
	if err == nil && by.DID == "" {
		err = fmt.Errorf("%w: the wallet of connection %s has not shown its key yet, so that nobody knows whether it reviewed; let it ask once: trustme wallet review list", ErrInput, as)
	}
	if err != nil {
		return a, err
	}
	a, err = n.signApplication(ctx, a.ID, by, Actor{By: operator.By, As: as})
	return a, asRefusal(err)
}

// adminEvidence hands out an item of evidence, by its number from 1.
func (n *Node) adminEvidence(w http.ResponseWriter, r *http.Request) {
	body, err := n.evidence(r.Context(), r.PathValue("id"), r.PathValue("number"))
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(w, body); err != nil {
		n.log.Error("evidence not handed out", "application", r.PathValue("id"), "err", err)
		panic(http.ErrAbortHandler) // a cut answer must not look like a whole one
	}
}

func (n *Node) evidence(ctx context.Context, id, number string) (io.ReadCloser, error) {
	a, err := n.Application(ctx, id)
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > len(a.Now.Evidence) {
		return nil, fmt.Errorf("%w: the application has %d items of evidence, and no number %q", ErrInput, len(a.Now.Evidence), number)
	}
	e := a.Now.Evidence[i-1]
	if e.Kind != application.File && e.Kind != application.Credential {
		return nil, fmt.Errorf("%w: evidence %d is a %s, not a file; see: trustme node application show %s", ErrInput, i, e.Kind, a.ID)
	}
	return n.db.OpenBlob(e.Digest)
}

// SignedReview is a review as its reviewer signed it: the credential, and the
// document whose digest it has.
type SignedReview struct {
	Credential json.RawMessage `json:"credential"`
	Document   json.RawMessage `json:"document"`
}

func (n *Node) adminReview(w http.ResponseWriter, r *http.Request) {
	var out SignedReview
	err := n.db.View(r.Context(), func(tx *store.Tx) (err error) {
		id := r.PathValue("review")
		if out.Credential, err = store.GetLarge(tx, reviewKey(id, "signed")); err == nil {
			out.Document, err = store.GetLarge(tx, reviewKey(id, "document"))
		}
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no review %q; `trustme node application show` lists them", ErrNotFound, id)
		}
		return err
	})
	answer(w, out, err)
}
