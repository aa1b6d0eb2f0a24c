package catalogue_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/node/catalogue"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// learner earns real badges of a catalogue.
type learner struct {
	t    *testing.T
	c    *catalogue.Catalogue
	is   catalogue.Issuer
	key  signer
	v    *credentials.Verifier
	held requirement.Holdings
}

func newLearner(t *testing.T) *learner {
	t.Helper()
	c, err := catalogue.Parse(catalogue.OpenBadges)
	if err != nil {
		t.Fatal(err)
	}
	k := newSigner(t)
	return &learner{t: t, c: c, key: k, is: catalogue.Issuer{ID: k.id.String(), Name: "Alder", Base: "https://alder.example"},
		v: credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}, Now: func() time.Time { return noon }})}
}

// earn issues and verifies a badge: slug, slug@level, or -slug for one that
// expired yesterday.
func (l *learner) earn(badges ...string) *learner {
	l.t.Helper()
	for _, s := range badges {
		expired := strings.HasPrefix(s, "-")
		slug, level, _ := strings.Cut(strings.TrimPrefix(s, "-"), "@")
		doc, err := l.c.Document(l.is, slug)
		if err != nil {
			l.t.Fatal(err)
		}
		a := credentials.Award{ID: "urn:uuid:" + slug, Issuer: credentials.Profile{ID: l.is.ID, Name: "Alder"}, Achievement: doc,
			Subject: credentials.Subject{ID: l.is.ID}, ValidFrom: noon.AddDate(-1, 0, 0)}
		if level != "" {
			n := 0
			fmt.Sscan(level, &n)
			a.Results = []credentials.Result{{ResultDescription: l.c.ID(l.is, slug) + "#level", AchievedLevel: l.c.LevelID(l.is, slug, n)}}
		}
		if expired {
			a.ValidUntil = noon.AddDate(0, 0, -1)
		}
		unsigned, err := credentials.Build(a)
		if err != nil {
			l.t.Fatal(err)
		}
		signed, err := credentials.Issue(l.t.Context(), l.v, unsigned, l.key, noon.AddDate(0, -6, 0))
		if err != nil {
			l.t.Fatal(err)
		}
		c := signed.Credential()
		if !l.held.AddJudged(c, l.v.Report(l.t.Context(), c.Bytes(), credentials.ReportOptions{})) {
			l.t.Fatalf("%s does not count", s)
		}
	}
	return l
}

type vector struct {
	Steps map[string]string
	Done  int
	Of    int
	Goal  struct {
		OK      bool
		Missing []string
	}
}

var vectorLine = regexp.MustCompile(`^(.*?)\s*(\{"steps".*\})$`)

// The scenarios of the domain model, over badges that were really issued and
// verified.
func TestThePathScenariosOfTheDomainModel(t *testing.T) {
	f, err := os.Open(filepath.Join(sharedtest.Dir(t, "domain"), "path-scenarios.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := []string{"explorer", "basics", "earner", "evidence", "designer@2"}
	wallets := map[string][]string{
		"nothing": nil, "basics": {"basics"}, "basics+earner": {"basics", "earner"}, "designer level1 only": {"basics", "earner", "designer@1"},
		"designer level2 (RPL, skips earner)": {"basics", "evidence", "designer@2"}, "all but optional": append([]string{"issuer@2"}, all...),
		"issuer expired": append([]string{"-issuer@2"}, all...), "issuer revoked": append([]string{"-issuer@2"}, all...),
	}
	tried := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		m := vectorLine.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		var want vector
		if err := json.Unmarshal([]byte(m[2]), &want); err != nil {
			t.Fatal(err)
		}
		badges, known := wallets[m[1]]
		if !known {
			t.Errorf("the scenario %q is not known", m[1])
			continue
		}
		tried++
		l := newLearner(t).earn(badges...)
		path, _ := l.c.Paths.Get("become-issuer")
		got := path.Compile().Progress(&l.held, l.c.Names(l.is), func(badge string) bool { return badge == "designer" && m[1] == "basics+earner" }, noon)
		steps := map[string]string{}
		for _, s := range got.Steps {
			text := strings.ReplaceAll(string(s.State), "lapsed", "expired") // as the vectors call it
			if s.State == requirement.Locked {
				text += ": " + strings.Join(s.Missing, ", ")
			}
			steps[s.Badge] = text
		}
		if !reflect.DeepEqual(steps, want.Steps) || got.Done != want.Done || got.Of != want.Of {
			t.Errorf("%s: %v, %d/%d\nwant %v, %d/%d", m[1], steps, got.Done, got.Of, want.Steps, want.Done, want.Of)
		}
		if got.Goal.OK() != want.Goal.OK || strings.Join(got.Goal.Missing, ", ") != strings.Join(want.Goal.Missing, ", ") {
			t.Errorf("%s: goal %+v, want %+v", m[1], got.Goal, want.Goal)
		}
	}
	if tried != len(wallets) {
		t.Errorf("%d scenarios were tried, want %d", tried, len(wallets))
	}
	t.Logf("read %s: %d scenarios", f.Name(), tried)
}

func TestTheRoleAndTheMilestoneOfTheDomainModel(t *testing.T) {
	role := func(l *learner) requirement.Outcome {
		r, _ := l.c.Roles.Get("open-badge-issuer")
		return r.Requires.Evaluate(&l.held, l.c.Names(l.is), noon)
	}
	halfway := func(l *learner) requirement.Outcome {
		a, _ := l.c.Find("halfway")
		return a.Award.When.Evaluate(&l.held, l.c.Names(l.is), noon)
	}
	for _, tt := range []struct {
		name    string
		of      func(*learner) requirement.Outcome
		badges  []string
		missing string
	}{
		{"role without the optional reviewer", role, []string{"designer@2", "issuer@2"}, "1 of (reviewer | contributor)"},
		{"role with a contribution", role, []string{"designer@2", "issuer@2", "contributor"}, ""},
		{"role with an expired badge", role, []string{"designer@2", "-issuer@2", "contributor"}, "issuer@2"},
		{"two of five", halfway, []string{"basics", "earner"}, "1 of (explorer | evidence | designer)"},
		{"three of five", halfway, []string{"basics", "earner", "designer@1"}, ""},
	} {
		o := tt.of(newLearner(t).earn(tt.badges...))
		if o.OK() != (tt.missing == "") || strings.Join(o.Missing, ", ") != tt.missing {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
}

// A badge that somebody else issued under Alder's achievement, and one that
// does not verify, do not count.
func TestForgedBadgesDoNotCount(t *testing.T) {
	l, mallory := newLearner(t), newLearner(t)
	mallory.is = catalogue.Issuer{ID: mallory.key.id.String(), Name: "Alder", Base: "https://alder.example"} // the same addresses
	mallory.earn("basics")
	if (requirement.Requirement{Badge: "basics"}).Evaluate(&mallory.held, l.c.Names(l.is), noon).OK() {
		t.Error("another issuer's badge counts")
	}
	l.earn("basics")
	if !(requirement.Requirement{Badge: "basics"}).Evaluate(&l.held, l.c.Names(l.is), noon).OK() {
		t.Error("Alder's own does not count")
	}
}

type signer struct {
	id  did.DID
	pub did.PublicKey
	key ed25519.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := did.NewPublicKey(did.Ed25519, pub)
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, k, private}
}

func (s signer) Sign(_ context.Context, m []byte) ([]byte, error) {
	return ed25519.Sign(s.key, m), nil
}
func (s signer) VerificationMethod() string { return key.MethodID(s.id) }
func (s signer) Key() did.PublicKey         { return s.pub }
