// Package dataintegrity signs and verifies documents with embedded proofs (W3C
// Data Integrity 1.0) of the suites eddsa-rdfc-2022, eddsa-jcs-2022,
// ecdsa-rdfc-2019, ecdsa-jcs-2019 and ecdsa-sd-2023, and Ed25519Signature2020.
// A credential to verify is read by package credentials, whose Credential.Doc
// is the document.
package dataintegrity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

var (
	// ErrNoProof says that a document has no proof.
	ErrNoProof = errors.New("no proof")
	// ErrMalformed says that a proof is not of the form its suite demands.
	ErrMalformed = errors.New("malformed proof")
	// ErrUnsupported says that a suite is not known here.
	ErrUnsupported = errors.New("cryptosuite not supported")
	// ErrSignature says that a signature does not match the document.
	ErrSignature = errors.New("signature does not match")
	// ErrPurpose says that a proof was made for another purpose.
	ErrPurpose = errors.New("proof made for another purpose")
	// ErrChallenge says that a proof answers another challenge, or none.
	ErrChallenge = errors.New("proof answers another challenge")
	// ErrDomain says that a proof was made for another verifier, or none.
	ErrDomain = errors.New("proof made for another domain")
	// ErrExpired says that a proof is past its end.
	ErrExpired = errors.New("proof expired")
	// ErrNotYet says that a proof was made later than now, by more than
	// [ClockSkew].
	ErrNotYet = errors.New("proof made in the future")
	// ErrLimit says that there are more proofs than are looked at.
	ErrLimit = errors.New("too many proofs")
)

// ClockSkew is how much the clocks of signer and reader may differ.
const ClockSkew = 5 * time.Minute

// Suites.
const (
	EdDSARDFC = "eddsa-rdfc-2022"
	EdDSAJCS  = "eddsa-jcs-2022"
	ECDSARDFC = "ecdsa-rdfc-2019"
	ECDSAJCS  = "ecdsa-jcs-2019"
	Ed2020    = "Ed25519Signature2020"
)

// Proof is a proof as it was verified. Created and Expires are zero when the
// proof does not set them. Resolution tells where the key came from.
type Proof struct {
	ID, Cryptosuite, Purpose string
	VerificationMethod       string
	Controller               did.DID
	Created, Expires         time.Time
	Resolution               did.Resolution
}

// parsed is a proof as read.
type parsed struct {
	raw              jsondoc.Value
	unsupported      error // set when the rest could not be read
	suite            string
	id, purpose      string
	method           did.URL
	methodID         string // method as it was written
	created, expires time.Time
	challenge        string
	domains          []string
	previous         []string
	value            []byte
}

// maxProofs bounds the work that one document can ask for.
const maxProofs = 8

func parseProofs(doc jsondoc.Value) ([]parsed, error) {
	v := doc.Get("proof")
	if !v.Exists() || v.Kind() == jsondoc.Array && v.Len() == 0 {
		return nil, ErrNoProof
	}
	n := 1
	if v.Kind() == jsondoc.Array {
		n = v.Len()
	}
	if n > maxProofs {
		return nil, fmt.Errorf("%w: %d, at most %d", ErrLimit, n, maxProofs)
	}
	out := make([]parsed, 0, n)
	for p := range v.Elements() {
		one, err := parseProof(p)
		if errors.Is(err, ErrUnsupported) {
			one.unsupported = err // another proof may still be false
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Pointer(), err)
		}
		if one.id != "" && slices.ContainsFunc(out, func(o parsed) bool { return o.id == one.id }) {
			return nil, fmt.Errorf("%w: two proofs with the id %s", ErrMalformed, one.id)
		}
		out = append(out, one)
	}
	return out, nil
}

func parseProof(v jsondoc.Value) (p parsed, err error) {
	if v.Kind() != jsondoc.Object {
		return p, fmt.Errorf("%w: a proof is an object", ErrMalformed)
	}
	p.raw = v
	p.id, _ = v.Get("id").Text()
	typ, _ := v.Get("type").Text()
	switch typ {
	case Ed2020:
		if p.suite = Ed2020; v.Get("cryptosuite").Exists() {
			return p, fmt.Errorf("%w: a proof of type %s has no cryptosuite", ErrMalformed, Ed2020)
		}
	case "DataIntegrityProof":
		var ok bool
		if p.suite, ok = v.Get("cryptosuite").Text(); !ok {
			return p, fmt.Errorf("%w: a DataIntegrityProof names one cryptosuite", ErrMalformed)
		}
	default:
		return p, fmt.Errorf("%w: proof type %q", ErrUnsupported, typ)
	}
	if _, ok := suites[p.suite]; !ok {
		return p, fmt.Errorf("%w: %q", ErrUnsupported, p.suite)
	}
	if err := p.texts(v); err != nil {
		return p, err
	}
	p.methodID, _ = v.Get("verificationMethod").Text()
	if p.method, err = did.ParseURL(p.methodID); err != nil {
		return p, fmt.Errorf("%w: verificationMethod: %v", ErrMalformed, err)
	}
	if p.created, err = moment(v, "created"); err != nil {
		return p, err
	}
	if p.expires, err = moment(v, "expires"); err != nil {
		return p, err
	}
	value, _ := v.Get("proofValue").Text()
	if p.suite == ECDSASD {
		p.value, err = sdValue(value)
		return p, err
	}
	if len(value) < 2 || len(value) > 512 || value[0] != 'z' {
		return p, fmt.Errorf("%w: proofValue is not base58-btc with the prefix z", ErrMalformed)
	}
	if _, p.value, err = multibase.Decode(value); err != nil {
		return p, fmt.Errorf("%w: proofValue: %v", ErrMalformed, err)
	}
	return p, nil
}

func (p *parsed) texts(v jsondoc.Value) error {
	// An old context has this second name for what "expires" says. The
	// signature would hold over it, and the proof would never end.
	if v.Get("expiration").Exists() {
		return fmt.Errorf("%w: expiration must be written as expires", ErrMalformed)
	}
	var err error
	if p.id, err = oneText(v, "id"); err != nil {
		return err
	}
	if p.purpose, err = oneText(v, "proofPurpose"); err != nil {
		return err
	}
	if p.challenge, err = oneText(v, "challenge"); err != nil {
		return err
	}
	for _, name := range [...]string{"domain", "previousProof"} {
		for e := range v.Get(name).Elements() {
			s, ok := e.Text()
			if !ok {
				return fmt.Errorf("%w: %s must be a text or a list of texts", ErrMalformed, name)
			}
			if name == "domain" {
				p.domains = append(p.domains, s)
			} else {
				p.previous = append(p.previous, s)
			}
		}
	}
	if p.purpose == "" {
		return fmt.Errorf("%w: proofPurpose is missing", ErrMalformed)
	}
	return nil
}

// oneText returns a member that is a text, if it is there.
func oneText(v jsondoc.Value, name string) (string, error) {
	m := v.Get(name)
	s, ok := m.Text()
	if m.Exists() && !ok {
		return "", fmt.Errorf("%w: %s must be a text", ErrMalformed, name)
	}
	return s, nil
}

func moment(v jsondoc.Value, name string) (time.Time, error) {
	m := v.Get(name)
	if !m.Exists() {
		return time.Time{}, nil
	}
	s, _ := m.Text()
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil { // a time without a zone is one of UTC (Data Integrity 1.0 §2.1)
		t, err = time.Parse("2006-01-02T15:04:05", s)
	}
	// Parse forgives hours of one digit and a comma before fractions, which
	// other readers refuse.
	var exact [len("2006-01-02T15:04:05")]byte
	if err != nil || !strings.HasPrefix(s, string(t.AppendFormat(exact[:0], "2006-01-02T15:04:05"))) || strings.Contains(s, ",") {
		return time.Time{}, fmt.Errorf("%w: %s is no date and time: %q", ErrMalformed, name, s)
	}
	return t, nil
}
