package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/store"
)

// What happened is counted from the journal alone, by day, so that figures can
// be made anew at any time and name nobody. The counts of what was read are
// kept; a query reads only what came since.
//
//	stat/cursor          the last fact that is counted, and by which rules
//	stat/day/<day>       counts of that day

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
