package dataintegrity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// signer signs with an Ed25519 key that a did:key names.
type signer struct {
	private ed25519.PrivateKey
	public  did.PublicKey
	id      did.DID
}

func newSigner() (signer, error) {
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return signer{}, err
	}
	public, err := did.NewPublicKey(did.Ed25519, pub)
	if err != nil {
		return signer{}, err
	}
	id, err := key.New(public)
	return signer{private, public, id}, err
}

func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.private, message), nil
}

func (s signer) VerificationMethod() string { return key.MethodID(s.id) }

func (s signer) Key() did.PublicKey { return s.public }

// Sign a credential with eddsa-rdfc-2022, which is the default, and verify it.
func Example() {
	ctx := context.Background()
	alder, err := newSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := dataintegrity.AddProof(ctx, fmt.Appendf(nil, `{
		"@context": ["https://www.w3.org/ns/credentials/v2"],
		"type": ["VerifiableCredential"], "issuer": %q,
		"credentialSubject": {"id": "did:web:ana.example", "name": "Ana"}}`, alder.id), dataintegrity.Options{Created: time.Now()}, alder)
	if err != nil {
		fmt.Println(err)
		return
	}

	verify := func(raw []byte) ([]dataintegrity.Proof, error) {
		c, err := credentials.Parse(raw) // strictly, as a stranger's JSON is read
		if err != nil {
			return nil, err
		}
		return dataintegrity.Verify(ctx, c.Doc(), dataintegrity.VerifyOptions{Resolver: key.Resolver{}})
	}
	proofs, err := verify(signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(proofs[0].Cryptosuite, proofs[0].Controller == alder.id)

	_, err = verify(bytes.Replace(signed, []byte("Ana"), []byte("Bob"), 1))
	fmt.Println(errors.Is(err, dataintegrity.ErrSignature))
	// Output:
	// eddsa-rdfc-2022 true
	// true
}
