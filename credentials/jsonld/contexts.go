// Package jsonld turns credentials into canonical RDF: contexts that are
// embedded and pinned, expansion that refuses whatever it would have to drop,
// and RDF Dataset Canonicalization 1.0. Nothing is fetched.
package jsonld

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
)

//go:generate sh -c "cd gencontexts && npm install && npm run generate"

//go:embed contexts
var files embed.FS

var (
	// ErrContext says that a context is not among the pinned ones.
	ErrContext = errors.New("JSON-LD context not accepted")
	// ErrUndefinedTerm says that a member or type has no meaning in the
	// contexts; it would be left out of what is signed.
	ErrUndefinedTerm = errors.New("term not defined by the contexts")
	// ErrRelativeIRI says that an identifier or type is no absolute IRI, and
	// that there is nothing to resolve it against. It is an ErrUndefinedTerm.
	ErrRelativeIRI = fmt.Errorf("%w: relative IRI", ErrUndefinedTerm)
	// ErrInvalid says that a document is not JSON-LD of the accepted kind.
	ErrInvalid = errors.New("not valid JSON-LD")
	// ErrLimit says that canonicalising would take too much work.
	ErrLimit = errors.New("too much work to canonicalise")
)

// Contexts that credentials name.
const (
	CredentialsV1 = "https://www.w3.org/2018/credentials/v1"
	CredentialsV2 = "https://www.w3.org/ns/credentials/v2"
	OpenBadges303 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
	OBExtensions  = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
	DataIntegrity = "https://w3id.org/security/data-integrity/v2"
)

type context struct {
	raw []byte
	doc any
}

// pinned are read when the first is asked for: what has no badge in hand, such
// as a node that starts, does without.
var pinned = sync.OnceValue(mustLoad)

func mustLoad() map[string]context {
	out := map[string]context{}
	raw, err := files.ReadFile("contexts/index.json")
	if err != nil {
		panic(err) // embedded at build time
	}
	var index map[string]string
	if err := json.Unmarshal(raw, &index); err != nil {
		panic(err)
	}
	for url, file := range index {
		c := context{}
		if c.raw, err = files.ReadFile("contexts/" + file); err != nil {
			panic(err)
		}
		if err := json.Unmarshal(c.raw, &c.doc); err != nil {
			panic(err)
		}
		out[url] = c
	}
	return out
}

// Digests returns the SHA-256 of each context, in hex, by URL: of the bytes as
// published where they are known, else of the embedded ones.
func Digests() map[string]string {
	out := Embedded()
	for url := range out {
		if p, ok := Published(url); ok {
			out[url] = p
		}
	}
	return out
}

// Embedded returns the SHA-256 of the embedded bytes of each context, in hex,
// by URL. They are JSON-equal to the published ones, not the same bytes.
func Embedded() map[string]string {
	out := make(map[string]string, len(pinned()))
	for url, c := range pinned() {
		h := sha256.Sum256(c.raw)
		out[url] = hex.EncodeToString(h[:])
	}
	return out
}

// Published returns the SHA-256, in hex, of a context as its publisher serves
// it, such as relatedResource digests are about.
func Published(url string) (digest string, ok bool) {
	digest, ok = published[url]
	return digest, ok
}

// PublishedSHA384 is [Published] with SHA-384.
func PublishedSHA384(url string) (digest string, ok bool) {
	digest, ok = published384[url]
	return digest, ok
}

// Known reports whether a context URL is accepted.
func Known(url string) bool { _, ok := pinned()[url]; return ok }

// Raw returns the embedded bytes of a context.
func Raw(url string) ([]byte, bool) { c, ok := pinned()[url]; return c.raw, ok }

//go:embed extension.json
var extension []byte

// Extension is the one inline context that is accepted: the project's own
// terms for agreements (DESIGN.md §2.1), exactly as embedded.
func Extension() json.RawMessage { return extension }

// inline are the contexts that may stand in a document itself.
var inline = func() []any {
	var v any
	if err := json.Unmarshal(extension, &v); err != nil {
		panic(err) // embedded at build time
	}
	return []any{v}
}()

// load serves the pinned contexts and nothing else.
func load(url string) (any, error) {
	processed.Store(true)
	c, ok := pinned()[url]
	if !ok {
		return nil, fmt.Errorf("%w: %s is not one of the %d that are known here, and none is fetched", ErrContext, url, len(pinned()))
	}
	return c.doc, nil
}

// maxContexts bounds the contexts of one node, maxAllContexts those of a
// document: a fifth of a millisecond goes into one that was not met before.
const (
	maxContexts    = 16
	maxAllContexts = 512
)

// checkContexts refuses unknown URLs and inline contexts anywhere in a
// document before the expansion sees them. It returns how many there are.
func checkContexts(v any, path string) (n int, err error) {
	switch x := v.(type) {
	case map[string]any:
		for k, m := range x {
			of, err := 0, error(nil)
			if k == "@context" {
				of, err = acceptable(m, path)
			} else {
				of, err = checkContexts(m, path+"/"+k)
			}
			if err != nil {
				return 0, err
			}
			n += of
		}
	case []any:
		for i, m := range x {
			of, err := checkContexts(m, path+"/"+strconv.Itoa(i))
			if err != nil {
				return 0, err
			}
			n += of
		}
	}
	if n > maxAllContexts {
		return 0, fmt.Errorf("%w: %s names more than %d contexts in all", ErrLimit, path, maxAllContexts)
	}
	return n, nil
}

func acceptable(c any, path string) (n int, err error) {
	list, isList := c.([]any)
	if !isList {
		list = []any{c}
	}
	if len(list) > maxContexts {
		return 0, fmt.Errorf("%w: %s/@context has more than %d entries", ErrContext, path, maxContexts)
	}
	for _, e := range list {
		switch x := e.(type) {
		case string:
			if !Known(x) {
				return 0, fmt.Errorf("%w: %s/@context names %s, which is not known here; contexts are never fetched", ErrContext, path, jsondoc.Clip(x))
			}
		case map[string]any:
			if !anyInline && !slices.ContainsFunc(inline, func(known any) bool { return reflect.DeepEqual(x, known) }) {
				return 0, fmt.Errorf("%w: %s/@context holds a context of its own; only published ones are accepted", ErrContext, path)
			}
		default:
			return 0, fmt.Errorf("%w: %s/@context holds neither a URL nor an object", ErrContext, path)
		}
	}
	return len(list), nil
}

// processed tells that a context has been read: from then on the contexts are
// settled for the life of the process.
var processed atomic.Bool

// anyInline lets a document bring whatever context it likes.
var anyInline bool

// settled refuses to change the contexts once a document may have been judged
// by them, so that what is verified cannot depend on who called when. Tests may
// change them at any time.
func settled(what string) error {
	if processed.Load() && !testing.Testing() {
		return fmt.Errorf("%w: %s: contexts are added before the first document is read, not later", ErrContext, what)
	}
	return nil
}

// Accept adds a context to the pinned ones for the life of the process; with
// an empty url, one that may stand in a document. It is for the conformance
// door and for tests, whose vectors use contexts that no badge should. The error
// wraps [ErrContext] once a document has been read in this process, except in
// tests. It must not be called while another goroutine uses this package.
func Accept(url string, raw []byte) error {
	if err := settled(url); err != nil {
		return err
	}
	c := context{raw: raw}
	if err := json.Unmarshal(raw, &c.doc); err != nil {
		return fmt.Errorf("%w: %s: %v", ErrContext, url, err)
	}
	if url == "" {
		inline = append(inline, c.doc)
	} else {
		pinned()[url] = c
	}
	vocabulary = sync.OnceValue(collectVocabulary)
	return nil
}

// AcceptInline lets every document of this process bring contexts of its own,
// under the terms of [Accept]. It is for the conformance door alone: whoever
// writes the contexts says what a badge means.
func AcceptInline() error {
	if err := settled("contexts within documents"); err != nil {
		return err
	}
	anyInline = true
	return nil
}
