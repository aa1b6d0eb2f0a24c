package did

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"filippo.io/edwards25519"
	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// KeyType names a kind of public key.
type KeyType string

// The key types that are read and written.
const (
	Ed25519 KeyType = "Ed25519"
	X25519  KeyType = "X25519"
	P256    KeyType = "P-256"
	P384    KeyType = "P-384"
	P521    KeyType = "P-521"
	RSA     KeyType = "RSA"
)

// ErrSignature says that a signature does not match key and message.
var ErrSignature = errors.New("signature does not verify")

// errKeyType marks a well-formed key of a type that is not supported here.
var errKeyType = errors.New("key type not supported")

// PublicKey is a checked public key. Bytes holds 32 raw bytes for Ed25519 and
// X25519, a compressed point (SEC 1 §2.3.3) for P-256, P-384 and P-521, and
// PKCS #1 DER for RSA (RFC 8017 §A.1.1), which [NewPublicKey] also takes as
// PKIX. Make one with [NewPublicKey] or by parsing; the zero value verifies
// nothing.
type PublicKey struct {
	Type  KeyType
	Bytes []byte
}

// multicodec prefixes, as varints (multiformats table).
var codecs = []struct {
	typ    KeyType
	prefix []byte
}{
	{Ed25519, []byte{0xed, 0x01}},
	{X25519, []byte{0xec, 0x01}},
	{P256, []byte{0x80, 0x24}},
	{P384, []byte{0x81, 0x24}},
	{P521, []byte{0x82, 0x24}},
	{RSA, []byte{0x85, 0x24}},
}

// lengths are those of the bytes of a key, where a type has but one.
var lengths = map[KeyType]int{Ed25519: 32, X25519: 32, P256: 33, P384: 49, P521: 67}

// ErrKeyLength says that a key has not the length of its type. It is an
// [ErrWeakKey].
var ErrKeyLength = fmt.Errorf("%w: wrong length", ErrWeakKey)

// NewPublicKey checks raw key bytes of the form given at [PublicKey]. Points
// off the curve, small-order points, non-canonical encodings and RSA moduli
// outside 2048..8192 bits are refused; the error wraps [ErrWeakKey], and
// [ErrKeyLength] where b has not the length that every key of the type has.
func NewPublicKey(t KeyType, b []byte) (PublicKey, error) {
	var err error
	if n, fixed := lengths[t]; fixed && len(b) != n {
		return PublicKey{}, fmt.Errorf("%w: %s: %d bytes instead of %d", ErrKeyLength, t, len(b), n)
	}
	switch t {
	case Ed25519:
		err = checkEd25519(b)
	case X25519:
		err = checkX25519(b)
	case P256, P384, P521:
		_, err = ecKey(t, b)
	case RSA:
		_, err = rsaKey(b)
	default:
		err = fmt.Errorf("unknown key type %q", t)
	}
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %s: %v", ErrWeakKey, t, err)
	}
	if t == RSA {
		if k, err := rsaKey(b); err == nil {
			b = x509.MarshalPKCS1PublicKey(k) // the form of a Multikey
		}
	}
	return PublicKey{Type: t, Bytes: bytes.Clone(b)}, nil
}

// FromECDSA takes over a public key of P-256, P-384 or P-521. The errors are
// those of [NewPublicKey].
func FromECDSA(k *ecdsa.PublicKey) (PublicKey, error) {
	point, err := k.Bytes() // 4, x, y
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %v", ErrWeakKey, err)
	}
	n := len(point) / 2
	return NewPublicKey(KeyType(k.Params().Name), append([]byte{2 + point[2*n]&1}, point[1:1+n]...))
}

func checkEd25519(b []byte) error {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		return errors.New("not a point of the curve")
	}
	if !bytes.Equal(p.Bytes(), b) {
		return errors.New("not the canonical encoding of a point")
	}
	if new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("a point of small order, under which any message verifies")
	}
	return nil
}

func curve(t KeyType) elliptic.Curve {
	switch t {
	case P384:
		return elliptic.P384()
	case P521:
		return elliptic.P521()
	}
	return elliptic.P256()
}

func ecKey(t KeyType, b []byte) (*ecdsa.PublicKey, error) {
	c := curve(t)
	x, y := elliptic.UnmarshalCompressed(c, b)
	if x == nil {
		return nil, errors.New("not a compressed point of the curve")
	}
	n := (c.Params().BitSize + 7) / 8
	point := append([]byte{4}, x.FillBytes(make([]byte, n))...)
	return ecdsa.ParseUncompressedPublicKey(c, append(point, y.FillBytes(make([]byte, n))...))
}

func rsaKey(der []byte) (*rsa.PublicKey, error) {
	k, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		if k, err = x509.ParsePKCS1PublicKey(der); err != nil {
			return nil, errors.New("not a PKIX public key")
		}
	}
	r, ok := k.(*rsa.PublicKey)
	if !ok || r.N.BitLen() < 2048 || r.N.BitLen() > 8192 || r.E < 3 {
		return nil, errors.New("not an RSA key of 2048 to 8192 bits")
	}
	return r, nil
}

// IsZero reports whether k is the zero value.
func (k PublicKey) IsZero() bool { return k.Type == "" }

// Equal reports whether both are the same key.
func (k PublicKey) Equal(o PublicKey) bool {
	return k.Type == o.Type && bytes.Equal(k.Bytes, o.Bytes)
}

// Multibase returns the Multikey form: base58-btc of multicodec prefix and
// bytes (Controlled Identifiers 1.0 §2.2.2).
func (k PublicKey) Multibase() string {
	b := k.Multicodec()
	if b == nil {
		return ""
	}
	s, err := multibase.Encode(multibase.Base58BTC, b)
	if err != nil {
		return "" // an encoding that is always there
	}
	return s
}

// Multicodec returns multicodec prefix and bytes; nothing for the zero key.
func (k PublicKey) Multicodec() []byte {
	for _, c := range codecs {
		if c.typ == k.Type {
			return append(bytes.Clone(c.prefix), k.Bytes...)
		}
	}
	return nil
}

// ParseMultikey reads a Multikey value. The error wraps [ErrWeakKey] when the
// bytes are no good key, and [ErrSyntax] when they are not a Multikey.
func ParseMultikey(s string) (PublicKey, error) {
	if len(s) > MaxLength {
		return PublicKey{}, fmt.Errorf("%w: multikey longer than %d bytes", ErrSyntax, MaxLength)
	}
	if len(s) < 2 || s[0] != 'z' {
		return PublicKey{}, fmt.Errorf(`%w: a multikey begins with "z" (base58-btc): %q`, ErrSyntax, jsondoc.Clip(s))
	}
	_, b, err := multibase.Decode(s)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: multikey: %v", ErrSyntax, err)
	}
	k, err := ParseMulticodec(b)
	if err != nil {
		return k, fmt.Errorf("multikey %q: %w", jsondoc.Clip(s), err)
	}
	return k, nil
}

// ParseMulticodec reads multicodec prefix and bytes of a key. The errors are
// those of [ParseMultikey].
func ParseMulticodec(b []byte) (PublicKey, error) {
	for _, c := range codecs {
		if rest, ok := bytes.CutPrefix(b, c.prefix); ok {
			return NewPublicKey(c.typ, rest)
		}
	}
	return PublicKey{}, fmt.Errorf("%w: %w", ErrSyntax, errKeyType)
}

// Verify checks a signature: Ed25519 (RFC 8032), ECDSA as r||s with SHA-256
// (P-256), SHA-384 (P-384) or SHA-512 (P-521), RSASSA-PKCS1-v1_5 with SHA-256.
// The error wraps [ErrSignature].
func (k PublicKey) Verify(message, signature []byte) error {
	switch k.Type {
	case Ed25519:
		if known.verify(k.Bytes, message, signature) {
			return nil
		}
	case P256, P384, P521:
		return k.verifyECDSA(message, signature)
	case RSA:
		pub, err := rsaKey(k.Bytes)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrSignature, err)
		}
		h := sha256.Sum256(message)
		if rsa.VerifyPKCS1v15(pub, crypto.SHA256, h[:], signature) == nil {
			return nil
		}
	default:
		return fmt.Errorf("%w: a key of type %q cannot sign", ErrSignature, k.Type)
	}
	return ErrSignature
}

// ecKeys keeps points that were decompressed, which costs half as much as a
// signature.
var ecKeys = bounded.NewMap[string, *ecdsa.PublicKey](maxSeen)

func (k PublicKey) point() (*ecdsa.PublicKey, error) {
	name := string(k.Type) + string(k.Bytes)
	if pub, ok := ecKeys.Get(name); ok {
		return pub, nil
	}
	pub, err := ecKey(k.Type, k.Bytes)
	if err == nil {
		ecKeys.Put(name, pub)
	}
	return pub, err
}

func (k PublicKey) verifyECDSA(message, signature []byte) error {
	pub, err := k.point()
	if err != nil {
		return fmt.Errorf("%w: %v", ErrSignature, err)
	}
	n, digest := 32, sha256Sum
	switch k.Type {
	case P384:
		n, digest = 48, sha384Sum
	case P521:
		n, digest = 66, sha512Sum
	}
	if len(signature) != 2*n {
		return fmt.Errorf("%w: %d bytes instead of %d", ErrSignature, len(signature), 2*n)
	}
	r, s := new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:])
	if !ecdsa.Verify(pub, digest(message), r, s) {
		return ErrSignature
	}
	return nil
}

func sha256Sum(b []byte) []byte { h := sha256.Sum256(b); return h[:] }
func sha384Sum(b []byte) []byte { h := sha512.Sum384(b); return h[:] }
func sha512Sum(b []byte) []byte { h := sha512.Sum512(b); return h[:] }
