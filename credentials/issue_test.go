package credentials_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/sharedtest"
)

func TestIssuedBadgeKeepsItsBytesAndVerifiesForAStranger(t *testing.T) {
	w := newWorld(t)
	unsigned, err := credentials.Build(w.award())
	if err != nil {
		t.Fatal(err)
	}
	again, err := credentials.Build(w.award())
	if err != nil || !bytes.Equal(unsigned, again) {
		t.Fatalf("equal awards give other bytes (%v)", err)
	}
	v, err := credentials.Issue(t.Context(), w.v, unsigned, w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	signed := v.Credential().Bytes()
	if !bytes.HasPrefix(signed, unsigned[:len(unsigned)-1]) || !bytes.HasPrefix(signed[len(unsigned)-1:], []byte(`,"proof":{`)) {
		t.Errorf("the proof is not simply behind the unsigned bytes:\n%s", signed)
	}
	stranger := credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: func() time.Time { return w.now }})
	r := stranger.Report(t.Context(), signed, credentials.ReportOptions{})
	if r.Verdict != credentials.Valid {
		t.Errorf("%s: %s", r.Verdict, r.Why())
	}
	c := v.Credential()
	if c.Name() != "Badge Designer" || c.IssuerName() != "Alder" || c.SubjectID() != w.learner.id.String() || c.AchievementID() != "https://alder.example/openbadges/a/designer" {
		t.Errorf("%q %q %q %q", c.Name(), c.IssuerName(), c.SubjectID(), c.AchievementID())
	}
}

func TestBuiltBadgesPassTheOfficialSchemas(t *testing.T) {
	w := newWorld(t)
	withExtension := w.award()
	withExtension.Achievement = json.RawMessage(strings.Replace(achievement, `"tag":`, `"eqfLevel":"http://data.europa.eu/snb/eqf/4","tag":`, 1))
	hashed := w.award()
	hashed.Subject = credentials.Subject{Email: "ana@example.org", Salt: "deadbeefcafe"}
	renewable := w.award()
	renewable.RefreshURL = "https://alder.example/refresh/1"
	for _, file := range []string{"canonical", "json-ld-compaction"} {
		s := schema(t, filepath.Join(sharedtest.Dir(t, "conformance", "schemas", file), "ob_v3p0_achievementcredential_schema.json"))
		for name, a := range map[string]credentials.Award{"plain": w.award(), "extension": withExtension, "hashed": hashed, "renewable": renewable} {
			raw := w.issue(t, a).Credential().Bytes()
			if file == "canonical" { // it has every list as a list, that of proofs too
				raw = bytes.Replace(raw, []byte(`"proof":{`), []byte(`"proof":[{`), 1)
				raw = append(bytes.TrimSuffix(raw, []byte("}")), "]}"...)
			}
			if err := validate(t, s, raw); err != nil {
				t.Errorf("%s, %s: %v", file, name, err)
			}
		}
	}
}

func schema(t testing.TB, path string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestContextsAreAddedOnlyWhereTheirTermsAreUsed(t *testing.T) {
	w := newWorld(t)
	count := func(a credentials.Award) int {
		v, err := credentials.Parse(must(credentials.Build(a)))
		if err != nil {
			t.Fatal(err)
		}
		return v.Doc().Get("@context").Len()
	}
	a := w.award()
	if n := count(a); n != 2 {
		t.Errorf("plain: %d contexts", n)
	}
	a.RefreshURL = "https://alder.example/refresh/1"
	if n := count(a); n != 3 {
		t.Errorf("with a refresh service: %d contexts", n)
	}
	a.Achievement = json.RawMessage(strings.Replace(achievement, `"tag":`, `"eqfLevel":"http://data.europa.eu/snb/eqf/4","tag":`, 1))
	if n := count(a); n != 4 {
		t.Errorf("with an extension term too: %d contexts", n)
	}
}

func TestRevokedSuspendedAndLapsedBadgesSaySo(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	report := func() credentials.Report { return w.v.Report(t.Context(), raw, credentials.ReportOptions{}) }

	if r := report(); r.Verdict != credentials.Valid || r.Check(credentials.CheckRefresh).Answer != credentials.Unknown {
		t.Errorf("expiry list out of reach: %s, refresh %+v", r.Verdict, r.Check(credentials.CheckRefresh))
	}
	w.net.answers["https://alder.example/status/1/refresh"] = answer{Status: 404}
	if r := report(); r.Check(credentials.CheckRefresh).Answer != credentials.NotApplicable {
		t.Errorf("no expiry list: %+v", r.Check(credentials.CheckRefresh))
	}
	w.publish(t, "https://alder.example/status/1/refresh", status.Refresh, 94567)
	if r := report(); r.Verdict != credentials.Valid || r.Check(credentials.CheckRefresh).Code != credentials.CodeLapsedOrRenewed {
		t.Errorf("lapsed: %s, %+v", r.Verdict, r.Check(credentials.CheckRefresh))
	}
	w.now = w.now.Add(time.Minute)
	w.publish(t, listURL, status.Revocation, 94567)
	if r := report(); r.Verdict != credentials.Invalid || r.Code() != credentials.CodeRevoked || r.Check(credentials.CheckStatus).Fetched != w.now {
		t.Errorf("revoked: %s %s", r.Verdict, r.Why())
	}
	var rejected *credentials.RejectedError
	c, err := credentials.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.v.Verify(t.Context(), c); !errors.As(err, &rejected) || rejected.Check != credentials.CheckStatus {
		t.Errorf("Verify: %v", err)
	}
}

func TestStatusOutOfReachIsNotAcceptedAndNotRefused(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	delete(w.net.answers, listURL)
	r := w.v.Report(t.Context(), raw, credentials.ReportOptions{})
	var undecided *credentials.UndecidedError
	if r.Verdict != credentials.Undecided || r.Code() != credentials.CodeStatusUnavailable || !errors.As(r.Err(), &undecided) {
		t.Errorf("%s %s", r.Verdict, r.Code())
	}
}

func TestWhatTheVerifierRefusesIsNeverHandedOut(t *testing.T) {
	w := newWorld(t)
	unsigned, err := credentials.Build(w.award())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Issue(t.Context(), w.v, unsigned, w.learner, w.now); err == nil {
		t.Error("signed by a key that is not the issuer's, and handed out")
	}
	var lint *credentials.LintError
	bad := bytes.Replace(unsigned, []byte(`"criteria"`), []byte(`"criterion"`), 1)
	if _, err := credentials.Issue(t.Context(), w.v, bad, w.issuer, w.now); !errors.As(err, &lint) {
		t.Errorf("no criteria: %v", err)
	}
	undefined := bytes.Replace(unsigned, []byte(`"narrative":"Earned`), []byte(`"nickname":"A","narrative":"Earned`), 1)
	if _, err := credentials.Issue(t.Context(), w.v, undefined, w.issuer, w.now); err == nil {
		t.Error("an undefined member was signed")
	}
}

func TestIncompleteAwardsAreRefusedByName(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(*credentials.Award){
		"id":          func(a *credentials.Award) { a.ID = "" },
		"issuer":      func(a *credentials.Award) { a.Issuer.ID = "" },
		"achievement": func(a *credentials.Award) { a.Achievement = nil },
		"subject":     func(a *credentials.Award) { a.Subject = credentials.Subject{} },
		"salt":        func(a *credentials.Award) { a.Subject = credentials.Subject{Email: "a@example.org", Salt: "x"} },
		"validFrom":   func(a *credentials.Award) { a.ValidFrom = time.Time{} },
		"validUntil":  func(a *credentials.Award) { a.ValidUntil = a.ValidFrom },
		"status":      func(a *credentials.Award) { a.Status = &status.Entry{} },
	} {
		a := w.award()
		spoil(&a)
		if _, err := credentials.Build(a); !errors.Is(err, credentials.ErrAward) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadgeForAnEmailAddressIsRecognisedByItsOwnerOnly(t *testing.T) {
	w := newWorld(t)
	a := w.award()
	a.Subject = credentials.Subject{Email: "ana@example.org", Salt: "deadbeefcafe"}
	raw := w.issue(t, a).Credential().Bytes()
	if bytes.Contains(raw, []byte("ana@example.org")) {
		t.Error("the address stands in the badge in clear")
	}
	for email, want := range map[string]credentials.Verdict{"ana@example.org": credentials.Valid, "Ana@Example.org": credentials.Valid, "eve@example.org": credentials.Invalid} {
		if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{Email: email}); r.Verdict != want {
			t.Errorf("%s: %s: %s", email, r.Verdict, r.Why())
		}
	}
}

func TestBadgesSignedWithP256AndAsJWTVerify(t *testing.T) {
	w := newWorld(t)
	w.issuer = newP256(t)
	w.publish(t, listURL, status.Revocation)
	unsigned := must(credentials.Build(w.award()))
	if _, err := credentials.Issue(t.Context(), w.v, unsigned, w.issuer, w.now); err != nil {
		t.Errorf("ecdsa-rdfc-2019: %v", err)
	}
	v, err := credentials.IssueJWT(t.Context(), w.v, unsigned, w.issuer, w.now)
	if err != nil {
		t.Fatalf("JWT ES256: %v", err)
	}
	if !v.Credential().IsJWT() || v.Credential().Name() != "Badge Designer" {
		t.Error("not the JWT of the badge")
	}
	w.issuer = newParty(t, "issuer")
	w.publish(t, listURL, status.Revocation)
	if _, err := credentials.IssueJWT(t.Context(), w.v, must(credentials.Build(w.award())), w.issuer, w.now); err != nil {
		t.Errorf("JWT EdDSA: %v", err)
	}
}

func TestAnyChangeToABadgeIsNoticed(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	stride := 7
	if testing.Short() {
		stride = 41
	}
	for i := 0; i < len(raw); i += stride {
		for _, flip := range []byte{0x01, 0x20} {
			bad := bytes.Clone(raw)
			bad[i] ^= flip
			if r := w.v.Report(t.Context(), bad, credentials.ReportOptions{}); r.Verdict == credentials.Valid {
				t.Errorf("byte %d changed from %q to %q: valid\n…%s…", i, raw[i], bad[i], bad[max(0, i-30):min(len(bad), i+30)])
			}
		}
	}
}

func TestReportIsJSONWithStableNames(t *testing.T) {
	w := newWorld(t)
	r := w.v.Report(t.Context(), w.issue(t, w.award()).Credential().Bytes(), credentials.ReportOptions{})
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verdict string
		Checks  []struct{ Name, Answer, Code, Message string }
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range got.Checks {
		names = append(names, c.Name)
		if _, ok := credentials.Explain(c.Code); !ok || c.Message == "" {
			t.Errorf("%+v is not explained", c)
		}
	}
	if want := "shape proof issuer refresh status validity recipient endorsements schema evidence holder"; got.Verdict != "valid" || strings.Join(names, " ") != want {
		t.Errorf("%s: %v", got.Verdict, names)
	}
}
