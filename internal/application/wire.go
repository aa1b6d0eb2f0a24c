// Package application is what a learner, a partner and the partner's
// reviewers say to each other about an application for a badge, and the state
// machine of one. It holds no store: node and wallet keep what it describes.
package application

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Protocol is the protocol's URI; docs/protocol.md describes it.
const Protocol = "https://w3id.org/trust-me/apply/1.0"

// Messages between a learner and a partner. Each is queued in the transaction
// that changes the state.
const (
	TypeSubmit   = Protocol + "/submit"   // a learner hands in, also anew
	TypeNeed     = Protocol + "/need"     // the partner wants a piece of a file
	TypeChunk    = Protocol + "/chunk"    // a piece of a file
	TypeProgress = Protocol + "/progress" // where the application stands
	TypeWithdraw = Protocol + "/withdraw"
	TypeAppeal   = Protocol + "/appeal"
	TypeClaim    = Protocol + "/claim" // redeems a claim code
)

// Requests of people who review or sign; each is answered at once.
const (
	TypeList   = Protocol + "/list-tasks"
	TypeTake   = Protocol + "/take-task"
	TypeShow   = Protocol + "/show-task"
	TypeFile   = Protocol + "/get-file"
	TypeReview = Protocol + "/review"
	TypeSign   = Protocol + "/sign"
	TypeAnswer = Protocol + "/answer"
)

// Formats of attachments.
const (
	FormatDocument = "trustme/apply@1.0"  // what the message says, as JSON
	FormatReview   = "trustme/review@1.0" // a signed review
	FormatBytes    = "trustme/bytes@1.0"  // a piece of a file
)

// ChunkSize is how much of a file one message carries, in bytes.
const ChunkSize = 448 << 10

// Challenge is what the presentation beside a document is made over: it serves
// for this message of this sender alone.
func Challenge(sender, message string, doc []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", sender, message)
	h.Write(doc) // a hash takes all there is
	return hex.EncodeToString(h.Sum(nil))
}

// Message makes a message that carries a document, and what goes with it.
func Message(kind, id, thread string, doc []byte, more ...didcomm.Attachment) didcomm.Message {
	return didcomm.Message{ID: id, Type: kind, Thid: thread, ReturnRoute: "all", Body: didcomm.Object(struct{}{}),
		Attachments: append([]didcomm.Attachment{didcomm.Attach("document-0", exchange.MediaJSON, FormatDocument, doc)}, more...)}
}

// Shown attaches a presentation.
func Shown(vp []byte) didcomm.Attachment {
	return didcomm.Attach("presentation-0", exchange.MediaPresentation, exchange.FormatVP, vp)
}

// Bytes attaches a piece of a file.
func Bytes(b []byte) didcomm.Attachment {
	return didcomm.Attach("bytes-0", "application/octet-stream", FormatBytes, b)
}

// Attached returns the attachment of a format. The error is a
// [*didcomm.Problem].
func Attached(m didcomm.Message, format string) ([]byte, error) {
	for _, a := range m.Attachments {
		if a.Format == format {
			b, err := a.Bytes()
			if err != nil {
				return nil, malformed(err)
			}
			return b, nil
		}
	}
	return nil, malformed(fmt.Errorf("an attachment of format %q is missing", format))
}

func malformed(err error) error {
	return &didcomm.Problem{Code: exchange.CodeMessage, Comment: err.Error()}
}

// reader reads a stranger's document and keeps the first failure.
type reader struct {
	v   jsondoc.Value
	err error
}

// open returns a reader of the document of a message.
func open(m didcomm.Message) (*reader, []byte, error) {
	raw, err := Attached(m, FormatDocument)
	if err != nil {
		return nil, nil, err
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return nil, nil, malformed(err)
	}
	if v.Kind() != jsondoc.Object {
		return nil, nil, malformed(errors.New("the document is no object"))
	}
	return &reader{v: v}, raw, nil
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) text(name string, limit int) string {
	v := r.v.Get(name)
	if !v.Exists() {
		return ""
	}
	s, ok := v.Text()
	if !ok || len(s) > limit {
		r.fail("%s is to be a text of at most %d bytes", name, limit)
		return ""
	}
	return s
}

func (r *reader) number(name string) int64 {
	v := r.v.Get(name)
	if !v.Exists() {
		return 0
	}
	n, ok := v.Int()
	if !ok || n < 0 {
		r.fail("%s is to be a whole number from 0 on", name)
		return 0
	}
	return n
}

func (r *reader) yes(name string) bool {
	v := r.v.Get(name)
	if !v.Exists() {
		return false
	}
	b, ok := v.Bool()
	if !ok {
		r.fail("%s is to be true or false", name)
	}
	return b
}

// each reads the elements of a list with a reader of their own.
func (r *reader) each(name string, most int, f func(*reader)) {
	v := r.v.Get(name)
	if v.Exists() && (v.Kind() != jsondoc.Array || v.Len() > most) {
		r.fail("%s is to be a list of at most %d", name, most)
		return
	}
	for e := range v.Elements() {
		in := &reader{v: e}
		f(in)
		if in.err != nil {
			r.fail("%s: %w", name, in.err)
		}
	}
}

func (r *reader) done() error {
	if r.err != nil {
		return malformed(r.err)
	}
	return nil
}
