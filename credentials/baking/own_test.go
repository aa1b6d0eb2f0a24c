package baking_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/baking"
)

// square is a PNG; one with noise is as large as its pixels.
func square(t testing.TB, width, height int, noise bool) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	if noise {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range img.Pix {
			img.Pix[i] = byte(r.Uint32())
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnImageOfItsOwnStandsForTheDrawing(t *testing.T) {
	own := square(t, 400, 400, false)
	d := baking.Drawing{Key: "k", Kind: "skill", Name: `Weld "<i>`, Own: baking.OwnImage(baking.DataURL(own))}
	if got, err := d.PNG(); err != nil || !bytes.Equal(got, own) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	svg := d.SVG()
	if !bytes.Contains(svg, []byte(base64.StdEncoding.EncodeToString(own))) || !bytes.Contains(svg, []byte("<title>Weld &#34;&lt;i&gt;</title>")) {
		t.Errorf("%s", svg)
	}
	for name, img := range map[string][]byte{"png": own, "svg": svg} {
		baked, err := baking.Bake(img, []byte(`{"a":1}`))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := baking.Extract(baked); err != nil || string(got) != `{"a":1}` {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestWhatIsNoImageOfABadgeIsRefusedAndDrawnInstead(t *testing.T) {
	good := square(t, 400, 400, false)
	baked, err := baking.Bake(good, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want string
	}{
		"too many bytes": {square(t, 200, 200, true), "bring it to 32768"},
		"no PNG":         {[]byte("<svg/>"), "it is no PNG; save it as one"},
		"not square":     {square(t, 400, 300, false), "it is 400 by 300 pixels; make it square"},
		"too small":      {square(t, 63, 63, false), "64 to 2000 pixels a side"},
		"too large":      {square(t, 2001, 2001, false), "64 to 2000 pixels a side"},
		"cut":            {good[:len(good)-20], "save it again as a PNG"},
		"pixels spoilt":  {bytes.Replace(good, []byte("IDAT"), []byte("IDAX"), 1), "save it again as a PNG"},
		"more behind it": {append(bytes.Clone(good), 1), "save it again as a PNG"},
		"baked":          {baked, "use the image without one"},
	} {
		if err := baking.CheckOwn(tt.raw); !errors.Is(err, baking.ErrOwn) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if baking.OwnImage(baking.DataURL(tt.raw)) != nil {
			t.Errorf("%s is shown", name)
		}
	}
	if err := baking.CheckOwn(good); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"", "https://alder.example/image.png", "data:image/svg+xml;base64,PHN2Zy8+", "data:image/png;base64,!"} {
		if baking.OwnImage(id) != nil {
			t.Errorf("%q is shown", id)
		}
	}
}
