package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/trust-me/trustme/internal/exchange"
)

// The verbs of an operator, as the node's own methods of the same names.

// Info tells who the node is and how it is.
func (c *Client) Info(ctx context.Context) (i Info, err error) {
	return i, c.call(ctx, http.MethodGet, "/info", nil, &i)
}

// Invite makes an invitation.
func (c *Client) Invite(ctx context.Context, r InviteRequest) (l InviteLink, err error) {
	return l, c.call(ctx, http.MethodPost, "/invitations", r, &l)
}

// Grant awards an achievement to one recipient.
func (c *Client) Grant(ctx context.Context, r GrantRequest) (g Granted, err error) {
	return g, c.call(ctx, http.MethodPost, "/awards", r, &g)
}

// SetStanding revokes, suspends or reinstates.
func (c *Client) SetStanding(ctx context.Context, r StandingRequest) (a Changed, err error) {
	return a, c.call(ctx, http.MethodPost, "/standing", r, &a)
}

// Ask makes a request for a presentation.
func (c *Client) Ask(ctx context.Context, r AskRequest) (a Asked, err error) {
	return a, c.call(ctx, http.MethodPost, "/asks", r, &a)
}

// AskStatus tells what came of a request.
func (c *Client) AskStatus(ctx context.Context, id string, again bool) (s AskStatus, err error) {
	path := "/asks/" + url.PathEscape(id)
	if again {
		path += "?again"
	}
	return s, c.call(ctx, http.MethodGet, path, nil, &s)
}

// Award returns one award with its credential.
func (c *Client) Award(ctx context.Context, id string) (a AwardWithBytes, err error) {
	return a, c.call(ctx, http.MethodGet, "/awards/"+url.PathEscape(id), nil, &a)
}

// Awards calls each with every award.
func (c *Client) Awards(ctx context.Context, achievement string, each func(Award) error) error {
	return c.lines(ctx, http.MethodGet, "/awards?achievement="+url.QueryEscape(achievement), nil, func(raw json.RawMessage) error {
		var a Award
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		return each(a)
	})
}

// Connections lists the peers.
func (c *Client) Connections(ctx context.Context) (cs []exchange.Connection, err error) {
	return cs, c.call(ctx, http.MethodGet, "/connections", nil, &cs)
}

// Journal calls each with every fact from the number first on.
func (c *Client) Journal(ctx context.Context, first uint64, each func(JournalLine) error) error {
	return c.lines(ctx, http.MethodGet, "/journal?from="+strconv.FormatUint(max(first, 1), 10), nil, func(raw json.RawMessage) error {
		var l JournalLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		return each(l)
	})
}

// IssueCSV grants every row of a CSV file.
func (c *Client) IssueCSV(ctx context.Context, file io.Reader, progress func(Progress)) (CSVResult, error) {
	var last CSVResult
	err := c.lines(ctx, http.MethodPost, "/csv", file, func(raw json.RawMessage) error {
		last = CSVResult{}
		if err := json.Unmarshal(raw, &last); err != nil {
			return err
		}
		progress(last.Progress)
		return nil
	})
	return last, err
}

// Rotate gives the node a new signing key, or withdraws an old one.
func (c *Client) Rotate(ctx context.Context, r RotateRequest) (k Rotated, err error) {
	return k, c.call(ctx, http.MethodPost, "/rotate", r, &k)
}

// Backup writes a consistent copy of the node to w while it runs. What came
// before an error is no backup.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, "/backup", nil)
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

// cutOff says of an answer that ends early the same in a running and a stopped
// node: the cause is in the log.
type cutOff struct{ io.Reader }

func (c cutOff) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errCutOff
	}
	return n, err
}

var errCutOff = errors.New("the node did not finish its answer; its log tells why")
