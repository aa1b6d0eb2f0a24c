package catalogue_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/node/drawing"
)

func drawn(c *catalogue.Catalogue, slug string) drawing.Path {
	p, _ := c.Paths.Get(slug)
	return drawing.Of(p.Name, p.Compile(), func(badge string) string {
		a, _ := c.Find(badge)
		return a.Name
	})
}

// The text has a layer below what comes before it, alternatives and optional
// steps told apart, and a sign for each state.
func TestAPathIsDrawnAsText(t *testing.T) {
	c := shipped(t)
	l := newLearner(t).earn("basics", "earner", "designer@1")
	path, _ := l.c.Paths.Get("become-issuer")
	d := drawn(c, "become-issuer").Mark(path.Compile().Progress(&l.held, l.c.Names(l.is), nil, noon))
	d.Summary = "3 of 6 steps"
	want := `From curious to issuer
3 of 6 steps
  [>] explorer  Open Badges Explorer  available
  [x] basics    Open Badges Basics  satisfied
   |
  [x] earner    Badge Earner  <- basics  satisfied
  [>] evidence  Evidence Builder  <- basics  available
   |
  [x] designer  Badge Designer  <- basics and 1 of (earner | evidence)  satisfied
   |
  (#) reviewer  Badge Reviewer  <- evidence and designer  locked, optional  needs evidence
  [#] issuer    Badge Issuer  <- earner and designer@2  locked  needs designer@2
   |
  goal: explorer and issuer
[x] satisfied  [>] available  [#] locked  ( ) optional
`
	if got := d.Text(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The image is well-formed XML with a title and a description, tells each
// state by a word and a shape, and brings nothing from elsewhere. The same path
// gives the same bytes.
func TestAPathIsDrawnAsAnImageThatIsReadableWithoutColours(t *testing.T) {
	d := drawn(shipped(t), "become-issuer")
	states := []requirement.StepState{requirement.Satisfied, requirement.Available, requirement.InProgress, requirement.Locked, requirement.Ended, requirement.Unclear, ""}
	for i := range d.Steps {
		d.Steps[i].State = states[i]
	}
	svg := d.SVG()
	if !bytes.Equal(svg, d.SVG()) {
		t.Error("other bytes the second time")
	}
	words, shapes := textsOf(t, svg)
	for _, want := range []string{"Badge Designer", "satisfied", "available", "in-progress", "locked", "lapsed", "uncertain, optional", "or", "level 2", "Goal: explorer and issuer"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %s", want, words)
		}
	}
	if len(shapes) != 6 {
		t.Errorf("%d shapes tell six states apart", len(shapes))
	}
	for _, never := range []string{"<script", "<style", "href", "url(", "@font-face", "<image", "<foreignObject"} {
		if bytes.Contains(svg, []byte(never)) {
			t.Errorf("the image has %q", never)
		}
	}
	if n := bytes.Count(svg, []byte("stroke-dasharray=\"3 4\"")); n != 2 {
		t.Errorf("%d ways are alternatives, want 2: to designer from earner and from evidence", n)
	}
	if n := bytes.Count(svg, []byte("stroke-dasharray=\"6 4\"")); n != 1 {
		t.Errorf("%d steps are optional", n)
	}
}

// textsOf parses an image and returns what it says, and the distinct shapes
// that stand for states.
func textsOf(t *testing.T, svg []byte) (string, map[string]bool) {
	t.Helper()
	var words strings.Builder
	dec := xml.NewDecoder(bytes.NewReader(svg))
	seen := map[string]bool{}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, svg)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			seen[x.Name.Local] = true
		case xml.CharData:
			words.Write(x)
			words.WriteString("\n")
		}
	}
	if !seen["title"] || !seen["desc"] {
		t.Error("the image has no title or no description")
	}
	shapes := map[string]bool{}
	for part := range strings.SplitSeq(string(svg), `<g transform="translate(20 24)">`) {
		if shape, _, ok := strings.Cut(part, "</g>"); ok && !strings.HasPrefix(part, "<svg") {
			shapes[shape] = true
		}
	}
	return words.String(), shapes
}

// What steers a terminal, or would be markup, is told and does nothing.
func TestNamesOfStrangersDoNothingInADrawing(t *testing.T) {
	c, err := catalogue.Parse(spoiled(t, "name: Open Badges Explorer", `name: "\e[2J<script>x</script>&\u0007"`))
	if err != nil {
		t.Fatal(err)
	}
	d := drawn(c, "become-issuer")
	if strings.ContainsAny(d.Text(), "\x1b\x07") || bytes.Contains(d.SVG(), []byte("<script")) {
		t.Errorf("%q", d.Text())
	}
	textsOf(t, d.SVG())
}

func TestALongPathIsDrawnInTime(t *testing.T) {
	p := drawing.Path{Title: "Long"}
	for i := range 1500 {
		s := drawing.Step{Badge: strings.Repeat("b", 1+i%3) + string(rune('a'+i%26)) + strings.Repeat("x", i/26), Name: "N"}
		if i > 0 {
			s.After = &requirement.Requirement{All: []requirement.Requirement{{Badge: p.Steps[i-1].Badge}, {Badge: p.Steps[0].Badge}}}
		}
		p.Steps = append(p.Steps, s)
	}
	begin := time.Now()
	if svg := p.SVG(); len(svg) < 1500*100 {
		t.Errorf("%d bytes", len(svg))
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

// Whatever is read as a catalogue compiles, is drawn, and compared with itself
// has no change; an objective is added and all else stays.
func FuzzWhatIsReadCompilesAndIsDrawn(f *testing.F) {
	f.Add(catalogue.OpenBadges)
	f.Add([]byte("catalogue: a\nversion: 1.0.0\nname: A\nachievements:\n  one: {name: One, kind: skill, description: d, criteria: {c: x}, award: {by: grant}}\npaths:\n  p: {name: P, order: advise, steps: {one: {after: {any: [one, one]}}}}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := catalogue.Parse(raw)
		if err != nil {
			return
		}
		for slug := range c.Achievements.All() {
			if _, err := c.Document(alder, slug); err != nil {
				t.Errorf("%s does not compile: %v", slug, err)
			}
		}
		for slug := range c.Paths.All() {
			d := drawn(c, slug)
			textsOf(t, d.SVG())
			_ = d.Text()
		}
		if _, err := c.Fit(catalogue.EUMicroCredential); err != nil {
			t.Error(err)
		}
		if d := catalogue.Diff(c, c); len(d.List) != 0 || !d.Enough {
			t.Errorf("it differs from itself: %+v", d)
		}
		added, err := catalogue.AddObjectives(raw, []catalogue.Objective{{Text: "New.", Align: []string{"https://framework.example/new New"}}})
		if err != nil {
			return // said why, and nothing was written
		}
		keeps(t, raw, added)
	})
}
