package conformance

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// resolution is a DID resolution result, or that of dereferencing a DID URL
// (DID Resolution 1.0), as its HTTP binding has it.
type resolution struct {
	Context       string          `json:"@context"`
	Document      json.RawMessage `json:"didDocument"`
	DocumentMeta  struct{}        `json:"didDocumentMetadata"`
	Resolving     *resolved       `json:"didResolutionMetadata,omitempty"`
	Dereferencing *resolved       `json:"didDereferencingMetadata,omitempty"`
}

type resolved struct {
	ContentType string `json:"contentType,omitempty"`
	Error       string `json:"error,omitempty"`
	Message     string `json:"message,omitempty"`
}

// The errors of did:key v0.9 and of DID Resolution, as the suite spells them.
const (
	invalidDID         = "invalidDid"
	invalidDIDURL      = "invalidDidUrl"
	notFound           = "notFound"
	invalidKeyLength   = "invalidPublicKeyLength"
	invalidKey         = "invalidPublicKey"
	unsupportedKeyType = "unsupportedPublicKeyType"
	invalidKeyType     = "invalidPublicKeyType"
)

// resolve answers for did:key alone, of which a document can be computed.
func (d *Door) resolve(w http.ResponseWriter, r *http.Request) {
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), "/1.0/identifiers/")
	id, err := url.PathUnescape(escaped)
	if err != nil {
		write(w, unresolved(false, invalidDID, "the identifier is not well escaped"))
		return
	}
	isURL := strings.ContainsAny(id, "/?#")
	if bad := format(r.URL.Query()); bad != "" {
		write(w, unresolved(isURL, bad, "this resolver writes keys as Multikey"))
		return
	}
	u, err := did.ParseURL(id)
	if err != nil || u.DID.Method() != "key" {
		code := invalidDID
		if isURL {
			code = invalidDIDURL
		}
		write(w, unresolved(isURL, code, "it is no did:key: "+jsondoc.Clip(id)))
		return
	}
	res, err := key.Resolver{}.Resolve(r.Context(), u.DID)
	switch {
	case errors.Is(err, did.ErrKeyLength):
		write(w, unresolved(isURL, invalidKeyLength, err.Error()))
	case errors.Is(err, did.ErrWeakKey):
		write(w, unresolved(isURL, invalidKey, err.Error()))
	case err != nil:
		write(w, unresolved(isURL, invalidDID, err.Error()))
	case isURL:
		write(w, dereference(u, res))
	default:
		write(w, answer{http.StatusOK, resolution{Context: resolutionContext, Document: res.Raw, Resolving: &resolved{ContentType: "application/did+ld+json"}}})
	}
}

const resolutionContext = "https://w3id.org/did-resolution/v1"

// format holds the options that choose how keys are written to what is
// supported: experimental types are refused as such.
func format(q url.Values) string {
	switch q.Get("publicKeyFormat") {
	case "", "Multikey":
		return ""
	case "Ed25519VerificationKey2018", "X25519KeyAgreementKey2019":
		if q.Get("enableExperimentalPublicKeyTypes") != "true" {
			return invalidKeyType
		}
	}
	return unsupportedKeyType
}

// dereference finds the verification method that a DID URL names.
func dereference(u did.URL, res did.Resolution) answer {
	doc, err := jsondoc.Parse(res.Raw)
	if err != nil {
		return unresolved(true, notFound, err.Error())
	}
	for m := range doc.Get("verificationMethod").Elements() {
		if textOf(m.Get("id")) == u.String() {
			return answer{http.StatusOK, resolution{Context: resolutionContext, Document: m.Raw(), Dereferencing: &resolved{ContentType: "application/did+ld+json"}}}
		}
	}
	return unresolved(true, notFound, "the document of "+jsondoc.Clip(u.DID.String())+" has no "+jsondoc.Clip(u.String()))
}

func unresolved(isURL bool, code, message string) answer {
	out := resolution{Context: resolutionContext, Document: json.RawMessage(`{}`)}
	m := &resolved{Error: code, Message: message}
	if out.Resolving = m; isURL {
		out.Resolving, out.Dereferencing = nil, m
	}
	if code == notFound {
		return answer{http.StatusNotFound, out}
	}
	return answer{http.StatusBadRequest, out}
}
