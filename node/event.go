package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// EventRequest is an outside fact: somebody did something, with a result from
// 0 to 1 where there is one. Who is a connection, a DID or an e-mail address.
// The same ID is one fact; without one, the same words are.
type EventRequest struct {
	ID     string   `json:"id,omitempty"`
	Verb   string   `json:"verb"`
	Object string   `json:"object"`
	Scaled *float64 `json:"scaled,omitempty"`
	Who    string   `json:"who"`
}

// event is a fact that was recorded. Who did it is forgotten once the badges
// that it earns are given.
type event struct {
	ID     string    `json:"id"`
	Ref    string    `json:"ref"`    // in the journal
	Digest string    `json:"digest"` // of the whole request
	Verb   string    `json:"verb"`
	Object string    `json:"object"`
	Scaled *float64  `json:"scaled,omitempty"`
	Who    Recipient `json:"who,omitzero"`
	Awards []string  `json:"awards"`
	Done   bool      `json:"done"`
	At     time.Time `json:"at"`
}

var events = store.NewCollection("event", func(e event) string { return e.ID },
	store.Index[event]{Name: "open", Values: func(e event) []string {
		if e.Done {
			return nil
		}
		return []string{"yes"}
	}})

// EventResult is what came of a fact: the badges that it earned. Why says
// which badge it did not earn, for want of what. Of a fact that no rule is about
// Rules lists those that there are.
type EventResult struct {
	ID     string    `json:"id"`
	New    bool      `json:"new"`
	Awards []string  `json:"awards"`
	Given  []Granted `json:"given,omitempty"`
	Why    []string  `json:"why,omitempty"`
	Rules  []string  `json:"rules,omitempty"`
}

// RecordEvent records an outside fact and gives the badges that it earns. The
// same fact again changes nothing. The error wraps [ErrInput].
func (n *Node) RecordEvent(ctx context.Context, r EventRequest) (EventResult, error) {
	e, err := n.newEvent(r)
	if err != nil {
		return EventResult{}, err
	}
	if err := n.checkRecipient(ctx, e.Who); err != nil {
		return EventResult{}, err
	}
	out := EventResult{ID: e.ID}
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		old, err := events.Get(tx, e.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			out.New = true
			if err := events.Insert(tx, e); err != nil {
				return err
			}
			return n.note(tx, "event.recorded", map[string]any{"event": e.Ref})
		case err != nil:
			return err
		case old.Digest != e.Digest:
			return fmt.Errorf("%w: the event %q was recorded on %s and said something else; give this one another id", ErrInput, jsondoc.Clip(e.ID), old.At.Format(time.DateOnly))
		}
		e, out.New = old, false
		return nil
	})
	if err != nil {
		return out, err
	}
	if rules := n.eventRules(); !slices.ContainsFunc(rules, func(r eventRule) bool { return r.about(e) }) {
		for _, r := range rules {
			out.Rules = append(out.Rules, r.text)
		}
	}
	return out, n.finishEvent(ctx, e, &out)
}

func (n *Node) newEvent(r EventRequest) (event, error) {
	switch {
	case r.Verb == "" || r.Object == "":
		return event{}, fmt.Errorf("%w: an event has a verb and an object, such as http://adlnet.gov/expapi/verbs/passed and the address of the course", ErrInput)
	case len(r.ID) > 256 || len(r.Verb) > 2048 || len(r.Object) > 2048 || strings.Contains(r.ID, "\x00"):
		return event{}, fmt.Errorf("%w: the event's id, verb or object is too long, or no text", ErrInput)
	case r.Scaled != nil && !(*r.Scaled >= -1 && *r.Scaled <= 1):
		return event{}, fmt.Errorf("%w: scaled %v; a scaled result lies between -1 and 1", ErrInput, *r.Scaled)
	}
	rules := n.eventRules()
	for name, s := range map[string]string{"verb": r.Verb, "object": r.Object} {
		if !isAddress(s) && !slices.ContainsFunc(rules, func(r eventRule) bool { return r.verb == s || r.object == s }) {
			return event{}, fmt.Errorf("%w: the %s %q is no address; write it as the catalogue does, such as http://adlnet.gov/expapi/verbs/passed and https://lms.example/course", ErrInput, name, jsondoc.Clip(s))
		}
	}
	e := event{Verb: r.Verb, Object: r.Object, Scaled: r.Scaled, Awards: []string{}, At: n.now().UTC(), Ref: n.newURN()}
	switch {
	case strings.HasPrefix(r.Who, "did:"):
		e.Who.DID = r.Who
	case strings.Contains(r.Who, "@"):
		e.Who.Email = strings.ToLower(strings.TrimSpace(r.Who))
	default:
		e.Who.Connection = r.Who
	}
	if err := e.Who.check(); err != nil {
		return e, err
	}
	scaled := ""
	if r.Scaled != nil {
		scaled = fmt.Sprint(*r.Scaled)
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", r.Verb, r.Object, scaled, e.Who.identity()))
	e.Digest = hex.EncodeToString(h[:])
	e.ID = or(r.ID, "sha256:"+e.Digest)
	return e, nil
}

// isAddress reports whether a text is an absolute IRI, as verbs and objects of
// xAPI are.
func isAddress(s string) bool {
	u, err := url.Parse(s)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http")
	return err == nil && u.IsAbs() && u.Host+u.Path+u.Opaque != "" && (!web || u.Hostname() != "") && !strings.ContainsFunc(s, unicode.IsSpace)
}

// eventRule is a rule of a catalogue about facts: which badge one earns, or
// renews whatever the verb is.
type eventRule struct{ verb, object, text string }

func (r eventRule) about(e event) bool {
	return r.object == e.Object && (r.verb == "" || r.verb == e.Verb)
}

func (n *Node) eventRules() (out []eventRule) {
	for _, c := range n.catalogues() {
		for _, a := range c.Achievements.All() {
			if on := a.Award.On; a.Award.By == "event" && on != nil {
				least := ""
				if on.Scaled > 0 {
					least = fmt.Sprintf(" with a result of at least %v", on.Scaled)
				}
				out = append(out, eventRule{on.Verb, on.Object, fmt.Sprintf("%s %s%s earns %s", on.Verb, on.Object, least, a.Name)})
			}
			if a.Renew != nil && a.Renew.When.Test != "" {
				out = append(out, eventRule{"", a.Renew.When.Test, fmt.Sprintf("any verb, %s renews %s", a.Renew.When.Test, a.Name)})
			}
		}
	}
	return out
}

// finishEvent gives the badges that an event earns, unless that is done. It
// may run again after a crash: the same badge is given once while it stands.
func (n *Node) finishEvent(ctx context.Context, e event, out *EventResult) error {
	out.Awards = e.Awards
	if e.Done {
		return nil
	}
	for _, c := range n.catalogues() {
		for slug, a := range c.Achievements.All() {
			earns, why := e.earns(a)
			if why != "" {
				out.Why = append(out.Why, a.Name+" "+why)
			}
			if !earns {
				continue
			}
			language, err := n.languageOf(ctx, e.Who, c, slug)
			if err != nil {
				return err
			}
			g, err := n.Grant(ctx, GrantRequest{Achievement: c.Slug + "/" + slug, Language: language, To: e.Who, route: routeEvent})
			if err != nil {
				return fmt.Errorf("giving %s for an event: %w", a.Name, err)
			}
			e.Awards, out.Given = append(e.Awards, g.Award.ID), append(out.Given, g)
		}
	}
	renewed, err := n.renewByTest(ctx, e.Object, e.Who)
	for _, g := range renewed {
		e.Awards, out.Given = append(e.Awards, g.Award.ID), append(out.Given, g)
	}
	if err != nil {
		return fmt.Errorf("renewing by a test: %w", err)
	}
	e.Done, e.Who, out.Awards = true, Recipient{}, e.Awards
	return n.db.Update(ctx, func(tx *store.Tx) error { return events.Put(tx, e) })
}

// earns reports whether an event earns an achievement; why says what is
// missing where it is about that.
func (e event) earns(a catalogue.Achievement) (earns bool, why string) {
	on := a.Award.On
	switch {
	case a.Award.By != "event" || on == nil || on.Verb != e.Verb || on.Object != e.Object:
		return false, ""
	case on.Scaled > 0 && e.Scaled == nil:
		return false, fmt.Sprintf("wants a result of at least %v; give it with --scaled", on.Scaled)
	case on.Scaled > 0 && *e.Scaled < on.Scaled:
		return false, fmt.Sprintf("wants a result of at least %v, and this one is %v", on.Scaled, *e.Scaled)
	}
	return true, ""
}

// pendingEvents goes on with events that a crash interrupted.
func (n *Node) pendingEvents(ctx context.Context) error {
	var open []event
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for e, err := range events.By(tx, "open", "yes") {
			if err != nil {
				return err
			}
			open = append(open, e)
		}
		return nil
	})
	for _, e := range open {
		err = errors.Join(err, n.finishEvent(ctx, e, &EventResult{}))
	}
	return err
}
