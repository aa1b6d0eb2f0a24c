package node

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// reachable is a node under a did:key whose pages partners on this machine reach.
func reachable(t *testing.T, name string, now func() time.Time) *Node {
	t.Helper()
	return behind(t, name, now, func(pages http.Handler) http.Handler { return pages })
}

// behind is [reachable] with something in front of the pages.
func behind(t *testing.T, name string, now func() time.Time, front func(http.Handler) http.Handler) *Node {
	t.Helper()
	var pages http.Handler
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	dir := filepath.Join(t.TempDir(), "n")
	if err := Init(InitRequest{Dir: dir, Settings: Settings{Name: name, Method: "key", Base: strings.Replace(web.URL, "127.0.0.1", "localhost", 1), Reserve: 1, Loopback: new(true)}, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	n := opened(t, dir, now)
	pages = front(n.public())
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

const birchMaker = "https://birch.example/design/a/maker"

// signs signs an agreement in which a recognises what b gives.
func signs(t *testing.T, a, b *Node, more string) SignedAgreement {
	t.Helper()
	s, err := a.SignAgreement(t.Context(), SignAgreementRequest{File: fmt.Appendf(nil, "agreement: MoU\nwith: %q\npartner: %q\nrecognizes:\n  - {source: %q, target: basics}\n%s", b.id, b.set.Base, birchMaker, more)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// agreed is [signs] and the countersignature.
func agreed(t *testing.T, a, b *Node, more string) SignedAgreement {
	t.Helper()
	s := signs(t, a, b, more)
	c, err := b.Countersign(t.Context(), TakeAgreementRequest{Bundle: s.Bundle})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = a.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: c.Bundle}); err != nil || s.State != InForce {
		t.Fatalf("%+v, %v", s.Agreement, err)
	}
	return s
}

// A partner chooses the ids of what it signs: none of them replaces or passes
// for what is kept here.
func TestAPartnersIdReplacesNothingThatIsKept(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	own := agreed(t, alder, birch, "")
	badge, err := alder.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{DID: ana}})
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"an agreement's": own.ID, "a badge's": badge.Award.ID, "no UUID": "urn:uuid:../../a", "upper case": strings.ToUpper(birch.newURN())} {
		raw, err := birch.signStatement(t.Context(), recognition.Draft{Statement: recognition.Statement{Kind: recognition.Agreement, ID: id, Name: "MoU", Of: alder.id.String(), From: birch.second(),
			Recognizes: []recognition.Rule{{Source: birchMaker, Target: birchMaker, Association: recognition.ExactMatch}}}})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := alder.Countersign(t.Context(), TakeAgreementRequest{Bundle: raw}); !errors.Is(err, ErrInput) {
			t.Errorf("%s id: %+v, %v", name, a.Agreement, err)
		}
	}
	if now, err := alder.AgreementBundle(t.Context(), own.ID); err != nil || string(now.Bundle) != string(own.Bundle) {
		t.Errorf("the agreement is another: %v", err)
	}
}

func TestTwoWhoCountersignAtOnceSignOnce(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	s := signs(t, alder, birch, "")
	var got [4]SignedAgreement
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], err = birch.Countersign(t.Context(), TakeAgreementRequest{Bundle: s.Bundle}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, g := range got {
		if string(g.Bundle) != string(got[0].Bundle) || g.Signature != got[0].Signature {
			t.Error("two countersignatures")
		}
	}
}

// The node stopped when the amendment was in force and the older agreement not
// yet ended: the next refresh ends it. An amendment that was taken back ends
// nothing.
func TestAnAmendmentEndsTheOlderAgreementAlsoAfterAStop(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	old := agreed(t, alder, birch, "")
	dropped := signs(t, alder, birch, "replaces: "+old.ID[9:17])
	c, err := birch.Countersign(t.Context(), TakeAgreementRequest{Bundle: dropped.Bundle})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: dropped.ID, To: WasEnded, Reason: "an error"}); err != nil {
		t.Fatal(err)
	}
	if _, err := alder.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: c.Bundle}); err != nil {
		t.Fatal(err)
	}
	state := func() AgreementState {
		a, err := alder.Agreement(t.Context(), old.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a.State
	}
	if state() != InForce {
		t.Fatalf("an amendment that was taken back: the older is %s", state())
	}
	amended := signs(t, alder, birch, "replaces: "+old.ID[9:17])
	err = alder.db.Update(t.Context(), func(tx *store.Tx) error {
		a, err := agreements.Get(tx, amended.ID)
		if err != nil {
			return err
		}
		a.State = InForce
		return agreements.Put(tx, a)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alder.RefreshAgreements(t.Context(), ""); err != nil || state() != WasEnded {
		t.Errorf("after the refresh the older is %s, %v", state(), err)
	}
}

// An agreement whose time is over is not ended once more, which would say that
// it never held; its amendment comes into force all the same.
func TestAnAgreementThatIsOverIsNotEndedAgain(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	alder, birch := reachable(t, "Alder", func() time.Time { return now }), reachable(t, "Birch", func() time.Time { return now })
	until := now.AddDate(0, 0, 2).Truncate(24 * time.Hour)
	a := agreed(t, alder, birch, "until: "+until.Format(time.DateOnly))
	now = until.AddDate(0, 0, 1)
	for _, n := range []*Node{alder, birch} {
		if err := n.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: a.ID, To: WasEnded, Reason: "tidying"}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "ended by itself on") {
		t.Errorf("%v", err)
	}
	agreed(t, alder, birch, "replaces: "+a.ID)
	terms, err := alder.terms(t.Context())
	if err != nil || len(terms.Statements) != 2 {
		t.Errorf("%+v, %v", terms.Statements, err)
	}
}

// Whatever comes first, an agreement that was in force and ended keeps its last
// version: without it nothing that it covered would count.
func TestAnAgreementEndedWhileItComesIntoForceKeepsItsEnd(t *testing.T) {
	alder, birch := reachable(t, "Alder", nil), reachable(t, "Birch", nil)
	for range 5 {
		s := signs(t, alder, birch, "")
		c, err := birch.Countersign(t.Context(), TakeAgreementRequest{Bundle: s.Bundle})
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := alder.TakeAgreement(t.Context(), TakeAgreementRequest{Bundle: c.Bundle}); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := alder.SetAgreement(t.Context(), SetAgreementRequest{ID: s.ID, To: WasEnded, Reason: "an error"}); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		inForce := false
		if err := alder.Journal(t.Context(), 1, func(f store.Fact) error {
			inForce = inForce || f.Kind == "agreement.in-force" && strings.Contains(string(f.Body), s.ID)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		now, err := alder.AgreementBundle(t.Context(), s.ID)
		if err != nil || now.State != WasEnded || inForce != strings.Contains(string(now.Bundle), `"ended"`) {
			t.Errorf("was in force: %v; %+v, %v", inForce, now.Agreement, err)
		}
	}
}

// Birch cannot let Alder issue what Cedar created.
func TestOnlyWhoCreatedAnAchievementAuthorisesToIssueIt(t *testing.T) {
	alder, birch, cedar := reachable(t, "Alder", nil), reachable(t, "Birch", nil), reachable(t, "Cedar", nil)
	unit := cedar.set.Base + "/openbadges/a/basics"
	grant := func() error {
		_, err := alder.Grant(t.Context(), GrantRequest{Achievement: unit, To: Recipient{DID: ana}})
		return err
	}
	authorises(t, birch, alder, unit)
	if err := grant(); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "who created it did not authorise") {
		t.Errorf("by a third party: %v", err)
	}
	authorises(t, cedar, alder, unit)
	if err := grant(); err != nil {
		t.Errorf("by its creator: %v", err)
	}
}
