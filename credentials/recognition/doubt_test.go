package recognition_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// absent resolves all but one DID, which is out of reach.
type absent struct{ id did.DID }

func (a absent) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	if id == a.id {
		return did.Resolution{}, errors.New("out of reach")
	}
	return key.Resolver{}.Resolve(ctx, id)
}

// A partner out of reach makes an agreement one that could not be told, never
// one that is not countersigned; a stranger who signed as well does not matter.
func TestACountersignatureThatCannotBeJudgedIsNeitherThereNorMissing(t *testing.T) {
	alder, birch, cedar := newPartner(t), newPartner(t), newPartner(t)
	raw := alder.sign(t, recognition.Draft{Statement: mou(birch.id.String())})
	by := func(p partner) []byte { return p.countersign(t, "urn:uuid:m1", raw) }
	badge := recognition.Badge{Achievement: maker, Issuer: birch.id.String(), Level: 2, Awarded: awarded}
	for _, tt := range []struct {
		name   string
		away   did.DID
		signed [][]byte
		answer credentials.Answer
		why    string
	}{
		{"all there", did.DID{}, [][]byte{by(birch)}, credentials.Yes, "recognised by"},
		{"the partner away", birch.id, [][]byte{by(birch)}, credentials.Unknown, "countersigned could not be told"},
		{"a stranger away", cedar.id, [][]byte{by(birch), by(cedar)}, credentials.Yes, "recognised by"},
		{"nobody signed", birch.id, nil, credentials.No, "not countersigned"},
	} {
		v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": absent{tt.away}}, Now: func() time.Time { return noon }})
		s, err := recognition.Open(t.Context(), v, recognition.Bundle{Agreement: raw, Countersignatures: tt.signed}, noon)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := recognition.Terms{Self: []string{alder.id.String()}, Statements: []recognition.Statement{s}}.Recognise(badge, noon)
		if got.Answer != tt.answer || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// A wallet off the network still answers: could not tell, and why.
func TestAnAgreementThatCannotBeJudgedLeavesItsStepOpen(t *testing.T) {
	alder, birch := newPartner(t), newPartner(t)
	raw := alder.sign(t, recognition.Draft{Statement: mou(birch.id.String())})
	b := recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{birch.countersign(t, "urn:uuid:m1", raw)}}
	h := &requirement.Holdings{}
	h.AddOwn(requirement.Held{Achievement: maker, Issuer: birch.id.String(), Level: 2, Awarded: awarded, From: awarded, Standing: requirement.Current})
	for away, want := range map[did.DID]credentials.Answer{{}: credentials.Yes, alder.id: credentials.Unknown, birch.id: credentials.Unknown} {
		v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": absent{away}}, Now: func() time.Time { return noon }})
		s, err := recognition.Open(t.Context(), v, b, noon)
		if err != nil && !recognition.IsUndecided(err) {
			t.Fatal(err)
		}
		names := recognition.Terms{Self: []string{alder.id.String()}, Statements: []recognition.Statement{s}}.Names(func(string) (requirement.Wanted, bool) {
			return requirement.Wanted{Achievement: designer, Issuers: []string{alder.id.String()}}, true
		}, alder.id.String())
		got := requirement.Requirement{Badge: "designer"}.Evaluate(h, names, noon)
		if got.Answer != want || want == credentials.Unknown && (len(got.Uncertain) != 1 || !strings.Contains(got.Uncertain[0].Why, "could not be told")) {
			t.Errorf("%s away: %+v", away, got)
		}
	}
}

func TestABundleOfVeryManyCountersignaturesIsRefused(t *testing.T) {
	alder, birch := newPartner(t), newPartner(t)
	raw := alder.sign(t, recognition.Draft{Statement: mou(birch.id.String())})
	b := recognition.Bundle{Agreement: raw}
	for range 9 {
		b.Countersignatures = append(b.Countersignatures, birch.countersign(t, "urn:uuid:m1", raw))
	}
	if _, err := recognition.Open(t.Context(), judge, b, noon); !errors.Is(err, recognition.ErrStatement) {
		t.Errorf("nine: %v", err)
	}
	have := recognition.Bundle{Agreement: raw, Countersignatures: b.Countersignatures[:8]}
	other := recognition.Bundle{Agreement: raw, Countersignatures: [][]byte{[]byte("more")}}
	if have.Merge(other) || len(have.Countersignatures) != 8 {
		t.Error("more than can be read were kept")
	}
}

// What was signed could otherwise not be read again by whom it is for.
func TestARuleWithoutAMeasureIsNotSigned(t *testing.T) {
	for _, r := range []recognition.Rule{{MinLevel: 101}, {Credits: math.NaN()}, {Credits: math.Inf(1)}, {Credits: 1e7}} {
		r.Source, r.Target, r.Association = maker, designer, recognition.ExactMatch
		if err := r.Check(); !errors.Is(err, recognition.ErrStatement) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// For any badge and statements, a requirement of one badge is met by the names
// of the terms exactly when the terms accept the badge and it satisfies.
func TestTermsMeetARequirementExactlyWhenTheyAcceptTheBadge(t *testing.T) {
	const seed = 20261101
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	day := func() time.Time {
		return signed.AddDate(0, 0, r.IntN(60)-15).Add(time.Duration(r.IntN(2)) * time.Second)
	}
	dids := []string{"did:alder", "did:birch", "did:cedar"}
	units := []string{maker, helper, designer, basics, maker + "/fr", designer + "/fr"}
	standings := []requirement.Standing{requirement.Current, requirement.Current, requirement.Lapsed, requirement.Uncertain}
	met, unknown := 0, 0
	for i := range 30_000 {
		b := recognition.Badge{Credential: "urn:uuid:b", Achievement: pick(units...), Issuer: pick(dids...), Level: r.IntN(4), Awarded: noon.AddDate(0, 0, -r.IntN(45))}
		if r.IntN(3) == 0 { // in another language
			b.Named = b.Achievement + "/fr"
		}
		wanted, creator := pick(units...), "did:alder"
		often := func(this string, of []string) string { // else what is said hardly ever concerns the badge
			if r.IntN(2) == 0 {
				return this
			}
			return pick(of...)
		}
		terms := recognition.Terms{Self: dids[:r.IntN(2)], DropEnded: r.IntN(4) == 0}
		for range r.IntN(5) {
			s := recognition.Statement{Kind: recognition.Kind(pick(string(recognition.Agreement), string(recognition.Endorsement))), ID: "urn:uuid:s", By: often(creator, dids), Of: often(b.Issuer, dids),
				From: day(), Standing: standings[r.IntN(len(standings))], Ended: r.IntN(4) == 0, Signers: []string{often(b.Issuer, dids)}}
			if r.IntN(4) == 0 {
				s.Unjudged = "a signer is away"
			}
			if s.Ended || r.IntN(2) == 0 {
				s.Until = s.From.AddDate(0, 0, 1+r.IntN(30))
			}
			if r.IntN(2) == 0 {
				s.Authorizes = []string{often(wanted, units)}
			}
			for range r.IntN(3) {
				s.Recognizes = append(s.Recognizes, recognition.Rule{Source: often(b.Achievement, units), Target: often(wanted, units), Association: recognition.Association(pick("exactMatchOf", "isPartOf", "isRelatedTo")), MinLevel: r.IntN(3), Within: pick("", "P10D", "P1Y")})
			}
			terms.Statements = append(terms.Statements, s)
		}
		accepted := terms.Accept(b, wanted, creator, noon)
		names := terms.Names(func(string) (requirement.Wanted, bool) {
			return requirement.Wanted{Achievement: wanted, Issuers: []string{creator}}, true
		}, creator)
		h := &requirement.Holdings{}
		h.AddOwn(requirement.Held{Credential: b.Credential, Achievement: cmp.Or(b.Named, b.Achievement), As: b.Achievement, Issuer: b.Issuer, Level: b.Level, Awarded: b.Awarded, From: b.Awarded, Standing: requirement.Current})
		answer := requirement.Requirement{Badge: "wanted"}.Evaluate(h, names, noon).Answer
		got := answer == credentials.Yes
		if want := accepted.Answer == credentials.Yes && accepted.Satisfies; got != want {
			t.Fatalf("seed %d, case %d: the requirement is met: %v; accepted: %+v\n%+v\n%+v wanted %s", seed, i, got, accepted, terms, b, wanted)
		}
		partly := slices.ContainsFunc(terms.Statements, func(s recognition.Statement) bool { // counts credits, and meets nothing
			return slices.ContainsFunc(s.Recognizes, func(r recognition.Rule) bool { return r.Association == recognition.PartOf })
		})
		if !partly && answer != accepted.Answer {
			t.Fatalf("seed %d, case %d: the requirement answers %v; accepted: %+v\n%+v\n%+v wanted %s", seed, i, answer, accepted, terms, b, wanted)
		}
		switch answer {
		case credentials.Yes:
			met++
		case credentials.Unknown:
			unknown++
		}
	}
	if met < 1000 || unknown < 100 {
		t.Errorf("only %d cases were met, and %d could not be told", met, unknown)
	}
}

// A refusal is of one class, by which agreements are reviewed.
func TestARefusalIsOfTheClassOfItsReason(t *testing.T) {
	const alder, birch = "did:alder", "did:birch"
	rule := recognition.Rule{Source: maker, Target: designer, Association: recognition.ExactMatch, MinLevel: 2, Within: "P1Y"}
	s := recognition.Statement{Kind: recognition.Agreement, ID: "urn:uuid:m1", By: alder, Of: birch, From: signed, Signers: []string{birch}, Standing: requirement.Current, Recognizes: []recognition.Rule{rule}}
	b := recognition.Badge{Achievement: maker, Issuer: birch, Level: 2, Awarded: awarded}
	for want, spoil := range map[recognition.Reason]func(*recognition.Statement, *recognition.Badge){
		"":                      func(*recognition.Statement, *recognition.Badge) {},
		recognition.ReasonLevel: func(_ *recognition.Statement, b *recognition.Badge) { b.Level = 1 },
		recognition.ReasonTime:  func(_ *recognition.Statement, b *recognition.Badge) { b.Awarded = signed.AddDate(0, 0, -1) },
		recognition.ReasonForce: func(s *recognition.Statement, _ *recognition.Badge) { s.Standing = requirement.Lapsed },
		recognition.ReasonRule:  func(_ *recognition.Statement, b *recognition.Badge) { b.Achievement = helper },
	} {
		s, b := s, b
		spoil(&s, &b)
		got := recognition.Terms{Self: []string{alder}, Statements: []recognition.Statement{s}}.Recognise(b, noon)
		if got.Reason != want || (got.Answer == credentials.Yes) != (want == "") {
			t.Errorf("%q: %+v", want, got)
		}
	}
}
