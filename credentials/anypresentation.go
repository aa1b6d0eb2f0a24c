package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// VerifyAnyPresentation verifies a presentation by the VC Data Model 2.0 alone
// (§4.13): of credentials of any kind, whomever they are about, signed by an
// embedded proof or as a JWT, in an envelope or not. A presentation without a
// holder proves control of the key that signed it. A credential that its
// presenter issued, and only such a one, may be secured by the presentation's
// own signature; the presentation must then name the holder (§4.13.4).
// An empty challenge or domain is not compared. The report has no Verified:
// what is to be relied on as a badge goes through [Verifier.VerifyPresentation].
func (v *Verifier) VerifyAnyPresentation(ctx context.Context, raw []byte, challenge, domain string) PresentationReport {
	r := PresentationReport{Shape: Check{Name: CheckShape, Answer: Yes, Code: CodeOK, Message: "a presentation"}, Proof: notReached(CheckProof)}
	s, err := readShown(raw)
	if err != nil {
		r.Shape = explainParse(err).check(CheckShape)
		return r.decide()
	}
	if problems := lintPresentation(s.doc); len(problems) > 0 {
		p := problems[0]
		r.Shape = Check{Name: CheckShape, Answer: No, Code: p.Code, Message: p.String(), Pointer: p.Pointer}
		return r.decide()
	}
	r.Holder = s.doc.Get("holder").ID()
	presenter, err := s.presenter()
	if err != nil {
		r.Proof = explain(err, CheckProof).check(CheckProof)
		return r.decide()
	}
	b := &bound{inner: v.cfg.Resolver, want: presenter}
	if err := s.verify(ctx, b, challenge, domain, v.cfg.Now()); err != nil {
		f := explain(err, CheckProof)
		r.Proof = Check{Name: CheckProof, Answer: f.answer, Code: f.code, Message: f.message}
		return r.decide()
	}
	r.Proof = Check{Name: CheckProof, Answer: Yes, Code: CodeOK, Message: "signed by " + presenter.String()}
	for _, c := range s.credentials {
		r.Credentials = append(r.Credentials, v.examineShown(ctx, c, presenter, r.Holder))
	}
	return r.decide()
}

// shown is a presentation as it was read.
type shown struct {
	doc         jsondoc.Value
	credentials [][]byte
	token       *jose.Token
	times       jose.Times
}

func readShown(raw []byte) (shown, error) {
	var s shown
	if detect(raw) == FormJWT {
		return readShownJWT(raw)
	}
	doc, err := jsondoc.Parse(raw)
	if err != nil {
		return s, err
	}
	jwt, enveloped, err := OpenEnvelope(doc, "EnvelopedVerifiablePresentation")
	switch {
	case err != nil:
		return s, err
	case enveloped:
		return readShownJWT(jwt)
	}
	s.doc = doc
	s.credentials, err = presented(doc)
	return s, err
}

func readShownJWT(raw []byte) (shown, error) {
	t, err := jose.Parse([]byte(strings.TrimSpace(string(raw))))
	if err != nil {
		return shown{}, err
	}
	s := shown{token: &t}
	if s.doc, s.times, err = t.Presentation(); err != nil {
		return s, err
	}
	s.credentials, err = presented(s.doc)
	return s, err
}

// lintPresentation holds a presentation to the VC Data Model (§4.13).
func lintPresentation(doc jsondoc.Value) []Problem {
	l := &linter{v1: isV1(doc)}
	l.types(doc, "VerifiablePresentation")
	l.contexts(doc, AnyCredential)
	l.silent(doc, true)
	l.url(doc, "id", optional)
	switch h := doc.Get("holder"); h.Kind() {
	case jsondoc.Absent:
	case jsondoc.Object:
		l.url(h, "id", required)
	default:
		l.url(doc, "holder", optional)
	}
	return l.problems
}

// presenter returns who has to have signed: the holder, or where none is named
// whoever the signature names.
func (s shown) presenter() (did.DID, error) {
	name := s.doc.Get("holder").ID()
	if name == "" && s.token != nil {
		name = text(s.token.Payload.Get("iss"))
	}
	if name != "" {
		id, err := did.Parse(name)
		if err != nil && !strings.HasPrefix(name, "did:") {
			return id, fmt.Errorf("%w: the holder is named by %q, which is no DID; its keys cannot be found", did.ErrUnsupported, jsondoc.Clip(name))
		}
		return id, err
	}
	method := text(s.doc.Get("proof").First().Get("verificationMethod"))
	if s.token != nil {
		method = s.token.KeyID
	}
	if method == "" {
		return did.DID{}, fmt.Errorf("%w: neither a holder nor a key is named", dataintegrity.ErrNoProof)
	}
	u, err := did.ParseURL(method)
	return u.DID, err
}

func (s shown) verify(ctx context.Context, b *bound, challenge, domain string, now time.Time) error {
	if s.token == nil {
		_, err := verifyProofs(ctx, s.doc, dataintegrity.VerifyOptions{Resolver: b, Purpose: did.Authentication, Challenge: challenge, Domain: domain, Now: now})
		return err
	}
	nonce, aud := text(s.token.Payload.Get("nonce")), s.token.Payload.Get("aud")
	switch {
	case challenge != "" && nonce != challenge:
		return fmt.Errorf("%w: nonce %q", dataintegrity.ErrChallenge, jsondoc.Clip(nonce))
	case domain != "" && !has(aud, domain):
		return fmt.Errorf("%w: aud %s", dataintegrity.ErrDomain, jsondoc.Clip(string(aud.Raw())))
	case s.times.NotBefore.After(now.Add(dataintegrity.ClockSkew)):
		return fmt.Errorf("%w: nbf is %s", dataintegrity.ErrNotYet, s.times.NotBefore.Format(time.RFC3339))
	case !s.times.Expires.IsZero() && !now.Before(s.times.Expires):
		return fmt.Errorf("%w on %s", dataintegrity.ErrExpired, s.times.Expires.Format(time.RFC3339))
	}
	_, err := verifyToken(ctx, s.token, b, did.Authentication, now)
	return err
}

// errNoHolder says that a presenter shows a credential of its own without
// saying that it is the holder.
var errNoHolder = errors.New("a credential that its presenter issued, in a presentation that does not name the holder")

// examineShown verifies one credential of a presentation.
func (v *Verifier) examineShown(ctx context.Context, raw []byte, presenter did.DID, holder string) Report {
	c, form, err := ParseAny(raw)
	if err == nil && c.IssuerID() == presenter.String() && holder == "" {
		err = fmt.Errorf("%w: %w", ErrMalformed, errNoHolder)
	}
	if err == nil && (c.IsJWT() || c.doc.Get("proof").Exists() || c.IssuerID() != presenter.String()) {
		r, _ := v.Examine(ctx, raw, ReportOptions{Kind: AnyCredential})
		return r
	}
	o := ReportOptions{Kind: AnyCredential}
	r := Report{At: v.at(o), Form: form, Checks: make([]Check, 0, len(order)), Recognition: notReached(CheckRecognition)}
	j := &judgement{v: v, c: c, o: o, now: v.at(o), issuer: presenter, r: &r}
	switch {
	case err != nil:
		j.add(explainParse(err).check(CheckShape))
	case j.shape():
		r.Credential = summary(c)
		j.add(j.validity())
		j.yes(CheckProof, "secured by the presentation, which its issuer signed")
		j.yes(CheckIssuer, presenter.String()+" shows what it says itself")
		if c.doc.Get("credentialStatus").Exists() {
			j.add(Check{Name: CheckStatus, Answer: Unknown, Code: CodeUnsupported, Message: "the status of a credential without a signature of its own is not looked up"})
		}
	}
	r.fill()
	return r
}
