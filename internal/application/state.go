package application

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Refusal is a definite no, in a sentence that says the way out.
type Refusal string

func (r Refusal) Error() string { return string(r) }

func refusef(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// State is how far an application has come.
type State string

// The states of an application. Draft: its files are on their way. The last
// two, and Rejected after its appeal, are final.
const (
	Draft     State = "draft"
	Submitted State = "submitted"
	InReview  State = "in-review"
	Returned  State = "returned"
	Accepted  State = "accepted"
	Rejected  State = "rejected"
	Issued    State = "issued"
	Withdrawn State = "withdrawn"
)

// States are all of them, in the order in which an application meets them.
var States = []State{Draft, Submitted, InReview, Returned, Accepted, Rejected, Issued, Withdrawn}

// Open reports whether something may still become of it without an appeal.
func (s State) Open() bool {
	return !slices.Contains([]State{Rejected, Issued, Withdrawn}, s)
}

// Person is somebody who acts: the key they proved, and the connection over
// which they came. Two are the same person when either is the same.
type Person struct {
	DID        string `json:"did,omitempty"`
	Connection string `json:"connection,omitempty"`
}

// Is reports whether two are the same person.
func (p Person) Is(q Person) bool {
	return p.DID != "" && p.DID == q.DID || p.Connection != "" && p.Connection == q.Connection
}

// Judged is what a reviewer says about one criterion.
type Judged struct {
	Criterion string `json:"criterion"`
	Satisfied bool   `json:"satisfied"`
	Comment   string `json:"comment,omitempty"`
}

// Review is one reviewer's decision about one revision. Reject, when not
// empty, is the reason to reject the application as a whole. Round counts
// appeals.
type Review struct {
	ID       string    `json:"id"` // of the signed credential
	By       Person    `json:"by"`
	Revision int       `json:"revision"`
	Round    int       `json:"round"`
	Judged   []Judged  `json:"judged"`
	Comment  string    `json:"comment,omitempty"`
	Reject   string    `json:"reject,omitempty"`
	At       time.Time `json:"at"`
}

// Unmet returns the criteria that the reviewer found not satisfied.
func (r Review) Unmet() []string {
	out := []string{}
	for _, j := range r.Judged {
		if !j.Satisfied {
			out = append(out, j.Criterion)
		}
	}
	return out
}

// Lease is who reviews an application at present, until when.
type Lease struct {
	By    Person    `json:"by,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Rules are what an achievement says about its review.
type Rules struct {
	Criteria []string
	Quorum   int
	FourEyes bool
}

// Application is the partner's record of one application. Pending is a
// submission whose files are on their way; Now is the one that counts. Kept
// says that an operator keeps the revision open against a criterion that was
// found not satisfied.
type Application struct {
	ID        string      `json:"id"`
	Applicant Person      `json:"applicant"`
	Catalogue string      `json:"catalogue"`
	Slug      string      `json:"achievement"`
	Name      string      `json:"name"`
	State     State       `json:"state"`
	Reason    string      `json:"reason,omitempty"`
	Now       Submission  `json:"now"`
	Pending   *Submission `json:"pending,omitempty"`
	Via       string      `json:"via,omitempty"`    // id of the message that brought Pending
	Stored    []string    `json:"stored,omitempty"` // digests of the files that are here
	Lease     Lease       `json:"lease,omitzero"`
	Reviews   []Review    `json:"reviews,omitempty"`
	Round     int         `json:"round,omitempty"`
	Appeal    string      `json:"appeal,omitempty"` // why the learner appealed
	Kept      bool        `json:"kept,omitempty"`
	Signer    *Person     `json:"signer,omitempty"`
	Award     string      `json:"award,omitempty"`
	Told      int         `json:"told"` // messages about its progress
	Created   time.Time   `json:"created"`
	Handed    time.Time   `json:"handed,omitzero"` // in for review: this revision, or the appeal
	Updated   time.Time   `json:"updated"`
}

// Begin takes in a submission whose files may still be on their way: the first
// one, or the next revision of one that was returned.
func (a *Application) Begin(s Submission, now time.Time) error {
	switch {
	case a.State != Draft && a.State != Returned:
		return refusef("the application is %s; only one that was returned is handed in again", a.State)
	case s.Revision != a.Now.Revision+1:
		return refusef("this would be revision %d, and the next is %d; look at it again: trustme wallet applications show %s", s.Revision, a.Now.Revision+1, a.ID)
	}
	a.Pending, a.Updated = &s, now
	return nil
}

// Missing returns the files of the pending submission that are not here yet.
func (a *Application) Missing() (out []Evidence) {
	if a.Pending == nil {
		return nil
	}
	for _, e := range a.Pending.Evidence {
		if e.Kind == File && !slices.Contains(a.Stored, e.Digest) && !slices.ContainsFunc(out, func(o Evidence) bool { return o.Digest == e.Digest }) {
			out = append(out, e)
		}
	}
	return out
}

// Submit makes the pending submission the one that counts, once its files are
// here.
func (a *Application) Submit(now time.Time) error {
	if a.Pending == nil || len(a.Missing()) > 0 {
		return refusef("files of the application are missing")
	}
	a.Now, a.Pending = *a.Pending, nil
	a.State, a.Reason, a.Lease, a.Kept, a.Handed, a.Updated = Submitted, "", Lease{}, false, now, now
	return nil
}

// Drop forgets the pending submission, such as one whose file is not what it
// claims. It reports whether nothing is left of the application.
func (a *Application) Drop(reason string, now time.Time) (gone bool) {
	a.Pending, a.Reason, a.Updated = nil, reason, now
	return a.State == Draft
}

// Take leases the application to a reviewer.
func (a *Application) Take(by Person, lease time.Duration, now time.Time) error {
	if err := a.mayReview(by); err != nil {
		return err
	}
	if a.Lease.By != (Person{}) && !a.Lease.By.Is(by) && now.Before(a.Lease.Until) {
		return refusef("another reviewer has taken it until %s; take another one, or come back then", a.Lease.Until.UTC().Format(time.RFC3339))
	}
	a.State, a.Lease, a.Updated = InReview, Lease{by, now.Add(lease)}, now
	return nil
}

func (a *Application) mayReview(by Person) error {
	if a.State != Submitted && a.State != InReview {
		return refusef("the application is %s; there is nothing to review", a.State)
	}
	if a.Applicant.Is(by) {
		return refusef("this is your own application; another person reviews it")
	}
	for _, r := range a.Reviews {
		switch {
		case !r.By.Is(by):
		case r.Revision == a.Now.Revision && r.Round == a.Round:
			return refusef("you reviewed this revision already; another reviewer decides with you")
		case a.Round > 0 && r.Round < a.Round:
			return refusef("you reviewed this application before; its appeal goes to other reviewers")
		}
	}
	return nil
}

// Decide takes in a review by who has taken the application, and moves it on.
func (a *Application) Decide(r Review, rules Rules, now time.Time) error {
	for _, old := range a.Reviews {
		if old.ID == r.ID {
			return nil // recorded already
		}
	}
	if err := a.mayReview(r.By); err != nil {
		return err
	}
	switch {
	case !a.Lease.By.Is(r.By) && now.Before(a.Lease.Until):
		return refusef("another reviewer has taken it until %s; take another one, or come back then", a.Lease.Until.UTC().Format(time.RFC3339))
	case !a.Lease.By.Is(r.By):
		return refusef("take it first: trustme wallet review take %s", a.ID)
	case r.Revision != a.Now.Revision || r.Round != a.Round:
		return refusef("the application has changed meanwhile: it is revision %d; look at it again", a.Now.Revision)
	}
	if err := rules.check(r); err != nil {
		return err
	}
	a.Reviews = append(a.Reviews, r)
	a.Lease, a.Updated = Lease{}, now
	a.weigh(rules)
	return nil
}

// check wants every criterion judged, once, and a word about what is missing.
func (rules Rules) check(r Review) error {
	seen := map[string]bool{}
	for _, j := range r.Judged {
		switch {
		case !slices.Contains(rules.Criteria, j.Criterion):
			return refusef("there is no criterion %q; there are: %s", j.Criterion, strings.Join(rules.Criteria, ", "))
		case seen[j.Criterion]:
			return refusef("the criterion %s is judged twice", j.Criterion)
		case !j.Satisfied && j.Comment == "" && r.Reject == "":
			return refusef("say what is missing for the criterion %s, so that the learner can act on it", j.Criterion)
		}
		seen[j.Criterion] = true
	}
	for _, c := range rules.Criteria {
		if !seen[c] && r.Reject == "" {
			return refusef("the criterion %s is not judged; say yes or no", c)
		}
	}
	return nil
}

// weigh draws the consequence of the reviews of this revision and round.
func (a *Application) weigh(rules Rules) {
	var rejects, reasons []string
	yes, no := map[string]int{}, map[string]int{}
	for _, r := range a.Reviews {
		if r.Revision != a.Now.Revision || r.Round != a.Round {
			continue
		}
		if r.Reject != "" {
			rejects = append(rejects, r.Reject)
			continue
		}
		for _, j := range r.Judged {
			if j.Satisfied {
				yes[j.Criterion]++
				continue
			}
			no[j.Criterion]++
			reasons = append(reasons, j.Criterion+": "+j.Comment)
		}
	}
	a.State, a.Reason = InReview, ""
	if len(rejects) >= rules.Quorum {
		a.State, a.Reason = Rejected, strings.Join(rejects, "; ")
		return
	}
	if len(reasons) > 0 && !a.Kept {
		a.State, a.Reason = Returned, strings.Join(reasons, "; ")
		return
	}
	for _, c := range rules.Criteria {
		need := rules.Quorum
		if no[c] > 0 {
			need++
		}
		if yes[c] < need {
			return
		}
	}
	a.State = Accepted
}

// Keep lets one more reviewer than the quorum overrule who found a criterion
// not satisfied. One that was returned for that goes back into review.
func (a *Application) Keep(rules Rules, now time.Time) error {
	if a.Pending != nil || a.State != Returned && a.State != Submitted && a.State != InReview {
		return refusef("the application is %s; there is nothing to keep open", a.State)
	}
	a.Kept, a.Updated = true, now
	if a.State == Returned {
		a.weigh(rules)
	}
	return nil
}

// Reject ends the application by an operator's decision. An appeal goes to
// other reviewers, so that at least one of them has to have looked at it.
func (a *Application) Reject(reason string, now time.Time) error {
	switch {
	case reason == "":
		return refusef("give a reason; the learner is told it")
	case !a.State.Open():
		return refusef("the application is %s already", a.State)
	case a.Round > 0 && !slices.ContainsFunc(a.Reviews, func(r Review) bool { return r.Round == a.Round }):
		return refusef("the learner appealed, and no other reviewer has decided since; let one take it: trustme wallet review take %s", a.ID)
	}
	a.State, a.Reason, a.Lease, a.Pending, a.Updated = Rejected, reason, Lease{}, nil, now
	return nil
}

// Close ends an accepted application whose badge is not to be given any more.
func (a *Application) Close(reason string, now time.Time) {
	a.State, a.Reason, a.Lease, a.Pending, a.Updated = Rejected, reason, Lease{}, nil, now
}

// AppealFor hands a rejected application to other reviewers, once.
func (a *Application) AppealFor(reason string, now time.Time) error {
	switch {
	case a.State != Rejected:
		return refusef("the application is %s; only one that was rejected is appealed", a.State)
	case a.Round > 0:
		return refusef("an appeal is made once, and it was; you may apply anew with other evidence")
	case a.Now.Revision == 0:
		return refusef("nothing was reviewed yet; apply anew")
	case reason == "":
		return refusef("say why you appeal; the other reviewers read it")
	}
	a.State, a.Reason, a.Round, a.Appeal, a.Kept, a.Lease, a.Handed, a.Updated = InReview, "", a.Round+1, reason, false, Lease{}, now, now
	return nil
}

// Withdraw ends the application by the learner's wish, and forgets what was
// handed in.
func (a *Application) Withdraw(now time.Time) error {
	if !a.State.Open() {
		return refusef("the application is %s; there is nothing to withdraw", a.State)
	}
	a.State, a.Reason, a.Lease, a.Pending, a.Updated = Withdrawn, "", Lease{}, nil, now
	a.Now.Say, a.Now.Evidence, a.Stored = "", nil, nil
	return nil
}

// MaySign says whether a person may sign an accepted application.
func (a *Application) MaySign(by Person, rules Rules) error {
	switch {
	case a.State != Accepted:
		return refusef("the application is %s; only an accepted one is signed", a.State)
	case a.Applicant.Is(by):
		return refusef("this is your own application; another person must sign")
	}
	for _, r := range a.Reviews {
		if rules.FourEyes && r.By.Is(by) {
			return refusef("you reviewed this application, another person must sign")
		}
	}
	return nil
}

// Sign marks an accepted application as issued: award is the badge, by who
// signed; nobody where the rules let it be issued at once.
func (a *Application) Sign(by *Person, award string, now time.Time) {
	a.State, a.Reason, a.Signer, a.Award, a.Updated = Issued, "", by, award, now
}
