package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
)

// judged keeps the agreements that were verified, for a minute: a partner's
// withdrawal is seen within that, what this node does itself at once.
type judged struct {
	mu  sync.Mutex
	gen int // counts what makes older answers worthless
	by  map[[sha256.Size]byte]judgedAt
}

type judgedAt struct {
	s     recognition.Statement
	until time.Time
}

// judgedFor is how long a verified agreement is taken as it was.
const judgedFor = time.Minute

func (o *judged) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by, o.gen = nil, o.gen+1
}

// all opens bundles, without those that are no agreements. Nothing is locked
// while they are verified.
func (o *judged) all(ctx context.Context, n *Node, bundles []recognition.Bundle) (out []recognition.Statement, err error) {
	o.mu.Lock()
	have, gen := o.by, o.gen
	o.mu.Unlock()
	now, keep := n.now(), make(map[[sha256.Size]byte]judgedAt, len(bundles))
	for _, b := range bundles {
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		key := sha256.Sum256(raw)
		x, ok := have[key]
		if !ok || !now.Before(x.until) || now.Before(x.until.Add(-judgedFor)) {
			x.until = now.Add(judgedFor)
			x.s, err = recognition.Open(ctx, n.party.Verifier, b, now)
			if errors.Is(err, recognition.ErrStatement) {
				n.log.Warn("an agreement does not count", "err", err)
				continue
			}
			if err != nil { // could not tell is no answer to go by
				return nil, err
			}
		}
		out = append(out, x.s)
		if x.s.Standing == requirement.Current && x.s.Unjudged == "" {
			keep[key] = x
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gen == gen {
		o.by = keep
	}
	return out, nil
}
