package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

// RotateRequest asks for a new signing key, or withdraws an old one.
type RotateRequest struct {
	// Compromised says that the key was stolen: nothing verifies by it any more.
	Compromised bool `json:"compromised,omitempty"`
	// Key is the stolen one, such as key-1. Default: the current one.
	Key string `json:"key,omitempty"`
}

// Rotated tells which key signs now, as a DID URL, and which is withdrawn.
type Rotated struct {
	Key         string `json:"key"`
	Compromised string `json:"compromised,omitempty"`
}

// Rotate gives the node a new signing key. Badges signed with the old one keep
// verifying, unless it is declared compromised. An older key can be declared
// compromised as well; the current one then stays.
func (n *Node) Rotate(ctx context.Context, r RotateRequest) (Rotated, error) {
	switch {
	case n.id.Method() != "web":
		return Rotated{}, fmt.Errorf("%w: a did:key is its key and cannot rotate; begin a directory with method web", ErrInput)
	case r.Key != "" && !r.Compromised:
		return Rotated{}, fmt.Errorf("%w: a key is named only when it is compromised; leave %q out", ErrInput, r.Key)
	}
	name := strings.TrimPrefix(r.Key, n.id.String())
	name = strings.TrimPrefix(name, "#")
	id, err := n.readIdentity(ctx)
	if err != nil {
		return Rotated{}, err
	}
	var next did.PublicKey
	if name == "" || name == fragment(id.Fragment) {
		if next, err = n.keys.Create(ctx, did.Ed25519); err != nil {
			return Rotated{}, err
		}
	}
	var out Rotated
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		out = Rotated{}
		id, err := identityIn(tx) // another rotation may have come between
		if err != nil {
			return err
		}
		fact := map[string]any{"did": id.DID}
		if name == "" || name == fragment(id.Fragment) {
			id.Retired = append(id.Retired, retired{Key: id.Signing, Fragment: id.Fragment, Until: n.now().UTC()})
			id.Signing, id.Fragment = next.Multibase(), id.Fragment+1
			fact["key"] = id.Signing
		}
		if r.Compromised {
			i := len(id.Retired) - 1 // the one that was retired just now
			if name != "" {
				i = slices.IndexFunc(id.Retired, func(k retired) bool { return fragment(k.Fragment) == name })
			}
			if i < 0 {
				return fmt.Errorf("%w: there is no key %q; the DID document lists key-1 to %s", ErrInput, r.Key, fragment(id.Fragment))
			}
			k := &id.Retired[i]
			out.Compromised = n.id.String() + "#" + fragment(k.Fragment)
			if k.Compromised && fact["key"] == nil {
				out.Key = n.id.String() + "#" + fragment(id.Fragment)
				return nil // said before
			}
			k.Compromised, k.Revoked = true, n.now().UTC()
			fact["compromised"] = k.Key
		}
		out.Key = n.id.String() + "#" + fragment(id.Fragment)
		return n.saveIdentity(tx, id, "identity.rotated", fact)
	})
	if err != nil {
		return Rotated{}, err
	}
	return out, n.Publish(ctx) // lists signed by the old key would fail with it
}
