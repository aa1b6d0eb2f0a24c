package credentials_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/web"
)

// school is an issuer with an Ed25519 key and the did:key of that key. It is a
// [credentials.Signer].
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

// award gives the school's badge for welding to a learner.
func (s school) award(learner string, now time.Time) credentials.Award {
	return credentials.Award{
		ID:     "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
		Issuer: credentials.Profile{ID: s.id.String(), Name: "Alder"},
		Achievement: json.RawMessage(`{
			"id": "https://alder.example/badges/mig", "type": ["Achievement"],
			"name": "MIG welding", "description": "Welds thin sheet.",
			"criteria": {"narrative": "Welds three seams that hold."}}`),
		Subject:   credentials.Subject{ID: learner},
		ValidFrom: now,
	}
}

// Build a badge, sign it, and verify it as a stranger does.
func Example() {
	ctx, now := context.Background(), time.Now()
	alder, err := newSchool()
	if err != nil {
		fmt.Println(err)
		return
	}
	unsigned, err := credentials.Build(alder.award("did:web:ana.example", now))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := credentials.NewVerifier(credentials.VerifierConfig{
		Resolver: did.Methods{"key": key.Resolver{}, "web": web.Resolver{}},
	})
	badge, err := credentials.Issue(ctx, verifier, unsigned, alder, now)
	if err != nil {
		fmt.Println(err)
		return
	}

	// What travels are the bytes; whoever gets them asks a verifier.
	report := verifier.Report(ctx, badge.Credential().Bytes(), credentials.ReportOptions{})
	fmt.Println(report.Credential.Name, "from", report.Credential.IssuerName)
	fmt.Println(report.Verdict)
	// Output:
	// MIG welding from Alder
	// valid
}
