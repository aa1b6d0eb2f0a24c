package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

// bothWays calls f with a client of h over a socket, as of a running node, and
// with one within the process, as of a stopped one.
func bothWays(t *testing.T, h http.Handler, f func(t *testing.T, c *Client)) {
	dir, err := os.MkdirTemp("", "n") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { srv.Close() })
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	t.Run("running", func(t *testing.T) {
		f(t, &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial}}})
	})
	t.Run("stopped", func(t *testing.T) { f(t, &Client{http: &http.Client{Transport: inProcess{h}}}) })
}

func TestAnErrorIsTheSameWhetherTheNodeRunsOrIsStopped(t *testing.T) {
	type failing struct {
		err error
		is  []error
	}
	var all []failing
	for _, k := range kinds {
		all = append(all, failing{fmt.Errorf("doing this: %w: and the fix", k.err), []error{k.err}})
	}
	all = append(all,
		failing{errors.New("the cable is cut"), nil},
		failing{errors.Join(fmt.Errorf("%w: no", ErrInput), fmt.Errorf("%w: full", store.ErrNoSpace)), []error{ErrInput}},
		failing{&CSVError{Rows: []RowError{{2, "no"}, {5, "neither"}}, Wrong: 7}, []error{ErrInput}},
	)
	mux := http.NewServeMux()
	handle(mux, "POST /fail", func(_ context.Context, i int) (int, error) { return 0, all[i].err })
	handle(mux, "POST /fine", func(_ context.Context, i int) (int, error) { return i, nil })
	mux.HandleFunc("POST /stream", func(w http.ResponseWriter, r *http.Request) {
		var i int
		if err := readRequest(r.Body, &i, maxRequest); err != nil {
			t.Error(err)
		}
		stream(w, func(send func(any) error) error { return errors.Join(send("a line"), all[i].err) })
	})
	bothWays(t, mux, func(t *testing.T, c *Client) {
		for i, want := range all {
			for _, way := range []string{"/fail", "/stream"} {
				var err error
				if way == "/fail" {
					err = c.call(t.Context(), http.MethodPost, way, i, new(int))
				} else {
					err = c.lines(t.Context(), http.MethodPost, way, i, func(json.RawMessage) error { return nil })
				}
				if err == nil || err.Error() != want.err.Error() {
					t.Errorf("%s: %v, want %v", way, err, want.err)
				}
				for _, k := range kinds {
					wanted := false
					for _, is := range want.is {
						wanted = wanted || is == k.err
					}
					if errors.Is(err, k.err) != wanted {
						t.Errorf("%s: %v is a %v: %v", way, err, k.err, !wanted)
					}
				}
			}
		}
		var same int
		if err := c.call(t.Context(), http.MethodPost, "/fine", 42, &same); err != nil || same != 42 {
			t.Errorf("%d, %v", same, err)
		}
		if err := c.call(t.Context(), http.MethodPost, "/fine", strings.Repeat("x", maxRequest), &same); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "shorten its texts") {
			t.Errorf("a request that is too long: %v", err)
		}
	})
}

// A backup that ends early is never taken for a whole one.
func TestABackupThatIsCutOffIsAnErrorBothWays(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	})
	bothWays(t, mux, func(t *testing.T, c *Client) {
		if err := c.Backup(t.Context(), io.Discard); !errors.Is(err, errCutOff) {
			t.Errorf("%v", err)
		}
	})
}
