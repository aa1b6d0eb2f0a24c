package application

import "testing"

// The rules of the tests want two reviewers for each criterion.
func TestAnApplicationSaysWhatItWaitsFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*Application)
		want string
	}{
		{"submitted", func(*Application) {}, "waits for 2 reviewers of 2"},
		{"one yes", func(a *Application) { review(t, a, rita, Review{Judged: all(true)}) }, "waits for 1 reviewer of 2; 1 review so far"},
		{"two yes", func(a *Application) {
			review(t, a, rita, Review{Judged: all(true)})
			review(t, a, rob, Review{Judged: all(true)})
		}, "waits for the signature of an operator who did not review it"},
		{"returned", func(a *Application) { review(t, a, rita, Review{Judged: all(false)}) }, "waits for the learner to hand it in again"},
		{"kept", func(a *Application) {
			review(t, a, rita, Review{Judged: all(true)})
			review(t, a, rob, Review{Judged: all(false)})
			keep(t, a)
		}, "kept open: waits for 2 reviewers, one more than the quorum of 2 to overrule; 2 reviews so far"},
		{"withdrawn", func(a *Application) {
			if err := a.Withdraw(noon); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		a := submitted(t)
		if tt.do(a); a.Waits(rules) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, a.Waits(rules), tt.want)
		}
	}
	if got := (&Application{State: Accepted}).Waits(Rules{Quorum: 1}); got != "waits for the signature of an operator" {
		t.Errorf("without four eyes: %q", got)
	}
}
