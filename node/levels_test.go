package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
)

const ladder = `catalogue: ladder
version: 1.0.0
name: Ladder
defaults: {setting: non-formal, mode: online}
achievements:
  granted:
    name: Granted
    kind: skill
    levels: {1: Helped, 2: Alone, 3: Helps}
    pass: 2
    assessment: practical
    description: A rung.
    criteria: {climb: "Climbs."}
    award: {by: grant}
  coded:
    name: Coded
    kind: skill
    levels: {1: Helped, 2: Alone, 3: Helps}
    pass: 2
    assessment: practical
    description: A rung.
    criteria: {climb: "Climbs."}
    award: {by: claim-code}
  shown:
    name: Shown
    kind: skill
    levels: {1: Helped, 2: Alone, 3: Helps}
    pass: 2
    assessment: practical
    description: A rung.
    criteria: {climb: "Climbs."}
    award: {by: presentation, of: {badge: granted}}
`

// climbing is a node whose badges have levels.
func climbing(t *testing.T) *Node {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ladder.yaml")
	if err := os.WriteFile(file, []byte(ladder), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	set := Settings{Name: "Alder", Reserve: 1, Catalogues: []string{file}}
	if err := set.Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := Init(InitRequest{Dir: dir, Settings: set}); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir, nil)
}

// Whichever way a badge comes, a higher level than is held is given beside the
// lower one, and the same or a lower one is not.
func TestAHigherLevelIsGivenWhicheverWayItComes(t *testing.T) {
	n := climbing(t)
	byHand := func(to func(*someone) Recipient) func(*testing.T, *someone, int) error {
		return func(t *testing.T, s *someone, level int) error {
			_, err := n.Grant(t.Context(), GrantRequest{Achievement: "granted", Level: level, To: to(s)})
			return err
		}
	}
	for name, way := range map[string]struct {
		badge string
		give  func(t *testing.T, s *someone, level int) error
	}{
		"by hand, to the connection": {"granted", byHand(func(s *someone) Recipient { return Recipient{Connection: s.c.ID} })},
		"by hand, to the DID":        {"granted", byHand(func(s *someone) Recipient { return Recipient{DID: s.id.String()} })},
		"by a file": {"granted", func(t *testing.T, s *someone, level int) error {
			file := filepath.Join(t.TempDir(), "rows.csv")
			if err := os.WriteFile(file, fmt.Appendf(nil, "badge,did,level\ngranted,%s,%d\n", s.id, level), 0o600); err != nil {
				return err
			}
			_, err := n.IssueCSV(t.Context(), file, nil)
			return err
		}},
		"by a claim link": {"granted", func(t *testing.T, s *someone, level int) error {
			g, err := n.Grant(t.Context(), GrantRequest{Achievement: "granted", Level: level, To: Recipient{Email: s.c.Label + "@example.org"}})
			if err != nil || g.Claim == nil {
				return err
			}
			return s.redeems(t, g.Claim.Code)
		}},
		"by a code": {"coded", func(t *testing.T, s *someone, level int) error {
			l, err := n.ClaimCode(t.Context(), ClaimCodeRequest{Achievement: "coded", Level: level})
			if err != nil {
				return err
			}
			return s.redeems(t, l.Code)
		}},
		"by an application": {"shown", func(t *testing.T, s *someone, level int) error {
			_, err := s.act(t, s.message(t, application.TypeSubmit, didcomm.NewID(), application.Submission{Achievement: "ladder/shown", Level: level, Revision: 1, Route: application.RouteRegular, Evidence: []application.Evidence{}}))
			if p := s.progress(t); p.Refused && !strings.Contains(p.Reason, "you hold Shown already, at level ") {
				t.Errorf("level %d: %+v", level, p)
			}
			return err
		}},
	} {
		s := newSomeone(t, n, strings.ReplaceAll(strings.ReplaceAll(name, " ", ""), ",", ""))
		if way.badge == "shown" {
			s.given(t, "granted", 1)
		}
		for i, step := range []struct{ level, held int }{{1, 1}, {1, 1}, {2, 2}, {1, 2}, {2, 2}, {3, 3}} {
			err := way.give(t, s, step.level)
			ended := s.asks(t)
			if p, ok := errors.AsType[*didcomm.Problem](err); ok && strings.Contains(p.Comment, " already") {
				err = nil
			}
			if err != nil {
				t.Fatalf("%s, step %d: %v, %v", name, i, err, ended)
			}
			if held := s.holds(t, "ladder/"+way.badge); held != step.held {
				t.Errorf("%s, level %d: %d held, want %d; %v", name, step.level, held, step.held, ended)
			}
			if way.badge == "shown" {
				s.shows(t, "ladder/shown", 1)
			}
		}
	}
}

// shows lets this person show, beside the first badges that they keep, those of
// an achievement that were signed for their key.
func (s *someone) shows(t *testing.T, achievement string, keep int) {
	t.Helper()
	s.badges = s.badges[:keep]
	if err := s.n.AwardList(t.Context(), achievement, func(a Award) error {
		if a.Recipient.DID != s.id.String() {
			return nil
		}
		_, raw, err := s.n.Award(t.Context(), a.ID)
		if raw != nil {
			s.badges = append(s.badges, raw)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Who has a level already is told, by hand and by a file, with the highest; a
// key is of one award, at one level.
func TestWhoHoldsALevelAlreadyIsTold(t *testing.T) {
	n := climbing(t)
	to := Recipient{Email: "ana@example.org"}
	for _, level := range []int{1, 2} {
		if g := grant(t, n, GrantRequest{Achievement: "granted", To: to, Level: level}); !g.New || g.Holds() != "" {
			t.Fatalf("%+v", g)
		}
	}
	for _, level := range []int{0, 1, 2} {
		if g := grant(t, n, GrantRequest{Achievement: "granted", To: to, Level: level}); g.New || g.Holds() != "ana@example.org holds Granted at level 2 already" {
			t.Errorf("%d: %q", level, g.Holds())
		}
	}
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("badge,email,level\ngranted,ana@example.org,1\ngranted,ben@example.org,1\ngranted,ana@example.org,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := n.IssueCSV(t.Context(), file, nil)
	if err != nil || res.Issued != 2 || res.Existing != 1 || len(res.Held) != 1 || res.Held[0].Row != 2 || !strings.HasPrefix(res.Held[0].Message, "ana@example.org holds Granted at level ") {
		t.Errorf("%+v, %v", res, err)
	}
	grant(t, n, GrantRequest{Achievement: "granted", To: to, Level: 2, Key: "course 7"})
	if _, err := n.Grant(t.Context(), GrantRequest{Achievement: "granted", To: to, Level: 3, Key: "course 7"}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "under this key Granted was awarded at level 2") {
		t.Errorf("another level under a key: %v", err)
	}
}

// Of a badge at two levels the higher one is renewed.
func TestALevelThatWasOutgrownIsNotDueForRenewal(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	grant(t, n, GrantRequest{Achievement: "issuer", Level: 1, To: Recipient{DID: ana}})
	higher := grant(t, n, GrantRequest{Achievement: "issuer", Level: 2, To: Recipient{DID: ana}})
	now = now.AddDate(2, 0, -10)
	due, err := n.Renewals(t.Context(), RenewalsRequest{})
	if err != nil || len(due) != 1 || due[0].Award.ID != higher.Award.ID {
		t.Errorf("%+v, %v", due, err)
	}
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	setStanding(t, n, higher.Award.ID, "revoked")
	if due, err := n.Renewals(t.Context(), RenewalsRequest{}); err != nil || len(due) != 1 || due[0].Award.Level != 1 {
		t.Errorf("once the higher is revoked: %+v, %v", due, err)
	}
}
