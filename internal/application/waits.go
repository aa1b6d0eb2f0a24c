package application

import (
	"fmt"
	"slices"
)

// Waits says what the application waits for, in words; empty for one that is
// over.
func (a *Application) Waits(rules Rules) string {
	switch a.State {
	case Draft:
		return "waits for files of the learner"
	case Returned:
		return "waits for the learner to hand it in again"
	case Accepted:
		if rules.FourEyes {
			return "waits for the signature of an operator who did not review it"
		}
		return "waits for the signature of an operator"
	case Submitted, InReview:
	default:
		return ""
	}
	yes, no, seen := map[string]int{}, map[string]int{}, 0
	for _, r := range a.Reviews {
		if r.Revision != a.Now.Revision || r.Round != a.Round {
			continue
		}
		seen++
		for _, j := range r.Judged {
			if j.Satisfied {
				yes[j.Criterion]++
			} else {
				no[j.Criterion]++
			}
		}
	}
	need := 0 // reviewers who find satisfied what most of them are wanted for
	for _, c := range rules.Criteria {
		most := rules.Quorum
		if no[c] > 0 {
			most++
		}
		need = max(need, most-yes[c])
	}
	text := fmt.Sprintf("waits for %s of %d", plural(max(need, 1), "reviewer"), rules.Quorum)
	if a.Kept && slices.ContainsFunc(rules.Criteria, func(c string) bool { return no[c] > 0 }) {
		text = fmt.Sprintf("kept open: waits for %s, one more than the quorum of %d to overrule", plural(max(need, 1), "reviewer"), rules.Quorum)
	}
	if seen > 0 {
		text += fmt.Sprintf("; %s so far", plural(seen, "review"))
	}
	return text
}

func plural(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
