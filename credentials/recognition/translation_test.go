package recognition_test

import (
	"fmt"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
)

// badgeIn is a badge of an issuer whose achievement says that it translates
// another into French.
func badgeIn(t *testing.T, issuer, original string) credentials.Credential {
	t.Helper()
	c, err := credentials.Parse(fmt.Appendf(nil, `{"id":"urn:uuid:1","type":["VerifiableCredential","OpenBadgeCredential"],"issuer":%q,"awardedDate":"2026-11-20T12:00:00Z",
		"credentialSubject":{"id":"did:key:ana","achievement":{"id":%q,"creator":{"id":%q},"inLanguage":"fr","related":[{"id":%q,"type":["Related"]}],
			"resultDescription":[{"rubricCriterionLevel":[{"id":"#1","level":"1"},{"id":"#2","level":"2"}]}]},
		"result":[{"achievedLevel":"#2"}]}}`, issuer, original+"/fr", issuer, original))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATranslatedBadgeIsRecognisedAsTheOriginalByItsIssuerAlone(t *testing.T) {
	const alder, birch, cleo = "did:web:alder.example", "did:web:birch.example", "did:web:cleo.example"
	agreement := mou(birch)
	agreement.By, agreement.Signers, agreement.Standing = alder, []string{birch}, requirement.Current
	terms := recognition.Terms{Self: []string{alder}, Statements: []recognition.Statement{agreement}}
	names := terms.Names(func(string) (requirement.Wanted, bool) {
		return requirement.Wanted{Achievement: designer, Issuers: []string{alder}}, true
	}, alder)
	for _, tt := range []struct {
		name, issuer, original string
		basis                  recognition.Basis
	}{
		{"by who created it", alder, designer, recognition.Direct},
		{"of a partner's that an agreement names", birch, maker, recognition.Agreed},
		{"by somebody who translates what is not theirs", cleo, designer, recognition.NoBasis},
		{"by a partner who translates what is not theirs", birch, designer, recognition.NoBasis},
		{"by somebody who translates what an agreement names", cleo, maker, recognition.NoBasis},
	} {
		c := badgeIn(t, tt.issuer, tt.original)
		b := recognition.BadgeOf(c)
		got := terms.Accept(b, designer, alder, noon)
		if got.Basis != tt.basis || (got.Answer == credentials.Yes) != (tt.basis != recognition.NoBasis) {
			t.Errorf("%s: %+v", tt.name, got)
		}
		h := &requirement.Holdings{}
		h.AddOwn(requirement.Held{Credential: c.ID(), Achievement: b.Named, As: b.Achievement, Issuer: b.Issuer, Level: b.Level, Awarded: b.Awarded, Standing: requirement.Current})
		if o := (requirement.Requirement{Badge: "designer", Level: 2}).Evaluate(h, names, noon); o.OK() != (tt.basis != recognition.NoBasis) {
			t.Errorf("%s: the requirement: %+v", tt.name, o)
		}
	}
}

func TestAnAuthorisationCoversTranslations(t *testing.T) {
	const alder, birch = "did:web:alder.example", "did:web:birch.example"
	terms := recognition.Terms{Self: []string{alder}, Statements: []recognition.Statement{{Kind: recognition.Endorsement, ID: "urn:uuid:a", By: alder, Of: birch, From: signed, Authorizes: []string{designer}, Standing: requirement.Current}}}
	if got := terms.Accept(recognition.BadgeOf(badgeIn(t, birch, designer)), designer, alder, noon); got.Basis != recognition.Delegated || got.As != designer {
		t.Errorf("%+v", got)
	}
	if got := terms.Accept(recognition.BadgeOf(badgeIn(t, birch, basics)), basics, alder, noon); got.Answer == credentials.Yes {
		t.Errorf("of another: %+v", got)
	}
}
