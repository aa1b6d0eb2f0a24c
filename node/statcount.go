package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
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
		if t[kind] == nil {
			t[kind] = maps.Clone(counts)
			continue
		}
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

// least is the smallest count there is of some kinds; 0 for none.
func (t tally) least(kinds ...string) (least int64) {
	for _, k := range kinds {
		if n := t.sum(k); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// counted is what is read of a fact. Members that are not here are ids.
type counted struct {
	Achievement, Partner, Route, Framework, Reason string

	Unmet, Kinds    []string // criteria that a review found not satisfied; kinds of evidence
	Credits         float64  // -1 for none
	Seconds         int64    // -1 for none
	Revision, Round int64
}

func (c *counted) read(body jsondoc.Value) {
	c.Credits, c.Seconds = -1, -1
	for name, v := range body.Members() {
		switch name {
		case "achievement":
			c.Achievement, _ = v.Text()
		case "partner":
			c.Partner, _ = v.Text()
		case "route":
			c.Route, _ = v.Text()
		case "framework":
			c.Framework, _ = v.Text()
		case "reason":
			c.Reason, _ = v.Text()
		case "unmet":
			c.Unmet = v.Texts()
		case "kinds":
			c.Kinds = v.Texts()
		case "revision":
			c.Revision, _ = v.Int()
		case "round":
			c.Round, _ = v.Int()
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

// kind is what a fact counts as. An application is counted once as submitted,
// by its first revision, and once as rejected, by its first decision; what its
// appeal came to is counted as that.
func (c counted) kind(fact string) string {
	switch {
	case fact == "application.submitted" && c.Revision > 1:
		return "application.resubmitted"
	case fact == "application.rejected" && c.Round > 0:
		return "application.rejected again"
	}
	return fact
}

// millionths is how finely credits are counted.
const millionths = 1_000_000

// count adds a fact.
func (t tally) count(f store.Fact) {
	var c counted
	if body, err := jsondoc.Parse(f.Body); err == nil { // a fact of another form is counted by its kind
		c.read(body)
		body.Release()
	}
	kind := c.kind(f.Kind)
	t.add(kind, c.Achievement, 1)
	if c.Route != "" {
		t.addOf(kind, " by route", c.Route, 1)
	}
	if c.Partner != "" {
		t.addOf(kind, " by partner", c.Partner, 1)
	}
	for _, m := range c.Unmet {
		t.add("criterion missed", c.Achievement+"#"+m, 1)
	}
	switch f.Kind {
	case "recognition.yes":
		if c.Credits >= 0 && c.Framework != "" {
			t.add("credits in", c.Partner+" "+c.Framework, int64(math.Round(millionths*c.Credits)))
			t.add("credits in of", c.Partner+" "+c.Framework, 1)
		}
	case "recognition.no":
		t.add("recognition.no by reason", c.Partner+" "+c.Reason, 1)
	case "award.held":
		if c.Seconds >= 0 {
			t.add("seconds to accept", spanOf(c.Seconds), 1)
		}
	case "application.submitted":
		for _, k := range c.Kinds {
			t.add("evidence kind", k, 1)
		}
	case "application.returned", "application.accepted", "application.rejected":
		if c.Seconds >= 0 {
			t.add("seconds to decide", spanOf(c.Seconds), 1)
		}
		if c.Round > 0 && f.Kind != "application.returned" {
			t.add("appeal decided", strings.TrimPrefix(f.Kind, "application."), 1)
		}
	}
}

// countRules is the version of what facts count as. Counts that were kept by
// another one are made anew.
const countRules = 2

var cursorKey = []byte("stat/cursor")

func dayKey(day string) []byte { return []byte("stat/day/" + day) }

// cursorOf reads a cursor; 0 is that of counts by other rules, and of none.
func cursorOf(raw []byte) uint64 {
	if len(raw) != 9 || raw[8] != countRules {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

// dropCounts removes what is kept of all days.
func dropCounts(tx *store.Tx) error {
	var keys [][]byte
	for rec, err := range tx.Scan(store.Range{Prefix: dayKey(""), KeysOnly: true}) {
		if err != nil {
			return err
		}
		if len(rec.Key) == len(dayKey(time.DateOnly)) { // else a part of one
			keys = append(keys, bytes.Clone(rec.Key))
		}
	}
	for _, key := range keys {
		if err := store.DeleteLarge(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// keepCounts adds counts of the facts after from up to last, unless that was
// done meanwhile. Counting that begins removes what is kept.
func (n *Node) keepCounts(ctx context.Context, from, last uint64, days dayCounts) error {
	return n.db.Update(ctx, func(tx *store.Tx) error {
		raw, err := tx.Get(cursorKey)
		if err := ignoreMissing(err); err != nil {
			return err
		}
		if cursorOf(raw) != from {
			return nil
		}
		if from == 0 {
			if err := dropCounts(tx); err != nil {
				return err
			}
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
		return tx.Put(cursorKey, append(binary.BigEndian.AppendUint64(nil, last), countRules))
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

// maxKeptDays bounds the days whose counts are kept in memory, about 2 KB each.
const maxKeptDays = 400

// keptDay is getDay from memory, where it was read before. The caller holds
// n.counting, under which alone days change.
func (n *Node) keptDay(tx *store.Tx, day string) (tally, error) {
	if t, ok := n.keptDays[day]; ok {
		return t, nil
	}
	t, err := getDay(tx, day)
	if err == nil {
		if n.keptDays == nil || len(n.keptDays) >= maxKeptDays {
			n.keptDays = map[string]tally{}
		}
		n.keptDays[day] = t
	}
	return t, err
}

// countsOf sums the days from since to until, both among them; zero for no end.
func (n *Node) countsOf(ctx context.Context, since, until time.Time) (tally, error) {
	n.counting.Lock()
	defer n.counting.Unlock()
	if err := n.countRest(ctx); err != nil {
		return nil, err
	}
	first, last := bound(since), bound(until)
	out := tally{}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		var days []string
		for rec, err := range tx.Scan(store.Range{Prefix: dayKey(""), KeysOnly: true}) {
			if err != nil {
				return err
			}
			day := strings.TrimPrefix(string(rec.Key), "stat/day/")
			if len(day) == len(time.DateOnly) && day >= first && (last == "" || day <= last) {
				days = append(days, day)
			}
		}
		for _, day := range days {
			t, err := n.keptDay(tx, day)
			if err != nil {
				return err
			}
			if issued := t.sum("award.issued"); issued > 0 {
				out.add("award.issued by month", day[:len("2006-01")], issued)
			}
			out.merge(t)
		}
		return nil
	})
}

// bound is the day of a time, "" for none.
func bound(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}
