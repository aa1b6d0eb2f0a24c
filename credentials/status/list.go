package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// List is what a list credential says. TTL is zero when it does not say how
// long the list may be kept, ValidFrom and ValidUntil when it does not say
// when it holds.
type List struct {
	ID, Issuer            string
	Purposes              []string
	TTL                   time.Duration
	ValidFrom, ValidUntil time.Time
	bits                  Bitmap
	revoked               map[string]string // 1EdTech: credential id -> reason
}

// Value is one entry's answer. Set says that it is not 0; Message is the
// entry's text for the value, where it has one.
type Value struct {
	Set     bool
	Code    uint32
	Message string
}

// ParseList reads a BitstringStatusListCredential or a
// StatusList2021Credential. The error wraps [ErrMalformed] or [ErrLimit].
func ParseList(doc jsondoc.Value) (List, error) {
	var l List
	l.ID, _ = doc.Get("id").Text()
	issuer := doc.Get("issuer")
	if issuer.Kind() == jsondoc.Object {
		issuer = issuer.Get("id")
	}
	l.Issuer, _ = issuer.Text()
	legacy := hasText(doc.Get("type"), "StatusList2021Credential")
	if !legacy && !hasText(doc.Get("type"), "BitstringStatusListCredential") {
		return l, fmt.Errorf("%w: its type is not BitstringStatusListCredential", ErrMalformed)
	}
	subject := doc.Get("credentialSubject")
	if subject.Kind() == jsondoc.Array && subject.Len() == 1 {
		subject = subject.At(0)
	}
	if t := subject.Get("type"); t.Exists() && !hasText(t, "BitstringStatusList") && !hasText(t, "StatusList2021") {
		return l, fmt.Errorf("%w: %s is not BitstringStatusList", ErrMalformed, t.Pointer())
	}
	for p := range subject.Get("statusPurpose").Elements() {
		s, _ := p.Text()
		if s == "" {
			return l, fmt.Errorf("%w: %s must be a text", ErrMalformed, p.Pointer())
		}
		l.Purposes = append(l.Purposes, s)
	}
	if err := l.times(doc, subject.Get("ttl")); err != nil {
		return l, err
	}
	encoded, _ := subject.Get("encodedList").Text()
	var err error
	if legacy && encoded != "" && encoded[0] != 'u' { // its examples have no multibase prefix
		l.bits, err = decode(encoded)
	} else {
		l.bits, err = Decode(encoded)
	}
	return l, err
}

// maxTTL keeps milliseconds within what a Duration holds.
const maxTTL = 10 * 365 * 24 * time.Hour

func (l *List) times(doc, ttl jsondoc.Value) error {
	for _, m := range []struct {
		into  *time.Time
		names []string
	}{{&l.ValidFrom, []string{"validFrom", "issuanceDate"}}, {&l.ValidUntil, []string{"validUntil", "expirationDate"}}} {
		for _, name := range m.names {
			v := doc.Get(name)
			if !v.Exists() {
				continue
			}
			s, _ := v.Text()
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return fmt.Errorf("%w: %s is no date and time with zone", ErrMalformed, v.Pointer())
			}
			*m.into = t
		}
	}
	if !ttl.Exists() {
		return nil
	}
	ms, ok := ttl.Int() // milliseconds, §2.2
	if !ok || ms < 0 {
		return fmt.Errorf("%w: %s must be a whole number of milliseconds", ErrMalformed, ttl.Pointer())
	}
	l.TTL = time.Duration(min(ms, int64(maxTTL/time.Millisecond))) * time.Millisecond
	return nil
}

// Value returns the answer of l for an entry. The error wraps [ErrPurpose],
// [ErrLength], [ErrRange], or [ErrUnsupported] for a size beyond [MaxSize].
func (l List) Value(e Entry) (Value, error) {
	size := max(e.Size, 1)
	switch {
	case size > MaxSize:
		return Value{}, fmt.Errorf("%w: entries of %d bits", ErrUnsupported, size)
	case !slices.Contains(l.Purposes, e.Purpose):
		return Value{}, fmt.Errorf("%w: %q, not %q", ErrPurpose, l.Purposes, e.Purpose)
	case l.bits.Len()/size < MinLength:
		return Value{}, fmt.Errorf("%w: %d entries, at least %d", ErrLength, l.bits.Len()/size, MinLength)
	}
	code, err := l.bits.at(e.Index, size)
	if err != nil {
		return Value{}, err
	}
	return Value{Set: code != 0, Code: code, Message: e.Messages[code]}, nil
}

// Len returns the number of bits.
func (l List) Len() int { return l.bits.Len() }

// ParseRevocations reads a 1EdTechRevocationList (Open Badges 3.0, revocation
// list extension), which is not signed: an object with revokedCredential, each
// an id or an object with id, revoked and revocationReason.
func ParseRevocations(doc jsondoc.Value) (List, error) {
	l := List{Purposes: []string{Revocation}, revoked: map[string]string{}}
	l.ID, _ = doc.Get("id").Text()
	if l.Issuer, _ = doc.Get("issuer").Text(); l.Issuer == "" {
		l.Issuer, _ = doc.Get("issuer").Get("id").Text()
	}
	if doc.Kind() != jsondoc.Object {
		return l, fmt.Errorf("%w: a revocation list is an object", ErrMalformed)
	}
	if t := doc.Get("type"); t.Exists() && !hasText(t, string(OneEdTech)) && !hasText(t, "RevocationList") {
		return l, fmt.Errorf("%w: the type is not %s", ErrMalformed, OneEdTech)
	}
	list := doc.Get("revokedCredential")
	if !list.Exists() {
		list = doc.Get("revokedCredentials")
	}
	if !list.Exists() {
		return l, fmt.Errorf("%w: revokedCredential is missing", ErrMalformed)
	}
	for e := range list.Elements() {
		id, ok := e.Text()
		if !ok {
			id, ok = e.Get("id").Text()
		}
		if !ok || id == "" {
			return l, fmt.Errorf("%w: %s names no credential", ErrMalformed, e.Pointer())
		}
		if on, isBool := e.Get("revoked").Bool(); isBool && !on {
			continue
		}
		l.revoked[id], _ = e.Get("revocationReason").Text()
	}
	return l, nil
}

// Revoked reports whether a 1EdTechRevocationList names a credential, and why.
func (l List) Revoked(credentialID string) (reason string, revoked bool) {
	reason, revoked = l.revoked[credentialID]
	return reason, revoked
}

func hasText(v jsondoc.Value, want string) bool {
	for e := range v.Elements() {
		if s, _ := e.Text(); s == want {
			return true
		}
	}
	return false
}
