package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/store"
)

// Document is the record of something that this node signed and that is no
// badge: an endorsement, an agreement, a countersignature, a transcript. The
// signed bytes are kept apart, under the same id.
type Document struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Of       string    `json:"of"` // whom or what it is about
	Standing Standing  `json:"standing"`
	Reason   string    `json:"reason,omitempty"`
	Purpose  string    `json:"purpose"`
	List     int       `json:"list"`
	Index    int       `json:"index"`
	Signed   time.Time `json:"signed"`
	Until    time.Time `json:"until,omitzero"`
	Updated  time.Time `json:"updated"`
}

var documents = store.NewCollection("document", func(d Document) string { return d.ID },
	store.Index[Document]{Name: "kind", Values: func(d Document) []string { return []string{d.Kind} }},
	store.Index[Document]{Name: "of", Values: func(d Document) []string { return []string{d.Of} }})

// errUsed says that an id names something else here. Whoever signs a document
// chooses its id, so that it must not replace what is kept under the same.
var errUsed = errors.New("its id is in use here")

// unused refuses an id of a partner's document that is none of ours, or that
// already names something.
func (n *Node) unused(tx *store.Tx, id string) error {
	if !isURN(id) {
		return fmt.Errorf("%w: its id %.60q is none such as urn:uuid:4c1e3d0a-...; the partner must sign it anew", ErrInput, id)
	}
	for _, get := range []func() error{
		func() error { _, err := agreements.Get(tx, id); return err },
		func() error { _, err := learnings.Get(tx, id); return err },
		func() error { _, err := documents.Get(tx, id); return err },
		func() error { _, err := awards.Get(tx, id); return err },
	} {
		switch err := get(); {
		case err == nil:
			return fmt.Errorf("%w: %w", ErrInput, errUsed)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return nil
}

// isURN reports whether an id is a UUID as a URN, in lower case (RFC 9562 §4).
func isURN(id string) bool {
	digits, ok := strings.CutPrefix(id, "urn:uuid:")
	if !ok || len(digits) != 36 {
		return false
	}
	for i, c := range []byte(digits) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return false
		}
	}
	return true
}

// second is now, as documents write it.
func (n *Node) second() time.Time { return n.now().UTC().Truncate(time.Second) }

// signStatement signs a draft as this node and verifies it as a stranger would.
func (n *Node) signStatement(ctx context.Context, d recognition.Draft) ([]byte, error) {
	d.Issuer = credentials.Profile{ID: n.id.String(), Name: n.set.Name}
	unsigned, err := d.Build()
	if err != nil {
		return nil, err
	}
	s, err := n.signer(ctx)
	if err != nil {
		return nil, err
	}
	v, err := credentials.Issue(ctx, n.party.Verifier, unsigned, s, n.now())
	if err != nil {
		return nil, err
	}
	return v.Credential().Bytes(), nil
}

// issueStatement signs a draft with a status of its own, keeps it, and writes
// what also writes in the same transaction. A stop in between loses no more
// than an index of a status list.
func (n *Node) issueStatement(ctx context.Context, kind string, d recognition.Draft, also func(tx *store.Tx, doc Document, signed []byte) error) (Document, []byte, error) {
	now := n.second()
	purpose := status.Suspension
	if kind == "endorsement" {
		purpose = status.Revocation // it is withdrawn for good, never for a time
	}
	doc := Document{ID: d.ID, Kind: kind, Name: d.Name, Of: d.Of, Standing: Active, Purpose: purpose, Signed: now, Until: d.Until, Updated: now}
	err := n.db.Update(ctx, func(tx *store.Tx) (err error) {
		doc.List, doc.Index, err = n.allocate(tx, doc.Purpose)
		return err
	})
	if err != nil {
		return doc, nil, err
	}
	if err := n.ensureList(ctx, doc.List, doc.Purpose); err != nil {
		return doc, nil, err
	}
	list := n.listURL(doc.List, doc.Purpose)
	d.Status = &status.Entry{ID: fmt.Sprintf("%s#%d", list, doc.Index), Purpose: doc.Purpose, Index: doc.Index, List: list}
	signed, err := n.signStatement(ctx, d)
	if err != nil {
		return doc, nil, err
	}
	return doc, signed, n.db.Update(ctx, func(tx *store.Tx) error {
		if err := documents.Insert(tx, doc); err != nil {
			return err
		}
		if err := store.PutLarge(tx, credentialKey(doc.ID), signed); err != nil {
			return err
		}
		return also(tx, doc, signed)
	})
}

// setDocument sets the standing of a document, in the caller's transaction;
// what the lists say follows by [Node.recall]. Documents name a suspension
// list: their bit is reinstated, or stays for good.
func (n *Node) setDocument(tx *store.Tx, id string, to Standing, reason string) (Document, error) {
	d, err := documents.Get(tx, id)
	if err != nil {
		return d, err
	}
	if d.Standing == Revoked && to != Revoked {
		return d, fmt.Errorf("%w: %s was withdrawn, and that is final", ErrInput, d.Name)
	}
	d.Standing, d.Reason, d.Updated = to, reason, n.now().UTC()
	if err := documents.Put(tx, d); err != nil {
		return d, err
	}
	return d, n.setBit(tx, d.List, d.Purpose, d.Index, to != Active)
}

// tell publishes the standing of a document: with the next beat while the node
// serves, else at once, on disk.
func (n *Node) tell(ctx context.Context, d Document) error {
	if err := n.recall(ctx, d.List, d.Purpose, d.Index); err != nil {
		return err
	}
	published, err := n.published(ctx)
	if err == nil && !published {
		err = n.Publish(ctx)
	}
	return err
}
