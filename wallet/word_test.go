package wallet

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// keeps puts a badge into a wallet as if it had come.
func keeps(t *testing.T, w *Wallet, h Held) {
	t.Helper()
	h.Verdict, h.Received = "valid", w.cfg.Now()
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error { _, err := put(tx, h, []byte(h.ID)); return err }); err != nil {
		t.Fatal(err)
	}
}

// says hands the wallet a word about a badge.
func says(t *testing.T, w *Wallet, c exchange.Connection, s exchange.Standing) error {
	t.Helper()
	return take(t.Context(), w, w.onStanding, c, didcomm.Message{ID: didcomm.NewID(), Type: exchange.TypeStanding, Body: didcomm.Object(s)})
}

func said(t *testing.T, w *Wallet, id string) *Word {
	t.Helper()
	h, _, err := w.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h.Said
}

func TestOnlyTheIssuerOfABadgeHasAWordInIt(t *testing.T) {
	w, alder := opened(t)
	birch := partnerOf(t, w, "Birch", "did:web:birch.example")
	now := w.cfg.Now()
	keeps(t, w, Held{ID: "aaaaaaaaaa", Credential: "urn:uuid:1", Name: "Designer", Issuer: "did:web:alder.example", ValidFrom: now.Add(-time.Hour)})
	keeps(t, w, Held{ID: "bbbbbbbbbb", Credential: "urn:uuid:2", Name: "Keyed", Issuer: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", ValidFrom: now.Add(-time.Hour)})
	for _, tt := range []struct {
		name string
		by   exchange.Connection
		s    exchange.Standing
		of   string
		want string // what is kept then, "" for nothing
	}{
		{"another partner", birch, exchange.Standing{Credential: "urn:uuid:1", Standing: "revoked", Reason: "spite", At: now}, "aaaaaaaaaa", ""},
		{"an unknown badge", alder, exchange.Standing{Credential: "urn:uuid:9", Standing: "revoked", At: now}, "aaaaaaaaaa", ""},
		{"a version before", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "suspended", Reason: "old", At: now.Add(-2 * time.Hour)}, "aaaaaaaaaa", ""},
		{"who did not give it", birch, exchange.Standing{Credential: "urn:uuid:2", Standing: "revoked", At: now}, "bbbbbbbbbb", ""},
		{"the issuer", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "suspended", Reason: "a doubt", At: now.Add(-time.Minute)}, "aaaaaaaaaa", "suspended: a doubt"},
		{"the same again", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "active", Reason: "again", At: now.Add(-time.Minute)}, "aaaaaaaaaa", "suspended: a doubt"},
		{"an older one after", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "active", Reason: "late", At: now.Add(-2 * time.Minute)}, "aaaaaaaaaa", "suspended: a doubt"},
		{"a newer one", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "revoked", Reason: "no doubt", At: now}, "aaaaaaaaaa", "revoked: no doubt"},
		{"after the last", alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "active", Reason: "regret", At: now.Add(time.Hour)}, "aaaaaaaaaa", "revoked: no doubt"},
	} {
		if err := says(t, w, tt.by, tt.s); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := ""
		if x := said(t, w, tt.of); x != nil {
			got = x.Standing + ": " + x.Reason
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// An issuer without an address speaks over the connection by which it gave the badge.
	err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		return exchange.Got.Put(tx, exchange.Offer{ID: "offer-2", Connection: alder.ID, Credential: "urn:uuid:2", State: exchange.Accepted})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := says(t, w, alder, exchange.Standing{Credential: "urn:uuid:2", Standing: "revoked", Reason: strings.Repeat("x", exchange.MaxReason), At: now}); err != nil {
		t.Fatal(err)
	}
	if x := said(t, w, "bbbbbbbbbb"); x == nil || x.Standing != "revoked" || len(x.Reason) != exchange.MaxReason {
		t.Errorf("%+v", x)
	}
	if h, _, err := w.Get(t.Context(), "bbbbbbbbbb"); err != nil || h.Verdict != "valid" {
		t.Errorf("by a word alone the badge is %s, %v", h.Verdict, err)
	}
}

func TestAWordThatIsNoneIsRefused(t *testing.T) {
	w, alder := opened(t)
	at, far := w.cfg.Now().Format(time.RFC3339), w.cfg.Now().AddDate(1, 0, 0).Format(time.RFC3339)
	for name, body := range map[string]string{
		"no object": `[]`, "no badge": `{"standing": "revoked", "at": "` + at + `"}`, "no time": `{"credential": "urn:uuid:1", "standing": "revoked"}`,
		"another standing": `{"credential": "urn:uuid:1", "standing": "renewed", "at": "` + at + `"}`,
		"the far future":   `{"credential": "urn:uuid:1", "standing": "revoked", "at": "` + far + `"}`,
		"too many words":   `{"credential": "urn:uuid:1", "standing": "revoked", "at": "` + at + `", "reason": "` + strings.Repeat("x", exchange.MaxReason+1) + `"}`,
	} {
		err := take(t.Context(), w, w.onStanding, alder, didcomm.Message{ID: "1", Type: exchange.TypeStanding, Body: json.RawMessage(body)})
		if p, ok := errors.AsType[*didcomm.Problem](err); !ok || p.Code != exchange.CodeMessage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is said once is told once; until its status was looked at that is said,
// too.
func TestAWordIsToldOnce(t *testing.T) {
	w, alder := opened(t)
	now := w.cfg.Now()
	keeps(t, w, Held{ID: "aaaaaaaaaa", Credential: "urn:uuid:1", Name: "Designer", Issuer: "did:web:alder.example", ValidFrom: now.Add(-time.Hour)})
	if err := says(t, w, alder, exchange.Standing{Credential: "urn:uuid:1", Standing: "revoked", Reason: "wrong assessment", At: now}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Designer was revoked: wrong assessment (its status could not be looked at yet)", ""} {
		words, err := w.words(t.Context(), 0)
		if got := strings.Join(words[alder.ID], "|"); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

func TestABadgesStatusBearsAWordOutOrNot(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		standing string
		check    credentials.Check
		want     credentials.Answer
	}{
		{"revoked", credentials.Check{Answer: credentials.No, Code: credentials.CodeRevoked, Fetched: now}, credentials.Yes},
		{"revoked", credentials.Check{Answer: credentials.No, Code: credentials.CodeRevoked, Fetched: now.Add(-time.Hour)}, credentials.Yes},
		{"revoked", credentials.Check{Answer: credentials.Yes, Code: credentials.CodeOK, Fetched: now}, credentials.No},
		{"revoked", credentials.Check{Answer: credentials.Yes, Code: credentials.CodeOK, Fetched: now.Add(-time.Hour)}, credentials.Unknown}, // a copy of before
		{"revoked", credentials.Check{Answer: credentials.Unknown}, credentials.Unknown},
		{"active", credentials.Check{Answer: credentials.Yes, Code: credentials.CodeOK, Fetched: now}, credentials.Yes},
		{"active", credentials.Check{Answer: credentials.No, Code: credentials.CodeSuspended, Fetched: now}, credentials.No},
		{"active", credentials.Check{Answer: credentials.No, Code: credentials.CodeSuspended, Fetched: now.Add(-time.Hour)}, credentials.Unknown},
	} {
		tt.check.Name = credentials.CheckStatus
		if got := bears(tt.standing, credentials.Report{Checks: []credentials.Check{tt.check}}, now); got != tt.want {
			t.Errorf("%s, %+v: %s", tt.standing, tt.check, got)
		}
	}
}

// Of two versions of one badge from the same second one is kept: that which is
// valid longer, else the one that came last.
func TestOneCopyIsKeptOfABadge(t *testing.T) {
	w, _ := opened(t)
	now := w.cfg.Now()
	for i, step := range []struct {
		id    string
		from  time.Duration
		until time.Duration
		kept  string
	}{
		{"aaaaaaaaaa", 0, time.Hour, "aaaaaaaaaa"}, {"bbbbbbbbbb", 0, 2 * time.Hour, "bbbbbbbbbb"}, {"aaaaaaaaaa", 0, time.Hour, "bbbbbbbbbb"},
		{"cccccccccc", 0, 2 * time.Hour, "cccccccccc"}, {"dddddddddd", time.Second, time.Hour, "dddddddddd"}, {"cccccccccc", 0, 2 * time.Hour, "dddddddddd"},
	} {
		keeps(t, w, Held{ID: step.id, Credential: "urn:uuid:1", Issuer: "did:web:alder.example", ValidFrom: now.Add(step.from), ValidUntil: now.Add(step.until)})
		if all, err := w.List(t.Context()); err != nil || len(all) != 1 || all[0].ID != step.kept {
			t.Errorf("step %d: %+v, %v", i, all, err)
		}
	}
}
