package jsonld

import (
	"fmt"
	"strings"
	"sync"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// A signature over canonical RDF covers what a document means, not how it is
// written. So the holder of a badge could write "credentialStatus" as the IRI
// that it stands for, or move it into another node of the same identifier: the
// signature would still hold, and who reads the JSON by its members would see a
// badge that cannot be revoked. Therefore a document must be plain: each
// statement stands where, and under the name by which, its members are read.

// ErrNotPlain says that a document hides a statement from whoever reads its
// members by their names.
var ErrNotPlain = fmt.Errorf("%w: not written plainly", ErrInvalid)

func notPlain(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotPlain, fmt.Sprintf(format, args...))
}

// plainKeywords are the keywords that a member may stand for. All others move
// statements elsewhere (@graph, @included, @reverse, @nest), wrap them (@set,
// @list) or are covered by no signature (@index).
var plainKeywords = map[string]bool{"@id": true, "@type": true, "@value": true, "@language": true, "@direction": true}

// vocabulary holds the IRIs for which a pinned context has a term.
var vocabulary = sync.OnceValue(collectVocabulary)

func collectVocabulary() map[string]bool {
	out := map[string]bool{}
	p := &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, defines: func(_ string, t *term) { out[t.iri] = true }}
	contexts := append([]any{}, inline...)
	for url := range pinned() {
		contexts = append(contexts, url)
	}
	for _, c := range contexts {
		// One that fails to process alone still tells what it had defined.
		_, _ = p.process(p.initial, c, scope{propagate: true, validate: true})
	}
	return out
}

// plainKey refuses a member under another name than the contexts give it.
func (x *expanding) plainKey(key, iri string) error {
	switch {
	case !x.p.safe:
		return nil
	case keywords[iri] && !plainKeywords[iri]:
		return notPlain("%q stands for %s", jsondoc.Clip(key), iri)
	case key == "@id" || key == "@type":
		for name, t := range x.c.terms {
			if t.iri == key {
				return notPlain("%q, for which the contexts have the member %q", key, name)
			}
		}
	case x.c.terms[key] == nil && vocabulary()[iri]:
		return notPlain("%q, for which the contexts have a member", jsondoc.Clip(key))
	case key[0] >= 'A' && key[0] <= 'Z':
		return x.plainClass(key, iri)
	}
	return nil
}

// plainClass refuses the name of a class as a member, where Open Badges gives
// class and member one IRI, such as Criteria and criteria.
func (x *expanding) plainClass(key, iri string) error {
	for name, t := range x.c.terms {
		if t.iri == iri && name != key {
			return notPlain("%q, for which the contexts have the member %q", jsondoc.Clip(key), name)
		}
	}
	return nil
}

// plainType refuses a type that is written as the IRI of a known one.
func (x *expanding) plainType(name, iri string) error {
	if x.p.safe && x.typeScope.terms[name] == nil && vocabulary()[iri] {
		return notPlain("type %q, for which the contexts have a name", jsondoc.Clip(name))
	}
	return x.p.plainID(iri)
}

// plainID refuses blank node labels: they could move statements about nodes
// without identifier.
func (p *processor) plainID(id string) error {
	if p.safe && isBlank(id) {
		return notPlain("the identifier %q is the label of a blank node", jsondoc.Clip(id))
	}
	return nil
}

// plainValue refuses a value object that says no more than its value alone.
func (x *expanding) plainValue(t *term) error {
	if !x.p.safe || x.result["@language"] != nil || x.result["@direction"] != nil {
		return nil
	}
	typ, _ := x.result["@type"].(string)
	if typ == "" || t != nil && typ == t.typ {
		return notPlain("%q holds an object of @value where its value alone says the same", jsondoc.Clip(x.property))
	}
	return nil
}

// credentialNS begins the IRIs of the members that rule a credential.
const credentialNS = "https://www.w3.org/2018/credentials#"

// plainTop refuses members that rule the document but stand in a node within
// it that has the document's identifier.
func plainTop(expanded []any) error {
	for _, e := range expanded {
		top, ok := e.(map[string]any)
		if !ok {
			continue
		}
		id, _ := top["@id"].(string)
		if id == "" {
			continue
		}
		for k, v := range top {
			if k == "@id" {
				continue
			}
			if err := notAgain(id, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func notAgain(id string, v any) error {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			if err := notAgain(id, e); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range x {
			if x["@id"] == id && strings.HasPrefix(k, credentialNS) {
				return notPlain("<%s> of the document stands in a node within it", jsondoc.Clip(k))
			}
			if err := notAgain(id, e); err != nil {
				return err
			}
		}
	}
	return nil
}
