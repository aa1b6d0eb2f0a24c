package dataintegrity

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// The vectors of RFC 8785 take the way that documents take: read exactly, then
// canonicalised.
func TestEveryVectorOfJSONCanonicalizationIsReproduced(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "jcs")
	files, err := filepath.Glob(filepath.Join(dir, "input", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		in := read(t, filepath.Join(dir, "input"), name)
		wrapped := `{"v":` + in + `}` // a document is an object; one vector is an array
		got, err := jcsOf(t, wrapped)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(strings.TrimPrefix(got, `{"v":`), "}")
		same(t, name, text, strings.TrimSpace(read(t, filepath.Join(dir, "output"), name)))
		same(t, name+" in bytes", hex.EncodeToString([]byte(text)), strings.Join(strings.Fields(read(t, filepath.Join(dir, "outhex"), name)), ""))
	}
	t.Logf("read %s: %d vectors", dir, len(files))
}

// RFC 8785 appendix B, and what a reader must not take for one another.
func TestNumbersAreWrittenAsInAppendixB(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "5e-324": "5e-324", "1.7976931348623157e308": "1.7976931348623157e+308", "9007199254740992": "9007199254740992",
		"295147905179352830000": "295147905179352830000", "1e21": "1e+21", "9.999999999999997e22": "9.999999999999997e+22", "1e23": "1e+23",
		"999999999999999700000": "999999999999999700000", "0.000001": "0.000001", "0.0000009999999999999997": "9.999999999999997e-7",
		"333333333.33333329": "333333333.3333333", "1.0": "1", "4.50": "4.5", "2e-3": "0.002", "333333333.3333332": "333333333.3333332", "-0.0000033333333333333333": "-0.0000033333333333333333",
	} {
		got, err := jcsOf(t, `{"n":`+in+`}`)
		if err != nil || got != `{"n":`+want+`}` {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

func jcsOf(t *testing.T, doc string) (out string, err error) {
	t.Helper()
	err = canonicalJSON(jsonld.Part{Body: parse(t, doc)}, func(b []byte) { out = string(b) })
	return out, err
}
