package jose_test

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// school signs with an Ed25519 key that its did:key names.
type school struct {
	private ed25519.PrivateKey
	public  did.PublicKey
	id      did.DID
}

func newSchool() (school, error) {
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return school{}, err
	}
	public, err := did.NewPublicKey(did.Ed25519, pub)
	if err != nil {
		return school{}, err
	}
	id, err := key.New(public)
	return school{private, public, id}, err
}

func (s school) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.private, message), nil
}

func (s school) VerificationMethod() string { return key.MethodID(s.id) }

func (s school) Key() did.PublicKey { return s.public }

// Sign a credential as a VC-JWT, and verify it with the key that its issuer's
// own document lists.
func Example() {
	ctx := context.Background()
	alder, err := newSchool()
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := jose.Sign(ctx, fmt.Appendf(nil, `{
		"@context": ["https://www.w3.org/ns/credentials/v2"],
		"id": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
		"type": ["VerifiableCredential"], "issuer": {"id": %q},
		"validFrom": "2026-11-27T12:00:00Z",
		"credentialSubject": {"id": "did:web:ana.example"}}`, alder.id), alder)
	if err != nil {
		fmt.Println(err)
		return
	}

	token, err := jose.Parse(signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, times, err := token.Credential() // held to the claims beside it
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := did.Parse(credential.Get("issuer").ID())
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := key.Resolver{}.Resolve(ctx, issuer)
	if err != nil {
		fmt.Println(err)
		return
	}
	method, err := found.Document.Method(did.AssertionMethod, token.KeyID)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := token.Verify(method.Key); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Alg, times.NotBefore)
	// Output:
	// EdDSA 2026-11-27 12:00:00 +0000 UTC
}
