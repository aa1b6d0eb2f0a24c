package credentials_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/internal/jsondoc"
)

func TestAnSVGMayBeginWithAByteOrderMarkAndNothingElseMay(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	svg, err := baking.Bake([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><title>a</title></svg>`), raw)
	if err != nil {
		t.Fatal(err)
	}
	const bom = "\ufeff"
	for name, tt := range map[string]struct {
		file string
		form credentials.Form
		err  error // nil when it verifies
	}{
		"an SVG":                   {bom + string(svg), credentials.FormSVG, nil},
		"with blanks":              {bom + "\r\n " + string(svg), credentials.FormSVG, nil},
		"with an XML declaration":  {bom + `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + string(svg), credentials.FormSVG, nil},
		"with a DOCTYPE":           {bom + `<!DOCTYPE svg>` + string(svg), credentials.FormSVG, baking.ErrMalformed},
		"with two marks":           {bom + bom + string(svg), credentials.FormJSON, jsondoc.ErrMalformed},
		"with text before the tag": {bom + "x" + string(svg), credentials.FormJSON, jsondoc.ErrMalformed},
		"JSON":                     {bom + string(raw), credentials.FormJSON, jsondoc.ErrMalformed},
	} {
		c, form, err := credentials.ParseAny([]byte(tt.file))
		if form != tt.form || !errors.Is(err, tt.err) || tt.err == nil && !bytes.Equal(c.Bytes(), raw) {
			t.Errorf("%s: %s, %v", name, form, err)
		}
		if r := w.v.Report(t.Context(), []byte(tt.file), credentials.ReportOptions{}); (r.Verdict == credentials.Valid) != (tt.err == nil) {
			t.Errorf("%s: %s", name, r.Why())
		}
	}
	r := w.v.Report(t.Context(), []byte(`<!DOCTYPE svg>`+string(svg)), credentials.ReportOptions{})
	if r.Code() != credentials.CodeMalformed || !strings.Contains(r.Why(), "an SVG with a DOCTYPE or entities is not read; save the image without them") {
		t.Errorf("a DOCTYPE: %s %s", r.Code(), r.Why())
	}
}
