package node

import (
	"slices"
	"strconv"
)

const (
	perMinute = 60
	perHour   = 60 * perMinute
	perDay    = 24 * perHour
	perYear   = 365 * perDay
)

// spans are the times, in seconds, within which things happen: what took longer
// than one and up to the next is counted as the next. Beyond the last there is
// one for each year.
var spans = []int64{10, 30, perMinute, 2 * perMinute, 5 * perMinute, 10 * perMinute, 30 * perMinute, perHour, 2 * perHour, 6 * perHour, 12 * perHour,
	perDay, 2 * perDay, 3 * perDay, 7 * perDay, 14 * perDay, 30 * perDay, 60 * perDay, 90 * perDay, 180 * perDay, perYear}

// spanNames are the spans as they are counted by.
var spanNames = func() (names []string) {
	for _, s := range spans {
		names = append(names, strconv.FormatInt(s, 10))
	}
	return names
}()

// spanOf returns the span of so many seconds.
func spanOf(seconds int64) string {
	for i, s := range spans {
		if seconds <= s {
			return spanNames[i]
		}
	}
	return strconv.FormatInt((seconds-1)/perYear*perYear+perYear, 10)
}

// median returns the seconds within which half of what was counted by spans
// happened, and of how many that is so; 0 of 0 for none.
func median(counts map[string]int64) (seconds, of int64) {
	var all []int64
	for name, n := range counts {
		if s, err := strconv.ParseInt(name, 10, 64); err == nil {
			all = append(all, s)
			of += n
		}
	}
	slices.Sort(all)
	var seen int64
	for _, s := range all {
		if seen += counts[strconv.FormatInt(s, 10)]; 2*seen >= of {
			return s, of
		}
	}
	return 0, 0
}

// inWords tells seconds in the largest unit of which there are at least two, or
// that they are exactly one of.
func inWords(seconds int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{perDay, "day"}, {perHour, "hour"}, {perMinute, "minute"}} {
		if seconds == u.of || seconds >= 2*u.of {
			return plural(int(seconds/u.of), u.name)
		}
	}
	return plural(int(seconds), "second")
}
