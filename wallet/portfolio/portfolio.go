// Package portfolio makes a static site of badges that a learner publishes:
// pages that need no server, no script and no other site, and beside them the
// signed badges, byte for byte.
package portfolio

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrSite says that no site can be made of what was given.
var ErrSite = errors.New("portfolio")

// Site is what shall be published, and nothing else is.
type Site struct {
	Title string
	Name  string // as the learner shows it; empty for none
	// DID is shown on the pages; empty hides it there. The signed badges hold
	// it in any case.
	DID    string
	Made   time.Time
	URL    string // where it will be served, empty when it is not known
	Badges []Badge
	// Collection is a CLR 2.0 of the badges as a VC-JWT, if there is one.
	Collection []byte
}

// Badge is one badge of a site.
type Badge struct {
	ID         string // short, for the names of its files
	Credential credentials.Credential
	Report     credentials.Report
	Drawing    []byte // SVG, with nothing baked in
	PNG, SVG   []byte // with the badge baked in
	// Evidence shows the evidence on the page; Files are copies of its items,
	// by their ids.
	Evidence bool
	Files    map[string]Evidence
	// Endorsements are signed ones that are kept beside the badge.
	Endorsements [][]byte
}

// Evidence is a file of evidence.
type Evidence struct {
	Ending string // such as .pdf
	Data   []byte
}

// File is one file of a site; its name has slashes.
type File struct {
	Name string
	Data []byte
}

// SHA256 is the digest of the file, in hexadecimal.
func (f File) SHA256() string {
	sum := sha256.Sum256(f.Data)
	return hex.EncodeToString(sum[:])
}

// Listing is the name of the file that lists what was published.
const Listing = "portfolio.json"

// Make writes a site. The same site gives the same files, in order of their
// names. The error wraps [ErrSite].
func Make(s Site) ([]File, error) {
	switch {
	case len(s.Badges) == 0:
		return nil, fmt.Errorf("%w: no badge is chosen; name one with --badge, or say --all", ErrSite)
	case s.Title == "":
		return nil, fmt.Errorf("%w: give it a --title", ErrSite)
	}
	if err := checkURL(s.URL); err != nil {
		return nil, err
	}
	m := maker{site: s}
	for _, b := range s.Badges {
		if err := m.badge(b); err != nil {
			return nil, err
		}
	}
	if len(s.Collection) > 0 {
		m.add("collection.jwt", s.Collection)
	}
	if err := m.index(); err != nil {
		return nil, err
	}
	if err := m.listing(); err != nil {
		return nil, err
	}
	slices.SortFunc(m.files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	return m.files, nil
}

func checkURL(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%w: --url %q is no address of a site; write one such as https://ana.example/badges", ErrSite, address)
	}
	return nil
}

// maker collects the files.
type maker struct {
	site  Site
	files []File
	shown []shown
}

func (m *maker) add(name string, data []byte) { m.files = append(m.files, File{name, data}) }

// shown is a badge as the index and the listing have it.
type shown struct {
	Name     string   `json:"name"`
	Issuer   string   `json:"issuer,omitempty"`
	Awarded  string   `json:"awarded,omitempty"`
	Self     bool     `json:"selfAsserted,omitempty"`
	Evidence bool     `json:"evidenceShown"`
	Page     string   `json:"page"`
	Files    []string `json:"files"`
	Image    string   `json:"-"`
	Lang     string   `json:"-"`
	facts    credentials.Facts
}

func (m *maker) badge(b Badge) error {
	c := b.Credential
	stem := strings.TrimSuffix(PageOf(b), ".html")
	signed := stem + ".json"
	if c.IsJWT() {
		signed = stem + ".jwt"
	}
	f := c.Facts()
	at := shown{Name: or(c.Name(), "Badge"), Issuer: c.IssuerName(), Awarded: day(c.AwardedDate()), Self: b.Report.SelfAsserted, Evidence: b.Evidence, Page: stem + ".html",
		Files: []string{signed, stem + ".png", stem + ".svg"}, Image: dataURI(b.Drawing), Lang: language(c), facts: f}
	m.add(signed, c.Bytes())
	m.add(stem+".png", b.PNG)
	m.add(stem+".svg", b.SVG)
	copies := map[string]string{}
	if b.Evidence {
		n := 0
		for e := range c.Doc().Get("evidence").Elements() {
			n++
			if file, ok := b.Files[e.ID()]; ok {
				name := fmt.Sprintf("%s-evidence-%d%s", stem, n, file.Ending)
				m.add(name, file.Data)
				copies[e.ID()] = name
				at.Files = append(at.Files, name)
			}
		}
	}
	var endorsed []endorsement
	for i, raw := range b.Endorsements {
		e, ext, err := readEndorsement(raw)
		if err != nil {
			return err
		}
		e.Href = fmt.Sprintf("%s-endorsement-%d%s", stem, i+1, ext)
		m.add(e.Href, raw)
		at.Files = append(at.Files, e.Href)
		e.Href = strings.TrimPrefix(e.Href, "badges/")
		endorsed = append(endorsed, e)
	}
	page, err := m.page(b, at, copies, endorsed)
	if err != nil {
		return err
	}
	m.add(at.Page, page)
	m.shown = append(m.shown, at)
	return nil
}

// listing writes portfolio.json: what was published.
func (m *maker) listing() error {
	type file struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	}
	out := struct {
		Title  string  `json:"title"`
		Name   string  `json:"name,omitempty"`
		Made   string  `json:"made"`
		URL    string  `json:"url,omitempty"`
		Badges []shown `json:"badges"`
		Files  []file  `json:"files"`
	}{m.site.Title, m.site.Name, jsondoc.Stamp(m.site.Made), m.site.URL, m.shown, nil}
	for _, f := range m.files {
		out.Files = append(out.Files, file{f.Name, f.SHA256()})
	}
	raw, err := jsondoc.Marshal(out)
	m.add(Listing, append(raw, '\n'))
	return err
}

// PageOf returns the name of a badge's page within a site.
func PageOf(b Badge) string { return "badges/" + fileName(b.Credential.Name(), b.ID) + ".html" }

// fileName makes of a badge's name and short id the name of its files, without
// an ending: letters a to z, digits and hyphens.
func fileName(name, id string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	return strings.TrimLeft(strings.TrimRight(b.String(), "-")+"-"+id, "-")
}

func or(a, b string) string { return cmp.Or(a, b) }

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
