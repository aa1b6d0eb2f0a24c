package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// Roles that an operator gives to a connection: who reviews applications also
// without the badge that the catalogue asks for, and who signs.
const (
	RoleReviewer = "reviewer"
	RoleOperator = "operator"
)

// Roles are those of one connection.
type Roles struct {
	Connection string   `json:"connection"`
	Roles      []string `json:"roles"`
}

var roles = store.NewCollection("role", func(r Roles) string { return r.Connection })

// provenKey is the key that somebody proved over a connection, by which they
// are told apart also over another.
type provenKey struct {
	Connection string `json:"connection"`
	DID        string `json:"did"`
}

var provenKeys = store.NewCollection("proven-key", func(k provenKey) string { return k.Connection })

// remember keeps the key of a person who reviews or signs.
func (n *Node) remember(ctx context.Context, p application.Person) error {
	known, err := n.known(ctx, p.Connection)
	if err != nil || known.DID == p.DID {
		return err
	}
	return n.db.Update(ctx, func(tx *store.Tx) error { return provenKeys.Put(tx, provenKey{p.Connection, p.DID}) })
}

// known returns who is behind a connection, without a key where none was
// proven.
func (n *Node) known(ctx context.Context, connection string) (application.Person, error) {
	p := application.Person{Connection: connection}
	return p, n.db.View(ctx, func(tx *store.Tx) error {
		k, err := provenKeys.Get(tx, connection)
		p.DID = k.DID
		return ignoreMissing(err)
	})
}

// RoleRequest gives a role to a connection, or takes it.
type RoleRequest struct {
	Connection string `json:"connection"`
	Role       string `json:"role"`
	Take       bool   `json:"take,omitempty"`
}

// SetRole gives or takes a role. Doing it twice is no error.
func (n *Node) SetRole(ctx context.Context, r RoleRequest) (out Roles, err error) {
	if r.Role != RoleReviewer && r.Role != RoleOperator {
		return out, fmt.Errorf("%w: no role %q; there are: %s, %s", ErrInput, r.Role, RoleReviewer, RoleOperator)
	}
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := connection(tx, r.Connection); err != nil {
			return err
		}
		out, err = roles.Get(tx, r.Connection)
		if ignoreMissing(err) != nil {
			return err
		}
		out.Connection = r.Connection
		has := slices.Contains(out.Roles, r.Role)
		fact := "role.given"
		switch {
		case r.Take == !has:
			return nil
		case r.Take:
			fact = "role.taken"
			out.Roles = slices.DeleteFunc(out.Roles, func(s string) bool { return s == r.Role })
		default:
			out.Roles = append(out.Roles, r.Role)
		}
		if err := roles.Put(tx, out); err != nil {
			return err
		}
		return n.note(tx, fact, operator.tell(map[string]any{"connection": r.Connection, "role": r.Role}))
	})
	return out, err
}

// RoleList lists the connections that have a role.
func (n *Node) RoleList(ctx context.Context) ([]Roles, error) {
	out := []Roles{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for r, err := range roles.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if len(r.Roles) > 0 {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}

// hasRole reports whether a connection has a role now.
func (n *Node) hasRole(ctx context.Context, connection, role string) (has bool, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		r, err := roles.Get(tx, connection)
		has = slices.Contains(r.Roles, role)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return has, err
}
