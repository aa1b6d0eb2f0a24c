package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
)

func TestAmbiguousOrBrokenJSONIsRefused(t *testing.T) {
	tests := []struct {
		name, in string
		kind     error
	}{
		{"duplicate member", `{"a":1,"a":2}`, jsondoc.ErrMalformed},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, jsondoc.ErrMalformed},
		{"duplicate among many", `{` + manyMembers(40) + `,"m3":0}`, jsondoc.ErrMalformed},
		{"trailing data", `{} {}`, jsondoc.ErrMalformed},
		{"trailing comma", `[1,]`, jsondoc.ErrMalformed},
		{"lone high surrogate", `"\ud800"`, jsondoc.ErrMalformed},
		{"lone low surrogate", `"\udc00"`, jsondoc.ErrMalformed},
		{"high then high", `"\ud800\ud800"`, jsondoc.ErrMalformed},
		{"invalid UTF-8", "\"\xff\"", jsondoc.ErrMalformed},
		{"overlong UTF-8", "\"\xc0\xaf\"", jsondoc.ErrMalformed},
		{"raw control character", "\"\n\"", jsondoc.ErrMalformed},
		{"byte order mark", "\ufeff{}", jsondoc.ErrMalformed},
		{"leading zero", `01`, jsondoc.ErrMalformed},
		{"bare minus", `-`, jsondoc.ErrMalformed},
		{"no exponent", `1e`, jsondoc.ErrMalformed},
		{"huge number", `1e999`, jsondoc.ErrLimit},
		{"NaN", `NaN`, jsondoc.ErrMalformed},
		{"single quotes", `{'a':1}`, jsondoc.ErrMalformed},
		{"empty", ``, jsondoc.ErrMalformed},
		{"cut", `{"a":`, jsondoc.ErrMalformed},
		{"cut escape", `"\u12`, jsondoc.ErrMalformed},
		{"too deep", strings.Repeat("[", 65) + strings.Repeat("]", 65), jsondoc.ErrLimit},
		{"too large", `"` + strings.Repeat("x", 1<<20) + `"`, jsondoc.ErrLimit},
		{"too many values", `[` + strings.Repeat("0,", 100_000) + `0]`, jsondoc.ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := jsondoc.Parse([]byte(tt.in)); !errors.Is(err, tt.kind) {
				t.Errorf("got %v, want %v", err, tt.kind)
			}
		})
	}
}

func manyMembers(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, `"m`+string(rune('0'+i%10))+strings.Repeat("x", i/10)+`":0`)
	}
	return strings.Join(parts, ",")
}

func TestDepthOf64IsStillRead(t *testing.T) {
	if _, err := jsondoc.Parse([]byte(strings.Repeat("[", 64) + strings.Repeat("]", 64))); err != nil {
		t.Error(err)
	}
}

func TestMembersAreFoundByExactNameOnly(t *testing.T) {
	v, err := jsondoc.Parse([]byte(`{"credentialSubject":{"id":"a"},"credentialsubject":{"id":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := v.Get("credentialSubject").Get("id").Text(); s != "a" {
		t.Errorf("got %q, want a", s)
	}
	if v.Get("CredentialSubject").Exists() {
		t.Error("a name of other case was found")
	}
}

func TestRawBytesAndPointersAreThoseOfTheInput(t *testing.T) {
	in := ` {"a/b~" : [ 1.50 , {"x": "\u00e9"} ] } `
	v, err := jsondoc.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	x := v.Get("a/b~").At(1).Get("x")
	if x.Pointer() != "/a~1b~0/1/x" || string(x.Raw()) != `"\u00e9"` {
		t.Errorf("pointer %q, raw %s", x.Pointer(), x.Raw())
	}
	if s, _ := x.Text(); s != "é" {
		t.Errorf("text %q", s)
	}
	if n := v.Get("a/b~").At(0); string(n.Raw()) != "1.50" {
		t.Errorf("number %s was rewritten", n.Raw())
	}
	if string(v.Raw()) != strings.TrimSpace(in) {
		t.Errorf("raw %s", v.Raw())
	}
}

func TestErrorNamesThePlace(t *testing.T) {
	_, err := jsondoc.Parse([]byte(`{"a":[{"b":1,"b":2}]}`))
	var e *jsondoc.Error
	if !errors.As(err, &e) || e.Pointer != "/a/0" || !strings.Contains(e.Reason, `"b"`) {
		t.Errorf("got %v", err)
	}
}

func TestASingleValueIsAListOfOne(t *testing.T) {
	for in, want := range map[string]int{`{"t":"x"}`: 1, `{"t":["x","y"]}`: 2, `{"t":[]}`: 0, `{}`: 0} {
		v, err := jsondoc.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range v.Get("t").Elements() {
			n++
		}
		if n != want {
			t.Errorf("%s: %d elements, want %d", in, n, want)
		}
	}
}

// What is accepted must mean the same to the standard library, and reading the
// original bytes again must give the same tree.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,null,true,"\ud83d\ude00"]}`, `[]`, `"x"`, `{"a":{"b":{}}}`, `{"":0}`, `-0`, `1E+2`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := jsondoc.Parse(in)
		if err != nil {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(in))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", in, err)
		}
		if got := v.Any(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q reads as %v, encoding/json says %v", in, got, want)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	in := []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:key:z6Mk","achievement":{"name":"x","criteria":{"narrative":"` + strings.Repeat("words ", 400) + `"}}}}`)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsondoc.Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}

// What was taken from a released document stays; its memory serves others.
func TestTextsOutliveTheDocumentTheyCameFrom(t *testing.T) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				want := fmt.Sprintf("text %d of %d", i, w)
				v, err := jsondoc.Parse(fmt.Appendf(nil, `{"a":%q,"b":["\u0061",{"c":%d}]}`, want, i))
				if err != nil {
					t.Error(err)
					return
				}
				a, _ := v.Get("a").Text()
				b, _ := v.Get("b").At(0).Text()
				v.Release()
				if a != want || b != "a" {
					t.Errorf("%q and %q", a, b)
				}
			}
		})
	}
	wg.Wait()
	jsondoc.Value{}.Release()
	v, err := jsondoc.Parse([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	v.Release()
	defer func() {
		if recover() == nil {
			t.Error("a released document can be used")
		}
	}()
	v.Get("a")
}

func TestWordsAreATextOrItsFirstTranslation(t *testing.T) {
	for doc, want := range map[string]string{
		`"Designer"`: "Designer", `{"@value":"Designer","@language":"en"}`: "Designer",
		`[{"@value":"Concepteur","@language":"fr"},{"@value":"Designer","@language":"en"}]`: "Concepteur",
		`[7,{"name":"x"},"Designer"]`: "Designer", `{"value":"x"}`: "", `7`: "", `null`: "", `[]`: "", `""`: "",
	} {
		v, err := jsondoc.Parse([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Words(); got != want {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
	}
}
