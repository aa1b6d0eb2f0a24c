package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/catalogue"
)

// replaced is the shipped catalogue in which evidence took the place of earner.
func replaced(t *testing.T, with string) *learner {
	t.Helper()
	l := newLearner(t)
	c, err := catalogue.Parse(spoiled(t, "    award: {by: presentation, of: {badge: basics}}", "    award: {by: presentation, of: {badge: basics}}\n    "+with+"\n   "))
	if err != nil {
		t.Fatal(err)
	}
	l.c = c
	return l
}

func TestWhatTookABadgesPlaceMeetsItsStep(t *testing.T) {
	l := replaced(t, "replaced_by: evidence").earn("basics", "evidence", "designer@2")
	p, _ := l.c.Paths.Get("become-issuer")
	got := p.Compile().Progress(&l.held, l.c.Names(l.is), nil, noon)
	steps := map[string]requirement.StepProgress{}
	for _, s := range got.Steps {
		steps[s.Badge] = s
	}
	if s := steps["earner"]; s.State != requirement.Satisfied || s.Why != "took the place of earner" {
		t.Errorf("earner: %+v", s)
	}
	if s := steps["issuer"]; s.State != requirement.Available {
		t.Errorf("issuer: %+v", s)
	}
}

// Nobody is sent for a badge that is given no more: what took its place comes
// next, once, or nothing. A level that a later step waits for comes next, too.
func TestNextIsWhatCanBeEarned(t *testing.T) {
	for _, tt := range []struct {
		name, with string
		held       []string
		want       string
	}{
		{"replaced", "replaced_by: evidence", []string{"basics"}, "explorer evidence"},
		{"retired", "retired: true", []string{"basics"}, "explorer evidence"},
		{"as it is", "retired: false", []string{"basics"}, "explorer earner evidence"},
		{"a level", "retired: false", []string{"basics", "earner", "evidence", "designer@1", "explorer"}, "reviewer designer@2"},
	} {
		l := replaced(t, tt.with).earn(tt.held...)
		p, _ := l.c.Paths.Get("become-issuer")
		if got := strings.Join(p.Compile().Progress(&l.held, l.c.Names(l.is), nil, noon).Next(), " "); got != tt.want {
			t.Errorf("%s: next is %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAStepThatNobodyNewCanTakeIsAWarning(t *testing.T) {
	const want = "path become-issuer has the step earner, which is given no more: nobody new can finish it"
	for with, warned := range map[string]bool{"retired: true": true, "replaced_by: evidence": false, "retired: false": false} {
		_, all := catalogue.Examine(spoiled(t, "    award: {by: presentation, of: {badge: basics}}", "    award: {by: presentation, of: {badge: basics}}\n    "+with+"\n   "))
		if slices.ContainsFunc(all, func(p catalogue.Problem) bool { return p.Warning && strings.Contains(p.Message, want) }) != warned {
			t.Errorf("%s: %v", with, all)
		}
	}
}
