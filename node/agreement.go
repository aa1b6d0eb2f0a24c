package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/store"
)

// AgreementState is where an agreement stands.
type AgreementState string

// The states of an agreement. Ended is final.
const (
	Proposed  AgreementState = "proposed"
	InForce   AgreementState = "in force"
	OnHold    AgreementState = "suspended"
	WasEnded  AgreementState = "ended"
	WasExpiry AgreementState = "expired"
)

// Agreement is the record of a partner agreement. Each party signs what it
// recognises itself: Ours says that this node did, and the partner
// countersigned; else it is the other way round.
type Agreement struct {
	ID          string         `json:"id"`
	Ours        bool           `json:"ours"`
	State       AgreementState `json:"state"`
	Name        string         `json:"name"`
	Partner     string         `json:"partner"` // DID
	PartnerName string         `json:"partnerName,omitempty"`
	PartnerBase string         `json:"partnerBase,omitempty"` // public address
	From        time.Time      `json:"from"`
	Until       time.Time      `json:"until,omitzero"`
	Replaces    string         `json:"replaces,omitempty"`
	Signature   string         `json:"signature,omitempty"` // id of our countersignature
	Reason      string         `json:"reason,omitempty"`
	// AtPartner is suspended while the partner, who signed it, holds it back.
	AtPartner AgreementState `json:"atPartner,omitempty"`
	Updated   time.Time      `json:"updated"`
}

var agreements = store.NewCollection("agreement", func(a Agreement) string { return a.ID },
	store.Index[Agreement]{Name: "state", Values: func(a Agreement) []string { return []string{string(a.State)} }})

func bundleKey(id string) []byte { return []byte("agreement-bundle/" + id) }

func getBundle(tx *store.Tx, id string) (b recognition.Bundle, err error) {
	raw, err := store.GetLarge(tx, bundleKey(id))
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(raw, &b)
}

func putBundle(tx *store.Tx, id string, b recognition.Bundle) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return store.PutLarge(tx, bundleKey(id), raw)
}

// SignAgreementRequest holds the file of an agreement, as
// [Node.DraftAgreement] writes it and people edit it.
type SignAgreementRequest struct {
	File []byte `json:"file"`
}

// SignedAgreement is an agreement with where the partner finds it.
type SignedAgreement struct {
	Agreement
	Address string `json:"address"`
	Bundle  []byte `json:"bundle"`
	// Statement is what was signed.
	Statement recognition.Statement `json:"statement"`
	// Notes say what could not be looked at before it was signed.
	Notes []string `json:"notes,omitempty"`
}

// SignAgreement signs what this node recognises. The agreement is proposed, and
// comes into force when the partner's countersignature is here.
func (n *Node) SignAgreement(ctx context.Context, r SignAgreementRequest) (SignedAgreement, error) {
	f, err := readAgreementFile(r.File)
	if err != nil {
		return SignedAgreement{}, err
	}
	s, err := n.statement(f)
	if err != nil {
		return SignedAgreement{}, err
	}
	if s.Of == n.id.String() {
		return SignedAgreement{}, fmt.Errorf("%w: with: %s is this node itself; name the partner", ErrInput, s.Of)
	}
	if err := holdPartner(s.Of, f.Partner); err != nil {
		return SignedAgreement{}, err
	}
	a := Agreement{ID: s.ID, Ours: true, State: Proposed, Name: s.Name, Partner: s.Of, PartnerBase: strings.TrimRight(f.Partner, "/"), From: s.From, Until: s.Until, Replaces: f.Replaces, Updated: n.now().UTC()}
	if a.Replaces != "" {
		if old, err := n.Agreement(ctx, a.Replaces); err != nil || !old.Ours || old.Partner != a.Partner {
			return SignedAgreement{}, fmt.Errorf("%w: replaces: %q is no agreement of ours with %s (%v)", ErrInput, a.Replaces, a.Partner, err)
		} else {
			a.Replaces = old.ID // the file may hold the beginning
		}
	}
	if done, err := n.signedAlready(ctx, s, a.Replaces, f.From != ""); err != nil || done.ID != "" {
		return done, err
	}
	notes, err := n.holdRules(ctx, s.Of, s.Recognizes)
	if err != nil {
		return SignedAgreement{}, err
	}
	var b recognition.Bundle
	_, _, err = n.issueStatement(ctx, "agreement", recognition.Draft{Statement: s}, func(tx *store.Tx, d Document, signed []byte) error {
		b = recognition.Bundle{Agreement: signed}
		if err := putBundle(tx, a.ID, b); err != nil {
			return err
		}
		if err := agreements.Insert(tx, a); err != nil {
			return err
		}
		return n.note(tx, "agreement.proposed", operator.tell(map[string]any{"agreement": a.ID, "partner": a.Partner}))
	})
	if errors.Is(err, recognition.ErrStatement) {
		err = fmt.Errorf("%w: %v", ErrInput, err)
	}
	if err != nil {
		return SignedAgreement{}, err
	}
	out, err := n.shown(a, b)
	out.Notes = notes
	return out, err
}

// signedAlready returns the agreement if this node signed the same before, and
// it did not end. Its beginning is compared where that was given.
func (n *Node) signedAlready(ctx context.Context, s recognition.Statement, replaces string, begins bool) (SignedAgreement, error) {
	all, err := n.Agreements(ctx)
	if err != nil {
		return SignedAgreement{}, err
	}
	for _, a := range all {
		if !a.Ours || a.Partner != s.Of || a.Name != s.Name || a.Replaces != replaces || a.State == WasEnded || a.State == WasExpiry {
			continue
		}
		done, err := n.AgreementBundle(ctx, a.ID)
		if err != nil {
			return SignedAgreement{}, err
		}
		old := done.Statement
		if slices.Equal(old.Recognizes, s.Recognizes) && slices.Equal(old.Authorizes, s.Authorizes) && old.Comment == s.Comment && old.Until.Equal(s.Until) && (!begins || old.From.Equal(s.From)) {
			return done, nil
		}
	}
	return SignedAgreement{}, nil
}

func (n *Node) shown(a Agreement, b recognition.Bundle) (SignedAgreement, error) {
	raw, err := json.Marshal(b)
	if err != nil {
		return SignedAgreement{}, err
	}
	s, err := signedIn(b)
	return SignedAgreement{Agreement: a, Address: n.agreementAddress(a.ID), Bundle: raw, Statement: s}, err
}

func (n *Node) agreementAddress(id string) string {
	return n.set.Base + "/agreements/" + strings.TrimPrefix(id, "urn:uuid:")
}

// TakeAgreementRequest names an agreement by the address where a partner
// publishes it, or brings it.
type TakeAgreementRequest struct {
	Address string `json:"address,omitempty"`
	Bundle  []byte `json:"bundle,omitempty"`
}

func (n *Node) openAgreement(ctx context.Context, r TakeAgreementRequest) (s recognition.Statement, b recognition.Bundle, err error) {
	raw := r.Bundle
	if r.Address != "" {
		if raw, err = n.party.Get(ctx, r.Address); err != nil {
			return s, b, err
		}
	}
	if b, err = recognition.ParseBundle(raw); err == nil {
		s, err = recognition.Open(ctx, n.party.Verifier, b, n.now())
	}
	if errors.Is(err, recognition.ErrStatement) {
		err = fmt.Errorf("%w: %v", ErrInput, err)
	}
	if err == nil && s.Kind != recognition.Agreement {
		err = fmt.Errorf("%w: this is an %s, not a partner agreement", ErrInput, s.Kind)
	}
	return s, b, err
}

// ReviewAgreement verifies an agreement that a partner signed and says what it
// is, without agreeing to anything.
func (n *Node) ReviewAgreement(ctx context.Context, r TakeAgreementRequest) (recognition.Statement, error) {
	s, _, err := n.openAgreement(ctx, r)
	return s, err
}

// Countersign signs an agreement in which a partner recognises this node's
// badges. The partner fetches the countersignature from this node's address;
// its bundle can also be handed over as a file. Twice is no error.
func (n *Node) Countersign(ctx context.Context, r TakeAgreementRequest) (SignedAgreement, error) {
	s, b, err := n.openAgreement(ctx, r)
	if err != nil {
		return SignedAgreement{}, err
	}
	switch {
	case s.Of != n.id.String():
		return SignedAgreement{}, fmt.Errorf("%w: this agreement is with %s, not with %s; only its partner can countersign it", ErrInput, s.Of, n.id)
	case s.Ended || !s.Until.IsZero() && !n.now().Before(s.Until):
		return SignedAgreement{}, fmt.Errorf("%w: this agreement ended on %s", ErrInput, s.Until.Format(time.DateOnly))
	case s.Standing == requirement.Uncertain:
		return SignedAgreement{}, fmt.Errorf("whether this agreement can be relied on could not be told; try again later: %s", s.Why)
	case s.Why != "":
		return SignedAgreement{}, fmt.Errorf("%w: this agreement cannot be relied on now: %s", ErrInput, s.Why)
	}
	if done, err := n.countersigned(ctx, s, b); err != nil || done.ID != "" {
		return done, err
	}
	a := Agreement{ID: s.ID, State: InForce, Name: s.Name, Partner: s.By, PartnerName: s.ByName, PartnerBase: baseOf(r.Address, "/agreements/"), From: s.From, Until: s.Until, Updated: n.now().UTC()}
	d := recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Countersignature: " + s.Name, Of: s.ID, From: n.second(), Until: s.Until, Comment: "We countersign this agreement."},
		Resources: []credentials.Resource{{ID: s.ID, MediaType: "application/vc", DigestMultibase: recognition.Digest(b.Agreement)}},
	}
	whole := recognition.Bundle{Agreement: b.Agreement}
	_, _, err = n.issueStatement(ctx, "countersignature", d, func(tx *store.Tx, doc Document, signed []byte) error {
		if err := n.unused(tx, a.ID); err != nil {
			return err
		}
		a.Signature, whole.Countersignatures = doc.ID, [][]byte{signed}
		if err := putBundle(tx, a.ID, whole); err != nil {
			return err
		}
		if err := agreements.Insert(tx, a); err != nil {
			return err
		}
		return n.note(tx, "agreement.countersigned", operator.tell(map[string]any{"agreement": a.ID, "partner": a.Partner}))
	})
	if errors.Is(err, errUsed) { // by another call, at the same time
		if done, known := n.countersigned(ctx, s, b); known != nil || done.ID != "" {
			return done, known
		}
	}
	if err != nil {
		return SignedAgreement{}, err
	}
	return n.shown(a, whole)
}

// countersigned returns the agreement if it was countersigned here, and an
// empty one if not. Its id decides nothing: the partner chose it.
func (n *Node) countersigned(ctx context.Context, s recognition.Statement, b recognition.Bundle) (out SignedAgreement, err error) {
	var a Agreement
	var own recognition.Bundle
	err = n.db.View(ctx, func(tx *store.Tx) error {
		if a, err = agreements.Get(tx, s.ID); errors.Is(err, store.ErrNotFound) {
			return n.unused(tx, s.ID)
		} else if err == nil {
			own, err = getBundle(tx, a.ID)
		}
		return err
	})
	switch {
	case err != nil || a.ID == "":
		return out, err
	case a.Ours || a.Partner != s.By || !bytes.Equal(own.Agreement, b.Agreement):
		return out, fmt.Errorf("%w: %w by another agreement; the partner must sign it anew", ErrInput, errUsed)
	case a.State == WasEnded:
		return out, fmt.Errorf("%w: this agreement was ended here: %s", ErrInput, a.Reason)
	}
	return n.shown(a, own)
}

// baseOf returns the public address before a part of its path.
func baseOf(address, part string) string {
	base, _, ok := strings.Cut(address, part)
	if !ok {
		return ""
	}
	return base
}

// TakeAgreement brings in a partner's countersignature of an agreement that
// this node signed, which is then in force.
func (n *Node) TakeAgreement(ctx context.Context, r TakeAgreementRequest) (SignedAgreement, error) {
	s, b, err := n.openAgreement(ctx, r)
	if err != nil {
		return SignedAgreement{}, err
	}
	switch {
	case s.By != n.id.String() && s.Of == n.id.String():
		return SignedAgreement{}, fmt.Errorf("%w: this agreement waits for your own signature: trustme node agreement countersign", ErrInput)
	case s.By != n.id.String():
		return SignedAgreement{}, fmt.Errorf("%w: this agreement is between %s and %s, and none of this node's", ErrInput, s.By, s.Of)
	case !s.Countersigned() && s.Unjudged != "":
		return SignedAgreement{}, fmt.Errorf("whether the partner countersigned it could not be told; try again later: %s", s.Unjudged)
	case !s.Countersigned():
		return SignedAgreement{}, fmt.Errorf("%w: the partner has not countersigned it yet", ErrInput)
	}
	var a Agreement
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if a, err = agreements.Get(tx, s.ID); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no agreement %q was signed here", ErrNotFound, s.ID)
		} else if err != nil {
			return err
		}
		own, err := getBundle(tx, a.ID)
		if err != nil {
			return err
		}
		if string(own.Agreement) != string(b.Agreement) {
			return fmt.Errorf("%w: the partner countersigned another text than the one that this node keeps", ErrInput)
		}
		if a.State != Proposed {
			return nil // known
		}
		own.Countersignatures = b.Countersignatures
		if err := putBundle(tx, a.ID, own); err != nil {
			return err
		}
		a.State, a.Updated = InForce, n.now().UTC()
		if err := agreements.Put(tx, a); err != nil {
			return err
		}
		return n.note(tx, "agreement.in-force", map[string]any{"agreement": a.ID, "partner": a.Partner, "by": a.Partner})
	})
	if err != nil {
		return SignedAgreement{}, err
	}
	if err := n.endReplaced(ctx, a); err != nil {
		return SignedAgreement{}, err
	}
	return n.AgreementBundle(ctx, a.ID)
}

// Agreement returns a record, by its id or the beginning of what follows
// urn:uuid: in it. The error wraps [ErrNotFound].
func (n *Node) Agreement(ctx context.Context, id string) (Agreement, error) {
	all, err := n.Agreements(ctx)
	if err != nil {
		return Agreement{}, err
	}
	short := strings.TrimPrefix(id, "urn:uuid:")
	fits := slices.DeleteFunc(all, func(a Agreement) bool {
		return short == "" || !strings.HasPrefix(strings.TrimPrefix(a.ID, "urn:uuid:"), short)
	})
	switch len(fits) {
	case 0:
		return Agreement{}, fmt.Errorf("%w: no agreement %q; `trustme node agreement list` lists them", ErrNotFound, id)
	case 1:
		return fits[0], nil
	}
	return Agreement{}, fmt.Errorf("%w: %d agreements begin with %q; give more of the id", ErrInput, len(fits), id)
}

// Agreements lists the records, newest first.
func (n *Node) Agreements(ctx context.Context) (out []Agreement, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range agreements.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if a.State == InForce && !a.Until.IsZero() && !n.now().Before(a.Until) {
				a.State = WasExpiry
			}
			out = append(out, a)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Agreement) int { return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// AgreementBundle returns a record with what is signed.
func (n *Node) AgreementBundle(ctx context.Context, id string) (SignedAgreement, error) {
	a, err := n.Agreement(ctx, id)
	if err != nil {
		return SignedAgreement{}, err
	}
	var b recognition.Bundle
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		b, err = getBundle(tx, a.ID)
		return err
	})
	if err != nil {
		return SignedAgreement{}, err
	}
	return n.shown(a, b)
}

// public agreements are those in which this node signed something.
func (n *Node) publicBundles(ctx context.Context, keep func(Agreement) bool) ([]recognition.Bundle, error) {
	out := []recognition.Bundle{}
	all, err := n.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for _, a := range all {
			if !keep(a) {
				continue
			}
			b, err := getBundle(tx, a.ID)
			if err != nil {
				return err
			}
			out = append(out, b)
		}
		return nil
	})
	return out, err
}

// serveAgreements lists what this node recognises of its partners' badges, for
// whoever goes by its word.
func (n *Node) serveAgreements(w http.ResponseWriter, r *http.Request) {
	all, err := n.publicBundles(r.Context(), func(a Agreement) bool { return a.Ours && a.State != Proposed })
	n.sendJSON(w, r, all, err)
}

func (n *Node) serveAgreement(w http.ResponseWriter, r *http.Request) {
	id := "urn:uuid:" + r.PathValue("id")
	all, err := n.publicBundles(r.Context(), func(a Agreement) bool { return a.ID == id })
	if err == nil && len(all) == 0 {
		n.fail(w, r, http.StatusNotFound, "There is no such agreement here.")
		return
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.sendJSON(w, r, all[0], nil)
}

func (n *Node) sendJSON(w http.ResponseWriter, r *http.Request, v any, err error) {
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(v)
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	send(w, r, "application/json", time.Minute, raw)
}
