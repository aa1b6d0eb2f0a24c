package status_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
)

func TestAStatusList2021IsReadWithoutTheMultibasePrefix(t *testing.T) {
	bits := make([]byte, status.MinLength/8)
	bits[1] = 0x40 // entry 9
	bare := base64.RawURLEncoding.EncodeToString(packed(t, bits))
	doc := `{"id":"https://a.example/s","type":["VerifiableCredential","StatusList2021Credential"],"issuer":{"id":"did:web:a.example"},
		"issuanceDate":"2024-01-02T03:04:05Z","credentialSubject":[{"type":"StatusList2021","statusPurpose":"revocation","encodedList":"` + bare + `"}]}`
	l, err := status.ParseList(parse(t, doc))
	if err != nil || l.ID != "https://a.example/s" || l.Issuer != "did:web:a.example" || !l.ValidFrom.Equal(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Fatalf("%+v, %v", l, err)
	}
	es, err := status.ParseEntries(parse(t, `{"type":"StatusList2021Entry","statusPurpose":"revocation","statusListIndex":"9","statusListCredential":"https://a.example/s"}`))
	if err != nil || es[0].Kind != status.StatusList2021 {
		t.Fatalf("%+v, %v", es, err)
	}
	if v, err := l.Value(es[0]); err != nil || !v.Set {
		t.Errorf("entry 9: %+v, %v", v, err)
	}
	modern := strings.NewReplacer("StatusList2021Credential", "BitstringStatusListCredential", `"StatusList2021"`, `"BitstringStatusList"`).Replace(doc)
	if _, err := status.ParseList(parse(t, modern)); !errors.Is(err, status.ErrMalformed) {
		t.Errorf("a BitstringStatusList without the prefix: %v", err)
	}
}

func TestListsOfTheWrongFormAreRefused(t *testing.T) {
	enc, err := status.Encode(status.NewBitmap(0))
	if err != nil {
		t.Fatal(err)
	}
	good := `{"type":["BitstringStatusListCredential"],"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"type":"BitstringStatusList","statusPurpose":"revocation","ttl":1000,"encodedList":"` + enc + `"}}`
	if l, err := status.ParseList(parse(t, good)); err != nil || l.TTL != time.Second {
		t.Fatalf("%v, %v", l.TTL, err)
	}
	for _, spoil := range [][2]string{
		{`"BitstringStatusListCredential"`, `"VerifiableCredential"`}, {`"BitstringStatusList"`, `"AchievementSubject"`}, {`"revocation"`, `[7]`},
		{`1000`, `-1`}, {`1000`, `"1000"`}, {`1000`, `1.5`}, {`2026-01-01T00:00:00Z`, `2026-01-01T00:00:00`}, {`encodedList`, `encodedlist`},
		{`"credentialSubject":{`, `"credentialSubject":[{},{`},
	} {
		in := strings.Replace(good, spoil[0], spoil[1], 1)
		if strings.Contains(in, "[{},{") {
			in = in[:len(in)-1] + "]}"
		}
		if _, err := status.ParseList(parse(t, in)); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: %v", spoil[1], err)
		}
	}
}

func TestA1EdTechRevocationListNamesWhatIsRevokedAndWhy(t *testing.T) {
	es, err := status.ParseEntries(parse(t, `{"id":"https://a.example/revoked","type":"1EdTechRevocationList"}`))
	if err != nil || es[0].Kind != status.OneEdTech || es[0].List != "https://a.example/revoked" {
		t.Fatalf("%+v, %v", es, err)
	}
	l, err := status.ParseRevocations(parse(t, `{"id":"https://a.example/revoked","type":"1EdTechRevocationList","issuer":{"id":"did:web:a.example"},
		"revokedCredential":[{"id":"urn:uuid:1","revoked":true,"revocationReason":"plagiarism"},{"id":"urn:uuid:2","revoked":false},"urn:uuid:3"]}`))
	if err != nil || l.Issuer != "did:web:a.example" {
		t.Fatalf("%+v, %v", l, err)
	}
	for id, want := range map[string]struct {
		reason  string
		revoked bool
	}{"urn:uuid:1": {"plagiarism", true}, "urn:uuid:2": {}, "urn:uuid:3": {"", true}, "urn:uuid:4": {}, "": {}} {
		if reason, revoked := l.Revoked(id); reason != want.reason || revoked != want.revoked {
			t.Errorf("%s: %q, %v", id, reason, revoked)
		}
	}
	for _, in := range []string{`[]`, `{}`, `{"revokedCredential":[{}]}`, `{"revokedCredential":[""]}`, `{"type":"Profile","revokedCredential":[]}`} {
		if _, err := status.ParseRevocations(parse(t, in)); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestAWrittenRevocationListReadsBack(t *testing.T) {
	for _, ids := range [][]string{nil, {"urn:uuid:1"}, {"urn:uuid:1", "urn:uuid:2"}} {
		raw, err := status.Revocations("https://a.example/status/revoked", "did:web:a.example", ids)
		if err != nil {
			t.Fatal(err)
		}
		l, err := status.ParseRevocations(parse(t, string(raw)))
		if err != nil || l.ID != "https://a.example/status/revoked" || l.Issuer != "did:web:a.example" {
			t.Fatalf("%+v, %v: %s", l, err, raw)
		}
		for _, id := range []string{"urn:uuid:1", "urn:uuid:2", "urn:uuid:3"} {
			if _, revoked := l.Revoked(id); revoked != slices.Contains(ids, id) {
				t.Errorf("%v: %s is revoked: %v", ids, id, revoked)
			}
		}
	}
	for _, d := range [][2]string{{"", "did:web:a.example"}, {"https://a.example/status/revoked", ""}} {
		if _, err := status.Revocations(d[0], d[1], nil); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

func TestACredentialStatusOfAnotherFormIsRefused(t *testing.T) {
	for in, want := range map[string]error{
		`[]`: status.ErrMalformed, `"https://a.example/s"`: status.ErrMalformed, `null`: status.ErrMalformed, `{}`: status.ErrMalformed, `{"type":7}`: status.ErrUnsupported,
		`{"id":7,"type":"1EdTechRevocationList"}`: status.ErrMalformed, `{"type":"1EdTechRevocationList"}`: status.ErrMalformed,
		`{"id":"https://a.example/s","type":"RevocationList2020Status"}`:                                status.ErrUnsupported,
		`[` + strings.Repeat(`{"id":"https://a.example/s","type":"1EdTechRevocationList"},`, 8) + `{}]`: status.ErrMalformed,
	} {
		if es, err := status.ParseEntries(parse(t, in)); !errors.Is(err, want) {
			t.Errorf("%.60s: %+v, %v", in, es, err)
		}
	}
	if es, err := status.ParseEntries(jsondoc.Value{}); err != nil || len(es) != 0 {
		t.Errorf("none: %+v, %v", es, err)
	}
}

func FuzzADecodedListEncodesToTheSameBits(f *testing.F) {
	f.Add("u" + base64.RawURLEncoding.EncodeToString(packed(f, []byte{1, 2, 3})))
	f.Add("uH4sIAAAAAAAACA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA")
	f.Fuzz(func(t *testing.T, in string) {
		bits, err := status.Decode(in)
		if err != nil {
			return
		}
		again, err := status.Encode(bits)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := status.Decode(again); err != nil || !bytes.Equal(got, bits) {
			t.Errorf("%q came back as other bits, %v", in, err)
		}
	})
}
