package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/internal/application"
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
	p, err := n.personOf(ctx, r.Who)
	if err != nil {
		return out, err
	}
	var files []string
	for more := true; more; { // a transaction touches few keys
		err := n.db.Update(ctx, func(tx *store.Tx) error {
			step := Erased{}
			var gone []string
			more = false
			for _, e := range []func(*store.Tx, person, *Erased, *[]string) (bool, error){n.eraseApplication, n.eraseLearning, n.eraseAward, n.erasePresented, n.eraseAsked, n.eraseDue, n.eraseConnection} {
				did, err := e(tx, p, &step, &gone)
				if err != nil {
					return err
				}
				if more = did; more {
					break
				}
			}
			files = append(files, gone...)
			out.Connections, out.Applications, out.Badges = out.Connections+step.Connections, out.Applications+step.Applications, out.Badges+step.Badges
			if more {
				return nil
			}
			return n.note(tx, "person.erased", map[string]any{"connections": out.Connections, "applications": out.Applications, "badges": out.Badges})
		})
		if err != nil {
			return out, err
		}
	}
	for _, digest := range files { // others may have handed in the same bytes
		used, err := n.fileInUse(ctx, digest)
		if err != nil {
			return out, err
		}
		if used {
			continue
		}
		if err := n.db.DeleteBlob(digest); err != nil {
			return out, err
		}
		out.Files++
	}
	return out, nil
}

// person is who shall be forgotten: all DIDs and connections that the records
// show to be theirs.
type person struct {
	connections, dids []string
	email             string
}

func (p person) is(q application.Person) bool {
	return slices.Contains(p.connections, q.Connection) || slices.Contains(p.dids, q.DID)
}

func (p person) holds(a Award) bool {
	return p.email != "" && a.Recipient.Email == p.email || p.is(application.Person{DID: a.Recipient.DID, Connection: a.Recipient.Connection})
}

func (n *Node) personOf(ctx context.Context, who string) (p person, err error) {
	if who == "" {
		return p, fmt.Errorf("%w: name a connection, a DID or an e-mail address", ErrInput)
	}
	to := Recipient{Connection: who}
	switch {
	case len(who) > 4 && who[:4] == "did:":
		to = Recipient{DID: who}
	case slices.Contains([]byte(who), '@'):
		to = Recipient{Email: Recipient{Email: who}.normal().Email}
	}
	p.email = to.Email
	p.connections, p.dids = only(to.Connection), only(to.DID)
	found := false
	err = n.db.View(ctx, func(tx *store.Tx) error {
		if to.Connection != "" {
			if _, err := exchange.Connections.Get(tx, to.Connection); err == nil {
				found = true
			} else if err := ignoreMissing(err); err != nil {
				return err
			}
		}
		for grew := true; grew; {
			grew = false
			for a, err := range awards.List(tx, store.Range{}) {
				if err != nil {
					return err
				}
				if !p.holds(a) {
					continue
				}
				found = true
				for _, x := range []struct {
					v  string
					in *[]string
				}{{a.Recipient.DID, &p.dids}, {a.Recipient.Connection, &p.connections}} {
					if x.v != "" && !slices.Contains(*x.in, x.v) {
						*x.in, grew = append(*x.in, x.v), true
					}
				}
			}
			for a, err := range applications.List(tx, store.Range{}) {
				if err != nil {
					return err
				}
				if !p.is(a.Applicant) {
					continue
				}
				found = true
				if d := a.Applicant.DID; d != "" && !slices.Contains(p.dids, d) {
					p.dids, grew = append(p.dids, d), true
				}
				if c := a.Applicant.Connection; c != "" && !slices.Contains(p.connections, c) {
					p.connections, grew = append(p.connections, c), true
				}
			}
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: nothing is kept about %q", ErrNotFound, who)
	}
	return p, err
}

// Each of these removes one thing and reports whether there was one.

func (n *Node) eraseApplication(tx *store.Tx, p person, out *Erased, files *[]string) (bool, error) {
	for l, err := range applications.List(tx, store.Range{}) {
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
		*files = append(*files, l.Files...)
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

func (n *Node) eraseLearning(tx *store.Tx, p person, _ *Erased, _ *[]string) (bool, error) {
	for l, err := range learnings.List(tx, store.Range{}) {
		if err != nil {
			return false, err
		}
		if !slices.Contains(p.dids, l.Learner) && !slices.Contains(p.connections, l.Connection) {
			continue
		}
		if err := store.DeleteLarge(tx, bundleKey(l.ID)); err != nil {
			return false, err
		}
		if err := store.DeleteLarge(tx, credentialKey(l.ID)); err != nil {
			return false, err
		}
		return true, learnings.Delete(tx, l.ID)
	}
	return false, nil
}

// eraseAward keeps of a badge what its status needs, and no person.
func (n *Node) eraseAward(tx *store.Tx, p person, out *Erased, _ *[]string) (bool, error) {
	for a, err := range awards.List(tx, store.Range{}) {
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
		return true, store.DeleteLarge(tx, credentialKey(a.ID))
	}
	return false, nil
}

func (n *Node) erasePresented(tx *store.Tx, p person, _ *Erased, _ *[]string) (bool, error) {
	for s, err := range presented.List(tx, store.Range{}) {
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

func (n *Node) eraseAsked(tx *store.Tx, p person, _ *Erased, _ *[]string) (bool, error) {
	for a, err := range exchange.EndorseWanted.List(tx, store.Range{}) {
		if err != nil {
			return false, err
		}
		if !slices.Contains(p.connections, a.Connection) {
			continue
		}
		if err := store.DeleteLarge(tx, wantedKey(a.ID)); err != nil {
			return false, err
		}
		return true, exchange.EndorseWanted.Delete(tx, a.ID)
	}
	return false, nil
}

func (n *Node) eraseDue(tx *store.Tx, p person, _ *Erased, _ *[]string) (bool, error) {
	for _, id := range p.dids {
		if _, err := dues.Get(tx, id); err == nil {
			return true, dues.Delete(tx, id)
		} else if err := ignoreMissing(err); err != nil {
			return false, err
		}
	}
	return false, nil
}

// eraseConnection ends a connection, with what waits for it.
func (n *Node) eraseConnection(tx *store.Tx, p person, out *Erased, _ *[]string) (bool, error) {
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
