package credentials

import (
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// envelopes are the types of what envelops a JWT, and the media types of the
// data: URLs that hold one (VC Data Model 2.0 §4.13.1 and §4.13.2). That of a
// JWT of any kind is read too, as its kind is told by its own header.
var envelopes = map[string][]string{
	"EnvelopedVerifiableCredential":   {"application/vc+jwt", "application/jwt"},
	"EnvelopedVerifiablePresentation": {"application/vp+jwt", "application/jwt"},
}

// OpenEnvelope returns the JWT within an enveloped credential or presentation,
// whose type is want. It is ok only if v is an envelope at all. The error wraps
// [ErrMalformed], jsonld.ErrContext for one without the context that defines
// it, or jose.ErrUnsupported for one that holds something else than a JWT.
func OpenEnvelope(v jsondoc.Value, want string) (jwt []byte, ok bool, err error) {
	if !has(v.Get("type"), want) {
		return nil, false, nil
	}
	if v.Get("type").Len() != 1 {
		return nil, true, fmt.Errorf("%w: %s/type names more than %s", ErrMalformed, v.Pointer(), want)
	}
	if !has(v.Get("@context"), jsonld.CredentialsV2) {
		return nil, true, fmt.Errorf("%w: %s/@context does not hold %s, which defines an envelope", jsonld.ErrContext, v.Pointer(), jsonld.CredentialsV2)
	}
	id := text(v.Get("id"))
	rest, isData := strings.CutPrefix(id, "data:")
	media, body, isWhole := strings.Cut(rest, ",")
	if !isData || !isWhole {
		return nil, true, fmt.Errorf("%w: %s/id is no data: URL: %q", ErrMalformed, v.Pointer(), jsondoc.Clip(id))
	}
	for _, m := range envelopes[want] {
		if strings.EqualFold(media, m) {
			return []byte(body), true, nil
		}
	}
	return nil, true, fmt.Errorf("%w: %s/id holds %q, not a JWT", jose.ErrUnsupported, v.Pointer(), jsondoc.Clip(media))
}
