package node

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trust-me/trustme/internal/store"
)

// note adds a fact to the journal, in the transaction that makes it true. It
// names ids, never people.
func (n *Node) note(tx *store.Tx, kind string, body map[string]any) error {
	_, err := tx.Append(kind, body)
	return err
}

// Journal calls yield with each fact from the number first on, checking the
// chain. It ends with the error of yield, or the first broken entry's.
func (n *Node) Journal(ctx context.Context, first uint64, yield func(store.Fact) error) error {
	return n.db.View(ctx, func(tx *store.Tx) error {
		for f, err := range tx.Facts(first) {
			if err != nil {
				return err
			}
			if err := yield(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// Health is what /health tells.
type Health struct {
	OK          bool   `json:"ok"`
	Problem     string `json:"problem,omitempty"`
	DID         string `json:"did"`
	Uptime      string `json:"uptime"`
	Connections int    `json:"connections"`
	FreeMiB     int64  `json:"freeMiB"`
	Facts       uint64 `json:"facts"`
}

// Health reports whether the node can do its work now.
func (n *Node) Health(ctx context.Context) Health {
	h := Health{OK: true, DID: n.id.String(), Uptime: n.now().Sub(n.started).Round(time.Second).String(), Connections: n.agent.Stats().Connections}
	s, err := n.db.Stats()
	if err != nil {
		h.OK, h.Problem = false, "the store cannot be read: "+err.Error()
		return h
	}
	h.FreeMiB, h.Facts = s.Free>>20, s.Journal
	if s.Free>>20 < int64(n.set.Reserve) {
		h.OK, h.Problem = false, fmt.Sprintf("the disk is nearly full: %d MiB are free and %d are kept in reserve; make room", h.FreeMiB, n.set.Reserve)
	}
	if ctx.Err() != nil {
		h.OK, h.Problem = false, "stopping"
	}
	return h
}

// metrics registers figures without any personal data.
func (n *Node) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trustme", Name: name, Help: help}, f))
	}
	counter := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "trustme", Name: name, Help: help}, f))
	}
	gauge("connections", "Open websocket connections.", func() float64 { return float64(n.agent.Stats().Connections) })
	counter("messages_received_total", "Frames received.", func() float64 { return float64(n.agent.Stats().Received) })
	counter("messages_sent_total", "Queued messages sent, repetitions among them.", func() float64 { return float64(n.agent.Stats().Sent) })
	counter("messages_refused_total", "Messages refused.", func() float64 { return float64(n.agent.Stats().Refused) })
	counter("messages_duplicate_total", "Messages that had been acted on already.", func() float64 { return float64(n.agent.Stats().Duplicates) })
	gauge("store_bytes", "Size of the store.", func() float64 { s, err := n.db.Stats(); return orNaN(float64(s.Bytes), err) })
	gauge("disk_free_bytes", "Free space.", func() float64 { s, err := n.db.Stats(); return orNaN(float64(s.Free), err) })
	counter("journal_facts_total", "Entries of the journal.", func() float64 { s, err := n.db.Stats(); return orNaN(float64(s.Journal), err) })
	counter("status_publications_total", "Publications of the status lists.", func() float64 {
		n.lists.mu.Lock()
		defer n.lists.mu.Unlock()
		return float64(n.lists.beat)
	})
	return r
}

func orNaN(f float64, err error) float64 {
	if err != nil {
		return -1
	}
	return f
}

// each calls yield with the records of a collection in the order of their ids:
// all, or those that have the value in an index.
func each[T any](tx *store.Tx, c store.Collection[T], index, value string, yield func(T) error) error {
	seq := c.List(tx, store.Range{})
	if value != "" {
		seq = c.By(tx, index, value)
	}
	for v, err := range seq {
		if err != nil {
			return err
		}
		if err := yield(v); err != nil {
			return err
		}
	}
	return nil
}

// AwardList calls yield with the awards in the order of their ids, all of
// them or those of one achievement ("catalogue/slug").
func (n *Node) AwardList(ctx context.Context, achievement string, yield func(Award) error) error {
	return n.db.View(ctx, func(tx *store.Tx) error {
		return each(tx, awards, "achievement", achievement, yield)
	})
}

// Award returns a record with its signed bytes, nil when it is not signed.
func (n *Node) Award(ctx context.Context, id string) (a Award, raw []byte, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		if a, err = awards.Get(tx, id); err != nil {
			return fmt.Errorf("%w: no badge %q was issued here", ErrNotFound, id)
		}
		raw, err = store.GetLarge(tx, credentialKey(id))
		return ignoreMissing(err)
	})
	return a, raw, err
}
