package jose

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Secure signs a credential or a presentation as W3C VC-JOSE-COSE has it
// (§3.1): the payload is the document's own bytes, and the header says which of
// the two it is. The algorithm follows from the key. The error wraps
// [ErrMalformed] when the document is neither, [ErrLimit], [ErrUnsupported] for
// a key that does not sign, or is the signer's.
func Secure(ctx context.Context, document []byte, s Signer) ([]byte, error) {
	v, err := object(document, "document")
	if err != nil {
		return nil, err
	}
	kind, err := kindOf(v)
	if err != nil {
		return nil, err
	}
	alg, err := algOf(s.Key())
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
		Cty string `json:"cty"`
	}{alg, s.VerificationMethod(), kind + "+jwt", kind})
	if err != nil {
		return nil, err
	}
	return sign(ctx, header, v.Raw(), s)
}

// kindOf returns vc or vp, which no document may be at once, nor hold (§3.1.3).
func kindOf(v jsondoc.Value) (string, error) {
	for _, name := range []string{"vc", "vp"} {
		if v.Get(name).Exists() {
			return "", fmt.Errorf("%w: the document has a member %s, which a JWT of its kind must not have", ErrMalformed, name)
		}
	}
	credential, presentation := hasType(v, "VerifiableCredential"), hasType(v, "VerifiablePresentation")
	switch {
	case credential == presentation:
		return "", fmt.Errorf("%w: the document's type is neither VerifiableCredential nor VerifiablePresentation, or both", ErrMalformed)
	case credential:
		return "vc", nil
	}
	return "vp", nil
}

func hasType(v jsondoc.Value, want string) bool {
	for e := range v.Get("type").Elements() {
		if textOf(e) == want {
			return true
		}
	}
	return false
}

// presents reports whether the header says that the token is a presentation.
func (t Token) presents() bool { return t.Typ == "vp+jwt" || t.Typ == "application/vp+jwt" }

// Presentation returns the presentation within the token: the payload of a
// vp+jwt, or the member vp of a JWT by the VC Data Model 1.1 (§6.3.1). An iss
// must be its holder, where it names one. Nonce and aud are the caller's to
// compare. The error wraps [ErrClaims] or [ErrMalformed].
func (t Token) Presentation() (jsondoc.Value, Times, error) {
	v := t.Payload
	switch vp := v.Get("vp"); {
	case v.Get("vc").Exists() || t.Kind == VCJOSE && vp.Exists():
		return v, Times{}, fmt.Errorf("%w: a presentation is the payload itself, without vc or vp", ErrMalformed)
	case t.Kind == VCJOSE && !t.presents():
		return v, Times{}, fmt.Errorf("%w: its typ is %s, not vp+jwt", ErrMalformed, t.Typ)
	case t.Kind == OpenBadges && vp.Kind() != jsondoc.Object:
		return v, Times{}, fmt.Errorf("%w: it holds no presentation: neither typ vp+jwt nor an object vp", ErrMalformed)
	case t.Kind == OpenBadges:
		v = vp
	}
	times, err := t.Times()
	if err != nil {
		return v, times, err
	}
	iss, holder := t.Payload.Get("iss"), v.Get("holder").ID()
	if s, ok := iss.Text(); iss.Exists() && (!ok || holder != "" && s != holder) {
		return v, times, fmt.Errorf("%w: iss is %s, holder is %q", ErrClaims, jsondoc.Clip(string(iss.Raw())), jsondoc.Clip(holder))
	}
	return v, times, nil
}
