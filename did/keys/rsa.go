package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

// rsaBits is the size of the RSA keys that are made here: good beyond 2030
// (NIST SP 800-57 part 1, table 4).
const rsaBits = 3072

// createRSA makes an RSA key. Aries keeps none, so its PKCS #8 form lies in the
// entry itself, sealed under the same secret and bound to its public half.
func (s *Store) createRSA(ctx context.Context) (did.PublicKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return did.PublicKey{}, fmt.Errorf("making an RSA key: %w", err)
	}
	pub, err := publicRSA(k)
	if err != nil {
		return pub, err
	}
	sealed, err := sealRSA(s.lock, pub.Multibase(), k)
	if err != nil {
		return pub, err
	}
	e := entry{Public: pub.Multibase(), Sealed: sealed, Created: time.Now().UTC()}
	return pub, s.db.Update(ctx, func(tx *store.Tx) error { return entries.Put(tx, e) })
}

func publicRSA(k *rsa.PrivateKey) (did.PublicKey, error) {
	return did.NewPublicKey(did.RSA, x509.MarshalPKCS1PublicKey(&k.PublicKey))
}

func sealRSA(l *lock, public string, k *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("sealing key %s: %w", public, err)
	}
	return l.seal(der, []byte(public))
}

// openRSA opens what sealRSA sealed, and proves that it is the key of public.
func openRSA(l *lock, public string, sealed []byte) (*rsa.PrivateKey, error) {
	der, err := l.open(sealed, []byte(public))
	if err != nil {
		return nil, err
	}
	got, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	k, ok := got.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is no RSA key")
	}
	pub, err := publicRSA(k)
	if err != nil {
		return nil, err
	}
	if pub.Multibase() != public {
		return nil, errOtherKey
	}
	return k, nil
}

// signRSA signs with RSASSA-PKCS1-v1_5 and SHA-256, as RS256 does.
func signRSA(k *rsa.PrivateKey, message []byte) ([]byte, error) {
	h := sha256.Sum256(message)
	return rsa.SignPKCS1v15(nil, k, crypto.SHA256, h[:])
}
