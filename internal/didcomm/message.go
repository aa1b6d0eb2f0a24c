// Package didcomm is how messages travel: DIDComm v2 envelopes, websocket
// connections and a mailbox that loses nothing. What is said is decided one
// folder up, in internal/exchange. It is the one door to Gorilla WebSocket.
package didcomm

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrMessage says that a plaintext is not a DIDComm v2 message.
var ErrMessage = errors.New("not a DIDComm message")

// Message is a DIDComm v2 plaintext (DIDComm Messaging v2 §3). Times are
// seconds since 1970 in UTC. Body is a JSON object.
type Message struct {
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	From        string          `json:"from,omitempty"`
	To          []string        `json:"to,omitempty"`
	Thid        string          `json:"thid,omitempty"`
	Pthid       string          `json:"pthid,omitempty"`
	Created     int64           `json:"created_time,omitempty"`
	Expires     int64           `json:"expires_time,omitempty"`
	Body        json.RawMessage `json:"body"`
	Attachments []Attachment    `json:"attachments,omitempty"`
	PleaseAck   []string        `json:"please_ack,omitempty"`
	Ack         []string        `json:"ack,omitempty"`
	ReturnRoute string          `json:"return_route,omitempty"`
}

// Attachment carries bytes exactly, as base64url (DIDComm Messaging v2
// §Attachments).
type Attachment struct {
	ID        string         `json:"id,omitempty"`
	MediaType string         `json:"media_type,omitempty"`
	Format    string         `json:"format,omitempty"`
	Filename  string         `json:"filename,omitempty"`
	Data      AttachmentData `json:"data"`
}

// AttachmentData holds one of the two embedded forms. A link is not followed.
type AttachmentData struct {
	Base64 string          `json:"base64,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`
}

// Attach returns an attachment of b.
func Attach(id, mediaType, format string, b []byte) Attachment {
	return Attachment{ID: id, MediaType: mediaType, Format: format, Data: AttachmentData{Base64: base64.RawURLEncoding.EncodeToString(b)}}
}

// Bytes returns what is attached: the decoded base64 (either alphabet, with or
// without padding), or the JSON as it came.
func (a Attachment) Bytes() ([]byte, error) {
	if a.Data.Base64 == "" {
		if len(a.Data.JSON) == 0 {
			return nil, fmt.Errorf("%w: attachment %q carries neither base64 nor json", ErrMessage, a.ID)
		}
		return a.Data.JSON, nil
	}
	for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding, base64.StdEncoding, base64.RawStdEncoding} {
		if b, err := enc.DecodeString(a.Data.Base64); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("%w: attachment %q is not base64", ErrMessage, a.ID)
}

// NewID returns a random identifier of 128 bits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Thread returns the thread the message belongs to: thid, or its own id.
func (m Message) Thread() string {
	if m.Thid != "" {
		return m.Thid
	}
	return m.ID
}

// Object marshals a body.
func Object(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // bodies are plain structs of ours
	}
	return b
}

// Bounds on a plaintext.
const (
	maxID          = 256
	maxAttachments = 64
	maxList        = 256
)

// ParseMessage reads a plaintext exactly. Headers that are not known are left
// out, as the specification demands. The error wraps [ErrMessage].
func ParseMessage(raw []byte) (Message, error) {
	v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: MaxFrame})
	if err != nil {
		return Message{}, fmt.Errorf("%w: %v", ErrMessage, err)
	}
	r := reader{v: v}
	m := Message{
		ID: r.text("id", maxID), Type: r.text("type", maxID), From: r.text("from", 16<<10),
		To: r.list("to", 16<<10), Thid: r.text("thid", maxID), Pthid: r.text("pthid", maxID),
		Created: r.number("created_time"), Expires: r.number("expires_time"),
		PleaseAck: r.list("please_ack", maxID), Ack: r.list("ack", maxID), ReturnRoute: r.text("return_route", 16),
	}
	if body := v.Get("body"); body.Exists() {
		if body.Kind() != jsondoc.Object {
			r.fail("body must be an object")
		}
		m.Body = body.Raw()
	} else {
		m.Body = json.RawMessage("{}")
	}
	atts := v.Get("attachments")
	if atts.Len() > maxAttachments {
		r.fail(fmt.Sprintf("more than %d attachments", maxAttachments))
	} else {
		for a := range atts.Elements() {
			m.Attachments = append(m.Attachments, r.attachment(a))
		}
	}
	if v.Kind() != jsondoc.Object || m.ID == "" || m.Type == "" {
		r.fail("id and type are required")
	}
	if r.err != nil {
		return Message{}, r.err
	}
	return m, nil
}

// reader keeps the first failure, so that a message is read in one pass.
type reader struct {
	v   jsondoc.Value
	err error
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMessage, why)
	}
}

func (r *reader) text(name string, limit int) string {
	v := r.v.Get(name)
	if !v.Exists() || v.Kind() == jsondoc.Null {
		return ""
	}
	s, ok := v.Text()
	if !ok || len(s) > limit {
		r.fail(fmt.Sprintf("%s must be a text of at most %d bytes", name, limit))
	}
	return s
}

func (r *reader) number(name string) int64 {
	v := r.v.Get(name)
	if !v.Exists() || v.Kind() == jsondoc.Null {
		return 0
	}
	n, ok := v.Int()
	if !ok {
		r.fail(name + " must be a whole number of seconds")
	}
	return n
}

func (r *reader) list(name string, limit int) []string {
	v := r.v.Get(name)
	if v.Len() > maxList {
		r.fail(fmt.Sprintf("%s has more than %d entries", name, maxList))
		return nil
	}
	var out []string
	for e := range v.Elements() {
		s, ok := e.Text()
		if !ok || len(s) > limit {
			r.fail(name + " must be a list of texts")
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) attachment(v jsondoc.Value) Attachment {
	sub := reader{v: v}
	a := Attachment{ID: sub.text("id", maxID), MediaType: sub.text("media_type", maxID), Format: sub.text("format", maxID), Filename: sub.text("filename", maxID)}
	data := v.Get("data")
	if s, ok := data.Get("base64").Text(); ok {
		a.Data.Base64 = s
	}
	if j := data.Get("json"); j.Exists() {
		a.Data.JSON = j.Raw()
	}
	if sub.err != nil {
		r.fail(sub.err.Error())
	}
	return a
}
