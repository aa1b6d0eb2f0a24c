package credentials_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// welding is a badge made as in the example of the package.
func welding() []byte {
	ctx, now := context.Background(), time.Now()
	alder := must(newSchool())
	unsigned := must(credentials.Build(alder.award("did:web:ana.example", now)))
	verifier := credentials.NewVerifier(credentials.VerifierConfig{Resolver: key.Resolver{}})
	return must(credentials.Issue(ctx, verifier, unsigned, alder, now)).Credential().Bytes()
}

// noNetwork is a resolver that reaches nobody.
type noNetwork struct{}

func (noNetwork) Resolve(context.Context, did.DID) (did.Resolution, error) {
	return did.Resolution{}, did.ErrUnreachable
}

// A report answers yes, no or could-not-tell, as a whole and for each check.
func ExampleVerifier_Report() {
	ctx, badge := context.Background(), welding()
	show := func(resolver did.Resolver, raw []byte) {
		verifier := credentials.NewVerifier(credentials.VerifierConfig{Resolver: resolver})
		report := verifier.Report(ctx, raw, credentials.ReportOptions{})
		fmt.Println(report.Verdict, report.Code())
		for _, name := range []string{credentials.CheckShape, credentials.CheckIssuer, credentials.CheckProof} {
			fmt.Println("  ", name, report.Check(name).Answer)
		}
	}
	show(key.Resolver{}, badge)
	show(key.Resolver{}, bytes.Replace(badge, []byte("thin sheet"), []byte("everything"), 1))
	show(noNetwork{}, badge)
	// Output:
	// valid ok
	//    shape yes
	//    issuer yes
	//    proof yes
	// invalid bad_signature
	//    shape yes
	//    issuer yes
	//    proof no
	// undecided issuer_unreachable
	//    shape yes
	//    issuer unknown
	//    proof n/a
}

// The three outcomes as errors. What is refused and what could not be judged
// are told apart by their types.
func ExampleVerifier_Verify() {
	verifier := credentials.NewVerifier(credentials.VerifierConfig{Resolver: noNetwork{}})
	badge, err := credentials.Parse(welding())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.Verify(context.Background(), badge)
	if no, ok := errors.AsType[*credentials.RejectedError](err); ok {
		fmt.Println("refused:", no.Code)
	} else if open, ok := errors.AsType[*credentials.UndecidedError](err); ok {
		fmt.Println("could not tell:", open.Code)
	} else {
		fmt.Println("verified")
	}
	// Output:
	// could not tell: issuer_unreachable
}

// Lint says where a badge breaks the rules, before it is signed.
func ExampleLint() {
	for _, p := range credentials.Lint([]byte(`{
		"@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
		"id": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
		"type": ["VerifiableCredential", "OpenBadgeCredential"],
		"name": "MIG welding",
		"issuer": {"id": "did:web:alder.example", "type": ["Profile"]},
		"validFrom": "yesterday",
		"credentialSubject": {"id": "did:web:ana.example", "type": ["AchievementSubject"],
			"achievement": {"id": "https://alder.example/badges/mig", "type": ["Achievement"],
				"name": "MIG welding", "description": "Welds thin sheet."}}}`)) {
		fmt.Println(p.Pointer, p.Code)
	}
	// Output:
	// /validFrom schema_invalid
	// /credentialSubject/achievement/criteria schema_invalid
}
