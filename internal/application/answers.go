package application

import (
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Progress tells a learner where an application stands. Refused says that the
// submission was not taken in, and Reason why; the state is that of before.
type Progress struct {
	Achievement string   `json:"achievement"`
	Name        string   `json:"name"`
	Level       int      `json:"level,omitempty"`
	Revision    int      `json:"revision"`
	State       State    `json:"state"`
	Reason      string   `json:"reason,omitempty"`
	Refused     bool     `json:"refused,omitempty"`
	Judged      []Judged `json:"judged,omitempty"`
	Told        int      `json:"told"` // counts these messages; a later one wins
}

// ReadProgress reads a progress message. The error is a [*didcomm.Problem].
func ReadProgress(m didcomm.Message) (Progress, error) {
	r, _, err := open(m)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Achievement: r.text("achievement", 2*maxName), Name: r.text("name", 1<<10), Level: int(r.number("level")), Revision: int(r.number("revision")),
		State: State(r.text("state", maxName)), Reason: r.text("reason", 256<<10), Refused: r.yes("refused"), Told: int(r.number("told"))}
	p.Judged = r.judged()
	return p, r.done()
}

func (r *reader) judged() (out []Judged) {
	r.each("judged", 10_000, func(e *reader) {
		out = append(out, Judged{Criterion: e.text("criterion", maxName), Satisfied: e.yes("satisfied"), Comment: e.text("comment", MaxSay)})
	})
	return out
}

// Piece names a piece of a file: what a need, a chunk and a get-file are about.
type Piece struct {
	Application string `json:"application,omitempty"` // of a get-file; else the thread says it
	Digest      string `json:"digest"`
	Offset      int64  `json:"offset"`
}

// ReadPiece reads the document of such a message.
func ReadPiece(m didcomm.Message) (Piece, []byte, error) {
	r, raw, err := open(m)
	if err != nil {
		return Piece{}, nil, err
	}
	p := Piece{Application: r.text("application", 64), Digest: r.text("digest", 64), Offset: r.number("offset")}
	return p, raw, r.done()
}

// Request is what somebody asks about an application: its id, and a reason or
// a code where the message wants one. Language is that of the badge wanted with
// a code, "" for the catalogue's own.
type Request struct {
	Application string `json:"application,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Code        string `json:"code,omitempty"`
	Language    string `json:"language,omitempty"`
}

// ReadRequest reads the document of such a message, with its bytes.
func ReadRequest(m didcomm.Message) (Request, []byte, error) {
	r, raw, err := open(m)
	if err != nil {
		return Request{}, nil, err
	}
	q := Request{Application: r.text("application", 64), Reason: r.text("reason", MaxSay), Code: r.text("code", 64), Language: r.text("language", maxLanguage)}
	return q, raw, r.done()
}

// Criterion is one criterion of an achievement.
type Criterion struct {
	Slug string `json:"slug"`
	Text string `json:"text"`
}

// Task is an application as a reviewer sees it: without who applied. Sign says
// that it is accepted and awaits an operator's signature. A list of tasks has
// neither criteria nor submission.
type Task struct {
	ID          string      `json:"id"`
	Achievement string      `json:"achievement"`
	Name        string      `json:"name"`
	State       State       `json:"state"`
	Round       int         `json:"round,omitempty"`
	Since       time.Time   `json:"since"`
	Taken       time.Time   `json:"taken,omitzero"` // until when somebody has it
	Yours       bool        `json:"yours,omitempty"`
	Sign        bool        `json:"sign,omitempty"`
	Revision    int         `json:"revision"`
	Level       int         `json:"level,omitempty"`
	Route       string      `json:"route"`
	Appeal      string      `json:"appeal,omitempty"`
	Reason      string      `json:"reason,omitempty"` // of the decision that is appealed, or of the last return
	Waits       string      `json:"waits,omitempty"`  // for what, in words
	Criteria    []Criterion `json:"criteria,omitempty"`
	Submission  *Submission `json:"submission,omitempty"`
}

// ReadTasks reads the answer to a list-tasks, take-task or show-task.
func ReadTasks(m didcomm.Message) ([]Task, error) {
	r, _, err := open(m)
	if err != nil {
		return nil, err
	}
	var out []Task
	r.each("tasks", 10_000, func(e *reader) {
		t := Task{ID: e.text("id", 64), Achievement: e.text("achievement", 2*maxName), Name: e.text("name", 1<<10), State: State(e.text("state", maxName)),
			Round: int(e.number("round")), Since: e.moment("since"), Taken: e.moment("taken"), Yours: e.yes("yours"), Sign: e.yes("sign"), Revision: int(e.number("revision")),
			Level: int(e.number("level")), Route: e.text("route", maxName), Appeal: e.text("appeal", MaxSay), Reason: e.text("reason", 256<<10), Waits: e.text("waits", 1<<10)}
		e.each("criteria", 10_000, func(c *reader) {
			t.Criteria = append(t.Criteria, Criterion{c.text("slug", maxName), c.text("text", 64<<10)})
		})
		if s := e.v.Get("submission"); s.Exists() {
			in := &reader{v: s}
			sub := in.submission()
			t.Submission = &sub
			if in.err != nil {
				e.fail("submission: %w", in.err)
			}
		}
		out = append(out, t)
	})
	return out, r.done()
}

func (r *reader) moment(name string) (t time.Time) {
	s := r.text(name, 64)
	if s == "" {
		return t
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.fail("%s is to be a time", name)
	}
	return t
}

// Outcome is the answer to a review, a sign, or the presentation of a code.
type Outcome struct {
	State  State  `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
	Award  string `json:"award,omitempty"`
	Name   string `json:"name,omitempty"`
	Size   int64  `json:"size,omitempty"` // of a file, a piece of which is attached
}

// ReadOutcome reads such an answer.
func ReadOutcome(m didcomm.Message) (Outcome, error) {
	r, _, err := open(m)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{State: State(r.text("state", maxName)), Reason: r.text("reason", 256<<10), Award: r.text("award", 1<<10), Name: r.text("name", 1<<10), Size: r.number("size")}
	return o, r.done()
}

// Answer makes the answer to a request.
func Answer(to didcomm.Message, v any, more ...didcomm.Attachment) (didcomm.Message, error) {
	doc, err := jsondoc.Marshal(v)
	if err != nil {
		return didcomm.Message{}, err
	}
	return Message(TypeAnswer, didcomm.NewID(), to.ID, doc, more...), nil
}

// Refused is the problem that tells a refusal.
func Refused(err Refusal) *didcomm.Problem {
	return &didcomm.Problem{Code: exchange.CodeRefused, Comment: string(err)}
}
