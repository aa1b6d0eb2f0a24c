package jose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Times are what the registered claims say. Zero values are absent.
type Times struct{ NotBefore, Expires, IssuedAt time.Time }

// Signed returns when the token says that it was signed: its iat, else its
// nbf. Open Badges 3.0 knows no iat, and its nbf is when the badge was given.
func (t Times) Signed() time.Time {
	if t.IssuedAt.IsZero() {
		return t.NotBefore
	}
	return t.IssuedAt
}

// Credential returns the credential within the token and holds the registered
// claims to it: Open Badges 3.0 §8.2.4 demands iss, nbf, jti and sub equal to
// issuer, validFrom, id and subject, and exp equal to validUntil where that is
// set. The subject may have no id only if sub is that of its first identifier
// or is absent. The credential is the payload, or its member vc (VC-JWT 1.1).
// In VC-JOSE-COSE iss, jti and sub are optional, and nbf and exp bound the
// signature, not the credential (§3.1.3): the caller holds both to its clock.
// The error wraps [ErrClaims] or [ErrMalformed].
func (t Token) Credential() (jsondoc.Value, Times, error) {
	p := t.Payload
	c, err := t.document()
	if err != nil {
		return c, Times{}, err
	}
	times, err := t.Times()
	if err != nil {
		return c, times, err
	}
	required := t.Kind == OpenBadges
	for _, m := range []struct{ claim, member, want string }{
		{"iss", "issuer", c.Get("issuer").ID()}, {"jti", "id", textOf(c.Get("id"))}, {"sub", "credentialSubject.id", c.Get("credentialSubject").First().ID()},
	} {
		v := p.Get(m.claim)
		got, ok := v.Text()
		switch {
		case !v.Exists() && (!required || m.want == ""):
		case !v.Exists():
			return c, times, fmt.Errorf("%w: %s is missing, which repeats %s", ErrClaims, m.claim, m.member)
		case !ok:
			return c, times, fmt.Errorf("%w: %s is not a text", ErrMalformed, m.claim)
		case got != m.want && (m.want != "" || m.claim != "sub"):
			return c, times, fmt.Errorf("%w: %s is %q, %s is %q", ErrClaims, m.claim, jsondoc.Clip(got), m.member, jsondoc.Clip(m.want))
		}
	}
	if !required {
		return c, times, nil
	}
	return c, times, dates(c, times)
}

// document returns the payload, or its member vc. Two credentials in one token
// are refused, since readers take either one.
func (t Token) document() (jsondoc.Value, error) {
	p, vc := t.Payload, t.Payload.Get("vc")
	switch {
	case p.Get("vp").Exists() || t.presents():
		return p, fmt.Errorf("%w: it holds a presentation", ErrMalformed)
	case !vc.Exists():
		return p, nil
	case t.Kind == VCJOSE:
		return p, fmt.Errorf("%w: a %s holds the credential itself, not vc", ErrMalformed, t.Typ)
	case vc.Kind() != jsondoc.Object:
		return p, fmt.Errorf("%w: vc is not an object", ErrMalformed)
	}
	for _, name := range []string{"@context", "type", "issuer", "credentialSubject"} {
		if p.Get(name).Exists() {
			return p, fmt.Errorf("%w: the payload has a member %s beside vc", ErrMalformed, name)
		}
	}
	return vc, nil
}

// Times returns the registered claims that are dates. The error wraps
// [ErrMalformed].
func (t Token) Times() (Times, error) {
	var out Times
	for _, m := range []struct {
		name string
		into *time.Time
	}{{"nbf", &out.NotBefore}, {"exp", &out.Expires}, {"iat", &out.IssuedAt}} {
		v := t.Payload.Get(m.name)
		if !v.Exists() || m.name == "iat" && v.Kind() == jsondoc.String {
			continue // iat rules nothing, and the vectors of VC-JOSE-COSE write a date
		}
		f, err := strconv.ParseFloat(string(v.Raw()), 64)
		if v.Kind() != jsondoc.Number || err != nil || f < 0 || f > 253402300799 { // year 9999
			return out, fmt.Errorf("%w: %s must be a number of seconds", ErrMalformed, m.name)
		}
		*m.into = time.Unix(int64(math.Floor(f)), 0).UTC()
	}
	return out, nil
}

// dates compares nbf and exp with the credential's own dates, by seconds.
func dates(c jsondoc.Value, times Times) error {
	for _, m := range []struct {
		claim       string
		at          time.Time
		member, old string
	}{{"nbf", times.NotBefore, "validFrom", "issuanceDate"}, {"exp", times.Expires, "validUntil", "expirationDate"}} {
		v := c.Get(m.member)
		if !v.Exists() {
			v = c.Get(m.old)
		}
		s, _ := v.Text()
		own, err := time.Parse(time.RFC3339Nano, s)
		switch {
		case !v.Exists() || err != nil: // the model rules judge the member
		case m.at.IsZero():
			return fmt.Errorf("%w: %s is missing, which repeats %s", ErrClaims, m.claim, m.member)
		case !own.Truncate(time.Second).Equal(m.at):
			return fmt.Errorf("%w: %s is %s, %s is %s", ErrClaims, m.claim, m.at.Format(time.RFC3339), m.member, s)
		}
	}
	return nil
}

// Sign signs a credential as an Open Badges VC-JWT: the payload is the
// credential's own bytes with iss, sub, jti, nbf and exp behind its last
// member. The algorithm follows from the key. The error wraps [ErrMalformed],
// [ErrLimit], [ErrUnsupported] for a key that does not sign, or the signer's.
func Sign(ctx context.Context, credential []byte, s Signer) ([]byte, error) {
	v, err := object(credential, "credential")
	if err != nil {
		return nil, err
	}
	alg, err := algOf(s.Key())
	if err != nil {
		return nil, err
	}
	claims, err := registered(v)
	if err != nil {
		return nil, err
	}
	payload, err := withMembers(credential, v, claims)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{alg, s.VerificationMethod(), "JWT"})
	if err != nil {
		return nil, err
	}
	return sign(ctx, header, payload, s)
}

// registered returns the claims that Open Badges 3.0 §8.2.2 demands, in the
// order iss, sub, jti, nbf, exp. Only sub, where the subject has no id, and exp
// can be absent.
func registered(v jsondoc.Value) ([][2]any, error) {
	var out [][2]any
	for _, m := range []struct {
		claim, value, member string
		optional             bool
	}{
		{"iss", v.Get("issuer").ID(), "issuer", false},
		{"sub", v.Get("credentialSubject").First().ID(), "credentialSubject", true},
		{"jti", textOf(v.Get("id")), "id", false},
	} {
		if m.value != "" {
			out = append(out, [2]any{m.claim, m.value})
		} else if !m.optional {
			return nil, fmt.Errorf("%w: the credential has no %s, from which %s follows", ErrMalformed, m.member, m.claim)
		}
	}
	for _, m := range [][2]string{{"nbf", "validFrom"}, {"exp", "validUntil"}} {
		d := v.Get(m[1])
		if !d.Exists() && m[0] == "exp" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, textOf(d))
		if err != nil {
			return nil, fmt.Errorf("%w: %s is no date and time with zone, from which %s follows", ErrMalformed, m[1], m[0])
		}
		out = append(out, [2]any{m[0], at.Unix()})
	}
	return out, nil
}

// withMembers puts members behind the last of an object that is not empty, and
// keeps its bytes.
func withMembers(raw []byte, v jsondoc.Value, members [][2]any) ([]byte, error) {
	end := v.Offset() + len(v.Raw()) - 1
	out := bytes.TrimRight(raw[:end], " \t\r\n")
	out = slices.Clone(out)
	for _, m := range members {
		name, _ := m[0].(string)
		if v.Get(name).Exists() {
			return nil, fmt.Errorf("%w: the credential has a member %s of its own", ErrMalformed, name)
		}
		val, err := json.Marshal(m[1])
		if err != nil {
			return nil, err
		}
		out = append(out, `,"`+name+`":`...)
		out = append(out, val...)
	}
	return append(out, '}'), nil
}

func textOf(v jsondoc.Value) string { s, _ := v.Text(); return s }
