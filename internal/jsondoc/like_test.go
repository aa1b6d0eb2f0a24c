package jsondoc

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/bounded"
)

const likeBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1",` +
	`"type":["VerifiableCredential","OpenBadgeCredential"], "issuer":{"id":"did:key:z6Mk","name":"Zoë"},"validFrom":"2026-01-01T00:00:00Z","n":[1,-2.5e3,true,null,{},[]],"e\u0073c":"a\nb \u00e9",` +
	`"credentialSubject":{"id":"did:key:z6Ml","achievement":{"id":"urn:x:2","name":"é","tag":["x","","x y"],"criteria":{"narrative":"C"}}},"proof":{"proofValue":"z1"}}` + "\n"

// ways reads a document along patterns, if it is like one, and without them:
// a limit of its own keeps it from that.
func ways(t testing.TB, in []byte) (along bool) {
	t.Helper()
	a, errA := Parse(in)
	b, errB := ParseLimits(in, Limits{Depth: defaultDepth + 1})
	if errA != nil || errB != nil {
		if fmt.Sprint(errA) != fmt.Sprint(errB) && !strings.Contains(fmt.Sprint(errA), "nested deeper") {
			t.Errorf("%q: %v, without patterns %v", in, errA, errB)
		}
		return false
	}
	alone := slices.Clone(a.d.nodes)
	for i := range alone {
		alone[i].parted = false
	}
	for m := a.Child(); a.Kind() == Object && m.Exists(); m = m.Next() {
		if o := b.Elsewhere(m.Place()); string(m.RawName()) != string(o.RawName()) || !b.Get(m.Name()).Exists() {
			t.Errorf("%q: the member %s is %s along a pattern", in, o.RawName(), m.RawName())
		}
	}
	if !slices.Equal(alone, b.d.nodes) || !reflect.DeepEqual(a.Any(), b.Any()) {
		t.Errorf("%q is read along a pattern as\n%v, else as\n%v", in, alone, b.d.nodes)
	}
	if p := a.Like(); p != nil {
		differs(t, a, p)
	}
	return a.Like() != nil
}

// differs holds Parted to the texts that differ from the pattern's.
func differs(t testing.TB, v Value, p *Pattern) {
	t.Helper()
	told := map[int32]bool{}
	for e := range v.Parted {
		told[e.Place()] = true
	}
	for i, n := range p.nodes {
		other := n.kind == String && string(p.raw[n.start:n.end]) != string(Value{v.d, int32(i)}.Raw())
		if other != told[int32(i)] {
			t.Errorf("the text %s differs: %v, told: %v", Value{v.d, int32(i)}.Pointer(), other, told[int32(i)])
		}
	}
}

// spoil changes bytes, mostly texts, of a document.
func spoil(r *rand.Rand, in string) string {
	texts := []string{"", "x", "did:key:z6Mn", "é", "Zo", "Zoë and more", `a\"b`, `\u00e9`, `"`, `","x":"`, "\xff", "\x01", "\\", strings.Repeat("long", 20)}
	switch parts := strings.Split(in, `"`); {
	case len(parts) < 3:
		return in
	case r.IntN(6) == 0: // any byte
		i := r.IntN(len(in))
		return in[:i] + string(rune(r.IntN(256))) + in[i+r.IntN(2):]
	case r.IntN(6) == 0: // cut, or more of it
		i := r.IntN(len(in))
		return in[:i] + in[r.IntN(len(in)):]
	default: // what stands between quotes, names too
		parts[r.IntN(len(parts)/2)*2+1] = texts[r.IntN(len(texts))]
		return strings.Join(parts, `"`)
	}
}

func TestADocumentLikeAnotherIsReadAsItIsAlone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range patience + 1 { // other tests may have left their patterns
		ways(t, []byte(likeBadge))
	}
	if !ways(t, []byte(strings.Replace(likeBadge, "z6Ml", "z6MlonGer", 1))) {
		t.Error("another subject makes it unlike")
	}
	along := 0
	for range 50_000 {
		in := spoil(r, likeBadge)
		for range r.IntN(4) {
			in = spoil(r, in)
		}
		if ways(t, []byte(in)) {
			along++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d were read along a pattern", along)
	if along < 1_000 {
		t.Errorf("only %d were read along a pattern", along)
	}
}

// Whoever sends documents of ever new builds gains no memory.
func TestPatternsAreFew(t *testing.T) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				for range 3 {
					in := fmt.Sprintf(`{"%03d":"%s","w":%d,"x":[%s0]}`, i%50, strings.Repeat("x", 70), w, strings.Repeat("0,", i))
					if _, err := Parse([]byte(in)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := patterns.Len(); n > maxBeginnings {
		t.Errorf("%d beginnings are kept", n)
	}
}

func FuzzAlong(f *testing.F) {
	f.Add([]byte(likeBadge), []byte(strings.Replace(likeBadge, "z6Ml", "z6MlonGer", 1)))
	f.Add([]byte(likeBadge), []byte(strings.Replace(likeBadge, `"z6Ml`, `\"`, 1)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		patterns, builtOnce = bounded.NewMap[uint64, *begun](maxBeginnings), bounded.Twice{} // each time the same way
		for _, in := range [][]byte{a, a, b, b} {
			ways(t, in)
		}
	})
}
