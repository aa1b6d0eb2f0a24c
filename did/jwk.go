package did

import (
	"crypto/ecdh"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// JWK is the public part of a JSON Web Key (RFC 7517) in the members that the
// key types here use.
type JWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

var b64 = base64.RawURLEncoding.Strict()

// JWK returns k as a JSON Web Key.
func (k PublicKey) JWK() (JWK, error) {
	switch k.Type {
	case Ed25519, X25519:
		return JWK{Kty: "OKP", Crv: string(k.Type), X: b64.EncodeToString(k.Bytes)}, nil
	case P256, P384, P521:
		pub, err := ecKey(k.Type, k.Bytes)
		if err != nil {
			return JWK{}, err
		}
		point, err := pub.Bytes() // 4, x, y
		if err != nil {
			return JWK{}, err
		}
		n := (len(point) - 1) / 2
		return JWK{Kty: "EC", Crv: string(k.Type), X: b64.EncodeToString(point[1 : 1+n]), Y: b64.EncodeToString(point[1+n:])}, nil
	case RSA:
		pub, err := rsaKey(k.Bytes)
		if err != nil {
			return JWK{}, err
		}
		return JWK{Kty: "RSA", N: b64.EncodeToString(pub.N.Bytes()), E: b64.EncodeToString(big.NewInt(int64(pub.E)).Bytes())}, nil
	}
	return JWK{}, fmt.Errorf("%w: key type %q has no JWK form", ErrWeakKey, k.Type)
}

// privateMembers may never appear in a key that somebody else shows
// (RFC 7518 §6): a published private key proves nothing.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseJWK reads a public JSON Web Key. A key with private members is refused.
// The error wraps [ErrWeakKey].
func ParseJWK(v jsondoc.Value) (PublicKey, error) {
	for _, m := range privateMembers {
		if v.Get(m).Exists() {
			return PublicKey{}, fmt.Errorf("%w: a JWK with the private member %q", ErrWeakKey, m)
		}
	}
	part := func(name string) ([]byte, error) {
		s, ok := v.Get(name).Text()
		if !ok || s == "" {
			return nil, fmt.Errorf("%w: JWK member %q is missing", ErrWeakKey, name)
		}
		b, err := b64.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("%w: JWK member %q is not base64url", ErrWeakKey, name)
		}
		return b, nil
	}
	kty, _ := v.Get("kty").Text()
	crv, _ := v.Get("crv").Text()
	switch {
	case kty == "OKP" && (crv == "Ed25519" || crv == "X25519"):
		x, err := part("x")
		if err != nil {
			return PublicKey{}, err
		}
		return NewPublicKey(KeyType(crv), x)
	case kty == "EC" && (crv == "P-256" || crv == "P-384" || crv == "P-521"):
		x, errX := part("x")
		y, errY := part("y")
		if err := errors.Join(errX, errY); err != nil {
			return PublicKey{}, err
		}
		return ecFromXY(KeyType(crv), x, y)
	case kty == "RSA":
		n, errN := part("n")
		e, errE := part("e")
		if err := errors.Join(errN, errE); err != nil {
			return PublicKey{}, err
		}
		return rsaFromNE(n, e)
	}
	return PublicKey{}, fmt.Errorf("%w: JWK of kty %q, crv %q: %w", ErrWeakKey, kty, crv, errKeyType)
}

func ecFromXY(t KeyType, x, y []byte) (PublicKey, error) {
	c := curve(t)
	n := (c.Params().BitSize + 7) / 8
	if len(x) != n || len(y) != n {
		return PublicKey{}, fmt.Errorf("%w: %s coordinates must be %d bytes (RFC 7518 §6.2.1.2)", ErrWeakKey, t, n)
	}
	ec := ecdh.P256()
	switch t {
	case P384:
		ec = ecdh.P384()
	case P521:
		ec = ecdh.P521()
	}
	if _, err := ec.NewPublicKey(slices.Concat([]byte{4}, x, y)); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %s point off the curve", ErrWeakKey, t)
	}
	return NewPublicKey(t, slices.Concat([]byte{2 | y[n-1]&1}, x)) // SEC 1 §2.3.3
}

func rsaFromNE(n, e []byte) (PublicKey, error) {
	if len(e) > 4 || len(n) > 1024 {
		return PublicKey{}, fmt.Errorf("%w: RSA key out of size", ErrWeakKey)
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %v", ErrWeakKey, err)
	}
	return NewPublicKey(RSA, der)
}
