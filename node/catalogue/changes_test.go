package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/node/catalogue"
)

// What holders relied on asks for a major step, more than there was for a
// minor one, and other words for a patch.
func TestAChangeAsksForItsVersion(t *testing.T) {
	for _, tt := range []struct {
		name, old, new, says, least string
	}{
		{"nothing", "country: BE ", "country: BE ", "", "1.1.0"},
		{"other words", "Took part in an introduction to Open Badges.", "Took part.", "~ achievement explorer: description: Took part in an introduction to Open Badges. -> Took part. (patch)", "1.1.1"},
		{"another level", "    eqf: 4\n    workload: PT6H", "    eqf: 5\n    workload: PT6H", "~ achievement evidence: eqf: 4 -> 5 (major)", "2.0.0"},
		{"another criterion", "at least 80 %", "at least 90 %", "~ achievement basics: criteria: ", "2.0.0"},
		{"a retired badge", "    workload: PT2H\n", "    workload: PT2H\n    retired: true\n", "~ achievement explorer: retired: false -> true (minor)", "1.2.0"},
		{"another review", "review: {quorum: 1,", "review: {quorum: 3,", "~ achievement explorer: review: 1, four eyes true, by reviewer -> 3, four eyes true, by reviewer (minor)", "1.2.0"},
		{"another order", "order: enforce", "order: advise", "~ path become-issuer: order: enforce -> advise (minor)", "1.2.0"},
		{"another goal", "goal: {all: [explorer, issuer]}", "goal: issuer", "~ path become-issuer: goal: (explorer and issuer) -> issuer (major)", "2.0.0"},
		{"another role", "n: 1, of: [reviewer, contributor]", "n: 2, of: [reviewer, contributor]", "~ role open-badge-issuer: requires: ", "2.0.0"},
		{"a new objective", "objectives:  ", "objectives:\n  lo-new: {text: \"Do more.\"}\n#", "+ objective lo-new (minor)", "1.2.0"},
		{"a series gone", "  - {id: discover, name: Discover, of: [explorer, basics, halfway]}\n", "", "- series discover (patch)", "1.1.1"},
		{"another license", "CC-BY-4.0", "CC0-1.0", "~ catalogue: license: CC-BY-4.0 -> CC0-1.0 (minor)", "1.2.0"},
	} {
		to, err := catalogue.Parse(spoiled(t, tt.old, tt.new))
		if err != nil {
			t.Fatal(err)
		}
		d := catalogue.Diff(shipped(t), to)
		if d.Least != tt.least || d.Enough != (tt.least == "1.1.0") {
			t.Errorf("%s: %s is asked for, enough %v: %v", tt.name, d.Least, d.Enough, d.List)
		}
		if tt.says != "" && !slices.ContainsFunc(d.List, func(c catalogue.Change) bool { return strings.HasPrefix(c.String(), tt.says) }) {
			t.Errorf("%s: %v does not say %q", tt.name, d.List, tt.says)
		}
	}
}

func TestWhatIsGoneAndRaisedIsTold(t *testing.T) {
	gone := strings.Replace(string(spoiled(t, "version: 1.1.0 ", "version: 2.0.0 ", "of: [explorer, basics, halfway]", "of: [explorer, basics]")), "  halfway:\n", "  halfway-there:\n", 1)
	to, err := catalogue.Parse([]byte(gone))
	if err != nil {
		t.Fatal(err)
	}
	d := catalogue.Diff(shipped(t), to)
	if !d.Enough || d.Step != catalogue.Major || len(d.List) != 3 || d.List[0].String() != "- achievement halfway (major)" || d.List[1].String() != "+ achievement halfway-there (minor)" {
		t.Errorf("%+v", d)
	}
	back := catalogue.Diff(to, shipped(t))
	if back.Enough || !strings.Contains(back.Warning, "the version after 2.0.0 is 3.0.0, and not 1.1.0") {
		t.Errorf("%+v", back)
	}
}

// Before 1.0.0 nothing is promised (Semantic Versioning 2.0 §4).
func TestADraftRaisesItsMiddleNumber(t *testing.T) {
	draft := spoiled(t, "version: 1.1.0 ", "version: 0.3.9 ")
	a, err := catalogue.Parse(draft)
	if err != nil {
		t.Fatal(err)
	}
	b, err := catalogue.Parse([]byte(strings.Replace(string(draft), "PT25H", "PT30H", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if d := catalogue.Diff(a, b); d.Least != "0.4.0" {
		t.Errorf("%+v", d)
	}
	if !catalogue.Less("1.9.0", "1.10.0") || catalogue.Less("2.0.0", "1.10.0") {
		t.Error("versions are compared as text")
	}
}

func TestUnitsOfTwoPartnersAreEqualNearOrMissing(t *testing.T) {
	same := "    align: [" + skill + "]\n    eqf: 4\n    workload: PT10H\n"
	for _, tt := range []struct {
		name, b string
		equal   bool
		both    int
	}{
		{"equal", same, true, 1}, {"near", strings.Replace(same, "eqf: 4", "eqf: 5", 1), false, 1}, {"missing", "    align: [\"https://x.example/other\"]\n", false, 0},
	} {
		both, onlyA, onlyB := catalogue.Units(small(t, "alpha", same), small(t, "beta", tt.b))
		if len(both) != tt.both || len(onlyA) != 1-tt.both || len(onlyB) != 1-tt.both || tt.both == 1 && both[0].Equal != tt.equal {
			t.Errorf("%s: %+v %v %v", tt.name, both, onlyA, onlyB)
		}
	}
}
