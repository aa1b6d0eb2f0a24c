package wallet_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/wallet"
)

// keeping is a wallet that keeps the shipped catalogue of p, under a clock.
func keeping(t *testing.T, p *publisher, now func() time.Time) (*wallet.Wallet, wallet.Config) {
	t.Helper()
	cfg := wallet.Config{Dir: filepath.Join(t.TempDir(), "w"), Now: now, Loopback: true}
	if _, err := wallet.Init(t.Context(), cfg.Dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	p.publish(catalogue.OpenBadges, "1.1.0", now().Add(-time.Hour), nil)
	if _, err := w.AddCatalogue(t.Context(), p.url); err != nil {
		t.Fatal(err)
	}
	return w, cfg
}

func version(v string) []byte {
	return []byte(strings.Replace(string(catalogue.OpenBadges), "version: 1.1.0", "version: "+v, 1))
}

// only returns the catalogue that paths rest on.
func only(t *testing.T, w *wallet.Wallet) wallet.Catalogue {
	t.Helper()
	ps, err := w.Paths(t.Context(), "", "")
	if err != nil || len(ps) == 0 {
		t.Fatalf("%d paths, %v", len(ps), err)
	}
	return ps[0].Kept
}

// A catalogue that is older than a day is fetched anew when it is used, with
// the checks of the first time; what does not pass them changes nothing but
// what is told.
func TestAnOldCatalogueIsFetchedAnewWhenItIsUsed(t *testing.T) {
	p := newPublisher(t)
	clock := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	w, _ := keeping(t, p, func() time.Time { return clock })
	begin := clock
	for _, tt := range []struct {
		name    string
		after   time.Duration // since it was first kept
		prepare func()
		version string
		fetched time.Duration // since it was first kept
		problem string
	}{
		{"within the day nobody is asked", 23 * time.Hour, func() { p.publish(version("1.2.0"), "1.2.0", begin.Add(time.Hour), nil) }, "1.1.0", 0, ""},
		{"after it the newer version comes", 25 * time.Hour, func() {}, "1.2.0", 25 * time.Hour, ""},
		{"an older version, signed anew, is refused", 50 * time.Hour, func() { p.publish(catalogue.OpenBadges, "1.1.0", begin.Add(49*time.Hour), nil) }, "1.2.0", 25 * time.Hour, "older than the one that is kept"},
		{"within the hour nobody is asked again", 50*time.Hour + 59*time.Minute, func() { p.publish(version("1.3.0"), "1.3.0", begin.Add(50*time.Hour), nil) }, "1.2.0", 25 * time.Hour, "older than the one that is kept"},
		{"after it the next version comes", 51 * time.Hour, func() {}, "1.3.0", 51 * time.Hour, ""},
		{"an altered file is refused", 76 * time.Hour, func() {
			p.publish(version("1.3.0"), "1.3.0", begin.Add(75*time.Hour), nil)
			p.files["/openbadges/v/1.3.0.yaml"] = version("1.3.1")
		}, "1.3.0", 51 * time.Hour, "the digest differs"},
		{"one that is gone is told", 78 * time.Hour, func() { clear(p.files) }, "1.3.0", 51 * time.Hour, "404"},
	} {
		clock = begin.Add(tt.after)
		tt.prepare()
		k := only(t, w)
		if k.Version != tt.version || !k.Fetched.Equal(begin.Add(tt.fetched)) || (tt.problem == "") != (k.Problem == "") || !strings.Contains(k.Problem, tt.problem) {
			t.Errorf("%s: %+v", tt.name, k)
		}
		if old := w.AgeOf(k) > 24*time.Hour; w.Old(k) != old || w.AgeOf(k) != tt.after-tt.fetched {
			t.Errorf("%s: its age is %s", tt.name, w.AgeOf(k))
		}
	}
}

// A visit of the partners tells what became of a catalogue; without a
// connection none is asked.
func TestASyncFetchesOldCatalogues(t *testing.T) {
	p := newPublisher(t)
	clock := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	w, cfg := keeping(t, p, func() time.Time { return clock })
	clock = clock.Add(48 * time.Hour)
	p.publish(version("1.2.0"), "1.2.0", clock.Add(-time.Hour), nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Offline = true
	w, err := wallet.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if rs, err := w.Sync(t.Context()); err != nil || len(rs) != 0 {
		t.Errorf("offline: %+v, %v", rs, err)
	}
	if k := only(t, w); k.Version != "1.1.0" || !w.Old(k) {
		t.Errorf("offline: %+v", k)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Offline = false
	if w, err = wallet.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rs, err := w.Sync(t.Context())
	if err != nil || len(rs) != 1 || strings.Join(rs[0].News, "") != "the catalogue openbadges is of version 1.2.0 now; it was 1.1.0" {
		t.Errorf("%+v, %v", rs, err)
	}
	if k := only(t, w); k.Version != "1.2.0" || w.Old(k) {
		t.Errorf("%+v", k)
	}
}

// A publisher that hangs holds up one answer, and not for long.
func TestAPublisherThatHangsHoldsUpNoAnswerForLong(t *testing.T) {
	p := newPublisher(t)
	clock := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	gone := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gone:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(gone); hangs.Close() })
	w, _ := keeping(t, p, func() time.Time { return clock })
	p.moved = hangs.URL
	clock = clock.Add(48 * time.Hour)
	start := time.Now()
	if k := only(t, w); k.Version != "1.1.0" || k.Problem != "its publisher did not answer in time" || time.Since(start) > 5*time.Second {
		t.Errorf("%+v after %s", k, time.Since(start))
	}
	start = time.Now()
	if only(t, w); time.Since(start) > time.Second {
		t.Errorf("the second answer waited as well: %s", time.Since(start))
	}
}
