package credentials_test

import (
	"bytes"
	"crypto/sha256"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
)

func TestDigestsOfFilesAreHeldToTheFiles(t *testing.T) {
	w := newWorld(t)
	file := []byte("the catalogue of three badges")
	sum := sha256.Sum256(file)
	mb := must(multibase.Encode(multibase.Base64url, append([]byte{0x12, 32}, sum[:]...)))
	a := w.award()
	a.Resources = []credentials.Resource{{ID: "urn:sha256:5f7c", MediaType: "application/zip", DigestMultibase: mb}}
	raw := w.issue(t, a).Credential().Bytes()
	for _, tt := range []struct {
		files  map[string][]byte
		answer credentials.Answer
		code   string
	}{
		{nil, credentials.NotApplicable, credentials.CodeEvidenceAbsent},
		{map[string][]byte{"urn:sha256:5f7c": file}, credentials.Yes, credentials.CodeOK},
		{map[string][]byte{"urn:sha256:5f7c": file[1:]}, credentials.No, credentials.CodeEvidenceDiffers},
	} {
		r := w.v.Report(t.Context(), raw, credentials.ReportOptions{Resources: tt.files})
		if c := r.Check(credentials.CheckEvidence); c.Answer != tt.answer || c.Code != tt.code || (r.Verdict == credentials.Valid) != (tt.answer != credentials.No) {
			t.Errorf("%s: %+v", r.Verdict, c)
		}
	}
}

// Of several files the one that was changed is named, by its number in the
// badge, and nothing else is.
func TestAChangedFileOfEvidenceIsNamedByItsNumber(t *testing.T) {
	w := newWorld(t)
	a := w.award()
	a.Evidence = []credentials.Evidence{{ID: "https://example.org/talk", Name: "Talk"}}
	files := map[string][]byte{}
	for _, text := range []string{"log", "photo"} {
		id, sum := "urn:uuid:"+text, sha256.Sum256([]byte(text))
		a.Evidence = append(a.Evidence, credentials.Evidence{ID: id, Name: text})
		a.Resources = append(a.Resources, credentials.Resource{ID: id, MediaType: "text/plain", DigestMultibase: must(multibase.Encode(multibase.Base58BTC, append([]byte{0x12, 32}, sum[:]...)))})
		files[id] = []byte(text)
	}
	raw := w.issue(t, a).Credential().Bytes()
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{Resources: files}); r.Check(credentials.CheckEvidence).Answer != credentials.Yes {
		t.Errorf("%+v", r.Check(credentials.CheckEvidence))
	}
	files["urn:uuid:photo"][2] ^= 1
	r := w.v.Report(t.Context(), raw, credentials.ReportOptions{Resources: files})
	if r.Verdict != credentials.Invalid || r.Code() != credentials.CodeEvidenceDiffers || r.Why() != "evidence 3: digest differs" {
		t.Errorf("%s: %s", r.Verdict, r.Why())
	}
}

func TestDigestOfAPinnedContextIsHeldToThePublishedOne(t *testing.T) {
	w := newWorld(t)
	// The Recommendation gives the SHA-256 of the context (VC Data Model 2.0 §B.1),
	// and the W3C's suite both digests as they stand here.
	const sha256, sha384 = "WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=", "l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU"
	for digest, want := range map[string]credentials.Answer{
		`"digestSRI":"sha256-` + sha256 + `"`: credentials.Yes, `"digestSRI":"sha256-A` + sha256[1:] + `"`: credentials.No,
		`"digestSRI":"sha384-` + sha384 + `"`: credentials.Yes, `"digestSRI":"sha384-A` + sha384[1:] + `"`: credentials.No,
		`"digestMultibase":"uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ"`: credentials.Yes, `"digestMultibase":"uAZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ"`: credentials.No,
		`"digestMultibase":"uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7J"`:                                        credentials.No, // no length of a digest
		`"digestSRI":"sha384-` + sha384 + `","digestMultibase":"uAZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ"`: credentials.No,
	} {
		unsigned := must(credentials.Build(w.award()))
		unsigned = append(unsigned[:len(unsigned)-1:len(unsigned)-1], `,"relatedResource":[{"id":"`+jsonld.CredentialsV2+`",`+digest+`}]}`...)
		signed, err := dataintegrity.AddProof(t.Context(), unsigned, dataintegrity.Options{Created: w.now}, w.issuer)
		if err != nil {
			t.Fatal(err)
		}
		if c := w.v.Report(t.Context(), signed, credentials.ReportOptions{}).Check(credentials.CheckEvidence); c.Answer != want {
			t.Errorf("%s: %+v", digest, c)
		}
	}
}

func TestBadgeBakedIntoAnImageIsTheSameBadge(t *testing.T) {
	w := newWorld(t)
	badge := w.issue(t, w.award()).Credential().Bytes()
	var img bytes.Buffer
	if err := png.Encode(&img, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	for form, picture := range map[credentials.Form][]byte{credentials.FormPNG: img.Bytes(), credentials.FormSVG: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`)} {
		baked, err := baking.Bake(picture, badge)
		if err != nil {
			t.Fatal(err)
		}
		c, got, err := credentials.ParseAny(baked)
		if err != nil || got != form || !bytes.Equal(c.Bytes(), badge) {
			t.Errorf("%s: %s, %v", form, got, err)
		}
		if r := w.v.Report(t.Context(), baked, credentials.ReportOptions{}); r.Verdict != credentials.Valid || r.Form != form {
			t.Errorf("%s: %s %s", form, r.Verdict, r.Why())
		}
	}
}

func TestRecognitionStandsApartFromTheVerdict(t *testing.T) {
	w := newWorld(t)
	badge := w.issue(t, w.award()).Credential().Bytes()
	for trusted, want := range map[string]credentials.Answer{"": credentials.NotApplicable, w.issuer.id.String(): credentials.Yes, w.learner.id.String(): credentials.No} {
		cfg := credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: w.net.now}
		if trusted != "" {
			cfg.TrustedIssuers = []string{trusted}
		}
		if r := credentials.NewVerifier(cfg).Report(t.Context(), badge, credentials.ReportOptions{}); r.Verdict != credentials.Valid || r.Recognition.Answer != want {
			t.Errorf("%q: %s, %+v", trusted, r.Verdict, r.Recognition)
		}
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	if n := len(credentials.Codes()); n < 30 {
		t.Errorf("only %d codes", n)
	}
	for _, c := range credentials.Codes() {
		if s, ok := credentials.Explain(c); !ok || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: %q", c, s)
		}
	}
	if _, ok := credentials.Explain("nonsense"); ok {
		t.Error("an unknown code is explained")
	}
}
