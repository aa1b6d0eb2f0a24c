package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// finding is how one error answers a check.
type finding struct {
	name    string
	answer  Answer
	code    string
	message string
}

func (f finding) check(name string) Check {
	if f.name != "" {
		name = f.name
	}
	return Check{Name: name, Answer: f.answer, Code: f.code, Message: f.message}
}

// meanings maps the errors of the packages below to answers; the first that
// an error wraps counts.
var meanings = []struct {
	err    error
	name   string
	answer Answer
	code   string
}{
	{jsondoc.ErrLimit, CheckShape, No, CodeLimit},
	{jsonld.ErrLimit, CheckShape, No, CodeLimit},
	{dataintegrity.ErrLimit, CheckProof, No, CodeLimit},
	{jose.ErrLimit, CheckShape, No, CodeLimit},
	{baking.ErrLimit, CheckShape, No, CodeLimit},
	{baking.ErrNone, CheckProof, No, CodeNoProof},
	{baking.ErrAmbiguous, CheckShape, No, CodeAmbiguous},
	{baking.ErrMalformed, CheckShape, No, CodeMalformed},
	{jsonld.ErrContext, CheckShape, No, CodeContext},
	{jsonld.ErrUndefinedTerm, CheckShape, No, CodeUnsigned},
	{jsonld.ErrInvalid, CheckShape, No, CodeUnsigned},
	{jsondoc.ErrMalformed, CheckShape, No, CodeMalformed},
	{dataintegrity.ErrNoProof, CheckProof, No, CodeNoProof},
	{dataintegrity.ErrUnsupported, CheckProof, Unknown, CodeUnsupported},
	{dataintegrity.ErrPurpose, CheckProof, No, CodePurpose},
	{dataintegrity.ErrExpired, CheckProof, No, CodeProofExpired},
	{dataintegrity.ErrNotYet, CheckProof, No, CodeNotYetValid},
	{dataintegrity.ErrChallenge, CheckProof, No, CodeReplay},
	{dataintegrity.ErrDomain, CheckProof, No, CodeReplay},
	{dataintegrity.ErrSignature, CheckProof, No, CodeSignature},
	{dataintegrity.ErrMalformed, CheckProof, No, CodeMalformed},
	{jose.ErrNoSignature, CheckProof, No, CodeNoProof},
	{jose.ErrUnsupported, CheckProof, Unknown, CodeUnsupported},
	{jose.ErrSignature, CheckProof, No, CodeSignature},
	{jose.ErrClaims, CheckShape, No, CodeMalformed},
	{jose.ErrMalformed, CheckShape, No, CodeMalformed},
	{ErrMalformed, CheckShape, No, CodeMalformed},
	{fetch.ErrBlocked, CheckIssuer, No, CodeBlocked},
	{did.ErrKeyNotListed, CheckIssuer, No, CodeKeyNotAuthorized},
	{did.ErrWeakKey, CheckIssuer, No, CodeWeakKey},
	{did.ErrUnsupported, CheckIssuer, Unknown, CodeUnsupported},
	{did.ErrUnreachable, CheckIssuer, Unknown, CodeIssuerUnreachable},
	{did.ErrNotFound, CheckIssuer, No, CodeIssuerUnresolvable},
	{did.ErrInvalidDocument, CheckIssuer, No, CodeIssuerUnresolvable},
	{did.ErrSyntax, CheckIssuer, No, CodeIssuerUnresolvable},
	{status.ErrBlocked, CheckStatus, No, CodeBlocked},
	{context.Canceled, CheckIssuer, Unknown, CodeIssuerUnreachable},
	{context.DeadlineExceeded, CheckIssuer, Unknown, CodeIssuerUnreachable},
}

// explain gives an error its check, answer and code. An error of no known kind
// answers unknown: not known is not valid.
func explain(err error, name string) finding {
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return finding{m.name, m.answer, m.code, err.Error()}
		}
	}
	return finding{name, Unknown, CodeUnsupported, err.Error()}
}

// explainParse is explain for bytes that could not be read at all.
func explainParse(err error) finding {
	f := explain(err, CheckShape)
	f.name = CheckShape
	return f
}

// bound resolves one DID only, and remembers what it saw: a credential can
// have nothing fetched but its own issuer's document.
type bound struct {
	inner did.Resolver
	want  did.DID
	seen  did.Resolution
	found bool
}

func (b *bound) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	if id != b.want {
		return did.Resolution{}, fmt.Errorf("%w: it belongs to %s, not to %s", did.ErrKeyNotListed, id, b.want)
	}
	if b.found {
		return b.seen, nil
	}
	r, err := b.inner.Resolve(ctx, id)
	if err == nil {
		b.seen, b.found = r, true
	}
	return r, err
}

// proof verifies every signature, and that the issuer lists the keys.
func (j *judgement) proof(ctx context.Context) bool {
	if n := len(j.c.IssuerID()); n > did.MaxLength {
		j.add(Check{Name: CheckIssuer, Answer: No, Code: CodeLimit, Message: fmt.Sprintf("the issuer's identifier has %d bytes, at most %d are read", n, did.MaxLength)})
		return false
	}
	issuer, err := did.Parse(j.c.IssuerID())
	if err != nil && strings.HasPrefix(j.c.IssuerID(), "did:") {
		j.add(explain(err, CheckIssuer).check(CheckIssuer))
		return false
	}
	if err != nil {
		j.add(Check{Name: CheckIssuer, Answer: Unknown, Code: CodeUnsupported, Pointer: "/issuer/id",
			Message: fmt.Sprintf("the issuer is named by %q, which is no DID; its keys cannot be found", j.c.IssuerID())})
		return false
	}
	j.issuer = issuer
	j.bound = bound{inner: j.v.cfg.Resolver, want: issuer}
	b := &j.bound
	how := ""
	if j.c.token != nil {
		how, err = verifyJWT(ctx, j.c, b, j.now)
	} else {
		how, err = verifyEmbedded(ctx, j.c.doc, b, j.now)
	}
	if err != nil {
		f := explain(err, CheckProof)
		if b.found && f.name == CheckProof {
			j.add(j.listed(b))
		}
		j.add(f.check(CheckProof))
		return false
	}
	j.document = b.seen.Raw
	j.yes(CheckProof, "signed with "+how)
	j.add(j.listed(b))
	return true
}

func (j *judgement) listed(b *bound) Check {
	c := Check{Name: CheckIssuer, Answer: Yes, Code: CodeOK, URL: b.want.String(), Message: b.want.String() + " lists the key for assertions"}
	if !b.seen.Fetched.IsZero() {
		c.Fetched, c.Age = b.seen.Fetched, age(j.v.cfg.Now(), b.seen.Fetched)
	}
	return c
}

func age(now, at time.Time) time.Duration { return max(now.Sub(at), 0) }

func verifyEmbedded(ctx context.Context, doc jsondoc.Value, r did.Resolver, now time.Time) (string, error) {
	return verifyProofs(ctx, doc, dataintegrity.VerifyOptions{Resolver: r, Purpose: did.AssertionMethod, Now: now})
}

// verifyProofs verifies every proof of a document and says how it was signed.
func verifyProofs(ctx context.Context, doc jsondoc.Value, o dataintegrity.VerifyOptions) (string, error) {
	proofs, err := dataintegrity.Verify(ctx, doc, o)
	if err != nil {
		return "", err
	}
	how := ""
	for i, p := range proofs {
		one := p.Cryptosuite + " by " + p.VerificationMethod
		if i > 0 {
			one = how + " and " + one
		}
		how = one
		if p.Cryptosuite == dataintegrity.EdDSAJCS || p.Cryptosuite == dataintegrity.ECDSAJCS {
			// The signature covers every byte; what the words mean must be
			// settled all the same.
			if err := jsonld.Settled(doc); err != nil {
				return "", err
			}
		}
	}
	return how, nil
}

// verifyJWT checks the signature with a key that the issuer lists, and that
// was good when it signed. A jwk in the header counts only if it is one of
// those. Proofs within it must verify as well.
func verifyJWT(ctx context.Context, c Credential, b *bound, now time.Time) (string, error) {
	how, err := verifyToken(ctx, c.token, b, did.AssertionMethod, now)
	if err != nil || !c.doc.Get("proof").Exists() {
		return how, err
	}
	more, err := verifyEmbedded(ctx, c.doc, b, now)
	if err != nil {
		return "", fmt.Errorf("a proof within the JWT: %w", err)
	}
	return how + " and " + more, nil
}

func verifyToken(ctx context.Context, t *jose.Token, b *bound, purpose did.Relationship, now time.Time) (string, error) {
	if err := namesOwnKey(t, b.want); err != nil {
		return "", err
	}
	res, err := b.Resolve(ctx, b.want)
	if err != nil {
		return "", fmt.Errorf("finding the keys of %s: %w", b.want, err)
	}
	methods := res.Document.For(purpose)
	if t.KeyID != "" {
		m, err := res.Document.Method(purpose, t.KeyID)
		if err != nil {
			return "", err
		}
		methods = []did.VerificationMethod{m}
	}
	if t.JWK.Exists() {
		key, err := did.ParseJWK(t.JWK)
		if err != nil {
			return "", fmt.Errorf("header jwk: %w", err)
		}
		methods = only(methods, key)
	}
	if len(methods) == 0 {
		return "", fmt.Errorf("%w: the header's jwk is not a key that %s lists", did.ErrKeyNotListed, b.want)
	}
	m := methods[0]
	times, err := t.Times()
	if err != nil {
		return "", err
	}
	if err := m.UsableFor(times.Signed(), now); err != nil {
		return "", err
	}
	if err := t.Verify(m.Key); err != nil {
		return "", err
	}
	return "JWT " + t.Alg + " by " + m.ID, nil
}

// namesOwnKey demands that the header names a key, and one of the issuer's.
func namesOwnKey(t *jose.Token, issuer did.DID) error {
	if t.KeyID == "" && !t.JWK.Exists() {
		return fmt.Errorf("%w: the header names no key: kid and jwk are missing", jose.ErrMalformed)
	}
	if t.KeyID == "" {
		return nil
	}
	u, err := did.ParseURL(t.KeyID)
	if err != nil {
		return fmt.Errorf("%w: kid %q is no DID URL of the issuer", did.ErrKeyNotListed, jsondoc.Clip(t.KeyID))
	}
	if u.DID != issuer {
		return fmt.Errorf("%w: kid %s belongs to %s, not to %s", did.ErrKeyNotListed, jsondoc.Clip(t.KeyID), jsondoc.Clip(u.DID.String()), issuer)
	}
	return nil
}

func only(methods []did.VerificationMethod, key did.PublicKey) []did.VerificationMethod {
	for _, m := range methods {
		if m.Key.Equal(key) {
			return []did.VerificationMethod{m}
		}
	}
	return nil
}
