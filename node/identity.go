package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/store"
)

// identity is the node's keys and since when it has them. Retired keys stay
// listed, so that what they signed keeps verifying; a compromised one does not.
type identity struct {
	DID       string    `json:"did"`
	Contact   string    `json:"contact"`   // the DID it speaks under, when that is another
	Signing   string    `json:"signing"`   // multibase
	Agreement string    `json:"agreement"` // multibase
	Auth      string    `json:"auth"`      // of the contact DID, when it is another
	Retired   []retired `json:"retired,omitempty"`
	Fragment  int       `json:"fragment"` // of the signing key: key-<n>
}

type retired struct {
	Key         string    `json:"key"`
	Fragment    int       `json:"fragment"`
	Until       time.Time `json:"until"`
	Compromised bool      `json:"compromised,omitempty"`
	Revoked     time.Time `json:"revoked,omitzero"` // since when, if compromised
}

var identityKey = []byte("identity")

func (n *Node) readIdentity(ctx context.Context) (id identity, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		id, err = identityIn(tx)
		return err
	})
	return id, err
}

func identityIn(tx *store.Tx) (id identity, err error) {
	raw, err := tx.Get(identityKey)
	if err != nil {
		return id, err
	}
	return id, json.Unmarshal(raw, &id)
}

// identify reads who the node is, or makes it on the first start.
func (n *Node) identify(ctx context.Context) error {
	id, err := n.readIdentity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		if id, err = n.newIdentity(ctx); err == nil {
			err = n.db.Update(ctx, func(tx *store.Tx) error {
				return n.saveIdentity(tx, id, "identity.made", map[string]any{"did": id.DID, "key": id.Signing})
			})
		}
	}
	if err != nil {
		return fmt.Errorf("reading the node's identity: %w", err)
	}
	if n.id, err = did.Parse(id.DID); err != nil {
		return err
	}
	if m := n.id.Method(); m != n.set.Method {
		return fmt.Errorf("%w: method %s: this directory belongs to %s; set method: %s, or begin a new directory", ErrConfig, n.set.Method, n.id, m)
	}
	if n.set.Method == "web" {
		want, err := web.New(n.set.Base)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrConfig, err)
		}
		if want != n.id {
			return fmt.Errorf("%w: this directory belongs to %s, and base %s would make it %s; badges name their issuer, so keep the base, or begin a new directory", ErrConfig, n.id, n.set.Base, want)
		}
	}
	if n.contact, err = n.contactOf(id); err != nil {
		return err
	}
	if id.Contact != "" && id.Contact != n.contact.String() {
		return fmt.Errorf("%w: base %s: wallets and badges name the address under which this node began; keep that base, or begin a new directory", ErrConfig, n.set.Base)
	}
	return nil
}

func (n *Node) newIdentity(ctx context.Context) (identity, error) {
	sign, err := n.keys.Create(ctx, did.Ed25519)
	if err != nil {
		return identity{}, err
	}
	agree, err := n.keys.Create(ctx, did.X25519)
	if err != nil {
		return identity{}, err
	}
	auth, err := n.keys.Create(ctx, did.Ed25519)
	if err != nil {
		return identity{}, err
	}
	id := identity{Signing: sign.Multibase(), Agreement: agree.Multibase(), Auth: auth.Multibase(), Fragment: 1}
	var d did.DID
	if n.set.Method == "web" {
		d, err = web.New(n.set.Base)
	} else {
		d, err = key.New(sign)
	}
	if err != nil {
		return identity{}, err
	}
	id.DID = d.String()
	contact, err := n.contactOf(id)
	if contact != d {
		id.Contact = contact.String()
	}
	return id, err
}

func (n *Node) saveIdentity(tx *store.Tx, id identity, fact string, body map[string]any) error {
	raw, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if err := tx.Put(identityKey, raw); err != nil {
		return err
	}
	return n.note(tx, fact, body)
}

// contactOf returns the DID under which the node speaks: its own when that has
// an endpoint, else a peer DID that carries the endpoint.
func (n *Node) contactOf(id identity) (did.DID, error) {
	d, err := did.Parse(id.DID)
	if err != nil || d.Method() == "web" {
		return d, err
	}
	agree, err := did.ParseMultikey(id.Agreement)
	if err != nil {
		return did.DID{}, err
	}
	auth, err := did.ParseMultikey(id.Auth)
	if err != nil {
		return did.DID{}, err
	}
	return peer.New2(agree, auth, n.endpoint())
}

func (n *Node) endpoint() *did.Endpoint {
	return &did.Endpoint{URI: "ws" + strings.TrimPrefix(n.set.Base, "http") + "/didcomm", Accept: []string{"didcomm/v2"}}
}

func (n *Node) isOwn(_ context.Context, d did.DID) (bool, error) {
	return d == n.id || d == n.contact, nil
}

// document builds the DID document of a did:web node. A retired key is listed
// without an end: Controlled Identifiers 1.0 §2.2 wants nothing verified by a
// key after its expires, and its badges are to keep verifying. A compromised
// one is shown with the moment of its revocation and listed for no purpose, so
// that also a verifier that looks at purposes alone refuses it.
func (n *Node) document(id identity) (did.Document, error) {
	d := did.Document{ID: n.id, Services: []did.Service{{ID: n.id.String() + "#didcomm", Type: did.DIDCommMessaging, Endpoints: []did.Endpoint{*n.endpoint()}}}}
	add := func(multibase, fragment string, rels ...did.Relationship) error {
		k, err := did.ParseMultikey(multibase)
		if err == nil {
			d.Add(fragment, k, rels...)
		}
		return err
	}
	if err := add(id.Signing, fragment(id.Fragment), did.AssertionMethod, did.Authentication); err != nil {
		return d, err
	}
	for _, r := range id.Retired {
		rels := []did.Relationship{did.AssertionMethod}
		if r.Compromised {
			rels = nil
		}
		if err := add(r.Key, fragment(r.Fragment), rels...); err != nil {
			return d, err
		}
		if r.Compromised {
			d.Methods[len(d.Methods)-1].Revoked = or(r.Revoked, r.Until)
		}
	}
	return d, add(id.Agreement, "agreement", did.KeyAgreement)
}

func fragment(n int) string { return fmt.Sprintf("key-%d", n) }

// DIDDocument returns the document that the node serves.
func (n *Node) DIDDocument(ctx context.Context) ([]byte, error) {
	id, err := n.readIdentity(ctx)
	if err != nil {
		return nil, err
	}
	d, err := n.document(id)
	if err != nil {
		return nil, err
	}
	return d.MarshalJSON()
}

// ownDocument resolves the node's own DID without asking the network.
func (n *Node) ownDocument(ctx context.Context, d did.DID) (did.Resolution, bool, error) {
	if d != n.id || d.Method() != "web" {
		return did.Resolution{}, false, nil
	}
	raw, err := n.DIDDocument(ctx)
	if err != nil {
		return did.Resolution{}, false, err
	}
	doc, err := did.ParseDocument(raw)
	return did.Resolution{Document: doc, Raw: raw, Fetched: n.now().UTC()}, true, err
}

// signer returns the current signing key as its verification method.
func (n *Node) signer(ctx context.Context) (keys.Signer, error) {
	id, err := n.readIdentity(ctx)
	if err != nil {
		return keys.Signer{}, err
	}
	k, err := did.ParseMultikey(id.Signing)
	if err != nil {
		return keys.Signer{}, err
	}
	if n.id.Method() == "key" {
		return n.keys.Signer(k, key.MethodID(n.id)), nil
	}
	return n.keys.Signer(k, n.id.String()+"#"+fragment(id.Fragment)), nil
}
