package node

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
)

// LearningState is where a learning agreement stands.
type LearningState string

// The states of a learning agreement: who has to sign yet, then its time.
const (
	ForBoth       LearningState = "waits for learner and host"
	ForLearner    LearningState = "waits for the learner"
	ForHost       LearningState = "waits for the host"
	NotBegun      LearningState = "agreed by all, and not begun"
	Running       LearningState = "in force"
	TimeOver      LearningState = "its time is over"
	TakenBackHome LearningState = "withdrawn"
)

// State is where the agreement stands at a time.
func (l LearningRecord) State(at time.Time) LearningState {
	learner := slices.Contains(l.Signers, l.Learner)
	host := slices.ContainsFunc(l.Signers, func(s string) bool { return s != l.Learner && s != l.Home })
	switch {
	case l.Withdrawn != "":
		return TakenBackHome
	case !l.Until.IsZero() && !at.Before(l.Until):
		return TimeOver
	case !learner && !host:
		return ForBoth
	case !learner:
		return ForLearner
	case !host:
		return ForHost
	case at.Before(l.From):
		return NotBegun
	}
	return Running
}

// LearningShown is a learning agreement in full: what was signed, who signed,
// and where it stands.
type LearningShown struct {
	LearningRecord
	Now       LearningState         `json:"state"`
	Statement recognition.Statement `json:"statement"`
}

// Learning returns a learning agreement by the beginning of its id. The error
// wraps [ErrNotFound].
func (n *Node) Learning(ctx context.Context, id string) (LearningShown, error) {
	l, b, err := n.learningBundle(ctx, id)
	if err != nil {
		return LearningShown{}, err
	}
	s, err := signedIn(b)
	return LearningShown{l, l.State(n.now()), s}, err
}

// signedIn returns what a bundle that is kept here says.
func signedIn(b recognition.Bundle) (recognition.Statement, error) {
	c, err := credentials.Parse(b.Agreement)
	if err != nil {
		return recognition.Statement{}, err
	}
	return recognition.Read(c)
}

// EndLearning takes a learning agreement back that this node signed as home,
// for good: it counts for nothing from then on, also for what was earned. The
// error wraps [ErrNotFound] or [ErrInput].
func (n *Node) EndLearning(ctx context.Context, r WithdrawRequest) (LearningShown, error) {
	if r.Reason == "" {
		return LearningShown{}, fmt.Errorf("%w: give a reason; it is kept in the journal", ErrInput)
	}
	l, _, err := n.learningBundle(ctx, r.ID)
	if err != nil {
		return LearningShown{}, err
	}
	if !l.AtHome {
		return LearningShown{}, fmt.Errorf("%w: %s signed it as home, and alone can withdraw it; ask them", ErrInput, l.Home)
	}
	var d Document
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		now, err := learnings.Get(tx, l.ID)
		if err != nil || now.Withdrawn != "" {
			return err
		}
		if d, err = n.setDocument(tx, l.ID, Revoked, r.Reason); err != nil {
			return err
		}
		now.Withdrawn, now.Updated = r.Reason, n.now().UTC()
		if err := learnings.Put(tx, now); err != nil {
			return err
		}
		return n.note(tx, "learning.withdrawn", map[string]any{"agreement": l.ID, "under": l.Under, "reason": r.Reason})
	})
	if err != nil {
		return LearningShown{}, err
	}
	n.judged.forget()
	if d.ID != "" {
		if err := n.tell(ctx, d); err != nil {
			return LearningShown{}, err
		}
	}
	return n.Learning(ctx, l.ID)
}

func (n *Node) adminLearningShown(mux *http.ServeMux) {
	handle(mux, "POST /learning/end", n.EndLearning)
	handle(mux, "POST /learning/show", func(ctx context.Context, r CountersignLearningRequest) (LearningShown, error) {
		return n.Learning(ctx, r.ID)
	})
}

// Learning returns a learning agreement in full.
func (c *Client) Learning(ctx context.Context, id string) (l LearningShown, err error) {
	return l, c.call(ctx, http.MethodPost, "/learning/show", CountersignLearningRequest{ID: id}, &l)
}

// EndLearning takes a learning agreement back.
func (c *Client) EndLearning(ctx context.Context, r WithdrawRequest) (l LearningShown, err error) {
	return l, c.call(ctx, http.MethodPost, "/learning/end", r, &l)
}
