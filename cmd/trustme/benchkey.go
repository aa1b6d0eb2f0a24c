package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// benchKey signs as one party.
type benchKey struct {
	method string
	public did.PublicKey
	sign   func([]byte) ([]byte, error)
	ed     ed25519.PrivateKey // nil of a P-256 key
}

func (k benchKey) Sign(_ context.Context, m []byte) ([]byte, error) { return k.sign(m) }
func (k benchKey) VerificationMethod() string                       { return k.method }
func (k benchKey) Key() did.PublicKey                               { return k.public }

// batchKey is an Ed25519 key that signs a batch together.
type batchKey struct{ benchKey }

// SignAll is of [dataintegrity.BatchSigner].
func (k batchKey) SignAll(_ context.Context, messages [][]byte) ([][]byte, error) {
	return did.SignAll(k.ed, messages), nil
}

func newBenchKey(method string, seed []byte) (benchKey, did.DID, error) {
	private := ed25519.NewKeyFromSeed(seed)
	pub, err := did.NewPublicKey(did.Ed25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	id, err := key.New(pub)
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	if method == "" {
		method = key.MethodID(id)
	}
	return benchKey{method, pub, func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }, private}, id, nil
}

func newBenchP256() (benchKey, did.DID, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	pub, err := did.FromECDSA(&private.PublicKey)
	if err != nil {
		return benchKey{}, did.DID{}, err
	}
	id, err := key.New(pub)
	return benchKey{key.MethodID(id), pub, func(m []byte) ([]byte, error) {
		sum := sha256.Sum256(m)
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
	}, nil}, id, err
}

// seeds returns what in a text could be an Ed25519 private key: in hex,
// base64, multibase, a JWK's d, or PKCS #8.
func seeds(text string) (out [][]byte) {
	add := func(b []byte) {
		switch b = bytes.TrimPrefix(b, []byte{0x80, 0x26}); len(b) { // multicodec ed25519-priv
		case ed25519.SeedSize, ed25519.PrivateKeySize:
			out = append(out, b[:ed25519.SeedSize])
		default:
			if k, err := x509.ParsePKCS8PrivateKey(b); err == nil {
				if e, ok := k.(ed25519.PrivateKey); ok {
					out = append(out, e.Seed())
				}
			}
		}
	}
	if p, _ := pem.Decode([]byte(text)); p != nil {
		add(p.Bytes)
	}
	if b, err := hex.DecodeString(text); err == nil {
		add(b)
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding, base64.URLEncoding} {
		if b, err := e.DecodeString(text); err == nil {
			add(b)
		}
	}
	if _, b, err := multibase.Decode(text); err == nil {
		add(b)
	}
	return out
}

// texts yields every text within a value with the name of its member.
func texts(v jsondoc.Value, yield func(name, text string)) {
	for m := v.Child(); m.Exists(); m = m.Next() {
		if s, ok := m.Text(); ok {
			yield(m.Name(), s)
		}
		texts(m, yield)
	}
}

// keyOf finds the issuer's private key in issuer.json: the one whose public
// key is there too, or in a did:key of the badge; else the one under a usual
// name.
func keyOf(v jsondoc.Value, badge string) ([]byte, error) {
	var all strings.Builder
	all.WriteString(badge)
	texts(v, func(_, s string) { all.WriteString(" " + s) })
	var named []byte
	var found []byte
	texts(v, func(name, s string) {
		for _, seed := range seeds(s) {
			public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
			k, err := did.NewPublicKey(did.Ed25519, public)
			if err == nil && (strings.Contains(all.String(), k.Multibase()) || strings.Contains(all.String(), base64.RawURLEncoding.EncodeToString(public))) {
				found = seed
			}
			if slices.Contains([]string{"secretKeyMultibase", "privateKeyMultibase", "seed", "secretKey", "privateKey", "d"}, name) && named == nil {
				named = seed
			}
		}
	})
	if found == nil {
		found = named
	}
	if found == nil {
		return nil, usagef("issuer.json names no Ed25519 private key: write secretKeyMultibase, privateKeyMultibase, seed or privateKeyJwk")
	}
	return found, nil
}
