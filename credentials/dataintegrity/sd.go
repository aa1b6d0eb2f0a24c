package dataintegrity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Selective disclosure: ecdsa-sd-2023 (Data Integrity ECDSA §3.4 to §3.6). The
// issuer signs each statement apart, in a base proof that is for the holder
// alone; the holder derives from it a proof over the statements that are
// shown. Names follow the algorithms of the specification.

// ECDSASD is the suite of selective disclosure.
const ECDSASD = "ecdsa-sd-2023"

// ErrBaseProof says that a proof is the holder's, to derive others from: it
// would show all statements apart, and must not be sent to a verifier.
var ErrBaseProof = fmt.Errorf("%w: a base proof of %s is for its holder, who derives from it what is shown", ErrMalformed, ECDSASD)

var (
	baseHeader    = []byte{0xd9, 0x5d, 0x00}
	derivedHeader = []byte{0xd9, 0x5d, 0x01}
)

// maxStatements bounds the signatures that one document can ask to verify.
const maxStatements = 1000

// maxSDProof bounds a proof value in characters.
const maxSDProof = 256 << 10

// baseProof is the content of a base proof value (§3.5.2).
type baseProof struct {
	_          struct{} `cbor:",toarray"`
	Signature  []byte
	PublicKey  []byte
	HMACKey    []byte
	Signatures [][]byte
	Mandatory  []string
}

// derivedProof is the content of a derived proof value (§3.5.7).
type derivedProof struct {
	_          struct{} `cbor:",toarray"`
	Signature  []byte
	PublicKey  []byte
	Signatures [][]byte
	Labels     map[uint64][]byte
	Mandatory  []int
}

var sdDecoder, sdEncoder = func() (cbor.DecMode, cbor.EncMode) {
	dec, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxArrayElements: 4 * maxStatements,
		MaxMapPairs: 4 * maxStatements, MaxNestedLevels: 4, TagsMd: cbor.TagsForbidden}.DecMode()
	if err != nil {
		panic(err) // constants
	}
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // constants
	}
	return dec, enc
}()

func encodeSD(header []byte, v any) (string, error) {
	b, err := sdEncoder.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(header), b...)), nil
}

func decodeSD(header, value []byte, into any) error {
	rest, ok := bytes.CutPrefix(value, header)
	if !ok {
		return fmt.Errorf("%w: proofValue does not begin with the bytes %x", ErrMalformed, header)
	}
	if err := sdDecoder.Unmarshal(rest, into); err != nil {
		return fmt.Errorf("%w: proofValue: %v", ErrMalformed, err)
	}
	return nil
}

func (b baseProof) check() error {
	if len(b.Signature) != 64 || len(b.HMACKey) != 32 || slices.ContainsFunc(b.Signatures, not64) || len(b.Signatures) > maxStatements {
		return fmt.Errorf("%w: proofValue: its parts are not of the right size", ErrMalformed)
	}
	return nil
}

func not64(s []byte) bool { return len(s) != 64 }

// labels names blank nodes by their HMAC (§3.4.5).
func (b baseProof) labels(canonical string) (string, error) {
	h := hmac.New(sha256.New, b.HMACKey)
	h.Write([]byte(canonical))
	return "u" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}

// sdHash hashes the proof's options, or joined statements.
func sdHash(lines []string) []byte {
	h := sha256.New()
	for _, l := range lines {
		h.Write([]byte(l))
	}
	return h.Sum(nil)
}

func optionsHash(doc, proof jsondoc.Value) (hash []byte, err error) {
	p := jsonld.Part{Body: proof, Without: "proofValue", Contexts: doc.Get("@context")}
	if proof.Get("@context").Exists() {
		p.Contexts = jsondoc.Value{}
		if !sameJSON(proof.Get("@context"), doc.Get("@context")) {
			return nil, fmt.Errorf("%w: the proof names other contexts than the document", ErrMalformed)
		}
	}
	err = jsonld.Canonical(p, func(b []byte) {
		sum := sha256.Sum256(b)
		hash = sum[:]
	})
	return hash, err
}

// picked returns the statements at the places of in, and the others.
func picked(lines []string, in []int) (at, others []string) {
	for i, l := range lines {
		if _, found := slices.BinarySearch(in, i); found {
			at = append(at, l)
		} else {
			others = append(others, l)
		}
	}
	return at, others
}

// sdKeys are what a base proof needs beside the issuer's key; each proof has
// its own.
type sdKeys struct {
	hmac  []byte
	proof *ecdsa.PrivateKey
}

func newSDKeys() (k sdKeys, err error) {
	k.hmac = make([]byte, 32)
	rand.Read(k.hmac) // never fails
	k.proof, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return k, err
}

// baseProofValue makes the value of a base proof over doc, whose proofs do not
// count, with the given options (§3.6.1).
func baseProofValue(ctx context.Context, doc, options jsondoc.Value, mandatory []string, k sdKeys, s Signer) (string, error) {
	b := baseProof{HMACKey: k.hmac, Mandatory: append([]string{}, mandatory...)}
	g, err := jsonld.NewSelectable(doc, "proof", b.labels)
	if err != nil {
		return "", err
	}
	if len(g.Lines()) > maxStatements {
		return "", fmt.Errorf("%w: %d statements, at most %d", ErrLimit, len(g.Lines()), maxStatements)
	}
	m, err := g.Select(mandatory)
	if err != nil {
		return "", fmt.Errorf("mandatory pointers: %w", err)
	}
	must, others := picked(g.Lines(), m.Lines)
	proofHash, err := optionsHash(doc, options)
	if err != nil {
		return "", fmt.Errorf("proof options: %w", err)
	}
	public, err := did.FromECDSA(&k.proof.PublicKey)
	if err != nil {
		return "", err
	}
	b.PublicKey = public.Multicodec()
	b.Signatures = [][]byte{}
	for _, l := range others {
		sum := sha256.Sum256([]byte(l))
		r, sig, err := ecdsa.Sign(rand.Reader, k.proof, sum[:])
		if err != nil {
			return "", fmt.Errorf("signing a statement: %w", err)
		}
		b.Signatures = append(b.Signatures, append(r.FillBytes(make([]byte, 32)), sig.FillBytes(make([]byte, 32))...))
	}
	if b.Signature, err = s.Sign(ctx, slices.Concat(proofHash, b.PublicKey, sdHash(must))); err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return encodeSD(baseHeader, b)
}

// Derive returns a document that shows what the pointers name, beside what its
// issuer made mandatory, with a proof of it that any verifier can check
// (§3.6.6). Proofs of other suites are left behind: they cover all. The error
// wraps [ErrNoProof] when there is no base proof, [jsonld.ErrPointer] or
// [ErrMalformed].
func Derive(doc jsondoc.Value, pointers []string) ([]byte, error) {
	proof, value, err := findBase(doc)
	if err != nil {
		return nil, err
	}
	var b baseProof
	if err := decodeSD(baseHeader, value, &b); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	shown, d, err := b.disclose(doc, pointers)
	if err != nil {
		return nil, err
	}
	text, err := encodeSD(derivedHeader, d)
	if err != nil {
		return nil, err
	}
	quoted, err := jsondoc.Marshal(text)
	if err != nil {
		return nil, err
	}
	derived, err := with(proof, "proofValue", quoted)
	if err != nil {
		return nil, err
	}
	v, err := jsondoc.ParseLimits(shown, jsondoc.Limits{Size: len(shown)})
	if err != nil {
		return nil, err
	}
	return splice(shown, v, derived.Raw())
}

// findBase returns the first base proof of a document and its decoded value.
func findBase(doc jsondoc.Value) (jsondoc.Value, []byte, error) {
	for p := range doc.Get("proof").Elements() {
		if suite, _ := p.Get("cryptosuite").Text(); suite != ECDSASD {
			continue
		}
		text, _ := p.Get("proofValue").Text()
		value, err := sdValue(text)
		if err == nil && bytes.HasPrefix(value, baseHeader) {
			return p, value, nil
		}
	}
	return jsondoc.Value{}, nil, fmt.Errorf("%w of which parts could be shown: ask the issuer for one of %s", ErrNoProof, ECDSASD)
}

// disclose makes the part that is shown and its proof (createDisclosureData,
// §3.5.6).
func (b baseProof) disclose(doc jsondoc.Value, pointers []string) (shown []byte, d derivedProof, err error) {
	g, err := jsonld.NewSelectable(doc, "proof", b.labels)
	if err != nil {
		return nil, d, err
	}
	mandatory, err := g.Select(b.Mandatory)
	if err != nil {
		return nil, d, fmt.Errorf("mandatory pointers: %w", err)
	}
	chosen, err := g.Select(pointers)
	if err != nil {
		return nil, d, err
	}
	both, err := g.Select(append(slices.Clone(b.Mandatory), pointers...))
	if err != nil {
		return nil, d, err
	}
	if len(both.Lines) == 0 {
		return nil, d, fmt.Errorf("%w: nothing is selected, and nothing is mandatory", jsonld.ErrPointer)
	}
	if len(b.Signatures) != len(g.Lines())-len(mandatory.Lines) {
		return nil, d, fmt.Errorf("%w: %d signatures for %d statements", ErrMalformed, len(b.Signatures), len(g.Lines())-len(mandatory.Lines))
	}
	d = derivedProof{Signature: b.Signature, PublicKey: b.PublicKey, Signatures: [][]byte{}, Labels: map[uint64][]byte{}, Mandatory: []int{}}
	for i, line := range both.Lines {
		if _, found := slices.BinarySearch(mandatory.Lines, line); found {
			d.Mandatory = append(d.Mandatory, i)
		}
	}
	next := 0
	for line := range g.Lines() {
		if _, found := slices.BinarySearch(mandatory.Lines, line); found {
			continue
		}
		if _, found := slices.BinarySearch(chosen.Lines, line); found {
			d.Signatures = append(d.Signatures, b.Signatures[next])
		}
		next++
	}
	for canonical, name := range both.Names {
		n, err := strconv.ParseUint(strings.TrimPrefix(canonical, "c14n"), 10, 32)
		if err != nil {
			return nil, d, err
		}
		if d.Labels[n], err = base64.RawURLEncoding.DecodeString(name[1:]); err != nil {
			return nil, d, err
		}
	}
	return both.JSON, d, nil
}

// sdValue decodes a proof value in base64url with the prefix u.
func sdValue(text string) ([]byte, error) {
	if len(text) < 2 || len(text) > maxSDProof || text[0] != 'u' {
		return nil, fmt.Errorf("%w: proofValue is not base64url with the prefix u, of at most %d characters", ErrMalformed, maxSDProof)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[1:])
	if err != nil {
		return nil, fmt.Errorf("%w: proofValue: %v", ErrMalformed, err)
	}
	return b, nil
}

// verifySD checks a derived proof (§3.6.7), or with base a base proof.
func verifySD(doc jsondoc.Value, p parsed, key did.PublicKey, base bool) error {
	if bytes.HasPrefix(p.value, baseHeader) {
		if !base {
			return ErrBaseProof
		}
		// What a base proof says of all statements, it says of a part that
		// holds them all.
		var b baseProof
		if err := decodeSD(baseHeader, p.value, &b); err != nil {
			return err
		}
		if err := b.check(); err != nil {
			return err
		}
		_, d, err := b.disclose(doc, all(doc))
		if err != nil {
			return err
		}
		return d.verify(doc, p, key)
	}
	var d derivedProof
	if err := decodeSD(derivedHeader, p.value, &d); err != nil {
		return err
	}
	return d.verify(doc, p, key)
}

// all are pointers to every member of a document but its contexts and proofs.
func all(doc jsondoc.Value) (pointers []string) {
	for name, m := range doc.Members() {
		if name != "proof" && name != "@context" {
			pointers = append(pointers, m.Pointer())
		}
	}
	return pointers
}

func (d derivedProof) verify(doc jsondoc.Value, p parsed, key did.PublicKey) error {
	if len(d.Signature) != 64 || len(d.Signatures) > maxStatements || slices.ContainsFunc(d.Signatures, not64) {
		return fmt.Errorf("%w: proofValue: its parts are not of the right size", ErrMalformed)
	}
	own, err := did.ParseMulticodec(d.PublicKey)
	if err != nil || own.Type != did.P256 {
		return fmt.Errorf("%w: the key of the statements is not one of P-256", ErrMalformed)
	}
	used := map[string]bool{}
	lines, err := jsonld.Statements(doc, "proof", func(canonical string) (string, error) {
		n, err := strconv.ParseUint(strings.TrimPrefix(canonical, "c14n"), 10, 32)
		label, ok := d.Labels[n]
		if err != nil || !ok || len(label) != sha256.Size || used[string(label)] {
			return "", fmt.Errorf("%w: no good label for the node %s", ErrMalformed, canonical)
		}
		used[string(label)] = true
		return "u" + base64.RawURLEncoding.EncodeToString(label), nil
	})
	if err != nil {
		return err
	}
	if len(used) != len(d.Labels) {
		return fmt.Errorf("%w: %d labels for %d nodes", ErrMalformed, len(d.Labels), len(used))
	}
	if len(lines) > maxStatements {
		return fmt.Errorf("%w: %d statements, at most %d", ErrLimit, len(lines), maxStatements)
	}
	for i, at := range d.Mandatory {
		if at < 0 || at >= len(lines) || i > 0 && at <= d.Mandatory[i-1] {
			return fmt.Errorf("%w: the places of mandatory statements are not in order", ErrMalformed)
		}
	}
	must, others := picked(lines, d.Mandatory)
	if len(others) != len(d.Signatures) {
		return fmt.Errorf("%w: %d signatures for %d statements", ErrSignature, len(d.Signatures), len(others))
	}
	proofHash, err := optionsHash(doc, p.raw)
	if err != nil {
		return err
	}
	if err := key.Verify(slices.Concat(proofHash, d.PublicKey, sdHash(must)), d.Signature); err != nil {
		return fmt.Errorf("%w: %s by %s", ErrSignature, p.suite, p.method)
	}
	for i, l := range others {
		if err := own.Verify([]byte(l), d.Signatures[i]); err != nil {
			return fmt.Errorf("%w: a statement that is shown: %s", ErrSignature, jsondoc.Clip(l))
		}
	}
	return nil
}
