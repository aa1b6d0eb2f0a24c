package node

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var isoDuration = regexp.MustCompile(`^P(?:(\d+)W|(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)$`)

// after adds an ISO 8601 duration to a time, by the calendar. The empty
// duration gives the zero time: no end.
func after(t time.Time, duration string) (time.Time, error) {
	if duration == "" {
		return time.Time{}, nil
	}
	m := isoDuration.FindStringSubmatch(duration)
	if m == nil {
		return time.Time{}, fmt.Errorf("%w: %q is no ISO 8601 duration such as P1Y", ErrInput, duration)
	}
	n := make([]int, len(m))
	for i, s := range m[1:] {
		if s == "" {
			continue
		}
		v, err := strconv.Atoi(s)
		if err != nil || v > 10_000 {
			return time.Time{}, fmt.Errorf("%w: duration %q is out of range", ErrInput, duration)
		}
		n[i] = v
	}
	return t.AddDate(n[1], n[2], n[3]+7*n[0]).Add(time.Duration(n[4])*time.Hour + time.Duration(n[5])*time.Minute), nil
}
