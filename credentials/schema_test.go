package credentials_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// strict are the rules by which an issuer is held to more than the official
// schemas say, by what Lint answers, with the reason.
var strict = []struct{ message, why string }{
	{"is no absolute URL", "the model calls it a URI or IRI; the schemas take any text"},
	{"is not one URL", "the same"},
	{"is missing; add a URL", "a status without an id of its own; a language map is taken for an address by the schemas"},
	{"/issuer(/type)? (is missing; (every Profile|add \"type\")|lacks)|/issuer/id is missing", "an object that is no Profile passes as an address in many languages"},
	{"names nobody", "Open Badges 3.0, AchievementSubject: id or at least one identifier must be supplied"},
	{"is no type; ", "types are terms or URLs (VC Data Model 2.0 §4.5)"},
	{"lacks [A-Za-z]+; add", "the schemas ask a list of types for the class, but not a single type"},
	{"is none of OpenBadgeCredential", "the same"},
	{"does not begin with the context of the VC Data Model", "the schemas take a single context of any kind"},
	{"does not name the context of Open Badges 3.0 in the second place", "the same"},
	{"which is not among the pinned contexts", "what a word means must be known to be signed"},
	{"is a context of the document's own", "the same"},
	{"gives words another meaning within the credential", "the same"},
	{"is not one type|is no compact JWT", "the schemas take an object of languages here too"},
	{"is no text", "the schemas take an object of languages, {\"en\": …}, of which the contexts make nothing"},
	{"comes before validFrom", "VC Data Model 2.0 §4.9"},
	{"is no date and time with zone", "leap seconds and a small t or z, which XML Schema's dateTimeStamp has not"},
	{"which no signature covers", "null and empty lists have no trace in RDF"},
}

// officials are the official schemas, with dates and times held to their form.
type officials struct{ badge, canonical, endorsement *jsonschema.Schema }

func officialSchemas(t *testing.T) officials {
	compile := func(path ...string) *jsonschema.Schema {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		dir := sharedtest.Dir(t, "conformance", "schemas", path[0])
		s, err := c.Compile(filepath.Join(dir, path[1]))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return officials{
		compile("json-ld-compaction", "ob_v3p0_achievementcredential_schema.json"),
		compile("canonical", "ob_v3p0_achievementcredential_schema.json"),
		compile("json-ld-compaction", "ob_v3p0_endorsementcredential_schema.json"),
	}
}

// verdict is what the schema for JSON-LD says of a document, and what the
// canonical one does, which has every list as a list.
func (o officials) verdict(t *testing.T, doc map[string]any) (compact, canonical error) {
	raw := must(json.Marshal(doc))
	types, _ := doc["type"].([]any)
	if slices.Contains(types, any("EndorsementCredential")) || doc["type"] == "EndorsementCredential" {
		return validate(t, o.endorsement, raw), nil
	}
	return validate(t, o.badge, raw), validate(t, o.canonical, raw)
}

// openBadges are all credentials of the fixtures in JSON, by file, but for a
// learner record, of which there is no schema here.
func openBadges(t *testing.T) map[string]map[string]any {
	dir := sharedtest.Dir(t, "conformance", "ob3")
	out := map[string]map[string]any{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var doc map[string]any
		if json.Unmarshal(raw, &doc) == nil && doc["credentialSubject"] != nil && !bytes.Contains(raw, []byte(`"ClrCredential"`)) {
			name, err := filepath.Rel(dir, file)
			if err != nil {
				return err
			}
			out[filepath.ToSlash(name)] = doc
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Where an official schema refuses, Lint refuses; where Lint refuses alone, the
// reason is listed: held on every fixture, and on mutants of each.
func TestRulesAndOfficialSchemasDifferOnlyWhereListed(t *testing.T) {
	o := officialSchemas(t)
	docs := openBadges(t)
	docs["every member that the schemas have"] = everyMember(t)
	each := 60
	if testing.Short() {
		each = 8
	}
	used := make([]int, len(strict))
	n := map[string]int{}
	hold := func(name string, doc map[string]any) {
		raw := must(json.Marshal(doc))
		compact, canonical := o.verdict(t, doc)
		problems := credentials.Lint(raw)
		n["tried"]++
		switch {
		case compact != nil && len(problems) == 0:
			t.Errorf("%s: the schema refuses it, Lint does not: %v\n%.800s", name, compact, raw)
		case compact != nil:
			n["refused by both"]++
		case len(problems) == 0 && canonical != nil:
			n["accepted, though the canonical schema wants lists of one"]++
		case len(problems) == 0:
			n["accepted by all"]++
		default:
			n["refused by us alone"]++
			for _, p := range problems {
				if i := slices.IndexFunc(strict, func(s struct{ message, why string }) bool {
					return regexp.MustCompile(s.message).MatchString(p.String())
				}); i >= 0 {
					used[i]++
				} else {
					t.Errorf("%s: Lint alone refuses: %s (%s)\n%.800s", name, p, p.Code, raw)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		hold(name, docs[name])
		r := rand.New(rand.NewPCG(1, uint64(len(name))))
		times := each
		if strings.HasPrefix(name, "every member") {
			times = 20 * each
		}
		for range times {
			doc := clone(docs[name])
			what := ""
			for range 1 + r.IntN(2) {
				what += " " + mutate(r, doc)
			}
			hold(name+":"+what, doc)
		}
	}
	for i, s := range strict {
		if used[i] == 0 && !testing.Short() {
			t.Errorf("nothing was refused for %q (%s): strike it", s.message, s.why)
		}
	}
	t.Logf("read %s: %d credentials: %v", sharedtest.Dir(t, "conformance", "ob3"), len(docs), n)
	if len(docs) < 100 || n["refused by both"] < 20*each || n["accepted by all"] < each {
		t.Errorf("too few: %d credentials, %v", len(docs), n)
	}
}

// everyMember is a badge with every member of every class, written from the
// schema itself.
func everyMember(t *testing.T) map[string]any {
	var s schemaNode
	readJSON(t, filepath.Join(sharedtest.Dir(t, "conformance", "schemas", "json-ld-compaction"), "ob_v3p0_achievementcredential_schema.json"), &s)
	doc := s.filled(s.Defs, "AchievementCredential", nil).(map[string]any)
	doc["validUntil"] = "2027-01-01T00:00:00Z"
	if p := credentials.Lint(must(json.Marshal(doc))); len(p) > 0 {
		t.Fatalf("a badge with every member: %v", p)
	}
	return doc
}

type schemaNode struct {
	Ref        string                `json:"$ref"`
	Comment    string                `json:"$comment"`
	Defs       map[string]schemaNode `json:"$defs"`
	Properties map[string]schemaNode
	OneOf      []schemaNode
	AnyOf      []schemaNode
	Type       string
	Enum       []string
	Format     string
	Pattern    string
}

// filled is a value of the schema, with no class within itself; nil where only
// such a one would do.
func (s schemaNode) filled(defs map[string]schemaNode, class string, within []string) any {
	switch {
	case s.Ref != "":
		class = strings.TrimPrefix(s.Ref, "#/$defs/")
		if class == "ProfileRef" {
			return defs[class].filled(defs, class, within)
		}
		if slices.Contains(within, class) {
			return nil
		}
		return defs[class].filled(defs, class, append(slices.Clone(within), class))
	case strings.HasPrefix(s.Comment, "Origin: UR"):
		return "urn:example:1"
	case len(s.AnyOf) > 0:
		if v := s.AnyOf[0].filled(defs, class, within); v != nil {
			return v
		}
		return s.AnyOf[1].filled(defs, class, within)
	case len(s.OneOf) > 0:
		return s.OneOf[0].filled(defs, class, within)
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "date-time":
		return "2026-01-01T00:00:00Z"
	case s.Format == "date":
		return "2000-02-29"
	case strings.HasPrefix(s.Pattern, "^[a-z]{2,4}"):
		return "en-GB"
	case s.Pattern != "":
		return "aa.bb.cc"
	case s.Type == "number":
		return json.Number("1.5")
	case s.Type == "boolean":
		return false
	case s.Type != "object":
		return "words"
	}
	out := map[string]any{}
	for name, p := range s.Properties {
		if v := p.filled(defs, class, within); v != nil {
			out[name] = v
		}
	}
	switch {
	case strings.HasSuffix(class, "Credential"):
		out["@context"] = []any{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"}
		out["type"] = []any{"VerifiableCredential", class}
	case len(s.Properties["type"].OneOf) > 0 && len(s.Properties["type"].OneOf[0].Enum) > 0:
	case len(s.Properties["type"].OneOf) > 1 && s.Properties["type"].OneOf[1].Type == "array":
		out["type"] = []any{class}
	default:
		if out["type"] != nil {
			out["type"] = "Some" + class
		}
	}
	return out
}

func clone(doc map[string]any) map[string]any {
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(must(json.Marshal(doc))))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

// place is one value of a document that can be replaced or removed.
type place struct {
	path string
	v    any
	in   map[string]any
	key  string
	set  func(any)
}

func places(v any, path string, set func(any), in map[string]any, key string) []place {
	out := []place{{path, v, in, key, set}}
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if path == "" && k == "proof" {
				continue // judged with the signature
			}
			out = append(out, places(x[k], path+"/"+k, func(n any) { x[k] = n }, x, k)...)
		}
	case []any:
		for i := range x {
			out = append(out, places(x[i], fmt.Sprintf("%s/%d", path, i), func(n any) { x[i] = n }, nil, "")...)
		}
	}
	return out
}

// mutate spoils, or only changes, one value of a document and says which.
func mutate(r *rand.Rand, doc map[string]any) string {
	all := places(doc, "", nil, nil, "")[1:]
	p := all[r.IntN(len(all))]
	pick := func(of ...any) any { return of[r.IntN(len(of))] }
	var v any
	switch text, isText := p.v.(string); r.IntN(8) {
	case 0:
		if p.in != nil {
			delete(p.in, p.key)
			return "without " + p.path
		}
		v = nil
	case 1: // another type
		v = pick(nil, true, json.Number("7"), json.Number("-1.5e3"), "x", map[string]any{}, map[string]any{"en": "x"}, []any{})
	case 2: // as a list, or out of one
		v = []any{p.v}
		if l, ok := p.v.([]any); ok && len(l) > 0 {
			v = l[0]
		}
	case 3: // a member more
		m, ok := p.v.(map[string]any)
		if !ok {
			v = []any{p.v, p.v}
			break
		}
		m[pick("extra", "id", "type", "name", "image", "endorsement", "proof", "validFrom", "identifier").(string)] = pick("x", "urn:x:1", json.Number("1"), map[string]any{"id": "urn:x"})
		return "more in " + p.path
	case 4: // dates
		v = pick("2026-11-01T12:00:00Z", "2026-11-01T12:00:00", "2026-11-01", "2026-13-01T12:00:00Z", "2026-11-01T12:00:00+02:00", "2026-11-01t12:00:00z", "2016-12-31T23:59:60Z", "yesterday")
	case 5: // addresses and words
		v = pick("https://example.org/a", "urn:uuid:1", "no url", "https://example.org/a b", "//example.org", "did:example:1", "ext:mine", "Extra", "")
	case 6: // the same, spelled otherwise
		if !isText {
			v = map[string]any{"id": "urn:x", "type": pick("X", []any{"X"}, "Profile", []any{"Image"})}
			break
		}
		v = pick(text+"x", strings.ToUpper(text), text+" ", []any{text, "https://example.org/T"})
	default: // another value of the same document
		v = clone(map[string]any{"v": all[r.IntN(len(all))].v})["v"]
	}
	p.set(v)
	return fmt.Sprintf("%s = %.60s", p.path, must(json.Marshal(v)))
}
