package credentials_test

import (
	"bytes"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

func (w *world) present(t *testing.T, by party, creds ...[]byte) []byte {
	t.Helper()
	raw, err := credentials.BuildPresentation(t.Context(), credentials.PresentationOptions{Credentials: creds, Holder: by.id.String(),
		Challenge: "c-1", Domain: "birch.example", Now: w.now}, by)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPresentationByTheSubjectIsAcceptedWithTheBadgesBytes(t *testing.T) {
	w := newWorld(t)
	badge := w.issue(t, w.award()).Credential().Bytes()
	jwt, err := credentials.IssueJWT(t.Context(), w.v, must(credentials.Build(w.award())), w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	vp := w.present(t, w.learner, badge, jwt.Credential().Bytes())
	if !bytes.Contains(vp, badge) {
		t.Error("the badge is not embedded byte for byte")
	}
	r := w.v.VerifyPresentation(t.Context(), vp, "c-1", "birch.example")
	if r.Verdict != credentials.Valid || len(r.Verified) != 2 || r.Holder != w.learner.id.String() {
		t.Fatalf("%s: %s", r.Verdict, r.Why)
	}
	if !bytes.Equal(r.Verified[0].Credential().Bytes(), badge) || !bytes.Equal(r.Verified[1].Credential().Bytes(), jwt.Credential().Bytes()) {
		t.Error("what was verified is not what was presented")
	}
}

func TestPresentationsThatProveTooLittleAreRefused(t *testing.T) {
	w := newWorld(t)
	badge := w.issue(t, w.award()).Credential().Bytes()
	good := w.present(t, w.learner, badge)
	tests := []struct {
		name              string
		raw               []byte
		challenge, domain string
		code              string
	}{
		{"another challenge", good, "c-2", "birch.example", credentials.CodeReplay},
		{"another verifier", good, "c-1", "guild.example", credentials.CodeReplay},
		{"no challenge asked", good, "", "birch.example", credentials.CodeMalformed},
		{"somebody else's badge", w.present(t, newParty(t, "somebody"), badge), "c-1", "birch.example", credentials.CodeHolder},
		{"signature changed", bytes.Replace(good, []byte("c-1"), []byte("c-2"), 1), "c-2", "birch.example", credentials.CodeSignature},
		{"badge changed", bytes.Replace(good, []byte("prior learning"), []byte("prior earnings"), 1), "c-1", "birch.example", credentials.CodeSignature},
		{"a badge is no presentation", badge, "c-1", "birch.example", credentials.CodeMalformed},
		{"not JSON", []byte("x"), "c-1", "birch.example", credentials.CodeMalformed},
	}
	for _, tt := range tests {
		r := w.v.VerifyPresentation(t.Context(), tt.raw, tt.challenge, tt.domain)
		if r.Verdict != credentials.Invalid || r.Code != tt.code || r.Verified != nil {
			t.Errorf("%s: %s %s: %s", tt.name, r.Verdict, r.Code, r.Why)
		}
	}
}

func TestPresentationWithoutBadgesProvesWhoSignedIt(t *testing.T) {
	w := newWorld(t)
	r := w.v.VerifyPresentation(t.Context(), w.present(t, w.learner), "c-1", "birch.example")
	if r.Verdict != credentials.Valid || r.Holder != w.learner.id.String() || len(r.Verified) != 0 {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
}

func TestPresentedBadgeWhoseStatusIsOutOfReachLeavesTheWholeUndecided(t *testing.T) {
	w := newWorld(t)
	badge := w.issue(t, w.award()).Credential().Bytes()
	vp := w.present(t, w.learner, badge)
	delete(w.net.answers, listURL)
	if r := w.v.VerifyPresentation(t.Context(), vp, "c-1", "birch.example"); r.Verdict != credentials.Undecided || r.Verified != nil {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
}
