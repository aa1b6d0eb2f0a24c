package did

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"github.com/trust-me/trustme/internal/bounded"
)

// A key that verified often gets a table of its multiples, with which a
// signature takes a third of the time. The equation is that of crypto/ed25519:
// S below the group order, R compared as bytes with [S]B - [k]A (RFC 8032
// §5.1.7 without the cofactor). TestAKnownKeyAnswersAsTheStandardLibrary holds
// the two to each other.

const (
	window  = 8
	digits  = 32 // of 8 bits, for a scalar of 253
	entries = 1 << (window - 1)

	sightings = 64  // before a table is worth its making
	maxTables = 16  // of 480 KB
	maxSeen   = 512 // keys that are counted
)

// niels is an affine point as mixed addition wants it: y+x, y-x, 2dxy.
type niels struct{ sum, difference, xy2d field.Element }

// multiples holds, for digit i and 1 <= j <= 128, the point j·256^i·P.
type multiples [digits][entries]niels

var curveD2 = func() *field.Element {
	// d = -121665/121666 (RFC 8032 §5.1)
	num, den := new(field.Element).Mult32(new(field.Element).One(), 121665), new(field.Element).Mult32(new(field.Element).One(), 121666)
	d := new(field.Element).Multiply(num.Negate(num), den.Invert(den))
	return d.Add(d, d)
}()

func newMultiples(p *edwards25519.Point) *multiples {
	t := new(multiples)
	step := new(edwards25519.Point).Set(p)
	var points [entries]edwards25519.Point
	for i := range t {
		points[0].Set(step)
		for j := 1; j < entries; j++ {
			points[j].Add(&points[j-1], step)
		}
		affine(t[i][:], points[:])
		for range window {
			step.Add(step, step)
		}
	}
	return t
}

// affine converts points with one inversion for all (Montgomery's trick).
func affine(out []niels, points []edwards25519.Point) {
	var before [entries]field.Element
	acc := new(field.Element).One()
	for i := range points {
		_, _, z, _ := points[i].ExtendedCoordinates()
		before[i].Set(acc)
		acc.Multiply(acc, z)
	}
	acc.Invert(acc)
	for i := len(points) - 1; i >= 0; i-- {
		x, y, z, _ := points[i].ExtendedCoordinates()
		inverse := new(field.Element).Multiply(acc, &before[i])
		acc.Multiply(acc, z)
		x.Multiply(x, inverse)
		y.Multiply(y, inverse)
		out[i].sum.Add(y, x)
		out[i].difference.Subtract(y, x)
		out[i].xy2d.Multiply(x, y)
		out[i].xy2d.Multiply(&out[i].xy2d, curveD2)
	}
}

// extended is a point in extended coordinates.
type extended struct{ x, y, z, t field.Element }

// add adds a point, or takes it away (Hisil et al. 2008, §3.1).
func (p *extended) add(q *niels, negative bool) {
	sum, difference := &q.sum, &q.difference
	if negative {
		sum, difference = difference, sum
	}
	var a, b, c, d, e, f, g, h field.Element
	a.Multiply(a.Subtract(&p.y, &p.x), difference)
	b.Multiply(b.Add(&p.y, &p.x), sum)
	c.Multiply(&p.t, &q.xy2d)
	if negative {
		c.Negate(&c)
	}
	d.Add(&p.z, &p.z)
	e.Subtract(&b, &a)
	f.Subtract(&d, &c)
	g.Add(&d, &c)
	h.Add(&b, &a)
	p.x.Multiply(&e, &f)
	p.y.Multiply(&g, &h)
	p.z.Multiply(&f, &g)
	p.t.Multiply(&e, &h)
}

// sum is what is added up for a signature.
type sum struct {
	n     int
	terms [2 * digits]niels
	minus [2 * digits]bool
}

// product adds s times the point of a table, or takes it away. It takes time
// by s, which is public here. The tables are larger than what is close to the
// processor: to take all out first, and then to add, is to wait for them once.
func (m *sum) product(t *multiples, s []byte, negative bool) {
	carry := 0
	for i := range digits { // of which one is a byte
		d := int(s[i]) + carry
		carry = 0
		if d > entries {
			d -= 1 << window
			carry = 1
		}
		if d == 0 {
			continue
		}
		m.minus[m.n] = negative
		if d < 0 {
			d, m.minus[m.n] = -d, !negative
		}
		m.terms[m.n] = t[i][d-1]
		m.n++
	}
}

func (p *extended) addAll(m *sum) {
	for i := range m.n {
		p.add(&m.terms[i], m.minus[i])
	}
}

// bytes encodes a point (RFC 8032 §5.1.2).
func (p *extended) bytes() []byte {
	inverse := new(field.Element).Invert(&p.z)
	x, y := new(field.Element).Multiply(&p.x, inverse), new(field.Element).Multiply(&p.y, inverse)
	out := y.Bytes()
	out[31] |= byte(x.IsNegative() << 7)
	return out
}

var baseMultiples = sync.OnceValue(func() *multiples { return newMultiples(edwards25519.NewGeneratorPoint()) })

// verify is ed25519.Verify under the key of which t holds the multiples.
func (t *multiples) verify(key, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	h := sha512.New()
	h.Write(signature[:32])
	h.Write(key)
	h.Write(message)
	k, err := new(edwards25519.Scalar).SetUniformBytes(h.Sum(make([]byte, 0, sha512.Size)))
	if err != nil {
		return false
	}
	var r extended
	r.y.One()
	r.z.One()
	var m sum
	m.product(baseMultiples(), s.Bytes(), false)
	m.product(t, k.Bytes(), true)
	r.addAll(&m)
	return bytes.Equal(r.bytes(), signature[:32])
}

// knownKeys counts how often each key verified and makes tables for those that
// come back.
type knownKeys struct {
	seen   *bounded.Map[[32]byte, int]
	tables *bounded.Map[[32]byte, *multiples]
}

func newKnownKeys() *knownKeys {
	return &knownKeys{bounded.NewMap[[32]byte, int](maxSeen), bounded.NewMap[[32]byte, *multiples](maxTables)}
}

var known = newKnownKeys()

// verify is ed25519.Verify. Only keys under which a signature held are
// counted: nobody fills the tables without signing.
func (k *knownKeys) verify(key, message, signature []byte) bool {
	if len(key) != ed25519.PublicKeySize {
		return false
	}
	id := [32]byte(key)
	if t, ok := k.tables.Get(id); ok {
		return t.verify(key, message, signature)
	}
	if !ed25519.Verify(key, message, signature) {
		return false
	}
	if n := k.seen.Update(id, func(n int, _ bool) int { return n + 1 }); n%sightings == 0 {
		if p, err := new(edwards25519.Point).SetBytes(key); err == nil {
			k.tables.Put(id, newMultiples(p))
		}
	}
	return true
}
