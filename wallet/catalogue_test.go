package wallet_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/wallet"
)

// publisher serves a catalogue, as it should or not.
type publisher struct {
	t      *testing.T
	issuer issuer
	url    string
	files  map[string][]byte
	moved  string // to which every request is sent on, when not empty
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{t: t, issuer: newIssuer(t), files: map[string][]byte{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.moved != "" {
			http.Redirect(w, r, p.moved+r.URL.Path, http.StatusFound)
			return
		}
		raw, ok := p.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(raw); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	p.url = s.URL + "/openbadges"
	return p
}

// publish signs a file as a version, from a time on; change amends what is
// signed.
func (p *publisher) publish(file []byte, version string, from time.Time, change func(string) string) {
	p.t.Helper()
	sum := sha256.Sum256(file)
	digest, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x12, 32}, sum[:]...))
	if err != nil {
		p.t.Fatal(err)
	}
	unsigned := fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"%[1]s/catalogue.json","type":["VerifiableCredential","EndorsementCredential"],`+
		`"name":"Catalogue","issuer":{"id":%[2]q,"type":["Profile"]},"validFrom":%[3]q,"credentialSubject":{"id":"%[1]s","type":["EndorsementSubject"]},`+
		`"relatedResource":[{"id":"%[1]s/v/%[4]s.yaml","mediaType":"application/yaml","digestMultibase":%[5]q}]}`, p.url, p.issuer.id, from.UTC().Format(time.RFC3339), version, digest)
	if change != nil {
		unsigned = change(unsigned)
	}
	signed, err := dataintegrity.AddProof(p.t.Context(), []byte(unsigned), dataintegrity.Options{Created: from}, p.issuer.signer)
	if err != nil {
		p.t.Fatal(err)
	}
	p.files["/openbadges/catalogue.json"] = signed
	p.files["/openbadges/v/"+version+".yaml"] = file
}

// onLoopback is a new wallet that visits publishers on this machine.
func onLoopback(t *testing.T) *wallet.Wallet {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "w")
	if _, err := wallet.Init(t.Context(), dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(t.Context(), wallet.Config{Dir: dir, Now: time.Now, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestACatalogueIsKeptOnlyAsItsPublisherSignedIt(t *testing.T) {
	p, w := newPublisher(t), onLoopback(t)
	from := time.Now().Add(-time.Hour).Truncate(time.Second)
	shipped := []byte(strings.Replace(string(catalogue.OpenBadges), "version: 1.1.0", "version: 1.0.0", 1))
	newer := []byte(strings.Replace(string(shipped), "version: 1.0.0", "version: 1.1.0", 1))
	replace := func(a, b string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, a) {
				t.Fatalf("no %q in %s", a, s)
			}
			return strings.ReplaceAll(s, a, b)
		}
	}
	for _, tt := range []struct {
		name    string
		prepare func()
		says    string // "" : it is kept
	}{
		{"nothing there", func() {}, "no catalogue is at "},
		{"no credential", func() { p.files["/openbadges/catalogue.json"] = []byte("<html>") }, "is no published catalogue"},
		{"a badge", func() {
			p.files["/openbadges/catalogue.json"] = p.issuer.award(t, "urn:x:1", "A", p.issuer.id, time.Now().AddDate(1, 0, 0))
		}, "not the endorsement of a file"},
		{"without a file", func() {
			p.publish(shipped, "1.0.0", from, func(s string) string { return s[:strings.Index(s, `,"relatedResource"`)] + "}" })
		}, "it names no file"},
		{"with a file that is missing", func() { p.publish(shipped, "1.0.0", from, replace("/v/1.0.0.yaml", "/v/none.yaml")) }, "404"},
		{"with another file", func() {
			p.publish(shipped, "1.0.0", from, nil)
			p.files["/openbadges/v/1.0.0.yaml"] = append([]byte("# added\n"), shipped...)
		}, "the digest differs"},
		{"with an altered signature", func() {
			p.publish(shipped, "1.0.0", from, nil)
			p.files["/openbadges/catalogue.json"] = []byte(strings.Replace(string(p.files["/openbadges/catalogue.json"]), `"name":"Catalogue"`, `"name":"Katalog"`, 1))
		}, "signature does not match"},
		{"of another version than its address", func() { p.publish(shipped, "2.0.0", from, nil) }, "which is not the one that"},
		{"of another catalogue than its address", func() {
			p.publish([]byte(strings.Replace(string(shipped), "catalogue: openbadges", "catalogue: other", 1)), "1.0.0", from, nil)
		}, "which is not the one that"},
		{"with a file that is no catalogue", func() { p.publish([]byte("a: b\n"), "1.0.0", from, nil) }, "unknown key a"},
		{"of another address", func() { p.publish(shipped, "1.0.0", from, replace("/catalogue.json", "/katalog.json")) }, "which is not the one that"},
		{"as it should be", func() { p.publish(shipped, "1.0.0", from, nil) }, ""},
		{"a newer version", func() { p.publish(newer, "1.1.0", from.Add(time.Minute), nil) }, ""},
		{"the older version again", func() { p.publish(shipped, "1.0.0", from, nil) }, "older than the one that is kept"},
		{"by somebody else", func() {
			p.issuer = newIssuer(t)
			p.publish(newer, "1.1.0", from.Add(time.Hour/2), nil)
		}, "if you trust them, remove the old one first"},
	} {
		tt.prepare()
		before, err := w.Catalogues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.AddCatalogue(t.Context(), p.url)
		if (tt.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
		after, err := w.Catalogues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tt.says != "" && fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("%s: %v became %v", tt.name, before, after)
		}
	}
	all, err := w.Catalogues(t.Context())
	if err != nil || len(all) != 1 || all[0].Version != "1.1.0" || all[0].Base != strings.TrimSuffix(p.url, "/openbadges") {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := w.RemoveCatalogue(t.Context(), p.url); err != nil {
		t.Error(err)
	}
	if _, err := w.Paths(t.Context(), "", ""); !errors.Is(err, wallet.ErrInput) {
		t.Errorf("paths without a catalogue: %v", err)
	}
}

// Badges of others, of another issuer, and such as lapsed do not count.
func TestOnlyTheLearnersOwnCurrentBadgesCount(t *testing.T) {
	w := open(t, filepath.Join(t.TempDir(), "w"), time.Now)
	i := newIssuer(t)
	for n, subject := range []string{w.DID().String(), "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"} {
		if _, err := w.Add(t.Context(), i.badge(t, fmt.Sprint("urn:x:", n), "A", subject, time.Now().AddDate(1, 0, 0))); err != nil {
			t.Fatal(err)
		}
	}
	h, err := w.Holdings(t.Context())
	if err != nil || h.Len() != 1 {
		t.Errorf("%d badges count, %v", h.Len(), err)
	}
}

// translated adds a translation to what is signed, and serves it.
func (p *publisher) translated(raw []byte, path string) func(string) string {
	sum := sha256.Sum256(raw)
	digest, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x12, 32}, sum[:]...))
	if err != nil {
		p.t.Fatal(err)
	}
	p.files["/openbadges"+path] = raw
	return func(s string) string {
		return strings.Replace(s, `"}]}`, fmt.Sprintf(`"},{"id":"%s%s","mediaType":"application/yaml","digestMultibase":%q}]}`, p.url, path, digest), 1)
	}
}

func TestATranslationIsKeptOnlyAsItsPublisherSignedIt(t *testing.T) {
	french := catalogue.ShippedTranslations()[0].Raw
	const at = "/v/1.1.0.fr.yaml"
	for _, tt := range []struct {
		name, at string
		spoil    func(p *publisher)
		says     string // "" : it is kept
	}{
		{"as it should be", at, func(*publisher) {}, ""},
		{"missing", at, func(p *publisher) { delete(p.files, "/openbadges"+at) }, "404"},
		{"another text", at, func(p *publisher) {
			p.files["/openbadges"+at] = []byte(strings.Replace(string(french), "80 %", "60 %", 1))
		}, "the digest differs"},
		{"of another version", "/v/1.0.0.fr.yaml", func(*publisher) {}, "does not belong at "},
		{"of another language than its address", "/v/1.1.0.nl.yaml", func(*publisher) {}, "the file says language: fr, and its name says nl"},
	} {
		p, w := newPublisher(t), onLoopback(t)
		p.publish(catalogue.OpenBadges, "1.1.0", time.Now().Add(-time.Hour).Truncate(time.Second), p.translated(french, tt.at))
		tt.spoil(p)
		k, err := w.AddCatalogue(t.Context(), p.url)
		if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
		if tt.says == "" && (err != nil || !slices.Equal(k.Languages, []string{"en", "fr"})) {
			t.Errorf("%s: %+v, %v", tt.name, k, err)
		}
		if _, err := w.RemoveCatalogue(t.Context(), "openbadges"); (err == nil) != (tt.says == "") {
			t.Errorf("%s: removed: %v", tt.name, err)
		}
	}
}
