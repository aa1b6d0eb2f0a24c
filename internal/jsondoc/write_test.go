package jsondoc

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClipKeepsWholeCharacters(t *testing.T) {
	for _, s := range []string{"short", strings.Repeat("é", 100), "x" + strings.Repeat("é", 100)} {
		if got := Clip(s); !utf8.ValidString(got) || len(got) > 80 || !strings.HasPrefix(s, strings.TrimSuffix(got, "...")) {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestStampIsInUTCToTheSecond(t *testing.T) {
	at := time.Date(2026, 11, 27, 9, 0, 0, 999, time.FixedZone("", 3600))
	if got := Stamp(at); got != "2026-11-27T08:00:00Z" {
		t.Error(got)
	}
	if got := Stamp(time.Time{}); got != "" {
		t.Error(got)
	}
}
