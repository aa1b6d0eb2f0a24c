package credentials_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

const v2 = `"@context":["https://www.w3.org/ns/credentials/v2"]`

// plainCredential is one that is no badge, about somebody else than who shows it.
func plainCredential(issuer party) string {
	return `{` + v2 + `,"type":["VerifiableCredential"],"issuer":"` + issuer.id.String() + `","credentialSubject":{"id":"did:example:subject","name":"Ana"}}`
}

// presentationOf has no holder where that is nobody.
func presentationOf(holder party, creds ...string) string {
	h := ""
	if !holder.id.IsZero() {
		h = `,"holder":"` + holder.id.String() + `"`
	}
	if len(creds) > 0 {
		h += `,"verifiableCredential":[` + strings.Join(creds, ",") + `]`
	}
	return `{` + v2 + `,"type":["VerifiablePresentation"]` + h + `}`
}

func (w *world) signed(t *testing.T, doc string, by party, o dataintegrity.Options) string {
	t.Helper()
	o.Created = w.now
	raw, err := dataintegrity.AddProof(t.Context(), []byte(doc), o, by)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (w *world) shown(t *testing.T, doc string, by party) string {
	t.Helper()
	return w.signed(t, doc, by, dataintegrity.Options{Purpose: did.Authentication, Challenge: "c-1", Domain: "birch.example"})
}

func secured(t *testing.T, doc string, by party) string {
	t.Helper()
	raw, err := jose.Secure(t.Context(), []byte(doc), by)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// jwtOf signs any header and payload.
func jwtOf(t *testing.T, header, payload string, by party) string {
	t.Helper()
	in := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sig, err := by.Sign(t.Context(), []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	return in + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func enveloped(kind, media, jwt string) string {
	return `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiable` + kind + `","id":"data:` + media + `,` + jwt + `"}`
}

func TestAnyPresentationHasItsVerdict(t *testing.T) {
	w := newWorld(t)
	me, other, nobody := w.learner, w.issuer, party{}
	vc := w.signed(t, plainCredential(other), other, dataintegrity.Options{})
	mine := plainCredential(me)
	vcJWT, vpJWT := secured(t, plainCredential(other), other), secured(t, presentationOf(me, vc), me)
	header := func(typ string, by party) string {
		return fmt.Sprintf(`{"alg":"EdDSA","typ":%q,"kid":%q}`, typ, by.VerificationMethod())
	}
	legacy := func(extra string) string {
		return jwtOf(t, header("JWT", me), `{"iss":"`+me.id.String()+`","nonce":"c-1","aud":["birch.example"]`+extra+`,"vp":`+presentationOf(me, vc)+`}`, me)
	}
	both := presentationOf(me, vc, enveloped("Credential", "application/vc+jwt", vcJWT), enveloped("Credential", "application/jwt", vcJWT))
	for _, tt := range []struct{ name, raw, code string }{
		{"credentials embedded and enveloped", w.shown(t, both, me), credentials.CodeOK},
		{"signed as JSON", w.signed(t, both, me, dataintegrity.Options{Purpose: did.Authentication, Cryptosuite: dataintegrity.EdDSAJCS, Challenge: "c-1", Domain: "birch.example"}), credentials.CodeOK},
		{"without holder and credentials", w.shown(t, presentationOf(nobody), me), credentials.CodeOK},
		{"without holder, of another's credential", w.shown(t, presentationOf(nobody, vc), me), credentials.CodeOK},
		{"holder as an object", w.shown(t, strings.Replace(presentationOf(me), `"`+me.id.String()+`"`, `{"id":"`+me.id.String()+`"}`, 1), me), credentials.CodeOK},
		{"its own words, covered by its own signature", w.shown(t, presentationOf(me, mine), me), credentials.CodeOK},
		{"a JWT by the model 1.1", legacy(""), credentials.CodeOK},
		{"that JWT in an envelope", enveloped("Presentation", "application/jwt", legacy("")), credentials.CodeOK},

		{"its own words without holder", w.shown(t, presentationOf(nobody, mine), me), credentials.CodeMalformed},
		{"its own signed words without holder", w.shown(t, presentationOf(nobody, w.signed(t, mine, me, dataintegrity.Options{})), me), credentials.CodeMalformed},
		{"words of another without signature", w.shown(t, presentationOf(me, plainCredential(other)), me), credentials.CodeNoProof},
		{"its own words, not yet valid", w.shown(t, presentationOf(me, strings.Replace(mine, `"issuer"`, `"validFrom":"2099-01-01T00:00:00Z","issuer"`, 1)), me), credentials.CodeNotYetValid},
		{"holder who did not sign", w.shown(t, presentationOf(other, vc), me), credentials.CodeKeyNotAuthorized},
		{"holder without id", w.shown(t, strings.Replace(presentationOf(me), `"`+me.id.String()+`"`, `{"name":"Ana"}`, 1), me), credentials.CodeSchema},
		{"holder that is no URL", strings.Replace(presentationOf(me), `"holder":"did:key:`, `"holder":"`, 1), credentials.CodeSchema},
		{"a web address for a holder", w.shown(t, strings.Replace(presentationOf(me), me.id.String(), "https://ana.example/", 1), me), credentials.CodeUnsupported},
		{"no signature", presentationOf(me, vc), credentials.CodeNoProof},
		{"nothing at all about who shows it", presentationOf(nobody, vc), credentials.CodeNoProof},
		{"signed for assertion", w.signed(t, presentationOf(me, vc), me, dataintegrity.Options{Challenge: "c-1", Domain: "birch.example"}), credentials.CodePurpose},
		{"altered", strings.Replace(w.shown(t, presentationOf(me, mine), me), "Ana", "Eva", 1), credentials.CodeSignature},
		{"a credential altered", w.shown(t, strings.Replace(presentationOf(me, vc), "Ana", "Eva", 1), me), credentials.CodeSignature},
		{"an unknown context", w.signed(t, strings.Replace(presentationOf(me, vc), `credentials/v2"`, `credentials/v2","https://c.example/v1"`, 1), me, dataintegrity.Options{Purpose: did.Authentication, Cryptosuite: dataintegrity.EdDSAJCS, Challenge: "c-1", Domain: "birch.example"}), credentials.CodeContext},
		{"a word without meaning, signed as JSON", w.signed(t, strings.Replace(presentationOf(me), `"holder"`, `"word":"x","holder"`, 1), me, dataintegrity.Options{Purpose: did.Authentication, Cryptosuite: dataintegrity.EdDSAJCS, Challenge: "c-1", Domain: "birch.example"}), credentials.CodeUnsigned},
		{"a credential as a text", presentationOf(me, `"`+vcJWT+`"`), credentials.CodeMalformed},
		{"an envelope without context", presentationOf(me, strings.Replace(enveloped("Credential", "application/vc+jwt", vcJWT), `"@context":"https://www.w3.org/ns/credentials/v2"`, `"@context":[]`, 1)), credentials.CodeContext},
		{"an envelope of an SD-JWT", presentationOf(me, enveloped("Credential", "application/vc+sd-jwt", vcJWT)), credentials.CodeUnsupported},
		{"a credential in the envelope of a presentation", enveloped("Presentation", "application/vp+jwt", vcJWT), credentials.CodeMalformed},
		{"a JWT that ended", legacy(`,"exp":1700000000`), credentials.CodeProofExpired},
		{"a JWT of tomorrow", legacy(fmt.Sprintf(`,"nbf":%d`, w.now.Add(24*time.Hour).Unix())), credentials.CodeNotYetValid},
		{"a JWT without nonce", vpJWT, credentials.CodeReplay},
		{"a JWT by another's key", jwtOf(t, header("JWT", other), `{"nonce":"c-1","aud":"birch.example","vp":`+presentationOf(me, vc)+`}`, other), credentials.CodeKeyNotAuthorized},
		{"a JWT signed by another", jwtOf(t, header("JWT", me), `{"nonce":"c-1","aud":"birch.example","vp":`+presentationOf(me, vc)+`}`, other), credentials.CodeSignature},
		{"not JSON", "{", credentials.CodeMalformed},
		{"a credential", vc, credentials.CodeMalformed},
	} {
		r := w.v.VerifyAnyPresentation(t.Context(), []byte(tt.raw), "c-1", "birch.example")
		want := credentials.Invalid
		switch tt.code {
		case credentials.CodeOK:
			want = credentials.Valid
		case credentials.CodeUnsupported:
			want = credentials.Undecided
		}
		if r.Verdict != want || r.Code != tt.code || r.Verified != nil {
			t.Errorf("%s: %s %s: %s; want %s %s", tt.name, r.Verdict, r.Code, r.Why, want, tt.code)
		}
	}
	for _, tt := range []struct{ challenge, domain, code string }{
		{"", "", credentials.CodeOK}, {"c-2", "", credentials.CodeReplay}, {"", "oak.example", credentials.CodeReplay},
	} {
		for form, raw := range map[string]string{"JSON": w.shown(t, both, me), "JWT": legacy("")} {
			if r := w.v.VerifyAnyPresentation(t.Context(), []byte(raw), tt.challenge, tt.domain); r.Code != tt.code {
				t.Errorf("%s for %q at %q: %s: %s", form, tt.challenge, tt.domain, r.Code, r.Why)
			}
		}
	}
	if r := w.v.VerifyAnyPresentation(t.Context(), []byte(vpJWT), "", ""); r.Verdict != credentials.Valid || len(r.Credentials) != 1 {
		t.Errorf("a vp+jwt: %s: %s", r.Verdict, r.Why)
	}
}

func TestOnlyAWholeEnvelopeIsOpened(t *testing.T) {
	const good = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["EnvelopedVerifiableCredential"],"id":"data:application/vc+jwt,a.b.c"}`
	for _, tt := range []struct {
		name, from, to string
		err            error
		ok             bool
	}{
		{"whole", "", "", nil, true},
		{"media type in capitals", "application/vc+jwt", "APPLICATION/VC+JWT", nil, true},
		{"no data: URL", "data:", "", credentials.ErrMalformed, true},
		{"no comma", ",a.b.c", "", credentials.ErrMalformed, true},
		{"no id", `"id"`, `"name"`, credentials.ErrMalformed, true},
		{"a second type", `["Env`, `["VerifiableCredential","Env`, credentials.ErrMalformed, true},
		{"a presentation's media type", "vc+jwt", "vp+jwt", jose.ErrUnsupported, true},
		{"base64", "vc+jwt,", "vc+jwt;base64,", jose.ErrUnsupported, true},
		{"another type", "EnvelopedVerifiableCredential", "VerifiableCredential", nil, false},
	} {
		v, err := jsondoc.Parse([]byte(strings.Replace(good, tt.from, tt.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		jwt, ok, err := credentials.OpenEnvelope(v, "EnvelopedVerifiableCredential")
		if ok != tt.ok || !errors.Is(err, tt.err) || tt.err == nil && err != nil || (err == nil && ok) != (string(jwt) == "a.b.c") {
			t.Errorf("%s: %q, %v, %v", tt.name, jwt, ok, err)
		}
	}
}
