package credentials_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

// own are the cases of ob3/own on which we differ, with the reason.
var ownDeviations = map[string]string{
	"valid-vcjwt-rs256-kid": "the issuer is a web address, not a DID: undecided",
	"valid-vcjwt-rs256-jwk": "the issuer is a web address, and a jwk in the header proves nothing alone: undecided",
	"valid-baked-jwt":       "the issuer is a web address, not a DID: undecided",
}

func TestOwnCasesOfOpenBadgesHaveTheirVerdict(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "ob3", "own")
	var cases []struct{ Name, File, Expected, Why, Recipient, Result string }
	readJSON(t, filepath.Join(dir, "cases.json"), &cases)
	var docs map[string]json.RawMessage
	readJSON(t, filepath.Join(dir, "documents.json"), &docs)
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	net := &internet{answers: map[string]answer{}, now: func() time.Time { return now }}
	for u, raw := range docs {
		net.answers[u] = answer{body: raw}
	}
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: net.resolver(), Status: net, Now: func() time.Time { return now }})
	results := map[string]string{"expired": credentials.CodeExpired, "not-yet-valid": credentials.CodeNotYetValid, "revoked": credentials.CodeRevoked, "status-unknown": credentials.CodeStatusUnavailable}
	for _, c := range cases {
		raw, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		r := v.Report(t.Context(), raw, credentials.ReportOptions{Email: c.Recipient})
		got := map[bool]string{true: "valid", false: "invalid"}[r.Verdict == credentials.Valid]
		if why, known := ownDeviations[c.Name]; known {
			if got == c.Expected {
				t.Errorf("%s passes now: strike it from the deviations", c.Name)
			}
			t.Logf("%s deviates: %s (%s)", c.Name, why, r.Why())
			continue
		}
		if got != c.Expected || c.Result != "" && r.Code() != results[c.Result] {
			t.Errorf("%s: %s (%s: %s), want %s %s: %s", c.Name, got, r.Code(), r.Why(), c.Expected, c.Result, c.Why)
		}
	}
	t.Logf("read %s: %d cases", dir, len(cases))
}

// modelDeviations are inputs of the suite that we refuse, with the reason.
var modelDeviations = map[string]string{
	"credential-context-combo1-ok": "the context of the examples is not pinned",
	"credential-optional-type-ok":  "the context of the examples is not pinned",
}

func TestDataModelSuiteOfTheW3C(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vcdm-2.0")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, "names-and-descriptions", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range append(files, more...) {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if strings.HasPrefix(name, "presentation-") {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		problems := credentials.LintAny(withIssuer(t, name, raw))
		refused := fmt.Sprint(problems)
		if len(problems) == 0 {
			refused = meaning(t, withIssuer(t, name, raw))
		}
		if why, known := modelDeviations[name]; known {
			t.Logf("%s deviates: %s (%s)", name, why, refused)
			if refused == "" {
				t.Errorf("%s passes now: strike it from the deviations", name)
			}
			continue
		}
		if ok := strings.HasSuffix(name, "-ok"); ok != (refused == "") {
			t.Errorf("%s: refused %q", name, refused)
		}
		n++
	}
	t.Logf("read %s: %d inputs", dir, n)
	if n < 40 {
		t.Errorf("only %d inputs", n)
	}
}

// withIssuer adds the issuer that the suite adds before it sends an input.
func withIssuer(t *testing.T, name string, raw []byte) []byte {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	const issuer = "did:key:z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj"
	if _, has := m["issuer"]; !has && name != "credential-no-issuer-fail" {
		m["issuer"] = json.RawMessage(`"` + issuer + `"`)
	}
	var object map[string]any
	if json.Unmarshal(m["issuer"], &object) == nil && object != nil && !strings.HasPrefix(name, "credential-issuer-object-id") {
		object["id"] = issuer
		var err error
		if m["issuer"], err = json.Marshal(object); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasSuffix(name, "-ok") {
		delete(m, "proof") // its options are judged with the signature
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.NewReplacer("PAST DATE", "2020-01-01T00:00:00Z", "FUTURE DATE", "2099-01-01T00:00:00Z").Replace(string(out)))
}

// meaning says why a document has no meaning in JSON-LD. A context of its own
// is what we refuse as policy, so the words of a context are judged by hand.
func meaning(t *testing.T, raw []byte) string {
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return err.Error()
	}
	if err := jsonld.Check(v); err != nil {
		return err.Error()
	}
	return ""
}

// dccDeviations are the real badges on which we differ from the label.
var dccDeviations = map[string]string{
	"dcc/v1/bothSignatureTypes/didKey/mixedRegistry-validStatus-noExpiry.json":       shortList,
	"dcc/v1/bothSignatureTypes/didWeb/legacy-validStatus-noExpiry.json":              shortList,
	"dcc/v1/bothSignatureTypes/didWeb/oidf-validStatus-noExpiry.json":                shortList,
	"dcc/v1/dataIntegrityProof/didKey/mixedRegistry-validStatus-noExpiry.json":       shortList,
	"dcc/v1/dataIntegrityProof/didWeb/legacy-validStatus-noExpiry.json":              shortList,
	"dcc/v1/dataIntegrityProof/didWeb/oidf-validStatus-noExpiry.json":                shortList,
	"dcc/v1/ed25519/didKey/mixedRegistry-validStatus-noExpiry.json":                  shortList,
	"dcc/v1/ed25519/didWeb/oidf-validStatus-noExpiry.json":                           shortList,
	"dcc/v2/dataIntegrityProof/didKey/twoOIDF-validStatus-expired.json":              shortList,
	"dcc/v2/dataIntegrityProof/didKey/legacyRegistry-noStatus-noExpiry-minimal.json": "a plain credential without the context of Open Badges, not a badge",
	"dcc/v2/dataIntegrityProof/didKey/twoOIDF-revoked-notExpired-badSchema.json":     "it brings a context of its own",
}

const shortList = "its list has 100,000 entries, where 131,072 are the least, and names itself by another address than its own"

// The labels speak of signature, time and status; whether a badge keeps the
// model rules is the shape's business, and many of these do not.
func TestRealBadgesOfTheDCCHaveTheirAnswers(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "ob3")
	var labels []struct {
		File     string
		Expected string `json:"expected_at_2026_11_23"`
	}
	readJSON(t, filepath.Join(dir, "labels.json"), &labels)
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	net := dccInternet(t, dir, now)
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: net.resolver(), Status: net, Now: func() time.Time { return now }})
	n, shapely := 0, 0
	for _, l := range labels {
		if !strings.HasPrefix(l.File, "dcc/") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, l.File))
		if err != nil {
			t.Fatal(err)
		}
		n++
		r := v.Report(t.Context(), raw, credentials.ReportOptions{})
		if r.Check(credentials.CheckShape).Answer == credentials.Yes {
			shapely++
		}
		differs := dccDiffers(r, l.Expected)
		if why, known := dccDeviations[l.File]; known {
			if differs == "" {
				t.Errorf("%s passes now: strike it from the deviations", l.File)
			}
			t.Logf("%s deviates: %s (%s)", l.File, why, differs)
		} else if differs != "" {
			t.Errorf("%s: %s, want %s", l.File, differs, l.Expected)
		}
	}
	t.Logf("read %s: %d badges, %d of them keep the model rules", dir, n, shapely)
	if n < 50 {
		t.Errorf("only %d badges", n)
	}
}

// dccDiffers holds a report to a label.
func dccDiffers(r credentials.Report, label string) string {
	is := func(name string, want ...credentials.Answer) string {
		if c := r.Check(name); !slices.Contains(want, c.Answer) {
			return fmt.Sprintf("%s is %s (%s: %s)", name, c.Answer, c.Code, c.Message)
		}
		return ""
	}
	switch {
	case label == "not JSON":
		return is(credentials.CheckShape, credentials.No)
	case strings.Contains(label, "unresolvable"):
		return is(credentials.CheckIssuer, credentials.No, credentials.Unknown)
	}
	for _, name := range []string{credentials.CheckProof, credentials.CheckIssuer} {
		if d := is(name, credentials.Yes); d != "" {
			return d
		}
	}
	validity, status := []credentials.Answer{credentials.Yes}, []credentials.Answer{credentials.Yes, credentials.NotApplicable}
	if strings.Contains(label, "expired") {
		validity = []credentials.Answer{credentials.No}
	}
	if strings.Contains(label, "revoked") && !strings.Contains(label, "not revoked") {
		status = []credentials.Answer{credentials.No}
	}
	if d := is(credentials.CheckValidity, validity...); d != "" {
		return d
	}
	return is(credentials.CheckStatus, status...)
}

// dccInternet serves the DID documents and lists that the badges name.
func dccInternet(t *testing.T, dir string, now time.Time) *internet {
	net := &internet{answers: map[string]answer{}, now: func() time.Time { return now }}
	lists, err := filepath.Glob(filepath.Join(dir, "dcc-status-lists", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range lists {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"https://digitalcredentials.github.io/vc-test-fixtures/statusLists/didkey-ed25519Signature2020/",
			"https://raw.githubusercontent.com/digitalcredentials/verifier-core/refs/heads/main/src/test-fixtures/status/", "https://testing.dcconsortium.org/status/"} {
			net.answers[at+filepath.Base(f)] = answer{body: raw}
		}
	}
	err = filepath.WalkDir(filepath.Join(dir, "dcc-dids"), func(f string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var doc struct{ ID string }
		if err := json.Unmarshal(raw, &doc); err != nil {
			return err
		}
		rest := strings.Split(strings.TrimPrefix(doc.ID, "did:web:"), ":")
		path := "/.well-known"
		if len(rest) > 1 {
			path = "/" + strings.Join(rest[1:], "/")
		}
		net.answers["https://"+rest[0]+path+"/did.json"] = answer{body: raw}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// validatorDeviations are the fixtures of 1EdTech's validator on which we
// differ from its own tests, with the reason.
var validatorDeviations = map[string]string{
	"1edtech-validator/endorsement-valid.json":     webIssuer,
	"1edtech-validator/sd/derivedcredential.json":  webIssuer + "; ecdsa-sd-2023",
	"1edtech-validator/simple-context-alias.json":  webIssuer,
	"1edtech-validator/simple-did-web-method.json": webIssuer + "; its own test is disabled",
	"1edtech-validator/simple-json.png":            webIssuer,
	"1edtech-validator/simple-json.svg":            "an SVG with a DOCTYPE is not read",
	"1edtech-validator/simple-jwt.png":             "its claims lack sub, which Open Badges 3.0 demands",
	"1edtech-validator/simple-jwt.svg":             "an SVG with a DOCTYPE is not read",
	"1edtech-validator/simple.1ob":                 webIssuer,
	"1edtech-validator/simple.json":                webIssuer,
}

const webIssuer = "the issuer is a web address, not a DID: undecided"

func TestFixturesOfThe1EdTechValidatorHaveTheirVerdict(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "ob3")
	var labels []struct {
		File     string
		Official []struct{ Expected string }
	}
	readJSON(t, filepath.Join(dir, "labels.json"), &labels)
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	net := &internet{answers: map[string]answer{}, now: func() time.Time { return now }}
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: net.resolver(), Status: net, Now: func() time.Time { return now }})
	n := 0
	for _, l := range labels {
		if !strings.HasPrefix(l.File, "1edtech-validator/") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, l.File))
		if err != nil {
			t.Fatal(err)
		}
		n++
		r := v.Report(t.Context(), raw, credentials.ReportOptions{})
		for _, o := range l.Official {
			ok := o.Expected == "invalid" && r.Verdict != credentials.Valid || o.Expected == "valid" && r.Verdict == credentials.Valid || o.Expected != "valid" && o.Expected != "invalid"
			why, known := validatorDeviations[l.File]
			switch {
			case known && ok:
				t.Errorf("%s passes now: strike it from the deviations", l.File)
			case known:
				t.Logf("%s deviates: %s (%s: %s)", l.File, why, r.Verdict, r.Why())
			case !ok:
				t.Errorf("%s: %s: %s: %s, want %s", l.File, r.Verdict, r.Code(), r.Why(), o.Expected)
			}
		}
	}
	t.Logf("read %s: %d fixtures", dir, n)
	if n < 30 {
		t.Errorf("only %d fixtures", n)
	}
}
