package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// wanted is what a caller asks of a credential beside its truth. Empty texts ask
// nothing.
type wanted struct {
	purpose, challenge, domain string
	// status, validity: whether these checks decide.
	status, validity bool
}

// judged is a credential with its report.
type judged struct {
	d      *Door
	doc    jsondoc.Value
	report credentials.Report
	wanted wanted
	// unbound says that every signature holds, though by no key of the issuer.
	unbound bool
	extra   error // what the options want and the proof does not say
}

// judge reports on a credential in JSON or as a JWT.
func (d *Door) judge(ctx context.Context, raw []byte, w wanted) judged {
	j := judged{d: d, wanted: w, report: d.verifier.Report(ctx, raw, credentials.ReportOptions{Kind: credentials.AnyCredential})}
	doc, err := jsondoc.Parse(raw)
	if err != nil { // a JWT, which has no proof within
		return j
	}
	j.doc = doc
	j.extra = answers(doc, w)
	if d.cfg.NoIssuerBinding && j.report.Check(credentials.CheckIssuer).Answer != credentials.Yes {
		j.unbound = signedByAnyone(ctx, doc, d) == nil
	}
	return j
}

// signedByAnyone verifies every proof with the key that it names, whoever the
// issuer is.
func signedByAnyone(ctx context.Context, doc jsondoc.Value, d *Door) error {
	proofs, err := dataintegrity.Verify(ctx, doc, dataintegrity.VerifyOptions{Resolver: d.resolver, Now: d.cfg.Now()})
	if err != nil {
		return err
	}
	for _, p := range proofs {
		if p.Cryptosuite == dataintegrity.EdDSAJCS || p.Cryptosuite == dataintegrity.ECDSAJCS {
			return jsonld.Settled(doc)
		}
	}
	return nil
}

// errUnanswered says that a proof is not of the purpose, or does not answer the
// challenge or domain, that the options name.
var errUnanswered = errors.New("proof does not say what the options want")

func answers(doc jsondoc.Value, w wanted) error {
	for p := range doc.Get("proof").Elements() {
		for _, m := range []struct{ name, want string }{{"proofPurpose", w.purpose}, {"challenge", w.challenge}, {"domain", w.domain}} {
			if m.want != "" && !slices.Contains(p.Get(m.name).Texts(), m.want) {
				return fmt.Errorf("%w: %s/%s is %s, not %q", errUnanswered, p.Pointer(), m.name, jsondoc.Clip(string(p.Get(m.name).Raw())), m.want)
			}
		}
	}
	return nil
}

// signed reports whether the credential is as its issuer signed it.
func (j judged) signed() bool { return j.decisive() == nil }

// decisive returns the check that speaks against the credential, nil for none.
func (j judged) decisive() *credentials.Check {
	for _, answer := range []credentials.Answer{credentials.No, credentials.Unknown} {
		for _, c := range j.report.Checks {
			if c.Answer == answer && !c.Advisory && j.counts(c) {
				return &c
			}
		}
	}
	if j.unbound && j.wanted.status && j.doc.Get("credentialStatus").Exists() {
		return &credentials.Check{Name: credentials.CheckStatus, Answer: credentials.Unknown, Code: credentials.CodeStatusUnavailable,
			Message: "the status is not looked up where the issuer is not bound to the key: nobody could say whose list it is"}
	}
	if j.extra != nil {
		return &credentials.Check{Name: credentials.CheckProof, Answer: credentials.No, Code: credentials.CodePurpose, Message: j.extra.Error()}
	}
	return nil
}

func (j judged) counts(c credentials.Check) bool {
	switch c.Name {
	case credentials.CheckStatus, credentials.CheckRefresh:
		return j.wanted.status
	case credentials.CheckValidity:
		return j.wanted.validity
	case credentials.CheckIssuer:
		return !j.unbound
	}
	return true
}

func (j judged) refusal() answer {
	c := j.decisive()
	verdict := map[credentials.Answer]credentials.Verdict{credentials.No: credentials.Invalid, credentials.Unknown: credentials.Undecided}[c.Answer]
	return answer{http.StatusBadRequest, refusal{Verdict: string(verdict), Problems: []problem{{j.problem(*c), c.Name + " is " + string(c.Answer), c.Message}}, Report: j.report}}
}

// problem names the type of what speaks against a credential.
func (j judged) problem(c credentials.Check) string {
	switch c.Name {
	case credentials.CheckStatus:
		return status.ProblemBase + j.statusProblem()
	case credentials.CheckShape:
		return lintType(c.Code)
	case credentials.CheckValidity:
		return problemRange
	case credentials.CheckIssuer:
		return problemCrypto
	}
	return problemProof
}

// statusProblem reads the status once more, for the name of what is wrong.
func (j judged) statusProblem() string {
	entries, err := status.ParseEntries(j.doc.Get("credentialStatus"))
	if err != nil {
		return status.Problem(err)
	}
	for _, e := range entries {
		f, err := j.d.lists.StatusList(context.Background(), e.List)
		if err != nil {
			return status.Problem(err)
		}
		doc, err := jsondoc.ParseLimits(f.Body, jsondoc.Limits{Size: 8 << 20})
		if err != nil {
			return status.Problem(status.ErrMalformed)
		}
		l, err := status.ParseList(doc)
		if err == nil {
			_, err = l.Value(e)
		}
		if err != nil {
			return status.Problem(err)
		}
	}
	return "STATUS_VERIFICATION_ERROR" // its signature, its issuer or its time
}

// verified is the answer to who asked about something true.
type verified struct {
	Verified bool   `json:"verified"`
	Verdict  string `json:"verdict"`
	Report   any    `json:"report"`
}

// asked reads the options of a verification. Without checks all decide; a list
// of checks leaves out the status unless it names it, as suites ask for the
// proof alone of credentials whose lists are long gone.
func asked(in jsondoc.Value) (wanted, *answer) {
	o, bad := options(in)
	if bad != nil {
		return wanted{}, bad
	}
	w := wanted{purpose: textOf(o.Get("expectedProofPurpose")), challenge: textOf(o.Get("challenge")), domain: textOf(o.Get("domain")), status: true, validity: true}
	checks, bad := texts(o, "checks")
	if bad != nil {
		return w, bad
	}
	if len(checks) > 0 {
		w.status = slices.Contains(checks, "credentialStatus") || slices.Contains(checks, "status")
	}
	return w, nil
}

func (d *Door) verify(ctx context.Context, in jsondoc.Value) answer {
	vc, bad := object(in, "verifiableCredential")
	if bad != nil {
		return *bad
	}
	w, bad := asked(in)
	if bad != nil {
		return *bad
	}
	raw := vc.Raw()
	jwt, enveloped, err := credentials.OpenEnvelope(vc, "EnvelopedVerifiableCredential")
	if err != nil {
		return badRequest(problemMalformed, err.Error())
	}
	if enveloped {
		raw = jwt
	}
	j := d.judge(ctx, raw, w)
	if !j.signed() {
		return j.refusal()
	}
	return answer{http.StatusOK, verified{true, string(credentials.Valid), j.report}}
}

func (d *Door) verifyPresentation(ctx context.Context, in jsondoc.Value) answer {
	vp, bad := object(in, "verifiablePresentation")
	if bad != nil {
		return *bad
	}
	w, bad := asked(in)
	if bad != nil {
		return *bad
	}
	if w.purpose != "" && w.purpose != string(did.Authentication) {
		return badRequest(problemProof, "/options/expectedProofPurpose must be authentication for a presentation")
	}
	r := d.verifier.VerifyAnyPresentation(ctx, vp.Raw(), w.challenge, w.domain)
	if r.Verdict != credentials.Valid {
		typ := problemProof
		if r.Shape.Answer != credentials.Yes {
			typ = lintType(r.Shape.Code)
		}
		return answer{http.StatusBadRequest, refusal{Verdict: string(r.Verdict), Problems: []problem{{typ, "the presentation is " + string(r.Verdict), r.Why}}, Report: r}}
	}
	return answer{http.StatusOK, verified{true, string(r.Verdict), r}}
}
