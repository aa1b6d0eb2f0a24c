package drawing

import (
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
)

// signs stand for the states where there are no colours.
var signs = map[requirement.StepState]string{
	requirement.Satisfied: "x", requirement.Available: ">", requirement.InProgress: "~", requirement.Locked: "#",
	requirement.Ended: "!", requirement.Unclear: "?", "": " ",
}

// legend explains the signs, in this order.
var legend = []requirement.StepState{requirement.Satisfied, requirement.Available, requirement.InProgress, requirement.Locked, requirement.Ended, requirement.Unclear}

// Text draws the path for a terminal, a layer below what comes before it.
func (p Path) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", clean(p.Title))
	if p.Summary != "" {
		fmt.Fprintf(&b, "%s\n", clean(p.Summary))
	}
	wide := 0
	for _, s := range p.Steps {
		wide = max(wide, len(s.Badge))
	}
	used := map[requirement.StepState]bool{}
	optional := false
	for i, row := range rows(p.layers(p.edges())) {
		if i > 0 {
			b.WriteString("   |\n")
		}
		for _, at := range row {
			s := p.Steps[at]
			used[s.State], optional = true, optional || s.Optional
			fmt.Fprintf(&b, "  %s %-*s  %s", s.box(), wide, clean(s.Badge), clean(s.Name))
			if s.After != nil {
				fmt.Fprintf(&b, "  <- %s", clean(plain(s.After)))
			}
			for _, more := range []string{s.word(), s.Note} {
				if more != "" {
					fmt.Fprintf(&b, "  %s", clean(more))
				}
			}
			b.WriteString("\n")
		}
	}
	if p.Goal != nil {
		fmt.Fprintf(&b, "   |\n  goal: %s\n", clean(plain(p.Goal)))
	}
	var means []string
	for _, st := range legend {
		if used[st] {
			means = append(means, fmt.Sprintf("[%s] %s", signs[st], st))
		}
	}
	if optional {
		means = append(means, "( ) optional")
	}
	if len(means) > 0 {
		fmt.Fprintf(&b, "%s\n", strings.Join(means, "  "))
	}
	return b.String()
}

func (s Step) box() string {
	if s.Optional {
		return "(" + signs[s.State] + ")"
	}
	return "[" + signs[s.State] + "]"
}
