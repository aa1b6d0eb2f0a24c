package node

import (
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

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
