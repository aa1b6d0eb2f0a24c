package credentials

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/trust-me/trustme/did"
)

// judgement is one credential on its way through the checks.
type judgement struct {
	v      *Verifier
	c      Credential
	o      ReportOptions
	now    time.Time
	depth  int // of endorsements within endorsements
	issuer did.DID
	// document is the issuer's DID document as it was fetched, if it was.
	document []byte
	bound    bound
	unjudged []string // who signed endorsements that could not be judged
	r        *Report
	own      Report // that r is, unless it is another's
}

// judge runs the checks of the Open Badges 3.0 verification algorithm.
func (v *Verifier) judge(ctx context.Context, c Credential, form Form, o ReportOptions) Report {
	return v.judgeAt(ctx, c, form, o, 0)
}

func (v *Verifier) judgeAt(ctx context.Context, c Credential, form Form, o ReportOptions, depth int) Report {
	j := judgements.Get().(*judgement)
	now := v.at(o)
	*j = judgement{v: v, c: c, o: o, now: now, depth: depth, own: Report{At: now, Form: form, Checks: make([]Check, 0, len(order)), Credential: summary(c), Recognition: notReached(CheckRecognition)}}
	j.r = &j.own
	j.all(ctx)
	r := j.own
	*j = judgement{} // nothing of this one is the next one's
	judgements.Put(j)
	return r
}

var judgements = sync.Pool{New: func() any { return new(judgement) }}

// all runs the checks.
func (j *judgement) all(ctx context.Context) {
	readable := j.shape()
	if readable {
		j.add(j.validity())
	}
	if readable && j.proof(ctx) {
		j.status(ctx)
		j.add(j.recipient())
		j.endorsements(ctx)
		j.add(j.schema())
		j.add(j.evidence())
		j.add(j.holder())
		j.r.Recognition = j.recognition()
	}
	j.r.fill()
}

func (j *judgement) add(c Check) {
	at := j.r.at(c.Name)
	switch {
	case at < 0:
		j.r.Checks = append(j.r.Checks, c)
	case j.r.Checks[at].Answer != No: // what was refused first stays the reason
		j.r.Checks[at] = c
	}
}

func (j *judgement) yes(name, message string) {
	j.add(Check{Name: name, Answer: Yes, Code: CodeOK, Message: message})
}

// shape holds the document to the model rules. A badge that breaks one is
// refused, but the other checks still tell the reader whose it is; one whose
// words have no settled meaning is not looked at further.
func (j *judgement) shape() bool {
	problems := lintDoc(j.c.doc, j.o.Kind)
	if len(problems) == 0 {
		j.yes(CheckShape, "well-formed "+describe(j.c.doc))
		return true
	}
	p := problems[0]
	message := p.String()
	if n := len(problems); n > 1 {
		message += fmt.Sprintf(" (and %d more)", n-1)
	}
	j.add(Check{Name: CheckShape, Answer: No, Code: p.Code, Message: message, Pointer: p.Pointer})
	return !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code != CodeSchema })
}

func (j *judgement) validity() Check {
	c := Check{Name: CheckValidity, Answer: Yes, Code: CodeOK}
	from, until := j.c.ValidFrom(), j.c.ValidUntil()
	if j.c.token != nil {
		if _, t, err := j.c.token.Credential(); err == nil {
			if t.NotBefore.After(from) {
				from = t.NotBefore
			}
			if !t.Expires.IsZero() && (until.IsZero() || t.Expires.Before(until)) {
				until = t.Expires
			}
		}
	}
	switch {
	case !until.IsZero() && !j.now.Before(until) && !j.now.Equal(until):
		c.Answer, c.Code, c.Message = No, CodeExpired, "expired on "+until.Format(time.RFC3339)
	case j.now.Before(from):
		c.Answer, c.Code, c.Message = No, CodeNotYetValid, "not valid before "+from.Format(time.RFC3339)
	case until.IsZero():
		c.Message = "valid since " + from.Format(time.DateOnly) + ", without end"
	default:
		c.Message = "valid from " + from.Format(time.DateOnly) + " until " + until.Format(time.DateOnly)
	}
	return c
}

func (j *judgement) recognition() Check {
	if j.r.SelfAsserted = j.c.IsSelfAsserted(); j.r.SelfAsserted {
		return Check{Name: CheckRecognition, Answer: No, Code: CodeSelfAsserted, Message: selfAsserted(j.c)}
	}
	c := Check{Name: CheckRecognition, Answer: Yes, Code: CodeOK, Message: "the issuer is one that you trust"}
	switch {
	case len(j.v.cfg.TrustedIssuers) == 0:
		return nothing(CheckRecognition, "no list of trusted issuers was given")
	case !slices.Contains(j.v.cfg.TrustedIssuers, j.c.IssuerID()):
		c.Answer, c.Code = No, CodeIssuerUntrusted
		c.Message = fmt.Sprintf("%s is not among the issuers that you trust", j.c.IssuerID())
	}
	return c
}

func (j *judgement) holder() Check {
	switch j.o.Holder {
	case "":
		return nothing(CheckHolder, "not asked who shows it")
	case j.c.SubjectID():
		return Check{Name: CheckHolder, Answer: Yes, Code: CodeOK, Message: "shown by its own subject"}
	}
	return Check{Name: CheckHolder, Answer: No, Code: CodeHolder, Message: fmt.Sprintf("it was given to %q, not to %s, who shows it", j.c.SubjectID(), j.o.Holder)}
}
