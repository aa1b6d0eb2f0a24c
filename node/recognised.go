package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
)

// counting is an answer about a badge, to be counted.
type counting struct {
	id      string // of the badge; empty where it has none
	raw     []byte // the badge
	learner string // whose it is
	issuer  string
	recognition.Recognition
}

// badge tells a badge from others, in all its versions.
func (c counting) badge() string {
	if c.id != "" {
		return c.id
	}
	sum := sha256.Sum256(c.raw)
	return string(sum[:])
}

// partner returns whose badge it is: the issuer where an agreement spoke for or
// against the badge, or could have, being with that issuer; else nobody.
func (c counting) partner(t recognition.Terms) string {
	with := func(s recognition.Statement) bool { return s.Kind == recognition.Agreement && s.Of == c.issuer }
	switch {
	case c.Statement != "":
		return c.Recognition.Issuer
	case c.Reason == recognition.ReasonRule && slices.ContainsFunc(t.Statements, with):
		return c.issuer
	}
	return ""
}

// countRecognition notes in the journal which partner's badges were recognised
// here or not: agreements are reviewed by that. However often a badge is looked
// at, what it counts as is noted once, and so is each reason for which it does
// not count. Credits are noted as far as they are more than those that the same
// learner was recognised for the same unit before.
func (n *Node) countRecognition(ctx context.Context, t recognition.Terms, all []counting) error {
	return n.db.Update(ctx, func(tx *store.Tx) error {
		for _, a := range all {
			partner := a.partner(t)
			if partner == "" || a.Answer != credentials.Yes && a.Answer != credentials.No {
				continue
			}
			key := n.recognisedKey(a)
			if _, err := tx.Get(key); err == nil {
				continue // counted before
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err := tx.Put(key, nil); err != nil {
				return err
			}
			fact := map[string]any{"achievement": a.As, "statement": a.Statement, "partner": partner}
			if a.Answer == credentials.No {
				fact["reason"] = a.Reason
			} else if a.Credits > 0 {
				more, err := n.moreCredits(tx, a)
				if err != nil {
					return err
				}
				fact["credits"], fact["framework"] = more, a.Framework
			}
			if err := n.note(tx, "recognition."+string(a.Answer), fact); err != nil {
				return err
			}
		}
		return nil
	})
}

// moreCredits returns how many credits an answer adds to those of its learner
// and unit, and keeps that.
func (n *Node) moreCredits(tx *store.Tx, a counting) (float64, error) {
	key := n.unitKey(a)
	raw, err := tx.Get(key)
	if err := ignoreMissing(err); err != nil {
		return 0, err
	}
	var u unitCredits
	if raw != nil {
		if err := json.Unmarshal(raw, &u); err != nil {
			return 0, err
		}
	}
	before := u.sum()[a.Framework]
	u = u.with(a.Recognition)
	if raw, err = json.Marshal(u); err != nil {
		return 0, err
	}
	return max(0, points6(u.sum()[a.Framework]-before)), tx.Put(key, raw)
}

// unitKey is where the credits of a learner's unit are kept, under a digest by
// a key of this node, as in [Node.recognisedKey]. What a learner was recognised
// for begins alike, so that it is found when the learner is forgotten.
func (n *Node) unitKey(a counting) []byte {
	learner := a.learner
	if learner == "" {
		learner = a.badge() // of nobody who could be known again
	}
	return append(n.unitsOf(learner), n.digest("recognised unit", learner, a.As)...)
}

func (n *Node) unitsOf(learner string) []byte {
	return append([]byte("recognised-units/"), n.digest("recognised units", learner)...)
}

// digest returns a digest of texts that only this node can make.
func (n *Node) digest(texts ...string) []byte {
	mac := hmac.New(sha256.New, n.secret.Derive("recognised badges"))
	mac.Write([]byte(strings.Join(texts, "\x00")))
	return mac.Sum(nil)
}

// recognisedKey is where it is kept that an answer was counted. Others' badges
// are not this node's to list, so what is kept is a digest under a key of this
// node: who has a badge and the key can tell that it was looked at, nobody can
// tell whose badges were. A badge is the same in all its versions.
func (n *Node) recognisedKey(a counting) []byte {
	reason := ""
	if a.Answer == credentials.No {
		reason = a.Why
	}
	return append([]byte("recognised/"), n.digest(a.issuer, a.badge(), string(a.Answer), a.As, reason)...)
}

// unitCredits are the credits of one learner for one unit, which is what
// badges count as. Each unit counts once: what meets it counts for its most
// credits; what is part of it counts for each source once, and not on top of
// what meets it.
type unitCredits struct {
	Met   bool                          `json:"met,omitempty"`
	Whole map[string]float64            `json:"whole,omitempty"` // by framework
	Parts map[string]map[string]float64 `json:"parts,omitempty"` // by source and framework
}

// with returns the credits with those of one more badge that counts.
func (u unitCredits) with(r recognition.Recognition) unitCredits {
	most := func(in map[string]float64) map[string]float64 {
		if r.Credits <= 0 || in[r.Framework] >= r.Credits {
			return in
		}
		out := maps.Clone(in)
		if out == nil {
			out = map[string]float64{}
		}
		out[r.Framework] = r.Credits
		return out
	}
	if r.Satisfies {
		u.Met, u.Whole = true, most(u.Whole)
		return u
	}
	parts := maps.Clone(u.Parts)
	if parts == nil {
		parts = map[string]map[string]float64{}
	}
	parts[r.Source] = most(parts[r.Source])
	u.Parts = parts
	return u
}

// points6 rounds points to what a sum of decimals is exact to.
func points6(points float64) float64 { return math.Round(points*1e6) / 1e6 }

// sum returns the credits by framework.
func (u unitCredits) sum() map[string]float64 {
	if u.Met {
		return u.Whole
	}
	out := map[string]float64{}
	for _, source := range slices.Sorted(maps.Keys(u.Parts)) { // in one order, so that sums are the same
		for framework, points := range u.Parts[source] {
			out[framework] = points6(out[framework] + points)
		}
	}
	return out
}
