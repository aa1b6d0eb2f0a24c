package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// maxBody bounds a request: what a reader of credentials takes, and options.
const maxBody = 1 << 20

// problem is one reason of a refusal (RFC 9457, as the VC Data Model §7.4 and
// the VC API use it).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// The types of problems that are no status list's.
const (
	problemParsing   = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR"
	problemMalformed = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR"
	problemRange     = "https://www.w3.org/TR/vc-data-model#RANGE_ERROR"
	problemCrypto    = "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR"
	problemProof     = "https://w3id.org/security#PROOF_VERIFICATION_ERROR"
	problemGenerate  = "https://w3id.org/security#PROOF_GENERATION_ERROR"
	problemData      = "https://w3id.org/security#DATA_LOSS_DETECTION_ERROR"
)

// answer is what a call returns.
type answer struct {
	code int
	body any
}

type refusal struct {
	Verified bool      `json:"verified"`
	Verdict  string    `json:"verdict,omitempty"`
	Problems []problem `json:"problemDetails"`
	Report   any       `json:"report,omitempty"`
}

func refuse(code int, typ, title, detail string) answer {
	return answer{code, refusal{Problems: []problem{{typ, title, detail}}}}
}

func badRequest(typ, detail string) answer {
	return refuse(http.StatusBadRequest, typ, "the request is refused", detail)
}

func (d *Door) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /conformance.json", func(w http.ResponseWriter, _ *http.Request) {
		write(w, answer{http.StatusOK, d.manifest()})
	})
	for _, i := range d.issuers {
		mux.HandleFunc("POST /issuers/"+i.name+"/credentials/issue", takes(func(ctx context.Context, in jsondoc.Value) answer { return d.issue(ctx, i, in) }))
	}
	mux.HandleFunc("POST /credentials/verify", takes(d.verify))
	mux.HandleFunc("POST /credentials/derive", takes(d.derive))
	mux.HandleFunc("POST /presentations/verify", takes(d.verifyPresentation))
	mux.HandleFunc("POST /jose-cose", takes(d.joseCose))
	mux.HandleFunc("GET /1.0/identifiers/", d.resolve)
	mux.HandleFunc("GET "+listPath, d.publish)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, refuse(http.StatusNotFound, "about:blank", "nothing is there", r.Method+" "+jsondoc.Clip(r.URL.Path)+": GET /conformance.json lists what there is"))
	})
	return http.MaxBytesHandler(mux, maxBody)
}

// takes reads a JSON object for a call.
func takes(call func(context.Context, jsondoc.Value) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			write(w, refuse(http.StatusUnsupportedMediaType, "about:blank", "the media type is refused", "Content-Type must be application/json"))
			return
		}
		raw, err := io.ReadAll(r.Body)
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			write(w, refuse(http.StatusRequestEntityTooLarge, "about:blank", "the request is too large", "at most 1 MiB is read"))
			return
		}
		if err != nil {
			write(w, badRequest(problemParsing, "the body could not be read: "+err.Error()))
			return
		}
		in, err := jsondoc.Parse(raw)
		switch {
		case err != nil:
			write(w, badRequest(problemParsing, "the body is not read: "+err.Error()))
		case in.Kind() != jsondoc.Object:
			write(w, badRequest(problemParsing, "the body is a JSON "+in.Kind().String()+"; send an object"))
		default:
			write(w, call(r.Context(), in))
		}
	}
}

// write answers in JSON. Nothing is left to do where the other side has gone.
func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(a.body)
}

func (d *Door) publish(w http.ResponseWriter, r *http.Request) {
	raw, err := d.lists.signed(r.Context())
	if err != nil {
		write(w, refuse(http.StatusServiceUnavailable, status.ProblemBase+"STATUS_RETRIEVAL_ERROR", "the list could not be signed", err.Error()))
		return
	}
	write(w, answer{http.StatusOK, json.RawMessage(raw)})
}

// object returns a member that must be an object, such as credential.
func object(in jsondoc.Value, name string) (jsondoc.Value, *answer) {
	v := in.Get(name)
	if v.Kind() != jsondoc.Object {
		a := badRequest(problemMalformed, "/"+name+" must be an object")
		return v, &a
	}
	return v, nil
}

// options returns the member options, which may be absent.
func options(in jsondoc.Value) (jsondoc.Value, *answer) {
	if o := in.Get("options"); !o.Exists() || o.Kind() == jsondoc.Null {
		return jsondoc.Value{}, nil
	}
	return object(in, "options")
}

// texts returns a list of texts among the options.
func texts(o jsondoc.Value, name string) ([]string, *answer) {
	v := o.Get(name)
	if v.Exists() && (v.Kind() != jsondoc.Array || len(v.Texts()) != v.Len()) {
		a := badRequest(problemMalformed, "/options/"+name+" must be a list of texts")
		return nil, &a
	}
	return v.Texts(), nil
}

func textOf(v jsondoc.Value) string { s, _ := v.Text(); return s }
