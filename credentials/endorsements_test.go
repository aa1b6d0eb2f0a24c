package credentials_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
)

const designerID = "https://alder.example/openbadges/a/designer"

// endorse returns a signed endorsement of the achievement.
func (w *world) endorse(t *testing.T, by party, until string) json.RawMessage {
	t.Helper()
	return w.endorseOf(t, by, designerID, until)
}

// endorseOf returns a signed endorsement of whatever has an id.
func (w *world) endorseOf(t *testing.T, by party, of, until string) json.RawMessage {
	t.Helper()
	return w.endorseAs(t, by, "Guild", of, until)
}

// endorseAs lets a party call itself by a name.
func (w *world) endorseAs(t *testing.T, by party, name, of, until string) json.RawMessage {
	t.Helper()
	raw := `{"@context":["` + jsonld.CredentialsV2 + `","` + jsonld.OpenBadges303 + `"],"id":"urn:uuid:e1","type":["VerifiableCredential","EndorsementCredential"],` +
		`"name":"Endorsement","issuer":{"id":"` + by.id.String() + `","type":["Profile"],"name":"` + name + `"},"validFrom":"2026-01-01T00:00:00Z","validUntil":"` + until + `",` +
		`"credentialSubject":{"id":"` + of + `","type":["EndorsementSubject"],"endorsementComment":"Recognised."}}`
	signed, err := dataintegrity.AddProof(t.Context(), []byte(raw), dataintegrity.Options{Created: w.now}, by)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestEndorsementsWithinABadgeAreVerifiedToo(t *testing.T) {
	w := newWorld(t)
	guild := newParty(t, "guild")
	with := func(e json.RawMessage) []byte {
		a := w.award()
		a.Achievement = json.RawMessage(strings.TrimSuffix(achievement, "}") + `,"endorsement":[` + string(e) + `]}`)
		return must(credentials.Build(a))
	}
	good := w.endorse(t, guild, "2028-01-01T00:00:00Z")
	v, err := credentials.Issue(t.Context(), w.v, with(good), w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if c := v.Report().Check(credentials.CheckEndorsements); c.Answer != credentials.Yes {
		t.Errorf("%+v", c)
	}
	if _, err := credentials.Issue(t.Context(), w.v, with(bytes.Replace(good, []byte("Recognised"), []byte("Recommended"), 1)), w.issuer, w.now); err == nil {
		t.Error("an altered endorsement was handed out")
	}
	v, err = credentials.Issue(t.Context(), w.v, with(w.endorse(t, guild, "2026-02-01T00:00:00Z")), w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if c := v.Report().Check(credentials.CheckEndorsements); c.Answer != credentials.No || !c.Advisory || c.Code != credentials.CodeEndorsement {
		t.Errorf("lapsed: %+v", c)
	}
}

const later = "2028-01-01T00:00:00Z"

// An endorsement counts for what it is about; a broken one that came along
// says nothing of the badge, which is as its issuer signed it.
func TestEndorsementsThatCameAlongAreCountedAndNamed(t *testing.T) {
	w := newWorld(t)
	guild, birch := newParty(t, "guild"), newParty(t, "birch")
	award := w.award()
	badge := w.issue(t, award).Credential().Bytes()
	of := func(by party, id, until string) []byte { return w.endorseOf(t, by, id, until) }
	for _, tt := range []struct {
		name      string
		given     [][]byte
		endorsers string // DID:of, in order
		answer    credentials.Answer
		told      string
	}{
		{"two of the badge", [][]byte{of(guild, award.ID, later), of(birch, award.ID, later)}, guild.id.String() + ":badge " + birch.id.String() + ":badge", credentials.Yes, "endorsed by 2, all verified"},
		{"the same twice", [][]byte{of(guild, award.ID, later), of(guild, award.ID, later)}, guild.id.String() + ":badge", credentials.Yes, "endorsed by 1"},
		{"of achievement and issuer", [][]byte{of(guild, designerID, later), of(guild, w.issuer.id.String(), later)}, guild.id.String() + ":achievement " + guild.id.String() + ":issuer", credentials.Yes, "endorsed by 1, all verified: \"Guild\" " + guild.id.String() + " (achievement, issuer)"},
		{"one key under two names", [][]byte{of(guild, award.ID, later), w.endorseAs(t, guild, "Professor Smith", award.ID, later)}, guild.id.String() + ":badge " + guild.id.String() + ":badge",
			credentials.Yes, `endorsed by 1, all verified: "Guild" or "Professor Smith" ` + guild.id.String() + " (badge)"},
		{"two lapsed", [][]byte{of(guild, award.ID, "2026-02-01T00:00:00Z"), of(birch, award.ID, "2026-02-01T00:00:00Z")}, "", credentials.No, ", and 1 more"},
		{"of another badge", [][]byte{of(guild, "urn:uuid:other", later)}, "", credentials.No, "it is about urn:uuid:other, and not about this badge"},
		{"one lapsed", [][]byte{of(guild, award.ID, later), of(birch, award.ID, "2026-02-01T00:00:00Z")}, guild.id.String() + ":badge", credentials.No, "endorsed by 1: \"Guild\" " + guild.id.String() + " (badge); not counted: the endorsement by \"Guild\" " + birch.id.String() + " (badge): expired on"},
		{"one altered", [][]byte{bytes.Replace(of(guild, award.ID, later), []byte("Recognised"), []byte("Recommended"), 1)}, "", credentials.No, "signature"},
		{"no endorsement", [][]byte{[]byte("{}")}, "", credentials.No, "an endorsement: "},
	} {
		r := w.v.Report(t.Context(), badge, credentials.ReportOptions{Endorsements: tt.given})
		var got []string
		for _, e := range r.Endorsers {
			got = append(got, e.ID+":"+e.Of)
		}
		c := r.Check(credentials.CheckEndorsements)
		if r.Verdict != credentials.Valid || strings.Join(got, " ") != tt.endorsers || c.Answer != tt.answer || c.Answer == credentials.No && !c.Advisory || !strings.Contains(c.Message, tt.told) {
			t.Errorf("%s: %s, %v, %+v; want %q", tt.name, r.Verdict, got, c, tt.told)
		}
	}
}

func TestAVerifierCanAskForTheEndorsementOfANamedBody(t *testing.T) {
	w := newWorld(t)
	guild, birch := newParty(t, "guild"), newParty(t, "birch")
	older := w.issue(t, w.award()).Credential().Bytes()
	a := w.award()
	a.Achievement = json.RawMessage(strings.TrimSuffix(achievement, "}") + `,"endorsement":[` + string(w.endorse(t, guild, later)) + `]}`)
	newer := w.issue(t, a).Credential().Bytes()
	for _, tt := range []struct {
		name  string
		badge []byte
		by    party
		ok    bool
		also  [][]byte
	}{
		{"embedded", newer, guild, true, nil}, {"older badge", older, guild, false, nil}, {"somebody else", newer, birch, false, nil},
		{"given along", older, guild, true, [][]byte{w.endorse(t, guild, later)}},
		{"given along, and lapsed", older, guild, false, [][]byte{w.endorse(t, guild, "2026-02-01T00:00:00Z")}},
	} {
		r := w.v.Report(t.Context(), tt.badge, credentials.ReportOptions{EndorsedBy: []string{tt.by.id.String()}, Endorsements: tt.also})
		if (r.Verdict == credentials.Valid) != tt.ok || !tt.ok && (r.Code() != credentials.CodeEndorsementMissing || !strings.Contains(r.Why(), tt.by.id.String())) {
			t.Errorf("%s: %s %s %s", tt.name, r.Verdict, r.Code(), r.Why())
		}
	}
}

// An endorsement of a badge is shown beside it, though its subject is the badge
// and not the holder; alone it would be somebody else's credential.
func TestAPresentationShowsEndorsementsBesideTheirBadge(t *testing.T) {
	w := newWorld(t)
	guild := newParty(t, "guild")
	award := w.award()
	badge := w.issue(t, award).Credential().Bytes()
	e := w.endorseOf(t, guild, award.ID, later)
	for name, shown := range map[string][][]byte{"after": {badge, e}, "before": {e, badge}} {
		r := w.v.VerifyPresentation(t.Context(), w.present(t, w.learner, shown...), "c-1", "birch.example")
		if r.Verdict != credentials.Valid || len(r.Verified) != 1 || len(r.Credentials[0].Endorsers) != 1 {
			t.Errorf("%s: %s %s %+v", name, r.Verdict, r.Why, r.Credentials)
		}
	}
	r := w.v.VerifyPresentation(t.Context(), w.present(t, w.learner, e), "c-1", "birch.example")
	if r.Verdict != credentials.Invalid || r.Code != credentials.CodeHolder {
		t.Errorf("alone: %s %s", r.Verdict, r.Why)
	}
}

// away resolves all but one DID, which is out of reach.
type away struct {
	did.Resolver
	id did.DID
}

func (a away) Resolve(ctx context.Context, id did.DID) (did.Resolution, error) {
	if id == a.id {
		return did.Resolution{}, errors.New("out of reach")
	}
	return a.Resolver.Resolve(ctx, id)
}

// Whoever is asked for and is out of reach is not somebody who did not endorse.
func TestAnEndorsementThatCannotBeJudgedIsNotMissing(t *testing.T) {
	w := newWorld(t)
	guild, birch := newParty(t, "guild"), newParty(t, "birch")
	a := w.award()
	a.Achievement = json.RawMessage(strings.TrimSuffix(achievement, "}") + `,"endorsement":[` + string(w.endorse(t, guild, later)) + `]}`)
	badge := w.issue(t, a).Credential().Bytes()
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: away{w.net.resolver(), guild.id}, Status: w.net, Now: func() time.Time { return w.now }})
	for _, tt := range []struct {
		by   []string
		want credentials.Verdict
		code string
	}{
		{nil, credentials.Valid, ""},
		{[]string{guild.id.String()}, credentials.Undecided, credentials.CodeEndorsementUnknown},
		{[]string{guild.id.String(), birch.id.String()}, credentials.Invalid, credentials.CodeEndorsementMissing},
	} {
		r := v.Report(t.Context(), badge, credentials.ReportOptions{EndorsedBy: tt.by})
		if r.Verdict != tt.want || tt.code != "" && r.Code() != tt.code {
			t.Errorf("asked for %v: %s %s %s", tt.by, r.Verdict, r.Code(), r.Why())
		}
	}
}
