package requirement

import (
	"strconv"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Standing is whether a badge counts.
type Standing string

// The standings. A lapsed badge is authentic, and expired, suspended or
// revoked; of an uncertain one something could not be told, such as its
// status.
const (
	Current   Standing = "current"
	Lapsed    Standing = "lapsed"
	Uncertain Standing = "uncertain"
)

// Held is a badge as requirements see it. Level is the position of the level
// reached, 1 for the lowest, 0 for none.
type Held struct {
	Credential  string    `json:"credential"`
	Achievement string    `json:"achievement"`
	As          string    `json:"countsAs,omitempty"` // the achievement that it translates; "" for none
	Issuer      string    `json:"issuer"`
	Level       int       `json:"level,omitempty"`
	Awarded     time.Time `json:"awarded,omitzero"`
	From        time.Time `json:"validFrom,omitzero"`
	Until       time.Time `json:"validUntil,omitzero"`
	Standing    Standing  `json:"standing"`
	Why         string    `json:"why,omitempty"` // of one that is not current; else the agreement by which it counts
}

// Holdings are the badges of one person. The zero value holds nothing.
type Holdings struct {
	by  map[string][]Held // by achievement, of a translation also by the original
	all int
}

// Add adds a credential that was verified.
func (h *Holdings) Add(v credentials.Verified) { h.add(held(v.Credential())) }

// AddJudged adds a credential with the report about it: one that is not valid
// counts as lapsed, or as uncertain, if it is authentic; else it is left out,
// and the answer is no.
func (h *Holdings) AddJudged(c credentials.Credential, r credentials.Report) bool {
	b := held(c)
	switch {
	case r.Verdict == credentials.Valid:
	case r.Check(credentials.CheckProof).Answer != credentials.Yes, r.Check(credentials.CheckIssuer).Answer != credentials.Yes,
		r.Check(credentials.CheckShape).Answer != credentials.Yes:
		return false
	case r.Verdict == credentials.Undecided:
		b.Standing, b.Why = Uncertain, r.Why()
	default:
		b.Standing, b.Why = Lapsed, r.Why()
	}
	h.add(b)
	return true
}

// AddOwn adds a badge by the record of who issued it, for that issuer's own
// figures: it knows what it signed and what became of it.
func (h *Holdings) AddOwn(b Held) { h.add(b) }

func (h *Holdings) add(b Held) {
	if h.by == nil {
		h.by = map[string][]Held{}
	}
	h.by[b.Achievement] = append(h.by[b.Achievement], b)
	if b.As != "" && b.As != b.Achievement {
		h.by[b.As] = append(h.by[b.As], b)
	}
	h.all++
}

// Len returns how many badges there are.
func (h *Holdings) Len() int { return h.all }

func held(c credentials.Credential) Held {
	b := Held{Credential: c.ID(), Achievement: c.AchievementID(), Issuer: c.IssuerID(), Level: LevelOf(c), Awarded: c.AwardedDate(),
		From: c.ValidFrom(), Until: c.ValidUntil(), Standing: Current}
	if as := c.CountsAs(); as != b.Achievement {
		b.As = as
	}
	return b
}

// LevelOf finds the level that a badge says was reached among those of its
// achievement, 1 for the lowest, 0 for none (Open Badges 3.0, Result.achievedLevel and RubricCriterionLevel).
func LevelOf(c credentials.Credential) int {
	best := 0
	for result := range c.Doc().Get("credentialSubject").First().Get("result").Elements() {
		reached, _ := result.Get("achievedLevel").Text()
		if reached == "" {
			continue
		}
		for d := range c.Achievement().Get("resultDescription").Elements() {
			best = max(best, position(d, reached))
		}
	}
	return best
}

func position(d jsondoc.Value, reached string) int {
	n := 0
	for l := range d.Get("rubricCriterionLevel").Elements() {
		n++
		if id, _ := l.Get("id").Text(); id != reached {
			continue
		}
		text, _ := l.Get("level").Text()
		if at, err := strconv.Atoi(text); err == nil && at > 0 {
			return at
		}
		return n
	}
	return 0
}

// at is the standing of a badge at a time: what was found valid today may have
// ended by then.
func (b Held) at(t time.Time) Held {
	switch {
	case b.Standing != Current:
	case !b.Until.IsZero() && t.After(b.Until):
		b.Standing, b.Why = Lapsed, "expired on "+b.Until.UTC().Format(time.RFC3339)
	case t.Before(b.From):
		b.Standing, b.Why = Lapsed, "not valid before "+b.From.UTC().Format(time.RFC3339)
	}
	return b
}
