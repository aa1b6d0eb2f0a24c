package jsonld

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// bothWays canonicalises a part quickly and in general. Where the quick way
// answers, the general way must answer the same.
func bothWays(t testing.TB, p Part) (quick bool) {
	t.Helper()
	w := new(walker)
	if quick = w.quickly(p); !quick {
		return false
	}
	want, err := p.general()
	if err != nil || !bytes.Equal(w.out, want) {
		t.Errorf("of %s\nwithout %q\nquick\n%s\ngeneral, %v\n%s", p.Body.Raw(), p.Without, w.out, err, want)
	}
	return true
}

// parts are what is canonicalised to sign and to verify a document.
func parts(v jsondoc.Value) []Part {
	all := []Part{{Body: v}, {Body: v, Without: "proof"}}
	for p := range v.Get("proof").Elements() {
		all = append(all, Part{Body: p, Without: "proofValue", Contexts: v.Get("@context")})
	}
	return all
}

func TestTheQuickWayAnswersAsTheGeneralWay(t *testing.T) {
	quick, all := 0, 0
	for _, dir := range []string{sharedtest.Dir(t, "conformance"), sharedtest.Dir(t, "adversarial")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(path, ".json") {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			v, err := jsondoc.Parse(raw)
			if err != nil {
				return nil // hostile on purpose
			}
			for _, p := range parts(v) {
				all++
				if bothWays(t, p) {
					quick++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("read %s", dir)
	}
	t.Logf("%d of %d parts went the quick way", quick, all)
	if quick < 300 {
		t.Errorf("only %d of %d parts went the quick way", quick, all)
	}
}

const quickBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:x:1",` +
	`"type":["VerifiableCredential","OpenBadgeCredential"],"issuer":{"id":"did:key:z6Mk","type":["Profile"],"name":"A"},"validFrom":"2026-01-01T00:00:00Z",` +
	`"awardedDate":"2026-01-01T00:00:00Z","credentialStatus":{"id":"https://a.example/1#2","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"2","statusListCredential":"https://a.example/1"},` +
	`"credentialSubject":{"id":"did:key:z6Ml","type":["AchievementSubject"],"creditsEarned":3,"identifier":[{"type":"IdentityObject","hashed":true,"identityHash":"sha256$1","identityType":"emailAddress","salt":"s"}],` +
	`"result":[{"type":["Result"],"resultDescription":"urn:x:3","achievedLevel":"urn:x:4"}],"achievement":{"id":"urn:x:2","type":["Achievement"],"name":"B \"b\"\n","creditsAvailable":0.5,` +
	`"creator":{"id":"did:key:z6Mk","type":["Profile"],"name":"A"},"criteria":{"narrative":"C"},"description":"D é","tag":["x","x y","x"],"inLanguage":"en",` +
	`"alignment":[{"type":["Alignment"],"targetName":"E","targetUrl":"https://e.example/"},{"type":["Alignment"],"targetName":"F","targetUrl":"https://f.example/"}]}},` +
	`"evidence":[{"id":"https://e.example/w","type":["Evidence"],"name":"G"},{"type":["Evidence"],"name":"H"}]}`

// mutate changes one value somewhere in a document: to one of another kind, to
// a copy of another part, to another name.
func mutate(r *rand.Rand, v any, words []string) any {
	odd := []any{nil, true, 7.0, math.Copysign(0, -1), 1e21, 2.5, "", "x", "id", "@id", "_:b0", "urn:x:1", "did:key:z6Mk", "https://a.example/é", "https://a.example/%zz", "https://a.example/%41?q=%2F#%20", "https://a.example/%4", "https://a.example/?%", "did:web:localhost%3A80", "urn:x:%zz", "HTTP://a", "a b",
		"ext:x", []any{}, []any{"x", "x"}, []any{[]any{"x"}}, map[string]any{}, map[string]any{"id": "urn:x:1"}, map[string]any{"@value": "x", "@language": "en"}, map[string]any{"type": "Profile", "name": "A"}}
	pick := func() any {
		if r.IntN(3) == 0 {
			return words[r.IntN(len(words))]
		}
		return odd[r.IntN(len(odd))]
	}
	switch x := v.(type) {
	case map[string]any:
		keys := sortedKeys(x)
		switch n := r.IntN(8); {
		case len(keys) == 0 || n == 0:
			x[words[r.IntN(len(words))]] = pick()
		case n == 1:
			delete(x, keys[r.IntN(len(keys))])
		case n == 2:
			k := keys[r.IntN(len(keys))]
			x[words[r.IntN(len(words))]] = x[k]
		case n == 3:
			x[keys[r.IntN(len(keys))]] = pick()
		default:
			k := keys[r.IntN(len(keys))]
			x[k] = mutate(r, x[k], words)
		}
		return x
	case []any:
		if len(x) == 0 || r.IntN(6) == 0 {
			return append(x, pick())
		}
		i := r.IntN(len(x))
		if r.IntN(6) == 0 {
			return append(x, x[i])
		}
		x[i] = mutate(r, x[i], words)
		return x
	}
	return pick()
}

// Mutants of a badge hold the two ways to each other, also where a member or
// type means something else than it does in its own place.
func TestTheQuickWayAnswersAsTheGeneralWayOnMutants(t *testing.T) {
	c, ok := own.begin(parsed(t, quickBadge).Get("@context"))
	if !ok {
		t.Fatal("the contexts are not accepted")
	}
	words := append(sortedTerms(c), "@id", "@type", "@context", "@graph", "@value", "unknown", "https://www.w3.org/2018/credentials#credentialStatus")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	rounds := 20_000
	if testing.Short() {
		rounds = 3_000
	}
	quick := 0
	for range rounds {
		var doc any
		if err := json.Unmarshal([]byte(quickBadge), &doc); err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(4) {
			doc = mutate(r, doc, words)
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts(parsed(t, string(raw))) {
			if p.Body.Kind() == jsondoc.Object && bothWays(t, p) {
				quick++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d of %d mutants went the quick way", quick, 2*rounds)
	if quick < rounds/10 {
		t.Errorf("only %d of %d mutants went the quick way", quick, 2*rounds)
	}
}

// What nodes and Digital Bazaar's code issue goes the quick way.
func TestUsualBadgesGoTheQuickWay(t *testing.T) {
	for _, issuer := range []string{"did:key:z6Mk", "did:web:alder.example", "did:web:localhost%3A8080", "https://a.example/i?x=%2F", "urn:uuid:5c2f3bd0-7a54-4f0e-9e55-6a3c0a2f9a11"} {
		v := parsed(t, strings.ReplaceAll(quickBadge, "did:key:z6Mk", issuer))
		if !bothWays(t, Part{Body: v}) {
			t.Errorf("a badge of %s goes the general way", issuer)
		}
	}
	proof := `{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-11-27T12:00:00Z","verificationMethod":"did:web:localhost%3A8080#z6Mk","proofPurpose":"assertionMethod","proofValue":"z1"}`
	if !bothWays(t, Part{Body: parsed(t, proof), Without: "proofValue", Contexts: parsed(t, quickBadge).Get("@context")}) {
		t.Error("the options of a proof go the general way")
	}
}

func sortedTerms(c *activeContext) []string {
	var all []string
	for name := range c.terms {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func parsed(t testing.TB, s string) jsondoc.Value {
	t.Helper()
	v, err := jsondoc.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func FuzzQuickWay(f *testing.F) {
	f.Add([]byte(quickBadge))
	f.Add([]byte(head + "}"))
	f.Add([]byte(head + `,"evidence":[{"type":"Evidence"},{"type":"Evidence"}],"proof":{"type":"DataIntegrityProof","domain":"d"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := jsondoc.ParseLimits(in, jsondoc.Limits{Size: 1 << 14})
		if err != nil {
			return
		}
		for _, p := range parts(v) {
			bothWays(t, p)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	v := parsed(b, quickBadge)
	for name, run := range map[string]func() error{
		"quick":   func() error { return Canonical(Part{Body: v}, func([]byte) {}) },
		"general": func() error { _, err := (Part{Body: v}).general(); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
