package jsonld

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/piprate/json-gold/ld"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// The canonical form is canonical: read as N-Quads and canonicalised again it
// stays as it is.
func FuzzCanonicalFormIsAFixedPoint(f *testing.F) {
	f.Add([]byte(head + "}"))
	f.Add([]byte(head + `,"evidence":[{"type":"VerifiableCredential"},{"type":"VerifiableCredential"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := jsondoc.ParseLimits(in, jsondoc.Limits{Size: 1 << 14})
		if err != nil || v.Kind() != jsondoc.Object {
			return
		}
		once, err := Canonicalize(v)
		if err != nil {
			return
		}
		twice, err := CanonicalizeNQuads(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%v\n%s\nbecame\n%s", err, once, twice)
		}
	})
}

type goldLoader struct{}

func (goldLoader) LoadDocument(url string) (*ld.RemoteDocument, error) {
	doc, err := load(url)
	if err != nil {
		return nil, err
	}
	return &ld.RemoteDocument{DocumentURL: url, Document: doc}, nil
}

// What we expand, json-gold expands to the same; it may also take what we
// refuse. It knows nothing of graphs under terms of a type, so presentations
// are left to the vectors.
func FuzzExpansionAgreesWithJSONGold(f *testing.F) {
	const ob = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:x:1",` +
		`"type":["VerifiableCredential","OpenBadgeCredential"],"issuer":{"id":"did:key:z6Mk","type":["Profile"],"name":"A"},"validFrom":"2026-01-01T00:00:00Z",` +
		`"credentialSubject":{"id":"did:key:z6Ml","type":["AchievementSubject"],"achievement":{"id":"urn:x:2","type":["Achievement"],"name":"B","creditsAvailable":0.5,` +
		`"criteria":{"narrative":"C"},"description":"D","tag":["x","y"],"alignment":[{"type":["Alignment"],"targetName":"E","targetUrl":"https://e.example/"}]}}}`
	f.Add([]byte(head + "}"))
	f.Add([]byte(ob))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := jsondoc.ParseLimits(in, jsondoc.Limits{Size: 1 << 14})
		if err != nil || v.Kind() != jsondoc.Object || bytes.Contains(in, []byte("resentation")) {
			return
		}
		ours, err := Expand(v)
		if err != nil {
			return
		}
		if _, err := toRDF(ours); err != nil {
			return // such as relative IRIs, where they differ to no effect
		}
		top, err := nativeObject(v)
		if err != nil {
			t.Fatal(err)
		}
		o := ld.NewJsonLdOptions("")
		o.DocumentLoader, o.ProcessingMode = goldLoader{}, ld.JsonLd_1_1
		theirs, err := ld.NewJsonLdProcessor().Expand(top, o)
		if err != nil {
			t.Skip("json-gold refuses it")
		}
		a, b := untyped(normal(t, ours)), untyped(normal(t, theirs))
		if !equalJSONLD(a, b, false) {
			t.Errorf("of %s\nours   %s\ntheirs %s", in, text(must(json.Marshal(a))), text(must(json.Marshal(b))))
		}
	})
}

// untyped leaves out lists of no types, which json-gold makes null.
func untyped(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if l, isList := x["@type"].([]any); isList && len(l) == 0 || x["@type"] == nil {
			delete(x, "@type")
		}
		for _, e := range x {
			untyped(e)
		}
	case []any:
		for _, e := range x {
			untyped(e)
		}
	}
	return v
}

func must(b []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func normal(t *testing.T, v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
