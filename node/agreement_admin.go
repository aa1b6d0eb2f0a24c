package node

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trust-me/trustme/credentials/recognition"
)

func (n *Node) adminAgreements(mux *http.ServeMux) {
	handle(mux, "POST /agreements/draft", n.DraftAgreement)
	handle(mux, "POST /agreements/sign", n.SignAgreement)
	handle(mux, "POST /agreements/review", n.ReviewAgreement)
	handle(mux, "POST /agreements/countersign", n.Countersign)
	handle(mux, "POST /agreements/take", n.TakeAgreement)
	handle(mux, "POST /agreements/state", n.SetAgreement)
	mux.HandleFunc("GET /agreements", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Agreements(r.Context())
		answer(w, all, err)
	})
	mux.HandleFunc("GET /agreements/{id}", func(w http.ResponseWriter, r *http.Request) {
		a, err := n.AgreementBundle(r.Context(), r.PathValue("id"))
		answer(w, a, err)
	})
	mux.HandleFunc("POST /agreements/refresh", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.RefreshAgreements(r.Context(), "")
		answer(w, all, err)
	})
	handle(mux, "POST /recognise", n.Recognise)
}

// DraftAgreement proposes an agreement with a partner.
func (c *Client) DraftAgreement(ctx context.Context, r AgreementDraftRequest) (d AgreementDraft, err error) {
	return d, c.call(ctx, http.MethodPost, "/agreements/draft", r, &d)
}

// SignAgreement signs an agreement.
func (c *Client) SignAgreement(ctx context.Context, r SignAgreementRequest) (a SignedAgreement, err error) {
	return a, c.call(ctx, http.MethodPost, "/agreements/sign", r, &a)
}

// ReviewAgreement verifies a partner's agreement.
func (c *Client) ReviewAgreement(ctx context.Context, r TakeAgreementRequest) (s recognition.Statement, err error) {
	return s, c.call(ctx, http.MethodPost, "/agreements/review", r, &s)
}

// Countersign countersigns a partner's agreement.
func (c *Client) Countersign(ctx context.Context, r TakeAgreementRequest) (a SignedAgreement, err error) {
	return a, c.call(ctx, http.MethodPost, "/agreements/countersign", r, &a)
}

// TakeAgreement brings in a partner's countersignature.
func (c *Client) TakeAgreement(ctx context.Context, r TakeAgreementRequest) (a SignedAgreement, err error) {
	return a, c.call(ctx, http.MethodPost, "/agreements/take", r, &a)
}

// SetAgreement suspends, resumes or ends an agreement.
func (c *Client) SetAgreement(ctx context.Context, r SetAgreementRequest) (a SignedAgreement, err error) {
	return a, c.call(ctx, http.MethodPost, "/agreements/state", r, &a)
}

// Agreements lists the agreements.
func (c *Client) Agreements(ctx context.Context) (all []Agreement, err error) {
	return all, c.call(ctx, http.MethodGet, "/agreements", nil, &all)
}

// AgreementBundle returns one agreement with what is signed.
func (c *Client) AgreementBundle(ctx context.Context, id string) (a SignedAgreement, err error) {
	return a, c.call(ctx, http.MethodGet, "/agreements/"+url.PathEscape(id), nil, &a)
}

// RefreshAgreements asks partners for their countersignatures.
func (c *Client) RefreshAgreements(ctx context.Context) (all []SignedAgreement, err error) {
	return all, c.call(ctx, http.MethodPost, "/agreements/refresh", nil, &all)
}

// Recognise answers whether the node recognises a badge.
func (c *Client) Recognise(ctx context.Context, r RecogniseRequest) (a Recognised, err error) {
	return a, c.call(ctx, http.MethodPost, "/recognise", r, &a)
}
