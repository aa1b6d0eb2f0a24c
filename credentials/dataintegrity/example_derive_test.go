package dataintegrity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// p256 signs with a P-256 key that a did:key names.
type p256 struct {
	private *ecdsa.PrivateKey
	public  did.PublicKey
	id      did.DID
}

func newP256() (p256, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p256{}, err
	}
	public, err := did.FromECDSA(&private.PublicKey)
	if err != nil {
		return p256{}, err
	}
	id, err := key.New(public)
	return p256{private, public, id}, err
}

// Sign returns r and s, 32 bytes each.
func (p p256) Sign(_ context.Context, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, p.private, digest[:])
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

func (p p256) VerificationMethod() string { return key.MethodID(p.id) }

func (p p256) Key() did.PublicKey { return p.public }

// The issuer signs with ecdsa-sd-2023; the holder shows the name of the
// achievement and nothing else but what the issuer made mandatory.
func ExampleDerive() {
	ctx := context.Background()
	alder, err := newP256()
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := dataintegrity.AddProof(ctx, fmt.Appendf(nil, `{
		"@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
		"id": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
		"type": ["VerifiableCredential", "OpenBadgeCredential"], "issuer": %q,
		"validFrom": "2026-11-27T12:00:00Z",
		"credentialSubject": {"type": ["AchievementSubject"], "narrative": "Was ill in the second week.",
			"achievement": {"id": "https://alder.example/badges/mig", "type": ["Achievement"],
				"name": "MIG welding", "description": "Welds thin sheet.", "criteria": {"narrative": "Welds three seams that hold."}}}}`, alder.id),
		dataintegrity.Options{Cryptosuite: dataintegrity.ECDSASD, Mandatory: []string{"/issuer", "/validFrom"}}, alder)
	if err != nil {
		fmt.Println(err)
		return
	}
	whole, err := credentials.Parse(signed)
	if err != nil {
		fmt.Println(err)
		return
	}

	shown, err := dataintegrity.Derive(whole.Doc(), []string{"/credentialSubject/achievement/name"})
	if err != nil {
		fmt.Println(err)
		return
	}
	part, err := credentials.Parse(shown)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = dataintegrity.Verify(ctx, part.Doc(), dataintegrity.VerifyOptions{Resolver: key.Resolver{}})
	fmt.Println("verified:", err == nil)
	for name, value := range part.Doc().Get("credentialSubject").Members() {
		fmt.Printf("%s: %s\n", name, value.Raw())
	}

	// What the issuer signed is for its holder alone.
	_, err = dataintegrity.Verify(ctx, whole.Doc(), dataintegrity.VerifyOptions{Resolver: key.Resolver{}})
	fmt.Println(errors.Is(err, dataintegrity.ErrBaseProof))
	// Output:
	// verified: true
	// type: ["AchievementSubject"]
	// achievement: {"id":"https://alder.example/badges/mig","type":["Achievement"],"name":"MIG welding"}
	// true
}
