package node

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/trust-me/trustme/internal/application"
)

// Applications calls each with every application, or those in a state.
func (c *Client) Applications(ctx context.Context, state string, each func(ApplicationLine) error) error {
	return c.lines(ctx, http.MethodGet, "/applications?state="+url.QueryEscape(state), nil, func(raw json.RawMessage) error {
		var a ApplicationLine
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		return each(a)
	})
}

// Application returns one application.
func (c *Client) Application(ctx context.Context, id string) (a application.Application, err error) {
	return a, c.call(ctx, http.MethodGet, "/applications/"+url.PathEscape(id), nil, &a)
}

// DecideApplication issues, rejects or keeps an application.
func (c *Client) DecideApplication(ctx context.Context, d ApplicationDecision) (a application.Application, err error) {
	return a, c.call(ctx, http.MethodPost, "/applications/decision", d, &a)
}

// Review returns a review as it was signed.
func (c *Client) Review(ctx context.Context, application, review string) (s SignedReview, err error) {
	return s, c.call(ctx, http.MethodGet, "/applications/"+url.PathEscape(application)+"/reviews/"+url.PathEscape(review), nil, &s)
}

// Evidence writes an item of evidence to w. What came before an error is not
// whole.
func (c *Client) Evidence(ctx context.Context, application string, number int, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, "/applications/"+url.PathEscape(application)+"/evidence/"+strconv.Itoa(number), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return readFailure(resp.Body)
	}
	_, err = io.Copy(w, cutOff{resp.Body})
	return err
}

// SetRole gives or takes a role.
func (c *Client) SetRole(ctx context.Context, r RoleRequest) (out Roles, err error) {
	return out, c.call(ctx, http.MethodPost, "/roles", r, &out)
}

// Roles lists the connections that have a role.
func (c *Client) Roles(ctx context.Context) (out []Roles, err error) {
	return out, c.call(ctx, http.MethodGet, "/roles", nil, &out)
}

// ClaimCode makes a claim code.
func (c *Client) ClaimCode(ctx context.Context, r ClaimCodeRequest) (l InviteLink, err error) {
	return l, c.call(ctx, http.MethodPost, "/claim-codes", r, &l)
}

// RecordEvent records an outside fact and gives what it earns.
func (c *Client) RecordEvent(ctx context.Context, r EventRequest) (out EventResult, err error) {
	return out, c.call(ctx, http.MethodPost, "/events", r, &out)
}
