package catalogue_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/node/catalogue"
)

func pngOf(t *testing.T, key string) []byte {
	t.Helper()
	png, err := baking.Drawing{Key: key, Kind: "skill", Name: "Welding"}.PNG()
	if err != nil {
		t.Fatal(err)
	}
	return png
}

// The file of the catalogue that ships keeps every other byte: comments, order
// and lines.
func TestAnImageIsPutInReplacedAndTakenOut(t *testing.T) {
	one, two := pngOf(t, "one"), pngOf(t, "two")
	for _, slug := range []string{"explorer", "designer", "halfway"} { // first, amid, last
		file := catalogue.OpenBadges
		for _, png := range [][]byte{one, two} {
			got, err := catalogue.SetImage(file, slug, png)
			if err != nil {
				t.Fatalf("%s: %v", slug, err)
			}
			c, err := catalogue.Parse(got)
			if err != nil {
				t.Fatalf("%s: %v", slug, err)
			}
			if a, _ := c.Find(slug); !bytes.Equal(baking.OwnImage(a.Image), png) {
				t.Errorf("%s has another image", slug)
			}
			if n := strings.Count(string(got), "\n") - strings.Count(string(catalogue.OpenBadges), "\n"); n != 1 {
				t.Errorf("%s: %d lines more", slug, n)
			}
			raw, err := c.Document(alder, slug)
			if err != nil || !bytes.Contains(raw, []byte(baking.DataURL(png))) {
				t.Errorf("%s: the achievement does not carry it, %v", slug, err)
			}
			file = got
		}
		back, err := catalogue.SetImage(file, slug, nil)
		if err != nil || !bytes.Equal(back, catalogue.OpenBadges) {
			t.Errorf("%s: taken out, the file is another, %v", slug, err)
		}
		if same, err := catalogue.SetImage(back, slug, nil); err != nil || !bytes.Equal(same, back) {
			t.Errorf("%s: taken out twice, %v", slug, err)
		}
	}
}

func TestAnImageIsPutIntoAnyFormOfAFile(t *testing.T) {
	png := pngOf(t, "one")
	flow := "catalogue: a\nversion: 1.0.0\nname: A\nachievements: {one: {name: One, kind: skill, description: d, criteria: {do: x}, award: {by: grant}}}\n"
	got, err := catalogue.SetImage([]byte(flow), "one", png)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := c.Find("one"); a.Image != baking.DataURL(png) || a.Name != "One" {
		t.Errorf("%+v", a)
	}
	for name, tt := range map[string]struct {
		file, slug string
		png        []byte
		is         error
	}{
		"no YAML":                  {"{", "one", png, catalogue.ErrInvalid},
		"no mapping":               {"[a]", "one", png, catalogue.ErrInvalid},
		"no achievements":          {"catalogue: a\n", "one", png, catalogue.ErrInvalid},
		"an achievement not there": {flow, "two", png, catalogue.ErrInvalid},
		"no PNG":                   {flow, "one", []byte("GIF89a"), baking.ErrOwn},
	} {
		if _, err := catalogue.SetImage([]byte(tt.file), tt.slug, tt.png); !errors.Is(err, tt.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
