package node

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// A count is a sum, so it does not matter who counts what: the facts that are
// not counted yet are cut into pieces, one for each core, and each piece is
// read with its own hash chain, from the entry before it on.

// countPiece is how many facts one core counts in one go, and countLeast how
// many are worth a core of their own.
const (
	countPiece = 50_000
	countLeast = 2_000
)

// dayCounts are counts by day.
type dayCounts map[string]tally

func (d dayCounts) merge(o dayCounts) {
	for day, t := range o {
		if d[day] == nil {
			d[day] = t
		} else {
			d[day].merge(t)
		}
	}
}

// countUp counts the facts that are not counted yet.
func (n *Node) countUp(ctx context.Context) error {
	n.counting.Lock()
	defer n.counting.Unlock()
	return n.countRest(ctx)
}

// countRest is countUp for who holds n.counting.
func (n *Node) countRest(ctx context.Context) error {
	for {
		from, last, err := n.uncounted(ctx)
		if err != nil || from == last {
			return err
		}
		cores := runtime.GOMAXPROCS(0)
		last = min(last, from+uint64(cores)*countPiece)
		days, err := n.countFacts(ctx, from, last, min(cores, int(last-from)/countLeast+1))
		if err != nil {
			return err
		}
		n.keptDays = nil
		if err := n.keepCounts(ctx, from, last, days); err != nil {
			return err
		}
	}
}

// uncounted returns the last fact that is counted and the last there is.
func (n *Node) uncounted(ctx context.Context) (from, last uint64, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		raw, err := tx.Get(cursorKey)
		if err := ignoreMissing(err); err != nil {
			return err
		}
		from = cursorOf(raw)
		last, err = tx.LastFact()
		return err
	})
	return from, max(from, last), err
}

// countFacts counts the facts after from up to last, by that many at once.
func (n *Node) countFacts(ctx context.Context, from, last uint64, pieces int) (dayCounts, error) {
	counts, errs := make([]dayCounts, pieces), make([]error, pieces)
	var wg sync.WaitGroup
	for i := range pieces {
		start, end := from+(last-from)*uint64(i)/uint64(pieces), from+(last-from)*uint64(i+1)/uint64(pieces)
		wg.Go(func() { counts[i], errs[i] = n.countPiece(ctx, start, end) })
	}
	wg.Wait()
	all := dayCounts{}
	for i, c := range counts {
		if errs[i] != nil {
			return nil, errs[i] // the first in the order of the journal
		}
		all.merge(c)
	}
	return all, nil
}

// countPiece counts the facts after from up to last.
func (n *Node) countPiece(ctx context.Context, from, last uint64) (dayCounts, error) {
	days := dayCounts{}
	if from == last {
		return days, nil
	}
	return days, n.db.View(ctx, func(tx *store.Tx) error {
		var t tally
		var day int64 // of t, since 1970
		for f, err := range tx.Facts(from + 1) {
			if err != nil {
				return err
			}
			if d := f.Time.Unix() / 86400; t == nil || d != day {
				t, day = days.of(f.Time), d
			}
			t.count(f)
			if f.Seq == last {
				return ctx.Err()
			}
		}
		return errors.Join(ctx.Err(), &store.FactError{Seq: last, Err: store.ErrTruncated})
	})
}

// of returns the counts of the day of a time, UTC.
func (d dayCounts) of(at time.Time) tally {
	day := at.UTC().Format(time.DateOnly)
	if d[day] == nil {
		d[day] = tally{}
	}
	return d[day]
}
