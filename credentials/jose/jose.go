// Package jose reads, verifies and signs credentials as compact JWS: the
// VC-JWT of Open Badges 3.0 (§8.2) and vc+jwt of W3C VC-JOSE-COSE. It knows
// RS256, ES256, ES384, ES512 and EdDSA, and nothing that a shared secret or no
// key at all could sign.
package jose

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

var (
	// ErrMalformed says that bytes are no compact JWS of the accepted kind.
	ErrMalformed = errors.New("malformed JWT")
	// ErrLimit says that a part is larger than is read.
	ErrLimit = errors.New("JWT too large")
	// ErrUnsupported says that an algorithm, type or extension is not known, or
	// one that proves nothing.
	ErrUnsupported = errors.New("JWT not supported")
	// ErrNoSignature says that the third part is missing or empty.
	ErrNoSignature = errors.New("JWT without signature")
	// ErrSignature says that the signature does not match.
	ErrSignature = errors.New("JWT signature does not match")
	// ErrClaims says that a registered claim contradicts the credential.
	ErrClaims = errors.New("JWT claims contradict the credential")
)

// Kind tells the two families apart.
type Kind int

// OpenBadges has typ absent or JWT and repeats members as claims; VCJOSE has
// typ vc+jwt or vp+jwt.
const (
	OpenBadges Kind = iota
	VCJOSE
)

// Token is a JWS as read, not yet verified. JWK is the header's key, absent
// when it has none.
type Token struct {
	Kind            Kind
	Alg, KeyID, Typ string
	Header, Payload jsondoc.Value
	JWK             jsondoc.Value
	input, sig      []byte
}

const (
	maxHeader = 16 << 10
	maxToken  = 2 << 20
)

// algs are the algorithms and the keys they take.
var algs = map[string]did.KeyType{"RS256": did.RSA, "ES256": did.P256, "ES384": did.P384, "ES512": did.P521, "EdDSA": did.Ed25519, "Ed25519": did.Ed25519}

// Parse reads a compact JWS: three parts, unpadded base64url without stray
// bits, header and payload read as strictly as any stranger's JSON. The error
// wraps [ErrMalformed], [ErrLimit], [ErrUnsupported] or [ErrNoSignature].
func Parse(raw []byte) (Token, error) {
	if len(raw) > maxToken {
		return Token{}, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(raw), maxToken)
	}
	raw = bytes.TrimRight(raw, "\r\n")
	switch bytes.Count(raw, []byte(".")) {
	case 2:
	case 1:
		return Token{}, fmt.Errorf("%w: it has two parts", ErrNoSignature)
	case 4:
		return Token{}, fmt.Errorf("%w: five parts, an encrypted JWE", ErrUnsupported)
	default:
		return Token{}, fmt.Errorf("%w: it does not have three parts", ErrMalformed)
	}
	head, rest, _ := bytes.Cut(raw, []byte("."))
	body, sig, _ := bytes.Cut(rest, []byte("."))
	if len(head) > maxHeader {
		return Token{}, fmt.Errorf("%w: a header of %d bytes, at most %d", ErrLimit, len(head), maxHeader)
	}
	t := Token{input: raw[:len(head)+1+len(body)]}
	var err error
	if t.Header, err = part(head, "header"); err != nil {
		return t, err
	}
	if err := t.header(); err != nil {
		return t, err
	}
	if t.Payload, err = part(body, "payload"); err != nil {
		return t, err
	}
	if t.sig, err = decode(sig); err != nil {
		return t, fmt.Errorf("%w: signature: %v", ErrMalformed, err)
	}
	if len(t.sig) == 0 {
		return t, fmt.Errorf("%w: its third part is empty", ErrNoSignature)
	}
	return t, nil
}

func part(b []byte, name string) (jsondoc.Value, error) {
	raw, err := decode(b)
	if err != nil {
		return jsondoc.Value{}, fmt.Errorf("%w: %s: %v", ErrMalformed, name, err)
	}
	return object(raw, name)
}

func object(raw []byte, name string) (jsondoc.Value, error) {
	v, err := jsondoc.Parse(raw)
	switch {
	case errors.Is(err, jsondoc.ErrLimit):
		return v, fmt.Errorf("%w: %s: %w", ErrLimit, name, err)
	case err != nil:
		return v, fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
	case v.Kind() != jsondoc.Object:
		return v, fmt.Errorf("%w: the %s is not an object", ErrMalformed, name)
	}
	return v, nil
}

var strict = base64.RawURLEncoding.Strict()

func decode(b []byte) ([]byte, error) {
	if bytes.ContainsAny(b, "\r\n") {
		return nil, errors.New("not base64url")
	}
	out, err := strict.AppendDecode(nil, b)
	if err != nil {
		return nil, errors.New("not base64url without padding")
	}
	return out, nil
}

// private are the members of a JWK that must never be shown (RFC 7518 §6).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

func (t *Token) header() error {
	for _, m := range []struct {
		name string
		into *string
	}{{"alg", &t.Alg}, {"kid", &t.KeyID}, {"typ", &t.Typ}} {
		v := t.Header.Get(m.name)
		s, ok := v.Text()
		if v.Exists() && !ok {
			return fmt.Errorf("%w: header %s is not a text", ErrMalformed, m.name)
		}
		*m.into = s
	}
	if _, ok := algs[t.Alg]; !ok {
		return fmt.Errorf("%w: alg %q; only RS256, ES256, ES384, ES512 and EdDSA prove anything here", ErrUnsupported, t.Alg)
	}
	for _, name := range []string{"crit", "b64", "zip"} {
		if t.Header.Get(name).Exists() {
			return fmt.Errorf("%w: header %s", ErrUnsupported, name)
		}
	}
	switch t.Typ {
	case "", "JWT", "jwt":
		t.Kind = OpenBadges
	case "vc+jwt", "vp+jwt", "application/vc+jwt", "application/vp+jwt":
		t.Kind = VCJOSE
	default:
		return fmt.Errorf("%w: typ %q", ErrUnsupported, t.Typ)
	}
	t.JWK = t.Header.Get("jwk")
	if t.JWK.Exists() && t.JWK.Kind() != jsondoc.Object {
		return fmt.Errorf("%w: header jwk is not an object", ErrMalformed)
	}
	for _, name := range private {
		if t.JWK.Get(name).Exists() {
			return fmt.Errorf("%w: the jwk in the header shows private member %q", ErrMalformed, name)
		}
	}
	return nil
}

// Verify checks the signature with a key that the caller has bound to the
// issuer. The error wraps [ErrSignature].
func (t Token) Verify(key did.PublicKey) error {
	if algs[t.Alg] != key.Type {
		return fmt.Errorf("%w: alg %s with a %s key", ErrSignature, t.Alg, key.Type)
	}
	if err := key.Verify(t.input, t.sig); err != nil {
		return fmt.Errorf("%w: %s", ErrSignature, t.Alg)
	}
	return nil
}

// Signer signs as one verification method; did/keys has one.
type Signer interface {
	Sign(ctx context.Context, message []byte) ([]byte, error)
	VerificationMethod() string
	Key() did.PublicKey
}

// sign writes a compact JWS over payload.
func sign(ctx context.Context, header, payload []byte, s Signer) ([]byte, error) {
	input := slices.Concat(strict.AppendEncode(nil, header), []byte("."), strict.AppendEncode(nil, payload))
	sig, err := s.Sign(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return slices.Concat(input, []byte("."), strict.AppendEncode(nil, sig)), nil
}

// algOf returns the algorithm of a key.
func algOf(k did.PublicKey) (string, error) {
	switch k.Type {
	case did.Ed25519:
		return "EdDSA", nil
	case did.P256:
		return "ES256", nil
	case did.P384:
		return "ES384", nil
	case did.P521:
		return "ES512", nil
	case did.RSA:
		return "RS256", nil
	}
	return "", fmt.Errorf("%w: a %s key does not sign", ErrUnsupported, k.Type)
}
