package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// target is an achievement that somebody applies for, with its catalogue.
type target struct {
	c    *catalogue.Catalogue
	slug string
	a    catalogue.Achievement
}

func (w target) name() string { return w.c.Slug + "/" + w.slug }

func (w target) rules() application.Rules {
	r := w.a.Reviewed()
	out := application.Rules{Quorum: r.Quorum, FourEyes: *r.FourEyes}
	for slug := range w.a.Criteria.All() {
		out.Criteria = append(out.Criteria, slug)
	}
	return out
}

func refused(parts ...string) error { return application.Refusal(strings.Join(parts, "")) }

// target finds an achievement by its name, as a learner gives it.
func (n *Node) target(name string) (target, error) {
	c, slug, a, err := n.achievement(name)
	if err != nil {
		return target{}, refused("no badge ", jsondoc.Clip(name), " is given here; ", n.set.Base, " shows what there is")
	}
	return target{c, slug, a}, nil
}

// guard refuses a submission that cannot lead to a badge. The error is an
// [application.Refusal], which says the way out.
func (n *Node) guard(ctx context.Context, w target, s application.Submission, who shownBy) error {
	if err := s.Check(); err != nil {
		return err
	}
	if _, err := givenIn(w.c, w.slug, s.Language); err != nil {
		return refused(sentence(err))
	}
	if err := n.guardAward(w, who); err != nil {
		return err
	}
	if s.Level < 0 || s.Level > len(w.a.Levels) {
		return refused(w.a.Name, " has no such level; ", levels(w.a))
	}
	if err := guardEvidence(w.a, s, who); err != nil {
		return err
	}
	if s.Renews == "" {
		if err := n.guardRoute(w, s, who); err != nil {
			return err
		}
	}
	return n.guardHeld(ctx, w, s, who)
}

func levels(a catalogue.Achievement) string {
	if len(a.Levels) == 0 {
		return "it has none: leave out --level"
	}
	var out []string
	for slug, name := range a.Levels.All() {
		out = append(out, slug+" ("+name+")")
	}
	return "it has " + strings.Join(out, ", ")
}

// guardAward lets through what is applied for; of everything else it says how
// it is earned.
func (n *Node) guardAward(w target, who shownBy) error {
	a := w.a
	switch a.Award.By {
	case "review":
		return nil
	case "presentation":
		return n.guardMet(w, a.Award.Of, who)
	case "rule":
		if err := n.guardMet(w, a.Award.When, who); err != nil {
			return refused(a.Name, " is awarded by itself once you have what it wants; ", err.Error())
		}
		return refused(a.Name, " is awarded by itself; fetch it with: trustme wallet sync")
	case "claim-code":
		return refused(a.Name, " is earned with a claim code; redeem yours with: trustme wallet claim CODE")
	case "event":
		return refused(a.Name, " is awarded when ", n.set.Name, " learns that you did what it is for; there is nothing to apply for")
	}
	return refused(a.Name, " is given by ", n.set.Name, " itself; ask there, there is nothing to apply for")
}

// guardMet wants a requirement met by the badges that were shown.
func (n *Node) guardMet(w target, r *catalogue.Requirement, who shownBy) error {
	if r == nil {
		return nil
	}
	return unmet(r.Evaluate(who.holdings, n.names(w.c, who), n.now()))
}

func unmet(o requirement.Outcome) error {
	switch o.Answer {
	case credentials.Yes:
		return nil
	case credentials.Unknown:
		return refused("could not tell now whether you have ", strings.Join(o.Missing, ", "), "; try again later")
	}
	return refused("missing: ", strings.Join(o.Missing, ", "))
}

func guardEvidence(a catalogue.Achievement, s application.Submission, who shownBy) error {
	if e := a.Award.Evidence; e != nil {
		least := e.Min
		if s.Renews != "" && a.Renew != nil {
			least = a.Renew.When.Evidence
		}
		if len(s.Evidence) < least {
			return refused(a.Name, " wants at least ", plural(least, "item"), " of evidence, and there ", are(len(s.Evidence)), "; add more with --evidence")
		}
		for i, item := range s.Evidence {
			if len(e.Kinds) > 0 && !slices.Contains(e.Kinds, string(item.Kind)) {
				return refused("evidence ", itoa(i+1), " is of the kind ", string(item.Kind), "; ", a.Name, " takes ", strings.Join(e.Kinds, ", "))
			}
		}
	}
	for i, item := range s.Evidence {
		if item.Kind != application.Credential {
			continue
		}
		if c, ok := who.credentials[item.Digest]; !ok || c.ID() != item.Credential || int64(len(c.Bytes())) != item.Size {
			return refused("evidence ", itoa(i+1), ": the credential ", jsondoc.Clip(item.Name), " was not shown, is not valid, or is not yours; look at it with: trustme wallet verify")
		}
	}
	return nil
}

// guardRoute wants the order of every path that enforces one, unless prior
// learning is to be validated.
func (n *Node) guardRoute(w target, s application.Submission, who shownBy) error {
	if s.Route == application.RoutePrior {
		if !w.a.Prior() {
			return refused(w.a.Name, " is not earned by prior learning; leave out --route")
		}
		return nil
	}
	for _, p := range w.c.Paths {
		if p.Value.Order != "enforce" {
			continue
		}
		if step, ok := p.Value.Steps.Get(w.slug); ok {
			if err := n.guardMet(w, step.After, who); err != nil {
				return err
			}
		}
	}
	return nil
}

// guardHeld refuses what the applicant has already, at this level or above. A renewal
// names the badge that it renews.
func (n *Node) guardHeld(ctx context.Context, w target, s application.Submission, who shownBy) error {
	if s.Renews != "" {
		return n.guardRenewal(ctx, w, s, who)
	}
	names := n.names(w.c, who)
	for level := len(w.a.Levels); level >= s.Level; level-- {
		if !(requirement.Requirement{Badge: w.slug, Level: level}).Evaluate(who.holdings, names, n.now()).OK() {
			continue
		}
		if level == 0 {
			return refused("you hold ", w.a.Name, " already; look at it with: trustme wallet list")
		}
		return refused("you hold ", w.a.Name, " already, at level ", itoa(level), "; look at it with: trustme wallet list")
	}
	return nil
}

// guardRenewal wants the renewed badge to be the applicant's, of the same
// achievement and level, not withdrawn, and in its time.
func (n *Node) guardRenewal(ctx context.Context, w target, s application.Submission, who shownBy) error {
	return n.db.View(ctx, func(tx *store.Tx) error {
		old, x, err := n.renewed(tx, w, s, who.person)
		switch {
		case err != nil:
			return err
		case s.Level != old.Level:
			return refused("a renewal keeps its level, which is ", itoa(old.Level), "; for another one apply anew: trustme wallet apply --level ", itoa(s.Level), " ", w.name())
		case x.State == TooLate:
			return refused("the renewal of ", w.a.Name, " closed on ", x.Closes.Format(time.DateOnly), "; apply anew")
		}
		return nil
	})
}

// renewed returns the version that stands of the badge that a submission would
// renew, and where it stands with its renewal, which has begun.
func (n *Node) renewed(tx *store.Tx, w target, s application.Submission, who application.Person) (old Award, x Renewal, err error) {
	old, err = currentOf(tx, s.Renews)
	if ignoreMissing(err) != nil {
		return old, x, err
	}
	if err != nil || old.Catalogue+"/"+old.Achievement != w.name() || old.Recipient.DID != who.DID {
		return old, x, refused("the badge that this would renew is none of yours for ", w.a.Name, "; leave it out to apply anew")
	}
	if old.Standing == Revoked {
		return old, x, refused("the badge that this would renew is revoked: ", old.Reason)
	}
	x, ok := n.renewal(old)
	switch {
	case !ok:
		return old, x, refused(w.a.Name, " is not renewed")
	case x.State == NotDue:
		return old, x, refused(w.a.Name, " is valid until ", old.ValidUntil.Format(time.DateOnly), ", and its renewal opens on ", x.Opens.Format(time.DateOnly))
	}
	return old, x, nil
}

// level is the level of a submission that names none: of a renewal that of the
// badge, else the one that passes.
func (n *Node) level(ctx context.Context, w target, s application.Submission) (level int, err error) {
	if s.Level != 0 || len(w.a.Levels) == 0 {
		return s.Level, nil
	}
	if s.Renews == "" {
		return w.a.Pass, nil
	}
	return level, n.db.View(ctx, func(tx *store.Tx) error {
		old, err := currentOf(tx, s.Renews)
		level = old.Level
		return ignoreMissing(err) // which the guard refuses
	})
}

// guardTwice refuses a second application for what the applicant has one open
// for, in the transaction that would begin it.
func (n *Node) guardTwice(tx *store.Tx, w target, id string, who application.Person) error {
	open := 0
	for _, by := range []string{who.DID, who.Connection} {
		for l, err := range applications.By(tx, "applicant", by) {
			if err != nil {
				return err
			}
			if l.ID == id || !l.State.Open() {
				continue
			}
			if l.Catalogue+"/"+l.Slug == w.name() {
				return refused("you have applied for ", w.a.Name, " already: it is ", string(l.State), "; see: trustme wallet applications show ", l.ID)
			}
			open++
		}
	}
	if open > 2*maxOpen { // each stands under both names
		return refused("you have ", itoa(maxOpen), " applications open; wait for their decisions, or withdraw some")
	}
	return nil
}

// maxOpen bounds the open applications of one person.
const maxOpen = 20
