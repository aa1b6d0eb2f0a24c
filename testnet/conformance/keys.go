package conformance

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// signer signs with a key that lives as long as the process.
type signer struct {
	method  string
	pub     did.PublicKey
	private crypto.PrivateKey
}

func (s signer) VerificationMethod() string { return s.method }
func (s signer) Key() did.PublicKey         { return s.pub }

// Sign makes signatures as JOSE and Data Integrity have them: of ECDSA r||s.
func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	switch k := s.private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, message), nil
	case *ecdsa.PrivateKey:
		n := (k.Params().BitSize + 7) / 8
		r, v, err := ecdsa.Sign(rand.Reader, k, digest(s.pub.Type, message))
		if err != nil {
			return nil, err
		}
		return slices.Concat(r.FillBytes(make([]byte, n)), v.FillBytes(make([]byte, n))), nil
	}
	return nil, fmt.Errorf("a %T does not sign", s.private)
}

func digest(t did.KeyType, message []byte) []byte {
	switch t {
	case did.P384:
		h := sha512.Sum384(message)
		return h[:]
	case did.P521:
		h := sha512.Sum512(message)
		return h[:]
	}
	h := sha256.Sum256(message)
	return h[:]
}

var curves = map[did.KeyType]elliptic.Curve{did.P256: elliptic.P256(), did.P384: elliptic.P384(), did.P521: elliptic.P521()}

// newSigner makes a key and its did:key.
func newSigner(t did.KeyType) (id did.DID, s signer, err error) {
	if t == did.Ed25519 {
		if _, s.private, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return id, s, err
		}
	} else if s.private, err = ecdsa.GenerateKey(curves[t], rand.Reader); err != nil {
		return id, s, err
	}
	if s.pub, err = public(t, s.private); err != nil {
		return id, s, err
	}
	if id, err = key.New(s.pub); err != nil {
		return id, s, err
	}
	s.method = key.MethodID(id)
	return id, s, nil
}

// public returns the public half of a private key.
func public(t did.KeyType, private crypto.PrivateKey) (did.PublicKey, error) {
	switch k := private.(type) {
	case ed25519.PrivateKey:
		pub, _ := k.Public().(ed25519.PublicKey)
		return did.NewPublicKey(t, pub)
	case *ecdsa.PrivateKey:
		return did.FromECDSA(&k.PublicKey)
	}
	return did.PublicKey{}, fmt.Errorf("a %T has no public half here", private)
}

// certificate makes one for this machine's own names, for a month, signed by
// itself.
func certificate(now time.Time) (tls.Certificate, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "trustme conformance door"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 1, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}, nil
}
