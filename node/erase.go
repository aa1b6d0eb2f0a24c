package node

import (
	"context"
	"errors"
	"slices"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// EraseRequest names a person by a connection, a DID or an e-mail address.
type EraseRequest struct {
	Who string `json:"who"`
}

// Erased counts what was removed.
type Erased struct {
	Connections  int `json:"connections"`
	Applications int `json:"applications"`
	Files        int `json:"files"`
	Badges       int `json:"badges"` // records without a person now
}

// Erase removes what this node keeps about a person: connections and what
// waits for them, applications, reviews of them, evidence, learning
// agreements, presentations, and the person in the records of badges. Badges
// stay valid in the learner's wallet, and can be revoked by their id. The
// journal stays whole: it names ids and nobody. A backup of before still holds
// what it held. Erase can be repeated.
func (n *Node) Erase(ctx context.Context, r EraseRequest) (Erased, error) {
	var out Erased
	if err := n.indexAll(ctx); err != nil { // nothing is to be missed
		return out, err
	}
	p, err := n.personOf(ctx, r.Who)
	if err != nil {
		return out, err
	}
	for more := true; more; { // a transaction touches few keys
		var step Erased // of this run: a transaction may run more than once
		err := n.db.Update(ctx, func(tx *store.Tx) error {
			step, more = Erased{}, false
			for _, e := range []func(*store.Tx, person, *Erased) (bool, error){n.eraseApplication, n.eraseLearning, n.eraseAward, n.eraseSaid, n.erasePresented, n.eraseAsked, n.eraseDue, n.eraseUnits, n.eraseConnection} {
				did, err := e(tx, p, &step)
				if err != nil {
					return err
				}
				if more = did; more {
					return nil
				}
			}
			return n.note(tx, "person.erased", map[string]any{"connections": out.Connections, "applications": out.Applications, "badges": out.Badges})
		})
		if err != nil {
			return out, err
		}
		out.Connections, out.Applications, out.Badges = out.Connections+step.Connections, out.Applications+step.Applications, out.Badges+step.Badges
	}
	out.Files, err = n.eraseFiles(ctx)
	return out, err
}

// erasing is a file whose records are gone: it goes too, also when the node
// stops in between.
type erasing struct {
	Digest string `json:"digest"`
}

var erasings = store.NewCollection("erasing", func(e erasing) string { return e.Digest })

// eraseLeft goes on with what a stop interrupted.
func (n *Node) eraseLeft(ctx context.Context) error {
	_, err := n.eraseFiles(ctx)
	return err
}

// eraseFiles removes the files that are to go, unless others handed in the same
// bytes.
func (n *Node) eraseFiles(ctx context.Context) (gone int, err error) {
	var all []erasing
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for e, err := range erasings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		used, err := n.fileInUse(ctx, e.Digest)
		if err != nil {
			return gone, err
		}
		if !used {
			if err := n.db.DeleteBlob(e.Digest); err != nil {
				return gone, err
			}
			gone++
		}
		if err := n.db.Update(ctx, func(tx *store.Tx) error { return erasings.Delete(tx, e.Digest) }); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// Each of these removes one thing and reports whether there was one.

func (n *Node) eraseApplication(tx *store.Tx, p person, out *Erased) (bool, error) {
	for l, err := range p.applications(tx) {
		if err != nil {
			return false, err
		}
		if !p.is(l.Applicant) {
			continue
		}
		a, err := getApplication(tx, l.ID)
		if err != nil {
			return false, err
		}
		for _, digest := range l.Files {
			if err := erasings.Put(tx, erasing{digest}); err != nil {
				return false, err
			}
		}
		for _, r := range a.Reviews {
			for _, what := range []string{"signed", "document"} {
				if err := store.DeleteLarge(tx, reviewKey(r.ID, what)); err != nil {
					return false, err
				}
			}
		}
		for revision := range a.Now.Revision + 2 {
			if err := store.DeleteLarge(tx, shownKey(a.ID, revision)); err != nil {
				return false, err
			}
		}
		for u, err := range uploads.By(tx, "application", a.ID) {
			if err != nil {
				return false, err
			}
			for piece, err := range tx.Scan(store.Range{Prefix: []byte("piece/" + u.ID + "/"), KeysOnly: true}) {
				if err != nil {
					return false, err
				}
				if err := store.DeleteLarge(tx, piece.Key); err != nil {
					return false, err
				}
			}
			if err := uploads.Delete(tx, u.ID); err != nil {
				return false, err
			}
		}
		out.Applications++
		return true, deleteApplication(tx, l.ID)
	}
	return false, nil
}

func (n *Node) eraseLearning(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for l, err := range p.learnings(tx) {
		if err != nil {
			return false, err
		}
		if !slices.Contains(p.dids, l.Learner) && !slices.Contains(p.connections, l.Connection) {
			continue
		}
		if err := store.DeleteLarge(tx, bundleKey(l.ID)); err != nil {
			return false, err
		}
		if err := errors.Join(n.blankDocument(tx, l.ID), n.blankAbout(tx, l.ID)); err != nil {
			return false, err
		}
		return true, learnings.Delete(tx, l.ID)
	}
	return false, nil
}

// eraseAward keeps of a badge what its status needs, and no person.
func (n *Node) eraseAward(tx *store.Tx, p person, out *Erased) (bool, error) {
	for a, err := range p.awards(tx) {
		if err != nil {
			return false, err
		}
		if !p.holds(a) {
			continue
		}
		if a.State == AwardOffered {
			a.State = AwardDeclined
		}
		a.Recipient, a.Narrative, a.Evidence, a.Items, a.Reason, a.Claim, a.Updated = Recipient{}, "", nil, nil, "", "", n.now().UTC()
		if err := awards.Put(tx, a); err != nil {
			return false, err
		}
		for o, err := range exchange.Given.By(tx, "award", a.ID) {
			if err != nil {
				return false, err
			}
			if err := exchange.Given.Delete(tx, o.ID); err != nil {
				return false, err
			}
		}
		out.Badges++
		return true, errors.Join(store.DeleteLarge(tx, credentialKey(a.ID)), n.blankAbout(tx, or(a.Credential, a.ID)))
	}
	return false, nil
}

// blankAbout removes what this node and others said about a badge or a learning
// agreement: endorsements and countersignatures. Their holder has them.
func (n *Node) blankAbout(tx *store.Tx, id string) error {
	var given, taken []string
	for d, err := range documents.By(tx, "of", id) {
		if err != nil {
			return err
		}
		given = append(given, d.ID)
	}
	for e, err := range endorsed.By(tx, "of", id) {
		if err != nil {
			return err
		}
		taken = append(taken, e.ID)
	}
	for _, id := range given {
		if err := n.blankDocument(tx, id); err != nil {
			return err
		}
	}
	for _, id := range taken {
		if err := errors.Join(endorsed.Delete(tx, id), store.DeleteLarge(tx, endorsedKey(id))); err != nil {
			return err
		}
	}
	return nil
}

// eraseSaid removes what was said about the person's DIDs themselves.
func (n *Node) eraseSaid(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for _, id := range p.dids {
		for _, err := range documents.By(tx, "of", id) {
			if err != nil {
				return false, err
			}
			return true, n.blankAbout(tx, id)
		}
	}
	return false, nil
}

// blankDocument keeps of a document what its status needs.
func (n *Node) blankDocument(tx *store.Tx, id string) error {
	d, err := documents.Get(tx, id)
	if err != nil {
		return ignoreMissing(err)
	}
	d.Name, d.Of, d.Reason, d.Updated = "", "", "", n.now().UTC()
	return errors.Join(documents.Put(tx, d), store.DeleteLarge(tx, credentialKey(id)))
}

func (n *Node) erasePresented(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for s, err := range of(tx, presented, map[string][]string{"holder": p.dids}) {
		if err != nil {
			return false, err
		}
		if !slices.Contains(p.dids, s.Holder) {
			continue
		}
		if err := store.DeleteLarge(tx, presentationKey(s.ID)); err != nil {
			return false, err
		}
		if err := exchange.Asks.Delete(tx, s.ID); err != nil {
			return false, err
		}
		return true, presented.Delete(tx, s.ID)
	}
	return false, nil
}

func (n *Node) eraseAsked(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for a, err := range of(tx, exchange.EndorseWanted, map[string][]string{"connection": p.connections}) {
		if err != nil {
			return false, err
		}
		if !slices.Contains(p.connections, a.Connection) {
			continue
		}
		if err := store.DeleteLarge(tx, wantedKey(a.ID)); err != nil {
			return false, err
		}
		if a.Endorsement != "" {
			if err := n.blankDocument(tx, a.Endorsement); err != nil {
				return false, err
			}
		}
		return true, exchange.EndorseWanted.Delete(tx, a.ID)
	}
	return false, nil
}

func (n *Node) eraseDue(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for _, id := range p.dids {
		if _, err := dues.Get(tx, id); err == nil {
			return true, dues.Delete(tx, id)
		} else if err := ignoreMissing(err); err != nil {
			return false, err
		}
	}
	return false, nil
}

// eraseUnits removes that the person's credits were counted; the journal keeps
// the sums, and names nobody.
func (n *Node) eraseUnits(tx *store.Tx, p person, _ *Erased) (bool, error) {
	for _, id := range p.dids {
		for unit, err := range tx.Scan(store.Range{Prefix: n.unitsOf(id), KeysOnly: true}) {
			if err != nil {
				return false, err
			}
			return true, tx.Delete(unit.Key)
		}
	}
	return false, nil
}

// eraseConnection ends a connection, with what waits for it.
func (n *Node) eraseConnection(tx *store.Tx, p person, out *Erased) (bool, error) {
	for _, id := range p.connections {
		c, err := exchange.Connections.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		pair, err := c.Pair()
		if err != nil {
			return false, err
		}
		waiting, err := didcomm.Pending(tx, pair, 0, 100)
		if err != nil {
			return false, err
		}
		for _, e := range waiting {
			if err := didcomm.Acknowledge(tx, pair, e.Message.ID); err != nil {
				return false, err
			}
		}
		if len(waiting) == 100 {
			return true, nil
		}
		if err := errors.Join(roles.Delete(tx, id), provenKeys.Delete(tx, id)); err != nil {
			return false, err
		}
		for _, d := range p.dids {
			if err := dues.Delete(tx, d); err != nil {
				return false, err
			}
		}
		if inv, err := invites.Get(tx, c.Invitation); err == nil && inv.Uses == 0 { // its label may be a name
			if err := invites.Delete(tx, inv.ID); err != nil {
				return false, err
			}
		} else if err := ignoreMissing(err); err != nil {
			return false, err
		}
		out.Connections++
		return true, exchange.Connections.Delete(tx, id)
	}
	return false, nil
}

// fileInUse reports whether another application holds the same bytes, or they
// are on their way for one.
func (n *Node) fileInUse(ctx context.Context, digest string) (used bool, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for _, err := range applications.By(tx, "file", digest) {
			used = err == nil
			return err
		}
		for u, err := range uploads.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			used = used || u.ID == uploadID(u.Application, digest)
		}
		return nil
	})
	return used, err
}
