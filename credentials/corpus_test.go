package credentials_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// attack is a case of the corpus; its README gives the meaning of the members.
type attack struct {
	ID, Name, Class, Kind, File, What, Expect, Reason string
	AlsoOk, Requires                                  []string
	VerifyWith                                        *struct{ Challenge, Domain, Email string }
	MaxMs                                             int
	MaxMiB                                            uint64
	MustNotFetch                                      bool
	MustNotFetchHost, Pair                            string
}

type step struct {
	Serve        map[string]json.RawMessage
	AdvanceClock string
	Verify       json.RawMessage
	Import       json.RawMessage
	Kind         string
	VerifyWith   *struct{ Challenge, Domain, Email string }
	Expect       string
	Reason       string
	AlsoOk       []string
	Current      string
}

// reasons maps our codes to the reason classes of the corpus.
var reasons = map[string]string{
	credentials.CodeProofExpired: "expired", credentials.CodeIssuerUnreachable: "issuer_unresolvable", credentials.CodeStatusStale: "status_unavailable",
	credentials.CodeStatusIssuer: "status_invalid", credentials.CodeStatusRollback: "status_invalid", credentials.CodeStatusSet: "status_invalid",
}

// verdictOf is our answer in the words of the corpus: "accept" or a reason.
type scored struct {
	accept       bool
	reason, text string
}

type corpus struct {
	t     *testing.T
	dir   string
	clock time.Time
	trust []string
	net   *internet
	v     *credentials.Verifier
	used  map[string]bool
}

func (c *corpus) fresh(index map[string]answer) {
	c.net = &internet{answers: maps.Clone(index), dir: c.dir, now: func() time.Time { return c.clock }}
	c.used = map[string]bool{}
	c.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: c.net.resolver(), Status: c.net, Now: func() time.Time { return c.clock }, TrustedIssuers: c.trust})
}

func (c *corpus) judge(kind string, raw []byte, with *struct{ Challenge, Domain, Email string }) (s scored) {
	defer func() {
		if p := recover(); p != nil {
			s = scored{reason: "crash", text: fmt.Sprint(p)}
		}
	}()
	if kind == "presentation-json" {
		r := c.v.VerifyPresentation(c.t.Context(), raw, with.Challenge, with.Domain)
		if r.Verdict == credentials.Valid && c.used[with.Challenge] { // the caller takes a challenge once
			return scored{reason: "replay"}
		}
		c.used[with.Challenge] = c.used[with.Challenge] || r.Verdict == credentials.Valid
		for _, one := range r.Credentials {
			if r.Verdict == credentials.Valid && one.Recognition.Answer != credentials.Yes {
				return scored{reason: one.Recognition.Code, text: one.Recognition.Message}
			}
		}
		return score(r.Verdict, r.Code, r.Why)
	}
	var o credentials.ReportOptions
	if with != nil {
		o.Email = with.Email
	}
	r := c.v.Report(c.t.Context(), raw, o)
	if r.Verdict == credentials.Valid && r.Recognition.Answer != credentials.Yes {
		return scored{reason: r.Recognition.Code, text: r.Recognition.Message}
	}
	return score(r.Verdict, r.Code(), r.Why())
}

func score(v credentials.Verdict, code, why string) scored {
	if v == credentials.Valid {
		return scored{accept: true}
	}
	return scored{reason: cmp.Or(reasons[code], code), text: why}
}

// measured runs f and returns how long it took and the heap it came to above
// what was in use before, sampled.
func measured(f func()) (time.Duration, uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapInuse, m.HeapInuse
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
	}()
	start := time.Now()
	f()
	took := time.Since(start)
	cancel()
	<-done
	return took, (peak - before) >> 20
}

// The corpus is the shared one, or the one in $TRUSTME_CORPUS; with -v, the
// count is printed.
func TestCorpusOfAttacksIsAnsweredWithoutAMistake(t *testing.T) {
	dir := os.Getenv("TRUSTME_CORPUS")
	switch {
	case dir == "":
		dir = sharedtest.Dir(t, "adversarial")
	case !filepath.IsAbs(dir): // from where go test is run, the top of the module
		dir = filepath.Join("..", dir)
	}
	var index struct {
		Now   time.Time
		Cases []attack
	}
	var trust struct{ TrustedIssuers []string }
	web := map[string]answer{}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	readJSON(t, filepath.Join(dir, "trust.json"), &trust)
	readJSON(t, filepath.Join(dir, "resolve.json"), &web)
	if len(index.Cases) == 0 {
		t.Fatalf("%s lists no cases", dir)
	}
	c := &corpus{t: t, dir: dir, trust: trust.TrustedIssuers}
	var n tally
	pairs := map[string]bool{}
	for _, a := range index.Cases {
		c.clock = index.Now
		c.fresh(web)
		raw, err := os.ReadFile(filepath.Join(dir, a.File))
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind == "sequence" {
			c.sequence(a, raw, &n)
			continue
		}
		var s scored
		took, mib := measured(func() { s = c.judge(a.Kind, raw, a.VerifyWith) })
		n.score(t, a.ID+" "+a.Name, a.Expect, a.Reason, a.AlsoOk, a.Requires, s)
		if a.MaxMs > 0 && took > time.Duration(a.MaxMs)*time.Millisecond || a.MaxMiB > 0 && mib > a.MaxMiB {
			n.limits++
			t.Errorf("%s %s: took %v and %d MiB", a.ID, a.Name, took, mib)
		}
		c.fetches(a)
		if was, ok := pairs[a.Pair]; a.Pair != "" && ok && was != s.accept {
			t.Errorf("%s: not the same answer as its pair", a.ID)
		}
		pairs[a.Pair] = s.accept
	}
	t.Logf("read %s: %d cases", dir, len(index.Cases))
	t.Logf("wrong accepts %d, wrong rejects %d, crashes %d, over limits %d, other reason %d of %d", n.accepts, n.rejects, n.crashes, n.limits, n.others, n.refused)
	fmt.Printf("wrong accepts %d, wrong rejects %d, crashes %d, over limits %d, other reason %d of %d\n", n.accepts, n.rejects, n.crashes, n.limits, n.others, n.refused)
	if n.others*20 > n.refused {
		t.Errorf("more than 5 %% of the refusals give another reason")
	}
}

// fetches fails when something was asked that must not be.
func (c *corpus) fetches(a attack) {
	for _, u := range c.net.asked {
		if a.MustNotFetch && !strings.HasSuffix(hostOf(u), ".example") || a.MustNotFetchHost != "" && hostOf(u) == a.MustNotFetchHost {
			c.t.Errorf("%s %s: asked %s", a.ID, a.Name, u)
		}
	}
}

func hostOf(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// sequence plays the steps on one verifier; imports go to a model of a wallet
// that keeps the newest valid version of each badge.
func (c *corpus) sequence(a attack, raw []byte, n *tally) {
	var s struct{ Steps []step }
	if err := json.Unmarshal(raw, &s); err != nil {
		c.t.Fatal(err)
	}
	var held *credentials.Credential
	for i, st := range s.Steps {
		for u, body := range st.Serve {
			c.net.serve(c.t, u, body)
		}
		if st.AdvanceClock != "" {
			d, err := time.ParseDuration(st.AdvanceClock)
			if err != nil {
				c.t.Fatal(err)
			}
			c.clock = c.clock.Add(d)
		}
		input := st.Verify
		if len(input) == 0 {
			input = st.Import
		}
		var text string
		if json.Unmarshal(input, &text) == nil {
			input = []byte(text)
		}
		got := c.judge(cmp.Or(st.Kind, "credential-json"), input, st.VerifyWith)
		n.score(c.t, fmt.Sprintf("%s %s step %d", a.ID, a.Name, i+1), st.Expect, st.Reason, st.AlsoOk, nil, got)
		if st.Current == "" {
			continue
		}
		if cred, err := credentials.Parse(input); err == nil && got.accept && (held == nil ||
			held.ID() == cred.ID() && held.IssuerID() == cred.IssuerID() && cred.ValidFrom().After(held.ValidFrom())) {
			held = &cred
		}
		if name, _ := held.Doc().Get("name").Text(); name != st.Current {
			c.t.Errorf("%s step %d: the current one is %q, want %q", a.ID, i+1, name, st.Current)
		}
	}
}

type tally struct{ accepts, rejects, crashes, limits, others, refused int }

func (n *tally) score(t *testing.T, name, expect, reason string, also, requires []string, s scored) {
	t.Helper()
	switch {
	case s.reason == "crash":
		n.crashes++
		t.Errorf("%s: crash: %s", name, s.text)
	case expect == "reject" && s.accept:
		n.accepts++
		t.Errorf("%s: accepted, though %s", name, reason)
	case expect == "accept" && !s.accept && !(s.reason == "unsupported" && len(requires) > 0):
		n.rejects++
		t.Errorf("%s: refused: %s: %s", name, s.reason, s.text)
	case expect == "reject":
		n.refused++
		if s.reason != reason && !slices.Contains(also, s.reason) && !(s.reason == "unsupported" && len(requires) > 0) {
			n.others++
			t.Logf("%s: refused as %s (%s), want %s or %v", name, s.reason, s.text, reason, also)
		}
	}
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
