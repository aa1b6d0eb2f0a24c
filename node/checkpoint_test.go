package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// keyed is a node under a did:key, which anybody resolves, that may reach this
// machine.
func keyed(t *testing.T) *Node {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "n")
	if err := Init(InitRequest{Dir: dir, Settings: Settings{Name: "Birch", Method: "key", Base: "http://localhost:1", Reserve: 1, Loopback: new(true)}, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir, nil)
}

// state signs, as a node, that an entry of its journal has a digest.
func (n *Node) state(t *testing.T, at string, of []byte) []byte {
	t.Helper()
	raw, err := n.signStatement(t.Context(), recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Checkpoint", Of: at, From: n.second()},
		Resources: []credentials.Resource{{ID: at, DigestMultibase: recognition.Digest(of)}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A partner that shows one journal today and another tomorrow is told on, and
// what is no checkpoint is not kept.
func TestAPartnerThatShowsTwoJournalsIsFound(t *testing.T) {
	alder, birch := keyed(t), keyed(t)
	var body []byte
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/journal/checkpoint" {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(body); err != nil {
			t.Error(err)
		}
	}))
	defer web.Close()
	one, another := birch.state(t, "http://localhost:1/journal#5", []byte("one")), birch.state(t, "http://localhost:1/journal#5", []byte("another"))
	endorsement := birch.state(t, "https://alder.example/openbadges/a/basics", []byte("one"))
	altered := []byte(strings.Replace(string(one), "journal#5", "journal#6", 1))
	for _, tt := range []struct {
		name string
		body []byte
		why  string
		of   string
	}{
		{"somebody else's", one, "and not of did:key:other", "did:key:other"},
		{"the first", one, "", birch.DID().String()}, {"the same again", one, "", ""}, {"a contradiction", another, "shows two journals: entry 5 had the hash", ""},
		{"the contradiction again", another, "shows two journals: entry 5 had the hash", ""},
		{"an endorsement", endorsement, "no checkpoint of a journal", ""}, {"altered", altered, "the checkpoint does not verify", ""},
	} {
		body = tt.body
		c, err := alder.KeepCheckpoint(t.Context(), web.URL, tt.of)
		if tt.why == "" && (err != nil || c.Of != birch.DID().String() || c.Seq != 5) || tt.why != "" && (!errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tt.why)) {
			t.Errorf("%s: %+v, %v; want %q", tt.name, c, err, tt.why)
		}
	}
	if all, err := alder.Checkpoints(t.Context()); err != nil || len(all) != 1 || string(all[0].Credential) != string(one) || string(all[0].Against) != string(another) {
		t.Errorf("kept, with the proof: %+v, %v", all, err)
	}
	later := Checkpoint{Of: birch.DID().String(), Seq: 4, Signed: birch.now().Add(time.Hour)}
	if err := alder.db.View(t.Context(), func(tx *store.Tx) error {
		if old, why, err := contradicted(tx, later); err != nil || old.Seq != 5 || !strings.Contains(why, "it had 5 entries") {
			t.Errorf("a journal that got shorter: %q, %v", why, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A journal that is rewritten after a partner took a checkpoint no longer fits,
// though its own chain is whole.
func TestAJournalIsHeldToWhatAPartnerKeeps(t *testing.T) {
	alder := keyed(t)
	for range 3 {
		if err := alder.db.Update(t.Context(), func(tx *store.Tx) error { return alder.note(tx, "award.made", map[string]any{"credential": "urn:1"}) }); err != nil {
			t.Fatal(err)
		}
	}
	c, err := alder.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign := keyed(t).state(t, "http://localhost:1/journal#2", []byte("x"))
	for _, tt := range []struct {
		name string
		kept []Checkpoint
		fits int
		why  string
	}{
		{"as it is", []Checkpoint{c}, 1, ""},
		{"somebody else's", []Checkpoint{{Of: "did:key:z6Mk", Credential: foreign}}, 0, ""},
		{"rewritten", []Checkpoint{{Of: c.Of, Credential: alder.state(t, "http://localhost:1/journal#2", []byte("x"))}}, 0, "with another hash"},
		{"shortened", []Checkpoint{{Of: c.Of, Credential: alder.state(t, "http://localhost:1/journal#99", []byte("x"))}}, 0, "the journal ends before"},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := json.NewEncoder(w).Encode(tt.kept); err != nil {
				t.Error(err)
			}
		}))
		a, err := alder.VerifyJournal(context.Background(), AuditRequest{Partner: web.URL})
		web.Close()
		if err != nil || a.OK != (tt.why == "") || a.Checkpoints != tt.fits || !strings.Contains(a.Why, tt.why) {
			t.Errorf("%s: %+v, %v; want %q", tt.name, a, err, tt.why)
		}
	}
}
