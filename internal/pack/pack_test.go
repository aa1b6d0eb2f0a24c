package pack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/pack"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
)

// world is an issuer on this machine, a badge of it, and a verifier who seals.
type world struct {
	now    time.Time
	pages  map[string][]byte // what the issuer serves, by path
	down   bool
	base   string
	issuer string
	signer keys.Signer
	badge  []byte
	party  *party.Party
	keys   *keys.Store
	sealer did.PublicKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), pages: map[string][]byte{}}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, ok := w.pages[r.URL.Path]
		switch {
		case w.down:
			panic(http.ErrAbortHandler) // no answer at all
		case !ok:
			http.NotFound(rw, r)
		default:
			_, err := rw.Write(body)
			if err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(srv.Close)
	w.base = strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	w.party, w.keys = w.verifier(t)
	id, err := web.New(w.base)
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = id.String()
	k := w.key(t)
	doc := did.Document{ID: id}
	w.signer = w.keys.Signer(k, doc.Add("key-1", k, did.AssertionMethod).ID)
	if w.pages["/.well-known/did.json"], err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	w.sealer = w.key(t)
	w.publish(t)
	w.badge = w.issue(t)
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) verifier(t *testing.T) (*party.Party, *keys.Store) {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p, err := party.New(party.Config{DB: db, Loopback: true, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	ks, err := keys.Open(t.Context(), db, bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return p, ks
}

func (w *world) key(t *testing.T) did.PublicKey {
	t.Helper()
	k, err := w.keys.Create(t.Context(), did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const listPath = "/status/1/revocation"

// publish serves a list in which the given entries are revoked. It may be kept
// for 15 minutes, and is good for a day.
func (w *world) publish(t *testing.T, revoked ...int) {
	t.Helper()
	bits := status.NewBitmap(0)
	for _, i := range revoked {
		bits.Set(i, true)
	}
	raw, err := credentials.SignStatusList(t.Context(), status.Description{ID: w.base + listPath, Issuer: w.issuer, Purpose: status.Revocation,
		TTL: 15 * time.Minute, ValidFrom: w.now, ValidUntil: w.now.Add(24 * time.Hour)}, bits, w.signer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.pages[listPath] = raw
}

func (w *world) issue(t *testing.T) []byte {
	t.Helper()
	e := status.NewEntry(w.base+listPath, status.Revocation, 7)
	raw, err := credentials.Build(credentials.Award{ID: "urn:uuid:22222222-2222-4222-8222-222222222222", Issuer: credentials.Profile{ID: w.issuer, Name: "Alder"},
		Achievement: json.RawMessage(`{"id":"urn:uuid:11111111-1111-4111-8111-111111111111","type":["Achievement"],"name":"Welding","description":"d","criteria":{"narrative":"n"}}`),
		Subject:     credentials.Subject{ID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}, ValidFrom: w.now.Add(-time.Hour), Status: &e})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := w.verifier(t)
	v, err := credentials.Issue(t.Context(), p.Verifier, raw, w.signer, w.now)
	if err != nil {
		t.Fatal(err)
	}
	return v.Credential().Bytes()
}

func (w *world) make(t *testing.T) ([]byte, credentials.Report) {
	t.Helper()
	raw, r, err := pack.Make(t.Context(), w.party, w.badge, w.now, w.keys, w.sealer)
	if err != nil {
		t.Fatal(err)
	}
	return raw, r
}

// terms trust this world's sealer.
func (w *world) terms() pack.Terms {
	return pack.Terms{Sealers: []string{"did:key:" + w.sealer.Multibase()}, Loopback: true, Now: w.clock}
}

func (w *world) verify(t *testing.T, raw []byte, terms pack.Terms) (credentials.Report, error) {
	t.Helper()
	k, err := pack.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k.Verify(t.Context(), terms, credentials.ReportOptions{})
}

func TestAPackVerifiesWithoutItsIssuer(t *testing.T) {
	w := newWorld(t)
	raw, r := w.make(t)
	if r.Verdict != credentials.Valid {
		t.Fatal(r.Why())
	}
	w.down = true
	w.now = w.now.Add(time.Hour)
	r, err := w.verify(t, raw, w.terms())
	if c := r.Check(credentials.CheckStatus); err != nil || r.Verdict != credentials.Valid || c.Age != time.Hour {
		t.Errorf("%s, status of age %v, %v", r.Verdict, c.Age, err)
	}
	if !pack.IsPack(raw) || pack.IsPack(w.badge) || pack.IsPack([]byte("{}")) {
		t.Error("what is a pack, and what is not, cannot be told")
	}
}

func TestRecognitionIsJudgedInAPackAsElsewhere(t *testing.T) {
	w := newWorld(t)
	raw, _ := w.make(t)
	for issuer, want := range map[string]credentials.Answer{w.issuer: credentials.Yes, "did:web:other.example": credentials.No} {
		terms := w.terms()
		terms.Issuers = []string{issuer}
		if r, err := w.verify(t, raw, terms); err != nil || r.Recognition.Answer != want {
			t.Errorf("trusting %s: %s, %v", issuer, r.Recognition.Answer, err)
		}
	}
}

// The issuer revokes within the five minutes that a copy serves.
func TestMakingAPackAsksThePublishersAgain(t *testing.T) {
	w := newWorld(t)
	if raw, r := w.make(t); raw == nil {
		t.Fatal(r.Why())
	}
	w.now = w.now.Add(time.Minute)
	w.publish(t, 7)
	if raw, r := w.make(t); raw != nil || r.Code() != credentials.CodeRevoked {
		t.Errorf("packed %d bytes: %s", len(raw), r.Why())
	}
	if w.party.Cache.Refresh {
		t.Error("the party goes on asking afresh")
	}
}

func TestAPackIsMadeOfCopiesWhenAPublisherIsOutOfReach(t *testing.T) {
	w := newWorld(t)
	w.make(t)
	made := w.now
	w.down = true
	w.now = w.now.Add(10 * time.Minute)
	raw, r := w.make(t)
	if raw == nil {
		t.Fatal(r.Why())
	}
	if r, err := w.verify(t, raw, w.terms()); err != nil || r.Verdict != credentials.Valid || !r.Check(credentials.CheckStatus).Fetched.Equal(made) {
		t.Errorf("%s as of %v, %v", r.Verdict, r.Check(credentials.CheckStatus).Fetched, err)
	}
}

// A list is good until its validUntil and not longer, whoever carries it.
func TestAPackOlderThanItsListsIsUndecided(t *testing.T) {
	w := newWorld(t)
	raw, _ := w.make(t)
	for after, want := range map[time.Duration]credentials.Verdict{24 * time.Hour: credentials.Valid, 24*time.Hour + time.Second: credentials.Undecided} {
		start := w.now
		w.now = w.now.Add(after)
		r, err := w.verify(t, raw, w.terms())
		if err != nil || r.Verdict != want || want == credentials.Undecided && r.Code() != credentials.CodeStatusUnavailable {
			t.Errorf("after %v: %s %s, %v", after, r.Verdict, r.Code(), err)
		}
		w.now = start
	}
}

func TestAPackOfAnotherSealerIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	raw, _ := w.make(t)
	for name, sealers := range map[string][]string{"nobody": nil, "the issuer": {w.issuer}, "another key": {"did:key:" + w.key(t).Multibase()}} {
		terms := w.terms()
		terms.Sealers = sealers
		if r, err := w.verify(t, raw, terms); !errors.Is(err, pack.ErrSealer) || len(r.Checks) != 0 || !strings.Contains(err.Error(), "--trust-sealer did:key:"+w.sealer.Multibase()) {
			t.Errorf("trusting %s: %v", name, err)
		}
	}
}

func TestAPackThatIsNotAsItWasSealedIsRefused(t *testing.T) {
	w := newWorld(t)
	raw, _ := w.make(t)
	text := string(raw)
	var e map[string]any
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	spoiled := func(change func(map[string]any)) []byte {
		bad := map[string]any{}
		if err := json.Unmarshal(raw, &bad); err != nil {
			t.Fatal(err)
		}
		change(bad)
		out, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	// resealed has another content under a good seal of the same sealer.
	resealed := func(from, to string) []byte {
		return spoiled(func(bad map[string]any) {
			body, err := base64.StdEncoding.DecodeString(bad["payload"].(string))
			if err != nil || !bytes.Contains(body, []byte(from)) {
				t.Fatalf("no %s in the content, %v", from, err)
			}
			bad["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(body, []byte(from), []byte(to), 1))
			sig, err := w.keys.Sign(t.Context(), w.sealer, []byte("trustme-pack 1 "+bad["sealer"].(string)+" "+bad["payload"].(string)))
			if err != nil {
				t.Fatal(err)
			}
			bad["signature"] = base64.StdEncoding.EncodeToString(sig)
		})
	}
	if _, err := pack.Open(resealed(`"badge"`, `"badge"`)); err != nil {
		t.Fatalf("resealed as it was: %v", err)
	}
	for name, tt := range map[string]struct {
		raw []byte
		err error
		why string
	}{
		"cut at its end":           {raw[:len(raw)-10], pack.ErrAltered, "it is cut or altered"},
		"cut in the middle":        {raw[:len(raw)/2], pack.ErrAltered, "it is cut or altered"},
		"with something behind it": {append(bytes.Clone(raw), '}'), pack.ErrAltered, "it is cut or altered"},
		"another badge":            {spoiled(func(b map[string]any) { b["payload"] = "e30=" }), pack.ErrAltered, "its signature does not match"},
		"another's seal":           {spoiled(func(b map[string]any) { b["sealer"] = "did:key:" + w.key(t).Multibase() }), pack.ErrAltered, "its signature does not match"},
		"no signature":             {spoiled(func(b map[string]any) { delete(b, "signature") }), pack.ErrAltered, "its signature does not match"},
		"a sealer with a domain":   {spoiled(func(b map[string]any) { b["sealer"] = w.issuer }), pack.ErrAltered, "the sealer is no did:key"},
		"a key of a kind not known": {spoiled(func(b map[string]any) {
			b["sealer"] = "did:key:z5TcESXuYUE9aZWYwSdrUEGK1HNQFHyTt4aVpaCTVZcDXQmUheFwfNZmRksaAbBneNm5KyE52SdJeRCN1g6PJmF31GsHWwFiqUDujvasK3wTiDr3vvkYwEJHt7H5RGEKYEp1ErtQtcEBgsgY2DA9JZkHj1J9HZ8MRDTguAhoFtR4aTBQhgnkP4SwVbxDYMEZoF2TMYn3s"
		}), pack.ErrAltered, "the sealer's key"},
		"a member that is not sealed":     {spoiled(func(b map[string]any) { b["note"] = "x" }), pack.ErrAltered, "/note is not part of a pack"},
		"a member in another case":        {spoiled(func(b map[string]any) { b["Payload"] = "x" }), pack.ErrAltered, "/Payload is not part of a pack"},
		"no version":                      {spoiled(func(b map[string]any) { delete(b, "version") }), pack.ErrAltered, "no format version"},
		"a newer version":                 {spoiled(func(b map[string]any) { b["version"] = 2 }), pack.ErrNotPack, "use the newer program"},
		"a member twice":                  {[]byte(strings.Replace(text, `"version":1`, `"version":1,"version":1`, 1)), pack.ErrAltered, "it is cut or altered"},
		"something else":                  {[]byte(`{"format":"trustme-backup"}`), pack.ErrNotPack, ""},
		"no JSON":                         {[]byte("pack"), pack.ErrNotPack, ""},
		"sealed with an unknown key":      {resealed(`"badge"`, `"more":1,"badge"`), pack.ErrAltered, "/more is not part of a pack"},
		"sealed with a member twice":      {resealed(`"badge"`, `"documents"`), pack.ErrAltered, "its content: malformed JSON"},
		"sealed with a time that is none": {resealed(`"created":"2026-11-27T12:00:00Z"`, `"created":"noon"`), pack.ErrAltered, "/created is no time"},
		"sealed with a number as badge":   {resealed(`"badge":"`, `"badge":1,"x":"`), pack.ErrAltered, "/x is not part of a pack"},
	} {
		k, err := pack.Open(tt.raw)
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v", name, err)
		}
		if k.Badge != nil && errors.Is(err, pack.ErrAltered) {
			t.Errorf("%s: its badge was handed out", name)
		}
	}
}
