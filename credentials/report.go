package credentials

import (
	"encoding/json"
	"fmt"
	"time"
)

// Verdict is the whole of a report.
type Verdict string

// The verdicts.
const (
	Valid     Verdict = "valid"
	Invalid   Verdict = "invalid"
	Undecided Verdict = "undecided"
)

// Answer is the answer of one check.
type Answer string

// The answers. NotApplicable says that a check had nothing to look at.
const (
	Yes           Answer = "yes"
	No            Answer = "no"
	Unknown       Answer = "unknown"
	NotApplicable Answer = "n/a"
)

// The checks, in the order of the Open Badges 3.0 verification algorithm.
const (
	CheckShape        = "shape"        // is it a well-formed Open Badge
	CheckProof        = "proof"        // does every signature match
	CheckIssuer       = "issuer"       // does the issuer list the key that signed
	CheckRefresh      = "refresh"      // is it the current one (expiry list)
	CheckStatus       = "status"       // is it neither revoked nor suspended
	CheckValidity     = "validity"     // is it in its time
	CheckRecipient    = "recipient"    // was it given to the person asked about
	CheckEndorsements = "endorsements" // do the endorsements within it hold
	CheckSchema       = "schema"       // is the schema it names one that was applied
	CheckEvidence     = "evidence"     // do the digests of related resources match
	CheckHolder       = "holder"       // is it shown by its own subject
	CheckRecognition  = "recognition"  // is the issuer one that the verifier trusts
)

// Check is one question and its answer. Code is stable ([Codes]); Message is a
// sentence. An Advisory answer is for the reader and decides nothing. Fetched
// is when the document behind the answer was fetched, Age how old it is.
type Check struct {
	Name     string
	Answer   Answer
	Code     string
	Message  string
	Pointer  string
	URL      string
	Advisory bool
	Fetched  time.Time
	Age      time.Duration
}

// MarshalJSON writes the age in seconds.
func (c Check) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string    `json:"name"`
		Answer   Answer    `json:"answer"`
		Code     string    `json:"code"`
		Message  string    `json:"message"`
		Pointer  string    `json:"pointer,omitempty"`
		URL      string    `json:"url,omitempty"`
		Advisory bool      `json:"advisory,omitempty"`
		Fetched  time.Time `json:"fetched,omitzero"`
		Age      int64     `json:"ageSeconds,omitempty"`
	}{c.Name, c.Answer, c.Code, c.Message, c.Pointer, c.URL, c.Advisory, c.Fetched, int64(c.Age / time.Second)})
}

// Summary says what a credential claims. Only a valid report makes it true.
type Summary struct {
	ID          string    `json:"id,omitempty"`
	Name        string    `json:"name,omitempty"`
	Achievement string    `json:"achievement,omitempty"`
	Issuer      string    `json:"issuer,omitempty"`
	IssuerName  string    `json:"issuerName,omitempty"`
	Subject     string    `json:"subject,omitempty"`
	ValidFrom   time.Time `json:"validFrom,omitzero"`
	ValidUntil  time.Time `json:"validUntil,omitzero"`
}

// Report is the outcome of a verification. Recognition stands apart: a badge
// of an issuer unknown to the verifier is authentic all the same.
type Report struct {
	Verdict     Verdict   `json:"verdict"`
	Form        Form      `json:"form,omitempty"`
	At          time.Time `json:"at"`
	Credential  Summary   `json:"credential"`
	Checks      []Check   `json:"checks"`
	Recognition Check     `json:"recognition"`
	// Endorsers are those whose endorsements verify.
	Endorsers []Endorser `json:"endorsers,omitempty"`
	// SelfAsserted says that issuer and subject are one: its subject says this
	// about themself. Recognition then has [CodeSelfAsserted].
	SelfAsserted bool `json:"selfAsserted,omitempty"`
}

// MarshalJSON adds the code and the sentence that decided.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	return json.Marshal(struct {
		plain
		Code string `json:"code"`
		Why  string `json:"why"`
	}{plain(r), r.Code(), r.Why()})
}

// Check returns the check of that name, zero when there is none.
func (r Report) Check(name string) Check {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	if name == CheckRecognition {
		return r.Recognition
	}
	return Check{}
}

// decisive returns the check that made the verdict.
func (r Report) decisive() Check {
	want := map[Verdict]Answer{Invalid: No, Undecided: Unknown}[r.Verdict]
	for _, c := range r.Checks {
		if c.Answer == want && !c.Advisory {
			return c
		}
	}
	return Check{Code: CodeOK, Message: "every check holds"}
}

// Why returns the sentence that decided the verdict.
func (r Report) Why() string { return r.decisive().Message }

// Code returns the code that decided the verdict, [CodeOK] when it is valid.
func (r Report) Code() string { return r.decisive().Code }

// Err returns nil for a valid report, a [*RejectedError] or an
// [*UndecidedError].
func (r Report) Err() error {
	d := r.decisive()
	switch r.Verdict {
	case Valid:
		return nil
	case Invalid:
		return &RejectedError{Report: r, Check: d.Name, Code: d.Code, Message: d.Message}
	}
	return &UndecidedError{Report: r, Check: d.Name, Code: d.Code, Message: d.Message}
}

// decide sets the verdict from the checks.
func (r *Report) decide() { r.Verdict = verdict(r.Checks) }

func verdict(checks []Check) Verdict {
	v := Valid
	for _, c := range checks {
		switch {
		case c.Advisory:
		case c.Answer == No:
			return Invalid
		case c.Answer == Unknown:
			v = Undecided
		}
	}
	return v
}

// RejectedError says that a credential was refused, by which check, and why.
type RejectedError struct {
	Report               Report
	Check, Code, Message string
}

func (e *RejectedError) Error() string { return fmt.Sprintf("%s: %s", e.Check, e.Message) }

// UndecidedError says that a credential could not be judged, for want of what.
type UndecidedError struct {
	Report               Report
	Check, Code, Message string
}

func (e *UndecidedError) Error() string {
	return fmt.Sprintf("could not tell: %s: %s", e.Check, e.Message)
}
