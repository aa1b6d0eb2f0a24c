package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A milestone is awarded by a rule: by itself, once its requirement is met by
// the badges that this node gave somebody. That they got one more is written
// down with it, and looked at by [Node.work] until it is done; so a node that
// ends in between awards the milestone when it serves again. What it rested on may
// be revoked or lapse later: the milestone stays, and is revoked by itself.

// due says that the milestones of somebody are to be looked at.
type due struct {
	DID        string `json:"did"`
	Connection string `json:"connection,omitempty"`
	Count      int    `json:"count"` // grows with each badge
}

var dues = store.NewCollection("milestone-due", func(d due) string { return d.DID })

// rules yields the achievements that are awarded by a rule.
func (n *Node) rules(yield func(c *catalogue.Catalogue, slug string, a catalogue.Achievement) bool) {
	for _, c := range n.catalogues() {
		for slug, a := range c.Achievements.All() {
			if a.Award.By == "rule" && a.Award.When != nil && !yield(c, slug, a) {
				return
			}
		}
	}
}

// look writes down that a badge may have met a rule.
func (n *Node) look(tx *store.Tx, a Award) error {
	if a.Recipient.DID == "" || !n.counts(a) {
		return nil
	}
	d, err := dues.Get(tx, a.Recipient.DID)
	if ignoreMissing(err) != nil {
		return err
	}
	d.DID, d.Connection, d.Count = a.Recipient.DID, or(a.Recipient.Connection, d.Connection), d.Count+1
	return dues.Put(tx, d)
}

// counts reports whether a badge is part of a rule.
func (n *Node) counts(a Award) bool {
	found := false
	n.rules(func(c *catalogue.Catalogue, _ string, r catalogue.Achievement) bool {
		found = c.Slug == a.Catalogue && slices.Contains(r.Award.When.Badges(), a.Achievement)
		return !found
	})
	return found
}

// milestones awards what is due.
func (n *Node) milestones(ctx context.Context) error {
	var all []due
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for d, err := range dues.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, d)
		}
		return nil
	})
	for _, d := range all {
		err = errors.Join(err, n.milestonesOf(ctx, d))
	}
	return err
}

func (n *Node) milestonesOf(ctx context.Context, d due) (err error) {
	h, err := n.holdingsOf(ctx, d.DID)
	if err != nil {
		return err
	}
	n.rules(func(c *catalogue.Catalogue, slug string, a catalogue.Achievement) bool {
		if !a.Award.When.Evaluate(h, n.names(c, shownBy{}), n.now()).OK() {
			return true
		}
		to := Recipient{Connection: d.Connection}
		if d.Connection == "" {
			to.DID = d.DID
		}
		language := ""
		if language, err = n.languageOf(ctx, Recipient{DID: d.DID}, c, slug); err != nil {
			return false
		}
		_, err = n.Grant(ctx, GrantRequest{Achievement: c.Slug + "/" + slug, Language: language, To: to, Key: fmt.Sprintf("rule %s/%s for %s", c.Slug, slug, d.DID), ours: true, route: routeRule, by: itself})
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("awarding a milestone: %w", err)
	}
	return n.db.Update(ctx, func(tx *store.Tx) error {
		now, err := dues.Get(tx, d.DID)
		if err != nil || now.Count != d.Count { // one more badge came meanwhile
			return ignoreMissing(err)
		}
		return dues.Delete(tx, d.DID)
	})
}

// holdingsOf judges the badges that this node gave to a DID.
func (n *Node) holdingsOf(ctx context.Context, id string) (*requirement.Holdings, error) {
	h := &requirement.Holdings{}
	var raws [][]byte
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range awards.By(tx, "recipient", id) {
			if err != nil {
				return err
			}
			raw, err := store.GetLarge(tx, credentialKey(a.ID))
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			raws = append(raws, raw)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, raw := range raws {
		c, err := credentials.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("reading a badge that was signed here: %w", err)
		}
		h.AddJudged(c, n.party.Verifier.Report(ctx, raw, credentials.ReportOptions{}))
	}
	return h, nil
}

// work does what was written down to be done, when the node begins to serve
// and whenever it is told that there is more.
func (n *Node) work(ctx context.Context) {
	for {
		if err := errors.Join(n.pendingEvents(ctx), n.milestones(ctx), n.dropDrafts(ctx)); err != nil && ctx.Err() == nil {
			n.log.Error("awards that are due could not be made", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-n.todo:
		}
	}
}

// wakeWork tells [Node.work] that there is more to do.
func (n *Node) wakeWork() {
	select {
	case n.todo <- struct{}{}:
	default: // it is told already
	}
}
