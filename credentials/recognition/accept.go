package recognition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
)

// Basis is why a badge is recognised.
type Basis string

// The bases.
const (
	Direct    Basis = "direct"    // its issuer created the achievement
	Delegated Basis = "delegated" // the creator authorised its issuer
	Agreed    Basis = "agreed"    // an agreement says what it stands for
	NoBasis   Basis = "none"
)

// Reason is the class of what a badge is not recognised for: why in one word,
// to be counted.
type Reason string

// The reasons. ReasonRule: nothing says that the badge counts as something.
const (
	ReasonLevel Reason = "level"        // a higher one is asked for
	ReasonTime  Reason = "time"         // awarded too long ago, or outside of the time of the agreement
	ReasonForce Reason = "not in force" // suspended, ended or not countersigned
	ReasonRule  Reason = "no rule"
)

// Badge is what recognition looks at in a credential that was verified.
type Badge struct {
	Credential string
	// Achievement is the one that it counts as; Named the one that it names,
	// which is another where that is a translation.
	Achievement, Named string
	Issuer             string
	Creator            string // of the achievement, as it says
	Subject            string
	Level              int
	Awarded            time.Time
}

// BadgeOf returns what a credential says of itself.
func BadgeOf(c credentials.Credential) Badge {
	return Badge{Credential: c.ID(), Achievement: c.CountsAs(), Named: c.AchievementID(), Issuer: c.IssuerID(), Creator: c.Achievement().Get("creator").ID(), Subject: c.SubjectID(), Level: requirement.LevelOf(c), Awarded: c.AwardedDate()}
}

// is reports whether the badge is one of an achievement, or of a translation
// of it.
func (b Badge) is(achievement string) bool {
	return achievement == b.Achievement || b.Named != "" && achievement == b.Named
}

// Recognition is whether a badge counts, as what, and by whose word. A badge
// that is not recognised is not the worse for it: nobody here spoke for it.
type Recognition struct {
	Answer    credentials.Answer `json:"answer"`
	Basis     Basis              `json:"basis"`
	As        string             `json:"as,omitempty"` // the achievement that it counts as
	Issuer    string             `json:"issuer,omitempty"`
	By        string             `json:"by,omitempty"` // who recognises it
	ByName    string             `json:"byName,omitempty"`
	Statement string             `json:"statement,omitempty"` // id of what says so
	Kind      Kind               `json:"kind,omitempty"`
	Since     time.Time          `json:"since,omitzero"` // when that was signed
	// Satisfies says that it meets what asks for As; else it adds its credits.
	Satisfies bool    `json:"satisfies"`
	Level     int     `json:"level,omitempty"`
	EQF       string  `json:"eqfLevel,omitempty"`
	Credits   float64 `json:"credits,omitempty"`
	Framework string  `json:"creditFramework,omitempty"`
	Source    string  `json:"source,omitempty"` // the achievement that a rule names
	Why       string  `json:"why"`
	Reason    Reason  `json:"reason,omitempty"` // of a no
	// void says that the statement itself does not hold, whatever its rules ask.
	void bool
}

// Terms are what somebody recognises by.
type Terms struct {
	// Self are the DIDs whose word counts: the verifier's own, and those of the
	// parties that it trusts. Agreements of others count for nothing: there is
	// no transitivity.
	Self       []string
	Statements []Statement
	// DropEnded lets an agreement that was ended count for nothing, also for
	// what was awarded while it held.
	DropEnded bool
}

// Accept answers whether a verified badge counts as the achievement wanted,
// which creator created (the algorithm of docs/recognition.md).
func (t Terms) Accept(b Badge, wanted, creator string, at time.Time) Recognition {
	if b.is(wanted) && b.Issuer == creator {
		return Recognition{Answer: credentials.Yes, Basis: Direct, As: wanted, By: creator, Satisfies: true, Level: b.Level, Why: "it is that badge, by who created it"}
	}
	best := Recognition{Answer: credentials.No, Basis: NoBasis, Reason: ReasonRule, Why: "nothing that you rely on says that it counts"}
	for _, s := range t.Statements {
		if s.By == creator || slices.Contains(t.Self, s.By) {
			best = better(best, t.apply(s, b, wanted, at))
		}
	}
	return best
}

// Recognise answers whether a verified badge counts as anything at all, best
// answer first: an issuer that is one of Self counts by itself.
func (t Terms) Recognise(b Badge, at time.Time) Recognition {
	if slices.Contains(t.Self, b.Issuer) {
		return Recognition{Answer: credentials.Yes, Basis: Direct, As: b.Achievement, By: b.Issuer, Satisfies: true, Level: b.Level, Why: "you rely on its issuer"}
	}
	best := Recognition{Answer: credentials.No, Basis: NoBasis, Reason: ReasonRule, Why: "authentic, but not recognised by you: no agreement, authorisation or trust of yours speaks for " + cmp.Or(b.Issuer, "its issuer")}
	for _, s := range t.Statements {
		if slices.Contains(t.Self, s.By) {
			best = better(best, t.apply(s, b, "", at))
		}
	}
	return best
}

// better prefers a yes that satisfies, then one that counts credits, then what
// could not be told, then a no by the rules of a statement that holds, then one
// by a statement that does not.
func better(a, b Recognition) Recognition {
	rank := func(r Recognition) int {
		switch {
		case r.Answer == credentials.Yes && r.Satisfies:
			return 5
		case r.Answer == credentials.Yes:
			return 4
		case r.Answer == credentials.Unknown:
			return 3
		case r.Statement != "" && !r.void:
			return 2
		case r.Statement != "":
			return 1
		}
		return 0
	}
	if rank(b) > rank(a) || rank(b) == rank(a) && b.Kind == Learning && a.Kind != Learning {
		return b // what was agreed for this learner goes first
	}
	return a
}

// apply answers by one statement; wanted may be empty for anything.
func (t Terms) apply(s Statement, b Badge, wanted string, at time.Time) Recognition {
	none := Recognition{Answer: credentials.No, Basis: NoBasis}
	if s.Kind == Learning && (s.Of != b.Subject || t.host(s) != b.Issuer || b.Issuer == "") || s.Kind != Learning && s.Of != b.Issuer {
		return none
	}
	best := none
	for _, given := range s.Authorizes {
		if !b.is(given) || wanted != "" && wanted != given {
			continue
		}
		r := Recognition{Answer: credentials.Yes, Basis: Delegated, As: given, Satisfies: true, Level: b.Level}
		r.Why = fmt.Sprintf("%s authorised its issuer on %s", name(s), s.From.UTC().Format(time.DateOnly))
		best = better(best, t.held(s, b, r))
	}
	for _, rule := range s.Recognizes {
		if b.is(rule.Source) && (wanted == "" || wanted == rule.Target) {
			best = better(best, t.rule(s, rule, b, at))
		}
	}
	return best
}

func (t Terms) rule(s Statement, rule Rule, b Badge, at time.Time) Recognition {
	r := Recognition{Answer: credentials.Yes, Basis: Agreed, As: rule.Target, Satisfies: rule.Association == ExactMatch, Level: b.Level, EQF: rule.EQF, Credits: rule.Credits, Framework: rule.Framework, Source: rule.Source}
	r.Why = fmt.Sprintf("recognised by %s through the %s of %s", name(s), s.Kind, s.From.UTC().Format(time.DateOnly))
	satisfies := r.Satisfies
	if r = t.held(s, b, r); r.Answer == credentials.No {
		return r
	}
	no := func(reason Reason, format string, args ...any) Recognition { // whether it holds or could not be told
		r.Answer, r.Satisfies, r.Reason = credentials.No, false, reason
		r.Why = fmt.Sprintf("the %s of %s ", s.Kind, s.From.UTC().Format(time.DateOnly)) + fmt.Sprintf(format, args...)
		return r
	}
	switch {
	case b.Level < rule.MinLevel:
		return no(ReasonLevel, "asks for level %d, and this is level %d", rule.MinLevel, b.Level)
	case !within(rule.Within, b.Awarded, at):
		return no(ReasonTime, "asks for an award of the last %s, and this is of %s", rule.Within, b.Awarded.UTC().Format(time.DateOnly))
	case !satisfies && rule.Association != PartOf:
		return no(ReasonRule, "says only that it %s %s", rule.Association, rule.Target)
	}
	return r
}

// held lets an answer stand only if its statement could be relied on when the
// badge was awarded.
func (t Terms) held(s Statement, b Badge, r Recognition) Recognition {
	r.Issuer, r.By, r.ByName, r.Statement, r.Kind, r.Since = b.Issuer, s.By, s.ByName, s.ID, s.Kind, s.From
	day := s.From.UTC().Format(time.DateOnly)
	no := func(reason Reason, format string, args ...any) Recognition {
		r.Answer, r.Satisfies, r.void, r.Reason, r.Why = credentials.No, false, true, reason, fmt.Sprintf(format, args...)
		return r
	}
	switch {
	case !t.signed(s) && s.Unjudged == "":
		return no(ReasonForce, "the %s of %s is not countersigned", s.Kind, day)
	case s.Ended && t.DropEnded:
		return no(ReasonForce, "the %s of %s was ended on %s", s.Kind, day, s.Until.UTC().Format(time.DateOnly))
	case b.Awarded.Before(s.From):
		return no(ReasonTime, "it was awarded on %s, before the %s of %s", b.Awarded.UTC().Format(time.DateOnly), s.Kind, day)
	case !s.covers(b.Awarded):
		return no(ReasonTime, "it was awarded on %s, and the %s of %s ended on %s", b.Awarded.UTC().Format(time.DateOnly), s.Kind, day, s.Until.UTC().Format(time.DateOnly))
	case s.Standing == requirement.Lapsed:
		return no(ReasonForce, "the %s of %s is not in force now: %s", s.Kind, day, s.Why)
	case s.Standing != requirement.Current:
		r.Answer, r.Satisfies, r.Why = credentials.Unknown, false, fmt.Sprintf("whether the %s of %s is in force could not be told: %s", s.Kind, day, s.Why)
	case !t.signed(s):
		r.Answer, r.Satisfies, r.Why = credentials.Unknown, false, fmt.Sprintf("whether the %s of %s is countersigned could not be told: %s", s.Kind, day, s.Unjudged)
	}
	return r
}

// host returns the DID of the partner that a learning agreement is with: the
// one of the partner agreement that it is under.
func (t Terms) host(s Statement) string {
	for _, m := range t.Statements {
		if m.Kind == Agreement && m.ID == s.Agreement && m.By == s.By {
			return m.Of
		}
	}
	return ""
}

// signed reports whether all signed who have to: nobody else for an
// endorsement, the partner for an agreement, host and learner for a learning
// agreement.
func (t Terms) signed(s Statement) bool {
	switch s.Kind {
	case Endorsement:
		return true
	case Learning:
		return s.Countersigned() && slices.Contains(s.Signers, t.host(s))
	}
	return s.Countersigned()
}

func within(period string, awarded, at time.Time) bool {
	if period == "" {
		return true
	}
	p, err := requirement.ParsePeriod(period)
	return err == nil && !p.After(awarded).Before(at)
}

func name(s Statement) string { return cmp.Or(s.ByName, s.By) }

// Names lets partners' badges stand for one's own in requirements: names are
// those of a catalogue whose achievements creator created.
func (t Terms) Names(names requirement.Names, creator string) requirement.Names {
	return func(badge string) (requirement.Wanted, bool) {
		w, ok := names(badge)
		if !ok {
			return w, false
		}
		for _, s := range t.Statements {
			if s.By != creator && !slices.Contains(t.Self, s.By) || s.Kind == Learning {
				continue
			}
			w.Equivalents = append(w.Equivalents, t.equivalents(s, w.Achievement)...)
		}
		return w, true
	}
}

func (t Terms) equivalents(s Statement, wanted string) (out []requirement.Equivalent) {
	if s.Standing == requirement.Lapsed || !t.signed(s) && s.Unjudged == "" || s.Ended && t.DropEnded {
		return nil
	}
	why := fmt.Sprintf("by the %s of %s", s.Kind, s.From.UTC().Format(time.DateOnly))
	e := requirement.Equivalent{Issuer: s.Of, From: s.From, Until: s.Until, Why: why}
	if s.Standing != requirement.Current || !t.signed(s) {
		doubt := s.Why
		if s.Standing == requirement.Current {
			doubt = s.Unjudged
		}
		e.Uncertain = fmt.Sprintf("whether the %s of %s is in force could not be told: %s", s.Kind, s.From.UTC().Format(time.DateOnly), doubt)
	}
	if slices.Contains(s.Authorizes, wanted) {
		e.Achievement = wanted
		out = append(out, e)
	}
	for _, r := range s.Recognizes {
		if r.Target == wanted && r.Association == ExactMatch {
			e.Achievement, e.MinLevel, e.Within = r.Source, r.MinLevel, r.Within
			out = append(out, e)
		}
	}
	return out
}

// Check returns the answer as the check of a report; called names the
// achievement that a badge counts as, for people.
func (r Recognition) Check(called string) credentials.Check {
	c := credentials.Check{Name: credentials.CheckRecognition, Answer: r.Answer, Code: credentials.CodeOK, Message: r.Why}
	switch {
	case r.Answer == credentials.Unknown:
		c.Code = credentials.CodeAgreementUnknown
	case r.Answer == credentials.No:
		c.Code = credentials.CodeIssuerUntrusted
	case r.Basis == Agreed && called != "":
		c.Message += " as " + called
		if i := strings.LastIndex(r.EQF, "/"); i >= 0 {
			c.Message += ", EQF " + r.EQF[i+1:]
		}
		if r.Credits > 0 {
			c.Message += fmt.Sprintf(", %g points", r.Credits)
		}
		if !r.Satisfies {
			c.Message += "; it counts credits only"
		}
	}
	return c
}

// Fill puts into a report of an authentic credential whether it is recognised,
// and returns the details.
func (t Terms) Fill(r *credentials.Report, c credentials.Credential, called func(achievement string) string) Recognition {
	if r.Check(credentials.CheckProof).Answer != credentials.Yes || r.Check(credentials.CheckIssuer).Answer != credentials.Yes {
		return Recognition{Answer: credentials.NotApplicable, Basis: NoBasis, Why: r.Recognition.Message}
	}
	if r.SelfAsserted { // whatever its issuer is to you
		return Recognition{Answer: credentials.No, Basis: NoBasis, Why: r.Recognition.Message}
	}
	got := t.Recognise(BadgeOf(c), r.At)
	r.Recognition = got.Check(called(got.As))
	return got
}
