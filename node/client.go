package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/trust-me/trustme/internal/store"
)

// Client speaks to a node's administration, running or not.
type Client struct {
	http  *http.Client
	close func() error
	// Running says that another process serves the node.
	Running bool
}

// Connect reaches the node of a data directory: over its socket when it runs,
// else by opening the directory, which only one process can do.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	set, err := Effective(cfg.Dir, cfg.Settings)
	if err != nil {
		return nil, err
	}
	if c, err := net.Dial("unix", set.Admin); err == nil {
		if err := c.Close(); err != nil {
			return nil, err
		}
		t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", set.Admin)
		}}
		return &Client{http: &http.Client{Transport: t}, close: func() error { t.CloseIdleConnections(); return nil }, Running: true}, nil
	}
	n, err := Open(ctx, cfg)
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("%w; if it is a node that serves, it does not answer at %s: give the --admin (or TRUSTME_ADMIN) that it was started with", err, set.Admin)
	}
	if err != nil {
		return nil, err
	}
	return &Client{http: &http.Client{Transport: inProcess{n.AdminHandler()}}, close: n.Close}, nil
}

// Close releases the node.
func (c *Client) Close() error { return c.close() }

// inProcess serves a request without a network; the body is streamed.
type inProcess struct{ h http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	rec := &pipeWriter{head: http.Header{}, body: pw, ready: make(chan struct{})}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				rec.fail(fmt.Errorf("answer cut off"))
				return
			}
			rec.WriteHeader(http.StatusOK)
			rec.fail(nil)
		}()
		if r.Body == nil {
			r.Body = http.NoBody
		}
		t.h.ServeHTTP(rec, r)
	}()
	<-rec.ready
	resp := httptest.NewRecorder().Result()
	resp.StatusCode, resp.Header, resp.Body, resp.Request = rec.code, rec.head, pr, r
	return resp, nil
}

type pipeWriter struct {
	head  http.Header
	body  *io.PipeWriter
	code  int
	ready chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.head }
func (w *pipeWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
		close(w.ready)
	}
}
func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
func (w *pipeWriter) Flush() {}
func (w *pipeWriter) fail(err error) {
	w.WriteHeader(http.StatusInternalServerError)
	w.body.CloseWithError(err)
}

// call sends one request and decodes one answer.
func (c *Client) call(ctx context.Context, method, path string, q, a any) error {
	resp, err := c.send(ctx, method, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return readFailure(resp.Body)
	}
	return json.NewDecoder(resp.Body).Decode(a)
}

func (c *Client) send(ctx context.Context, method, path string, q any) (*http.Response, error) {
	var body io.Reader
	switch x := q.(type) {
	case nil:
	case io.Reader:
		body = x
	default:
		raw, err := json.Marshal(q)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the node does not answer: %w", err)
	}
	return resp, nil
}

// lines reads a stream of JSON lines; a line with the member error ends it.
func (c *Client) lines(ctx context.Context, method, path string, q any, each func(json.RawMessage) error) error {
	resp, err := c.send(ctx, method, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return readFailure(resp.Body)
	}
	dec := json.NewDecoder(resp.Body)
	for {
		var line json.RawMessage
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the node's answer was cut off: %w", err)
		}
		var f Failure
		if json.Unmarshal(line, &f) == nil && f.Message != "" && f.Kind != "" {
			return f.err()
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// Exists reports whether dir holds a node's settings or secret.
func Exists(dir string) bool {
	_, err := os.Stat(dir + "/secret.age")
	return err == nil
}
