package baking

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// A badge without an image of its own gets one: a shape by its kind, a colour
// by its name, and its initials. The same badge always looks the same.

const imageSize = 400

// sides is the number of corners of the shape of each kind; 0 is a disc.
var sides = map[string]int{"knowledge": 6, "skill": 8, "competence": 5, "participation": 0, "contribution": 7, "engagement": 4, "progress": 3}

// Drawing says what a drawn badge is for: its kind (knowledge, skill,
// competence, participation, contribution, engagement or progress), its name,
// and a key, such as its human code, from which its colour follows. Own, where
// the badge brings a PNG ([OwnImage]), stands in place of what is drawn.
type Drawing struct {
	Key, Kind, Name string
	Own             []byte
}

type design struct {
	corners    int
	fill, edge color.NRGBA
	initials   string
	name       string
}

func (w Drawing) design() design {
	h := sha256.Sum256([]byte(w.Key))
	hue := float64(h[0]) / 256
	d := design{corners: sides[w.Kind], fill: fromHSL(hue, 0.55, 0.34), edge: fromHSL(hue, 0.60, 0.62), name: w.Name}
	for _, w := range strings.Fields(w.Name) {
		r := []rune(w)[0]
		if len([]rune(d.initials)) < 3 {
			d.initials += strings.ToUpper(string(r))
		}
	}
	return d
}

// outline returns the corners of the shape at a radius, first corner on top.
func (d design) outline(radius float64) [][2]float64 {
	n := d.corners
	if n == 0 {
		n = 72
	}
	pts := make([][2]float64, n)
	for i := range pts {
		angle := 2*math.Pi*float64(i)/float64(n) - math.Pi/2
		pts[i] = [2]float64{imageSize/2 + radius*math.Cos(angle), imageSize/2 + radius*math.Sin(angle)}
	}
	return pts
}

// SVG draws the image.
func (w Drawing) SVG() []byte {
	d := w.design()
	if w.Own != nil {
		return ownSVG(w.Own, w.Name)
	}
	var b, name bytes.Buffer
	points := func(r float64) string {
		var parts []string
		for _, p := range d.outline(r) {
			parts = append(parts, fmt.Sprintf("%.1f,%.1f", p[0], p[1]))
		}
		return strings.Join(parts, " ")
	}
	if err := xml.EscapeText(&name, []byte(d.name)); err != nil {
		name.Reset() // a bytes.Buffer does not fail; the title is an aid only
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, imageSize, imageSize, imageSize, imageSize)
	fmt.Fprintf(&b, `<title>%s</title><polygon points="%s" fill="%s"/><polygon points="%s" fill="%s"/>`, name.String(), points(195), hex(d.edge), points(175), hex(d.fill))
	fmt.Fprintf(&b, `<text x="200" y="240" font-family="Verdana,Geneva,sans-serif" font-weight="bold" font-size="110" text-anchor="middle" fill="#fff">`)
	if err := xml.EscapeText(&b, []byte(d.initials)); err != nil {
		return nil
	}
	b.WriteString("</text></svg>\n")
	return b.Bytes()
}

// PNG draws the same image as pixels.
func (w Drawing) PNG() ([]byte, error) {
	if w.Own != nil {
		return w.Own, nil
	}
	d := w.design()
	img := image.NewNRGBA(image.Rect(0, 0, imageSize, imageSize))
	polygon(img, d.outline(195), d.edge)
	polygon(img, d.outline(175), d.fill)
	if err := label(img, d.initials); err != nil {
		return nil, fmt.Errorf("drawing a badge: %w", err)
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

func polygon(img *image.NRGBA, pts [][2]float64, c color.NRGBA) {
	r := vector.NewRasterizer(imageSize, imageSize)
	for i, p := range pts {
		if i == 0 {
			r.MoveTo(float32(p[0]), float32(p[1]))
			continue
		}
		r.LineTo(float32(p[0]), float32(p[1]))
	}
	r.ClosePath()
	r.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{})
}

func label(img *image.NRGBA, text string) error {
	f, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return err
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: 110, DPI: 72})
	if err != nil {
		return err
	}
	defer face.Close()
	d := font.Drawer{Dst: img, Src: image.White, Face: face}
	d.Dot = fixed.Point26_6{X: fixed.I(imageSize/2) - d.MeasureString(text)/2, Y: fixed.I(240)}
	d.DrawString(text)
	return nil
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func fromHSL(h, s, l float64) color.NRGBA {
	c := (1 - math.Abs(2*l-1)) * s
	x := c * (1 - math.Abs(math.Mod(h*6, 2)-1))
	m := l - c/2
	var r, g, b float64
	switch int(h * 6) {
	case 0:
		r, g = c, x
	case 1:
		r, g = x, c
	case 2:
		g, b = c, x
	case 3:
		g, b = x, c
	case 4:
		r, b = x, c
	default:
		r, b = c, x
	}
	to := func(v float64) uint8 { return uint8(math.Round((v + m) * 255)) }
	return color.NRGBA{to(r), to(g), to(b), 255}
}
