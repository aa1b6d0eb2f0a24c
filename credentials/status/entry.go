package status

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Entry is one credentialStatus. Of a 1EdTechRevocationList only Kind, ID,
// Purpose and List (its id) are set. Size is the number of bits of an entry;
// 0 means 1. Messages are the texts of a list of purpose message, by value;
// Reference are the URLs that explain them.
type Entry struct {
	Kind      Kind
	ID        string
	Purpose   string
	Index     int
	List      string
	Size      int
	Messages  map[uint32]string
	Reference []string
}

// maxEntries bounds the lists that one credential can ask for.
const maxEntries = 8

// ParseEntries reads a credentialStatus, one entry or a list of them. The
// error wraps [ErrMalformed], or [ErrUnsupported] for a type not known.
func ParseEntries(v jsondoc.Value) ([]Entry, error) {
	if v.Exists() && v.Len() == 0 {
		return nil, fmt.Errorf("%w: %s is empty", ErrMalformed, v.Pointer())
	}
	var out []Entry
	for one := range v.Elements() {
		if len(out) == maxEntries {
			return nil, fmt.Errorf("%w: %s has more than %d entries", ErrMalformed, v.Pointer(), maxEntries)
		}
		e, err := parseEntry(one)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func parseEntry(v jsondoc.Value) (Entry, error) {
	if v.Kind() != jsondoc.Object {
		return Entry{}, fmt.Errorf("%w: %s is not an object", ErrMalformed, v.Pointer())
	}
	e := Entry{Size: 1}
	e.ID, _ = v.Get("id").Text()
	if id := v.Get("id"); id.Exists() && e.ID == "" {
		return e, fmt.Errorf("%w: %s must be a URL", ErrMalformed, id.Pointer())
	}
	for t := range v.Get("type").Elements() {
		s, _ := t.Text()
		switch k := Kind(s); k {
		case Bitstring, StatusList2021, OneEdTech:
			e.Kind = k
		}
	}
	switch e.Kind {
	case OneEdTech:
		if e.ID == "" {
			return e, fmt.Errorf("%w: %s/id names no list", ErrMalformed, v.Pointer())
		}
		e.List, e.Purpose = e.ID, Revocation
		return e, nil
	case "":
		return e, fmt.Errorf("%w: %s/type is %s", ErrUnsupported, v.Pointer(), jsondoc.Clip(string(v.Get("type").Raw())))
	}
	return e, e.read(v)
}

func (e *Entry) read(v jsondoc.Value) error {
	if e.Purpose, _ = v.Get("statusPurpose").Text(); e.Purpose == "" {
		return fmt.Errorf("%w: %s/statusPurpose is missing", ErrMalformed, v.Pointer())
	}
	if e.List, _ = v.Get("statusListCredential").Text(); e.List == "" {
		return fmt.Errorf("%w: %s/statusListCredential is missing", ErrMalformed, v.Pointer())
	}
	if e.ID == e.List { // §2.1
		return fmt.Errorf("%w: %s/id must not be the URL of the list", ErrMalformed, v.Pointer())
	}
	var err error
	if e.Index, err = parseIndex(v); err != nil {
		return err
	}
	if s := v.Get("statusSize"); s.Exists() {
		n, ok := s.Int()
		if !ok || n < 1 || n > MaxSize {
			return fmt.Errorf("%w: %s must be a number of bits from 1 to %d", ErrMalformed, s.Pointer(), MaxSize)
		}
		e.Size = int(n)
	}
	for r := range v.Get("statusReference").Elements() {
		s, _ := r.Text()
		if s == "" {
			return fmt.Errorf("%w: %s must be a URL", ErrMalformed, r.Pointer())
		}
		e.Reference = append(e.Reference, s)
	}
	return e.messages(v.Get("statusMessage"))
}

// parseIndex reads a whole number in decimal digits, as text; a JSON number is
// read too, since real badges hold it.
func parseIndex(entry jsondoc.Value) (int, error) {
	v, at := entry.Get("statusListIndex"), entry.Pointer()+"/statusListIndex"
	text, ok := v.Text()
	if !ok && v.Kind() == jsondoc.Number {
		text = string(v.Raw())
	}
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, fmt.Errorf("%w: %s is not a whole number in digits: %s", ErrMalformed, at, jsondoc.Clip(text))
		}
	}
	if text == "" || len(text) > 1 && text[0] == '0' {
		return 0, fmt.Errorf(`%w: %s must be a whole number as text, such as "42"`, ErrMalformed, at)
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %s is no index of a list", ErrMalformed, at, jsondoc.Clip(text))
	}
	return int(n), nil
}

// messages reads statusMessage, which a size over 1 and the purpose message
// demand: one text for each value that Size bits can hold (§2.1).
func (e *Entry) messages(v jsondoc.Value) error {
	if !v.Exists() {
		if e.Size > 1 || e.Purpose == Message {
			return fmt.Errorf("%w: statusMessage is missing, which entries of %d bits and the purpose %s need", ErrMalformed, e.Size, e.Purpose)
		}
		return nil
	}
	e.Messages = map[uint32]string{}
	for m := range v.Elements() {
		code, _ := m.Get("status").Text()
		text, ok := m.Get("message").Text()
		hex, isHex := strings.CutPrefix(code, "0x")
		n, err := strconv.ParseUint(hex, 16, e.Size) // no more than Size bits
		if !ok || !isHex || err != nil {
			return fmt.Errorf(`%w: %s needs message, and status such as "0x1" of %d bits`, ErrMalformed, m.Pointer(), e.Size)
		}
		if _, twice := e.Messages[uint32(n)]; twice {
			return fmt.Errorf("%w: %s: status %s has a message already", ErrMalformed, m.Pointer(), code)
		}
		e.Messages[uint32(n)] = text
	}
	if want := 1 << e.Size; len(e.Messages) != want {
		return fmt.Errorf("%w: %s has %d messages for %d values", ErrMalformed, v.Pointer(), len(e.Messages), want)
	}
	return nil
}

// NewEntry returns the entry of one position of a list. Its id is not the
// list's own URL, which the specification forbids.
func NewEntry(list, purpose string, index int) Entry {
	return Entry{Kind: Bitstring, ID: list + "#" + strconv.Itoa(index), Purpose: purpose, Index: index, List: list, Size: 1}
}

// MarshalJSON writes a [Bitstring] entry of one bit, in a fixed order.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e.Kind != "" && e.Kind != Bitstring || e.Size > 1 {
		return nil, fmt.Errorf("%w: an entry of %d bits of type %s is not written", ErrUnsupported, e.Size, e.Kind)
	}
	return json.Marshal(struct {
		ID      string `json:"id,omitempty"`
		Type    Kind   `json:"type"`
		Purpose string `json:"statusPurpose"`
		Index   string `json:"statusListIndex"`
		List    string `json:"statusListCredential"`
	}{e.ID, Bitstring, e.Purpose, strconv.Itoa(e.Index), e.List})
}

// Sibling returns the address of the expiry list (purpose refresh) that
// belongs to a list by our scheme: …/status/N/revocation and
// …/status/N/suspension have the sibling …/status/N/refresh.
func Sibling(list string) (string, bool) {
	for _, p := range []string{Revocation, Suspension} {
		base, ok := strings.CutSuffix(list, "/"+p)
		if !ok {
			continue
		}
		i := strings.LastIndexByte(base, '/')
		if i < 0 || !strings.HasSuffix(base[:i], "/status") {
			return "", false
		}
		if _, err := strconv.ParseUint(base[i+1:], 10, 63); err != nil {
			return "", false
		}
		return base + "/" + Refresh, true
	}
	return "", false
}
