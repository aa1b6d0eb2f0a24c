package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// issued is the answer of a call that makes a credential.
type issued struct {
	Credential json.RawMessage `json:"verifiableCredential"`
}

// issue lints, signs, and verifies as a stranger would; only then it hands out.
func (d *Door) issue(ctx context.Context, by *issuer, in jsondoc.Value) answer {
	credential, bad := object(in, "credential")
	if bad != nil {
		return *bad
	}
	o, bad := options(in)
	if bad != nil {
		return *bad
	}
	mandatory, bad := texts(o, "mandatoryPointers")
	if bad != nil {
		return *bad
	}
	if p := credentials.LintAny(credential.Raw()); len(p) > 0 {
		return badRequest(lintType(p[0].Code), (&credentials.LintError{Problems: p}).Error())
	}
	if id := credential.Get("issuer").ID(); id != by.id.String() && !d.cfg.NoIssuerBinding {
		return badRequest(problemMalformed, "/credential/issuer is "+jsondoc.Clip(id)+"; this address issues for "+by.id.String()+" alone")
	}
	doc, err := d.prepare(by, credential)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, problemGenerate, "the credential cannot be made", err.Error())
	}
	if by.suite == "" {
		return d.envelop(ctx, by, doc)
	}
	opts := dataintegrity.Options{Cryptosuite: by.suite, Purpose: did.AssertionMethod, Created: d.cfg.Now()}
	if by.suite == dataintegrity.ECDSASD {
		opts.Mandatory = mandatory
	}
	signed, err := dataintegrity.AddProof(ctx, doc, opts, by)
	if err != nil {
		return badRequest(generateType(err), "signing: "+err.Error())
	}
	v, err := jsondoc.Parse(signed)
	if err != nil {
		return badRequest(problemParsing, "reading what was signed: "+err.Error())
	}
	if by.suite == dataintegrity.ECDSASD { // a base proof is for the holder, who derives from it
		if _, err := dataintegrity.Verify(ctx, v, dataintegrity.VerifyOptions{Resolver: d.resolver, Now: d.cfg.Now(), Base: true}); err != nil {
			return badRequest(generateType(err), "verifying what was signed: "+err.Error())
		}
		return answer{http.StatusCreated, issued{signed}}
	}
	if j := d.judge(ctx, signed, wanted{}); !j.signed() {
		return j.refusal()
	}
	return answer{http.StatusCreated, issued{signed}}
}

// envelop secures a credential as a JWT and puts it into an envelope.
func (d *Door) envelop(ctx context.Context, by *issuer, doc []byte) answer {
	v, err := jsondoc.Parse(doc)
	if err == nil {
		err = jsonld.Settled(v)
	}
	if err != nil {
		return badRequest(generateType(err), "reading the credential: "+err.Error())
	}
	jwt, err := jose.Secure(ctx, doc, by)
	if err != nil {
		return badRequest(problemGenerate, "signing: "+err.Error())
	}
	if j := d.judge(ctx, jwt, wanted{}); !j.signed() {
		return j.refusal()
	}
	out, err := jsondoc.Marshal(map[string]any{"@context": []string{jsonld.CredentialsV2}, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt," + string(jwt)})
	if err != nil {
		return badRequest(problemGenerate, err.Error())
	}
	return answer{http.StatusCreated, issued{out}}
}

// prepare returns the document to be signed: without the proof that came with
// it, which nobody has secured; of the model 1.1, with the context that defines
// the proof; and with a status where this issuer keeps one.
func (d *Door) prepare(by *issuer, v jsondoc.Value) ([]byte, error) {
	set := map[string][]byte{"proof": nil}
	missing := by.proofContexts(v)
	if by.tags[0] == tagStatus && !v.Get("credentialStatus").Exists() {
		if slices.Contains(v.Get("@context").Texts(), jsonld.CredentialsV1) {
			missing = append(missing, "https://www.w3.org/ns/credentials/status/v1")
		}
		e, err := d.lists.entry()
		if err != nil {
			return nil, err
		}
		if set["credentialStatus"], err = json.Marshal(e); err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		list := v.Get("@context").Raw()
		if v.Get("@context").Kind() != jsondoc.Array {
			list = slices.Concat([]byte("["), list, []byte("]"))
		}
		set["@context"] = slices.Concat(list[:len(list)-1], []byte(`,"`+strings.Join(missing, `","`)+`"]`))
	}
	return with(v, set)
}

const ed2020Context = "https://w3id.org/security/suites/ed25519-2020/v1"

// proofContexts returns the contexts that define the proof of this issuer,
// where the document lacks them.
func (i *issuer) proofContexts(v jsondoc.Value) []string {
	names := v.Get("@context").Texts()
	switch {
	case i.suite == "":
	case i.suite == dataintegrity.Ed2020:
		if !slices.Contains(names, ed2020Context) {
			return []string{ed2020Context}
		}
	case slices.Contains(names, jsonld.CredentialsV1) && !slices.Contains(names, jsonld.DataIntegrity) && !slices.Contains(names, "https://w3id.org/security/data-integrity/v1"):
		return []string{jsonld.DataIntegrity}
	}
	return nil
}

// with returns an object with other values of some members, new ones behind the
// last, and without those whose value is nil. All others keep their bytes.
func with(v jsondoc.Value, set map[string][]byte) ([]byte, error) {
	out := []byte{'{'}
	add := func(name, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	left := map[string][]byte{}
	for name, value := range set {
		left[name] = value
	}
	for name, m := range v.Members() {
		value, changed := set[name]
		delete(left, name)
		switch {
		case !changed:
			add(m.RawName(), m.Raw())
		case value != nil:
			add(m.RawName(), value)
		}
	}
	for name, value := range left {
		if value == nil {
			continue
		}
		quoted, err := jsondoc.Marshal(name)
		if err != nil {
			return nil, err
		}
		add(quoted, value)
	}
	return append(out, '}'), nil
}

func lintType(code string) string {
	switch code {
	case credentials.CodeUnsigned, credentials.CodeContext:
		return problemData
	case credentials.CodeSchema:
		return problemMalformed
	}
	return problemParsing
}

func generateType(err error) string {
	if errors.Is(err, jsonld.ErrUndefinedTerm) || errors.Is(err, jsonld.ErrContext) || errors.Is(err, jsonld.ErrInvalid) {
		return problemData
	}
	return problemGenerate
}

// derive makes of a base proof one that shows what the holder chose.
func (d *Door) derive(ctx context.Context, in jsondoc.Value) answer {
	vc, bad := object(in, "verifiableCredential")
	if bad != nil {
		return *bad
	}
	o, bad := options(in)
	if bad != nil {
		return *bad
	}
	pointers, bad := texts(o, "selectivePointers")
	if bad != nil {
		return *bad
	}
	own, err := jsondoc.Parse(vc.Raw()) // pointers begin at the credential
	if err != nil {
		return badRequest(problemParsing, err.Error())
	}
	derived, err := dataintegrity.Derive(own, pointers)
	if err != nil {
		return badRequest(generateType(err), "deriving: "+err.Error())
	}
	if j := d.judge(ctx, derived, wanted{}); !j.signed() {
		return j.refusal()
	}
	return answer{http.StatusCreated, issued{derived}}
}
