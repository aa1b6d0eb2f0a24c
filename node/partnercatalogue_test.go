package node

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/node/catalogue"
)

// authorises lets a node issue what another created.
func authorises(t *testing.T, by, to *Node, achievement string) SignedAgreement {
	t.Helper()
	raw, err := by.signStatement(t.Context(), recognition.Draft{Statement: recognition.Statement{Kind: recognition.Agreement, ID: by.newURN(), Name: "MoU", Of: to.id.String(), From: by.second(), Authorizes: []string{achievement}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := to.Countersign(t.Context(), TakeAgreementRequest{Bundle: raw})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A partner's catalogue is fetched anew on the beat when it is older than a
// day. An older version, and a partner that is away, change nothing but what is
// told.
func TestAPartnersCatalogueIsFetchedAnewEachDay(t *testing.T) {
	clock := time.Now().UTC().Truncate(time.Second)
	now := func() time.Time { return clock }
	var first, serves atomic.Pointer[[]byte] // the signed version that the partner served first, and what it serves instead
	cedar := behind(t, "Cedar", now, func(pages http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if b := serves.Load(); b != nil && strings.HasSuffix(r.URL.Path, "/catalogue.json") {
				if len(*b) == 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				w.Write(*b)
				return
			}
			pages.ServeHTTP(w, r)
		})
	})
	alder := reachable(t, "Alder", now)
	unit := cedar.set.Base + "/openbadges/a/basics"
	authorises(t, cedar, alder, unit)
	e, err := cedar.edition(t.Context(), "openbadges", "1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	first.Store((*[]byte)(&e.Credential))
	text := func() string {
		t.Helper()
		c, _, err := alder.of(t.Context(), cedar.set.Base+"/openbadges")
		if err != nil {
			t.Fatal(err)
		}
		a, _ := c.Find("basics")
		return a.Description
	}
	if _, err := alder.Grant(t.Context(), GrantRequest{Achievement: unit, To: Recipient{DID: ana}}); err != nil {
		t.Fatal(err)
	}
	old, begin := text(), clock
	clock = clock.Add(time.Minute)
	if _, err := cedar.PublishCatalogue(t.Context(), []byte(strings.NewReplacer("version: 1.1.0 ", "version: 1.1.1 ", old, "Knows Open Badges.").Replace(string(catalogue.OpenBadges)))); err != nil {
		t.Fatal(err)
	}
	empty := []byte{}
	for _, tt := range []struct {
		name    string
		after   time.Duration
		serves  *[]byte
		want    string
		fetched time.Duration
		problem string
	}{
		{"within the day nobody is asked", 23 * time.Hour, nil, old, 0, ""},
		{"after it the newer version comes", 27 * time.Hour, nil, "Knows Open Badges.", 27 * time.Hour, ""},
		{"the older version is refused", 54 * time.Hour, first.Load(), "Knows Open Badges.", 27 * time.Hour, "older than the one that is kept"},
		{"within the hour nobody is asked again", 54*time.Hour + 59*time.Minute, &empty, "Knows Open Badges.", 27 * time.Hour, "older than the one that is kept"},
		{"a partner that is away is told", 56 * time.Hour, &empty, "Knows Open Badges.", 27 * time.Hour, "503"},
		{"it comes when it is back", 58 * time.Hour, nil, "Knows Open Badges.", 58 * time.Hour, ""},
	} {
		clock = begin.Add(tt.after)
		serves.Store(tt.serves)
		if err := alder.renewPartners(t.Context()); (err == nil) != (tt.problem == "" || strings.HasPrefix(tt.name, "within")) {
			t.Errorf("%s: %v", tt.name, err)
		}
		all, err := alder.PartnerCatalogues(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		if p := all[0]; text() != tt.want || !p.Fetched.Equal(begin.Add(tt.fetched)) || p.AgeSeconds != int64((tt.after-tt.fetched).Seconds()) || (tt.problem == "") != (p.Problem == "") || !strings.Contains(p.Problem, tt.problem) {
			t.Errorf("%s: %+v with %q", tt.name, p, text())
		}
	}
}

// What a partner took out of their catalogue after it was offered is not signed,
// and the learner is told.
func TestAnOfferOfWhatAPartnerTookOutEnds(t *testing.T) {
	clock := time.Now().UTC().Truncate(time.Second)
	now := func() time.Time { return clock }
	cedar, alder := reachable(t, "Cedar", now), reachable(t, "Alder", now)
	one := "catalogue: metal\nversion: 1.0.0\nname: Metal\nlanguage: en\ndefaults: {setting: non-formal, mode: online}\nachievements:\n"
	unit := func(slug string) string {
		return "  " + slug + ":\n    name: " + slug + "\n    kind: skill\n    description: d\n    criteria: {c: \"Does it.\"}\n    assessment: practical\n    award: {by: grant}\n"
	}
	publish := func(text string) {
		t.Helper()
		if _, err := cedar.PublishCatalogue(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	publish(one + unit("mig") + unit("tig"))
	tig := cedar.set.Base + "/metal/a/tig"
	authorises(t, cedar, alder, tig)
	s := newSomeone(t, alder, "ana")
	grant(t, alder, GrantRequest{Achievement: tig, To: Recipient{Connection: s.c.ID}})
	clock = clock.Add(27 * time.Hour)
	publish(strings.Replace(one, "1.0.0", "2.0.0", 1) + unit("mig"))
	for _, n := range []*Node{cedar, alder} { // as the beat does
		if err := n.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := alder.renewPartners(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ended := s.asks(t); len(ended) != 1 || !strings.Contains(ended[0], "tig is not given here any more: ") {
		t.Errorf("%v", ended)
	}
}
