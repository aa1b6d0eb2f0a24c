package jsonld

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

func TestEveryVectorOfRDFCanonicalizationIsReproduced(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "rdfc10")
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.jsonld"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Entries []struct{ ID, Type, Name, Action, Result, HashAlgorithm string }
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, e := range m.Entries {
		in, err := os.ReadFile(filepath.Join(dir, e.Action))
		if err != nil {
			continue // held back
		}
		t.Run(e.ID+" "+e.Name, func(t *testing.T) {
			newH := func() hash.Hash { return sha256.New() }
			if e.HashAlgorithm == "SHA384" {
				newH = func() hash.Hash { return sha512.New384() }
			}
			quads, err := parseNQuads(in)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			c, err := canonicalize(quads, newH)
			if strings.Contains(e.Type, "Negative") {
				ran++
				if !errors.Is(err, ErrLimit) || time.Since(start) > 2*time.Second {
					t.Errorf("a poison graph: %v after %v", err, time.Since(start))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(dir, e.Result))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("its result is held back")
			}
			if err != nil {
				t.Fatal(err)
			}
			ran++
			if strings.HasSuffix(e.Result, ".json") {
				compareMap(t, c, want)
			} else if got := c.output(); string(got) != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
	t.Logf("read %s: %d vectors", dir, ran)
	if ran < 20 {
		t.Errorf("only %d vectors in %s", ran, dir)
	}
}

func compareMap(t *testing.T, c *canonicalizer, raw []byte) {
	var want map[string]string
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for k, v := range c.canon.ids {
		got[strings.TrimPrefix(k, "_:")] = strings.TrimPrefix(v, "_:")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEmbeddedContextsAreThePublishedOnes(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "contexts")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []struct{ URL, File, Sha256 string }
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range index {
		got, ok := Raw(e.URL)
		if !ok {
			continue
		}
		want, err := os.ReadFile(filepath.Join(dir, e.File))
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs from the published context", e.URL)
		}
		if d := Digests()[e.URL]; d != e.Sha256 {
			t.Errorf("%s: digest %s, published is %s", e.URL, d, e.Sha256)
		}
		if d, ok := PublishedSHA384(e.URL); ok && d != fmt.Sprintf("%x", sha512.Sum384(want)) {
			t.Errorf("%s: its SHA-384 is %x, not %s", e.URL, sha512.Sum384(want), d)
		}
		n++
	}
	t.Logf("read %s: %d contexts are equal", dir, n)
	if n != len(pinned()) {
		t.Errorf("%d of our %d contexts were compared", n, len(pinned()))
	}
}

func canonical(t *testing.T, in string) (string, error) {
	t.Helper()
	v, err := jsondoc.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Canonicalize(v)
	return string(out), err
}

const head = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:z6Mk","credentialSubject":{"id":"did:key:z6Ml"}`

func TestWhatWouldBeLeftOutOfTheSignatureIsRefused(t *testing.T) {
	if _, err := canonical(t, head+"}"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		more string
		err  error
	}{
		"an undefined member":        {`,"nickname":"x"`, ErrUndefinedTerm},
		"an undefined type":          {`,"evidence":{"type":"Photo"}`, ErrUndefinedTerm},
		"a relative id":              {`,"evidence":{"id":"photo.jpg","type":"VerifiableCredential"}`, ErrRelativeIRI},
		"an IRI with a space":        {`,"evidence":{"id":"https://a.example/a b","type":"VerifiableCredential"}`, ErrInvalid},
		"a web address without host": {`,"evidence":{"id":"https:///x","type":"VerifiableCredential"}`, ErrInvalid},
		"a context inside":           {`,"evidence":{"@context":{"x":"https://e.example/"},"type":"VerifiableCredential"}`, ErrContext},
		"an unknown context inside":  {`,"evidence":{"@context":"https://e.example/c","type":"VerifiableCredential"}`, ErrContext},
	} {
		if _, err := canonical(t, head+tt.more+"}"); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := canonical(t, `{"@context":"https://evil.example/v1","type":"VerifiableCredential"}`); !errors.Is(err, ErrContext) || !strings.Contains(err.Error(), "evil.example") {
		t.Errorf("an unknown context: %v", err)
	}
}

func TestTheProjectsOwnInlineContextIsAcceptedAndNoOther(t *testing.T) {
	own := `{"@context":["https://www.w3.org/ns/credentials/v2",` + string(extension) + `],"type":["VerifiableCredential"],"issuer":"did:key:z6Mk","credentialSubject":{"id":"did:key:z6Ml","agreement":"urn:uuid:1"}}`
	if _, err := canonical(t, own); err != nil {
		t.Error(err)
	}
	if _, err := canonical(t, strings.Replace(own, "tm:agreement", "tm:other", 1)); !errors.Is(err, ErrContext) {
		t.Errorf("an altered one: %v", err)
	}
}

func TestNumbersTakeTheCanonicalFormsOfXMLSchema(t *testing.T) {
	for in, want := range map[float64]string{5: "5", -5: "-5", 0: "0", 1e20: "100000000000000000000", 5.5: "5.5E0", 1e21: "1.0E21", -0.25: "-2.5E-1"} {
		if got, _ := number(in, ""); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
	if got, _ := number(5, xsdNS+"double"); got != "5.0E0" {
		t.Errorf("5 as double: %s", got)
	}
}

func TestLanguageTagsAreSignedInLowerCase(t *testing.T) {
	one, err := canonical(t, head+`,"description":[{"@value":"x","@language":"EN-gb"},{"@value":"x","@language":"en-GB"}]}`)
	if err != nil || strings.Count(string(one), `"x"@en-gb`) != 1 || strings.Contains(string(one), "@EN") {
		t.Errorf("%v:\n%s", err, one)
	}
}

// A character that needs an escape is found wherever it stands among others.
func TestEveryCharacterIsQuotedWhereverItStands(t *testing.T) {
	escapes := map[byte]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}
	for c := range 256 {
		want, ok := escapes[byte(c)]
		switch {
		case ok:
		case c < ' ' || c == 0x7f: // RDF 1.1 canonical N-Quads: upper case, four digits
			want = fmt.Sprintf(`\u%04X`, c)
		default:
			want = string([]byte{byte(c)})
		}
		for at := range 20 {
			before, behind := strings.Repeat("a!#[~", 4)[:at], strings.Repeat("z ", 10)[at:]
			if got := string(appendQuoted(nil, before+string([]byte{byte(c)})+behind)); got != `"`+before+want+behind+`"` {
				t.Errorf("character %#x at %d became %s", c, at, got)
			}
		}
	}
}
