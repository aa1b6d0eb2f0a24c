package portfolio

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

//go:embed pages.html
var pagesHTML string

//go:embed style.css
var styleCSS string

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{"style": style, "policy": policy}).Parse(pagesHTML))

// style is the one style sheet; the policy allows it by its digest, so that
// pages look the same from a file, a stick or a server.
func style() template.HTML { return template.HTML("<style>" + styleCSS + "</style>") }

func policy() template.HTML {
	sum := sha256.Sum256([]byte(styleCSS))
	return template.HTML(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-` +
		base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'"/>`)
}

func dataURI(svg []byte) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg)
}

// head is what every page has.
type head struct {
	Title, Site, Home string
	Lang              string // of the badge's own words, where it is known
	Name, DID, Made   string
}

func (m *maker) head(title, home string) head {
	return head{Title: title, Site: m.site.Title, Home: home, Name: m.site.Name, DID: m.site.DID, Made: day(m.site.Made)}
}

type fact struct{ Name, Value string }

type evidence struct {
	Name, Narrative, Description, Genre string
	Link, Copy                          string
}

type endorsement struct{ By, Of, Comment, Href string }

type badgePage struct {
	head
	Image            template.URL
	Description      string
	Criteria         []string
	CriteriaURL      string
	Outcomes         []string
	Holds            []string // what a transcript or a collection is of
	Facts            []fact
	Narrative        string
	Self             bool
	Notice           string
	HidesEvidence    int
	Evidence         []evidence
	Endorsements     []endorsement
	Signed, PNG, SVG string
	Checked          string
}

func (m *maker) page(b Badge, at shown, copies map[string]string, endorsed []endorsement) ([]byte, error) {
	c := b.Credential
	a := c.Achievement()
	p := badgePage{head: m.head(at.Name, "../index.html"), Image: template.URL(at.Image), Description: a.Get("description").Words(), Criteria: lines(text(a.Get("criteria").Get("narrative"))),
		Facts: facts(c, m.site), Narrative: c.Doc().Get("credentialSubject").First().Get("narrative").Words(), Self: at.Self,
		Signed: path.Base(at.Files[0]), PNG: path.Base(at.Files[1]), SVG: path.Base(at.Files[2]), Checked: day(b.Report.At)}
	p.Lang = at.Lang
	if u := a.Get("criteria").ID(); strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		p.CriteriaURL = u
	}
	for _, o := range slices.Concat(c.Facts().Outcomes, c.Facts().Skills) {
		p.Outcomes = append(p.Outcomes, o.Name)
	}
	for _, raw := range c.Records() {
		one, _, err := credentials.ParseAny(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %s holds what cannot be read: %v", ErrSite, at.Name, err)
		}
		p.Holds = append(p.Holds, or(one.Name(), "a badge without a name")+", "+or(one.IssuerName(), "issuer unnamed"))
	}
	if b.Report.Verdict != credentials.Valid {
		p.Notice = b.Report.Why()
	}
	for _, e := range b.Report.Endorsers {
		p.Endorsements = append(p.Endorsements, endorsement{By: or(e.Name, "somebody unnamed"), Of: e.Of, Comment: e.Comment})
	}
	p.Endorsements = append(p.Endorsements, endorsed...)
	if n := c.Doc().Get("evidence").Len(); !b.Evidence {
		p.HidesEvidence = n
	} else if n > 0 {
		p.Evidence = items(c, copies)
	}
	return render("badge", p)
}

// items tells the evidence of a badge; copies are the files that were written.
func items(c credentials.Credential, copies map[string]string) (out []evidence) {
	for e := range c.Doc().Get("evidence").Elements() {
		item := evidence{Name: e.Get("name").Words(), Narrative: e.Get("narrative").Words(), Description: e.Get("description").Words(), Genre: text(e.Get("genre"))}
		if id := e.ID(); strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "http://") {
			item.Link = id
		}
		if name := copies[e.ID()]; name != "" {
			item.Copy = path.Base(name)
		}
		if item.Name == "" {
			item.Name = fmt.Sprintf("Item %d", len(out)+1)
		}
		out = append(out, item)
	}
	return out
}

func facts(c credentials.Credential, s Site) (out []fact) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	f, subject := c.Facts(), c.Doc().Get("credentialSubject").First()
	if c.IssuerID() == c.SubjectID() {
		add("Issued by", "the learner, about themself")
	} else {
		add("Issued by", c.IssuerName())
		add("Issuer’s identifier", c.IssuerID())
	}
	add("Given to", s.Name)
	add("Learner’s identifier", s.DID)
	add("Awarded on", day(c.AwardedDate()))
	add("Valid from", day(c.ValidFrom()))
	add("Valid until", day(c.ValidUntil()))
	add("From", dayOf(subject.Get("activityStartDate")))
	add("To", dayOf(subject.Get("activityEndDate")))
	add("Role", text(subject.Get("role")))
	add("Level", f.Level)
	add("European Qualifications Framework", strings.TrimPrefix(f.EQF, "http://data.europa.eu/snb/eqf/"))
	if f.Credits > 0 {
		add("Credits", Points(f.Credits, f.CreditFramework))
	}
	add("Workload", f.WorkloadName)
	for t := range c.Achievement().Get("tag").Elements() {
		if s := text(t); strings.HasPrefix(s, "kind:") || strings.HasPrefix(s, "setting:") {
			name, value, _ := strings.Cut(s, ":")
			add(strings.ToUpper(name[:1])+name[1:], value)
		}
	}
	return out
}

// Points writes credit points with the name of their system.
func Points(n float64, framework string) string {
	name := map[string]string{"http://data.europa.eu/snb/education-credit/60b314e826": " ECVET", "http://data.europa.eu/snb/education-credit/6fcec5c5af": " ECTS"}[framework]
	return strconv.FormatFloat(n, 'f', -1, 64) + name + " points"
}

// Sum adds up the credits of badges, a line for each system. An achievement
// counts once, also where a badge of another level or version of it is there.
func Sum(credits []credentials.Facts) (out []string) {
	sums, counted := map[string]float64{}, map[[2]string]float64{}
	for _, f := range credits {
		of := [2]string{f.Achievement, f.CreditFramework}
		if f.Achievement == "" {
			sums[f.CreditFramework] += f.Credits
		} else if more := f.Credits - counted[of]; more > 0 {
			counted[of] += more
			sums[f.CreditFramework] += more
		}
	}
	maps.DeleteFunc(sums, func(_ string, n float64) bool { return n <= 0 })
	for framework, n := range sums {
		out = append(out, Points(n, framework))
	}
	slices.Sort(out)
	return out
}

func (m *maker) index() error {
	type card struct {
		shown
		Image template.URL
	}
	p := struct {
		head
		Cards      []card
		Credits    []string
		Collection bool
	}{head: m.head(m.site.Title, "index.html"), Collection: len(m.site.Collection) > 0}
	var all []credentials.Facts
	for _, s := range m.shown {
		p.Cards = append(p.Cards, card{s, template.URL(s.Image)})
		if !s.Self {
			all = append(all, s.facts)
		}
	}
	p.Credits = Sum(all)
	raw, err := render("index", p)
	m.add("index.html", raw)
	return err
}

func render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("writing the page %s: %w", name, err)
	}
	return bytes.Map(legible, b.Bytes()), nil
}

// legible keeps a page well-formed: what a badge may hold and a page may not,
// such as control characters, is shown as unreadable.
func legible(r rune) rune {
	if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r != 0x7f && r != 0xfffe && r != 0xffff {
		return r
	}
	return '\uFFFD'
}

func readEndorsement(raw []byte) (e endorsement, ext string, err error) {
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return e, "", fmt.Errorf("%w: an endorsement cannot be read: %v", ErrSite, err)
	}
	ext = ".json"
	if c.IsJWT() {
		ext = ".jwt"
	}
	return endorsement{By: or(c.IssuerName(), "somebody unnamed"), Of: "badge", Comment: c.Doc().Get("credentialSubject").First().Get("endorsementComment").Words()}, ext, nil
}

var languageTag = regexp.MustCompile(`^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*$`)

// language returns the language that a badge is written in, "" if it is not
// told.
func language(c credentials.Credential) string {
	if l := text(c.Achievement().Get("inLanguage")); languageTag.MatchString(l) {
		return l
	}
	return ""
}

// lines makes a list of a narrative in Markdown: one entry for each line, with
// its marks taken off.
func lines(narrative string) (out []string) {
	for l := range strings.Lines(narrative) {
		l = strings.TrimSpace(strings.ReplaceAll(strings.TrimLeft(strings.TrimSpace(l), "-*# "), "**", ""))
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

func dayOf(v jsondoc.Value) string {
	t, err := time.Parse(time.RFC3339Nano, text(v))
	if err != nil {
		return ""
	}
	return day(t)
}

func text(v jsondoc.Value) string { s, _ := v.Text(); return s }

// LinkedIn returns the address that adds a badge to a profile there, once its
// owner opens it; page is where the badge is shown in public.
func LinkedIn(c credentials.Credential, page string) string {
	q := url.Values{"startTask": {"CERTIFICATION_NAME"}, "name": {c.Name()}, "certUrl": {page}, "certId": {c.ID()}}
	if by := c.IssuerName(); by != "" || !c.IsSelfAsserted() { // else it would be the learner's own DID
		q.Set("organizationName", or(by, c.IssuerID()))
	}
	for prefix, t := range map[string]time.Time{"issue": c.AwardedDate(), "expiration": c.ValidUntil()} {
		if !t.IsZero() {
			q.Set(prefix+"Year", strconv.Itoa(t.UTC().Year()))
			q.Set(prefix+"Month", strconv.Itoa(int(t.UTC().Month())))
		}
	}
	return "https://www.linkedin.com/profile/add?" + q.Encode()
}
