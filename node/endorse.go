package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// EndorseRequest asks this node to stand behind something by its signature.
type EndorseRequest struct {
	// Of is what is endorsed: the address of an achievement or of a published
	// catalogue (.../catalogue.json), or the DID of an issuer. With Credential it
	// is that badge, with Draft the catalogue of which that is a file, which Of
	// publishes, or will: its base address.
	Of         string    `json:"of,omitempty"`
	Credential []byte    `json:"credential,omitempty"`
	Draft      []byte    `json:"draft,omitempty"`
	Comment    string    `json:"comment,omitempty"` // Markdown
	Until      time.Time `json:"until,omitzero"`
	// Ask is the request that this answers.
	Ask string `json:"ask,omitempty"`
}

// SignedEndorsement is an endorsement with its signed bytes and where it is
// served.
type SignedEndorsement struct {
	Document
	Address    string `json:"address"`
	Credential []byte `json:"credential"`
}

// Endorse signs an endorsement (Open Badges 3.0, EndorsementCredential) after
// it has looked at what is endorsed: a badge must verify, an achievement or an
// issuer must be found under its id.
func (n *Node) Endorse(ctx context.Context, r EndorseRequest) (SignedEndorsement, error) {
	if len(r.Comment) > maxComment {
		return SignedEndorsement{}, fmt.Errorf("%w: comment: it has %d bytes; write at most %d", ErrInput, len(r.Comment), maxComment)
	}
	of, name, files, err := n.endorsedThing(ctx, r)
	if err != nil {
		return SignedEndorsement{}, err
	}
	if !r.Until.IsZero() && !r.Until.After(n.now()) {
		return SignedEndorsement{}, fmt.Errorf("%w: the end %s is past", ErrInput, r.Until.Format(time.DateOnly))
	}
	if of == n.id.String() || n.ownCatalogue(of) {
		return SignedEndorsement{}, fmt.Errorf("%w: nobody gains by this node endorsing itself; ask somebody else", ErrInput)
	}
	d := recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Endorsement: " + name, Of: of, From: n.second(), Until: r.Until.UTC().Truncate(time.Second), Comment: r.Comment}, Resources: files}
	doc, signed, err := n.issueStatement(ctx, "endorsement", d, func(tx *store.Tx, doc Document, signed []byte) error {
		if r.Ask != "" {
			if err := n.giveAsked(tx, r.Ask, doc, signed); err != nil {
				return err
			}
		}
		return n.note(tx, "endorsement.given", map[string]any{"endorsement": doc.ID, "of": doc.Of})
	})
	if err != nil {
		return SignedEndorsement{}, err
	}
	return SignedEndorsement{doc, n.endorsementAddress(doc.ID), signed}, nil
}

// maxComment bounds what is said in an endorsement, in bytes.
const maxComment = 16 << 10

func (n *Node) endorsementAddress(id string) string {
	return n.set.Base + "/endorsements/" + strings.TrimPrefix(id, "urn:uuid:")
}

// endorsable returns the id and the name of what shall be endorsed.
func (n *Node) endorsable(ctx context.Context, r EndorseRequest) (of, name string, err error) {
	switch {
	case len(r.Credential) > 0:
		rep := n.party.Verifier.Report(ctx, r.Credential, credentials.ReportOptions{})
		if rep.Verdict == credentials.Invalid {
			return "", "", fmt.Errorf("%w: the badge does not verify: %s", ErrInput, rep.Why())
		}
		if err := rep.Err(); err != nil {
			return "", "", err
		}
		c, _, err := credentials.ParseAny(r.Credential)
		if err != nil || r.Of != "" && r.Of != c.ID() {
			return "", "", fmt.Errorf("%w: the badge is %s, and not %s", ErrInput, c.ID(), r.Of)
		}
		return c.ID(), c.Name(), nil
	case strings.HasPrefix(r.Of, "did:"):
		id, err := did.Parse(r.Of)
		if err != nil {
			return "", "", fmt.Errorf("%w: %v", ErrInput, err)
		}
		_, err = n.party.Resolver.Resolve(ctx, id)
		if errors.Is(err, did.ErrNotFound) || errors.Is(err, did.ErrInvalidDocument) {
			err = fmt.Errorf("%w: %v", ErrInput, err)
		}
		return r.Of, r.Of, err
	case strings.Contains(r.Of, "://"):
		raw, err := n.party.Get(ctx, r.Of)
		if err != nil {
			return "", "", err
		}
		v, err := jsondoc.Parse(raw)
		if err != nil || v.ID() != r.Of {
			return "", "", fmt.Errorf("%w: at %s is no achievement of that id", ErrInput, r.Of)
		}
		name, _ := v.Get("name").Text()
		return r.Of, name, nil
	}
	return "", "", fmt.Errorf("%w: %q is nothing that can be endorsed: name the address of an achievement, the DID of an issuer, or the file of a badge", ErrInput, r.Of)
}

// WithdrawRequest takes back what was signed.
type WithdrawRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// WithdrawEndorsement takes an endorsement back for good: from the next
// publication of the status lists on it verifies no more.
func (n *Node) WithdrawEndorsement(ctx context.Context, r WithdrawRequest) (Document, error) {
	if r.Reason == "" {
		return Document{}, fmt.Errorf("%w: give a reason; it is kept in the journal", ErrInput)
	}
	var d Document
	err := n.db.Update(ctx, func(tx *store.Tx) (err error) {
		if d, err = documents.Get(tx, fullID(r.ID)); errors.Is(err, store.ErrNotFound) || err == nil && d.Kind != "endorsement" {
			return fmt.Errorf("%w: no endorsement %q was given here", ErrNotFound, r.ID)
		} else if err != nil || d.Standing == Revoked {
			return err
		}
		if d, err = n.setDocument(tx, d.ID, Revoked, r.Reason); err != nil {
			return err
		}
		return n.note(tx, "endorsement.withdrawn", map[string]any{"endorsement": d.ID, "reason": r.Reason})
	})
	if err != nil {
		return d, err
	}
	return d, n.tell(ctx, d)
}

func fullID(id string) string {
	if strings.Contains(id, ":") {
		return id
	}
	return "urn:uuid:" + id
}

// Endorsements lists what this node endorses, and what it was asked to.
type Endorsements struct {
	Given  []Document            `json:"given"`
	Wanted []exchange.EndorseAsk `json:"wanted"`
	// Ours are endorsements of this node, its achievements or its badges.
	Ours []Endorsed `json:"ours"`
}

// Endorsements returns the endorsements that were given, taken in and asked
// for.
func (n *Node) Endorsements(ctx context.Context) (Endorsements, error) {
	out := Endorsements{Given: []Document{}, Wanted: []exchange.EndorseAsk{}, Ours: []Endorsed{}}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		for d, err := range documents.By(tx, "kind", "endorsement") {
			if err != nil {
				return err
			}
			out.Given = append(out.Given, d)
		}
		for a, err := range exchange.EndorseWanted.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out.Wanted = append(out.Wanted, a)
		}
		for e, err := range endorsed.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out.Ours = append(out.Ours, e)
		}
		return nil
	})
}

// giveAsked answers a request with what was signed.
func (n *Node) giveAsked(tx *store.Tx, id string, doc Document, signed []byte) error {
	a, err := exchange.EndorseWanted.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: no request %q", ErrNotFound, id)
	}
	if err != nil {
		return err
	}
	if a.Of != doc.Of {
		return fmt.Errorf("%w: the request is about %s, and not about %s", ErrInput, a.Of, doc.Of)
	}
	c, err := connection(tx, a.Connection)
	if err != nil {
		return err
	}
	return n.answered(a.Give(tx, c, doc.ID, signed, n.now()))
}

func (n *Node) answered(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %v", ErrInput, err)
	}
	return nil
}

// AnswerEndorsementRequest gives or declines what a wallet asked for.
type AnswerEndorsementRequest struct {
	ID      string    `json:"id"`
	Decline string    `json:"decline,omitempty"` // the reason; empty to give
	Comment string    `json:"comment,omitempty"`
	Until   time.Time `json:"until,omitzero"`
}

// AnswerEndorsement gives or declines a requested endorsement. The answer
// travels to the wallet that asked.
func (n *Node) AnswerEndorsement(ctx context.Context, r AnswerEndorsementRequest) (exchange.EndorseAsk, error) {
	var a exchange.EndorseAsk
	var badge []byte
	get := func(tx *store.Tx) (err error) {
		if a, err = exchange.EndorseWanted.Get(tx, r.ID); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no request %q; `trustme node endorsement list` lists them", ErrNotFound, r.ID)
		} else if err != nil {
			return err
		}
		badge, err = store.GetLarge(tx, wantedKey(a.ID))
		return ignoreMissing(err)
	}
	if err := n.db.View(ctx, get); err != nil {
		return a, err
	}
	if a.State != exchange.EndorseAsked {
		return a, fmt.Errorf("%w: this request was answered already: it is %s", ErrInput, a.State)
	}
	var err error
	if r.Decline != "" {
		err = n.db.Update(ctx, func(tx *store.Tx) error {
			c, err := connection(tx, a.Connection)
			if err != nil {
				return err
			}
			if err := n.answered(a.Decline(tx, c, r.Decline, n.now())); err != nil {
				return err
			}
			return n.note(tx, "endorsement.declined", map[string]any{"request": a.ID, "of": a.Of})
		})
	} else {
		_, err = n.Endorse(ctx, EndorseRequest{Of: a.Of, Credential: badge, Comment: r.Comment, Until: r.Until, Ask: a.ID})
	}
	if err != nil {
		return a, err
	}
	n.wake(ctx, a.Connection)
	return a, n.db.View(ctx, get)
}

func wantedKey(id string) []byte { return []byte("endorse-badge/" + id) }

// keepWanted implements [exchange.Endorser.Keep].
func (n *Node) keepWanted(tx *store.Tx, a exchange.EndorseAsk, badge []byte) error {
	if badge != nil {
		if err := store.PutLarge(tx, wantedKey(a.ID), badge); err != nil {
			return err
		}
	}
	return n.note(tx, "endorsement.asked", map[string]any{"request": a.ID, "of": a.Of})
}

// serveEndorsement answers with an endorsement that this node signed.
func (n *Node) serveEndorsement(w http.ResponseWriter, r *http.Request) {
	var raw []byte
	err := n.db.View(r.Context(), func(tx *store.Tx) error {
		d, err := documents.Get(tx, "urn:uuid:"+r.PathValue("id"))
		if err == nil && d.Kind == "endorsement" {
			raw, err = store.GetLarge(tx, credentialKey(d.ID))
		}
		return ignoreMissing(err)
	})
	switch {
	case err != nil:
		n.broken(w, r, err)
	case raw == nil:
		n.fail(w, r, http.StatusNotFound, "There is no such endorsement here.")
	default:
		send(w, r, "application/vc", time.Hour, raw)
	}
}

func (n *Node) adminEndorsements(mux *http.ServeMux) {
	handle(mux, "POST /endorsements", n.Endorse)
	handle(mux, "POST /endorsements/withdraw", n.WithdrawEndorsement)
	handle(mux, "POST /endorsements/answer", n.AnswerEndorsement)
	handle(mux, "POST /endorsements/take", n.TakeEndorsement)
	handle(mux, "POST /endorsements/drop", n.DropEndorsement)
	mux.HandleFunc("GET /endorsements", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Endorsements(r.Context())
		answer(w, all, err)
	})
}

// Endorse signs an endorsement.
func (c *Client) Endorse(ctx context.Context, r EndorseRequest) (e SignedEndorsement, err error) {
	return e, c.call(ctx, http.MethodPost, "/endorsements", r, &e)
}

// WithdrawEndorsement takes an endorsement back.
func (c *Client) WithdrawEndorsement(ctx context.Context, r WithdrawRequest) (d Document, err error) {
	return d, c.call(ctx, http.MethodPost, "/endorsements/withdraw", r, &d)
}

// AnswerEndorsement gives or declines a requested endorsement.
func (c *Client) AnswerEndorsement(ctx context.Context, r AnswerEndorsementRequest) (a exchange.EndorseAsk, err error) {
	return a, c.call(ctx, http.MethodPost, "/endorsements/answer", r, &a)
}

// TakeEndorsement brings in somebody's endorsement of the node.
func (c *Client) TakeEndorsement(ctx context.Context, r TakeEndorsementRequest) (e Endorsed, err error) {
	return e, c.call(ctx, http.MethodPost, "/endorsements/take", r, &e)
}

// DropEndorsement leaves an endorsement out of badges to come.
func (c *Client) DropEndorsement(ctx context.Context, r WithdrawRequest) (e Endorsed, err error) {
	return e, c.call(ctx, http.MethodPost, "/endorsements/drop", r, &e)
}

// Endorsements lists endorsements given, asked for and taken in.
func (c *Client) Endorsements(ctx context.Context) (e Endorsements, err error) {
	return e, c.call(ctx, http.MethodGet, "/endorsements", nil, &e)
}
