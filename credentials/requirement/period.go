package requirement

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
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

// String returns the period as an xsd:duration, which knows no weeks.
func (p Period) String() string {
	var day, clock string
	add := func(to *string, n int, unit string) {
		if n > 0 {
			*to += strconv.Itoa(n) + unit
		}
	}
	add(&day, p.years, "Y")
	add(&day, p.months, "M")
	add(&day, p.days, "D")
	add(&clock, p.hours, "H")
	add(&clock, p.minutes, "M")
	if clock != "" {
		clock = "T" + clock
	} else if day == "" {
		clock = "T0H"
	}
	return "P" + day + clock
}

// Words returns the period for people, such as "12 hours" or "1 year 6 months".
func (p Period) Words() string {
	var out []string
	for _, part := range []struct {
		n    int
		unit string
	}{{p.years, "year"}, {p.months, "month"}, {p.days, "day"}, {p.hours, "hour"}, {p.minutes, "minute"}} {
		switch part.n {
		case 0:
		case 1:
			out = append(out, "1 "+part.unit)
		default:
			out = append(out, fmt.Sprintf("%d %ss", part.n, part.unit))
		}
	}
	if out == nil {
		return "no time"
	}
	return strings.Join(out, " ")
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
