package did

import (
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// SignAll signs messages with an Ed25519 key. The signatures are those of
// ed25519.Sign, byte for byte (RFC 8032 §5.1.6 is deterministic), for a fifth
// less each: the key is expanded once, and the points R are encoded with one
// inversion for all. Like ed25519.Sign it takes time by the lengths of the
// messages alone. It panics where the key is not of ed25519.PrivateKeySize.
func SignAll(k ed25519.PrivateKey, messages [][]byte) [][]byte {
	if len(k) != ed25519.PrivateKeySize {
		panic(fmt.Sprintf("did: an Ed25519 private key of %d bytes", len(k)))
	}
	h := sha512.Sum512(k.Seed())
	secret := must(new(edwards25519.Scalar).SetBytesWithClamping(h[:32]))
	nonces, points := make([]edwards25519.Scalar, len(messages)), make([]edwards25519.Point, len(messages))
	for i, m := range messages {
		nonces[i] = *hashed(h[32:], m)
		points[i].ScalarBaseMult(&nonces[i])
	}
	out := encodeAll(points)
	for i, m := range messages {
		challenge := hashed(out[i], k[32:], m)
		s := challenge.MultiplyAdd(challenge, secret, &nonces[i])
		out[i] = append(out[i], s.Bytes()...)
	}
	return out
}

// hashed is the SHA-512 of what is given, as a scalar.
func hashed(of ...[]byte) *edwards25519.Scalar {
	h := sha512.New()
	for _, b := range of {
		h.Write(b)
	}
	return must(new(edwards25519.Scalar).SetUniformBytes(h.Sum(make([]byte, 0, sha512.Size))))
}

// must is for scalars of bytes whose number is known; the number alone can be
// wrong.
func must(s *edwards25519.Scalar, err error) *edwards25519.Scalar {
	if err != nil {
		panic(err)
	}
	return s
}

// encodeAll encodes points (RFC 8032 §5.1.2), each with room for the other half
// of a signature.
func encodeAll(points []edwards25519.Point) [][]byte {
	type coordinates struct{ x, y, z, before field.Element }
	all := make([]coordinates, len(points))
	product := new(field.Element).One()
	for i := range points {
		x, y, z, _ := points[i].ExtendedCoordinates()
		all[i] = coordinates{*x, *y, *z, *product}
		product.Multiply(product, z)
	}
	out := make([][]byte, len(points))
	inverse := product.Invert(product) // of all z; none is 0
	for i := len(all) - 1; i >= 0; i-- {
		p := &all[i]
		one := p.before.Multiply(&p.before, inverse)
		inverse.Multiply(inverse, &p.z)
		p.x.Multiply(&p.x, one)
		p.y.Multiply(&p.y, one)
		out[i] = append(make([]byte, 0, ed25519.SignatureSize), p.y.Bytes()...)
		out[i][31] |= byte(p.x.IsNegative() << 7)
	}
	return out
}
