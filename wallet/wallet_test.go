package wallet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/wallet"
)

// issuer signs badges under a did:key, without any node.
type issuer struct {
	party  *party.Party
	signer keys.Signer
	id     string
}

// newKey makes a key in a store of its own.
func newKey(t *testing.T) (*store.DB, *keys.Store, did.PublicKey) {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ks, err := keys.Open(t.Context(), db, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ks.Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	return db, ks, k
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	db, ks, k := newKey(t)
	d, err := key.New(k)
	if err != nil {
		t.Fatal(err)
	}
	p, err := party.New(party.Config{DB: db, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return issuer{p, ks.Signer(k, key.MethodID(d)), d.String()}
}

func (i issuer) badge(t *testing.T, id, name, subject string, until time.Time) credentials.Verified {
	t.Helper()
	v, err := credentials.Issue(t.Context(), i.party.Verifier, i.award(t, id, name, subject, until), i.signer, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// award is a badge before it is signed.
func (i issuer) award(t *testing.T, id, name, subject string, until time.Time) []byte {
	t.Helper()
	achievement, err := json.Marshal(map[string]any{"id": "urn:uuid:11111111-1111-4111-8111-111111111111", "type": []string{"Achievement"}, "name": name, "description": "d", "criteria": map[string]string{"narrative": "n"}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := credentials.Build(credentials.Award{ID: id, Issuer: credentials.Profile{ID: i.id, Name: "Somebody"}, Achievement: achievement, Subject: credentials.Subject{ID: subject}, ValidFrom: time.Now().Add(-time.Hour), ValidUntil: until})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func open(t *testing.T, dir string, now func() time.Time) *wallet.Wallet {
	t.Helper()
	if !seal.Exists(dir) {
		if _, err := wallet.Init(t.Context(), dir, seal.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	w, err := wallet.Open(t.Context(), wallet.Config{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

const urn = "urn:uuid:22222222-2222-4222-8222-22222222222"

func TestWhatIsHeldIsThereAfterReopeningByteForByte(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, nil)
	v := newIssuer(t).badge(t, urn+"1", "Welding", w.DID().String(), time.Time{})
	h, err := w.Add(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open(t, dir, nil)
	for _, what := range []string{h.ID, h.ID[:6], "welding", urn + "1"} {
		if got, raw, err := w.Get(t.Context(), what); err != nil || got.ID != h.ID || !bytes.Equal(raw, v.Credential().Bytes()) {
			t.Errorf("%q: %+v, %v", what, got, err)
		}
	}
	if _, _, err := w.Get(t.Context(), "cooking"); !errors.Is(err, wallet.ErrNotHeld) {
		t.Errorf("not held: %v", err)
	}
}

func TestAnEndedBadgeIsToldWhenItIsLookedAt(t *testing.T) {
	offset := time.Duration(0)
	w := open(t, t.TempDir(), func() time.Time { return time.Now().Add(offset) })
	v := newIssuer(t).badge(t, urn+"3", "Welding", w.DID().String(), time.Now().Add(time.Hour))
	h, err := w.Add(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	offset = 2 * time.Hour
	if _, r, err := w.Verify(t.Context(), h.ID); err != nil || r.Verdict != credentials.Invalid || r.Code() != credentials.CodeExpired {
		t.Errorf("%v %s, %v", r.Verdict, r.Code(), err)
	}
	list, err := w.List(t.Context())
	if err != nil || list[0].Verdict != "invalid" {
		t.Errorf("the list: %+v, %v", list, err)
	}
}

func TestAPresentationIsBoundToItsChallengeAndHolder(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	is := newIssuer(t)
	h, err := w.Add(t.Context(), is.badge(t, urn+"4", "Welding", w.DID().String(), time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := w.Add(t.Context(), is.badge(t, urn+"5", "Cooking", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	vp, err := w.PresentFile(t.Context(), []string{h.ID}, "c1", "did:web:birch.example")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(challenge, domain string) credentials.PresentationReport {
		return is.party.Verifier.VerifyPresentation(context.Background(), vp, challenge, domain)
	}
	if r := verify("c1", "did:web:birch.example"); r.Verdict != credentials.Valid || r.Holder != w.DID().String() || len(r.Verified) != 1 {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
	for _, bad := range [][2]string{{"c2", "did:web:birch.example"}, {"c1", "did:web:alder.example"}} {
		if r := verify(bad[0], bad[1]); r.Verdict != credentials.Invalid || r.Code != credentials.CodeReplay {
			t.Errorf("%v: %s %s", bad, r.Verdict, r.Code)
		}
	}
	if _, err := w.PresentFile(t.Context(), []string{foreign.ID}, "c", "d"); !errors.Is(err, wallet.ErrInput) {
		t.Errorf("a badge of somebody else: %v", err)
	}
}

func TestTwoBackupsMergeAsAUnionAndKeepTheirKeys(t *testing.T) {
	is := newIssuer(t)
	pass := seal.Options{Passphrase: "p", WorkFactor: 10}
	var backups []*bytes.Buffer
	var subjects []string
	for i, name := range []string{"Welding", "Cooking"} {
		w := open(t, t.TempDir(), nil)
		if _, err := w.Add(t.Context(), is.badge(t, urn+string(rune('6'+i)), name, w.DID().String(), time.Time{})); err != nil {
			t.Fatal(err)
		}
		b := &bytes.Buffer{}
		if _, err := w.Backup(t.Context(), b, pass); err != nil {
			t.Fatal(err)
		}
		if m, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(b.Bytes()), "p"); err != nil || m.Badges != 1 {
			t.Errorf("%+v, %v", m, err)
		}
		if _, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(b.Bytes()), "q"); !errors.Is(err, seal.ErrWrongPassphrase) {
			t.Errorf("a wrong passphrase: %v", err)
		}
		backups, subjects = append(backups, b), append(subjects, w.DID().String())
	}
	w := open(t, t.TempDir(), nil)
	for _, b := range []*bytes.Buffer{backups[0], backups[1], backups[0]} {
		if _, err := w.Restore(t.Context(), bytes.NewReader(b.Bytes()), "p"); err != nil {
			t.Fatal(err)
		}
	}
	if w.DID().String() != subjects[0] {
		t.Errorf("an empty wallet became %s, not %s", w.DID(), subjects[0])
	}
	list, err := w.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%d badges, %v", len(list), err)
	}
	for _, name := range []string{"Welding", "Cooking"} { // both keys sign here now
		if _, err := w.PresentFile(t.Context(), []string{name}, "c", "d"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range 40 {
		bad := bytes.Clone(backups[0].Bytes())
		bad[len(bad)*i/40] ^= 4
		if _, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(bad), "p"); err == nil {
			t.Errorf("altered at %d of 40: accepted", i)
		}
		if _, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(bad[:len(bad)*i/40]), "p"); err == nil {
			t.Errorf("cut at %d of 40: accepted", i)
		}
	}
}

// Of one credential of one issuer the newest version is kept; an older one
// that comes later changes nothing, and somebody else's of the same id is
// another.
func TestARenewalTakesThePlaceOfWhatItRenews(t *testing.T) {
	is, other := newIssuer(t), newIssuer(t)
	w := open(t, t.TempDir(), nil)
	raw := regexp.MustCompile(`"validFrom":"[^"]*"`).ReplaceAll(is.award(t, urn+"1", "Older", w.DID().String(), time.Time{}), []byte(`"validFrom":"2026-01-01T00:00:00Z"`))
	older, err := credentials.Issue(t.Context(), is.party.Verifier, raw, is.signer, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	newer := is.badge(t, urn+"1", "Newer", w.DID().String(), time.Time{})
	foreign := other.badge(t, urn+"1", "Foreign", w.DID().String(), time.Time{})
	for _, v := range []credentials.Verified{older, newer, foreign, older} {
		if _, err := w.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	hs, err := w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range hs {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"Foreign", "Newer"}) {
		t.Errorf("held: %v", names)
	}
}
