package credentials_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// Whatever the official schemas refuse is a problem to Lint as well: held on
// the fixtures, and on every badge that comes of spoiling one member of them.
func TestLintRefusesWhateverTheOfficialSchemasRefuse(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "schemas", "json-ld-compaction")
	badge := schema(t, filepath.Join(dir, "ob_v3p0_achievementcredential_schema.json"))
	endorsement := schema(t, filepath.Join(dir, "ob_v3p0_endorsementcredential_schema.json"))
	tried, refused, missed := 0, 0, 0
	for _, f := range fixtures(t) {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if json.Unmarshal(raw, &doc) != nil || doc["credentialSubject"] == nil || bytes.Contains(raw, []byte(`"ClrCredential"`)) {
			continue // a learner record has a schema of its own
		}
		for i, spoiled := range mutants(doc) {
			if testing.Short() && i%8 != 0 {
				continue
			}
			s := badge
			if bytes.Contains(spoiled, []byte(`"EndorsementSubject"`)) && !bytes.Contains(spoiled, []byte(`"AchievementSubject"`)) {
				s = endorsement
			}
			tried++
			err := validate(t, s, spoiled)
			if err == nil {
				continue
			}
			refused++
			if len(credentials.Lint(spoiled)) == 0 {
				if missed++; missed < 10 {
					t.Errorf("%s: the schema refuses it, Lint does not: %v\n%.600s", filepath.Base(f), err, spoiled)
				}
			}
		}
	}
	t.Logf("%d badges tried, %d refused by the schemas, %d of them missed", tried, refused, missed)
	if refused < 500 {
		t.Errorf("only %d refusals", refused)
	}
}

func fixtures(t *testing.T) []string {
	var out []string
	for _, pattern := range []string{"own/valid-with-endorsement.json", "own/valid-status-clear.json", "own/valid-recipient*.json", "spec-examples/*.json", "1edtech-validator/complete.json"} {
		fs, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "conformance", "ob3"), pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fs...)
	}
	return append(out, filepath.Join(sharedtest.Dir(t, "domain"), "badge.json"))
}

// mutants returns a document and every document in which one value within its
// first levels is missing, of another type, or in a list.
func mutants(doc map[string]any) [][]byte {
	out := [][]byte{must(json.Marshal(doc))}
	var walk func(v any, set func(any), depth int)
	walk = func(v any, set func(any), depth int) {
		for _, other := range []any{"x", 1.5, map[string]any{"id": "urn:x"}, []any{"x"}, []any{}, nil} {
			set(other)
			out = append(out, must(json.Marshal(doc)))
		}
		set(v)
		if depth == 0 {
			return
		}
		switch x := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				old := x[k]
				delete(x, k)
				out = append(out, must(json.Marshal(doc)))
				x[k] = old
				walk(old, func(n any) { x[k] = n }, depth-1)
			}
		case []any:
			for i := range min(len(x), 2) {
				walk(x[i], func(n any) { x[i] = n }, depth-1)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(doc)) {
		if k == "proof" {
			continue // judged with the signature
		}
		old := doc[k]
		delete(doc, k)
		out = append(out, must(json.Marshal(doc)))
		doc[k] = old
		walk(old, func(n any) { doc[k] = n }, 4)
	}
	return out
}

func TestLintNamesTheMemberAndTheFix(t *testing.T) {
	w := newWorld(t)
	good := string(must(credentials.Build(w.award())))
	if p := credentials.Lint([]byte(good)); len(p) > 0 {
		t.Fatal(p)
	}
	for _, tt := range []struct{ from, to, pointer string }{
		{`"criteria":`, `"criterion":`, "/credentialSubject/achievement/criteria"},
		{`"Competency"`, `"Skillful"`, "/credentialSubject/achievement/achievementType"},
		{`"creditsAvailable":0.5`, `"creditsAvailable":"0.5"`, "/credentialSubject/achievement/creditsAvailable"},
		{`"validUntil":"2028`, `"validUntil":"2018`, "/validUntil"},
		{`"id":"urn:uuid:5c2f`, `"id":"5c2f`, "/id"},
		{`"type":["AchievementSubject"]`, `"type":["Person"]`, "/credentialSubject/type"},
		{`"OpenBadgeCredential"`, `"Badge"`, "/type"},
		{`"credentialStatus":{"id":`, `"credentialStatus":{"ids":`, "/credentialStatus/id"},
		{`"status":"Completed"`, `"status":"Done"`, "/credentialSubject/result/0/status"},
		{`"name":"Alder"`, `"name":null`, "/issuer/name"},
		{`https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json`, `https://evil.example/c.json`, "/@context"},
	} {
		bad := strings.Replace(good, tt.from, tt.to, 1)
		if bad == good {
			t.Fatalf("%s is not there", tt.from)
		}
		p := credentials.Lint([]byte(bad))
		if !slices.ContainsFunc(p, func(p credentials.Problem) bool { return p.Pointer == tt.pointer && p.Fix != "" }) {
			t.Errorf("%s: %v", strconv.Quote(tt.to), p)
		}
	}
}
