package baking_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/internal/sharedtest"
)

const svg = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><title>x</title></svg>`

func blank(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestACredentialComesOutByteForByteAndIsReplacedByTheNext(t *testing.T) {
	for name, img := range map[string][]byte{"png": blank(t), "svg": []byte(svg)} {
		for _, c := range []string{`{"a": "é ]]> <b>&amp;",` + "\n" + ` "n": 1.50}`, "eyJhbGciOiJFZERTQSJ9.e30.c2ln"} {
			baked, err := baking.Bake(img, []byte(c))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := baking.Extract(baked); err != nil || string(got) != c {
				t.Errorf("%s: %q came out as %q, %v", name, c, got, err)
			}
			again, err := baking.Bake(baked, []byte(`{"b":2}`))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := baking.Extract(again); err != nil || string(got) != `{"b":2}` {
				t.Errorf("%s: replaced by %q, %v", name, got, err)
			}
		}
	}
	baked, err := baking.Bake(blank(t), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(baked)); err != nil {
		t.Errorf("a baked PNG is no picture any more: %v", err)
	}
}

func TestBakedFixturesHaveTheirAnswers(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "ob3", "own")
	for f, want := range map[string]error{
		"valid-baked-jwt.png": nil, "valid-baked-json-svg.svg": nil, "invalid-baked-compressed.png": baking.ErrMalformed,
		"invalid-not-baked.png": baking.ErrNone, "invalid-baked-svg-twice.svg": baking.ErrAmbiguous, "invalid-baked-svg-entity.svg": baking.ErrMalformed,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := baking.Extract(raw); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", f, err, want)
		}
	}
	t.Logf("read %s", dir)
}

func TestSpoiledImagesAreRefused(t *testing.T) {
	baked, err := baking.Bake(blank(t), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	wrongCRC := bytes.Clone(baked)
	wrongCRC[40]++
	for name, tt := range map[string]struct {
		in  []byte
		err error
	}{
		"cut png":         {baked[:len(baked)-1], baking.ErrMalformed},
		"trailing data":   {append(bytes.Clone(baked), 0), baking.ErrMalformed},
		"wrong checksum":  {wrongCRC, baking.ErrMalformed},
		"jpeg":            {[]byte("\xff\xd8\xff\xe0"), baking.ErrMalformed},
		"empty":           {nil, baking.ErrMalformed},
		"doctype":         {[]byte(strings.Replace(svg, "<svg", "<!DOCTYPE svg><svg", 1)), baking.ErrMalformed},
		"another root":    {[]byte("<html/>"), baking.ErrMalformed},
		"unclosed":        {[]byte(strings.TrimSuffix(svg, "</svg>")), baking.ErrMalformed},
		"unknown entity":  {[]byte(strings.Replace(svg, "x</title>", "&x;</title>", 1)), baking.ErrMalformed},
		"other namespace": {[]byte(strings.Replace(svg, "<title>", `<credential xmlns="https://e.example">{}</credential><title>`, 1)), baking.ErrNone},
		"too deep":        {[]byte(`<svg xmlns="http://www.w3.org/2000/svg">` + strings.Repeat("<g>", 300)), baking.ErrLimit},
		"too large":       {make([]byte, baking.MaxImage+1), baking.ErrLimit},
	} {
		if _, err := baking.Extract(tt.in); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, want %v", name, err, tt.err)
		}
	}
}

func TestADrawnImageIsTheSameEachTimeAndReadable(t *testing.T) {
	d := baking.Drawing{Key: "openbadges/designer", Kind: "competence", Name: "Badge Designer"}
	one, err := d.PNG()
	if err != nil {
		t.Fatal(err)
	}
	two, err := d.PNG()
	if err != nil || !bytes.Equal(one, two) {
		t.Error("two drawings of one badge differ")
	}
	img, err := png.Decode(bytes.NewReader(one))
	if err != nil || img.Bounds().Dx() != 400 {
		t.Errorf("png: %v", err)
	}
	if !bytes.Contains(d.SVG(), []byte("<title>Badge Designer</title>")) {
		t.Errorf("svg has no title: %s", d.SVG())
	}
	if baked, err := baking.Bake(d.SVG(), []byte("{}")); err != nil || len(baked) < len(d.SVG()) {
		t.Errorf("a drawn SVG cannot be baked: %v", err)
	}
}

func FuzzExtractedIsWhatWasBaked(f *testing.F) {
	f.Add([]byte(svg), []byte(`{"a":1}`))
	f.Add(blank(f), []byte("a.b.c"))
	f.Fuzz(func(t *testing.T, img, credential []byte) {
		text := bytes.TrimSpace(credential)
		if len(text) == 0 || bytes.ContainsAny(text, "\x00\r\"<&") || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r > 0xfffd || r == 0xfffd || r > 126 }) {
			return // not what a credential is made of
		}
		baked, err := baking.Bake(img, text)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(text, []byte("{")) && bytes.ContainsAny(text, "\n\t ") {
			return // no JWT has white space
		}
		if got, err := baking.Extract(baked); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q came out as %q, %v", text, got, err)
		}
	})
}
