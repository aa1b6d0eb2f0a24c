package keys

import (
	"context"
	"crypto/ecdh"
	"fmt"

	cryptoapi "github.com/hyperledger/aries-framework-go/pkg/crypto"

	"github.com/trust-me/trustme/did"
)

// Key wrapping algorithms of DIDComm v2 (§5.1.2).
const (
	AlgAuthcrypt = "ECDH-1PU+A256KW"
	AlgAnoncrypt = "ECDH-ES+A256KW"
)

// Wrapped is a content key wrapped to one recipient. Keys are X25519. Tag is
// the authentication tag of the ciphertext, which ECDH-1PU binds (draft 04
// §2.3); Sender is zero for anoncrypt.
type Wrapped struct {
	Alg          string
	EncryptedKey []byte
	Ephemeral    did.PublicKey
	Sender       did.PublicKey
	APU, APV     []byte
	Tag          []byte
}

// WrapAuthenticated wraps cek (64 bytes) from sender, whose private half is
// held here, to recipient (ECDH-1PU+A256KW). The ephemeral key serves all
// recipients of one message.
func (s *Store) WrapAuthenticated(ctx context.Context, cek []byte, sender, recipient did.PublicKey, ephemeral *ecdh.PrivateKey, w Wrapped) ([]byte, error) {
	if sender.Type != did.X25519 || recipient.Type != did.X25519 {
		return nil, fmt.Errorf("%w: key agreement between %s and %s (X25519 is supported)", did.ErrUnsupported, sender.Type, recipient.Type)
	}
	h, err := s.handle(ctx, sender)
	if err != nil {
		return nil, err
	}
	epk := &cryptoapi.PrivateKey{PublicKey: *okp(ephemeral.PublicKey().Bytes()), D: ephemeral.Bytes()}
	out, err := s.crypto.WrapKey(cek, w.APU, w.APV, okp(recipient.Bytes), cryptoapi.WithEPK(epk), cryptoapi.WithSender(h), cryptoapi.WithTag(w.Tag))
	if err != nil {
		return nil, fmt.Errorf("wrapping a content key: %v", err)
	}
	if out.Alg != AlgAuthcrypt {
		return nil, fmt.Errorf("wrapping a content key: got %s instead of %s", out.Alg, AlgAuthcrypt)
	}
	return out.EncryptedCEK, nil
}

// Unwrap returns the content key in w with the private half of recipient. The
// error wraps [ErrNotHeld] when that is not here; any other error says that
// the envelope is not for this key or was altered.
func (s *Store) Unwrap(ctx context.Context, recipient did.PublicKey, w Wrapped) (cek []byte, err error) {
	h, err := s.handle(ctx, recipient)
	if err != nil {
		return nil, err
	}
	defer func() { // hostile envelopes have made the framework panic
		if r := recover(); r != nil {
			err = fmt.Errorf("unwrapping a content key: %v", r)
		}
	}()
	rec := &cryptoapi.RecipientWrappedKey{EncryptedCEK: w.EncryptedKey, EPK: *okp(w.Ephemeral.Bytes), Alg: w.Alg, APU: w.APU, APV: w.APV}
	var opts []cryptoapi.WrapKeyOpts
	if w.Alg == AlgAuthcrypt {
		opts = append(opts, cryptoapi.WithSender(okp(w.Sender.Bytes)), cryptoapi.WithTag(w.Tag))
	}
	cek, err = s.crypto.UnwrapKey(rec, h, opts...)
	if err != nil {
		return nil, fmt.Errorf("unwrapping a content key: %v", err)
	}
	return cek, nil
}

func okp(x []byte) *cryptoapi.PublicKey {
	return &cryptoapi.PublicKey{X: x, Curve: "X25519", Type: "OKP"}
}
