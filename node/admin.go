package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/trust-me/trustme/internal/store"
)

// AdminHandler answers the operator, over the administration socket or, when
// the node is stopped, within the command itself. It trusts who can reach it.
func (n *Node) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /info", n.adminInfo)
	n.adminInvitations(mux)
	handle(mux, "POST /awards", n.Grant)
	handle(mux, "POST /standing", n.SetStanding)
	mux.HandleFunc("GET /awards", n.adminAwards)
	mux.HandleFunc("GET /awards/{id}", n.adminAward)
	mux.HandleFunc("GET /connections", n.adminConnections)
	mux.HandleFunc("GET /journal", n.adminJournal)
	mux.HandleFunc("POST /csv", n.adminCSV)
	handle(mux, "POST /rotate", n.Rotate)
	n.adminAgreements(mux)
	n.adminEndorsements(mux)
	n.adminCatalogues(mux)
	n.adminPartners(mux)
	n.adminPaths(mux)
	n.adminLearning(mux)
	n.adminStats(mux)
	handle(mux, "POST /renewals", n.Renewals)
	handle(mux, "POST /renew", n.Renew)
	handle(mux, "POST /withdraw", n.WithdrawAll)
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) { answer(w, struct{}{}, n.Publish(r.Context())) })
	mux.HandleFunc("GET /backup", n.adminBackup)
	n.adminApplications(mux)
	n.adminHonours(mux)
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		code, f := failureOf(err)
		writeJSON(w, code, f)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

// handle serves a function of one JSON request. Unknown members are refused.
func handle[Q, A any](mux *http.ServeMux, pattern string, f func(context.Context, Q) (A, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if err := readRequest(r.Body, &q, maxRequest); err != nil {
			answer(w, nil, err)
			return
		}
		a, err := f(r.Context(), q)
		answer(w, a, err)
	})
}

// maxRequest bounds a request to the administration, in bytes.
const maxRequest = 1 << 20

func readRequest(r io.Reader, q any, limit int64) error {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if int64(len(raw)) > limit {
		return fmt.Errorf("%w: the request has more than %d bytes; shorten its texts", ErrInput, limit)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(q); err != nil {
		return fmt.Errorf("%w: %v", ErrInput, err)
	}
	return nil
}

// Info is what `trustme node status` shows.
type Info struct {
	Name     string   `json:"name"`
	DID      string   `json:"did"`
	Base     string   `json:"base"`
	Health   Health   `json:"health"`
	Settings Settings `json:"settings"`
}

func (n *Node) adminInfo(w http.ResponseWriter, r *http.Request) {
	set := n.set
	set.Catalogues = n.shelf.Load().names
	answer(w, Info{n.set.Name, n.id.String(), n.set.Base, n.Health(r.Context()), set}, nil)
}

func (n *Node) adminAsk(w http.ResponseWriter, r *http.Request) {
	s, err := n.AskStatus(r.Context(), r.PathValue("id"), r.URL.Query().Has("again"))
	answer(w, s, err)
}

// stream writes values as lines of JSON; an error that comes later is a last
// line with the member error.
func stream(w http.ResponseWriter, f func(send func(any) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	flush := http.NewResponseController(w)
	err := f(func(v any) error {
		if err := enc.Encode(v); err != nil {
			return err
		}
		return flush.Flush()
	})
	if err != nil {
		_, fail := failureOf(err)
		if enc.Encode(fail) != nil {
			return // the reader has gone
		}
	}
}

func (n *Node) adminAwards(w http.ResponseWriter, r *http.Request) {
	stream(w, func(send func(any) error) error {
		return n.AwardList(r.Context(), r.URL.Query().Get("achievement"), func(a Award) error { return send(a) })
	})
}

// AwardWithBytes is an award and its signed credential.
type AwardWithBytes struct {
	Award      Award  `json:"award"`
	Credential []byte `json:"credential,omitempty"`
}

func (n *Node) adminAward(w http.ResponseWriter, r *http.Request) {
	a, raw, err := n.Award(r.Context(), r.PathValue("id"))
	answer(w, AwardWithBytes{a, raw}, err)
}

func (n *Node) adminConnections(w http.ResponseWriter, r *http.Request) {
	cs, err := n.Connections(r.Context())
	answer(w, cs, err)
}

// JournalLine is a fact as it is shown.
type JournalLine struct {
	store.Fact
	Hash string `json:"hash"`
}

func (n *Node) adminJournal(w http.ResponseWriter, r *http.Request) {
	first, err := strconv.ParseUint(or(r.URL.Query().Get("from"), "1"), 10, 64)
	if err != nil {
		answer(w, nil, fmt.Errorf("%w: from is a number", ErrInput))
		return
	}
	stream(w, func(send func(any) error) error {
		return n.Journal(r.Context(), first, func(f store.Fact) error { return send(JournalLine{f, f.Hash}) })
	})
}

func (n *Node) adminBackup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := n.Backup(r.Context(), w); err != nil {
		n.log.Error("backup failed", "err", err)
		panic(http.ErrAbortHandler) // a cut answer must not look like a whole one
	}
}
