package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Signer signs as one verification method; did/keys has one.
type Signer = dataintegrity.Signer

// LintError says that a credential to be issued breaks rules.
type LintError struct{ Problems []Problem }

func (e *LintError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "not fit to be issued: " + strings.Join(lines, "; ")
}

// Issue lints a credential, signs it with the suite of the signer's key
// (eddsa-rdfc-2022 for Ed25519, ecdsa-rdfc-2019 for P-256 and P-384), and
// verifies the outcome with v as a stranger would, at now or when it becomes
// valid. What the verifier does not find valid is not returned. The error
// wraps a [*LintError], a [*RejectedError] or an [*UndecidedError].
func Issue(ctx context.Context, v *Verifier, unsigned []byte, s Signer, now time.Time) (Verified, error) {
	return issue(ctx, v, unsigned, now, func(doc jsondoc.Value) ([]byte, error) {
		o := dataintegrity.Options{Purpose: did.AssertionMethod, Created: now}
		if s.Key().Type != did.Ed25519 {
			o.Cryptosuite = dataintegrity.ECDSARDFC
		}
		return dataintegrity.AddProofTo(ctx, unsigned, doc, o, s)
	})
}

// IssueJWT is [Issue] of an Open Badges VC-JWT.
func IssueJWT(ctx context.Context, v *Verifier, unsigned []byte, s Signer, now time.Time) (Verified, error) {
	return issue(ctx, v, unsigned, now, func(jsondoc.Value) ([]byte, error) { return jose.Sign(ctx, unsigned, s) })
}

func issue(ctx context.Context, v *Verifier, unsigned []byte, now time.Time, sign func(doc jsondoc.Value) ([]byte, error)) (Verified, error) {
	c, err := Parse(unsigned)
	if err != nil {
		return Verified{}, err
	}
	if c.doc.Get("proof").Exists() {
		return Verified{}, fmt.Errorf("%w: it is signed already", ErrAward)
	}
	if p := lintIssued(c.doc); len(p) > 0 {
		return Verified{}, &LintError{p}
	}
	signed, err := sign(c.doc)
	if err != nil {
		return Verified{}, fmt.Errorf("signing: %w", err)
	}
	at := now
	if from := c.ValidFrom(); from.After(at) {
		at = from
	}
	r, verified := v.Examine(ctx, signed, ReportOptions{At: at})
	if err := r.Err(); err != nil {
		return Verified{}, fmt.Errorf("verifying what was signed: %w", err)
	}
	return verified, nil
}

// SignStatusList signs a status list credential and checks that it reads back
// under the key that the issuer lists. Its suite is eddsa-rdfc-2022 or
// ecdsa-rdfc-2019, by the key.
func SignStatusList(ctx context.Context, d status.Description, bits status.Bitmap, s Signer, now time.Time) ([]byte, error) {
	unsigned, err := status.Unsigned(d, bits)
	if err != nil {
		return nil, err
	}
	o := dataintegrity.Options{Purpose: did.AssertionMethod, Created: now}
	if s.Key().Type != did.Ed25519 {
		o.Cryptosuite = dataintegrity.ECDSARDFC
	}
	return dataintegrity.AddProof(ctx, unsigned, o, s)
}

// ErrPresentation says that a presentation cannot be made of what was given.
var ErrPresentation = errors.New("cannot be presented")
