// Package peer makes and resolves did:peer, numalgo 2 and 4 (Peer DID Method
// Specification): identifiers that carry their own document, for connections
// between two parties. Nothing is fetched.
package peer

import (
	"context"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/did"
)

// Resolver computes documents. The zero value is ready. A short-form
// did:peer:4 has no document of its own: the answer is [did.ErrNotFound].
type Resolver struct{}

// Resolve computes the document of id.
func (Resolver) Resolve(_ context.Context, id did.DID) (did.Resolution, error) {
	if id.Method() != "peer" {
		return did.Resolution{}, fmt.Errorf("%w: did:%s", did.ErrUnsupported, id.Method())
	}
	var d did.Document
	var err error
	switch rest := id.SpecificID(); {
	case strings.HasPrefix(rest, "2."):
		d, err = resolve2(id)
	case strings.HasPrefix(rest, "4"):
		return resolve4(id)
	default:
		return did.Resolution{}, fmt.Errorf("%w: did:peer of this numalgo (2 and 4 are)", did.ErrUnsupported)
	}
	if err != nil {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
	}
	raw, err := d.MarshalJSON()
	if err != nil {
		return did.Resolution{}, err
	}
	return did.Resolution{Document: d, Raw: raw}, nil
}
