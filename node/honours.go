package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/store"
)

// Organisations are given badges, too, such as for the quality of their
// assessment: their subject is the DID of the node. The node keeps those that
// its operator takes in, and shows them to everybody until they are dropped.

// Honour is a badge that was given to this organisation.
type Honour struct {
	ID          string    `json:"id"`         // of these bytes: in its address
	Credential  string    `json:"credential"` // id of the badge
	Name        string    `json:"name"`
	Issuer      string    `json:"issuer"` // DID
	IssuerName  string    `json:"issuerName,omitempty"`
	Achievement string    `json:"achievement,omitempty"`
	ValidUntil  time.Time `json:"validUntil,omitzero"`
	Taken       time.Time `json:"taken"`
	Address     string    `json:"address"`
	Verdict     string    `json:"verdict,omitempty"` // as of now, in lists for the operator
	Why         string    `json:"why,omitempty"`
}

var honours = store.NewCollection("honour", func(h Honour) string { return h.ID },
	store.Index[Honour]{Name: "credential", Values: func(h Honour) []string { return []string{h.Issuer + " " + h.Credential} }})

func honourKey(id string) []byte { return []byte("honour/" + id) }

// TakeHonourRequest brings a badge that was given to this organisation.
type TakeHonourRequest struct {
	Credential []byte `json:"credential"`
}

// TakeHonour keeps a badge whose subject is this node, and shows it to
// everybody. It must be valid now. A newer version of one takes its place. The
// error wraps [ErrInput], or says what could not be told.
func (n *Node) TakeHonour(ctx context.Context, r TakeHonourRequest) (Honour, error) {
	rep := n.party.Verifier.Report(ctx, r.Credential, credentials.ReportOptions{})
	switch {
	case rep.Verdict == credentials.Undecided:
		return Honour{}, fmt.Errorf("whether the badge is valid could not be told; try again later: %w", rep.Err())
	case rep.Verdict != credentials.Valid:
		return Honour{}, fmt.Errorf("%w: the badge does not verify: %s", ErrInput, rep.Why())
	}
	c, _, err := credentials.ParseAny(r.Credential)
	if err != nil {
		return Honour{}, fmt.Errorf("%w: %v", ErrInput, err)
	}
	if c.SubjectID() != n.id.String() {
		return Honour{}, fmt.Errorf("%w: the badge was given to %s, and this node is %s; who it was given to takes it in", ErrInput, or(c.SubjectID(), "nobody who is named by a DID"), n.id)
	}
	if c.IssuerID() == n.id.String() {
		return Honour{}, fmt.Errorf("%w: this node gave the badge to itself; take in what others give it", ErrInput)
	}
	sum := sha256.Sum256(c.Bytes())
	h := Honour{ID: hex.EncodeToString(sum[:6]), Credential: c.ID(), Name: c.Name(), Issuer: c.IssuerID(), IssuerName: c.IssuerName(), Achievement: c.AchievementID(), ValidUntil: c.ValidUntil(), Taken: n.second()}
	h.Address = n.set.Base + "/badges/" + h.ID
	return h, n.db.Update(ctx, func(tx *store.Tx) error {
		for old, err := range honours.By(tx, "credential", h.Issuer+" "+h.Credential) {
			if err != nil {
				return err
			}
			if old.ID == h.ID || h.Credential == "" {
				continue
			}
			if err := dropHonour(tx, old); err != nil {
				return err
			}
		}
		if err := honours.Put(tx, h); err != nil {
			return err
		}
		if err := store.PutLarge(tx, honourKey(h.ID), c.Bytes()); err != nil {
			return err
		}
		return n.note(tx, "honour.taken", map[string]any{"credential": h.Credential, "partner": h.Issuer})
	})
}

func dropHonour(tx *store.Tx, h Honour) error {
	return errors.Join(honours.Delete(tx, h.ID), store.DeleteLarge(tx, honourKey(h.ID)))
}

// DropHonour shows a badge of this organisation no more.
func (n *Node) DropHonour(ctx context.Context, r WithdrawRequest) (h Honour, err error) {
	return h, n.db.Update(ctx, func(tx *store.Tx) error {
		if h, err = honours.Get(tx, r.ID); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no badge %q of this organisation; `trustme node badges list` lists them", ErrNotFound, r.ID)
		} else if err != nil {
			return err
		}
		if err := dropHonour(tx, h); err != nil {
			return err
		}
		return n.note(tx, "honour.dropped", map[string]any{"credential": h.Credential})
	})
}

// Honours lists the badges of this organisation.
func (n *Node) Honours(ctx context.Context) ([]Honour, error) {
	out := []Honour{}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		for h, err := range honours.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, h)
		}
		return nil
	})
}

// JudgedHonours lists them with how each stands now.
func (n *Node) JudgedHonours(ctx context.Context) ([]Honour, error) {
	all, err := n.Honours(ctx)
	for i, h := range all {
		raw, err := n.honour(ctx, h.ID)
		if err != nil {
			return nil, err
		}
		r := n.party.Verifier.Report(ctx, raw, credentials.ReportOptions{})
		all[i].Verdict, all[i].Why = string(r.Verdict), r.Why()
	}
	return all, err
}

func (n *Node) honour(ctx context.Context, id string) (raw []byte, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		raw, err = store.GetLarge(tx, honourKey(id))
		return err
	})
	return raw, err
}

// serveHonours answers with the signed badges of this organisation.
func (n *Node) serveHonours(w http.ResponseWriter, r *http.Request) {
	all, err := n.Honours(r.Context())
	out := []json.RawMessage{}
	for _, h := range all {
		raw, one := n.honour(r.Context(), h.ID)
		if one == nil && len(raw) > 0 && raw[0] != '{' { // a JWT
			raw, one = json.Marshal(string(raw))
		}
		out, err = append(out, raw), errors.Join(err, one)
	}
	n.sendJSON(w, r, out, err)
}

func (n *Node) serveHonour(w http.ResponseWriter, r *http.Request) {
	raw, err := n.honour(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		n.fail(w, r, http.StatusNotFound, "There is no such badge of "+n.set.Name+".")
	case err != nil:
		n.broken(w, r, err)
	case len(raw) > 0 && raw[0] != '{':
		send(w, r, "application/vc+jwt", time.Hour, raw)
	default:
		send(w, r, "application/vc", time.Hour, raw)
	}
}

func (n *Node) adminHonours(mux *http.ServeMux) {
	handle(mux, "POST /honours", n.TakeHonour)
	handle(mux, "POST /honours/drop", n.DropHonour)
	mux.HandleFunc("GET /honours", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.JudgedHonours(r.Context())
		answer(w, all, err)
	})
}

// TakeHonour keeps and shows a badge that was given to this organisation.
func (c *Client) TakeHonour(ctx context.Context, r TakeHonourRequest) (h Honour, err error) {
	return h, c.call(ctx, http.MethodPost, "/honours", r, &h)
}

// DropHonour shows a badge of this organisation no more.
func (c *Client) DropHonour(ctx context.Context, r WithdrawRequest) (h Honour, err error) {
	return h, c.call(ctx, http.MethodPost, "/honours/drop", r, &h)
}

// Honours lists the badges of this organisation, each judged now.
func (c *Client) Honours(ctx context.Context) (all []Honour, err error) {
	return all, c.call(ctx, http.MethodGet, "/honours", nil, &all)
}
