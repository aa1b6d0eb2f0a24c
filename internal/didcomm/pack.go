package didcomm

import (
	"context"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
)

var (
	// ErrEnvelope says that bytes are no envelope, or were altered.
	ErrEnvelope = errors.New("not a DIDComm envelope for us")
	// ErrSender says that a message claims a sender who did not seal it.
	ErrSender = errors.New("sender is not who the message says")
	// ErrNoAgreementKey says that a party has no X25519 key agreement key.
	ErrNoAgreementKey = errors.New("no X25519 key agreement key")
)

// mediaEncrypted is the typ of an encrypted message.
const mediaEncrypted = "application/didcomm-encrypted+json"

var b64 = base64.RawURLEncoding

// Packer seals and opens envelopes with the keys of one party. Envelopes are
// JWE in general JSON form: authcrypt as ECDH-1PU+A256KW, anoncrypt as
// ECDH-ES+A256KW, both with A256CBC-HS512 over X25519 (DIDComm Messaging v2
// §5.1). It is safe for concurrent use.
type Packer struct {
	Keys     *keys.Store
	Resolver did.Resolver
	// Own reports whether a DID is one of ours. Nothing else that an envelope
	// names as its recipient is resolved.
	Own func(context.Context, did.DID) (bool, error)
}

type jweHeader struct {
	Typ  string   `json:"typ"`
	Alg  string   `json:"alg"`
	Enc  string   `json:"enc"`
	Skid string   `json:"skid,omitempty"`
	APU  string   `json:"apu,omitempty"`
	APV  string   `json:"apv"`
	EPK  *did.JWK `json:"epk"`
}

type jweRecipient struct {
	Header       map[string]string `json:"header"`
	EncryptedKey string            `json:"encrypted_key"`
}

type jwe struct {
	Protected  string         `json:"protected"`
	Recipients []jweRecipient `json:"recipients"`
	IV         string         `json:"iv"`
	Ciphertext string         `json:"ciphertext"`
	Tag        string         `json:"tag"`
}

// Pack seals m to every agreement key of the DID to. With a zero from the
// envelope is anonymous. From and To of the message are set to match.
func (p *Packer) Pack(ctx context.Context, m Message, from, to did.DID) ([]byte, error) {
	recipients, err := p.agreement(ctx, to)
	if err != nil {
		return nil, err
	}
	m.To, m.From = []string{to.String()}, ""
	var sender *did.VerificationMethod
	if !from.IsZero() {
		m.From = from.String()
		if sender, err = p.ownAgreement(ctx, from); err != nil {
			return nil, err
		}
	}
	plain, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("packing a message: %w", err)
	}
	return p.seal(ctx, plain, sender, recipients)
}

// agreement returns the X25519 keys of a DID.
func (p *Packer) agreement(ctx context.Context, id did.DID) ([]did.VerificationMethod, error) {
	res, err := p.Resolver.Resolve(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("finding the keys of a peer: %w", err)
	}
	out := slices.DeleteFunc(res.Document.For(did.KeyAgreement), func(m did.VerificationMethod) bool { return m.Key.Type != did.X25519 })
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoAgreementKey, id)
	}
	return out, nil
}

func (p *Packer) ownAgreement(ctx context.Context, id did.DID) (*did.VerificationMethod, error) {
	ms, err := p.agreement(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if held, err := p.Keys.Holds(ctx, m.Key); err != nil {
			return nil, err
		} else if held {
			return &m, nil
		}
	}
	return nil, fmt.Errorf("%w: no agreement key of %s", keys.ErrNotHeld, id)
}

func (p *Packer) seal(ctx context.Context, plain []byte, sender *did.VerificationMethod, to []did.VerificationMethod) ([]byte, error) {
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	apv := recipientsHash(to)
	head := jweHeader{Typ: mediaEncrypted, Alg: keys.AlgAnoncrypt, Enc: encCBC, APV: b64.EncodeToString(apv),
		EPK: &did.JWK{Kty: "OKP", Crv: "X25519", X: b64.EncodeToString(ephemeral.PublicKey().Bytes())}}
	var apu []byte
	if sender != nil {
		apu = []byte(sender.ID)
		head.Alg, head.Skid, head.APU = keys.AlgAuthcrypt, sender.ID, b64.EncodeToString(apu)
	}
	protected, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	env := jwe{Protected: b64.EncodeToString(protected)}
	cek := make([]byte, 64)
	rand.Read(cek) // never fails (crypto/rand)
	tag, err := env.encrypt(plain, cek)
	if err != nil {
		return nil, err
	}
	for _, r := range to {
		var wrapped []byte
		if sender == nil {
			wrapped, err = wrapAnonymous(cek, r.Key, ephemeral, apv)
		} else {
			wrapped, err = p.Keys.WrapAuthenticated(ctx, cek, sender.Key, r.Key, ephemeral, keys.Wrapped{APU: apu, APV: apv, Tag: tag})
		}
		if err != nil {
			return nil, err
		}
		env.Recipients = append(env.Recipients, jweRecipient{map[string]string{"kid": r.ID}, b64.EncodeToString(wrapped)})
	}
	return json.Marshal(env)
}

// encrypt fills iv, ciphertext and tag, and returns the tag.
func (e *jwe) encrypt(plain, cek []byte) ([]byte, error) {
	aead, err := josecipher.NewCBCHMAC(cek, aes.NewCipher)
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv) // never fails (crypto/rand)
	sealed := aead.Seal(nil, iv, plain, []byte(e.Protected))
	n := len(sealed) - tagSize
	e.IV, e.Ciphertext, e.Tag = b64.EncodeToString(iv), b64.EncodeToString(sealed[:n]), b64.EncodeToString(sealed[n:])
	return sealed[n:], nil
}

const tagSize = 32 // of A256CBC-HS512

// recipientsHash is apv: SHA-256 of the sorted kids joined by dots (§5.1.8.2).
func recipientsHash(to []did.VerificationMethod) []byte {
	kids := make([]string, len(to))
	for i, r := range to {
		kids[i] = r.ID
	}
	return kidsHash(kids)
}

func kidsHash(kids []string) []byte {
	kids = slices.Sorted(slices.Values(kids))
	h := sha256.Sum256([]byte(strings.Join(kids, ".")))
	return h[:]
}

// wrapAnonymous needs no private key of ours: ECDH-ES+A256KW (RFC 7518 §4.6).
func wrapAnonymous(cek []byte, recipient did.PublicKey, ephemeral *ecdh.PrivateKey, apv []byte) ([]byte, error) {
	pub, err := ecdh.X25519().NewPublicKey(recipient.Bytes)
	if err != nil {
		return nil, err
	}
	z, err := ephemeral.ECDH(pub)
	if err != nil {
		return nil, err
	}
	length := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	kdf := josecipher.NewConcatKDF(5, z, length([]byte(keys.AlgAnoncrypt)), length(nil), length(apv), []byte{0, 0, 1, 0}, nil) // 5 = SHA-256
	kek := make([]byte, 32)
	if _, err := kdf.Read(kek); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	return josecipher.KeyWrap(block, cek)
}
