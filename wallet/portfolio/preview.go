package portfolio

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// Field is something that a file tells its readers.
type Field struct {
	Where string `json:"where"`
	Value string `json:"value"`
}

// Preview is what leaves with one file.
type Preview struct {
	File   string  `json:"file"`
	What   string  `json:"what"`
	Bytes  int     `json:"bytes"`
	SHA256 string  `json:"sha256"`
	Fields []Field `json:"fields,omitempty"`
}

// Previews reads every file as it will be written and lists each field of it:
// of a page each text and address, of a credential each value, in an image the
// credential that is baked in.
func Previews(files []File) ([]Preview, error) {
	var out []Preview
	for _, f := range files {
		p, err := preview(f)
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", f.Name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// PreviewSigned lists each field of a signed document that would be written to
// file.
func PreviewSigned(file string, raw []byte) ([]Preview, error) {
	p := Preview{File: file, What: signedWhole, Bytes: len(raw), SHA256: File{Data: raw}.SHA256()}
	var err error
	p.Fields, err = ofCredential(raw)
	return []Preview{p}, err
}

// PreviewLink lists what a link of [LinkedIn] tells to whom it leads.
func PreviewLink(link string) (out []Field, err error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if name != "startTask" {
			out = append(out, Field{name, q.Get(name)})
		}
	}
	return out, nil
}

// PreviewELM lists each field of an export for Europass that would be written
// to file, and of the badge that is in it.
func PreviewELM(file string, raw []byte) ([]Preview, error) {
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return nil, err
	}
	out := []Preview{{File: file, What: "for Europass, not signed", Bytes: len(raw), SHA256: File{Data: raw}.SHA256(), Fields: leaves(v)}}
	for i, f := range out[0].Fields {
		if !strings.HasSuffix(f.Where, "/content") {
			continue
		}
		media, err := base64.StdEncoding.DecodeString(f.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Where, err)
		}
		out[0].Fields[i].Value = fmt.Sprintf("%d bytes in base64", len(media))
		if _, _, err := credentials.ParseAny(media); err != nil {
			continue // an image
		}
		inside, err := PreviewSigned(file+f.Where, media)
		if err != nil {
			return nil, err
		}
		out = append(out, inside...)
	}
	return out, nil
}

const signedWhole = "signed; none of it can be taken out"

func preview(f File) (p Preview, err error) {
	p = Preview{File: f.Name, Bytes: len(f.Data), SHA256: f.SHA256()}
	switch ext := path.Ext(f.Name); {
	case strings.Contains(path.Base(f.Name), "-evidence-"):
		p.What = "a file of evidence, as it was handed in"
	case ext == ".html":
		p.What = "a page"
		p.Fields, err = ofPage(f.Data)
	case f.Name == Listing:
		p.What = "what was published"
		v, parseErr := jsondoc.Parse(f.Data)
		p.Fields, err = leaves(v), parseErr
	case ext == ".png" || ext == ".svg":
		raw, extractErr := baking.Extract(f.Data)
		if extractErr != nil {
			return p, extractErr
		}
		p.What = "an image, and in it the signed badge with each field that " + same(f.Name, raw) + " has"
	default:
		p.What = signedWhole
		p.Fields, err = ofCredential(f.Data)
	}
	return p, err
}

func same(image string, credential []byte) string {
	ext := ".jwt"
	if bytes.HasPrefix(bytes.TrimSpace(credential), []byte("{")) {
		ext = ".json"
	}
	return strings.TrimSuffix(path.Base(image), path.Ext(image)) + ext
}

func ofCredential(raw []byte) ([]Field, error) {
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return nil, err
	}
	return within(leaves(c.Doc()))
}

// within adds to the fields of a document those of the JWT that it envelops
// (VC Data Model 2.0 §4.13.1).
func within(fields []Field) ([]Field, error) {
	var out []Field
	for _, f := range fields {
		media, jwt, ok := strings.Cut(f.Value, ",")
		if media != "data:application/vc+jwt" || !ok {
			out = append(out, f)
			continue
		}
		inside, err := ofCredential([]byte(jwt))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Where, err)
		}
		for _, in := range inside {
			out = append(out, Field{f.Where + in.Where, in.Value})
		}
	}
	return out, nil
}

// leaves lists the values of a document by their pointers.
func leaves(v jsondoc.Value) (out []Field) {
	switch v.Kind() {
	case jsondoc.Absent:
	case jsondoc.Object, jsondoc.Array:
		for e := v.Child(); e.Exists(); e = e.Next() {
			out = append(out, leaves(e)...)
		}
	case jsondoc.String:
		s, _ := v.Text()
		out = append(out, Field{v.Pointer(), s})
	default:
		out = append(out, Field{v.Pointer(), string(v.Raw())})
	}
	return out
}

// ofPage lists what a page shows. Pages are well-formed XML, which a test
// holds.
func ofPage(raw []byte) (out []Field, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.Entity = xml.HTMLEntity
	var at []string
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		switch e := t.(type) {
		case xml.StartElement:
			at = append(at, e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") || a.Name.Local == "alt" && a.Value != "" {
					out = append(out, Field{e.Name.Local + " " + a.Name.Local, a.Value})
				}
			}
		case xml.EndElement:
			at = at[:len(at)-1]
		case xml.CharData:
			s := strings.Join(strings.Fields(string(e)), " ")
			if in := at[max(0, len(at)-1):]; s != "" && len(in) == 1 && in[0] != "style" {
				out = append(out, Field{in[0], s})
			}
		}
	}
}
