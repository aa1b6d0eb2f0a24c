package drawing

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
)

// titleHeight is the room above the first layer.
const titleHeight = 52

// look is how a step of a state is drawn. The shape tells without the colour.
type look struct{ fill, line, shape string }

var looks = map[requirement.StepState]look{
	requirement.Satisfied:  {"#d7f0dd", "#14682c", `<circle cx="0" cy="0" r="9" fill="#14682c"/><path d="M-4 0l3 3l5 -6" fill="none" stroke="#fff" stroke-width="2"/>`},
	requirement.Available:  {"#e3eeff", "#0b4fb3", `<path d="M-6 -8L8 0L-6 8Z" fill="#0b4fb3"/>`},
	requirement.InProgress: {"#fff4d6", "#7a5200", `<circle cx="0" cy="0" r="8" fill="none" stroke="#7a5200" stroke-width="2"/><path d="M0 -8A8 8 0 0 1 0 8Z" fill="#7a5200"/>`},
	requirement.Locked:     {"#f0f0f0", "#4d4d4d", `<rect x="-7" y="-1" width="14" height="10" fill="#4d4d4d"/><path d="M-4 -1v-3a4 4 0 0 1 8 0v3" fill="none" stroke="#4d4d4d" stroke-width="2"/>`},
	requirement.Ended:      {"#ffe3e0", "#a1170b", `<path d="M-7 -7L7 7M7 -7L-7 7" stroke="#a1170b" stroke-width="3"/>`},
	requirement.Unclear:    {"#f3e8ff", "#5b2a91", `<path d="M-4 -4a4 4 0 1 1 5 4q-1 1 -1 3M0 7v2" fill="none" stroke="#5b2a91" stroke-width="2.5"/>`},
	"":                     {"#ffffff", "#33414f", ""},
}

// SVG draws the path as an image that says in words what it shows: its title
// and description are those of the path, and every step has its own.
func (p Path) SVG() []byte {
	l := p.arrange()
	width := max(l.width, 480)
	shift := (width - l.width) / 2
	height := top(len(l.rows)) - gapY + margin
	if p.Goal != nil {
		height += 36
	}
	height = max(height, top(0)+margin)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="14">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", escape(p.Title), escape(p.Describe()))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	label(&b, margin, margin+14, 18, "bold", "", fit(p.Title, (width-2*margin)/9))
	label(&b, margin, margin+36, 13, "normal", "", fit(p.Summary, (width-2*margin)/6))
	fmt.Fprintf(&b, "<g transform=\"translate(%d 0)\">\n", shift)
	for k, e := range l.edges {
		l.drawEdge(&b, k, e)
	}
	for i, row := range l.rows {
		for _, s := range row {
			if s.step >= 0 {
				p.Steps[s.step].draw(&b, s.x, top(i))
			}
		}
	}
	b.WriteString("</g>\n")
	if p.Goal != nil {
		label(&b, margin, height-margin, 14, "bold", "", fit("Goal: "+plain(p.Goal), (width-2*margin)/8))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// Describe tells the whole drawing in words, as its text alternative.
func (p Path) Describe() string {
	var b strings.Builder
	if p.Summary != "" {
		fmt.Fprintf(&b, "%s. ", p.Summary)
	}
	fmt.Fprintf(&b, "%d steps.", len(p.Steps))
	for _, s := range p.Steps {
		fmt.Fprintf(&b, " %s.", s.tell())
	}
	if p.Goal != nil {
		fmt.Fprintf(&b, " Goal: %s.", plain(p.Goal))
	}
	return clean(b.String())
}

// tell is a step in words.
func (s Step) tell() string {
	text := s.Badge
	if s.Name != "" {
		text = fmt.Sprintf("%s (%s)", s.Name, s.Badge)
	}
	if w := s.word(); w != "" {
		text += ", " + w
	}
	if s.After != nil {
		text += ", after " + plain(s.After)
	}
	if s.Note != "" {
		text += ", " + s.Note
	}
	return text
}

func (s Step) draw(b *bytes.Buffer, x, y int) {
	k, known := looks[s.State]
	if !known {
		k = looks[requirement.Unclear]
	}
	dash := ""
	if s.Optional {
		dash = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(b, "<g transform=\"translate(%d %d)\"><title>%s</title>\n", x, y, escape(s.tell()))
	fmt.Fprintf(b, `<rect width="%d" height="%d" rx="8" fill="%s" stroke="%s" stroke-width="2"%s/>`+"\n", boxWidth, boxHeight, k.fill, k.line, dash)
	left := 12
	if k.shape != "" {
		fmt.Fprintf(b, "<g transform=\"translate(20 24)\">%s</g>\n", k.shape)
		left = 38
	}
	name := s.Name
	if name == "" {
		name = s.Badge
	}
	label(b, left, 29, 14, "bold", "", fit(name, (boxWidth-left-8)/8))
	label(b, 12, 50, 12, "normal", k.line, fit(s.word(), 28))
	label(b, 12, 67, 12, "normal", "", fit(s.Note, 30))
	b.WriteString("</g>\n")
}

// drawEdge draws a way down; one of several is dashed and says so.
func (l layout) drawEdge(b *bytes.Buffer, k int, e edge) {
	var d strings.Builder
	var x, y int
	for i, at := range l.via[k] {
		s := l.rows[at[0]][at[1]]
		nx, ny := s.middle(), top(at[0])
		if i == 0 {
			x, y = nx, ny+boxHeight
			fmt.Fprintf(&d, "M%d %d", x, y)
			continue
		}
		if i == len(l.via[k])-1 {
			nx += l.aside[k]
		}
		mid := (y + ny) / 2
		fmt.Fprintf(&d, "C%d %d %d %d %d %d", x, mid, nx, mid, nx, ny)
		if i < len(l.via[k])-1 {
			fmt.Fprintf(&d, "V%d", ny+boxHeight)
			ny += boxHeight
		}
		x, y = nx, ny
	}
	dash, words := "", ""
	if e.either {
		dash, words = ` stroke-dasharray="3 4"`, "or"
	}
	if e.level > 0 {
		words = strings.TrimSpace(fmt.Sprintf("%s level %d", words, e.level))
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#5a6672" stroke-width="2"%s/>`, d.String(), dash)
	fmt.Fprintf(b, `<path d="M%d %dl-5 -9h10Z" fill="#5a6672"/>`+"\n", x, y)
	label(b, x+7, y-10, 11, "normal", "#33414f", words)
}

// label writes text; nothing for none.
func label(b *bytes.Buffer, x, y, size int, weight, fill, text string) {
	if text == "" {
		return
	}
	if fill == "" {
		fill = "#1b1f24"
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="%d" font-weight="%s" fill="%s">%s</text>`+"\n", x, y, size, weight, fill, escape(text))
}

// fit cuts text to so many characters; the whole of it is in the description.
func fit(s string, most int) string {
	r := []rune(clean(s))
	if len(r) <= most {
		return string(r)
	}
	return strings.TrimSpace(string(r[:max(most-1, 0)])) + "…"
}

func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(clean(s))); err != nil {
		return "" // a buffer takes everything
	}
	return b.String()
}
