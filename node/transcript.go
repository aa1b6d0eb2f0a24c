package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// TranscriptRequest asks for a transcript of what a learner holds of this node.
type TranscriptRequest struct {
	To string `json:"to"` // connection or DID
}

// TranscriptIssued is a transcript: a CLR 2.0 credential as a VC-JWT.
type TranscriptIssued struct {
	ID         string `json:"id"`
	Learner    string `json:"learner"`
	Badges     int    `json:"badges"`
	Credential []byte `json:"credential"`
	Sent       bool   `json:"sent"` // to the learner's wallet
}

// IssueTranscript signs a Comprehensive Learner Record 2.0 of the badges of
// this node that a learner holds now, each as it was signed, and hands it to
// the learner's wallet where there is a connection. It is a VC-JWT, since no
// package publishes the context that an embedded proof would rest on.
func (n *Node) IssueTranscript(ctx context.Context, r TranscriptRequest) (TranscriptIssued, error) {
	if r.To == "" { // badges by e-mail alone have no connection either
		return TranscriptIssued{}, fmt.Errorf("%w: to: name a connection or a DID from `trustme node list`", ErrInput)
	}
	var badges [][]byte
	var c exchange.Connection
	out := TranscriptIssued{ID: n.newURN()}
	ids := map[string]string{} // achievement by slug, of those that are held
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for a, err := range awards.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			mine := a.Recipient.DID != "" && (a.Recipient.DID == r.To || a.Recipient.Connection == r.To)
			over, err := n.over(tx, a)
			if err != nil {
				return err
			}
			if !mine || over || a.Standing != Active || out.Learner != "" && out.Learner != a.Recipient.DID {
				continue
			}
			raw, err := store.GetLarge(tx, credentialKey(a.ID))
			if errors.Is(err, store.ErrNotFound) {
				continue // offered, and not signed yet
			}
			if err != nil {
				return err
			}
			out.Learner = a.Recipient.DID
			if a.Recipient.Connection != "" {
				switch got, err := exchange.Connections.Get(tx, a.Recipient.Connection); {
				case err == nil:
					c = got
				case !errors.Is(err, store.ErrNotFound): // one that was removed leaves its badges
					return err
				}
			}
			badges = append(badges, raw)
			ids[a.Achievement] = catalogueID(n, a)
		}
		return nil
	})
	switch {
	case err != nil:
		return out, err
	case len(badges) == 0:
		return out, fmt.Errorf("%w: %s holds no badge of this node; name a connection or a DID from `trustme node list`", ErrNotFound, r.To)
	case len(badges) > credentials.MaxRecords:
		return out, fmt.Errorf("%w: %d badges; one transcript holds at most %d", ErrInput, len(badges), credentials.MaxRecords)
	}
	out.Badges = len(badges)
	unsigned, err := n.unsignedTranscript(out, badges, ids)
	if err != nil {
		return out, err
	}
	s, err := n.signer(ctx)
	if err != nil {
		return out, err
	}
	v, err := credentials.IssueJWT(ctx, n.party.Verifier, unsigned, s, n.now())
	if err != nil {
		return out, fmt.Errorf("issuing the transcript: %w", err)
	}
	out.Credential, out.Sent = v.Credential().Bytes(), c.ID != ""
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if err := n.note(tx, "transcript.issued", map[string]any{"credential": out.ID, "badges": out.Badges}); err != nil || !out.Sent {
			return err
		}
		pair, err := c.Pair()
		if err != nil {
			return err
		}
		return didcomm.Send(tx, pair, exchange.Transcript(out.ID, out.Credential))
	})
	if err == nil && out.Sent {
		n.wake(ctx, c.ID)
	}
	return out, err
}

// unsignedTranscript builds the record; the paths of the catalogues tell which
// of its achievements come before which (CLR 2.0, Association).
func (n *Node) unsignedTranscript(t TranscriptIssued, badges [][]byte, ids map[string]string) ([]byte, error) {
	seen := map[credentials.Association]bool{}
	var associations []credentials.Association
	for _, c := range n.catalogues() {
		for _, p := range c.Paths {
			for _, s := range p.Value.Steps {
				for _, before := range s.Value.After.Badges() {
					a := credentials.Association{Kind: "precedes", Source: ids[before], Target: ids[s.Key]}
					if a.Source != "" && a.Target != "" && !seen[a] {
						seen[a] = true
						associations = append(associations, a)
					}
				}
			}
		}
	}
	return credentials.BuildCLR(credentials.ClrDraft{ID: t.ID, Name: "Transcript by " + n.set.Name, Issuer: credentials.Profile{ID: n.id.String(), Name: n.set.Name}, Subject: t.Learner,
		From: n.second(), Partial: true, Credentials: badges, Associations: associations})
}

func (n *Node) adminLearning(mux *http.ServeMux) {
	handle(mux, "POST /learning", n.SignLearning)
	handle(mux, "POST /learning/countersign", n.CountersignLearning)
	handle(mux, "POST /transcripts", n.IssueTranscript)
	mux.HandleFunc("GET /learning", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Learnings(r.Context())
		answer(w, all, err)
	})
}

// SignLearning signs a learning agreement as home.
func (c *Client) SignLearning(ctx context.Context, r SignLearningRequest) (l LearningRecord, err error) {
	return l, c.call(ctx, http.MethodPost, "/learning", r, &l)
}

// CountersignLearning agrees to one as host.
func (c *Client) CountersignLearning(ctx context.Context, r CountersignLearningRequest) (l LearningRecord, err error) {
	return l, c.call(ctx, http.MethodPost, "/learning/countersign", r, &l)
}

// Learnings lists the learning agreements.
func (c *Client) Learnings(ctx context.Context) (all []LearningRecord, err error) {
	return all, c.call(ctx, http.MethodGet, "/learning", nil, &all)
}

// IssueTranscript signs a transcript for a learner.
func (c *Client) IssueTranscript(ctx context.Context, r TranscriptRequest) (t TranscriptIssued, err error) {
	return t, c.call(ctx, http.MethodPost, "/transcripts", r, &t)
}
