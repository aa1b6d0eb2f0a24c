package node

import (
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
)

// after adds an ISO 8601 duration to a time, by the calendar. The empty
// duration gives the zero time: no end.
func after(t time.Time, duration string) (time.Time, error) {
	if duration == "" {
		return time.Time{}, nil
	}
	p, err := requirement.ParsePeriod(duration)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %v", ErrInput, err)
	}
	return p.After(t), nil
}
