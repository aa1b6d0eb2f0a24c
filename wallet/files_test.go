package wallet_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/wallet"
)

// jwt is badge, as an Open Badges VC-JWT.
func (i issuer) jwt(t *testing.T, id, name, subject string) []byte {
	t.Helper()
	v, err := credentials.IssueJWT(t.Context(), i.party.Verifier, i.award(t, id, name, subject, time.Time{}), i.signer, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return v.Credential().Bytes()
}

func TestImportKeepsABadgeOfEachFormWithItsVerdict(t *testing.T) {
	is := newIssuer(t)
	bake := func(raw []byte, form string) []byte {
		out, err := wallet.Form(raw, form)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const subject = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
	body := is.badge(t, urn+"2", "Welding", subject, time.Time{}).Credential().Bytes()
	token := is.jwt(t, urn+"2", "Welding", subject)
	for name, tt := range map[string]struct {
		file, held []byte
		form       string
	}{
		"json":       {body, body, "json"},
		"jwt":        {token, token, "jwt"},
		"png":        {bake(body, "png"), body, "json"},
		"svg":        {bake(body, "svg"), body, "json"},
		"jwt in png": {bake(token, "png"), token, "jwt"},
		"jwt in svg": {bake(token, "svg"), token, "jwt"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := open(t, dir, nil)
			h, r, err := w.Import(t.Context(), tt.file, false)
			if err != nil || r.Verdict != credentials.Valid || h.Verdict != "valid" || h.Form != tt.form || h.Name != "Welding" {
				t.Fatalf("%+v, %s, %v", h, r.Verdict, err)
			}
			if _, _, err := w.Import(t.Context(), tt.file, false); !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), "in the wallet already, as "+h.ID) {
				t.Errorf("again: %v", err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got, raw, err := open(t, dir, nil).Get(t.Context(), h.ID); err != nil || got.Verdict != "valid" || !bytes.Equal(raw, tt.held) {
				t.Errorf("after reopening: %+v, %d bytes of %d, %v", got, len(raw), len(tt.held), err)
			}
		})
	}
}

func TestImportRefusesWhatDoesNotVerifyEvenUnchecked(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	is := newIssuer(t)
	good := is.badge(t, urn+"2", "Welding", w.DID().String(), time.Time{}).Credential().Bytes()
	token, other := is.jwt(t, urn+"2", "Welding", w.DID().String()), is.jwt(t, urn+"2", "Forging", w.DID().String())
	mixed := append(bytes.Clone(token[:bytes.LastIndexByte(token, '.')]), other[bytes.LastIndexByte(other, '.'):]...)
	for name, tt := range map[string]struct {
		file []byte
		why  string
	}{
		"a changed word":            {bytes.Replace(good, []byte("Welding"), []byte("Forging"), 1), "does not verify: "},
		"the signature of another":  {mixed, "does not verify: "},
		"a token that ends halfway": {token[:len(token)/2], "no badge can be read from it: "},
		"no badge":                  {[]byte("no badge"), "no badge can be read from it: "},
		"an empty file":             {nil, "no badge can be read from it: "},
	} {
		if _, _, err := w.Import(t.Context(), tt.file, true); !errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := w.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// webIssuer signs under a did:web that only its own verifier can resolve.
func webIssuer(t *testing.T) issuer {
	t.Helper()
	db, ks, k := newKey(t)
	id, err := did.Parse("did:web:guild.example")
	if err != nil {
		t.Fatal(err)
	}
	doc := did.Document{ID: id}
	m := doc.Add("key-1", k, did.AssertionMethod)
	p, err := party.New(party.Config{DB: db, Now: time.Now, Own: func(_ context.Context, d did.DID) (did.Resolution, bool, error) {
		return did.Resolution{Document: doc, Fetched: time.Now()}, d == id, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return issuer{p, ks.Signer(k, m.ID), id.String()}
}

func TestImportTakesAnUndecidedBadgeOnlyUnchecked(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir, nil).Close(); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(t.Context(), wallet.Config{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	raw := webIssuer(t).badge(t, urn+"3", "Welding", w.DID().String(), time.Time{}).Credential().Bytes()
	if _, r, err := w.Import(t.Context(), raw, false); !errors.Is(err, wallet.ErrUndecided) || r.Verdict != credentials.Undecided || !strings.Contains(err.Error(), "--unchecked") {
		t.Errorf("%s, %v", r.Verdict, err)
	}
	if list, err := w.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("kept although it was not asked for: %+v, %v", list, err)
	}
	h, r, err := w.Import(t.Context(), raw, true)
	if err != nil || h.Verdict != "undecided" || h.Why != r.Why() {
		t.Errorf("unchecked: %+v, %v", h, err)
	}
	list, err := w.List(t.Context())
	if err != nil || !slices.Equal(list, []wallet.Held{h}) {
		t.Errorf("held: %+v, %v", list, err)
	}
}

func TestABadgeIsExportedOnlyInAFormThatItHas(t *testing.T) {
	is := newIssuer(t)
	body := is.badge(t, urn+"4", "Welding", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", time.Time{}).Credential().Bytes()
	token := is.jwt(t, urn+"4", "Welding", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")
	for _, tt := range []struct {
		raw  []byte
		form string
		fix  string // "" when it is written
	}{
		{body, "json", ""},
		{token, "jwt", ""},
		{body, "", ""}, // as signed
		{token, "", ""},
		{body, "jwt", "use json, png or svg"},
		{token, "json", "use jwt, png or svg"},
		{body, "pdf", "use json, png or svg"},
		{token, "pdf", "use jwt, png or svg"},
	} {
		out, err := wallet.Form(tt.raw, tt.form)
		if tt.fix == "" && (err != nil || !bytes.Equal(out, tt.raw)) {
			t.Errorf("%.2s as %q: %d bytes, %v", tt.raw, tt.form, len(out), err)
		}
		if tt.fix != "" && (!errors.Is(err, wallet.ErrInput) || !strings.Contains(err.Error(), tt.fix)) {
			t.Errorf("%.2s as %q: %v", tt.raw, tt.form, err)
		}
	}
	svg, err := wallet.Form(token, "svg")
	if err != nil || !bytes.Contains(svg, []byte("<title>Welding</title>")) {
		t.Errorf("the image of a JWT does not name the badge: %v", err)
	}
}
