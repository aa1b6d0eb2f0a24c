package didcomm

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	josecipher "github.com/go-jose/go-jose/v4/cipher"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// MaxFrame bounds one envelope and one plaintext, in bytes. A credential has
// at most 1 MiB, and base64 makes it a third larger.
const MaxFrame = 2 << 20

// Content encryption algorithms. Authcrypt must use the first (§5.1.3).
const (
	encCBC = "A256CBC-HS512"
	encGCM = "A256GCM"
	encXC  = "XC20P"
)

const maxRecipients = 16

// Received is an opened message. From is the authenticated sender, zero for an
// anonymous message; To is which of our DIDs it was sealed to.
type Received struct {
	Message  Message
	From, To did.DID
}

// envelope is a JWE as read.
type envelope struct {
	protected           string // as it came: it is authenticated data
	alg, enc, skid      string
	apu, apv            []byte
	epk                 did.PublicKey
	kids                []string
	wrapped             [][]byte
	iv, ciphertext, tag []byte
}

// Unpack opens an envelope that is sealed to a key held here. The plaintext's
// from must be the DID that sealed it, and to must name the DID it is sealed
// to. The error wraps [ErrEnvelope], [ErrSender] or [ErrMessage] when the
// message can never be accepted, and [did.ErrUnreachable] when the sender's
// keys could not be found now.
func (p *Packer) Unpack(ctx context.Context, raw []byte) (Received, error) {
	e, err := parseEnvelope(raw)
	if err != nil {
		return Received{}, err
	}
	var sender did.DID
	var senderKey did.PublicKey
	if e.alg == keys.AlgAuthcrypt {
		if sender, senderKey, err = p.sender(ctx, e); err != nil {
			return Received{}, err
		}
	}
	plain, to, err := p.open(ctx, e, senderKey)
	if err != nil {
		return Received{}, err
	}
	m, err := ParseMessage(plain)
	if err != nil {
		return Received{}, err
	}
	if m.From != "" || !sender.IsZero() {
		if m.From != sender.String() {
			return Received{}, fmt.Errorf("%w: from is %q, sealed by %q", ErrSender, m.From, sender)
		}
	}
	if len(m.To) > 0 && !named(m.To, to) {
		return Received{}, fmt.Errorf("%w: it is addressed to somebody else", ErrEnvelope)
	}
	return Received{Message: m, From: sender, To: to}, nil
}

func named(list []string, id did.DID) bool {
	for _, s := range list {
		if s == id.String() {
			return true
		}
	}
	return false
}

func parseEnvelope(raw []byte) (envelope, error) {
	fail := func(why string) (envelope, error) { return envelope{}, fmt.Errorf("%w: %s", ErrEnvelope, why) }
	v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: MaxFrame})
	if err != nil {
		return fail(err.Error())
	}
	var e envelope
	e.protected, _ = v.Get("protected").Text()
	head, err := b64.DecodeString(e.protected)
	if err != nil || len(head) == 0 {
		return fail("no protected header")
	}
	h, err := jsondoc.Parse(head)
	if err != nil {
		return fail("protected header: " + err.Error())
	}
	e.alg, _ = h.Get("alg").Text()
	e.enc, _ = h.Get("enc").Text()
	e.skid, _ = h.Get("skid").Text()
	if h.Get("zip").Exists() || h.Get("crit").Exists() {
		return fail("compression and critical headers are not supported")
	}
	var bad error
	part := func(v jsondoc.Value, name string) []byte {
		s, _ := v.Get(name).Text()
		b, err := b64.DecodeString(s)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s is not base64url", name))
		}
		return b
	}
	e.apu, e.apv = part(h, "apu"), part(h, "apv")
	e.iv, e.ciphertext, e.tag = part(v, "iv"), part(v, "ciphertext"), part(v, "tag")
	recs := v.Get("recipients")
	if recs.Len() == 0 || recs.Len() > maxRecipients {
		return fail(fmt.Sprintf("needs 1 to %d recipients", maxRecipients))
	}
	for r := range recs.Elements() {
		kid, _ := r.Get("header").Get("kid").Text()
		e.kids, e.wrapped = append(e.kids, kid), append(e.wrapped, part(r, "encrypted_key"))
	}
	if bad != nil {
		return fail(bad.Error())
	}
	if e.epk, err = did.ParseJWK(h.Get("epk")); err != nil {
		return fail("epk: " + err.Error())
	}
	return e, e.check()
}

// check holds the header to the rules of DIDComm v2 §5.1.
func (e envelope) check() error {
	switch {
	case e.epk.Type != did.X25519:
		return fmt.Errorf("%w: key agreement over %s (X25519 is supported)", ErrEnvelope, e.epk.Type)
	case !bytes.Equal(e.apv, kidsHash(e.kids)):
		return fmt.Errorf("%w: apv is not the digest of the recipients", ErrEnvelope)
	case e.alg == keys.AlgAuthcrypt && e.enc != encCBC:
		return fmt.Errorf("%w: authcrypt must use %s, not %q", ErrEnvelope, encCBC, e.enc)
	case e.alg == keys.AlgAuthcrypt && (e.skid == "" || string(e.apu) != e.skid):
		return fmt.Errorf("%w: apu is not skid", ErrEnvelope)
	case e.alg != keys.AlgAuthcrypt && e.alg != keys.AlgAnoncrypt:
		return fmt.Errorf("%w: alg %q", ErrEnvelope, e.alg)
	}
	return nil
}

// sender finds the key that the header names in the sender's own document.
func (p *Packer) sender(ctx context.Context, e envelope) (did.DID, did.PublicKey, error) {
	u, err := did.ParseURL(e.skid)
	if err != nil {
		return did.DID{}, did.PublicKey{}, fmt.Errorf("%w: skid: %v", ErrSender, err)
	}
	res, err := p.Resolver.Resolve(ctx, u.DID)
	if err != nil {
		if errors.Is(err, did.ErrUnreachable) {
			return did.DID{}, did.PublicKey{}, fmt.Errorf("finding the sender's keys: %w", err)
		}
		return did.DID{}, did.PublicKey{}, fmt.Errorf("%w: %v", ErrSender, err)
	}
	m, err := res.Document.Method(did.KeyAgreement, e.skid)
	if err != nil {
		return did.DID{}, did.PublicKey{}, fmt.Errorf("%w: %v", ErrSender, err)
	}
	if m.Key.Type != did.X25519 {
		return did.DID{}, did.PublicKey{}, fmt.Errorf("%w: sender key is %s", ErrSender, m.Key.Type)
	}
	return u.DID, m.Key, nil
}

// open tries each recipient entry that names a key held here.
func (p *Packer) open(ctx context.Context, e envelope, sender did.PublicKey) ([]byte, did.DID, error) {
	reason := errors.New("no recipient key is held here")
	for i, kid := range e.kids {
		u, m, err := p.ownKey(ctx, kid)
		if err != nil {
			reason = err
			continue
		}
		cek, err := p.Keys.Unwrap(ctx, m.Key, keys.Wrapped{Alg: e.alg, EncryptedKey: e.wrapped[i], Ephemeral: e.epk, Sender: sender, APU: e.apu, APV: e.apv, Tag: e.tag})
		if errors.Is(err, keys.ErrNotHeld) {
			continue
		}
		if err != nil {
			reason = err
			continue
		}
		plain, err := e.decrypt(cek)
		if err != nil {
			reason = err
			continue
		}
		return plain, u, nil
	}
	return nil, did.DID{}, fmt.Errorf("%w: %v", ErrEnvelope, reason)
}

func (p *Packer) ownKey(ctx context.Context, kid string) (did.DID, did.VerificationMethod, error) {
	u, err := did.ParseURL(kid)
	if err != nil {
		return did.DID{}, did.VerificationMethod{}, err
	}
	own, err := p.Own(ctx, u.DID)
	if err != nil {
		return did.DID{}, did.VerificationMethod{}, err
	}
	if !own {
		return did.DID{}, did.VerificationMethod{}, errors.New("no recipient is one of our DIDs")
	}
	res, err := p.Resolver.Resolve(ctx, u.DID)
	if err != nil {
		return did.DID{}, did.VerificationMethod{}, err
	}
	m, err := res.Document.Method(did.KeyAgreement, kid)
	return u.DID, m, err
}

func (e envelope) decrypt(cek []byte) ([]byte, error) {
	var aead cipher.AEAD
	var err error
	switch e.enc {
	case encCBC:
		if len(cek) != 64 {
			return nil, errors.New("content key of the wrong size")
		}
		aead, err = josecipher.NewCBCHMAC(cek, aes.NewCipher)
	case encGCM:
		var block cipher.Block
		if block, err = aes.NewCipher(cek); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	case encXC:
		aead, err = chacha20poly1305.NewX(cek)
	default:
		return nil, fmt.Errorf("enc %q is not supported", e.enc)
	}
	if err != nil {
		return nil, err
	}
	if len(e.iv) != aead.NonceSize() || len(e.ciphertext) == 0 {
		return nil, errors.New("iv or ciphertext of the wrong size")
	}
	return aead.Open(nil, e.iv, append(bytes.Clone(e.ciphertext), e.tag...), []byte(e.protected))
}
