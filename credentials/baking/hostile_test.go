package baking_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// inSVG puts a tag of the credential into an SVG.
func inSVG(tag string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:ob="` + baking.Namespace + `">` + tag + `</svg>`)
}

func TestACredentialOfAnyLayoutComesOutByteForByte(t *testing.T) {
	for _, c := range []string{
		"{\r\n \"a\": 1\r\n}\r\n", "\n\t{\"a\":1}\n", "\r{}", `{"a":"]]>"}`, `{"a":"]]&gt;\r"}`, `{"a":"<![CDATA[x]]>]]"}`, "{\"a\":\"\u2028\U0001f3c5\"}",
	} {
		for name, img := range map[string][]byte{"png": blank(t), "svg": []byte(svg), "svg with a mark": append([]byte("\ufeff"), svg...)} {
			baked, err := baking.Bake(img, []byte(c))
			if err != nil {
				t.Errorf("%s: %q: %v", name, c, err)
				continue
			}
			if got, err := baking.Extract(baked); err != nil || string(got) != c {
				t.Errorf("%s: %q came out as %q, %v", name, c, got, err)
			}
		}
	}
}

func TestOnlyWhatComesOutAgainIsBaked(t *testing.T) {
	for name, tt := range map[string]struct {
		img        []byte
		credential string
		err        error
	}{
		"nothing":               {blank(t), "", baking.ErrMalformed},
		"a list":                {blank(t), "[{}]", baking.ErrMalformed},
		"markup instead of JWT": {[]byte(svg), `a.b.c"/><script>`, baking.ErrMalformed},
		"not UTF-8":             {blank(t), "{\"a\":\"\xff\"}", baking.ErrMalformed},
		"no character of XML":   {[]byte(svg), "{\"a\":\"\uffff\"}", baking.ErrMalformed},
		"too large":             {blank(t), "{" + strings.Repeat(" ", baking.MaxCredential) + "}", baking.ErrLimit},
		"no image":              {[]byte("GIF89a"), "{}", baking.ErrMalformed},
		"an image with two":     {inSVG(`<ob:credential>{}</ob:credential><ob:credential>{}</ob:credential>`), "{}", baking.ErrAmbiguous},
	} {
		if _, err := baking.Bake(tt.img, []byte(tt.credential)); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, want %v", name, err, tt.err)
		}
	}
}

func TestATagIsReadOneWayOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		tag, want string
		err       error
	}{
		"CDATA with layout":           {tag: "<ob:credential>\n  <![CDATA[{\"a\":1}]]>\n</ob:credential>", want: `{"a":1}`},
		"escaped text":                {tag: "<ob:credential>\n {&quot;a&quot;:&#49;}\n</ob:credential>", want: `{"a":1}`},
		"another prefix":              {tag: `<x:credential xmlns:x="` + baking.Namespace + `">{}</x:credential>`, want: "{}"},
		"a JWT":                       {tag: `<ob:credential verify=" a.b.c "/>`, want: "a.b.c"},
		"deep within the picture":     {tag: `<g><metadata><ob:credential verify="a.b.c"></ob:credential></metadata></g>`, want: "a.b.c"},
		"layout between two CDATA":    {tag: "<ob:credential><![CDATA[{\"a\":\"x]]> <![CDATA[y\"}]]></ob:credential>", want: `{"a":"x y"}`},
		"an empty tag":                {tag: `<ob:credential/>`, err: baking.ErrNone},
		"a blank tag":                 {tag: `<ob:credential verify=" "> </ob:credential>`, err: baking.ErrNone},
		"a tag in a comment":          {tag: `<!-- <ob:credential verify="a.b.c"/> -->`, err: baking.ErrNone},
		"a prefix of another meaning": {tag: `<o:credential xmlns:o="https://e.example">{}</o:credential>`, err: baking.ErrNone},
		"two tags":                    {tag: `<ob:credential verify="a.b.c"/><ob:credential verify="a.b.c"/>`, err: baking.ErrAmbiguous},
		"an empty tag and another":    {tag: `<ob:credential/><ob:credential verify="a.b.c"/>`, err: baking.ErrAmbiguous},
		"JWT and content":             {tag: `<ob:credential verify="a.b.c">{}</ob:credential>`, err: baking.ErrAmbiguous},
		"a tag inside":                {tag: `<ob:credential>{<b/>}</ob:credential>`, err: baking.ErrMalformed},
		"a comment inside":            {tag: `<ob:credential>{<!-- -->}</ob:credential>`, err: baking.ErrMalformed},
		"an instruction inside":       {tag: `<ob:credential>{<?x?>}</ob:credential>`, err: baking.ErrMalformed},
		"verify twice":                {tag: `<ob:credential verify="a.b.c" verify="d.e.f"/>`, err: baking.ErrMalformed},
		"too large":                   {tag: `<ob:credential>{` + strings.Repeat("1", baking.MaxCredential) + `}</ob:credential>`, err: baking.ErrLimit},
	} {
		if got, err := baking.Extract(inSVG(tt.tag)); string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %.80q, %v; want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
	for name, in := range map[string]string{
		"text behind":       string(inSVG("")) + "x",
		"text before":       "x" + string(inSVG("")),
		"a second svg":      string(inSVG("")) + string(inSVG("")),
		"another encoding":  `<?xml version="1.0" encoding="latin1"?>` + string(inSVG("")),
		"an svg of no kind": "<svg>" + "</svg>",
	} {
		if _, err := baking.Extract([]byte(in)); !errors.Is(err, baking.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pngOf joins chunks to a PNG, each with its right checksum.
func pngOf(chunks ...[2]string) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range chunks {
		out = binary.BigEndian.AppendUint32(out, uint32(len(c[1])))
		out = append(out, c[0]+c[1]...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(c[0]+c[1])))
	}
	return out
}

func TestChunksOfTheWrongFormAreRefused(t *testing.T) {
	head, end := [2]string{"IHDR", strings.Repeat("\x01", 13)}, [2]string{"IEND", ""}
	itxt := func(rest string) [2]string { return [2]string{"iTXt", "openbadgecredential\x00" + rest} }
	plain := itxt("\x00\x00en\x00Ausweis\x00{}")
	for name, tt := range map[string]struct {
		img  []byte
		want string
		err  error
	}{
		"language and keyword":   {pngOf(head, plain, end), "{}", nil},
		"a short header":         {pngOf([2]string{"IHDR", "\x01"}, plain, end), "", baking.ErrMalformed},
		"no header":              {pngOf(plain, end), "", baking.ErrMalformed},
		"no end":                 {pngOf(head, plain), "", baking.ErrMalformed},
		"two credentials":        {pngOf(head, plain, plain, end), "", baking.ErrAmbiguous},
		"a credential in tEXt":   {pngOf(head, [2]string{"tEXt", "openbadgecredential\x00{}"}, end), "", baking.ErrMalformed},
		"compressed":             {pngOf(head, itxt("\x01\x00\x00\x00x"), end), "", baking.ErrMalformed},
		"cut in the flags":       {pngOf(head, itxt("\x00"), end), "", baking.ErrMalformed},
		"cut in the language":    {pngOf(head, itxt("\x00\x00en"), end), "", baking.ErrMalformed},
		"no text":                {pngOf(head, itxt("\x00\x00\x00\x00"), end), "", baking.ErrNone},
		"a text of 1 MiB":        {pngOf(head, itxt("\x00\x00\x00\x00"+strings.Repeat("1", baking.MaxCredential+1)), end), "", baking.ErrLimit},
		"a keyword of its begin": {pngOf(head, [2]string{"iTXt", "openbadgecredentials\x00\x00\x00\x00\x00{}"}, end), "", baking.ErrNone},
		"a keyword of Badges 2":  {pngOf(head, [2]string{"iTXt", "openbadges\x00\x00\x00\x00\x00{}"}, end), "", baking.ErrNone},
	} {
		if got, err := baking.Extract(tt.img); string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %.40q, %v; want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

func TestCostlyImagesAreRefused(t *testing.T) {
	head := `<svg xmlns="http://www.w3.org/2000/svg"`
	credential := `<ob:credential xmlns:ob="` + baking.Namespace + `" verify="a.b.c"/></svg>`
	for name, body := range map[string]string{
		"attributes": strings.Repeat(` a="1"`, 1001) + ">",
		"elements":   ">" + strings.Repeat("<g/>", 250_001),
		"comments":   ">" + strings.Repeat("<!---->", 500_001),
	} {
		in := []byte(head + body + credential)
		if _, err := baking.Extract(in); len(in) > baking.MaxImage || !errors.Is(err, baking.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdversarialImagesHaveTheirAnswer(t *testing.T) {
	dir := sharedtest.Dir(t, "adversarial")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Cases []struct{ Name, Kind, File, Expect, Reason string }
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	// What the reason of a refused image means here; any other reason is found
	// in the credential, which must then come out.
	reasons := map[string][]error{
		"ambiguous_container": {baking.ErrAmbiguous}, "malformed": {baking.ErrMalformed}, "no_proof": {baking.ErrNone, baking.ErrMalformed},
		"limit": {baking.ErrLimit, baking.ErrMalformed}, "bad_signature": {nil},
	}
	n := 0
	for _, c := range index.Cases {
		if c.Kind != "png" && c.Kind != "svg" || c.Expect == "either" {
			continue
		}
		n++
		img, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		want, known := reasons[c.Reason]
		if c.Expect == "accept" {
			want, known = []error{nil}, true
		}
		got, err := baking.Extract(img)
		if !known || !errors.Is(err, want[0]) && !errors.Is(err, want[len(want)-1]) {
			t.Errorf("%s: got %v, want %v", c.Name, err, want)
		}
		if err == nil && !json.Valid(got) {
			t.Errorf("%s: %.60q", c.Name, got)
		}
	}
	if t.Logf("read %s: %d images", dir, n); n < 10 {
		t.Errorf("%d images", n)
	}
}

func FuzzAnExtractedCredentialCanBeBakedAgain(f *testing.F) {
	f.Add([]byte(svg))
	f.Add(inSVG("<ob:credential>\n<![CDATA[{}]]> </ob:credential>"))
	f.Add(inSVG(`<ob:credential verify="a.b.c"/>`))
	baked, err := baking.Bake(blank(f), []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(baked)
	f.Fuzz(func(t *testing.T, img []byte) {
		c, err := baking.Extract(img)
		if err != nil {
			for _, known := range []error{baking.ErrNone, baking.ErrAmbiguous, baking.ErrMalformed, baking.ErrLimit} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of no kind: %v", err)
		}
		again, err := baking.Bake(img, c)
		if err != nil {
			return // no credential, such as text in a PNG
		}
		if got, err := baking.Extract(again); err != nil || !bytes.Equal(got, c) {
			t.Errorf("%q came out as %q, %v", c, got, err)
		}
	})
}
