package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
)

// Endorsed is an endorsement by somebody else of this node, of an achievement
// of its, or of a badge that it issued. Those of the first two are embedded in
// the badges to come.
type Endorsed struct {
	ID     string    `json:"id"`
	Of     string    `json:"of"`
	By     string    `json:"by"`
	ByName string    `json:"byName,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	Taken  time.Time `json:"taken"`
}

var endorsed = store.NewCollection("endorsed", func(e Endorsed) string { return e.ID },
	store.Index[Endorsed]{Name: "of", Values: func(e Endorsed) []string { return []string{e.Of} }})

func endorsedKey(id string) []byte { return []byte("endorsed/" + id) }

// TakeEndorsementRequest names an endorsement by the address where its signer
// serves it, or brings it.
type TakeEndorsementRequest struct {
	Address    string `json:"address,omitempty"`
	Credential []byte `json:"credential,omitempty"`
}

// TakeEndorsement brings in an endorsement of this node, one of its
// achievements, or one of its badges. It must verify and be about that.
func (n *Node) TakeEndorsement(ctx context.Context, r TakeEndorsementRequest) (Endorsed, error) {
	raw := r.Credential
	if r.Address != "" {
		var err error
		if raw, err = n.party.Get(ctx, r.Address); err != nil {
			return Endorsed{}, err
		}
	}
	rep := n.party.Verifier.Report(ctx, raw, credentials.ReportOptions{})
	if rep.Verdict == credentials.Invalid {
		return Endorsed{}, fmt.Errorf("%w: the endorsement does not verify: %s", ErrInput, rep.Why())
	}
	if err := rep.Err(); err != nil {
		return Endorsed{}, err
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		return Endorsed{}, fmt.Errorf("%w: %v", ErrInput, err)
	}
	s, err := recognition.Read(c)
	if err != nil {
		return Endorsed{}, fmt.Errorf("%w: %v", ErrInput, err)
	}
	if s.Kind != recognition.Endorsement {
		return Endorsed{}, fmt.Errorf("%w: this is an %s; `trustme node agreement` takes it", ErrInput, s.Kind)
	}
	if s.By == n.id.String() {
		return Endorsed{}, fmt.Errorf("%w: this node gave that endorsement itself", ErrInput)
	}
	e := Endorsed{ID: s.ID, Of: s.Of, By: s.By, ByName: s.ByName, Until: s.Until, Taken: n.second()}
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if err := n.aboutUs(tx, s.Of); err != nil {
			return err
		}
		old, err := endorsed.Get(tx, e.ID)
		if err == nil && (old.By != e.By || old.Of != e.Of) { // its signer chose the id
			return fmt.Errorf("%w: another endorsement, by %s, has the id %s; its signer must sign it anew", ErrInput, old.By, e.ID)
		} else if err := ignoreMissing(err); err != nil {
			return err
		}
		if err := endorsed.Put(tx, e); err != nil {
			return err
		}
		if err := store.PutLarge(tx, endorsedKey(e.ID), c.Bytes()); err != nil {
			return err
		}
		if old.ID == e.ID {
			return nil // counted when it came first
		}
		return n.note(tx, "endorsement.taken", map[string]any{"endorsement": e.ID, "of": e.Of})
	})
	n.praise.forget()
	return e, err
}

// aboutUs refuses an endorsement of something that is not this node's.
func (n *Node) aboutUs(tx *store.Tx, of string) error {
	if of == n.id.String() || n.ownCatalogue(of) {
		return nil
	}
	if _, err := n.ownAchievement(of); err == nil {
		return nil
	}
	if _, err := awards.Get(tx, of); err == nil {
		return nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: the endorsement is about %s, which is neither this node, nor a catalogue, an achievement or a badge of its", ErrInput, of)
}

// DropEndorsement leaves an endorsement out of the badges to come. Badges that
// hold it keep it.
func (n *Node) DropEndorsement(ctx context.Context, r WithdrawRequest) (e Endorsed, err error) {
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if e, err = endorsed.Get(tx, fullID(r.ID)); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no endorsement %q was taken in", ErrNotFound, r.ID)
		} else if err != nil {
			return err
		}
		if err := endorsed.Delete(tx, e.ID); err != nil {
			return err
		}
		if err := store.DeleteLarge(tx, endorsedKey(e.ID)); err != nil {
			return err
		}
		return n.note(tx, "endorsement.dropped", map[string]any{"endorsement": e.ID})
	})
	n.praise.forget()
	return e, err
}

// praise keeps which endorsements are in force, for a minute: a run of many
// badges does not verify them for each.
type praise struct {
	mu      sync.Mutex
	until   time.Time
	by      map[string][]json.RawMessage // by what they are about
	gen     int                          // counts what makes older answers worthless
	looking chan struct{}                // closed when who looks is done
}

func (p *praise) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until, p.by, p.gen = time.Time{}, nil, p.gen+1
}

const (
	// praiseFor is how long endorsements are taken to be in force without a look.
	praiseFor = time.Minute
	// praiseWait is how long issuing waits for their signers at most.
	praiseWait = 2 * time.Second
)

// endorsementsOf returns the endorsements of an id that a badge embeds: a few,
// not all there are.
func (n *Node) endorsementsOf(ctx context.Context, of string) ([]json.RawMessage, error) {
	all, err := n.allEndorsementsOf(ctx, of)
	return all[:min(len(all), maxEmbedded)], err
}

// allEndorsementsOf returns the endorsements of an id, without those that were
// withdrawn or have ended. One that cannot be judged now, since its signer is
// out of reach, stays: whoever verifies the badge looks for themselves. One
// caller looks at a time, and the others go by what was known before.
func (n *Node) allEndorsementsOf(ctx context.Context, of string) ([]json.RawMessage, error) {
	p := &n.praise
	for {
		p.mu.Lock()
		looking := p.looking
		if p.by != nil && (looking != nil || n.now().Before(p.until)) {
			defer p.mu.Unlock()
			return p.by[of], nil
		}
		if looking == nil {
			looking = make(chan struct{})
			p.looking = looking
			gen := p.gen
			p.mu.Unlock()
			by, err := n.judgeEndorsed(ctx)
			p.mu.Lock()
			if p.looking = nil; err == nil && p.gen == gen {
				p.by, p.until = by, n.now().Add(praiseFor)
			}
			p.mu.Unlock()
			close(looking)
			return by[of], err
		}
		p.mu.Unlock()
		select {
		case <-looking:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// judgeEndorsed verifies the endorsements that were taken in, all at once.
func (n *Node) judgeEndorsed(ctx context.Context) (map[string][]json.RawMessage, error) {
	var raws [][]byte
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for e, err := range endorsed.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			raw, err := store.GetLarge(tx, endorsedKey(e.ID))
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
	limit, cancel := context.WithTimeout(ctx, praiseWait)
	defer cancel()
	reports := make([]credentials.Report, len(raws))
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i, raw := range raws {
		turns <- struct{}{}
		all.Go(func() {
			reports[i] = n.party.Verifier.Report(limit, raw, credentials.ReportOptions{})
			<-turns
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil { // not what the signers did
		return nil, err
	}
	by := map[string][]json.RawMessage{}
	for i, raw := range raws {
		c, err := credentials.Parse(raw)
		if err != nil {
			return nil, err
		}
		if reports[i].Verdict == credentials.Invalid {
			n.log.Info("an endorsement is left out", "credential", c.ID(), "err", reports[i].Why())
			continue
		}
		by[c.SubjectID()] = append(by[c.SubjectID()], raw)
	}
	for of := range by {
		slices.SortFunc(by[of], func(a, b json.RawMessage) int { return len(a) - len(b) })
	}
	return by, nil
}

// maxEmbedded bounds the endorsements of one thing within a badge.
const maxEmbedded = 4
