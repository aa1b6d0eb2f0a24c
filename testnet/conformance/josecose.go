package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// The results of the suite of VC-JOSE-COSE.
const (
	success       = "success"
	failure       = "failure"
	indeterminate = "indeterminate"
)

// outcome is the answer to one case of that suite. Data is the JWT that was
// made, or the document that was verified.
type outcome struct {
	Result string `json:"result"`
	Data   string `json:"data"`
	Why    string `json:"why,omitempty"`
}

// errCase says why a case fails.
var errCase = errors.New("case fails")

// joseCose runs one case: fn issue or verify, of a feature, on an input and a
// verification method with its keys. Input and key may stand as JSON or as a
// text that holds it, as the suite keeps them in files. Of the features, those
// of JWTs are known; COSE and SD-JWT are not.
func (d *Door) joseCose(ctx context.Context, in jsondoc.Value) answer {
	fn, feature := textOf(in.Get("fn")), textOf(in.Get("feature"))
	kind, form, _ := strings.Cut(feature, "_")
	if fn != "issue" && fn != "verify" || kind != "credential" && kind != "presentation" || !slices.Contains([]string{"jose", "cose", "sdjwt"}, form) {
		return badRequest(problemMalformed, "fn must be issue or verify, feature such as credential_jose or presentation_jose")
	}
	if form != "jose" {
		return answer{http.StatusOK, outcome{Result: indeterminate, Why: feature + " is not known here"}}
	}
	method, err := inner(in.Get("key"))
	if err != nil {
		return badRequest(problemMalformed, "key: "+err.Error())
	}
	var data string
	if fn == "issue" {
		data, err = d.issueCase(ctx, kind, in.Get("input"), method)
	} else {
		data, err = d.verifyCase(kind, in.Get("input"), method)
	}
	if err != nil {
		return answer{http.StatusOK, outcome{Result: failure, Why: err.Error()}}
	}
	return answer{http.StatusOK, outcome{Result: success, Data: data}}
}

// inner reads a value, or the JSON within a text.
func inner(v jsondoc.Value) (jsondoc.Value, error) {
	if s, ok := v.Text(); ok {
		var err error
		if v, err = jsondoc.Parse([]byte(strings.TrimSpace(s))); err != nil {
			return v, err
		}
	} else if v.Kind() == jsondoc.Object { // what is made of it begins at its own start
		return jsondoc.Parse(v.Raw())
	}
	if v.Kind() != jsondoc.Object {
		return v, fmt.Errorf("%w: a JSON %s instead of an object", errCase, v.Kind())
	}
	return v, nil
}

// known are the members of a credential that the VC Data Model 2.0 defines or
// reserves. The suite wants a credential with others refused, although its
// contexts give every word a meaning.
var known = []string{"@context", "id", "type", "name", "description", "issuer", "credentialSubject", "validFrom", "validUntil", "credentialStatus", "credentialSchema",
	"refreshService", "termsOfUse", "evidence", "relatedResource", "confidenceMethod", "renderMethod"}

func (d *Door) issueCase(ctx context.Context, kind string, input, method jsondoc.Value) (string, error) {
	doc, err := inner(input)
	if err != nil {
		return "", err
	}
	s, err := methodSigner(method)
	if err != nil {
		return "", err
	}
	if kind == "presentation" {
		err = envelopesAlone(doc)
	} else {
		err = plain(doc)
	}
	if err != nil {
		return "", err
	}
	jwt, err := jose.Secure(ctx, doc.Raw(), s)
	return string(jwt), err
}

func plain(doc jsondoc.Value) error {
	if p := credentials.LintAny(doc.Raw()); len(p) > 0 {
		return fmt.Errorf("%w: %s", errCase, p[0])
	}
	for name := range doc.Members() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%w: the VC Data Model defines no member %q of a credential", errCase, jsondoc.Clip(name))
		}
	}
	return nil
}

// envelopesAlone holds a presentation to VC-JOSE-COSE §3.1.2: its credentials
// are secured, and in envelopes. Those of other forms than JWT stay closed.
func envelopesAlone(doc jsondoc.Value) error {
	for e := range doc.Get("verifiableCredential").Elements() {
		_, ok, err := credentials.OpenEnvelope(e, "EnvelopedVerifiableCredential")
		if err != nil && !errors.Is(err, jose.ErrUnsupported) {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: %s is no EnvelopedVerifiableCredential", errCase, e.Pointer())
		}
	}
	return nil
}

// verifyCase checks form, claims and signature under the given key, as of the
// time of the recording: the suite's tokens ended long ago. The issuer, or
// holder, must be who controls the key. Signatures of credentials within a
// presentation are by keys that are not at hand; their form is checked.
func (d *Door) verifyCase(kind string, input, method jsondoc.Value) (string, error) {
	text, ok := input.Text()
	if !ok {
		return "", fmt.Errorf("%w: the input is a JSON %s, not a JWT: it is not secured", errCase, input.Kind())
	}
	t, err := jose.Parse([]byte(strings.Trim(strings.TrimSpace(text), `"`)))
	if err != nil {
		return "", err
	}
	if t.Kind != jose.VCJOSE {
		return "", fmt.Errorf("%w: typ %q is neither vc+jwt nor vp+jwt", errCase, t.Typ)
	}
	k, err := did.ParseJWK(method.Get("publicKeyJwk"))
	if err != nil {
		return "", fmt.Errorf("key/publicKeyJwk: %w", err)
	}
	if err := t.Verify(k); err != nil {
		return "", err
	}
	var doc jsondoc.Value
	var by string
	if kind == "credential" {
		if doc, _, err = t.Credential(); err == nil {
			err = lint(doc)
		}
		by = doc.Get("issuer").ID()
	} else {
		if doc, _, err = t.Presentation(); err == nil {
			err = securedWithin(doc)
		}
		by = doc.Get("holder").ID()
	}
	if err != nil {
		return "", err
	}
	if controller := textOf(method.Get("controller")); by != "" && by != controller && !d.cfg.NoIssuerBinding {
		return "", fmt.Errorf("%w: it is by %q, whose key is not that of %q", errCase, jsondoc.Clip(by), jsondoc.Clip(controller))
	}
	return string(doc.Raw()), nil
}

// lint is LintAny without the claims of the JWT, which the model does not know.
func lint(doc jsondoc.Value) error {
	if p := credentials.LintAny(doc.Raw()); len(p) > 0 {
		return fmt.Errorf("%w: %s", errCase, p[0])
	}
	return nil
}

func securedWithin(doc jsondoc.Value) error {
	if err := envelopesAlone(doc); err != nil {
		return err
	}
	for e := range doc.Get("verifiableCredential").Elements() {
		raw, _, err := credentials.OpenEnvelope(e, "EnvelopedVerifiableCredential")
		if err != nil {
			continue // of another form than JWT
		}
		t, err := jose.Parse(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Pointer(), err)
		}
		c, _, err := t.Credential()
		if err == nil {
			err = lint(c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Pointer(), err)
		}
	}
	return nil
}

// methodSigner takes the private key of a verification method (JsonWebKey) that
// a suite publishes for its tests.
func methodSigner(method jsondoc.Value) (signer, error) {
	s := signer{method: textOf(method.Get("id"))}
	secret := method.Get("secretKeyJwk")
	raw, err := base64.RawURLEncoding.DecodeString(textOf(secret.Get("d")))
	if err != nil || len(raw) == 0 || s.method == "" {
		return s, fmt.Errorf("%w: key needs id and secretKeyJwk/d", errCase)
	}
	if s.pub, err = did.ParseJWK(method.Get("publicKeyJwk")); err != nil {
		return s, fmt.Errorf("key/publicKeyJwk: %w", err)
	}
	c, isEC := curves[s.pub.Type]
	switch {
	case isEC:
		s.private, err = ecdsa.ParseRawPrivateKey(c, raw)
	case s.pub.Type == did.Ed25519 && len(raw) == ed25519.SeedSize:
		s.private = ed25519.NewKeyFromSeed(raw)
	default:
		err = fmt.Errorf("%w: a %s key does not sign here", errCase, s.pub.Type)
	}
	if err != nil {
		return s, fmt.Errorf("key/secretKeyJwk: %w", err)
	}
	if pub, err := public(s.pub.Type, s.private); err != nil || !pub.Equal(s.pub) {
		return s, fmt.Errorf("%w: key/secretKeyJwk is not the other half of key/publicKeyJwk", errCase)
	}
	return s, nil
}
