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
	"sync"
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

var pinned = mustLoad()

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
	out := map[string]string{}
	for url, c := range pinned {
		h := sha256.Sum256(c.raw)
		if out[url] = published[url]; out[url] == "" {
			out[url] = hex.EncodeToString(h[:])
		}
	}
	return out
}

// Known reports whether a context URL is accepted.
func Known(url string) bool { _, ok := pinned[url]; return ok }

// Raw returns the embedded bytes of a context.
func Raw(url string) ([]byte, bool) { c, ok := pinned[url]; return c.raw, ok }

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
	c, ok := pinned[url]
	if !ok {
		return nil, fmt.Errorf("%w: %s is not one of the %d that are known here, and none is fetched", ErrContext, url, len(pinned))
	}
	return c.doc, nil
}

// checkContexts refuses unknown URLs and inline contexts anywhere in a
// document before the expansion sees them.
func checkContexts(v any, path string) error {
	switch x := v.(type) {
	case map[string]any:
		for k, m := range x {
			if k == "@context" {
				if err := acceptable(m, path); err != nil {
					return err
				}
				continue
			}
			if err := checkContexts(m, path+"/"+k); err != nil {
				return err
			}
		}
	case []any:
		for i, m := range x {
			if err := checkContexts(m, fmt.Sprintf("%s/%d", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxContexts bounds the contexts of one node.
const maxContexts = 16

func acceptable(c any, path string) error {
	list, isList := c.([]any)
	if !isList {
		list = []any{c}
	}
	if len(list) > maxContexts {
		return fmt.Errorf("%w: %s/@context has more than %d entries", ErrContext, path, maxContexts)
	}
	for _, e := range list {
		switch x := e.(type) {
		case string:
			if !Known(x) {
				return fmt.Errorf("%w: %s/@context names %s, which is not known here; contexts are never fetched", ErrContext, path, clip(x))
			}
		case map[string]any:
			if !slices.ContainsFunc(inline, func(known any) bool { return reflect.DeepEqual(x, known) }) {
				return fmt.Errorf("%w: %s/@context holds a context of its own; only published ones are accepted", ErrContext, path)
			}
		default:
			return fmt.Errorf("%w: %s/@context holds neither a URL nor an object", ErrContext, path)
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:97] + "..."
	}
	return s
}

// Accept adds a context to the pinned ones for the life of the process; with
// an empty url, one that may stand in a document. It is for conformance tests,
// whose vectors use contexts that no badge should; call it before anything is
// verified.
func Accept(url string, raw []byte) error {
	c := context{raw: raw}
	if err := json.Unmarshal(raw, &c.doc); err != nil {
		return fmt.Errorf("%w: %s: %v", ErrContext, url, err)
	}
	if url == "" {
		inline = append(inline, c.doc)
		vocabulary = sync.OnceValue(collectVocabulary)
		return nil
	}
	pinned[url] = c
	vocabulary = sync.OnceValue(collectVocabulary)
	return nil
}
