package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/fetch"
)

// transcribed signs a transcript of Ana's badges.
func transcribed(t *testing.T, by *Node, badges ...[]byte) []byte {
	t.Helper()
	unsigned, err := by.unsignedTranscript(by.newURN(), transcript{learner: ana, badges: badges})
	if err != nil {
		t.Fatal(err)
	}
	s, err := by.signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := credentials.IssueJWT(t.Context(), by.party.Verifier, unsigned, s, by.now())
	if err != nil {
		t.Fatal(err)
	}
	return v.Credential().Bytes()
}

// A host that puts a badge into a transcript twice makes no credits of it, and
// what is altered is recognised as nothing.
func TestABadgeThatIsTwiceInATranscriptCountsOnce(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	agreed(t, alder, birch, fmt.Sprintf("  - {source: %q, target: basics, credits: {system: ecvet, points: 0.5}}\n", birch.set.Base+"/openbadges/a/basics"))
	g, err := birch.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{DID: ana}})
	if err != nil {
		t.Fatal(err)
	}
	_, badge, err := birch.Award(t.Context(), g.Award.ID)
	if err != nil {
		t.Fatal(err)
	}
	whole := transcribed(t, birch, badge, badge)
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := alder.Recognise(t.Context(), RecogniseRequest{Credential: whole})
	if err != nil || len(r.Units) != 2 || r.Recognition.Answer != credentials.Yes {
		t.Fatalf("%+v, %v", r, err)
	}
	for framework, sum := range r.Credits {
		if sum != 0.5 {
			t.Errorf("%g points %s", sum, framework)
		}
	}
	altered := append([]byte{}, whole...)
	altered[len(altered)-10] ^= 1
	if r, err = alder.Recognise(t.Context(), RecogniseRequest{Credential: altered}); err != nil || r.Recognition.Answer == credentials.Yes {
		t.Errorf("altered: %+v, %v", r.Recognition, err)
	}
}

// A partner that answered no is no partner that is away.
func TestARefusalByAPartnerIsNoFault(t *testing.T) {
	for _, tt := range []struct {
		err  error
		kind error
	}{
		{&fetch.StatusError{URL: "https://birch.example/x", Code: 404}, ErrInput}, {&fetch.StatusError{Code: 503}, nil},
		{fetch.ErrBlocked, ErrInput}, {fetch.ErrUnreachable, nil},
	} {
		_, f := failureOf(fmt.Errorf("fetching: %w", tt.err))
		if got := f.err(); errors.Is(got, ErrInput) != (tt.kind != nil) {
			t.Errorf("%v became %+v", tt.err, f)
		}
	}
}
