package dataintegrity

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// plain brings a document into one form for all that say the same to whoever
// reads it by its members: JSON-LD knows no order in lists, no lists of one or
// none, no repetition, and an object of an id alone is that id.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			if e = plain(e); e != nil {
				out[k] = e
			}
		}
		if id, ok := out["id"]; ok && len(out) == 1 {
			return id
		}
		return out
	case []any:
		var all []string
		byText := map[string]any{}
		for _, e := range x {
			e = plain(e)
			inner, isList := e.([]any)
			if !isList {
				inner = []any{e}
			}
			for _, one := range inner {
				if one != nil {
					text, _ := json.Marshal(one)
					all, byText[string(text)] = append(all, string(text)), one
				}
			}
		}
		slices.Sort(all)
		out := []any{}
		for _, text := range slices.Compact(all) {
			out = append(out, byText[text])
		}
		switch len(out) {
		case 0:
			return nil
		case 1:
			return out[0]
		}
		return out
	}
	return v
}

// A signed document that was changed, by any bytes put anywhere in place of
// others, verifies only when it says the same as before.
func FuzzMutatedDocumentNeverVerifies(f *testing.F) {
	doc := `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:1","type":["VerifiableCredential"],"issuer":{"id":"did:key:a","name":"A"},"validUntil":"2030-01-01T00:00:00Z",` +
		`"credentialStatus":{"id":"https://e.example/1#5","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"5","statusListCredential":"https://e.example/1"},` +
		`"credentialSubject":{"id":"did:key:b","https://vocab.example/#n":[1,2.5,true]}}`
	var signed, forms []string
	for _, suite := range []string{EdDSARDFC, EdDSAJCS} {
		s := add(f, doc, Options{Cryptosuite: suite, Created: noon}, testSigner(f, 1))
		signed, forms = append(signed, s), append(forms, form(f, s))
	}
	for _, s := range []string{"", "x", `"x":1,`, `"@id":"urn:uuid:1",`, `"@index":"x",`, `null`, `[]`, `{"@value":`, `\u0061`, `https://www.w3.org/2018/credentials#`, `_:b0`, "1e0", `,"proof":[`, `"@included":[{"id":"urn:uuid:1"}],`} {
		for _, at := range []int{1, 60, 160, 260, 400, len(signed[0]) - 5} {
			f.Add(at, uint8(0), s, at%2 == 0)
			f.Add(at, uint8(len(s)), s, at%2 == 1)
		}
	}
	f.Fuzz(func(t *testing.T, at int, remove uint8, put string, asJSON bool) {
		which := 0
		if asJSON {
			which = 1
		}
		s := signed[which]
		if at < 0 || at+int(remove) > len(s) {
			return
		}
		mutant := s[:at] + put + s[at+int(remove):]
		v, err := jsondoc.Parse([]byte(mutant))
		if err != nil {
			return
		}
		if _, err := Verify(t.Context(), v, VerifyOptions{Resolver: resolver, Now: noon}); err == nil && form(t, mutant) != forms[which] {
			t.Errorf("verifies:\n%s", mutant)
		}
	})
}

func form(t testing.TB, doc string) string {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal([]byte(doc), &top); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(plain(top))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Nothing that a stranger sends ends the program, and proofs come without an
// error or not at all.
func FuzzVerifyReadsAnything(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(add(f, small, Options{ID: "urn:uuid:2"}, testSigner(f, 1))))
	f.Add([]byte(fmt.Sprintf(`{"@context":%q,"proof":{"type":"DataIntegrityProof","cryptosuite":"ecdsa-jcs-2019","proofPurpose":"assertionMethod","verificationMethod":"did:key:z#z","proofValue":"z11"}}`, jsonld.CredentialsV2)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := jsondoc.Parse(raw)
		if err != nil {
			return
		}
		if proofs, err := Verify(t.Context(), v, VerifyOptions{Resolver: resolver, Now: noon}); err != nil && proofs != nil || err == nil && len(proofs) == 0 {
			t.Errorf("%d proofs, %v", len(proofs), err)
		}
	})
}
