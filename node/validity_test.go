package node

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A badge that is valid for two years (Badge Issuer, P2Y) is so from the day of
// its award; a renewal counts from its own.
func TestValidityCountsFromTheDayOfTheAward(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	var held Award
	for _, tt := range []struct {
		name           string
		badge          string
		awarded, until time.Time
		want           time.Time
		refusal        string
	}{
		{name: "today", badge: "issuer", want: now.AddDate(2, 0, 0)},
		{name: "an old date", badge: "issuer", awarded: day(2025, 12, 10), want: day(2027, 12, 10)},
		{name: "over", badge: "issuer", awarded: day(2024, 11, 26), refusal: "awarded on 2024-11-26, issuer is over: it is valid for P2Y, and ended on 2026-11-26; give another end"},
		{name: "over, with an end", badge: "issuer", awarded: day(2024, 11, 26), until: day(2027, 1, 1), want: day(2027, 1, 1)},
		{name: "without an end", badge: "basics", awarded: day(2001, 1, 1)},
	} {
		g, err := n.Grant(t.Context(), GrantRequest{Achievement: tt.badge, Level: map[string]int{"issuer": 2}[tt.badge], To: Recipient{DID: ana}, Key: tt.name, Awarded: tt.awarded, ValidUntil: tt.until})
		switch {
		case tt.refusal != "" && (!errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tt.refusal)):
			t.Errorf("%s: %v", tt.name, err)
		case tt.refusal == "" && (err != nil || !g.Award.ValidUntil.Equal(tt.want)):
			t.Errorf("%s: until %s, %v; want %s", tt.name, g.Award.ValidUntil, err, tt.want)
		}
		if tt.name == "an old date" {
			held = g.Award
		}
	}
	now = day(2027, 12, 1)
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g, err := n.Renew(t.Context(), RenewRequest{ID: held.ID}); err != nil || !g.Award.ValidUntil.Equal(now.AddDate(2, 0, 0)) || !g.Award.Awarded.Equal(held.Awarded) {
		t.Errorf("renewed: %+v, %v", g.Award, err)
	}
}
