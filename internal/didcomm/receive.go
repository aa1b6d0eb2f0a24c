package didcomm

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// Message types that the mailbox itself speaks.
const (
	TypeEmpty   = "https://didcomm.org/empty/1.0/empty"
	TypeProblem = "https://didcomm.org/report-problem/2.0/problem-report"
)

// Problem is a refusal that the sender is told (DIDComm Messaging v2 §Problem
// Reports). Comment is a sentence a person can act on.
type Problem struct{ Code, Comment string }

func (p *Problem) Error() string { return p.Code + ": " + p.Comment }

// Report returns the message that tells p on a thread.
func (p *Problem) Report(thread string) Message {
	return Message{ID: NewID(), Type: TypeProblem, Pthid: thread, Body: Object(map[string]string{"code": p.Code, "comment": p.Comment})}
}

// handleWithin bounds the work on one message.
const handleWithin = 60 * time.Second

// receive acts on one frame. A message that can never be accepted is counted
// and dropped; one that was acted on before is acknowledged again.
func (a *Agent) receive(c *conn, raw []byte) {
	a.count(func(s *Stats) { s.Received++ })
	ctx, cancel := context.WithTimeout(a.ctx, handleWithin)
	defer cancel()
	defer func() { // a stranger's bytes must not end the process
		if r := recover(); r != nil {
			a.count(func(s *Stats) { s.Undecided++ })
			a.cfg.Log.Error("message handling failed", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	r, err := a.packer.Unpack(ctx, raw)
	if err != nil {
		a.count(func(s *Stats) { s.Refused++ })
		a.cfg.Log.Warn("message refused", "err", err)
		return
	}
	if err := a.act(ctx, c, r); err != nil {
		a.count(func(s *Stats) { s.Undecided++ })
		switch {
		case errors.Is(err, ErrGone): // its answer is lost: the sender sends again, and is answered then
			a.cfg.Log.Info("connection lost before the answer", "type", r.Message.Type, "peer", r.From.String())
		case ctx.Err() == nil:
			a.cfg.Log.Error("message not handled", "type", r.Message.Type, "peer", r.From.String(), "err", err)
		}
	}
}

func (a *Agent) act(ctx context.Context, c *conn, r Received) error {
	m, p := r.Message, Pair{Own: r.To, Peer: r.From}
	if m.Expires != 0 && a.cfg.Now().Unix() > m.Expires {
		return a.finish(ctx, c, r, Outcome{Apply: func(*store.Tx) error { return nil }})
	}
	if !r.From.IsZero() {
		var before bool
		err := a.cfg.DB.View(ctx, func(tx *store.Tx) (err error) {
			before, err = seen(tx, p, m.ID)
			return err
		})
		if err != nil {
			return err
		}
		if m.ReturnRoute == "all" {
			a.bind(c, p)
		}
		if before {
			a.count(func(s *Stats) { s.Duplicates++ })
			return a.acknowledge(ctx, c, r)
		}
	}
	if m.Type == TypeEmpty {
		return a.finish(ctx, c, r, Outcome{})
	}
	out, err := a.cfg.Handler.Handle(ctx, r)
	if err == nil {
		err = a.finish(ctx, c, r, out)
	}
	var problem *Problem
	if errors.As(err, &problem) { // found before or within the transaction
		a.count(func(s *Stats) { s.Refused++ })
		a.cfg.Log.Warn("message refused", "type", m.Type, "peer", r.From.String(), "err", problem)
		return a.finish(ctx, c, r, refusal(m, problem))
	}
	return err
}

// refusal tells the sender why and closes the matter. A problem is never
// answered with a problem.
func refusal(m Message, p *Problem) Outcome {
	out := Outcome{Apply: func(*store.Tx) error { return nil }}
	if m.Type != TypeProblem {
		out.Now = []Message{p.Report(m.Thread())}
	}
	return out
}

// finish makes the outcome durable, then answers.
func (a *Agent) finish(ctx context.Context, c *conn, r Received, out Outcome) error {
	m, p := r.Message, Pair{Own: r.To, Peer: r.From}
	stored := out.Apply != nil && !r.From.IsZero()
	if stored || len(m.Ack) > 0 && !r.From.IsZero() {
		err := a.cfg.DB.Update(ctx, func(tx *store.Tx) error {
			if err := Acknowledge(tx, p, m.Ack...); err != nil {
				return err
			}
			if !stored {
				return nil
			}
			if again, err := seen(tx, p, m.ID); err != nil || again {
				return err
			}
			if err := out.Apply(tx); err != nil {
				return err
			}
			return markSeen(tx, p, m.ID, a.cfg.Now())
		})
		if err != nil {
			return err
		}
		if n := uint64(len(m.Ack)); n > 0 {
			a.count(func(s *Stats) { s.Acknowledged += n })
		}
	}
	if out.After != nil {
		out.After()
	}
	if r.From.IsZero() {
		return nil
	}
	for _, answer := range out.Now {
		if err := c.sendNow(ctx, p, answer); err != nil {
			return err
		}
	}
	c.poke()
	if stored {
		return a.acknowledge(ctx, c, r)
	}
	return nil
}

// acknowledge answers please_ack with an empty message (DIDComm Messaging v2
// §ACKs). It is not stored: a lost one is asked for again.
func (a *Agent) acknowledge(ctx context.Context, c *conn, r Received) error {
	if len(r.Message.PleaseAck) == 0 {
		return nil
	}
	ack := Message{ID: NewID(), Type: TypeEmpty, Thid: r.Message.Thread(), Ack: []string{r.Message.ID}}
	ack.Body = Object(struct{}{})
	return c.sendNow(ctx, Pair{Own: r.To, Peer: r.From}, ack)
}

// waitingUpTo counts the unacknowledged messages up to and including seq.
func waitingUpTo(tx *store.Tx, p Pair, seq uint64, limit int) (int, error) {
	if seq == 0 {
		return 0, nil
	}
	n := 0
	prefix := []byte("mail/out/" + p.id() + "/")
	last := string(seqKey("out", p.id(), seq))
	for r, err := range tx.Scan(store.Range{Prefix: prefix, Limit: limit, KeysOnly: true}) {
		if err != nil {
			return 0, err
		}
		if string(r.Key) > last {
			break
		}
		n++
	}
	return n, nil
}
