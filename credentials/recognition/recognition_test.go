package recognition_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/sharedtest"
)

const (
	maker    = "https://birch.example/design/a/badge-maker"
	helper   = "https://birch.example/design/a/helper"
	designer = "https://alder.example/openbadges/a/designer"
	basics   = "https://alder.example/openbadges/a/basics"
	eqf4     = "http://data.europa.eu/snb/eqf/4"
	ecvet    = "http://data.europa.eu/snb/education-credit/60b314e826"
)

var (
	signed  = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	noon    = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	judge   = credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}, Now: func() time.Time { return noon }})
	awarded = noon.AddDate(0, 0, -7)
)

// partner signs by a did:key.
type partner struct {
	id  did.DID
	pub did.PublicKey
	key ed25519.PrivateKey
}

func newPartner(t testing.TB) partner {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := did.NewPublicKey(did.Ed25519, pub)
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return partner{id, k, private}
}

func (p partner) Sign(_ context.Context, m []byte) ([]byte, error) {
	return ed25519.Sign(p.key, m), nil
}
func (p partner) VerificationMethod() string { return key.MethodID(p.id) }
func (p partner) Key() did.PublicKey         { return p.pub }

// sign signs a draft as p, at the time when it begins.
func (p partner) sign(t testing.TB, d recognition.Draft) []byte {
	t.Helper()
	d.Issuer = credentials.Profile{ID: p.id.String(), Name: "Alder"}
	raw, err := d.Build()
	if err != nil {
		t.Fatal(err)
	}
	v, err := credentials.Issue(t.Context(), judge, raw, p, d.From)
	if err != nil {
		t.Fatal(err)
	}
	return v.Credential().Bytes()
}

func (p partner) countersign(t testing.TB, of string, agreement []byte) []byte {
	return p.sign(t, recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: "urn:uuid:c", Name: "Countersignature", Of: of, From: signed},
		Resources: []credentials.Resource{{ID: of, MediaType: "application/vc", DigestMultibase: recognition.Digest(agreement)}},
	})
}

// mou is the agreement of the domain model: Alder recognises Birch's maker as
// its designer from level 2 on, and Birch may issue Alder's basics.
func mou(birch string) recognition.Statement {
	return recognition.Statement{Kind: recognition.Agreement, ID: "urn:uuid:m1", Name: "Memorandum of Understanding Alder–Birch", Of: birch,
		From: signed, Until: signed.AddDate(3, 0, 0), Comment: "We accept Birch’s quality assurance.",
		Recognizes: []recognition.Rule{
			{Source: maker, Target: designer, Association: recognition.ExactMatch, MinLevel: 2, Within: "P3Y", EQF: eqf4, Credits: 0.5, Framework: ecvet},
			{Source: helper, Target: designer, Association: recognition.PartOf, Credits: 0.1, Framework: ecvet},
			{Source: helper, Target: basics, Association: "isRelatedTo"},
		},
		Authorizes: []string{basics}}
}

// The rules of DOMAIN.md §2.4, each spoiled once.
func TestABadgeIsRecognisedDirectlyByDelegationOrByAgreementAndElseNot(t *testing.T) {
	alder, birch, cedar := newPartner(t), newPartner(t), newPartner(t)
	raw := alder.sign(t, recognition.Draft{Statement: mou(birch.id.String())})
	s, err := recognition.Open(t.Context(), judge, recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{birch.countersign(t, "urn:uuid:m1", raw)}}, noon)
	if err != nil || !s.Countersigned() || s.Standing != requirement.Current {
		t.Fatalf("%+v, %v", s, err)
	}
	a, b, c := alder.id.String(), birch.id.String(), cedar.id.String()
	badge := func(achievement, issuer string, level int, at time.Time) recognition.Badge {
		return recognition.Badge{Credential: "urn:uuid:1", Achievement: achievement, Issuer: issuer, Level: level, Awarded: at}
	}
	with := func(change func(*recognition.Statement)) recognition.Statement { x := s; change(&x); return x }
	for _, tt := range []struct {
		name   string
		s      recognition.Statement
		badge  recognition.Badge
		wanted string
		answer credentials.Answer
		basis  recognition.Basis
		meets  bool
		why    string
	}{
		{"Alder's own", s, badge(designer, a, 0, awarded), designer, credentials.Yes, recognition.Direct, true, "by who created it"},
		{"by authorisation", s, badge(basics, b, 0, awarded), basics, credentials.Yes, recognition.Delegated, true, "authorised its issuer on 2026-11-01"},
		{"by somebody not authorised", s, badge(basics, c, 0, awarded), basics, credentials.No, recognition.NoBasis, false, "nothing that you rely on"},
		{"by agreement", s, badge(maker, b, 2, awarded), designer, credentials.Yes, recognition.Agreed, true, "recognised by Alder through the agreement of 2026-11-01"},
		{"another issuer's maker", s, badge(maker, c, 2, awarded), designer, credentials.No, recognition.NoBasis, false, "nothing that you rely on"},
		{"level too low", s, badge(maker, b, 1, awarded), designer, credentials.No, recognition.Agreed, false, "asks for level 2, and this is level 1"},
		{"for something else", s, badge(maker, b, 2, awarded), basics, credentials.No, recognition.NoBasis, false, "nothing that you rely on"},
		{"a part counts credits only", s, badge(helper, b, 0, awarded), designer, credentials.Yes, recognition.Agreed, false, "recognised by Alder"},
		{"a relation informs only", s, badge(helper, b, 0, awarded), basics, credentials.No, recognition.Agreed, false, "says only that it isRelatedTo"},
		{"awarded before", s, badge(maker, b, 2, signed.Add(-time.Second)), designer, credentials.No, recognition.Agreed, false, "before the agreement"},
		{"awarded after its end", with(func(s *recognition.Statement) { s.Until = awarded }), badge(maker, b, 2, awarded), designer, credentials.No, recognition.Agreed, false, "ended on 2026-11-20"},
		{"awarded before its end", with(func(s *recognition.Statement) { s.Until, s.Ended = awarded.Add(time.Second), true }), badge(maker, b, 2, awarded), designer, credentials.Yes, recognition.Agreed, true, "recognised by Alder"},
		{"too long ago", with(func(s *recognition.Statement) { s.From = s.From.AddDate(-4, 0, 0) }), badge(maker, b, 2, noon.AddDate(-3, 0, -1)), designer, credentials.No, recognition.Agreed, false, "of the last P3Y"},
		{"not countersigned", with(func(s *recognition.Statement) { s.Signers = nil }), badge(maker, b, 2, awarded), designer, credentials.No, recognition.Agreed, false, "not countersigned"},
		{"suspended", with(func(s *recognition.Statement) { s.Standing, s.Why = requirement.Lapsed, "suspended" }), badge(maker, b, 2, awarded), designer, credentials.No, recognition.Agreed, false, "not in force now: suspended"},
		{"list out of reach", with(func(s *recognition.Statement) { s.Standing, s.Why = requirement.Uncertain, "no list" }), badge(maker, b, 2, awarded), designer, credentials.Unknown, recognition.Agreed, false, "could not be told: no list"},
		{"another's agreement", with(func(s *recognition.Statement) { s.By = c }), badge(maker, b, 2, awarded), designer, credentials.No, recognition.NoBasis, false, "nothing that you rely on"},
	} {
		got := recognition.Terms{Self: []string{a}, Statements: []recognition.Statement{tt.s}}.Accept(tt.badge, tt.wanted, a, noon)
		if got.Answer != tt.answer || got.Basis != tt.basis || got.Satisfies != tt.meets || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %+v; want %s, %s, %v, %q", tt.name, got, tt.answer, tt.basis, tt.meets, tt.why)
		}
	}
	got := recognition.Terms{Self: []string{a}, Statements: []recognition.Statement{s}}.Recognise(badge(maker, b, 3, awarded), noon)
	if got.As != designer || got.EQF != eqf4 || got.Credits != 0.5 || got.Level != 3 || got.Statement != "urn:uuid:m1" {
		t.Errorf("what it counts for: %+v", got)
	}
	// What a mistaken agreement asked for, that never came into force, is no reason.
	void := with(func(s *recognition.Statement) { s.Signers, s.Recognizes = nil, slices.Clone(s.Recognizes) })
	void.Recognizes[0].MinLevel = 9
	for _, order := range [][]recognition.Statement{{void, s}, {s, void}} {
		if got := (recognition.Terms{Self: []string{a}, Statements: order}).Recognise(badge(maker, b, 1, awarded), noon); got.Answer != credentials.No || !strings.Contains(got.Why, "asks for level 2") {
			t.Errorf("beside a void agreement: %+v", got)
		}
	}
	// A–B and B–C do not give A–C: Birch's agreements are not Alder's word.
	chain := recognition.Terms{Self: []string{a}, Statements: []recognition.Statement{s, with(func(s *recognition.Statement) { s.By, s.Of = b, c })}}
	if got := chain.Recognise(badge(maker, c, 3, awarded), noon); got.Answer != credentials.No || !strings.Contains(got.Why, "authentic, but not recognised by you") {
		t.Errorf("a partner's partner: %+v", got)
	}
	ended := recognition.Terms{Self: []string{a}, Statements: []recognition.Statement{with(func(s *recognition.Statement) { s.Ended = true })}, DropEnded: true}
	if got := ended.Recognise(badge(maker, b, 3, awarded), noon); got.Answer != credentials.No || !strings.Contains(got.Why, "was ended") {
		t.Errorf("one that was ended, where that drops all: %+v", got)
	}
}

func TestABundleIsTakenOnlyAsItWasSigned(t *testing.T) {
	alder, birch, cedar := newPartner(t), newPartner(t), newPartner(t)
	raw := alder.sign(t, recognition.Draft{Statement: mou(birch.id.String())})
	counter := birch.countersign(t, "urn:uuid:m1", raw)
	end := mou(birch.id.String())
	end.Until = awarded
	last := alder.sign(t, recognition.Draft{Statement: end})
	longer := mou(birch.id.String())
	longer.Until = signed.AddDate(9, 0, 0)
	spoil := func(raw []byte, old, new string) []byte {
		if !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("nothing to spoil: %s", old)
		}
		return bytes.Replace(raw, []byte(old), []byte(new), 1)
	}
	for _, tt := range []struct {
		name          string
		b             recognition.Bundle
		why           string // "" for taken
		countersigned bool
	}{
		{"whole", recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{counter}}, "", true},
		{"proposed", recognition.Bundle{Agreement: raw}, "", false},
		{"ended", recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{counter}, Ended: last}, "", true},
		{"a rule altered", recognition.Bundle{Agreement: spoil(raw, `"minLevel":2`, `"minLevel":1`)}, "signature does not match", false},
		{"a rule's level altered within the EQF", recognition.Bundle{Agreement: spoil(raw, `eqf/4`, `eqf/5`)}, "signature does not match", false},
		{"countersigned by somebody else", recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{cedar.countersign(t, "urn:uuid:m1", raw)}}, "", false},
		{"a countersignature of another text", recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{birch.countersign(t, "urn:uuid:m1", last)}}, "not about this text", false},
		{"a countersignature of another agreement", recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{birch.countersign(t, "urn:uuid:m2", raw)}}, "is about urn:uuid:m2", false},
		{"an end by somebody else", recognition.Bundle{Agreement: raw, Ended: cedar.sign(t, recognition.Draft{Statement: end})}, "not one of this agreement", false},
		{"an end that is later", recognition.Bundle{Agreement: raw, Ended: alder.sign(t, recognition.Draft{Statement: longer})}, "not one of this agreement", false},
		{"no statement", recognition.Bundle{Agreement: []byte(`{"type":["VerifiableCredential"]}`)}, "no EndorsementCredential", false},
	} {
		s, err := recognition.Open(t.Context(), judge, tt.b, noon)
		switch {
		case tt.why == "" && (err != nil || s.Countersigned() != tt.countersigned || s.Ended != (tt.b.Ended != nil)):
			t.Errorf("%s: %+v, %v", tt.name, s, err)
		case tt.why != "" && (!errors.Is(err, recognition.ErrStatement) || !strings.Contains(err.Error(), tt.why)):
			t.Errorf("%s: %v; want %q", tt.name, err, tt.why)
		}
	}
	whole, err := json.Marshal(recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{counter}})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := recognition.ParseBundle(whole); err != nil || !bytes.Equal(b.Agreement, raw) {
		t.Errorf("a bundle read back: %v", err)
	}
	if b, err := recognition.ParseBundle(raw); err != nil || !bytes.Equal(b.Agreement, raw) {
		t.Errorf("an agreement alone: %v", err)
	}
}

func TestADraftThatCouldNotBeAppliedIsNotSigned(t *testing.T) {
	for _, tt := range []struct {
		spoil func(*recognition.Statement)
		why   string
	}{
		{func(s *recognition.Statement) { s.Recognizes[0].Association = "sameAs" }, "association"},
		{func(s *recognition.Statement) { s.Recognizes[0].Within = "3 years" }, "ISO 8601"},
		{func(s *recognition.Statement) { s.Recognizes[0].MinLevel = -1 }, "negative"},
		{func(s *recognition.Statement) { s.Recognizes[0].Target = "" }, "target"},
		{func(s *recognition.Statement) { s.Until = s.From }, "not after its beginning"},
		{func(s *recognition.Statement) { s.Recognizes, s.Authorizes = nil, nil }, "recognises or authorises something"},
		{func(s *recognition.Statement) { s.Of = "" }, "whom it is about"},
	} {
		s := mou("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
		tt.spoil(&s)
		_, err := recognition.Draft{Statement: s, Issuer: credentials.Profile{ID: "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}}.Build()
		if !errors.Is(err, recognition.ErrStatement) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%v; want %q", err, tt.why)
		}
	}
}

// A partner's badge meets a step by agreement, from the level on that it says.
func TestPartnersBadgesMeetRequirementsByAgreement(t *testing.T) {
	s := mou("did:birch")
	s.By, s.Signers, s.Standing = "did:alder", []string{"did:birch"}, requirement.Current
	names := recognition.Terms{Statements: []recognition.Statement{s}}.Names(func(badge string) (requirement.Wanted, bool) {
		return requirement.Wanted{Achievement: "https://alder.example/openbadges/a/" + badge, Issuers: []string{"did:alder"}}, true
	}, "did:alder")
	w, ok := names("designer")
	if !ok || len(w.Equivalents) != 1 || w.Equivalents[0].Achievement != maker || w.Equivalents[0].Issuer != "did:birch" || w.Equivalents[0].MinLevel != 2 {
		t.Errorf("designer: %+v", w)
	}
	if w, _ := names("basics"); len(w.Equivalents) != 1 || w.Equivalents[0].Achievement != basics {
		t.Errorf("basics, which Birch may issue: %+v", w)
	}
	s.Standing = requirement.Lapsed
	w, _ = recognition.Terms{Statements: []recognition.Statement{s}}.Names(names, "did:alder")("designer")
	if len(w.Equivalents) != 1 { // of the terms before, and none of these
		t.Errorf("one that is not in force: %+v", w)
	}
}

// The agreement of the domain model reads as it was meant.
func TestTheAgreementOfTheDomainModelIsRead(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "domain"), "mou.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	s, err := recognition.Read(c)
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != recognition.Agreement || len(s.Recognizes) != 1 || s.Recognizes[0].MinLevel != 2 || s.Recognizes[0].Credits != 0.5 || s.Recognizes[0].Within != "P3Y" || len(s.Authorizes) != 1 {
		t.Errorf("%+v", s)
	}
	r := judge.Report(t.Context(), raw, credentials.ReportOptions{})
	if k := r.Check(credentials.CheckProof); k.Answer != credentials.Yes {
		t.Errorf("its proof: %+v", k)
	}
	s.Judge(r)
	if s.Standing != requirement.Uncertain { // its list is at node-a.example, out of reach
		t.Errorf("standing %s: %s", s.Standing, s.Why)
	}
}

// What is read and built again is the same statement, whatever a stranger
// wrote into it.
func FuzzAStatementReadsBackAsItWasBuilt(f *testing.F) {
	f.Add("urn:uuid:1", "did:web:birch.example", "Name", maker, designer, "exactMatchOf", 2, "P3Y", 0.5)
	f.Fuzz(func(t *testing.T, id, of, title, source, target, association string, level int, period string, points float64) {
		d := recognition.Draft{Statement: recognition.Statement{Kind: recognition.Agreement, ID: id, Of: of, Name: title, From: signed,
			Recognizes: []recognition.Rule{{Source: source, Target: target, Association: recognition.Association(association), MinLevel: level % 50, Within: period, Credits: points}}},
			Issuer: credentials.Profile{ID: "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}}
		raw, err := d.Build()
		if err != nil {
			return
		}
		if !utf8.ValidString(id + of + source + target + period) {
			return // JSON has no other text
		}
		c, err := credentials.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := recognition.Read(c)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if got.ID != id || got.Of != of || len(got.Recognizes) != 1 || got.Recognizes[0] != d.Recognizes[0] {
			t.Errorf("%+v was read back as %+v", d.Recognizes, got.Recognizes)
		}
	})
}
