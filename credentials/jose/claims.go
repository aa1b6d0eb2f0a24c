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
type Times struct{ NotBefore, Expires time.Time }

// Credential returns the credential within the token and holds the registered
// claims to it: Open Badges 3.0 §8.2.4 demands iss, nbf, jti and sub equal to
// issuer, validFrom, id and subject, and exp equal to validUntil where that is
// set. The subject may have no id only if sub is that of its first identifier
// or is absent. The credential is the payload, or its member vc (VC-JWT 1.1).
// The error wraps [ErrClaims] or [ErrMalformed].
func (t Token) Credential() (jsondoc.Value, Times, error) {
	p := t.Payload
	c := p
	if vc := p.Get("vc"); vc.Exists() {
		if t.Kind == VCJOSE {
			return c, Times{}, fmt.Errorf("%w: a %s holds the credential itself, not vc", ErrMalformed, t.Typ)
		}
		c = vc
	}
	if vp := p.Get("vp"); vp.Exists() {
		return c, Times{}, fmt.Errorf("%w: it holds a presentation", ErrMalformed)
	}
	times, err := t.times()
	if err != nil {
		return c, times, err
	}
	required := t.Kind == OpenBadges
	for _, m := range []struct{ claim, member, want string }{
		{"iss", "issuer", idOf(c.Get("issuer"))}, {"jti", "id", textOf(c.Get("id"))}, {"sub", "credentialSubject.id", idOf(first(c.Get("credentialSubject")))},
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
			return c, times, fmt.Errorf("%w: %s is %q, %s is %q", ErrClaims, m.claim, clip(got), m.member, clip(m.want))
		}
	}
	return c, times, t.dates(c, times, required)
}

func (t Token) times() (Times, error) {
	var out Times
	for name, into := range map[string]*time.Time{"nbf": &out.NotBefore, "exp": &out.Expires} {
		v := t.Payload.Get(name)
		if !v.Exists() {
			continue
		}
		f, err := strconv.ParseFloat(string(v.Raw()), 64)
		if v.Kind() != jsondoc.Number || err != nil || f < 0 || f > 253402300799 { // year 9999
			return out, fmt.Errorf("%w: %s must be a number of seconds", ErrMalformed, name)
		}
		*into = time.Unix(int64(math.Floor(f)), 0).UTC()
	}
	return out, nil
}

// dates compares nbf and exp with the credential's own dates, by seconds.
func (t Token) dates(c jsondoc.Value, times Times, required bool) error {
	for _, m := range []struct {
		claim  string
		at     time.Time
		member string
	}{{"nbf", times.NotBefore, "validFrom"}, {"exp", times.Expires, "validUntil"}} {
		v := c.Get(m.member)
		if old := map[string]string{"validFrom": "issuanceDate", "validUntil": "expirationDate"}[m.member]; !v.Exists() {
			v = c.Get(old)
		}
		s, _ := v.Text()
		own, err := time.Parse(time.RFC3339Nano, s)
		switch {
		case !v.Exists() || err != nil: // the model rules judge the member
		case m.at.IsZero() && required:
			return fmt.Errorf("%w: %s is missing, which repeats %s", ErrClaims, m.claim, m.member)
		case !m.at.IsZero() && !own.Truncate(time.Second).Equal(m.at):
			return fmt.Errorf("%w: %s is %s, %s is %s", ErrClaims, m.claim, m.at.Format(time.RFC3339), m.member, s)
		}
	}
	return nil
}

// Sign signs a credential as an Open Badges VC-JWT: the payload is the
// credential's own bytes with iss, sub, jti, nbf and exp behind its last
// member.
func Sign(ctx context.Context, credential []byte, s Signer) ([]byte, error) {
	v, err := jsondoc.Parse(credential)
	if err != nil {
		return nil, err
	}
	alg, err := algOf(s.Key())
	if err != nil {
		return nil, err
	}
	claims := [][2]any{{"iss", idOf(v.Get("issuer"))}}
	if sub := idOf(first(v.Get("credentialSubject"))); sub != "" {
		claims = append(claims, [2]any{"sub", sub})
	}
	claims = append(claims, [2]any{"jti", textOf(v.Get("id"))})
	for _, m := range [][2]string{{"nbf", "validFrom"}, {"exp", "validUntil"}} {
		if d := v.Get(m[1]); d.Exists() {
			at, err := time.Parse(time.RFC3339Nano, textOf(d))
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %v", ErrMalformed, m[1], err)
			}
			claims = append(claims, [2]any{m[0], at.Unix()})
		}
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

// withMembers puts members behind the last of an object, which keeps its bytes.
func withMembers(raw []byte, v jsondoc.Value, members [][2]any) ([]byte, error) {
	if v.Kind() != jsondoc.Object || v.Len() == 0 {
		return nil, fmt.Errorf("%w: a credential is an object", ErrMalformed)
	}
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

func idOf(v jsondoc.Value) string {
	if s, ok := v.Text(); ok {
		return s
	}
	return textOf(v.Get("id"))
}

func first(v jsondoc.Value) jsondoc.Value {
	for e := range v.Elements() {
		return e
	}
	return jsondoc.Value{}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}
