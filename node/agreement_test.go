package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/seal"
)

// served is a node whose public addresses are served.
func served(t *testing.T, name string) *Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	base := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	if err := Init(InitRequest{Dir: dir, Settings: Settings{Name: name, Base: base, Reserve: 1, Loopback: new(true)}, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	n := opened(t, dir, nil)
	s := &http.Server{Handler: n.public()}
	go func() { _ = s.Serve(l) }() // it ends when it is closed
	t.Cleanup(func() { s.Close() })
	return n
}

func agreementText(a, b *Node, more string) []byte {
	return fmt.Appendf(nil, "agreement: %s-%s\nwith: %q\npartner: %q\nrecognizes:\n  - {source: \"%s/openbadges/a/designer\", target: designer}\n%s", a.set.Name, b.set.Name, b.id, b.set.Base, b.set.Base, more)
}

// inForce makes an agreement that both signed.
func inForce(t *testing.T, a, b *Node) SignedAgreement {
	t.Helper()
	signed, err := a.SignAgreement(t.Context(), SignAgreementRequest{File: agreementText(a, b, "text: "+newCode()+"\n")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Countersign(t.Context(), TakeAgreementRequest{Address: signed.Address}); err != nil {
		t.Fatal(err)
	}
	all, err := a.RefreshAgreements(t.Context(), "")
	if err != nil || len(all) != 1 || all[0].State != InForce {
		t.Fatalf("%d agreements, %v", len(all), err)
	}
	return all[0]
}

// Signing the same again gives what was signed; a word more is another
// agreement. A partner that does not answer does not hold it up, and is told.
func TestTheSameAgreementIsSignedOnce(t *testing.T) {
	alder, birch := served(t, "Alder"), served(t, "Birch")
	sign := func(more string) SignedAgreement {
		s, err := alder.SignAgreement(t.Context(), SignAgreementRequest{File: agreementText(alder, birch, more)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := sign("")
	if two := sign(""); two.ID != one.ID || len(one.Notes) != 0 {
		t.Errorf("%s and %s, %v", one.ID, two.ID, one.Notes)
	}
	if more := sign("text: Another.\n"); more.ID == one.ID {
		t.Error("another text is the same agreement")
	}
	away := string(agreementText(alder, birch, "text: Away.\n"))
	for _, part := range []string{"{source: \"", "partner: \""} {
		away = strings.Replace(away, part+birch.set.Base, part+"http://localhost:1", 1)
	}
	away = strings.Replace(away, birch.id.String(), "did:web:localhost%3A1", 1)
	s, err := alder.SignAgreement(t.Context(), SignAgreementRequest{File: []byte(away)})
	if err != nil || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "the catalogue http://localhost:1/openbadges was not looked at: ") {
		t.Errorf("%v, %v", s.Notes, err)
	}
}

// Each guard of an agreement's states is violated once, and says the way out.
func TestEachGuardOfAnAgreementSaysTheWayOut(t *testing.T) {
	alder, birch, cedar := served(t, "Alder"), served(t, "Birch"), served(t, "Cedar")
	proposed, err := alder.SignAgreement(t.Context(), SignAgreementRequest{File: agreementText(alder, cedar, "")})
	if err != nil {
		t.Fatal(err)
	}
	ab := inForce(t, alder, birch)
	other := inForce(t, birch, alder)
	ended, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: inForce(t, alder, birch).ID, To: WasEnded, Reason: "merger"})
	if err != nil {
		t.Fatal(err)
	}
	set := func(n *Node, id string, to AgreementState, reason string) func() error {
		return func() error {
			_, err := n.SetAgreement(t.Context(), SetAgreementRequest{ID: id, To: to, Reason: reason})
			return err
		}
	}
	sign := func(text string) func() error {
		return func() error {
			_, err := alder.SignAgreement(t.Context(), SignAgreementRequest{File: []byte(text)})
			return err
		}
	}
	var alone recognition.Bundle
	if err := json.Unmarshal(proposed.Bundle, &alone); err != nil {
		t.Fatal(err)
	}
	text := string(agreementText(alder, birch, ""))
	for _, tt := range []struct {
		name string
		do   func() error
		why  string
	}{
		{"suspend what is proposed", set(alder, proposed.ID, OnHold, "x"), "only proposed; the partner has not countersigned it"},
		{"no reason", set(alder, ab.ID, OnHold, ""), "give a reason"},
		{"no such state", set(alder, ab.ID, "paused", "x"), "can be suspended, resumed or ended"},
		{"resume what was ended", set(alder, ended.ID, InForce, "x"), "was ended, and that is final; sign a new one"},
		{"suspend the partner's", set(birch, ab.ID, OnHold, "x"), "alone can suspend it; you can end your countersignature"},
		{"unknown", set(alder, "0000", OnHold, "x"), "no agreement \"0000\""},
		{"several", set(alder, "", OnHold, "x"), "no agreement \"\""},
		{"with itself", sign(string(agreementText(alder, alder, ""))), "is this node itself; name the partner"},
		{"amend what is not ours", sign(text + "replaces: \"" + other.ID + "\"\n"), "is no agreement of ours"},
		{"amend another partner's", sign(text + "replaces: \"" + proposed.ID + "\"\n"), "is no agreement of ours with " + birch.id.String()},
		{"over before it begins", sign(text + "until: 2020-01-01\n"), "would have ended on 2020-01-01; give a later day"},
		{"no day", sign(text + "until: soon\n"), "until: \"soon\" is no day; write 2026-11-01"},
		{"an unknown system of credits", sign(strings.Replace(text, "target: designer}", "target: designer, credits: {system: miles, points: 1}}", 1)), "ecvet or ects"},
		{"a level of the EQF that is none", sign(strings.Replace(text, "target: designer}", "target: designer, eqf: 9}", 1)), "eqf: level 9; there are 1 to 8"},
		{"a period that is none", sign(strings.Replace(text, "target: designer}", "target: designer, within: soon}", 1)), "within"},
		{"a level that the source does not have", sign(strings.Replace(text, "target: designer}", "target: designer, level: 9}", 1)), "rule 1: level: 9 of Badge Designer, which has 3 levels"},
		{"a source that the partner does not have", sign(strings.Replace(text, "/a/designer\"", "/a/welder\"", 1)), "has no achievement \"welder\""},
		{"a source of somebody else", sign(strings.Replace(text, birch.set.Base+"/openbadges/a/designer", cedar.set.Base+"/openbadges/a/designer", 1)), "is an achievement of " + cedar.id.String() + ", and the agreement is with " + birch.id.String()},
		{"a source where no catalogue is", sign(strings.Replace(text, "/openbadges/a/designer\"", "/welding/a/designer\"", 1)), "rule 1: source: no catalogue is at " + birch.set.Base + "/welding"},
		{"an address of another partner", sign(strings.Replace(text, fmt.Sprintf("partner: %q", birch.set.Base), fmt.Sprintf("partner: %q", cedar.set.Base), 1)), "is the address of " + cedar.id.String() + ", and the agreement is with " + birch.id.String()},
		{"a source that is no address", sign(strings.Replace(text, birch.set.Base+"/openbadges/a/designer", "designer", 1)), "is no address of an achievement of the partner"},
		{"authorise what is not ours", sign(text + "authorizes: [ghost]\n"), "no achievement \"ghost\""},
		{"countersign what is with somebody else", func() error {
			_, err := birch.Countersign(t.Context(), TakeAgreementRequest{Address: proposed.Address})
			return err
		}, "only its partner can countersign it"},
		{"countersign what was ended", func() error {
			_, err := birch.Countersign(t.Context(), TakeAgreementRequest{Bundle: ended.Bundle})
			return err
		}, "this agreement ended on"},
		{"take what nobody countersigned", func() error {
			_, err := alder.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: proposed.Bundle})
			return err
		}, "the partner has not countersigned it yet"},
		{"take what waits for oneself", func() error {
			_, err := cedar.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: proposed.Bundle})
			return err
		}, "waits for your own signature: trustme node agreement countersign"},
		{"take what is between others", func() error {
			_, err := cedar.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: ab.Bundle})
			return err
		}, "none of this node's"},
		{"take an endorsement", func() error {
			e, err := birch.Endorse(t.Context(), EndorseRequest{Of: alder.id.String()})
			if err != nil {
				return err
			}
			_, err = alder.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: e.Credential})
			return err
		}, "this is an endorsement, not a partner agreement"},
		{"take an agreement as an endorsement", func() error {
			_, err := birch.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: alone.Agreement})
			return err
		}, "`trustme node agreement` takes it"},
		{"an endorsement of somebody else's", func() error {
			e, err := birch.Endorse(t.Context(), EndorseRequest{Of: alder.set.Base + "/openbadges/a/basics"})
			if err != nil {
				return err
			}
			_, err = cedar.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: e.Credential})
			return err
		}, "which is neither this node, nor a catalogue, an achievement or a badge of its"},
		{"a learning agreement under what is not in force", func() error {
			_, err := alder.SignLearning(t.Context(), SignLearningRequest{File: fmt.Appendf(nil, "learning_agreement: M\nlearner: x\nunder: %s\nrecognizes:\n  - {source: \"%s/openbadges/a/basics\", target: basics}\n", ended.ID, birch.set.Base)})
			return err
		}, "is under one of ours that is in force"},
	} {
		if err := tt.do(); err == nil || !errors.Is(err, ErrInput) && !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.why)
		}
	}
	if a, err := alder.Agreement(t.Context(), ab.ID); err != nil || a.State != InForce {
		t.Errorf("after all of that: %+v, %v", a, err)
	}
}

// A partner that takes its countersignature back ends what rests on it.
func TestACountersignatureThatIsTakenBackCountsNoMore(t *testing.T) {
	alder, birch := served(t, "Alder"), served(t, "Birch")
	ab := inForce(t, alder, birch)
	counts := func() bool {
		t.Helper()
		ts, err := alder.terms(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range ts.Statements {
			if s.ID == ab.ID && s.Countersigned() {
				return true
			}
		}
		return false
	}
	if !counts() {
		t.Fatal("it is not in force")
	}
	if _, err := birch.SetAgreement(t.Context(), SetAgreementRequest{ID: ab.ID, To: WasEnded, Reason: "merger"}); err != nil {
		t.Fatal(err)
	}
	// Alder believes its copy of the list for its ttl; a stranger sees it at once.
	b, err := recognition.ParseBundle(ab.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	s, err := recognition.Open(t.Context(), served(t, "Cedar").party.Verifier, b, alder.now())
	if err != nil || s.Countersigned() {
		t.Errorf("%+v, %v", s, err)
	}
}
