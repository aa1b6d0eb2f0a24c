package catalogue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/catalogue"
)

const skill = "http://data.europa.eu/esco/skill/5fd5c985-eaaa-47aa-8314-62359c54505a"

// small is a catalogue of one achievement.
func small(t *testing.T, name, rest string) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Parse([]byte("catalogue: " + name + "\nversion: 1.0.0\nname: " + name + "\nlanguage: en\ndefaults: {setting: non-formal, mode: online}\nachievements:\n  one:\n    name: " + name + "\n    kind: skill\n    description: d\n    criteria: {c: \"Does it.\"}\n    assessment: practical\n    award: {by: grant}\n" + rest))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The score of a pair is half of it alignments in common over all, a quarter
// the nearness of level, a quarter that of workload: expected by arithmetic.
func TestPairsAreScoredByAlignmentsLevelAndWorkload(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       float64 // 0: not worth showing
	}{
		{"the same", "    align: [" + skill + "]\n    eqf: 4\n    workload: PT10H\n", "    align: [" + skill + "]\n    eqf: 4\n    workload: PT10H\n", 1},
		{"half the workload", "    align: [" + skill + "]\n    eqf: 4\n    workload: PT10H\n", "    align: [" + skill + "]\n    eqf: 4\n    workload: PT5H\n", 0.875},
		{"a level apart", "    align: [" + skill + "]\n    eqf: 4\n    workload: PT10H\n", "    align: [" + skill + "]\n    eqf: 5\n    workload: PT10H\n", 0.5 + 0.25*2/3 + 0.25},
		{"one alignment of two, no facts", "    align: [" + skill + "]\n", "    align: [" + skill + ", \"https://x.example/other\"]\n", 0.5},
		{"nothing in common", "    align: [" + skill + "]\n    eqf: 4\n", "    align: [\"https://x.example/other\"]\n    eqf: 4\n", 0},
	} {
		ps := catalogue.Compare(small(t, "alpha", tt.a), small(t, "beta", tt.b))
		switch {
		case tt.want == 0 && len(ps) > 0:
			t.Errorf("%s: %+v", tt.name, ps)
		case tt.want > 0 && (len(ps) != 1 || ps[0].Score < tt.want-1e-9 || ps[0].Score > tt.want+1e-9 || ps[0].Shared[0] != skill):
			t.Errorf("%s: %+v; want %g", tt.name, ps, tt.want)
		}
	}
}

// A step accepts a partner's badge of that address only from the node that
// lives there.
func TestAStepAcceptsAPartnersBadgeOnlyFromThatPartner(t *testing.T) {
	path := "paths:\n  p:\n    name: P\n    order: advise\n    steps:\n      one: {accept: [\"https://birch.example/vet/design/a/maker\"]}\n"
	c := small(t, "alpha", path)
	w, ok := c.Names(alder)("one")
	if !ok || len(w.Equivalents) != 1 || w.Equivalents[0].Issuer != "did:web:birch.example:vet" {
		t.Fatalf("%+v", w)
	}
	var r requirement.Requirement
	if err := r.UnmarshalJSON([]byte(`"one"`)); err != nil {
		t.Fatal(err)
	}
	if o := r.Evaluate(&requirement.Holdings{}, c.Names(alder), time.Now()); o.OK() {
		t.Error("met by nothing")
	}
	_, err := catalogue.Parse([]byte(strings.Replace(string(c.Source()), "https://birch.example/vet/design/a/maker", "https://birch.example/maker", 1)))
	if err == nil || !strings.Contains(err.Error(), "is no address of an achievement") {
		t.Errorf("an address that is none: %v", err)
	}
}
