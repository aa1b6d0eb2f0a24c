package main

import "testing"

// Names come from strangers, and a terminal obeys some of what is in them.
func TestWhatIsSaidMovesNoCursor(t *testing.T) {
	for in, want := range map[string]string{
		"Ana Lüthi\tEQF 4\nnext": "Ana Lüthi\tEQF 4\nnext",
		"\x1b[2Jvalid\r\x07":     "[2Jvalid",
		"\u009b31mred\x00":       "31mred",
	} {
		if got := tame(in); got != want {
			t.Errorf("%q was said as %q", in, got)
		}
	}
}
