package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// AskRequest asks whoever opens the link to show a badge.
type AskRequest struct {
	// Achievement is the address of what must be shown; empty means any badge.
	Achievement string `json:"achievement,omitempty"`
	// Role asks for the badges that prove a role, by its slug; Of is the address
	// of the partner's catalogue that says what the role is. Default: one's own.
	Role   string        `json:"role,omitempty"`
	Of     string        `json:"of,omitempty"`
	Reason string        `json:"reason"`
	For    time.Duration `json:"for,omitempty"` // default 1 h
}

// Asked is a request with the link that carries it.
type Asked struct {
	ID   string     `json:"id"`
	Link InviteLink `json:"link"`
}

// Ask makes a request for a presentation and the invitation that carries it.
func (n *Node) Ask(ctx context.Context, r AskRequest) (Asked, error) {
	if err := checkFor(r.For); err != nil {
		return Asked{}, err
	}
	if r.Achievement != "" && !strings.Contains(r.Achievement, "://") {
		c, slug, _, err := n.achievement(r.Achievement)
		if err != nil {
			return Asked{}, err
		}
		r.Achievement = c.ID(n.issuer(), slug)
	}
	var wants json.RawMessage
	if r.Role != "" {
		q, err := n.roleRequest(ctx, r.Role, r.Of)
		if err == nil {
			wants, err = json.Marshal(q)
		}
		if err != nil {
			return Asked{}, err
		}
		r.Reason = or(r.Reason, "Prove that you are fit for the role "+q.Name)
	}
	inv := n.newInvite(exchange.GoalPresent, 1, or(r.For, time.Hour))
	a := exchange.Ask{ID: didcomm.NewID(), Invitation: inv.ID, Challenge: didcomm.NewID(), Domain: n.id.String(),
		Achievement: r.Achievement, Wants: wants, Reason: or(r.Reason, "Show a badge to "+n.set.Name), State: exchange.Asked, Updated: n.now().UTC()}
	inv.Ask = a.ID
	err := n.db.Update(ctx, func(tx *store.Tx) error {
		if err := exchange.Asks.Insert(tx, a); err != nil {
			return err
		}
		if err := invites.Insert(tx, inv); err != nil {
			return err
		}
		return n.note(tx, "presentation.asked", map[string]any{"ask": a.ID, "achievement": a.Achievement})
	})
	if err != nil {
		return Asked{}, err
	}
	l, err := n.link(inv, &a)
	return Asked{ID: a.ID, Link: l}, err
}

// judge implements [exchange.AskVerifier.Judge].
func (n *Node) judge(ctx context.Context, presentation []byte, a exchange.Ask) (exchange.Judgement, error) {
	r := n.party.Verifier.VerifyPresentation(ctx, presentation, a.Challenge, a.Domain)
	j := exchange.Judgement{Verdict: string(r.Verdict), Why: r.Why, Holder: r.Holder, Proven: r.Verdict == credentials.Valid}
	p := Presented{ID: a.ID, Holder: r.Holder, At: n.now().UTC()}
	for _, c := range r.Credentials {
		p.Endorsers = append(p.Endorsers, c.Endorsers...)
	}
	fits := false
	for _, v := range r.Verified {
		c := v.Credential()
		p.Badges = append(p.Badges, c.Name())
		fits = fits || a.Achievement == "" || c.Awards(a.Achievement)
	}
	if j.Proven && a.Wants != nil {
		if err := n.judgeRole(r.Verified, a, &j); err != nil {
			return j, err
		}
	} else if j.Proven && !fits {
		j.Proven, j.Verdict, j.Why = false, "invalid", "no badge of the kind that was asked for: "+or(a.Achievement, "any Open Badge")
	}
	j.Record = func(tx *store.Tx, now exchange.Ask) error {
		p.Verdict, p.Why = now.Verdict, now.Why
		if err := presented.Put(tx, p); err != nil {
			return err
		}
		if err := store.PutLarge(tx, presentationKey(a.ID), presentation); err != nil {
			return err
		}
		return n.note(tx, "presentation."+string(now.State), map[string]any{"ask": a.ID, "verdict": now.Verdict})
	}
	return j, nil
}

// AskStatus is a request and what came of it. Now is the verdict over the same
// presentation at this moment, when that was asked for.
type AskStatus struct {
	Ask    exchange.Ask `json:"ask"`
	Badges []string     `json:"badges"`
	// Endorsers are those who endorse the badges that were shown.
	Endorsers []credentials.Endorser `json:"endorsers,omitempty"`
	Now       *Recheck               `json:"now,omitempty"`
}

// Recheck is a later look at a presentation.
type Recheck struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
}

// AskStatus returns a request; again checks the kept presentation once more.
func (n *Node) AskStatus(ctx context.Context, id string, again bool) (s AskStatus, err error) {
	var raw []byte
	s.Badges = []string{}
	err = n.db.View(ctx, func(tx *store.Tx) error {
		if s.Ask, err = exchange.Asks.Get(tx, id); err != nil {
			return fmt.Errorf("%w: no request %q; `trustme node ask` makes one", ErrNotFound, id)
		}
		p, err := presented.Get(tx, id)
		if err != nil {
			return ignoreMissing(err)
		}
		s.Badges, s.Endorsers = append(s.Badges, p.Badges...), p.Endorsers
		raw, err = store.GetLarge(tx, presentationKey(id))
		return err
	})
	if err == nil && again && raw != nil {
		r := n.party.Verifier.VerifyPresentation(ctx, raw, s.Ask.Challenge, s.Ask.Domain)
		s.Now = &Recheck{string(r.Verdict), r.Why}
	}
	return s, err
}

// roleRequest says what a role wants: one of this node's catalogues, or of the
// catalogue that a partner publishes at an address, by whose agreements other
// partners' badges count.
func (n *Node) roleRequest(ctx context.Context, role, of string) (requirement.Request, error) {
	if of == "" {
		t, err := n.terms(ctx)
		if err != nil {
			return requirement.Request{}, err
		}
		for _, c := range n.catalogues() {
			if x, ok := c.Roles.Get(role); ok {
				return requirement.NewRequest(x.Name, x.Requires.Requirement, t.Names(c.Names(n.issuer()), n.id.String()))
			}
		}
		return requirement.Request{}, fmt.Errorf("%w: no role %q here; there are: %s; --of names a partner's catalogue", ErrInput, role, strings.Join(n.pathsAndRoles(), ", "))
	}
	e, err := n.fetchCatalogue(ctx, of)
	if err != nil {
		return requirement.Request{}, err
	}
	x, ok := e.Catalogue.Roles.Get(role)
	if !ok {
		return requirement.Request{}, fmt.Errorf("%w: the catalogue at %s has no role %q", ErrInput, of, role)
	}
	t := recognition.Terms{Self: []string{e.Issuer}}
	raw, err := n.party.Get(ctx, e.Base+"/agreements")
	if err != nil {
		return requirement.Request{}, err
	}
	var bundles []recognition.Bundle
	if err := json.Unmarshal(raw, &bundles); err != nil {
		return requirement.Request{}, fmt.Errorf("%w: the agreements of %s: %v", ErrInput, e.Issuer, err)
	}
	for _, b := range bundles {
		s, err := recognition.Open(ctx, n.party.Verifier, b, n.now())
		if err != nil {
			n.log.Info("an agreement does not count", "did", e.Issuer, "err", err)
			continue
		}
		t.Statements = append(t.Statements, s)
	}
	return requirement.NewRequest(x.Name, x.Requires.Requirement, t.Names(e.Catalogue.Names(e.As()), e.Issuer))
}

// judgeRole holds what was shown to what was asked for.
func (n *Node) judgeRole(shown []credentials.Verified, a exchange.Ask, j *exchange.Judgement) error {
	v, err := jsondoc.Parse(a.Wants)
	if err != nil {
		return err
	}
	q, err := requirement.ReadRequest(v)
	if err != nil {
		return err
	}
	h := &requirement.Holdings{}
	for _, c := range shown {
		h.Add(c)
	}
	o := q.Requirement.Evaluate(h, q.Names(), n.now())
	j.Why = fmt.Sprintf("%s: proven by %d badges", q.Name, len(shown))
	if !o.OK() {
		j.Proven, j.Verdict, j.Why = false, "invalid", fmt.Sprintf("%s: not proven; missing: %s", q.Name, strings.Join(o.Missing, ", "))
	}
	return nil
}
