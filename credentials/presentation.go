package credentials

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// PresentationOptions are what a presentation says. Credentials are signed
// credentials in JSON or JWT, embedded byte for byte; without any, the
// presentation proves control of the holder's key. Holder is a DID. Challenge
// and Domain are those that the verifier asked for.
type PresentationOptions struct {
	Credentials               [][]byte
	Holder, Challenge, Domain string
	Now                       time.Time
	Cryptosuite               string
}

const envelope = "data:application/vc+jwt,"

// BuildPresentation makes and signs a presentation (VC Data Model 2.0 §4.13)
// for authentication, with the suite of the signer's key. The error wraps
// [ErrPresentation] when an option is missing or a credential unreadable.
func BuildPresentation(ctx context.Context, o PresentationOptions, s Signer) ([]byte, error) {
	if _, err := did.Parse(o.Holder); err != nil {
		return nil, fmt.Errorf("%w: holder: %w", ErrPresentation, err)
	}
	if o.Challenge == "" || o.Domain == "" || o.Now.IsZero() {
		return nil, fmt.Errorf("%w: challenge, domain and time are needed", ErrPresentation)
	}
	var b bytes.Buffer
	b.WriteString(`{"@context":["` + jsonld.CredentialsV2 + `"],"type":["VerifiablePresentation"],"holder":`)
	holder, err := jsondoc.Marshal(o.Holder)
	if err != nil {
		return nil, err
	}
	b.Write(holder)
	for i, raw := range o.Credentials {
		c, form, err := ParseAny(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: credential %d: %w", ErrPresentation, i+1, err)
		}
		if form == FormPNG || form == FormSVG {
			raw = c.Bytes()
		}
		b.WriteString(map[bool]string{true: `,"verifiableCredential":[`, false: ","}[i == 0])
		if !c.IsJWT() {
			b.Write(bytes.TrimSpace(raw))
			continue
		}
		id, err := jsondoc.Marshal(envelope + string(bytes.TrimSpace(raw)))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `{"@context":%q,"id":%s,"type":"EnvelopedVerifiableCredential"}`, jsonld.CredentialsV2, id)
	}
	if len(o.Credentials) > 0 {
		b.WriteByte(']')
	}
	b.WriteByte('}')
	p := dataintegrity.Options{Purpose: did.Authentication, Challenge: o.Challenge, Domain: o.Domain, Created: o.Now, Cryptosuite: o.Cryptosuite}
	if o.Cryptosuite == "" && s.Key().Type != did.Ed25519 {
		p.Cryptosuite = dataintegrity.ECDSARDFC
	}
	return dataintegrity.AddProof(ctx, b.Bytes(), p, s)
}

// PresentationReport is the outcome of verifying a presentation. Why is the
// sentence that decided. Verified holds the credentials, all of them or none:
// it is empty unless the verdict is valid.
type PresentationReport struct {
	Verdict     Verdict    `json:"verdict"`
	Why         string     `json:"why"`
	Code        string     `json:"code"`
	Holder      string     `json:"holder,omitempty"`
	Shape       Check      `json:"shape"`
	Proof       Check      `json:"proof"`
	Credentials []Report   `json:"credentials,omitempty"`
	Verified    []Verified `json:"-"`
	// Shown are the bytes that each of Credentials is about; endorsements of
	// them that were shown beside them are not among them.
	Shown [][]byte `json:"-"`
}

// maxPresented bounds the credentials of one presentation.
const maxPresented = 50

// VerifyPresentation verifies a presentation that answers challenge for
// domain: its holder signed it for authentication, each credential verifies,
// and each is about the holder. The caller must have made the challenge, and
// takes it once only.
func (v *Verifier) VerifyPresentation(ctx context.Context, raw []byte, challenge, domain string) PresentationReport {
	r := PresentationReport{Shape: Check{Name: CheckShape, Answer: Yes, Code: CodeOK, Message: "a presentation"}, Proof: notReached(CheckProof)}
	doc, creds, err := readPresentation(raw)
	if err == nil && (challenge == "" || domain == "") {
		err = fmt.Errorf("%w: a presentation is verified against a challenge and a domain", ErrPresentation)
	}
	if err != nil {
		f := explainParse(err)
		if f.answer != No {
			f.answer, f.code = No, CodeMalformed
		}
		r.Shape = f.check(CheckShape)
		return r.decide()
	}
	r.Holder = doc.Get("holder").ID()
	r.Proof = v.presenter(ctx, doc, r.Holder, challenge, domain)
	if r.Proof.Answer != Yes {
		return r.decide()
	}
	var verified []Verified
	creds, about := apart(creds)
	r.Shown = creds
	for i, c := range creds {
		rep, ok := v.Examine(ctx, c, ReportOptions{Holder: r.Holder, Endorsements: about[i]})
		r.Credentials = append(r.Credentials, rep)
		verified = append(verified, ok)
	}
	r = r.decide()
	if r.Verdict == Valid {
		r.Verified = verified
	}
	return r
}

// apart takes out the endorsements of badges that are shown with them, by the
// place of the badge in what is left: they are about a badge and not about the
// holder.
func apart(creds [][]byte) (rest [][]byte, about map[int][][]byte) {
	if len(creds) < 2 {
		return creds, nil
	}
	read := make([]Credential, len(creds))
	ids := map[string]bool{}
	for i, raw := range creds {
		var err error
		if read[i], _, err = ParseAny(raw); err == nil { // else its report says so
			ids[read[i].ID()] = true
		}
	}
	of := func(c Credential) string {
		if id := c.SubjectID(); id != "" && ids[id] && has(c.doc.Get("type"), "EndorsementCredential") {
			return id
		}
		return ""
	}
	place := map[string]int{}
	for i, c := range read {
		if of(c) == "" {
			place[c.ID()] = len(rest)
			rest = append(rest, creds[i])
		}
	}
	about = map[int][][]byte{}
	for i, c := range read {
		if id := of(c); id != "" {
			at, ok := place[id]
			if !ok { // endorsed in a circle
				return creds, nil
			}
			about[at] = append(about[at], creds[i])
		}
	}
	return rest, about
}

// presenter verifies the holder's signature.
func (v *Verifier) presenter(ctx context.Context, doc jsondoc.Value, holder, challenge, domain string) Check {
	id, err := did.Parse(holder)
	if err != nil {
		return Check{Name: CheckProof, Answer: No, Code: CodeHolder, Message: fmt.Sprintf("the holder is named by %q, which is no DID", holder), Pointer: "/holder"}
	}
	now := v.cfg.Now()
	b := &bound{inner: v.cfg.Resolver, want: id}
	_, err = verifyProofs(ctx, doc, dataintegrity.VerifyOptions{Resolver: b, Purpose: did.Authentication, Challenge: challenge, Domain: domain, Now: now})
	if err != nil {
		return Check{Name: CheckProof, Answer: explain(err, CheckProof).answer, Code: explain(err, CheckProof).code, Message: err.Error()}
	}
	c := Check{Name: CheckProof, Answer: Yes, Code: CodeOK, Message: "signed by " + holder + " for this challenge"}
	if !b.seen.Fetched.IsZero() {
		c.Fetched, c.Age = b.seen.Fetched, age(now, b.seen.Fetched)
	}
	return c
}

func (r PresentationReport) decide() PresentationReport {
	checks := []Check{r.Shape, r.Proof}
	for i, c := range r.Credentials {
		d := c.decisive()
		d.Message = fmt.Sprintf("credential %d: %s", i+1, d.Message)
		switch c.Verdict {
		case Valid:
			continue
		case Invalid:
			d.Answer = No
		default:
			d.Answer = Unknown
		}
		checks = append(checks, d)
	}
	whole := Report{Verdict: verdict(checks), Checks: checks}
	d := whole.decisive()
	r.Verdict, r.Why, r.Code = whole.Verdict, d.Message, d.Code
	return r
}

// readPresentation checks the form of a presentation and returns its
// credentials as they came.
func readPresentation(raw []byte) (jsondoc.Value, [][]byte, error) {
	doc, err := jsondoc.Parse(raw)
	if err != nil {
		return doc, nil, err
	}
	out, err := presented(doc)
	return doc, out, err
}

// presented is readPresentation of one that was read already. A credential
// that came as a JWT stands as such, without its envelope.
func presented(doc jsondoc.Value) ([][]byte, error) {
	if doc.Kind() != jsondoc.Object || !has(doc.Get("type"), "VerifiablePresentation") || has(doc.Get("type"), "VerifiableCredential") {
		return nil, fmt.Errorf("%w: its type is not VerifiablePresentation", ErrMalformed)
	}
	if c := text(doc.Get("@context").First()); c != jsonld.CredentialsV2 && c != jsonld.CredentialsV1 {
		return nil, fmt.Errorf("%w: @context does not begin with that of the VC Data Model", jsonld.ErrContext)
	}
	list := doc.Get("verifiableCredential")
	if list.Exists() && list.Len() == 0 {
		return nil, fmt.Errorf("%w: verifiableCredential is empty", ErrMalformed)
	}
	if list.Kind() == jsondoc.Array && list.Len() > maxPresented {
		return nil, fmt.Errorf("%w: %d credentials, at most %d", jsondoc.ErrLimit, list.Len(), maxPresented)
	}
	var out [][]byte
	for e := range list.Elements() {
		jwt, enveloped, err := OpenEnvelope(e, "EnvelopedVerifiableCredential")
		switch {
		case err != nil:
			return nil, err
		case enveloped:
			out = append(out, jwt)
		case e.Kind() == jsondoc.Object && has(e.Get("type"), "VerifiableCredential"):
			out = append(out, e.Raw())
		default:
			return nil, fmt.Errorf("%w: %s is no credential", ErrMalformed, e.Pointer())
		}
	}
	return out, nil
}
