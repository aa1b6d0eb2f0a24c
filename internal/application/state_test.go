package application

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	ana   = Person{DID: "did:key:ana", Connection: "c-ana"}
	rita  = Person{DID: "did:key:rita", Connection: "c-rita"}
	rob   = Person{DID: "did:key:rob", Connection: "c-rob"}
	ruth  = Person{DID: "did:key:ruth", Connection: "c-ruth"}
	otto  = Person{DID: "did:key:otto", Connection: "c-otto"}
	rules = Rules{Criteria: []string{"lint", "align"}, Quorum: 2, FourEyes: true}
)

const day = 24 * time.Hour

// submitted is an application whose first revision counts.
func submitted(t testing.TB) *Application {
	t.Helper()
	a := &Application{ID: "a1", Applicant: ana, State: Draft}
	if err := a.Begin(Submission{Revision: 1}, noon); err != nil {
		t.Fatal(err)
	}
	if err := a.Submit(noon); err != nil {
		t.Fatal(err)
	}
	return a
}

func all(yes bool) []Judged {
	return []Judged{{"lint", yes, "look again"}, {"align", true, ""}}
}

// review takes and decides, and must succeed.
func review(t testing.TB, a *Application, by Person, r Review) {
	t.Helper()
	if err := a.Take(by, day, noon); err != nil {
		t.Fatal(err)
	}
	if err := decide(a, by, r); err != nil {
		t.Fatal(err)
	}
}

func decide(a *Application, by Person, r Review) error {
	r.ID, r.By, r.Revision, r.Round = fmt.Sprint(by.DID, a.Now.Revision, a.Round), by, a.Now.Revision, a.Round
	return a.Decide(r, rules, noon)
}

// Every guard, violated once in an application that else would pass.
func TestEachGuardRefusesWithAWayOut(t *testing.T) {
	accepted := func(a *Application) {
		review(t, a, rita, Review{Judged: all(true)})
		review(t, a, rob, Review{Judged: all(true)})
	}
	returned := func(a *Application) { review(t, a, rita, Review{Judged: all(false)}) }
	rejected := func(a *Application) {
		if err := a.Reject("not your work", noon); err != nil {
			t.Fatal(err)
		}
	}
	appealed := func(a *Application) {
		review(t, a, rita, Review{Judged: all(true)})
		rejected(a)
		if err := a.AppealFor("it is", noon); err != nil {
			t.Fatal(err)
		}
	}
	take := func(by Person) func(*Application) error {
		return func(a *Application) error { return a.Take(by, day, noon) }
	}
	taken := func(a *Application) {
		if err := a.Take(rita, day, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		with func(*Application)
		do   func(*Application) error
		want Refusal
	}{
		{"handed in while submitted", nil, func(a *Application) error { return a.Begin(Submission{Revision: 2}, noon) }, "the application is submitted; only one that was returned is handed in again"},
		{"a revision left out", returned, func(a *Application) error { return a.Begin(Submission{Revision: 3}, noon) }, "this would be revision 3, and the next is 2; look at it again: trustme wallet applications show a1"},
		{"submitted without files", returned, func(a *Application) error { return a.Submit(noon) }, "files of the application are missing"},
		{"taken by the applicant", nil, take(ana), "this is your own application; another person reviews it"},
		{"taken by the applicant under another key", nil, take(Person{DID: "did:key:other", Connection: ana.Connection}), "this is your own application; another person reviews it"},
		{"taken by the applicant over another connection", nil, take(Person{DID: ana.DID, Connection: "c-other"}), "this is your own application; another person reviews it"},
		{"taken while another has it", taken, take(rob), "another reviewer has taken it until 2026-11-28T12:00:00Z; take another one, or come back then"},
		{"taken when accepted", accepted, take(ruth), "the application is accepted; there is nothing to review"},
		{"taken again by who reviewed", func(a *Application) { review(t, a, rita, Review{Judged: all(true)}) }, take(rita), "you reviewed this revision already; another reviewer decides with you"},
		{"an appeal taken by who reviewed before", appealed, take(rita), "you reviewed this application before; its appeal goes to other reviewers"},
		{"decided without taking", nil, func(a *Application) error { return decide(a, rita, Review{Judged: all(true)}) }, "take it first: trustme wallet review take a1"},
		{"decided while another has it", taken, func(a *Application) error { return decide(a, rob, Review{Judged: all(true)}) }, "another reviewer has taken it until 2026-11-28T12:00:00Z; take another one, or come back then"},
		{"decided about an older revision", taken, func(a *Application) error {
			return a.Decide(Review{ID: "r", By: rita, Revision: 0, Judged: all(true)}, rules, noon)
		}, "the application has changed meanwhile: it is revision 1; look at it again"},
		{"a criterion not judged", taken, func(a *Application) error { return decide(a, rita, Review{Judged: all(true)[:1]}) }, "the criterion align is not judged; say yes or no"},
		{"a criterion judged twice", taken, func(a *Application) error {
			return decide(a, rita, Review{Judged: append(all(true), all(true)...)})
		}, "the criterion lint is judged twice"},
		{"a criterion that is none", taken, func(a *Application) error { return decide(a, rita, Review{Judged: []Judged{{"style", true, ""}}}) }, `there is no criterion "style"; there are: lint, align`},
		{"a no without a word", taken, func(a *Application) error {
			return decide(a, rita, Review{Judged: []Judged{{"lint", false, ""}, {"align", true, ""}}})
		}, "say what is missing for the criterion lint, so that the learner can act on it"},
		{"rejected without a reason", nil, func(a *Application) error { return a.Reject("", noon) }, "give a reason; the learner is told it"},
		{"rejected twice", rejected, func(a *Application) error { return a.Reject("again", noon) }, "the application is rejected already"},
		{"kept open when accepted", accepted, func(a *Application) error { return a.Keep(rules, noon) }, "the application is accepted; there is nothing to keep open"},
		{"rejected before another reviewer heard the appeal", appealed, func(a *Application) error { return a.Reject("still no", noon) }, "the learner appealed, and no other reviewer has decided since; let one take it: trustme wallet review take a1"},
		{"appealed when returned", returned, func(a *Application) error { return a.AppealFor("why", noon) }, "the application is returned; only one that was rejected is appealed"},
		{"appealed without a reason", rejected, func(a *Application) error { return a.AppealFor("", noon) }, "say why you appeal; the other reviewers read it"},
		{"appealed twice", func(a *Application) { appealed(a); review(t, a, rob, Review{Judged: all(true)}); rejected(a) }, func(a *Application) error { return a.AppealFor("again", noon) }, "an appeal is made once, and it was; you may apply anew with other evidence"},
		{"withdrawn when rejected", rejected, func(a *Application) error { return a.Withdraw(noon) }, "the application is rejected; there is nothing to withdraw"},
		{"withdrawn when issued", func(a *Application) { a.Sign(&otto, "urn:x", noon) }, func(a *Application) error { return a.Withdraw(noon) }, "the application is issued; there is nothing to withdraw"},
		{"signed before it is accepted", nil, func(a *Application) error { return a.MaySign(otto, rules) }, "the application is submitted; only an accepted one is signed"},
		{"signed by a reviewer", accepted, func(a *Application) error { return a.MaySign(rob, rules) }, "you reviewed this application, another person must sign"},
		{"signed by the applicant", accepted, func(a *Application) error { return a.MaySign(ana, rules) }, "this is your own application; another person must sign"},
	} {
		a := submitted(t)
		if tt.with != nil {
			tt.with(a)
		}
		before := fmt.Sprintf("%+v", *a)
		err := tt.do(a)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if after := fmt.Sprintf("%+v", *a); after != before {
			t.Errorf("%s: half done:\n%s\n%s", tt.name, before, after)
		}
	}
}

func TestReviewsDecideByQuorumAndOverruleByOneMore(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(a *Application)
		want State
	}{
		{"one of two", func(a *Application) { review(t, a, rita, Review{Judged: all(true)}) }, InReview},
		{"two of two", func(a *Application) {
			review(t, a, rita, Review{Judged: all(true)})
			review(t, a, rob, Review{Judged: all(true)})
		}, Accepted},
		{"a no returns it", func(a *Application) {
			review(t, a, rita, Review{Judged: all(true)})
			review(t, a, rob, Review{Judged: all(false)})
		}, Returned},
		{"a rejection of one of two waits for another", func(a *Application) { review(t, a, rita, Review{Reject: "copied"}) }, InReview},
		{"two reject", func(a *Application) {
			review(t, a, rita, Review{Reject: "copied"})
			review(t, a, rob, Review{Reject: "copied, indeed"})
		}, Rejected},
		{"kept open, the quorum does not overrule", func(a *Application) {
			keep(t, a)
			review(t, a, rita, Review{Judged: all(false)})
			review(t, a, rob, Review{Judged: all(true)})
			review(t, a, ruth, Review{Judged: all(true)})
		}, InReview},
		{"kept open, one more than the quorum does", func(a *Application) {
			review(t, a, rita, Review{Judged: all(false)})
			keep(t, a) // after it was returned
			review(t, a, rob, Review{Judged: all(true)})
			review(t, a, ruth, Review{Judged: all(true)})
			review(t, a, otto, Review{Judged: all(true)})
		}, Accepted},
		{"a new revision is judged anew", func(a *Application) {
			review(t, a, rita, Review{Judged: all(true)})
			review(t, a, rob, Review{Judged: all(false)})
			again(t, a)
			review(t, a, rob, Review{Judged: all(true)})
		}, InReview},
		{"an appeal is judged anew", func(a *Application) {
			review(t, a, rita, Review{Reject: "copied"})
			review(t, a, rob, Review{Reject: "copied"})
			if err := a.AppealFor("it is mine", noon); err != nil {
				t.Fatal(err)
			}
			review(t, a, ruth, Review{Judged: all(true)})
			review(t, a, otto, Review{Judged: all(true)})
		}, Accepted},
	} {
		a := submitted(t)
		if tt.do(a); a.State != tt.want {
			t.Errorf("%s: %s, %s", tt.name, a.State, a.Reason)
		}
	}
}

func keep(t testing.TB, a *Application) {
	t.Helper()
	if err := a.Keep(rules, noon); err != nil {
		t.Fatal(err)
	}
}

func again(t testing.TB, a *Application) {
	t.Helper()
	if err := errors.Join(a.Begin(Submission{Revision: a.Now.Revision + 1}, noon), a.Submit(noon)); err != nil {
		t.Fatal(err)
	}
}

func TestALeaseThatIsOverLetsAnotherTake(t *testing.T) {
	a := submitted(t)
	if err := a.Take(rita, day, noon); err != nil {
		t.Fatal(err)
	}
	if err := a.Take(rob, day, noon.Add(day)); err != nil {
		t.Error(err)
	}
	if err := decide(a, rita, Review{Judged: all(true)}); err == nil {
		t.Error("who lost the lease decided")
	}
}

func TestTheSameReviewTwiceCountsOnce(t *testing.T) {
	a := submitted(t)
	review(t, a, rita, Review{Judged: all(true)})
	if err := decide(a, rita, Review{Judged: all(true)}); err != nil || len(a.Reviews) != 1 {
		t.Errorf("%v, %d reviews", err, len(a.Reviews))
	}
}

// Whatever people try, in whatever order: an application is accepted only with
// two yes of different people who are not the applicant, and nothing follows
// what is final.
func TestNoOrderOfStepsBreaksTheRules(t *testing.T) {
	people := []Person{ana, rita, rob, ruth, otto}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		a := submitted(t)
		for range 30 {
			before := *a
			by := people[r.IntN(len(people))]
			step(a, by, r)
			if (before.State == Issued || before.State == Withdrawn) && a.State != before.State {
				t.Fatalf("seed %d: %s became %s", seed, before.State, a.State)
			}
			if a.State == Accepted && before.State != Accepted {
				holdsAcceptance(t, seed, a)
			}
			if a.State == Issued && (a.Signer == nil || a.Signer.Is(ana) || slices.ContainsFunc(a.Reviews, func(v Review) bool { return v.By.Is(*a.Signer) })) {
				t.Fatalf("seed %d: signed by %v", seed, a.Signer)
			}
		}
	}
}

// step lets somebody try something; what is refused is no matter here.
func step(a *Application, by Person, r *rand.Rand) {
	switch r.IntN(9) {
	case 0, 1:
		_ = a.Take(by, day, noon)
	case 2, 3:
		_ = decide(a, by, Review{Judged: all(r.IntN(4) > 0)})
	case 4:
		_ = decide(a, by, Review{Reject: "no"})
	case 5:
		if a.Begin(Submission{Revision: a.Now.Revision + 1}, noon) == nil {
			_ = a.Submit(noon)
		}
	case 6:
		if a.MaySign(by, rules) == nil {
			a.Sign(&by, "urn:x", noon)
		}
	case 7:
		_ = a.AppealFor("why", noon)
	case 8:
		if r.IntN(8) == 0 {
			_ = a.Withdraw(noon)
		} else if r.IntN(2) == 0 {
			_ = a.Keep(rules, noon)
		}
	}
}

func holdsAcceptance(t *testing.T, seed uint64, a *Application) {
	t.Helper()
	for _, c := range rules.Criteria {
		yes, no := map[string]bool{}, 0
		for _, v := range a.Reviews {
			if v.Revision != a.Now.Revision || v.Round != a.Round {
				continue
			}
			for _, j := range v.Judged {
				if j.Criterion == c && j.Satisfied {
					yes[v.By.DID] = true
				}
				if j.Criterion == c && !j.Satisfied {
					no++
				}
			}
		}
		if want := rules.Quorum + min(no, 1); len(yes) < want || yes[ana.DID] {
			t.Fatalf("seed %d: criterion %s was accepted by %v against %d", seed, c, yes, no)
		}
	}
}
