package credentials_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// party is somebody with a key and its did:key.
type party struct {
	id  did.DID
	pub did.PublicKey
	ed  ed25519.PrivateKey
	ec  *ecdsa.PrivateKey
}

func (p party) Sign(_ context.Context, m []byte) ([]byte, error) {
	if p.ed != nil {
		return ed25519.Sign(p.ed, m), nil
	}
	h := sha256.Sum256(m)
	r, s, err := ecdsa.Sign(rand.Reader, p.ec, h[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}
func (p party) VerificationMethod() string { return key.MethodID(p.id) }
func (p party) Key() did.PublicKey         { return p.pub }

func newParty(t testing.TB, seed string) party {
	t.Helper()
	s := sha256.Sum256([]byte(seed))
	ed := ed25519.NewKeyFromSeed(s[:])
	pub, err := did.NewPublicKey(did.Ed25519, ed.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.New(pub)
	if err != nil {
		t.Fatal(err)
	}
	return party{id: id, pub: pub, ed: ed}
}

func newP256(t testing.TB) party {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := did.FromECDSA(&ec.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.New(pub)
	if err != nil {
		t.Fatal(err)
	}
	return party{id: id, pub: pub, ec: ec}
}

const (
	listURL = "https://alder.example/status/1/revocation"
	nowText = "2026-11-27T12:00:00Z"
)

// world is an issuer, a learner, their internet and a verifier.
type world struct {
	issuer, learner party
	net             *internet
	now             time.Time
	v               *credentials.Verifier
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{issuer: newParty(t, "issuer"), learner: newParty(t, "learner")}
	w.now = must(time.Parse(time.RFC3339, nowText))
	clock := func() time.Time { return w.now }
	w.net = &internet{answers: map[string]answer{}, now: clock}
	w.v = credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: clock})
	w.publish(t, listURL, status.Revocation)
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constants of a test
	}
	return v
}

// publish signs and serves a list in which the given entries are set.
func (w *world) publish(t testing.TB, url, purpose string, set ...int) {
	t.Helper()
	bits := status.NewBitmap(0)
	for _, i := range set {
		bits.Set(i, true)
	}
	raw, err := credentials.SignStatusList(t.Context(), status.Description{ID: url, Issuer: w.issuer.id.String(), Purpose: purpose, TTL: 15 * time.Minute,
		ValidFrom: w.now, ValidUntil: w.now.Add(24 * time.Hour)}, bits, w.issuer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.net.answers[url] = answer{body: raw}
}

// achievement is an achievement such as a catalogue compiles.
const achievement = `{"id":"https://alder.example/openbadges/a/designer","type":["Achievement"],"name":"Badge Designer",` +
	`"description":"Designs badges that people and machines understand.","achievementType":"Competency",` +
	`"criteria":{"id":"https://alder.example/openbadges/a/designer#criteria","narrative":"- **align** Aligns each of them with a framework."},` +
	`"creditsAvailable":0.5,"tag":["kind:competence"],` +
	`"alignment":[{"type":["Alignment"],"targetName":"EQF level 4","targetUrl":"http://data.europa.eu/snb/eqf/4","targetType":"ext:EQFLevel"}],` +
	`"resultDescription":[{"id":"https://alder.example/openbadges/a/designer#status","type":["ResultDescription"],"name":"Status","resultType":"Status"}]}`

func (w *world) award() credentials.Award {
	e := status.NewEntry(listURL, status.Revocation, 94567)
	image := "https://alder.example/openbadges/a/designer.png"
	return credentials.Award{
		ID: "urn:uuid:5c2f3bd0-7a54-4f0e-9e55-6a3c0a2f9a11", Issuer: credentials.Profile{ID: w.issuer.id.String(), Name: "Alder", URL: "https://alder.example"},
		Achievement: json.RawMessage(achievement), Subject: credentials.Subject{ID: w.learner.id.String()},
		ValidFrom: w.now.Add(-time.Hour), ValidUntil: w.now.AddDate(2, 0, 0), Status: &e, Image: &image,
		Evidence:  []credentials.Evidence{{ID: "urn:sha256:5f7c", Name: "Catalogue of three badges", Genre: "file", Narrative: "Designed for the youth association."}},
		Results:   []credentials.Result{{ResultDescription: "https://alder.example/openbadges/a/designer#status", Status: "Completed"}},
		Narrative: "Earned by validation of prior learning.",
	}
}

func (w *world) issue(t testing.TB, a credentials.Award) credentials.Verified {
	t.Helper()
	raw, err := credentials.Build(a)
	if err != nil {
		t.Fatal(err)
	}
	v, err := credentials.Issue(t.Context(), w.v, raw, w.issuer, w.now)
	if err != nil {
		t.Fatal(fmt.Errorf("%w\n%s", err, raw))
	}
	return v
}
