package jsonld

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// likeBadge has no quote in a text, so that its texts are easily found.
var likeBadge = strings.NewReplacer(`\"b\"`, "b").Replace(strings.TrimSuffix(quickBadge, "}")) +
	`,"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-01-01T00:00:00Z","verificationMethod":"did:key:z6Mk#z6Mk","proofPurpose":"assertionMethod","proofValue":"z1"}}`

// untilKept is how often a document comes before it surely is a pattern.
const untilKept = 130

var aText = regexp.MustCompile(`"[^"]*"`)

// retext gives some texts of a document, and now and then a name, to others.
func retext(r *rand.Rand, doc string, texts []string) string {
	most := 1 + r.IntN(6)
	at := aText.FindAllStringIndex(doc, -1)
	picked := map[int]bool{}
	for range most {
		picked[r.IntN(len(at))] = true
	}
	var b strings.Builder
	from := 0
	for i, span := range at {
		isName := strings.HasPrefix(doc[span[1]:], ":")
		if !picked[i] || isName && r.IntN(20) > 0 {
			continue
		}
		b.WriteString(doc[from:span[0]] + `"` + texts[r.IntN(len(texts))] + `"`)
		from = span[1]
	}
	return b.String() + doc[from:]
}

// Whatever texts differ, what is made along a plan is what is made without: also
// where labels of blank nodes shift, nodes become one, or a text is a word.
func TestADocumentLikeAnotherIsCanonicalisedAsItIsAlone(t *testing.T) {
	texts := []string{"", "a", "zz", "é", "Session 2", "did:key:z6Mk", "did:key:z6Mm", "urn:x:1", "urn:x:2", "urn:x:9", "https://e.example/", "https://e.example/%zz", "no iri", "ext:x", "Profile", "Achievement",
		"revocation", "Evidence", "https://www.w3.org/ns/credentials/v2", "2026-01-02T00:00:00Z", "_:b0", "@type", "id", "name", "https://www.w3.org/2018/credentials#credentialStatus"}
	for _, m := range aText.FindAllString(likeBadge, -1) {
		texts = append(texts, strings.Trim(m, `"`))
	}
	for range untilKept {
		parsed(t, likeBadge)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	rounds := 20_000
	if testing.Short() {
		rounds = 3_000
	}
	planned, quick, w := 0, 0, new(walker)
	for range rounds {
		v, err := jsondoc.Parse([]byte(retext(r, likeBadge, texts)))
		if err != nil {
			continue // two members of one name
		}
		for _, p := range parts(v) {
			contexts := p.Contexts
			if !contexts.Exists() {
				contexts = v.Get("@context")
			}
			if w.again(p, contexts) {
				planned++
			}
			if bothWays(t, p) {
				quick++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("of %d parts %d went the quick way, %d along a plan", 3*rounds, quick, planned)
	if planned < rounds/2 {
		t.Errorf("only %d of %d parts went along a plan", planned, 3*rounds)
	}
}

// A proof is read beside the contexts of a document, which may be another's.
func TestAPlanIsOfTheContextsItWasMadeIn(t *testing.T) {
	const proof = `{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-01-01T00:00:00Z","verificationMethod":"did:key:z6Mk#z6Mk","proofPurpose":"assertionMethod"}`
	others := []string{likeBadge,
		strings.Replace(likeBadge, `"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"`, `"https://w3id.org/security/data-integrity/v2"`, 1),
		strings.Replace(likeBadge, `"https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"`, `"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json","https://www.w3.org/ns/credentials/v2"`, 1)}
	for range 4 {
		for _, doc := range others {
			p := Part{Body: parsed(t, proof), Contexts: parsed(t, doc).Get("@context")}
			w := new(walker)
			quick := w.quickly(p)
			want, err := p.general()
			if quick && (err != nil || !bytes.Equal(w.out, want)) {
				t.Errorf("%v: quick\n%s\ngeneral\n%s", err, w.out, want)
			}
		}
	}
}

// What rules a document may not stand in another node of its identifier, also
// not where a plan was made of documents in which it had one of its own.
func TestAPlanLeavesANodeOfTheDocumentsIdentifier(t *testing.T) {
	doc := strings.Replace(likeBadge, `"evidence":[`, `"evidence":[{"id":"urn:x:7","type":["VerifiableCredential","Evidence"],"validFrom":"2020-01-01T00:00:00Z"},`, 1)
	for range untilKept {
		if !bothWays(t, Part{Body: parsed(t, doc), Without: "proof"}) {
			t.Error("the document goes the general way")
		}
	}
	p := Part{Body: parsed(t, strings.Replace(doc, "urn:x:7", "urn:x:1", 1)), Without: "proof"}
	if p.Body.Like() == nil || bothWays(t, p) {
		t.Error("a second node of the document's identifier goes the quick way")
	}
	if err := Canonical(p, func([]byte) {}); !errors.Is(err, ErrNotPlain) {
		t.Errorf("got %v", err)
	}
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte(likeBadge), []byte(strings.ReplaceAll(likeBadge, "z6Ml", "z6MlonGer")))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, in := range [][]byte{a, a, b} {
			v, err := jsondoc.ParseLimits(in, jsondoc.Limits{Size: 1 << 14})
			if err != nil {
				return
			}
			for _, p := range parts(v) {
				bothWays(t, p)
			}
		}
	})
}
