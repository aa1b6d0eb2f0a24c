package node

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

// What happened is counted from the journal alone, by day, so that figures can
// be made anew at any time and name nobody. The counts of what was read are
// kept; a query reads only what came since.
//
//	stat/cursor          the last fact that is counted
//	stat/day/<day>       counts of that day

// tally counts facts: by kind, then by what the kind is told apart by.
type tally map[string]map[string]int64

func (t tally) add(kind, by string, n int64) {
	if t[kind] == nil {
		t[kind] = map[string]int64{}
	}
	t[kind][by] += n
}

// addOf is add for a kind that is told apart in more than one way; of names the
// way.
func (t tally) addOf(kind, of, by string, n int64) {
	if counts := t[kind+of]; counts != nil {
		counts[by] += n // the name was not put together for keeps, and costs nothing
		return
	}
	t.add(kind+of, by, n)
}

func (t tally) merge(o tally) {
	for kind, counts := range o {
		for by, n := range counts {
			t.add(kind, by, n)
		}
	}
}

// sum is the count of a kind, whatever it is told apart by.
func (t tally) sum(kind string) (n int64) {
	for _, c := range t[kind] {
		n += c
	}
	return n
}

// counted is what is read of a fact. Members that are not here are ids.
type counted struct {
	Achievement, Partner, Route string

	Unmet   []string // criteria that a review found not satisfied
	Credits float64
	Seconds int64 // -1 for none
}

func (c *counted) read(body jsondoc.Value) {
	c.Seconds = -1
	for name, v := range body.Members() {
		switch name {
		case "achievement":
			c.Achievement, _ = v.Text()
		case "partner":
			c.Partner, _ = v.Text()
		case "route":
			c.Route, _ = v.Text()
		case "unmet":
			c.Unmet = v.Texts()
		case "credits":
			if f, err := strconv.ParseFloat(string(v.Raw()), 64); err == nil {
				c.Credits = f
			}
		case "seconds":
			if n, ok := v.Int(); ok && n >= 0 {
				c.Seconds = n
			}
		}
	}
}

// count adds a fact.
func (t tally) count(f store.Fact) {
	var c counted
	if body, err := jsondoc.Parse(f.Body); err == nil { // a fact of another form is counted by its kind
		c.read(body)
		body.Release()
	}
	t.add(f.Kind, c.Achievement, 1)
	if c.Route != "" {
		t.addOf(f.Kind, " by route", c.Route, 1)
	}
	if c.Partner != "" {
		t.addOf(f.Kind, " by partner", c.Partner, 1)
	}
	if f.Kind == "recognition.yes" && c.Credits > 0 {
		t.add("credits recognised", c.Partner, int64(math.Round(100*c.Credits)))
	}
	for _, m := range c.Unmet {
		t.add("criterion missed", c.Achievement+"#"+m, 1)
	}
	if f.Kind == "award.held" && c.Seconds >= 0 {
		t.add("seconds to accept", spanOf(c.Seconds), 1)
	}
}

// spans are the times within which things happen, by which they are counted.
var spans = []struct {
	seconds int64
	name    string
}{{60, "1 minute"}, {600, "10 minutes"}, {3600, "1 hour"}, {6 * 3600, "6 hours"}, {86400, "1 day"}, {3 * 86400, "3 days"}, {7 * 86400, "7 days"}, {30 * 86400, "30 days"}}

const longer = "longer"

func spanOf(seconds int64) string {
	for _, s := range spans {
		if seconds <= s.seconds {
			return s.name
		}
	}
	return longer
}

// median returns the span within which half of what was counted happened.
func median(counts map[string]int64) string {
	var all, seen int64
	for _, n := range counts {
		all += n
	}
	if all == 0 {
		return ""
	}
	for _, s := range spans {
		if seen += counts[s.name]; 2*seen >= all {
			return s.name
		}
	}
	return longer
}

var cursorKey = []byte("stat/cursor")

func dayKey(day string) []byte { return []byte("stat/day/" + day) }

// keepCounts adds counts of the facts after from up to last, unless that was
// done meanwhile.
func (n *Node) keepCounts(ctx context.Context, from, last uint64, days dayCounts) error {
	return n.db.Update(ctx, func(tx *store.Tx) error {
		raw, err := tx.Get(cursorKey)
		if err := ignoreMissing(err); err != nil {
			return err
		}
		if at := uint64(0); len(raw) == 8 && binary.BigEndian.Uint64(raw) != from || len(raw) != 8 && from != at {
			return nil
		}
		for day, t := range days {
			kept, err := getDay(tx, day)
			if err != nil {
				return err
			}
			kept.merge(t)
			raw, err := json.Marshal(kept)
			if err != nil {
				return err
			}
			if err := store.PutLarge(tx, dayKey(day), raw); err != nil {
				return err
			}
		}
		return tx.Put(cursorKey, binary.BigEndian.AppendUint64(nil, last))
	})
}

func getDay(tx *store.Tx, day string) (tally, error) {
	t := tally{}
	raw, err := store.GetLarge(tx, dayKey(day))
	if errors.Is(err, store.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(raw, &t)
}

// countsSince sums the days from since on.
func (n *Node) countsSince(ctx context.Context, since time.Time) (tally, error) {
	if err := n.countUp(ctx); err != nil {
		return nil, err
	}
	out := tally{}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		var days []string
		for rec, err := range tx.Scan(store.Range{Prefix: []byte("stat/day/"), KeysOnly: true}) {
			if err != nil {
				return err
			}
			if day := strings.TrimPrefix(string(rec.Key), "stat/day/"); len(day) == len(time.DateOnly) && (since.IsZero() || day >= since.UTC().Format(time.DateOnly)) {
				days = append(days, day)
			}
		}
		for _, day := range days {
			t, err := getDay(tx, day)
			if err != nil {
				return err
			}
			out.merge(t)
		}
		return nil
	})
}
