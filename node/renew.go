package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A renewal is the same credential anew: same id and awardedDate, newer
// validFrom (Open Badges 3.0, equality of credentials). It has a record of its
// own, which replaces the one before once the learner holds it; that one is
// then on the expiry list.

// RenewalState is where a badge stands with its renewal.
type RenewalState string

// The states of a renewal. Overdue has lapsed, and can still be renewed for as
// long again as the window; after that it is earned anew.
const (
	NotDue  RenewalState = "not due"
	Due     RenewalState = "due"
	Overdue RenewalState = "overdue"
	TooLate RenewalState = "lapsed"
)

// Renewal is a badge that is to be renewed.
type Renewal struct {
	Award  Award        `json:"award"`
	State  RenewalState `json:"state"`
	Opens  time.Time    `json:"opens"` // when it can be renewed
	How    string       `json:"how"`
	Closes time.Time    `json:"closes"`
}

func renewKey(id string) string { return "renewal of " + id }

// renewable returns the rule of an award's achievement, nil for one that
// cannot be renewed.
func (n *Node) renewable(a Award) (*catalogue.Renew, catalogue.Achievement) {
	c := n.catalogue(a.Catalogue)
	if c == nil || a.ValidUntil.IsZero() {
		return nil, catalogue.Achievement{}
	}
	x, ok := c.Find(a.Achievement)
	if !ok || x.Renew == nil {
		return nil, x
	}
	return x.Renew, x
}

// renewal says where an award stands with its renewal; ok is false for one
// that cannot be renewed.
func (n *Node) renewal(a Award) (r Renewal, ok bool) {
	rule, _ := n.renewable(a)
	if rule == nil || a.Standing == Revoked || a.State != AwardIssued && a.State != AwardHeld {
		return r, false
	}
	window, err := requirement.ParsePeriod(rule.Window)
	if err != nil { // lint refuses it
		return r, false
	}
	now := n.now()
	r = Renewal{Award: a, State: NotDue, Opens: a.ValidUntil.Add(-window.Length()), Closes: window.After(a.ValidUntil), How: howRenewed(rule.When)}
	switch {
	case now.After(r.Closes):
		r.State = TooLate
	case !now.Before(a.ValidUntil):
		r.State = Overdue
	case !now.Before(r.Opens):
		r.State = Due
	}
	return r, true
}

func howRenewed(w catalogue.RenewWhen) string {
	switch {
	case w.Evidence > 0:
		return fmt.Sprintf("an application with at least %d items of fresh evidence", w.Evidence)
	case w.Event != "":
		return fmt.Sprintf("%d times %s within %s", w.N, w.Event, w.Within)
	case w.Test != "":
		return "the test " + w.Test
	}
	return "its issuer"
}

// RenewalsRequest asks which badges are to be renewed.
type RenewalsRequest struct {
	// Within looks ahead: also those whose window opens before that.
	Within time.Duration `json:"within,omitempty"`
}

// Renewals lists the badges whose renewal is due or overdue, the most urgent
// first, without those that somebody has at a higher level.
func (n *Node) Renewals(ctx context.Context, r RenewalsRequest) ([]Renewal, error) {
	out := []Renewal{}
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range awards.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			x, ok := n.renewal(a)
			if !ok || x.State == TooLate || x.State == NotDue && (r.Within == 0 || !x.Opens.Before(n.now().Add(r.Within))) {
				continue
			}
			if outgrown, err := n.outgrown(tx, a); err != nil || outgrown {
				if err != nil {
					return err
				}
				continue
			}
			out = append(out, x)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Renewal) int { return a.Award.ValidUntil.Compare(b.Award.ValidUntil) })
	return out, err
}

// outgrown reports whether the person has the badge at a higher level, which is
// the one to be renewed.
func (n *Node) outgrown(tx *store.Tx, a Award) (bool, error) {
	if a.Apart {
		return false, nil
	}
	a.Credential = ""
	a.Level++
	_, found, err := n.repeated(tx, a, func(b Award) bool { return b.State != AwardOffered })
	return found, err
}

// currentOf returns the newest record of a credential: that of its last
// renewal. The error is [store.ErrNotFound] when none was issued here.
func currentOf(tx *store.Tx, id string) (Award, error) {
	a, err := awards.Get(tx, id)
	for range 1000 {
		if err != nil || a.State != AwardRenewed {
			return a, err
		}
		next := a
		for b, err := range awards.By(tx, "key", hashed(renewKey(a.ID))) {
			if err != nil {
				return a, err
			}
			if b.State != AwardDeclined && b.State != AwardOffered {
				next = b
			}
		}
		if next.ID == a.ID {
			return a, nil
		}
		a = next
	}
	return a, fmt.Errorf("%w: the renewals of %s go in a circle", store.ErrCorrupt, id)
}

// asRenewal turns a new award into the renewal of an older one, at its level
// and in its language.
func (n *Node) asRenewal(a Award, old Award) Award {
	a.Credential, a.Awarded, a.Replaces, a.Key = or(old.Credential, old.ID), old.Awarded, old.ID, hashed(renewKey(old.ID))
	a.Level, a.Route = old.Level, routeRenewal
	return n.speak(a, old.Language)
}

// clockWait bounds how long a renewal waits for the second after that of the
// version before.
const clockWait = 2 * time.Second

// newerThan waits for the second after that in which the version before became
// valid: of two versions of a credential the newer validFrom counts, and it has
// whole seconds.
func (n *Node) newerThan(ctx context.Context, before time.Time) error {
	for waited := time.Duration(0); !n.now().Truncate(time.Second).After(before); waited += clockWait / 100 {
		if waited >= clockWait {
			return fmt.Errorf("%w: the version before is valid from %s, and the clock of this machine says %s; set it right", ErrInput, before.Format(time.RFC3339), n.now().UTC().Format(time.RFC3339))
		}
		select {
		case <-time.After(clockWait / 100):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// RenewRequest renews a badge by its issuer's own decision.
type RenewRequest struct {
	ID         string    `json:"id"`
	ValidUntil time.Time `json:"validUntil,omitzero"`
}

// Renew renews a badge whose renewal is due: the learner's wallet is offered
// the same credential with newer dates. Twice is no error.
func (n *Node) Renew(ctx context.Context, r RenewRequest) (Granted, error) {
	var old Award
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		old, err = currentOf(tx, r.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Granted{}, fmt.Errorf("%w: no badge %q was issued here", ErrNotFound, r.ID)
	}
	if err != nil {
		return Granted{}, err
	}
	return n.renew(ctx, old, r.ValidUntil, operator)
}

func (n *Node) renew(ctx context.Context, old Award, until time.Time, by Actor) (Granted, error) {
	x, ok := n.renewal(old)
	switch {
	case !ok:
		return Granted{}, fmt.Errorf("%w: badges of %s cannot be renewed, or this one is %s; give the achievement valid and renew in the catalogue, or grant it anew", ErrInput, old.Achievement, standingWord(old))
	case x.State == NotDue:
		return Granted{}, fmt.Errorf("%w: it is valid until %s, and its renewal opens on %s", ErrInput, old.ValidUntil.Format(time.DateOnly), x.Opens.Format(time.DateOnly))
	case x.State == TooLate:
		return Granted{}, fmt.Errorf("%w: it ended on %s, and its renewal closed on %s; it is earned anew", ErrInput, old.ValidUntil.Format(time.DateOnly), x.Closes.Format(time.DateOnly))
	}
	if err := n.newerThan(ctx, old.ValidFrom); err != nil {
		return Granted{}, err
	}
	to := Recipient{Connection: old.Recipient.Connection}
	if to.Connection == "" {
		if to.DID = old.Recipient.DID; to.DID == "" {
			to.Email = old.Recipient.Email
		}
	}
	a, err := n.newAward(ctx, GrantRequest{Achievement: old.Catalogue + "/" + old.Achievement, To: to, Level: old.Level, ValidUntil: until, by: by})
	if err != nil {
		return Granted{}, err
	}
	a.Recipient = old.Recipient
	g, err := n.grant(ctx, n.asRenewal(a, old), false)
	if err != nil || old.Recipient.Connection != "" {
		return g, err
	}
	// What is signed now took its place already; an older version of the program
	// may have ended in between.
	return g, n.db.Update(ctx, func(tx *store.Tx) error { return n.supersede(tx, old.ID, AwardRenewed) })
}

func standingWord(a Award) string {
	if a.Standing != Active {
		return string(a.Standing)
	}
	return string(a.State)
}

// onRenew answers a learner's wish to renew a badge: where the rule is met the
// renewal is offered, else it is told what is wanted.
func (n *Node) onRenew(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	id, err := exchange.ReadRenewal(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	refuse := func(why string) (didcomm.Outcome, error) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeState, Comment: why}
	}
	var old Award
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		old, err = currentOf(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && old.Recipient.Connection != in.Connection.ID {
		return refuse("this badge was not given to you here")
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	rule, _ := n.renewable(old)
	if rule == nil {
		return refuse("badges of " + old.Name + " are not renewed")
	}
	met, why, err := n.ruleMet(ctx, old, rule.When)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if !met {
		return refuse(why)
	}
	if _, err := n.renew(ctx, old, time.Time{}, learner); errors.Is(err, ErrInput) {
		return refuse(sentence(err))
	} else if err != nil {
		return didcomm.Outcome{}, err
	}
	return didcomm.Outcome{Apply: func(*store.Tx) error { return nil }}, nil
}

// ruleMet reports whether the rule of a renewal is met by what this node knows.
func (n *Node) ruleMet(ctx context.Context, old Award, w catalogue.RenewWhen) (met bool, why string, err error) {
	switch {
	case w.Evidence > 0:
		return false, fmt.Sprintf("%s is renewed by fresh evidence: trustme wallet renew --evidence FILE %q", old.Name, old.Name), nil
	case w.Event == "review.submitted":
		since := n.now().Add(-periodLength(w.Within))
		count, err := n.reviewsBy(ctx, old, since)
		return count >= w.N, fmt.Sprintf("%s is renewed by %d reviews within %s, and there are %d", old.Name, w.N, w.Within, count), err
	case w.Test != "":
		return false, old.Name + " is renewed by the test " + w.Test + "; its result comes here by itself", nil
	case w.Event != "":
		return false, old.Name + " is renewed when " + w.Event + " was told here " + fmt.Sprint(w.N) + " times", nil
	}
	return false, old.Name + " is renewed by " + n.set.Name + " itself; ask there", nil
}

func periodLength(s string) time.Duration {
	p, err := requirement.ParsePeriod(s)
	if err != nil {
		return 100 * 365 * 24 * time.Hour // no limit
	}
	return p.Length()
}

// reviewsBy counts the reviews that the holder of a badge wrote since.
func (n *Node) reviewsBy(ctx context.Context, holder Award, since time.Time) (count int, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for l, err := range applications.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if len(l.Reviews) == 0 || l.Updated.Before(since) {
				continue
			}
			a, err := getApplication(tx, l.ID)
			if err != nil {
				return err
			}
			for _, r := range a.Reviews {
				if !r.At.Before(since) && (r.By.DID == holder.Recipient.DID || r.By.Connection == holder.Recipient.Connection) {
					count++
				}
			}
		}
		return nil
	})
	return count, err
}

// renewActive renews, on the steady beat, what is due and whose holder was
// active enough.
func (n *Node) renewActive(ctx context.Context) error {
	due, err := n.Renewals(ctx, RenewalsRequest{})
	if err != nil {
		return err
	}
	var errs []error
	for _, x := range due {
		rule, _ := n.renewable(x.Award)
		if rule == nil || rule.When.Event == "" {
			continue
		}
		met, _, err := n.ruleMet(ctx, x.Award, rule.When)
		if err == nil && met {
			_, err = n.renew(ctx, x.Award, time.Time{}, itself)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// renewByTest renews what somebody holds that is due and renewed by a test.
func (n *Node) renewByTest(ctx context.Context, test string, who Recipient) (out []Granted, err error) {
	due, err := n.Renewals(ctx, RenewalsRequest{})
	if err != nil {
		return nil, err
	}
	for _, x := range due {
		rule, _ := n.renewable(x.Award)
		r := x.Award.Recipient
		mine := who.Connection != "" && r.Connection == who.Connection || who.DID != "" && r.DID == who.DID || who.Email != "" && r.Email == who.Email
		if rule == nil || rule.When.Test == "" || rule.When.Test != test || !mine {
			continue
		}
		g, err := n.renew(ctx, x.Award, time.Time{}, operator)
		if err != nil {
			return out, err
		}
		out = append(out, g)
	}
	return out, nil
}
