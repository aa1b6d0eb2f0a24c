package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

func (n *Node) adminStats(mux *http.ServeMux) {
	handle(mux, "POST /stats", n.Stats)
	mux.HandleFunc("GET /stats", n.adminStatsAs)
	handle(mux, "POST /audit", n.VerifyJournal)
	handle(mux, "POST /erase", n.Erase)
	mux.HandleFunc("GET /learners", func(w http.ResponseWriter, r *http.Request) {
		stream(w, func(send func(any) error) error {
			return n.LearnersOf(r.Context(), r.URL.Query().Get("of"), func(l Learner) error { return send(l) })
		})
	})
	mux.HandleFunc("GET /checkpoints", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Checkpoints(r.Context())
		answer(w, all, err)
	})
	mux.HandleFunc("POST /checkpoints", func(w http.ResponseWriter, r *http.Request) {
		err := n.keepCheckpoints(r.Context())
		answer(w, struct{}{}, err)
	})
}

// adminStatsAs answers a scrape: format is prometheus, csv or, if it is not
// given, json; since and until are days, shared hides small groups.
func (n *Node) adminStatsAs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req := StatsRequest{Shared: q.Has("shared")}
	for name, day := range map[string]*time.Time{"since": &req.Since, "until": &req.Until} {
		if v := q.Get(name); v != "" {
			var err error
			if *day, err = time.Parse(time.DateOnly, v); err != nil {
				answer(w, nil, fmt.Errorf("%w: %s is a day, such as 2026-09-01", ErrInput, name))
				return
			}
		}
	}
	write := map[string]func(Stats, io.Writer) error{"prometheus": Stats.WritePrometheus, "csv": Stats.WriteCSV}[q.Get("format")]
	if f := q.Get("format"); write == nil && f != "" && f != "json" {
		answer(w, nil, fmt.Errorf("%w: format is prometheus, csv or json, not %q", ErrInput, f))
		return
	}
	s, err := n.Stats(r.Context(), req)
	if err != nil || write == nil {
		answer(w, s, err)
		return
	}
	w.Header().Set("Content-Type", map[string]string{"prometheus": "text/plain; version=0.0.4; charset=utf-8", "csv": "text/csv; charset=utf-8"}[q.Get("format")])
	if err := write(s, w); err != nil {
		n.log.Info("figures were not read to the end", "err", err)
	}
}

// Stats returns the node's figures.
func (c *Client) Stats(ctx context.Context, r StatsRequest) (s Stats, err error) {
	return s, c.call(ctx, http.MethodPost, "/stats", r, &s)
}

// Renewals lists the badges that are to be renewed.
func (c *Client) Renewals(ctx context.Context, r RenewalsRequest) (all []Renewal, err error) {
	return all, c.call(ctx, http.MethodPost, "/renewals", r, &all)
}

// Renew renews a badge.
func (c *Client) Renew(ctx context.Context, r RenewRequest) (g Granted, err error) {
	return g, c.call(ctx, http.MethodPost, "/renew", r, &g)
}

// WithdrawAll revokes every badge of an achievement.
func (c *Client) WithdrawAll(ctx context.Context, r WithdrawAllRequest) (w WithdrawnAll, err error) {
	return w, c.call(ctx, http.MethodPost, "/withdraw", r, &w)
}

// VerifyJournal verifies the journal.
func (c *Client) VerifyJournal(ctx context.Context, r AuditRequest) (a Audit, err error) {
	return a, c.call(ctx, http.MethodPost, "/audit", r, &a)
}

// Erase removes what is kept of a person.
func (c *Client) Erase(ctx context.Context, r EraseRequest) (e Erased, err error) {
	return e, c.call(ctx, http.MethodPost, "/erase", r, &e)
}

// Learners calls each with where every learner stands with a path or role, or
// with all of them.
func (c *Client) Learners(ctx context.Context, of string, each func(Learner) error) error {
	return c.lines(ctx, http.MethodGet, "/learners?of="+url.QueryEscape(of), nil, func(raw json.RawMessage) error {
		var l Learner
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		return each(l)
	})
}

// Checkpoints lists partners' checkpoints.
func (c *Client) Checkpoints(ctx context.Context) (all []Checkpoint, err error) {
	return all, c.call(ctx, http.MethodGet, "/checkpoints", nil, &all)
}

// KeepCheckpoints asks partners for their checkpoints.
func (c *Client) KeepCheckpoints(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/checkpoints", nil, &struct{}{})
}
