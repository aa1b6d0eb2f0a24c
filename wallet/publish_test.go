package wallet_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/wallet"
	"github.com/trust-me/trustme/wallet/portfolio"
)

// published writes the portfolio of a request into a new folder.
func published(t *testing.T, w *wallet.Wallet, r wallet.PortfolioRequest) (string, wallet.Publication) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	p, err := w.Portfolio(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.Publish(t.Context(), dir, p)
	if err != nil {
		t.Fatal(err)
	}
	return dir, done
}

// filesIn reads a folder, each file by its name with slashes.
func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func add(t *testing.T, w *wallet.Wallet, v credentials.Verified) wallet.Held {
	t.Helper()
	h, err := w.Add(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAPortfolioHoldsTheSignedBadgesByteForByteAndPagesThatNeedNothing(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	v := is.badge(t, urn+"1", "Welding <i>\"quoted\"</i> & more\x01", w.DID().String(), time.Now().Add(time.Hour))
	h := add(t, w, v)
	token := is.jwt(t, urn+"2", "Painting", w.DID().String())
	if _, _, err := w.Import(t.Context(), token, false); err != nil {
		t.Fatal(err)
	}
	dir, _ := published(t, w, wallet.PortfolioRequest{All: true, Title: "My <b>badges</b>", Name: "Ana & Co", Collection: true})
	files := filesIn(t, dir)
	stem := "badges/welding-i-quoted-i-more-" + h.ID[:6]
	if !bytes.Equal(files[stem+".json"], v.Credential().Bytes()) {
		t.Errorf("%s.json is not what was signed; there are %v", stem, names(files))
	}
	for _, ext := range []string{".png", ".svg"} {
		if got, err := baking.Extract(files[stem+ext]); err != nil || !bytes.Equal(got, v.Credential().Bytes()) {
			t.Errorf("%s%s: %v", stem, ext, err)
		}
	}
	signed := 0
	for name, raw := range files {
		switch filepath.Ext(name) {
		case ".html":
			checkPage(t, name, raw, files)
		case ".jwt":
			signed++
			if r := is.party.Verifier.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid || name == "collection.jwt" && r.Recognition.Code != credentials.CodeSelfAsserted {
				t.Errorf("%s: %s %s", name, r.Verdict, r.Why())
			}
		}
		if strings.HasSuffix(name, ".html") && bytes.Contains(raw, []byte(w.DID().String())) {
			t.Errorf("%s shows the DID", name)
		}
	}
	if signed != 2 || !bytes.Contains(files["badges/painting-"+heldPrefix(t, w, "Painting")+".html"], []byte(".jwt")) {
		t.Errorf("%d JWT in %v", signed, names(files))
	}
	dir, _ = published(t, w, wallet.PortfolioRequest{Badges: []string{h.ID}, Title: "x", ShowDID: true})
	if !bytes.Contains(filesIn(t, dir)["index.html"], []byte(w.DID().String())) {
		t.Error("the DID was asked for and is not shown")
	}
}

func TestAPublishedCollectionTellsWhatIsInIt(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	add(t, w, is.badge(t, urn+"1", "Welding", w.DID().String(), time.Time{}))
	c, err := w.Collection(t.Context(), "Both", []string{"Welding", "Welding"})
	if err != nil || len(c.Badges) != 1 {
		t.Fatalf("%v, %v", c.Badges, err)
	}
	if _, _, err := w.Import(t.Context(), c.Credential, false); err != nil {
		t.Fatal(err)
	}
	dir, p := published(t, w, wallet.PortfolioRequest{Badges: []string{"Both"}, Title: "x", Collection: true})
	files := filesIn(t, dir)
	if page := files[p.Badges[0].Page]; !bytes.Contains(page, []byte("<li>Welding, Somebody</li>")) || !bytes.Contains(page, []byte("the learner put this collection together")) {
		t.Errorf("%s", page)
	}
	if files["collection.jwt"] != nil {
		t.Error("a collection of no badge")
	}
	if _, err := w.Collection(t.Context(), "x", []string{"Both"}); !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), "is a collection itself") {
		t.Errorf("%v", err)
	}
}

func heldPrefix(t *testing.T, w *wallet.Wallet, name string) string {
	t.Helper()
	h, _, err := w.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return h.ID[:6]
}

func names(files map[string][]byte) (out []string) {
	for name := range files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// checkPage holds a page to what keyboards, screen readers and phones need,
// and to asking nobody else for anything.
func checkPage(t *testing.T, name string, raw []byte, files map[string][]byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(raw))
	var h1, main, skip, viewport, policy int
	lang := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s is not well-formed: %v\n%s", name, err, raw)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range e.Attr {
			attr[a.Name.Local] = a.Value
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" {
				t.Errorf("%s: attribute %s", name, a.Name.Local)
			}
		}
		switch e.Name.Local {
		case "html":
			lang = attr["lang"]
		case "h1":
			h1++
		case "main":
			main++
		case "script", "iframe", "object", "embed", "link", "form", "base", "i", "b":
			t.Errorf("%s holds <%s>", name, e.Name.Local)
		case "img":
			if _, ok := attr["alt"]; !ok || !strings.HasPrefix(attr["src"], "data:image/svg+xml;base64,") {
				t.Errorf("%s: image %v", name, attr)
			}
		case "meta":
			if attr["name"] == "viewport" {
				viewport++
			}
			if attr["http-equiv"] == "Content-Security-Policy" && strings.HasPrefix(attr["content"], "default-src 'none'; img-src data:; style-src 'sha256-") {
				policy++
			}
		case "a":
			to := attr["href"]
			if to == "#main" {
				skip++
			} else if u, err := url.Parse(to); err != nil || u.IsAbs() {
				if !strings.HasPrefix(to, "https://") && !strings.HasPrefix(to, "http://") {
					t.Errorf("%s leads to %s", name, to)
				}
			} else if at := filepath.ToSlash(filepath.Join(filepath.Dir(name), to)); files[at] == nil {
				t.Errorf("%s leads to %s, which is not there", name, to)
			}
		}
	}
	if lang != "en" || h1 != 1 || main != 1 || skip != 1 || viewport != 1 || policy != 1 {
		t.Errorf("%s: lang %q, %d h1, %d main, %d skip links, %d viewports, %d policies", name, lang, h1, main, skip, viewport, policy)
	}
}

func TestThePreviewHasEveryFieldOfEveryFile(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	v := is.badge(t, urn+"1", "Welding", w.DID().String(), time.Now().Add(time.Hour))
	h := add(t, w, v)
	p, err := w.Portfolio(t.Context(), wallet.PortfolioRequest{Badges: []string{"Welding"}, Title: "Mine", Name: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	previews, err := portfolio.Previews(p.Files)
	if err != nil || len(previews) != 6 || len(p.Files) != 6 { // index, listing, page, JSON, PNG, SVG
		t.Fatalf("%d previews of %d files, %v", len(previews), len(p.Files), err)
	}
	want := map[string][]portfolio.Field{
		"index.html":                           {{Where: "title", Value: "Mine"}, {Where: "p", Value: "Ana"}, {Where: "span", Value: "Welding"}},
		"badges/welding-" + h.ID[:6] + ".html": {{Where: "dd", Value: "Ana"}, {Where: "dd", Value: is.id}, {Where: "li", Value: "n"}, {Where: "p", Value: "d"}},
		"badges/welding-" + h.ID[:6] + ".json": {{Where: "/credentialSubject/id", Value: w.DID().String()}, {Where: "/credentialSubject/achievement/criteria/narrative", Value: "n"}},
		"portfolio.json":                       {{Where: "/name", Value: "Ana"}, {Where: "/badges/0/name", Value: "Welding"}},
	}
	for _, f := range previews {
		for _, field := range want[f.File] {
			if !slices.Contains(f.Fields, field) {
				t.Errorf("%s does not tell %v: %v", f.File, field, f.Fields)
			}
		}
		delete(want, f.File)
	}
	if len(want) > 0 {
		t.Errorf("no preview of %v", want)
	}
}

// A JWT hides its words from the eye; what it says leaves all the same.
func TestThePreviewOfACollectionLooksIntoTheJWTsInIt(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	if _, _, err := w.Import(t.Context(), is.jwt(t, urn+"1", "Painting", w.DID().String()), false); err != nil {
		t.Fatal(err)
	}
	c, err := w.Collection(t.Context(), "Mine", []string{"Painting"})
	if err != nil {
		t.Fatal(err)
	}
	previews, err := portfolio.PreviewSigned("mine.jwt", c.Credential)
	if err != nil || !slices.ContainsFunc(previews[0].Fields, func(f portfolio.Field) bool {
		return strings.HasSuffix(f.Where, "/credentialSubject/achievement/name") && f.Value == "Painting"
	}) {
		t.Errorf("%v, %v", previews, err)
	}
}

func TestWithdrawingRemovesWhatWasWrittenAndNothingElse(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	add(t, w, is.badge(t, urn+"1", "Welding", w.DID().String(), time.Time{}))
	dir, p := published(t, w, wallet.PortfolioRequest{All: true, Title: "Mine"})
	mine := filepath.Join(dir, "badges", "note.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(dir, "index.html")
	if err := os.WriteFile(index, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WithdrawPublication(t.Context(), p.ID); !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), "index.html changed since") {
		t.Errorf("a changed file: %v", err)
	}
	if got := names(filesIn(t, dir)); !slices.Equal(got, []string{"badges/note.txt", "index.html"}) {
		t.Errorf("left: %v", got)
	}
	if err := errors.Join(os.Remove(index), os.Remove(mine)); err != nil {
		t.Fatal(err)
	}
	if got, err := w.WithdrawPublication(t.Context(), p.ID[:6]); err != nil || got.Withdrawn.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder that was made for it: %v", err)
	}
	all, err := w.Publications(t.Context())
	if err != nil || len(all) != 1 || all[0].Withdrawn.IsZero() || all[0].Badges[0].Name != "Welding" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestWhatIsNotForPublicationIsRefusedAndNothingIsWritten(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	h := add(t, w, is.badge(t, urn+"1", "Welding", w.DID().String(), time.Time{}))
	add(t, w, is.badge(t, urn+"2", "Cooking", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", time.Time{}))
	for name, tt := range map[string]struct {
		r   wallet.PortfolioRequest
		err error
		say string
	}{
		"nothing is named":                {wallet.PortfolioRequest{Title: "x"}, wallet.ErrInput, "no badge is chosen"},
		"not held":                        {wallet.PortfolioRequest{Badges: []string{"Sewing"}}, wallet.ErrNotHeld, `"Sewing"`},
		"somebody else's":                 {wallet.PortfolioRequest{Badges: []string{"Cooking"}}, wallet.ErrInput, "was not given to you"},
		"evidence of one that stays here": {wallet.PortfolioRequest{Badges: []string{"Welding"}, Evidence: []string{"Cooking"}}, wallet.ErrInput, "add --badge"},
		"all, and one":                    {wallet.PortfolioRequest{All: true, Badges: []string{"Welding"}}, wallet.ErrInput, "either --all or --badge"},
		"no title":                        {wallet.PortfolioRequest{Badges: []string{"Welding"}}, wallet.ErrInput, "--title"},
		"no address":                      {wallet.PortfolioRequest{Badges: []string{"Welding"}, Title: "x", URL: "javascript:alert(1)"}, wallet.ErrInput, "--url"},
	} {
		if _, err := w.Portfolio(t.Context(), tt.r); !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := w.Portfolio(t.Context(), wallet.PortfolioRequest{Badges: []string{h.ID}, Title: "x"})
	if err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Publish(t.Context(), full, p); !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder in use: %v", err)
	}
	if all, err := w.Publications(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// A unit of half a point is worth that, at whichever level it is held twice.
func TestCreditsOfAnAchievementAreAddedOnce(t *testing.T) {
	const ecvet = "http://data.europa.eu/snb/education-credit/60b314e826"
	designer := credentials.Facts{Achievement: "https://alder.example/a/designer did:web:alder.example", Credits: 0.5, CreditFramework: ecvet}
	more, other, unnamed, none := designer, designer, designer, designer
	more.Credits, other.Achievement, unnamed.Achievement, none.Credits = 0.75, "https://birch.example/a/designer did:web:birch.example", "", 0
	for name, tt := range map[string]struct {
		of   []credentials.Facts
		want string
	}{
		"twice":                 {[]credentials.Facts{designer, designer}, "0.5 ECVET points"},
		"the larger counts":     {[]credentials.Facts{designer, more, designer}, "0.75 ECVET points"},
		"of two achievements":   {[]credentials.Facts{designer, other}, "1 ECVET points"},
		"which none can tell":   {[]credentials.Facts{unnamed, unnamed}, "1 ECVET points"},
		"that has no credits":   {[]credentials.Facts{none}, ""},
		"that has no framework": {[]credentials.Facts{{Achievement: "a", Credits: 2}}, "2 points"},
	} {
		if got := strings.Join(portfolio.Sum(tt.of), ", "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// What the learner says of themself names no organisation, least of all by the
// learner's DID.
func TestTheLinkOfARecordNamesNoIssuer(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	r := recorded(t, w, "Welding", "three gates")
	link, err := w.LinkedIn(t.Context(), r.ID, "https://ana.example/w.html")
	if err != nil || strings.Contains(link, "did%3Akey") || strings.Contains(link, "organizationName") {
		t.Errorf("%s, %v", link, err)
	}
}

func TestTheLinkForLinkedInIsEncoded(t *testing.T) {
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	h := add(t, w, is.badge(t, urn+"1", "R&D = 100% + más", w.DID().String(), time.Date(2099, 3, 1, 0, 0, 0, 0, time.UTC)))
	const page = "https://ana.example/a b/?x=1&y=2"
	link, err := w.LinkedIn(t.Context(), h.ID, page)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme+u.Host+u.Path != "httpswww.linkedin.com/profile/add" || strings.ContainsAny(u.RawQuery, " á") {
		t.Fatalf("%s, %v", link, err)
	}
	q := u.Query()
	for key, want := range map[string]string{"startTask": "CERTIFICATION_NAME", "name": "R&D = 100% + más", "organizationName": "Somebody", "certUrl": page, "certId": urn + "1", "expirationYear": "2099", "expirationMonth": "3"} {
		if q.Get(key) != want {
			t.Errorf("%s is %q", key, q.Get(key))
		}
	}
	if q.Get("issueYear") == "" || q.Get("issueMonth") == "" {
		t.Errorf("no date of issue: %s", link)
	}
	if _, err := w.LinkedIn(t.Context(), h.ID, "designer.html"); !errors.Is(err, wallet.ErrInput) {
		t.Errorf("a page without an address: %v", err)
	}
}

// The pages work in a real browser from a file, with the keyboard and on a
// phone, and their policy lets the style apply.
func TestBrowserShowsAPortfolioFromAFile(t *testing.T) {
	if os.Getenv("TRUSTME_BROWSER") == "" {
		t.Skip("set TRUSTME_BROWSER=1 to run this with Chromium")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	w, is := open(t, t.TempDir(), nil), newIssuer(t)
	h := add(t, w, is.badge(t, urn+"1", "Welding with a very long name of one Donaudampfschifffahrtsgesellschaftskapitänswitwe", w.DID().String(), time.Time{}))
	dir, p := published(t, w, wallet.PortfolioRequest{Badges: []string{h.ID}, Title: "Mine", ShowDID: true})
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	alloc, done := chromedp.NewExecAllocator(t.Context(), opts...)
	defer done()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for _, page := range []string{"index.html", p.Badges[0].Page} {
		var first, weight string
		var wide, shown int
		err := chromedp.Run(ctx,
			chromedp.EmulateViewport(360, 640), chromedp.Navigate("file://"+filepath.Join(dir, filepath.FromSlash(page))),
			chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &wide),
			chromedp.Evaluate(`getComputedStyle(document.querySelector("header")).fontWeight`, &weight),
			chromedp.Evaluate(`[...document.images].filter(i => i.complete && i.naturalWidth > 0).length`, &shown),
			chromedp.KeyEvent("\t"), chromedp.Evaluate(`document.activeElement.textContent`, &first),
		)
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		if wide > 0 || weight != "600" || shown != 1 || first != "Skip to content" {
			t.Errorf("%s: %d pixels too wide, weight %s, %d images, first tab stop %q", page, wide, weight, shown, first)
		}
	}
}
