package jsonld

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/sharedtest"
)

// deviations are the tests of the W3C suite that we do not pass, with reason.
var deviations = map[string]string{}

type w3cTest struct {
	ID     string          `json:"@id"`
	Type   []string        `json:"@type"`
	Name   string          `json:"name"`
	Input  string          `json:"input"`
	Expect string          `json:"expect"`
	Code   string          `json:"expectErrorCode"`
	Option json.RawMessage `json:"option"`
}

type w3cOption struct {
	SpecVersion, ProcessingMode, Base, ExpandContext, RDFDirection string
	Normative                                                      *bool
	ProduceGeneralizedRDF                                          bool `json:"produceGeneralizedRdf"`
}

// suiteProcessor reads the suite's own files for its URLs.
func suiteProcessor(dir, base string) *processor {
	load := func(url string) (any, error) {
		rest, ok := strings.CutPrefix(url, "https://w3c.github.io/json-ld-api/tests/")
		if !ok {
			return nil, fail("loading remote context failed", "%s", url)
		}
		raw, err := os.ReadFile(filepath.Join(dir, rest))
		if err != nil {
			return nil, fail("loading remote context failed", "%v", err)
		}
		var v any
		return v, json.Unmarshal(raw, &v)
	}
	return &processor{load: load, initial: &activeContext{terms: map[string]*term{}, base: base}}
}

func runSuite(t *testing.T, suite string, run func(t *testing.T, dir string, e w3cTest, o w3cOption) error) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "json-ld")
	raw, err := os.ReadFile(filepath.Join(dir, suite+"-manifest.jsonld"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Sequence []w3cTest }
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	ran, passed := 0, 0
	for _, e := range m.Sequence {
		var o w3cOption
		if len(e.Option) > 0 {
			if err := json.Unmarshal(e.Option, &o); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, e.Input)); err != nil || o.SpecVersion == "json-ld-1.0" || o.ProcessingMode == "json-ld-1.0" {
			continue // held back, or of the old version
		}
		ran++
		err := run(t, dir, e, o)
		why, known := deviations[suite+e.ID]
		switch {
		case err == nil && known:
			t.Errorf("%s%s passes now: strike it from the deviations", suite, e.ID)
		case err == nil:
			passed++
		case known:
			t.Logf("%s%s deviates: %s", suite, e.ID, why)
		default:
			t.Errorf("%s%s %s: %v", suite, e.ID, e.Name, err)
		}
	}
	t.Logf("read %s: %d of %d %s tests pass", dir, passed, ran, suite)
	if ran < 200 {
		t.Errorf("only %d tests", ran)
	}
}

func expandSuite(dir string, e w3cTest, o w3cOption) ([]any, error) {
	raw, err := os.ReadFile(filepath.Join(dir, e.Input))
	if err != nil {
		return nil, err
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	base := "https://w3c.github.io/json-ld-api/tests/" + e.Input
	if o.Base != "" {
		base = o.Base
	}
	p := suiteProcessor(dir, base)
	c := p.initial
	if o.ExpandContext != "" {
		raw, err := os.ReadFile(filepath.Join(dir, o.ExpandContext))
		if err != nil {
			return nil, err
		}
		var x map[string]any
		if err := json.Unmarshal(raw, &x); err != nil {
			return nil, err
		}
		if c, err = p.with(c, x["@context"]); err != nil {
			return nil, err
		}
	}
	return p.document(c, doc)
}

func TestW3CExpansionSuite(t *testing.T) {
	runSuite(t, "expand", func(t *testing.T, dir string, e w3cTest, o w3cOption) error {
		got, err := expandSuite(dir, e, o)
		if e.Code != "" {
			if err == nil || !strings.Contains(err.Error(), e.Code) {
				return fmt.Errorf("got %v, want %s", err, e.Code)
			}
			return nil
		}
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Expect))
		if err != nil {
			return err
		}
		var want any
		if err := json.Unmarshal(raw, &want); err != nil {
			return err
		}
		again, err := json.Marshal(got)
		if err != nil {
			return err
		}
		var have any
		if err := json.Unmarshal(again, &have); err != nil {
			return err
		}
		if !equalJSONLD(have, want, false) {
			return fmt.Errorf("got\n%s\nwant\n%s", again, raw)
		}
		return nil
	})
}

// equalJSONLD compares expanded documents: lists in order, sets without.
func equalJSONLD(a, b any, ordered bool) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			w, has := y[k]
			if !has || !equalJSONLD(v, w, k == "@list") {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		if ordered {
			for i := range x {
				if !equalJSONLD(x[i], y[i], false) {
					return false
				}
			}
			return true
		}
		y = slices.Clone(y)
		for _, v := range x {
			i := slices.IndexFunc(y, func(w any) bool { return equalJSONLD(v, w, false) })
			if i < 0 {
				return false
			}
			y = slices.Delete(y, i, i+1)
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func TestW3CToRDFSuite(t *testing.T) {
	runSuite(t, "toRdf", func(t *testing.T, dir string, e w3cTest, o w3cOption) error {
		expanded, err := expandSuite(dir, e, o)
		if e.Code != "" {
			if err == nil || !strings.Contains(err.Error(), e.Code) {
				return fmt.Errorf("got %v, want %s", err, e.Code)
			}
			return nil
		}
		if err != nil {
			return err
		}
		b := &builder{labels: map[string]string{}, lenient: true, undirected: o.RDFDirection == ""}
		if err := b.document(expanded); err != nil {
			return err
		}
		got, err := canonicalQuads(b.quads)
		if err != nil {
			return err
		}
		if e.Expect == "" {
			return nil // it must only be read
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Expect))
		if err != nil {
			return err
		}
		quads, err := parseNQuads(raw)
		if err != nil {
			return err
		}
		want, err := canonicalQuads(quads)
		if err != nil {
			return err
		}
		if string(got) != string(want) {
			return fmt.Errorf("got\n%swant\n%s", got, want)
		}
		return nil
	})
}

func TestErrorsOfTheLoaderAreNotLost(t *testing.T) {
	p := &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, safe: true}
	_, err := p.document(p.initial, map[string]any{"@context": "https://unknown.example/c"})
	if !errors.Is(err, ErrContext) {
		t.Errorf("got %v", err)
	}
}
