package jsonld

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// bearable is how long one hostile document may occupy a core. The slowest of
// those below takes a fifth of it on a small machine.
const bearable = 3 * time.Second

// TestHostileDocumentsEndSoon holds documents of up to a megabyte to a time.
func TestHostileDocumentsEndSoon(t *testing.T) {
	head := `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"type":["VerifiableCredential"],"issuer":"did:key:z6Mk","evidence":`
	contexts := []string{CredentialsV1, CredentialsV2, DataIntegrity, "https://w3id.org/security/v1", "https://w3id.org/security/v2", "https://w3id.org/security/multikey/v1"}
	many := []string{}
	for order := range permutations(contexts) {
		many = append(many, fmt.Sprintf(`{"@context":["%s"],"type":"Evidence"}`, strings.Join(order, `","`)))
	}
	nested := strings.Repeat(`{"type":"Evidence","https://v.example/#e":[{},`, 29) + "{}" + strings.Repeat("]}", 29)
	for name, tt := range map[string]struct {
		evidence string
		limit    bool
	}{
		"nodes that look alike":    {"[" + strings.Repeat(`{"type":"Evidence"},`, 40_000) + `{"type":"Evidence"}]`, true},
		"nodes that differ":        {"[" + numbered(15_000, `{"type":"Evidence","genre":"%d"}`) + "]", false},
		"pairs that look alike":    {"[" + strings.Repeat(`{"type":"Evidence","https://v.example/#e":{"https://v.example/#f":{}}},`, 8_000) + `{"type":"Evidence"}]`, true},
		"deep nodes of two":        {nested, false},
		"contexts in all orders":   {"[" + strings.Join(many, ",") + "]", true},
		"a long text":              {`{"type":"Evidence","narrative":"` + strings.Repeat(`\u0007`, 150_000) + `"}`, false},
		"a type in many words":     {`{"type":[` + numbered(20_000, `"urn:t:%d"`) + `]}`, false},
		"one identifier, reused":   {"[" + numbered(15_000, `{"id":"urn:e","type":"Evidence","genre":"%d"}`) + "]", false},
		"members from one context": {"[" + strings.Repeat(`{"type":"Evidence","name":"x"},`, 1_000) + `{"type":"Evidence"}]`, false},
	} {
		start := time.Now()
		_, err := canonical(t, head+tt.evidence+"}")
		if took := time.Since(start); took > bearable {
			t.Errorf("%s: took %v (%v)", name, took, err)
		} else {
			t.Logf("%s: %v, %v", name, took.Round(time.Millisecond), err)
		}
		if err != nil && !errors.Is(err, ErrLimit) || tt.limit != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func numbered(n int, format string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, ",")
}

// TestPoisonedGraphsEndSoon gives the canonicaliser datasets that a document
// cannot hold, since CanonicalizeNQuads takes them too.
func TestPoisonedGraphsEndSoon(t *testing.T) {
	clique := func(n int) string {
		var b strings.Builder
		for i := range n {
			for j := range n {
				if i != j {
					fmt.Fprintf(&b, "_:n%d <urn:p> _:n%d .\n", i, j)
				}
			}
		}
		return b.String()
	}
	ring := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "_:n%d <urn:p> _:n%d .\n_:n%d <urn:p> _:n%d .\n", i, (i+1)%n, i, (i+n-1)%n)
		}
		return b.String()
	}
	star := func(rays, length int) string {
		var b strings.Builder
		for r := range rays {
			fmt.Fprintf(&b, "_:hub <urn:p> _:r%d-0 .\n", r)
			for i := range length - 1 {
				fmt.Fprintf(&b, "_:r%d-%d <urn:p> _:r%d-%d .\n", r, i, r, i+1)
			}
		}
		return b.String()
	}
	for name, in := range map[string]string{
		"a clique of 10": clique(10), "a clique of 60": clique(60), "a clique of 200": clique(200),
		"a ring of 100": ring(100), "a ring of 5000": ring(5000), "a star of 7 long rays": star(7, 500), "a star of 2000": star(2000, 2), "a star of 2000 rays of 5": star(2000, 5),
	} {
		start := time.Now()
		_, err := CanonicalizeNQuads([]byte(in))
		if took := time.Since(start); took > bearable || err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v after %v", name, err, took)
		} else {
			t.Logf("%s: %v, %v", name, took.Round(time.Millisecond), err)
		}
	}
}
