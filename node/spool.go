package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// spoolPattern names the copy of a CSV file while its rows are issued. It holds
// addresses of people: it is removed at the end, or by [Open] after a crash.
const spoolPattern = "csv-*.spool"

// sweepSpool removes what a crash left; the store's lock says that no run is
// under way.
func sweepSpool(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, spoolPattern))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		return fmt.Errorf("removing the copy of a CSV file: %w", err)
	}
	return nil
}

// spool copies a CSV file into the data directory, mode 0600, since it is read
// twice. The error wraps [store.ErrNoSpace] when it would use up the reserve.
func (n *Node) spool(r io.Reader) (name string, err error) {
	f, err := os.CreateTemp(n.dir, spoolPattern)
	if err != nil {
		return "", fmt.Errorf("copying the CSV file: %w", noSpace(err))
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(fmt.Errorf("copying the CSV file: %w", noSpace(err)), os.Remove(f.Name()))
		}
	}()
	for {
		if err := n.room(); err != nil {
			return "", err
		}
		if _, err := io.CopyN(f, r, 1<<20); errors.Is(err, io.EOF) {
			return f.Name(), nil
		} else if err != nil {
			return "", err
		}
	}
}

func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %v; make room", store.ErrNoSpace, err)
	}
	return err
}

// room is nil when there is more space than the reserve. The error wraps
// [store.ErrNoSpace].
func (n *Node) room() error {
	s, err := n.db.Stats()
	if err != nil {
		return err
	}
	if s.Free < int64(n.set.Reserve)<<20 {
		return fmt.Errorf("%w: %d MiB are free and %d are kept in reserve; make room", store.ErrNoSpace, s.Free>>20, n.set.Reserve)
	}
	return nil
}

// errStopping ends a long run when the node stops; what is issued stays.
var errStopping = errors.New("the node is stopping: start it and give the same command again; nothing is issued twice")

// untilStop returns a context that ends with ctx, or when the node stops.
func (n *Node) untilStop(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-n.stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// adminCSV takes the file as the body, since the command may run elsewhere
// than in the node's directory, and tells progress line by line.
func (n *Node) adminCSV(w http.ResponseWriter, r *http.Request) {
	name, err := n.spool(r.Body)
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer func() {
		if err := os.Remove(name); err != nil {
			n.log.Error("the copy of a CSV file stays until the next start", "err", err)
		}
	}()
	ctx, done := n.untilStop(r.Context())
	defer done()
	stream(w, func(send func(any) error) error {
		var last time.Time // the first row is told at once: it carries the total
		res, err := n.IssueCSV(ctx, name, func(p Progress) {
			if time.Since(last) > 100*time.Millisecond {
				last = time.Now()
				if send(p) != nil {
					return // the command has gone; the run goes on to the end of its row
				}
			}
		})
		if err != nil && context.Cause(ctx) == errStopping {
			return errStopping
		}
		if err != nil {
			return err
		}
		return send(res)
	})
}
