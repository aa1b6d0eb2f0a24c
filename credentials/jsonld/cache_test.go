package jsonld

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// held counts the contexts that hang on c.
func held(c *activeContext) int {
	n := 0
	c.derived.Range(func(_, d any) bool {
		n += 1 + held(d.(*activeContext))
		return true
	})
	return n
}

// Documents can name the pinned contexts in any number of orders, each in a
// node of its own.
func TestHostileContextsFillNoMemoryAndEvictNobodyForGood(t *testing.T) {
	p := &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, safe: true}
	urls := []string{CredentialsV2, OpenBadges303, DataIntegrity, "https://w3id.org/security/multikey/v1", "https://www.w3.org/ns/credentials/status/v1"}
	usual := map[string]any{"@context": []any{CredentialsV2, OpenBadges303}, "type": "VerifiableCredential", "issuer": "did:key:z6Mk"}
	most, orders := 0, 0
	for order := range permutations(urls) {
		for n := 2; n < len(order); n += 2 {
			list := make([]any, 0, len(order))
			for i := range order[:n] {
				list = append(list, order[i])
			}
			for range 3 {
				list = append(list, CredentialsV2)
				orders++
				_, _ = p.document(p.initial, map[string]any{"@context": slices.Clone(list), "type": "VerifiableCredential", "issuer": "did:key:z6Mk"}) // some do not go together
			}
		}
		most = max(most, held(p.initial))
		if _, err := p.document(p.initial, usual); err != nil {
			t.Fatal(err)
		}
	}
	if most > maxKept {
		t.Errorf("%d contexts are held", most)
	}
	key := fmt.Sprintf("[%q,%q]", CredentialsV2, OpenBadges303)
	if _, ok := p.initial.derived.Load(key); !ok {
		t.Errorf("after %d orders the usual contexts are kept no more: %s", orders, strings.TrimSpace(key))
	}
}

// BenchmarkColdContexts is what a first badge after a flood pays.
func BenchmarkColdContexts(b *testing.B) {
	for b.Loop() {
		p := &processor{load: load, initial: &activeContext{terms: map[string]*term{}}, safe: true}
		if _, err := p.document(p.initial, map[string]any{"@context": []any{CredentialsV2, OpenBadges303}, "type": "VerifiableCredential", "issuer": "did:key:z6Mk"}); err != nil {
			b.Fatal(err)
		}
	}
}
