package credentials_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
)

// guild is an issuer with a did:web, whose document says when its key ends. It
// lists the same key once more, as revoked.
type guild struct {
	*world
	id     did.DID
	method string
}

func (g guild) Sign(ctx context.Context, m []byte) ([]byte, error) { return g.issuer.Sign(ctx, m) }
func (g guild) VerificationMethod() string                         { return g.method }
func (g guild) Key() did.PublicKey                                 { return g.issuer.pub }

func newGuild(t *testing.T) guild {
	t.Helper()
	g := guild{world: newWorld(t), id: must(did.Parse("did:web:guild.example"))}
	g.publishKey(t, time.Time{}, time.Time{})
	return g
}

func (g *guild) publishKey(t *testing.T, expires, revoked time.Time) {
	t.Helper()
	doc := did.Document{ID: g.id}
	g.method = doc.Add("key-1", g.issuer.pub, did.AssertionMethod).ID
	doc.Methods[0].Expires, doc.Methods[0].Revoked = expires, revoked
	doc.Add("gone", g.issuer.pub, did.AssertionMethod)
	doc.Methods[1].Revoked = g.now.Add(-time.Hour)
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	g.net.answers["https://guild.example/.well-known/did.json"] = answer{body: raw}
}

// token signs a payload as a JWT of a type.
func (g guild) token(t *testing.T, typ, payload string) []byte {
	t.Helper()
	head, err := json.Marshal(map[string]string{"alg": "EdDSA", "kid": g.method, "typ": typ})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64(head) + "." + b64([]byte(payload))
	sig, err := g.issuer.Sign(t.Context(), []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(input + "." + b64(sig))
}

// badges are one award in each form, signed at g.now: with a proof, as an Open
// Badges VC-JWT whose nbf is an hour earlier, and as vc+jwt with iat, with
// nbf alone, and without a date.
func (g guild) badges(t *testing.T) map[string][]byte {
	t.Helper()
	a := g.award()
	a.Issuer.ID, a.Status = g.id.String(), nil
	raw, err := credentials.Build(a)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	v, err := credentials.Issue(t.Context(), g.v, raw, g, g.now)
	if err != nil {
		t.Fatal(err)
	}
	out["proof"] = v.Credential().Bytes()
	if v, err = credentials.IssueJWT(t.Context(), g.v, raw, g, g.now); err != nil {
		t.Fatal(err)
	}
	out["jwt"] = v.Credential().Bytes()
	with := func(claims string) []byte {
		return g.token(t, "vc+jwt", strings.TrimSuffix(string(raw), "}")+claims+"}")
	}
	at := func(d time.Time) string { return string(must(json.Marshal(d.Unix()))) }
	out["vc+jwt, iat"] = with(`,"nbf":` + at(g.now.Add(-24*time.Hour)) + `,"iat":` + at(g.now))
	out["vc+jwt, nbf"] = with(`,"nbf":` + at(g.now))
	out["vc+jwt"] = with("")
	return out
}

func TestAKeysEndIsHeldAgainstTheTimeOfTheSignatureInEveryForm(t *testing.T) {
	hour := time.Hour
	for _, tt := range []struct {
		name             string
		expires, revoked time.Duration // of the key, from when it signed; 0 is never
		later            time.Duration // when the badge is verified
		refused          string        // the forms that are refused; "all"
	}{
		{name: "never"},
		{name: "ended a year after it signed", expires: 365 * 24 * hour, later: 400 * 24 * hour, refused: "vc+jwt"}, // which does not say when it was signed
		{name: "ends later", expires: hour},
		{name: "ended before it signed", expires: -time.Second, refused: "proof; vc+jwt, iat; vc+jwt, nbf; vc+jwt"}, // the nbf of jwt is an hour earlier
		{name: "ended before the badge began", expires: -2 * hour, refused: "all"},
		{name: "will be revoked", revoked: hour},
		{name: "was revoked long after it signed", revoked: hour, later: hour, refused: "all"},
	} {
		g := newGuild(t)
		badges := g.badges(t)
		at := func(d time.Duration) time.Time {
			if d == 0 {
				return time.Time{}
			}
			return g.now.Add(d)
		}
		g.publishKey(t, at(tt.expires), at(tt.revoked))
		g.now = g.now.Add(tt.later)
		for form, raw := range badges {
			want := tt.refused == "all"
			for _, f := range strings.Split(tt.refused, "; ") {
				want = want || f == form
			}
			r := g.v.Report(t.Context(), raw, credentials.ReportOptions{})
			if want && (r.Verdict != credentials.Invalid || r.Code() != credentials.CodeKeyNotAuthorized) || !want && r.Verdict != credentials.Valid {
				t.Errorf("key %s, %s: %s %s", tt.name, form, r.Verdict, r.Why())
			}
		}
	}
}

// A list as a JWT is held to its own dates, to its key's, and to its exp.
func TestAStatusListMayComeAsAJWT(t *testing.T) {
	g := newGuild(t)
	a := g.award()
	a.Issuer.ID = g.id.String()
	const list = "https://guild.example/status/1"
	e := status.NewEntry(list, status.Revocation, 7)
	a.Status = &e
	raw, err := credentials.Build(a)
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(d time.Duration) string { return string(must(json.Marshal(g.now.Add(d).Unix()))) }
	start := g.now
	serve := func(typ, claims string, set ...int) {
		bits := status.NewBitmap(0)
		for _, i := range set {
			bits.Set(i, true)
		}
		d := status.Description{ID: list, Issuer: g.id.String(), Purpose: status.Revocation, TTL: 15 * time.Minute, ValidFrom: start, ValidUntil: start.Add(24 * time.Hour)}
		g.net.answers[list] = answer{body: g.token(t, typ, strings.TrimSuffix(string(must(status.Unsigned(d, bits))), "}")+claims+"}")}
	}
	serve("vc+jwt", "")
	badge, err := credentials.Issue(t.Context(), g.v, raw, g, g.now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		typ, claims string
		set         []int
		later       time.Duration
		verdict     credentials.Verdict
		code        string
	}{
		"not set":             {"vc+jwt", ``, []int{8}, 0, credentials.Valid, credentials.CodeOK},
		"set":                 {"vc+jwt", ``, []int{7}, 0, credentials.Invalid, credentials.CodeRevoked},
		"claims that agree":   {"vc+jwt", `,"iss":"did:web:guild.example","jti":"` + list + `"`, nil, 0, credentials.Valid, credentials.CodeOK},
		"another issuer":      {"vc+jwt", `,"iss":"did:web:other.example"`, nil, 0, credentials.Invalid, credentials.CodeStatusInvalid},
		"another id":          {"vc+jwt", `,"jti":"https://guild.example/status/2"`, nil, 0, credentials.Invalid, credentials.CodeStatusInvalid},
		"before its exp":      {"vc+jwt", `,"exp":` + seconds(time.Hour), nil, time.Hour - time.Second, credentials.Valid, credentials.CodeOK},
		"after its exp":       {"vc+jwt", `,"exp":` + seconds(time.Hour), nil, time.Hour + time.Second, credentials.Undecided, credentials.CodeStatusUnavailable},
		"after its end":       {"vc+jwt", ``, nil, 25 * time.Hour, credentials.Undecided, credentials.CodeStatusUnavailable},
		"a presentation":      {"vc+jwt", `,"vp":{}`, nil, 0, credentials.Invalid, credentials.CodeStatusInvalid},
		"another type of JWT": {"at+jwt", ``, nil, 0, credentials.Invalid, credentials.CodeStatusInvalid},
	} {
		g.now = start.Add(tt.later)
		serve(tt.typ, tt.claims, tt.set...)
		if r := g.v.Report(t.Context(), badge.Credential().Bytes(), credentials.ReportOptions{}); r.Verdict != tt.verdict || r.Code() != tt.code {
			t.Errorf("%s: %s %s: %s", name, r.Verdict, r.Code(), r.Why())
		}
	}
	g.now, g.method = start, g.id.String()+"#gone"
	serve("vc+jwt", "")
	if r := g.v.Report(t.Context(), badge.Credential().Bytes(), credentials.ReportOptions{}); r.Code() != credentials.CodeStatusInvalid {
		t.Errorf("under a revoked key: %s %s", r.Verdict, r.Why())
	}
}
