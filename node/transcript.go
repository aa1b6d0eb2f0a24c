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
	var t transcript
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		t, err = n.transcript(tx, r.To)
		return err
	})
	switch {
	case err != nil:
		return TranscriptIssued{}, err
	case len(t.badges) == 0:
		return TranscriptIssued{}, fmt.Errorf("%w: %s holds no badge of this node; name a connection or a DID from `trustme node list`", ErrNotFound, r.To)
	case len(t.badges) > credentials.MaxRecords:
		return TranscriptIssued{}, fmt.Errorf("%w: %d badges; one transcript holds at most %d", ErrInput, len(t.badges), credentials.MaxRecords)
	}
	out := TranscriptIssued{ID: n.newURN(), Learner: t.learner, Badges: len(t.badges), Sent: t.connection.ID != ""}
	unsigned, err := n.unsignedTranscript(out.ID, t)
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
	out.Credential = v.Credential().Bytes()
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		if err := n.note(tx, "transcript.issued", map[string]any{"credential": out.ID, "badges": out.Badges}); err != nil || !out.Sent {
			return err
		}
		pair, err := t.connection.Pair()
		if err != nil {
			return err
		}
		return didcomm.Send(tx, pair, exchange.Transcript(out.ID, out.Credential))
	})
	if err == nil && out.Sent {
		n.wake(ctx, t.connection.ID)
	}
	return out, err
}

// transcript is what goes into one.
type transcript struct {
	learner    string
	connection exchange.Connection // zero for none
	badges     [][]byte
	ids        map[string]string // of the achievements that are held, by catalogue/slug
}

// transcript collects what a connection or a DID holds now.
func (n *Node) transcript(tx *store.Tx, to string) (transcript, error) {
	t := transcript{ids: map[string]string{}}
	for a, err := range awards.By(tx, "recipient", to) {
		if err != nil {
			return t, err
		}
		over, err := n.over(tx, a)
		if err != nil {
			return t, err
		}
		if over || a.Standing != Active || a.Recipient.DID == "" || t.learner != "" && t.learner != a.Recipient.DID {
			continue
		}
		raw, err := store.GetLarge(tx, credentialKey(a.ID))
		if errors.Is(err, store.ErrNotFound) {
			continue // offered, and not signed yet
		}
		if err != nil {
			return t, err
		}
		if a.Recipient.Connection != "" {
			switch got, err := exchange.Connections.Get(tx, a.Recipient.Connection); {
			case err == nil:
				t.connection = got
			case !errors.Is(err, store.ErrNotFound): // one that was removed leaves its badges
				return t, err
			}
		}
		t.learner, t.badges = a.Recipient.DID, append(t.badges, raw)
		t.ids[a.Catalogue+"/"+a.Achievement] = namedID(n, a)
	}
	return t, nil
}

// unsignedTranscript builds the record; the paths of the catalogues tell which
// of its achievements come before which (CLR 2.0, Association).
func (n *Node) unsignedTranscript(id string, t transcript) ([]byte, error) {
	seen := map[credentials.Association]bool{}
	var associations []credentials.Association
	for _, c := range n.catalogues() {
		for _, p := range c.Paths {
			for _, s := range p.Value.Steps {
				for _, before := range s.Value.After.Badges() {
					a := credentials.Association{Kind: "precedes", Source: t.ids[c.Slug+"/"+before], Target: t.ids[c.Slug+"/"+s.Key]}
					if a.Source != "" && a.Target != "" && !seen[a] {
						seen[a] = true
						associations = append(associations, a)
					}
				}
			}
		}
	}
	return credentials.BuildCLR(credentials.ClrDraft{ID: id, Name: "Transcript by " + n.set.Name, Issuer: credentials.Profile{ID: n.id.String(), Name: n.set.Name}, Subject: t.learner,
		From: n.second(), Partial: true, Credentials: t.badges, Associations: associations})
}

func (n *Node) adminLearning(mux *http.ServeMux) {
	handle(mux, "POST /learning", n.SignLearning)
	handle(mux, "POST /learning/countersign", n.CountersignLearning)
	handle(mux, "POST /transcripts", n.IssueTranscript)
	n.adminLearningShown(mux)
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
