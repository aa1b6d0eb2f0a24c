package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

var (
	jsonCodec  = []byte{0x80, 0x04} // multicodec json, 0x0200
	sha256Head = []byte{0x12, 0x20} // multihash sha2-256, 32 bytes
)

// New4 makes a long-form did:peer:4 from input, a document without id and with
// relative method ids (Peer DID §numalgo 4). The document must resolve.
func New4(input json.RawMessage) (did.DID, error) {
	enc, err := multibase.Encode(multibase.Base58BTC, append(bytes.Clone(jsonCodec), input...))
	if err != nil {
		return did.DID{}, err
	}
	id, err := did.Parse("did:peer:4" + hash4(enc) + ":" + enc)
	if err != nil {
		return did.DID{}, err
	}
	if _, err := resolve4(id); err != nil {
		return did.DID{}, err
	}
	return id, nil
}

// Short returns the short form of a long-form did:peer:4.
func Short(id did.DID) (did.DID, error) {
	hash, _, ok := strings.Cut(strings.TrimPrefix(id.SpecificID(), "4"), ":")
	if id.Method() != "peer" || !strings.HasPrefix(id.SpecificID(), "4") || !ok {
		return did.DID{}, fmt.Errorf("%w: not a long-form did:peer:4", did.ErrSyntax)
	}
	return did.Parse("did:peer:4" + hash)
}

func hash4(encoded string) string {
	h := sha256.Sum256([]byte(encoded))
	s, err := multibase.Encode(multibase.Base58BTC, append(bytes.Clone(sha256Head), h[:]...))
	if err != nil {
		return ""
	}
	return s
}

func resolve4(id did.DID) (did.Resolution, error) {
	hash, enc, ok := strings.Cut(strings.TrimPrefix(id.SpecificID(), "4"), ":")
	if !ok {
		return did.Resolution{}, fmt.Errorf("%w: a short-form did:peer:4 is known only to who has its long form", did.ErrNotFound)
	}
	raw, err := document4(id, hash, enc)
	if err != nil {
		return did.Resolution{}, fmt.Errorf("%w: %w", did.ErrInvalidDocument, err)
	}
	d, err := did.ParseDocument(raw)
	if err != nil {
		return did.Resolution{}, err
	}
	return did.Resolution{Document: d, Raw: raw}, nil
}

// document4 contextualises the encoded document: id and alsoKnownAs are added,
// methods without controller are the DID's own. Everything else stays.
func document4(id did.DID, hash, enc string) ([]byte, error) {
	if hash4(enc) != hash {
		return nil, errors.New("the hash is not that of the document")
	}
	_, b, err := multibase.Decode(enc)
	if err != nil {
		return nil, err
	}
	input, ok := bytes.CutPrefix(b, jsonCodec)
	if !ok {
		return nil, errors.New("the encoded document is not JSON")
	}
	v, err := jsondoc.Parse(input)
	if err != nil {
		return nil, err
	}
	if v.Kind() != jsondoc.Object || v.Get("id").Exists() {
		return nil, errors.New("the encoded document must be an object without id")
	}
	doc, ok := v.Any().(map[string]any)
	if !ok {
		return nil, errors.New("the encoded document must be an object")
	}
	doc["id"] = id.String()
	short, err := Short(id)
	if err != nil {
		return nil, err
	}
	also, _ := doc["alsoKnownAs"].([]any)
	doc["alsoKnownAs"] = append(also, short.String())
	own := func(list any) {
		methods, _ := list.([]any)
		for _, m := range methods {
			if o, ok := m.(map[string]any); ok {
				if _, has := o["controller"]; !has {
					o["controller"] = id.String()
				}
			}
		}
	}
	for _, rel := range []string{"verificationMethod", "assertionMethod", "authentication", "keyAgreement", "capabilityInvocation", "capabilityDelegation"} {
		own(doc[rel])
	}
	return json.Marshal(doc)
}
