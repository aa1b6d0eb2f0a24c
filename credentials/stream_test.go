package credentials_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

// What was taken over from the badges before hides no change: in a stream whose
// key, build, statements and rules are all known, a badge of which one byte is
// another, or one text is another badge's, is not valid.
func TestNoAlteredBadgeOfAStreamIsValid(t *testing.T) {
	w := newWorld(t)
	_, signed := w.stream(t, 100)
	valid := func(raw []byte) bool {
		return w.v.Report(t.Context(), raw, credentials.ReportOptions{}).Verdict == credentials.Valid
	}
	for i, raw := range signed {
		if !valid(raw) {
			t.Fatalf("badge %d is not valid", i)
		}
	}
	one, other := signed[98], signed[99]
	for i := range one {
		for _, bit := range []byte{1, 2, 0x20} {
			altered := bytes.Clone(one)
			altered[i] ^= bit
			if valid(altered) {
				t.Errorf("byte %d altered: valid: %s", i, altered)
			}
		}
	}
	a, b := strings.Split(string(one), `"`), strings.Split(string(other), `"`)
	swapped := 0
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		swapped++
		altered := append(append(append([]string(nil), a[:i]...), b[i]), a[i+1:]...)
		if valid([]byte(strings.Join(altered, `"`))) {
			t.Errorf("valid with %q of another badge", b[i])
		}
	}
	if len(a) != len(b) || swapped < 5 {
		t.Errorf("the badges of the stream differ in %d texts", swapped)
	}
	if !valid(one) || !valid(other) {
		t.Error("the badges themselves are no more valid")
	}
}
