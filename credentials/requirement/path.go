package requirement

import (
	"slices"
	"strings"
	"time"
)

// Step is one badge of a path; After is what comes before it, nil for nothing.
type Step struct {
	Badge    string
	After    *Requirement
	Optional bool
}

// Path lays badges out in an order. Enforce says that a step cannot be begun
// before what it comes after; else the order is advice.
type Path struct {
	Steps   []Step
	Goal    *Requirement
	Enforce bool
}

// StepState is where a learner stands with a step.
type StepState string

// The states of a step. Uncertain: it hangs on a badge that could not be
// judged.
const (
	Locked     StepState = "locked"
	Available  StepState = "available"
	InProgress StepState = "in-progress"
	Satisfied  StepState = "satisfied"
	Ended      StepState = "lapsed"
	Unclear    StepState = "uncertain"
)

// StepProgress is one step of a progress. Missing says what comes before it
// and is not met; of an available step that is advice.
type StepProgress struct {
	Badge    string    `json:"badge"`
	State    StepState `json:"state"`
	Missing  []string  `json:"missing,omitempty"`
	Optional bool      `json:"optional,omitempty"`
	Why      string    `json:"why,omitempty"` // of one that lapsed or is uncertain; of a satisfied one, the agreement
	// Retired is a step whose badge is given no more; Instead is what took its
	// place, and meets it.
	Retired bool   `json:"retired,omitempty"`
	Instead string `json:"instead,omitempty"`
}

// Progress is where a learner stands with a path: Done of Of steps that are
// not optional, and the goal.
type Progress struct {
	Steps []StepProgress `json:"steps"`
	Done  int            `json:"done"`
	Of    int            `json:"of"`
	Goal  Outcome        `json:"goal"`
}

// Next returns what can be begun now: steps, what took the place of those that
// are given no more, and levels above those that are held, where a later step
// waits for them (designer@2).
func (p Progress) Next() (out []string) {
	add := func(badge string) {
		if badge != "" && !slices.Contains(out, badge) {
			out = append(out, badge)
		}
	}
	met := map[string]bool{}
	for _, s := range p.Steps {
		met[s.Badge] = s.State == Satisfied
		switch {
		case s.State != Available && s.State != Ended:
		case s.Retired:
			add(s.Instead)
		default:
			add(s.Badge)
		}
	}
	for _, s := range p.Steps {
		for _, m := range s.Missing {
			if badge, _, leveled := strings.Cut(m, "@"); leveled && s.State == Locked && met[badge] {
				add(m)
			}
		}
	}
	return out
}

// Progress answers where somebody stands. open tells of a badge whether they
// have applied for it; nil: they have not.
func (p Path) Progress(h *Holdings, names Names, open func(badge string) bool, at time.Time) Progress {
	e := evaluation{h, names, at}
	out := Progress{Steps: make([]StepProgress, 0, len(p.Steps))}
	for _, s := range p.Steps {
		sp := p.step(s, e, open)
		if !s.Optional {
			out.Of++
			if sp.State == Satisfied {
				out.Done++
			}
		}
		out.Steps = append(out.Steps, sp)
	}
	if p.Goal != nil {
		out.Goal = p.Goal.evaluate(e)
	} else {
		out.Goal = Requirement{All: p.mandatory()}.evaluate(e)
	}
	return out
}

// mandatory is the goal of a path that names none: all steps but the optional.
func (p Path) mandatory() (all []Requirement) {
	for _, s := range p.Steps {
		if !s.Optional {
			all = append(all, Requirement{Badge: s.Badge})
		}
	}
	return all
}

func (p Path) step(s Step, e evaluation, open func(string) bool) StepProgress {
	sp := StepProgress{Badge: s.Badge, Optional: s.Optional}
	if w, ok := e.names(s.Badge); ok && w.Retired {
		sp.Retired, sp.Instead = true, w.Instead
	}
	best, found := e.best(Requirement{Badge: s.Badge})
	switch {
	case found && best.Standing == Current:
		sp.State, sp.Why = Satisfied, best.Why
		return sp
	case open != nil && open(s.Badge):
		sp.State = InProgress
		return sp
	case found && best.Standing == Lapsed:
		sp.State, sp.Why = Ended, best.Why
		return sp
	case found:
		sp.State, sp.Why = Unclear, best.Why
		return sp
	}
	sp.State = Available
	if s.After != nil {
		sp.Missing = s.After.evaluate(e).Missing
	}
	if p.Enforce && len(sp.Missing) > 0 {
		sp.State = Locked
	}
	return sp
}
