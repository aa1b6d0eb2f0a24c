package requirement

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Period is a time by the calendar, such as a year: how long it is depends on
// when it begins.
type Period struct{ years, months, days, hours, minutes int }

var isoDuration = regexp.MustCompile(`^P(?:(\d+)W|(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)$`)

// ParsePeriod reads an ISO 8601 duration of whole units down to minutes, such
// as P1Y, P60D or PT5H.
func ParsePeriod(s string) (Period, error) {
	m := isoDuration.FindStringSubmatch(s)
	if m == nil || s == "P" || s[len(s)-1] == 'T' {
		return Period{}, fmt.Errorf("%q is no ISO 8601 duration such as P1Y, P60D or PT5H", s)
	}
	var n [6]int
	for i, part := range m[1:] {
		if part == "" {
			continue
		}
		v, err := strconv.Atoi(part)
		if err != nil || v > 10_000 {
			return Period{}, fmt.Errorf("duration %q is out of range", s)
		}
		n[i] = v
	}
	return Period{n[1], n[2], n[3] + 7*n[0], n[4], n[5]}, nil
}

// After returns the time a period after t.
func (p Period) After(t time.Time) time.Time {
	return t.AddDate(p.years, p.months, p.days).Add(time.Duration(p.hours)*time.Hour + time.Duration(p.minutes)*time.Minute)
}

// Length returns about how long the period is, a year having 365 days and a
// month 30.
func (p Period) Length() time.Duration {
	days := 365*p.years + 30*p.months + p.days
	return time.Duration(24*days+p.hours)*time.Hour + time.Duration(p.minutes)*time.Minute
}
