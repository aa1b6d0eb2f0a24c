package node_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

// serve starts a node on a free port and returns it with its address.
func serve(t *testing.T, catalogues ...string) (*node.Node, string) {
	t.Helper()
	s := serveWith(t, t.TempDir(), nil, func(s *node.Settings) { s.Catalogues = catalogues })
	return s.Node, s.Settings().Base
}

// served is a node that serves until it is stopped, at the latest when the
// test ends.
type served struct {
	*node.Node
	stop func()
}

// serveWith makes a node in dir with settings that change amends, and serves it
// by the time that now tells, which may be nil.
func serveWith(t *testing.T, dir string, now func() time.Time, change func(*node.Settings)) served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	set := node.Settings{Name: "Alder", Listen: addr, Base: "http://localhost:" + port, Loopback: new(true), StatusBeat: node.Duration(200 * time.Millisecond), Reserve: 1}
	if change != nil {
		change(&set)
	}
	if err := node.Init(node.InitRequest{Dir: dir, Settings: set, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	return serveAgain(t, l, node.Config{Dir: dir, Now: now})
}

// serveAgain serves a node that is made already.
func serveAgain(t *testing.T, l net.Listener, cfg node.Config) served {
	t.Helper()
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() { done <- n.Serve(ctx, l, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return served{n, stop}
}

func get(t *testing.T, url, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.RequestURI = ""
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 1<<20)
	n := 0
	for {
		k, err := resp.Body.Read(b[n:])
		n += k
		if err != nil {
			break
		}
	}
	return resp, string(b[:n])
}

func TestEachAddressAnswersPeopleAndMachines(t *testing.T) {
	n, base := serve(t)
	link, err := n.Invite(t.Context(), node.InviteRequest{Label: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Grant(t.Context(), node.GrantRequest{Achievement: "basics", To: node.Recipient{Email: "ana@example.org"}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, accept string
		code         int
		media, has   string
	}{
		{"/", "text/html", 200, "text/html", "Open Badges about Open Badges"},
		{"/.well-known/did.json", "*/*", 200, "application/did+json", `"keyAgreement"`},
		{"/openbadges", "text/html", 200, "text/html", "Badge Designer"},
		{"/openbadges?kind=welding", "application/json", 400, "application/json", "competence, contribution, engagement, knowledge"},
		{"/openbadges?kind=skill", "application/json", 200, "application/json", "Badge Earner"},
		{"/openbadges/a/designer", "text/html,application/json", 200, "text/html", `<h1 lang="en">Badge Designer</h1>`},
		{"/openbadges/a/designer", "application/ld+json", 200, "application/ld+json", `"type":["Achievement"]`},
		{"/openbadges/a/designer.json", "text/html", 200, "application/ld+json", `"humanCode":"openbadges/designer"`},
		{"/openbadges/a/designer/image.svg", "*/*", 200, "image/svg+xml", "<title>Badge Designer</title>"},
		{"/openbadges/a/designer/image.png", "*/*", 200, "image/png", "PNG"},
		{"/openbadges/p/become-issuer.svg", "*/*", 200, "image/svg+xml", `<title id="title">From curious to issuer</title>`},
		{"/openbadges/p/nowhere.svg", "text/html", 404, "text/html", "no such path"},
		{"/openbadges", "text/html", 200, "text/html", `src="/openbadges/p/become-issuer.svg" alt="7 steps. Open Badges Explorer (explorer).`},
		{"/openbadges/a/welder", "text/html", 404, "text/html", "no such badge"},
		{"/status/1/revocation", "*/*", 200, "application/vc", `"statusPurpose":"revocation"`},
		{"/status/1/refresh", "*/*", 200, "application/vc", `"statusPurpose":"refresh"`},
		{"/status/1/suspension", "*/*", 404, "text/html", "no such status list"},
		{"/status/x/revocation", "*/*", 404, "text/html", "numbered"},
		{"/i/" + link.Code, "text/html", 200, "text/html", "trustme wallet connect"},
		{"/i/" + strings.ToLower(strings.ReplaceAll(link.Code, "-", "")), "application/json", 200, "application/json", "out-of-band/2.0/invitation"},
		{"/i/AAAAA-AAAAA", "text/html", 404, "text/html", "no invitation with this code"},
		{"/i?_oob=e30", "text/html", 400, "text/html", "holds no invitation"},
		{"/didcomm", "text/html", 426, "text/plain", "websocket"},
		{"/health", "*/*", 200, "application/json", `"ok":true`},
		{"/metrics", "*/*", 200, "text/plain", "trustme_journal_facts_total"},
		{"/nowhere", "application/json", 404, "application/json", `"error"`},
	} {
		resp, body := get(t, base+tt.path, tt.accept)
		if resp.StatusCode != tt.code || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.media) || !strings.Contains(body, tt.has) {
			t.Errorf("%s (%s): %d %s, want %d %s with %q", tt.path, tt.accept, resp.StatusCode, resp.Header.Get("Content-Type"), tt.code, tt.media, tt.has)
		}
	}
	resp, _ := get(t, base+"/openbadges/a/designer.json", "*/*")
	r := httptest.NewRequest(http.MethodGet, base+"/openbadges/a/designer.json", nil)
	r.RequestURI = ""
	r.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	if again, err := http.DefaultClient.Do(r); err != nil || again.StatusCode != http.StatusNotModified {
		t.Errorf("a known copy: %v, %v", again, err)
	}
	if metrics, body := get(t, base+"/metrics", "*/*"); metrics.StatusCode != 200 || strings.Contains(body, "ana@") {
		t.Error("metrics show a person")
	}
}

// The pages work in a real browser, with the keyboard, and on a phone.
func TestBrowserShowsPagesToKeyboardScreenReaderAndPhone(t *testing.T) {
	if os.Getenv("TRUSTME_BROWSER") == "" {
		t.Skip("set TRUSTME_BROWSER=1 to run this with Chromium")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	n, base := serve(t)
	link, err := n.Invite(t.Context(), node.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	alloc, done := chromedp.NewExecAllocator(t.Context(), opts...)
	defer done()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for _, page := range []string{"/", "/openbadges", "/openbadges/a/designer", "/i/" + link.Code, "/nowhere"} {
		var lang, first string
		var headings, noAlt, wide int
		err := chromedp.Run(ctx,
			chromedp.EmulateViewport(360, 640), chromedp.Navigate(base+page),
			chromedp.Evaluate(`document.documentElement.lang`, &lang),
			chromedp.Evaluate(`document.querySelectorAll("h1").length`, &headings),
			chromedp.Evaluate(`[...document.images].filter(i => !i.hasAttribute("alt")).length`, &noAlt),
			chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &wide),
			chromedp.KeyEvent("\t"), chromedp.Evaluate(`document.activeElement.textContent`, &first),
		)
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		if lang != "en" || headings != 1 || noAlt != 0 || wide > 0 || first != "Skip to content" {
			t.Errorf("%s: lang %q, %d h1, %d images without alt, %d pixels too wide, first tab stop %q", page, lang, headings, noAlt, wide, first)
		}
	}
}

// A translation is served at its own id, and the pages of a badge link each
// other.
func TestATranslatedAchievementIsServedUnderItsID(t *testing.T) {
	_, base := serve(t)
	for _, tt := range []struct {
		path, accept, kind string
		want               []string
		not                string
	}{
		{"/openbadges/a/designer/fr", "text/html", "text/html; charset=utf-8", []string{`<h1 lang="fr">Concepteur de badges</h1>`, `<link rel="alternate" hreflang="en" href="` + base + `/openbadges/a/designer">`,
			`<link rel="alternate" hreflang="fr" href="` + base + `/openbadges/a/designer/fr">`, `<a href="/openbadges/a/designer" hreflang="en" lang="en">Badge Designer (en)</a>`, `<ul lang="fr"><li>Publie un catalogue`,
			`src="/openbadges/a/designer/fr/image.svg"`, `href="/openbadges/a/designer/fr.json"`}, "Concepteur de badges (fr)"},
		{"/openbadges/a/designer", "text/html", "text/html; charset=utf-8", []string{`<h1 lang="en">Badge Designer</h1>`, `<a href="/openbadges/a/designer/fr" hreflang="fr" lang="fr">Concepteur de badges (fr)</a>`}, "Badge Designer (en)"},
		{"/openbadges/a/designer/fr", "application/json", "application/ld+json", []string{`"id":"` + base + `/openbadges/a/designer/fr"`, `"inLanguage":"fr"`}, "Publishes"},
		{"/openbadges/a/designer/fr.json", "text/html", "application/ld+json", []string{`"name":"Concepteur de badges"`}, "Publishes"},
		{"/openbadges/a/designer.json", "text/html", "application/ld+json", []string{`"related":[{"id":"` + base + `/openbadges/a/designer/fr"`}, "Concepteur"},
		{"/openbadges/a/designer/fr/image.svg", "", "image/svg+xml", []string{"Concepteur"}, "Designer"},
		{"/openbadges/a/designer/fr/image.png", "", "image/png", []string{"PNG"}, ""},
		{"/openbadges/a/designer/image.svg", "", "image/svg+xml", []string{"Designer"}, "Concepteur"},
	} {
		resp, body := get(t, base+tt.path, tt.accept)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != tt.kind {
			t.Errorf("%s: %d, %s", tt.path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %s: %s", tt.path, want, body)
			}
		}
		if tt.not != "" && strings.Contains(body, tt.not) {
			t.Errorf("%s has %q", tt.path, tt.not)
		}
	}
	for _, path := range []string{"/openbadges/a/designer/de", "/openbadges/a/designer/FR", "/openbadges/a/designer/en", "/openbadges/a/ghost/fr", "/openbadges/a/designer/de/image.png", "/openbadges/a/designer/fr/photo.png", "/openbadges/v/1.1.0.de.yaml"} {
		if resp, _ := get(t, base+path, "text/html"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
