package requirement

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// names: each slug is an achievement of Alder's; designer is also met by
// Birch's maker, at level 2 and awarded within three years.
func names(badge string) (Wanted, bool) {
	if badge == "ghost" {
		return Wanted{}, false
	}
	w := Wanted{Achievement: "a:" + badge, Issuers: []string{"did:alder"}}
	if badge == "designer" {
		w.Equivalents = []Equivalent{{Achievement: "b:maker", Issuer: "did:birch", MinLevel: 2, Level: 1, Within: "P3Y", Why: "agreement"}}
	}
	return w, true
}

// hold makes holdings of short texts: slug, slug@level, -slug for one that
// lapsed, ?slug for an uncertain one.
func hold(badges ...string) *Holdings {
	h := &Holdings{}
	for i, s := range badges {
		b := Held{Credential: fmt.Sprint("urn:", i), Issuer: "did:alder", Standing: Current, Awarded: noon.AddDate(-1, 0, 0), From: noon.AddDate(-1, 0, 0)}
		switch s[0] {
		case '-':
			b.Standing, b.Why, s = Lapsed, "revoked", s[1:]
		case '?':
			b.Standing, b.Why, s = Uncertain, "out of reach", s[1:]
		}
		slug, level, _ := strings.Cut(s, "@")
		fmt.Sscan(level, &b.Level)
		b.Achievement = "a:" + slug
		h.add(b)
	}
	return h
}

func req(t testing.TB, s string) Requirement {
	t.Helper()
	var r Requirement
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return r
}

func TestRequirementsAnswerYesNoOrUnknownAndSayWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		r       string
		h       *Holdings
		answer  credentials.Answer
		missing string
	}{
		{`"a"`, hold("a"), credentials.Yes, ""},
		{`"a"`, hold("b"), credentials.No, "a"},
		{`"a"`, hold("-a"), credentials.No, "a"},
		{`"a"`, hold("-a", "a"), credentials.Yes, ""},
		{`"a"`, hold("?a"), credentials.Unknown, "a"},
		{`"a"`, hold("?a", "a"), credentials.Yes, ""},
		{`"ghost"`, hold("ghost"), credentials.No, "ghost"},
		{`{"badge":"a","level":2}`, hold("a@1"), credentials.No, "a@2"},
		{`{"badge":"a","level":2}`, hold("a@3"), credentials.Yes, ""},
		{`{"badge":"a","within":"P13M"}`, hold("a"), credentials.Yes, ""},
		{`{"badge":"a","within":"P11M"}`, hold("a"), credentials.No, "a within P11M"},
		{`{"all":["a","b"]}`, hold("a", "b"), credentials.Yes, ""},
		{`{"all":["a","b","c"]}`, hold("b"), credentials.No, "a, c"},
		{`{"all":["a","b"]}`, hold("?a", "b"), credentials.Unknown, "a"},
		{`{"all":["a","b"]}`, hold("?a"), credentials.No, "a, b"},
		{`{"any":["a","b"]}`, hold("b"), credentials.Yes, ""},
		{`{"any":["a","b"]}`, hold("c"), credentials.No, "1 of (a | b)"},
		{`{"any":["a","b"]}`, hold("?a"), credentials.Unknown, "1 of (a | b)"},
		{`{"any":["a","b"]}`, hold("?a", "b"), credentials.Yes, ""},
		{`{"n":2,"of":["a","b","c"]}`, hold("a", "c"), credentials.Yes, ""},
		{`{"n":2,"of":["a","b","c"]}`, hold("a"), credentials.No, "1 of (b | c)"},
		{`{"n":2,"of":["a","b","c"]}`, hold(), credentials.No, "2 of (a | b | c)"},
		{`{"n":3,"of":["a","b","c"]}`, hold("b"), credentials.No, "a, c"},
		{`{"n":2,"of":["a","b","c"]}`, hold("a", "?b"), credentials.Unknown, "1 of (b | c)"},
		{`{"all":["a",{"any":["b",{"badge":"c","level":2}]}]}`, hold("a", "c@1"), credentials.No, "1 of (b | c@2)"},
		{`{"any":[{"all":["a","b"]},"c"]}`, hold("a"), credentials.No, "1 of ((a and b) | c)"},
	} {
		o := req(t, tt.r).Evaluate(tt.h, names, noon)
		if o.Answer != tt.answer || strings.Join(o.Missing, ", ") != tt.missing || (o.Answer == credentials.Unknown) != (len(o.Uncertain) > 0) && o.Answer != credentials.No {
			t.Errorf("%s over %v: %s, missing %q, uncertain %v; want %s, %q", tt.r, tt.h.by, o.Answer, o.Missing, o.Uncertain, tt.answer, tt.missing)
		}
	}
}

// A badge of the right achievement counts only from who may issue it, and
// another's only by agreement.
func TestABadgeCountsOnlyFromItsIssuerOrByAgreement(t *testing.T) {
	other := func(achievement, issuer string, level int, awarded time.Time) *Holdings {
		h := &Holdings{}
		h.add(Held{Credential: "urn:1", Achievement: achievement, Issuer: issuer, Level: level, Awarded: awarded, From: awarded, Standing: Current})
		return h
	}
	recent := noon.AddDate(-1, 0, 0)
	for _, tt := range []struct {
		name  string
		h     *Holdings
		level int
		want  bool
	}{
		{"Alder's own", other("a:designer", "did:alder", 2, recent), 2, true},
		{"the same achievement by somebody else", other("a:designer", "did:mallory", 2, recent), 0, false},
		{"Birch's by agreement", other("b:maker", "did:birch", 2, recent), 0, true},
		{"Birch's, which counts for level 1", other("b:maker", "did:birch", 3, recent), 2, false},
		{"Birch's at too low a level", other("b:maker", "did:birch", 1, recent), 0, false},
		{"Birch's of long ago", other("b:maker", "did:birch", 2, noon.AddDate(-4, 0, 0)), 0, false},
		{"Birch's by somebody else", other("b:maker", "did:mallory", 2, recent), 0, false},
	} {
		if got := (Requirement{Badge: "designer", Level: tt.level}).Evaluate(tt.h, names, noon).OK(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestABadgeCountsInItsTime(t *testing.T) {
	h := &Holdings{}
	h.add(Held{Credential: "urn:1", Achievement: "a:a", Issuer: "did:alder", Standing: Current, From: noon, Until: noon.AddDate(1, 0, 0)})
	for at, want := range map[time.Time]bool{noon.Add(-1): false, noon: true, noon.AddDate(1, 0, 0): true, noon.AddDate(1, 0, 0).Add(1): false} {
		if got := (Requirement{Badge: "a"}).Evaluate(h, names, at).OK(); got != want {
			t.Errorf("at %s: %v", at, got)
		}
	}
}

func TestTheSmallestSetIsShown(t *testing.T) {
	for _, tt := range []struct {
		r    string
		h    *Holdings
		want []string
	}{
		{`{"any":[{"all":["a","b"]},"c"]}`, hold("a", "b", "c"), []string{"a:c"}},
		{`{"n":2,"of":["a",{"all":["b","c"]},"d"]}`, hold("a", "b", "c", "d"), []string{"a:a", "a:d"}},
		{`{"all":[{"any":["a","b"]},{"any":["b","c"]}]}`, hold("a", "b", "c"), []string{"a:b"}},
		{`{"all":["a",{"n":1,"of":["-x","b"]}]}`, hold("a", "b", "-c"), []string{"a:a", "a:b"}},
		{`{"all":["a","b"]}`, hold("a", "-b"), nil},
		{`"a"`, hold("?a"), nil},
	} {
		got, ok := req(t, tt.r).Smallest(tt.h, names, noon)
		var shown []string
		for _, b := range got {
			shown = append(shown, b.Achievement)
		}
		if ok != (tt.want != nil) || !reflect.DeepEqual(shown, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.r, shown, ok, tt.want)
		}
	}
}

func TestWhatIsNoRequirementIsRefusedWithItsPlace(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                              "exactly one of badge, all, any, and n with of",
		`{"badge":"a","all":["b"]}`:       "exactly one of",
		`{"n":3,"of":["a","b"]}`:          "n must be 1 to 2",
		`{"of":["a"]}`:                    "n must be 1 to 1",
		`{"n":1,"all":["a"]}`:             "n belongs to of",
		`{"all":[]}`:                      "at least one part",
		`{"all":"a"}`:                     "/all is no list",
		`{"badge":"a","level":-1}`:        "/level has the wrong type",
		`{"badge":"a","within":"a year"}`: "within: \"a year\" is no ISO 8601 duration",
		`{"any":["a"],"level":2}`:         "level and within belong to a badge",
		`{"badge":"a","Level":2}`:         "/Level is no member of one",
		`{"all":[{"any":[7]}]}`:           "/all/0/any/0 is neither a name nor an object",
		strings.Repeat(`{"all":[`, 18) + `"a"` + strings.Repeat(`]}`, 18): "nested deeper than 16",
	} {
		var r Requirement
		if err := json.Unmarshal([]byte(in), &r); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	many := Requirement{Any: make([]Requirement, maxParts)}
	for i := range many.Any {
		many.Any[i].Badge = "a"
	}
	if err := many.Check(); !errors.Is(err, ErrInvalid) {
		t.Errorf("%d parts: %v", maxParts, err)
	}
}

func TestRequirementsReadBackFromJSON(t *testing.T) {
	for _, s := range []string{`"a"`, `{"badge":"a","level":2}`, `{"badge":"a","within":"P1Y"}`, `{"all":["a",{"any":["b","c"]}]}`, `{"n":2,"of":["a","b","c"]}`} {
		r := req(t, s)
		raw, err := json.Marshal(r)
		if err != nil || string(raw) != s {
			t.Errorf("%s became %s, %v", s, raw, err)
		}
	}
}

func TestPeriodsFollowTheCalendar(t *testing.T) {
	for s, want := range map[string]time.Time{"P1Y": noon.AddDate(1, 0, 0), "P60D": noon.AddDate(0, 0, 60), "P2W": noon.AddDate(0, 0, 14), "PT5H30M": noon.Add(5*time.Hour + 30*time.Minute), "P1Y2M3DT4H": noon.AddDate(1, 2, 3).Add(4 * time.Hour)} {
		p, err := ParsePeriod(s)
		if err != nil || !p.After(noon).Equal(want) {
			t.Errorf("%s: %v, %v", s, p.After(noon), err)
		}
	}
	for _, s := range []string{"", "P", "PT", "P1YT", "1Y", "P1.5Y", "P-1Y", "P99999Y", "PT5S"} {
		if _, err := ParsePeriod(s); err == nil {
			t.Errorf("%q is a period", s)
		}
	}
}

// An xsd:duration has no weeks (XML Schema 1.1 part 2, §3.3.6).
func TestPeriodsAreToldToMachinesAndPeople(t *testing.T) {
	for s, want := range map[string][2]string{
		"PT12H": {"PT12H", "12 hours"}, "P2W": {"P14D", "14 days"}, "P1Y6M": {"P1Y6M", "1 year 6 months"},
		"P1DT1H30M": {"P1DT1H30M", "1 day 1 hour 30 minutes"}, "PT0H": {"PT0H", "no time"},
	} {
		p, err := ParsePeriod(s)
		if err != nil || p.String() != want[0] || p.Words() != want[1] {
			t.Errorf("%s: %q, %q, %v", s, p.String(), p.Words(), err)
		}
	}
}

func FuzzRequirementsAreReadAndEvaluated(f *testing.F) {
	for _, s := range []string{`"a"`, `{"n":2,"of":["a",{"all":["b","?"]},{"any":["c","designer"]}]}`, `{"badge":"a","level":2,"within":"P1Y"}`} {
		f.Add([]byte(s))
	}
	h := hold("a@2", "b", "?c", "-d", "designer")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r Requirement
		if json.Unmarshal(raw, &r) != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if req(t, string(again)).String() != r.String() {
			t.Errorf("%s became %s", raw, again)
		}
		o := r.Evaluate(h, names, noon)
		shown, ok := r.Smallest(h, names, noon)
		if ok != o.OK() || o.OK() != (len(o.Missing) == 0) {
			t.Errorf("%s: %+v, but %d badges show it: %v", raw, o, len(shown), ok)
		}
		if !ok {
			return
		}
		few := &Holdings{}
		for _, b := range shown {
			few.add(b)
		}
		if !r.Evaluate(few, names, noon).OK() {
			t.Errorf("%s is not met by the set that shows it", raw)
		}
	})
}

// BenchmarkEvaluate is a role over 1,000 held badges: the goal is 50 µs.
func BenchmarkEvaluate(b *testing.B) {
	var badges []string
	for i := range 997 {
		badges = append(badges, fmt.Sprint("badge", i))
	}
	h := hold(append(badges, "designer@2", "issuer@2", "contributor")...)
	r := req(b, `{"all":[{"badge":"designer","level":2},{"badge":"issuer","level":2},{"n":1,"of":["reviewer","contributor"]}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if !r.Evaluate(h, names, noon).OK() {
			b.Fatal("the role is not met")
		}
	}
}
