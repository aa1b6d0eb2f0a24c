package node

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// person is who shall be forgotten: all DIDs and connections that the records
// show to be theirs.
type person struct {
	connections, dids []string
	email             string
	kept              bool // a record names them
}

func (p person) is(q application.Person) bool {
	return slices.Contains(p.connections, q.Connection) || slices.Contains(p.dids, q.DID)
}

func (p person) holds(a Award) bool {
	return p.email != "" && a.Recipient.Email == p.email || p.is(application.Person{DID: a.Recipient.DID, Connection: a.Recipient.Connection})
}

// of yields the records of a collection that its indexes have under any of the
// person's names.
func of[T any](tx *store.Tx, c store.Collection[T], names map[string][]string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for index, values := range names {
			for _, value := range values {
				for v, err := range c.By(tx, index, value) {
					if !yield(v, err) {
						return
					}
				}
			}
		}
	}
}

func (p person) awards(tx *store.Tx) iter.Seq2[Award, error] {
	return of(tx, awards, map[string][]string{"recipient": slices.Concat(p.dids, p.connections), "email": only(p.email)})
}

func (p person) applications(tx *store.Tx) iter.Seq2[ApplicationLine, error] {
	return of(tx, applications, map[string][]string{"applicant": slices.Concat(p.dids, p.connections)})
}

func (p person) learnings(tx *store.Tx) iter.Seq2[LearningRecord, error] {
	return of(tx, learnings, map[string][]string{"learner": p.dids, "connection": p.connections})
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
		for _, id := range p.dids {
			for _, err := range tx.Scan(store.Range{Prefix: n.unitsOf(id), KeysOnly: true, Limit: 1}) {
				if err != nil {
					return err
				}
				found = true
			}
		}
		for grew := true; grew; {
			if grew, err = p.grow(tx); err != nil {
				return err
			}
			found = found || grew
		}
		return nil
	})
	found = found || p.kept
	if err == nil && !found {
		err = fmt.Errorf("%w: nothing is kept about %q", ErrNotFound, who)
	}
	return p, err
}

// grow adds the DIDs and connections that records show to be of the same
// person, and reports whether there were any.
func (p *person) grow(tx *store.Tx) (grew bool, err error) {
	same := func(q application.Person) {
		p.kept = true
		if q.DID != "" && !slices.Contains(p.dids, q.DID) {
			p.dids, grew = append(p.dids, q.DID), true
		}
		if q.Connection != "" && !slices.Contains(p.connections, q.Connection) {
			p.connections, grew = append(p.connections, q.Connection), true
		}
	}
	for a, err := range p.awards(tx) {
		if err != nil {
			return false, err
		}
		if p.holds(a) {
			same(application.Person{DID: a.Recipient.DID, Connection: a.Recipient.Connection})
		}
	}
	for a, err := range p.applications(tx) {
		if err != nil {
			return false, err
		}
		if p.is(a.Applicant) {
			same(a.Applicant)
		}
	}
	for l, err := range p.learnings(tx) {
		if err != nil {
			return false, err
		}
		if q := (application.Person{DID: l.Learner, Connection: l.Connection}); l.AtHome && p.is(q) { // elsewhere anybody may have brought it
			same(q)
		}
	}
	return grew, nil
}
