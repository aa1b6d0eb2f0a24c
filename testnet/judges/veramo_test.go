package judges

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/did/peer"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// says is what Veramo and SICPA's didcomm make of one envelope, as each got its
// own copy; Envelope is ours to open.
type says struct {
	Envelope      string
	Veramo, Sicpa struct {
		Error   string
		Message struct {
			Body struct{ Content string }
		}
	}
}

// newPeer returns a packer of this project's, and its did:peer:2.
func newPeer(t *testing.T) (*didcomm.Packer, did.DID) {
	t.Helper()
	ctx := t.Context()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	ks, err := keys.Open(ctx, db, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	agree, err := ks.Create(ctx, did.X25519)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := ks.Create(ctx, did.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.New2(agree, auth, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := func(_ context.Context, d did.DID) (bool, error) { return d == id, nil }
	return &didcomm.Packer{Keys: ks, Resolver: did.Methods{"peer": peer.Resolver{}}, Own: own}, id
}

// What each answers to an envelope that it cannot open.
const (
	veramoCannot = "unable to decrypt DIDComm message with any of the locally managed keys"
	sicpaNoAPV   = "missing field `apv`"
	sicpaNoKey   = "Unable unwrap cek"
	weNoAPV      = "apv is not the digest of the recipients"
	weNoKey      = "unwrapping a content key"
)

// Veramo opens our anoncrypt. It does not open our authcrypt, nor SICPA's,
// which we open: it derives keys as draft 3 of ECDH-1PU does. Wrapped anew as of
// that draft and otherwise unchanged, it opens ours.
func TestVeramoAndSICPAOpenWhatWeSealAsFarAsTheyFollowTheStandard(t *testing.T) {
	opens := foreign(t).Opens
	for name, want := range map[string]struct{ veramo, sicpa string }{
		"anoncrypt":               {"", ""},
		"authcrypt":               {veramoCannot, ""},
		"authcrypt as of draft 3": {"", sicpaNoKey},
	} {
		said, ok := opens[name]
		if !ok {
			t.Fatalf("nothing is said of %s", name)
		}
		outcome(t, "Veramo on our "+name, said.Veramo.Message.Body.Content, said.Veramo.Error, "from us", want.veramo)
		outcome(t, "SICPA on our "+name, said.Sicpa.Message.Body.Content, said.Sicpa.Error, "from us", want.sicpa)
	}
}

// We open all that SICPA's didcomm seals, and refuse what it refuses: Veramo's
// headers lack apv (DIDComm Messaging v2 §5.1: it must be there), and with apv
// its authcrypt still derives keys as draft 3 does. Its anoncrypt with apv opens.
func TestWeOpenWhatVeramoAndSICPASealAsFarAsTheyFollowTheStandard(t *testing.T) {
	f := foreign(t)
	type row struct{ veramo, sicpa, we string }
	lacks, good := row{"", sicpaNoAPV, weNoAPV}, row{}
	want := map[string]row{
		"Veramo, authcrypt, A256CBC-HS512":          lacks,
		"Veramo with apv, authcrypt, A256CBC-HS512": {"", sicpaNoKey, weNoKey},
		"SICPA, authcrypt, A256CBC-HS512":           {veramoCannot, "", ""},
	}
	for _, enc := range []string{"A256CBC-HS512", "A256GCM", "XC20P"} {
		want["Veramo, anoncrypt, "+enc] = lacks
		want["Veramo with apv, anoncrypt, "+enc] = good
		want["SICPA, anoncrypt, "+enc] = good
	}
	if len(f.Seals) != len(want) {
		t.Errorf("%d envelopes are judged instead of %d", len(f.Seals), len(want))
	}
	for name, w := range want {
		said := f.Seals[name]
		outcome(t, "Veramo on "+name, said.Veramo.Message.Body.Content, said.Veramo.Error, "from elsewhere", w.veramo)
		outcome(t, "SICPA on "+name, said.Sicpa.Message.Body.Content, said.Sicpa.Error, "from elsewhere", w.sicpa)
		r, err := f.packer.Unpack(t.Context(), []byte(said.Envelope))
		var body struct{ Content string }
		var why string
		if err != nil {
			why = err.Error()
		} else if err := json.Unmarshal(r.Message.Body, &body); err != nil {
			t.Fatal(err)
		}
		outcome(t, "we on "+name, body.Content, why, "from elsewhere", w.we)
		if err == nil && strings.Contains(name, "authcrypt") != (r.From == f.them) {
			t.Errorf("%s comes from %q", name, r.From)
		}
	}
	t.Logf("%d envelopes, as each of three libraries finds them", len(want))
}

// outcome compares what came out of an envelope, or why nothing did.
func outcome(t *testing.T, what, content, why, wantContent, wantWhy string) {
	t.Helper()
	if wantWhy == "" && (why != "" || content != wantContent) {
		t.Errorf("%s: %q %s, want %q", what, content, why, wantContent)
	}
	if wantWhy != "" && !strings.Contains(why, wantWhy) {
		t.Errorf("%s: %q %s, want a refusal with %q", what, content, why, wantWhy)
	}
}

// exchanged is what a foreign peer said of our envelopes, and gave us.
type exchanged struct {
	packer       *didcomm.Packer
	them         did.DID
	Opens, Seals map[string]says
}

// foreign makes a foreign peer, seals to it, and lets it open and seal.
func foreign(t *testing.T) exchanged {
	t.Helper()
	present(t)
	dir := t.TempDir()
	judge(t, "", "veramo.js", "new", dir)
	var theirs struct{ Did string }
	load(t, dir, "veramo.json", &theirs)
	f := exchanged{}
	var err error
	if f.them, err = did.Parse(theirs.Did); err != nil {
		t.Fatal(err)
	}
	var id did.DID
	f.packer, id = newPeer(t)
	envelopes := map[string]string{}
	for packing, from := range map[string]did.DID{"authcrypt": id, "anoncrypt": {}} {
		m := didcomm.Message{ID: "ours-1", Type: "https://didcomm.org/basicmessage/2.0/message", Body: json.RawMessage(`{"content":"from us"}`)}
		raw, err := f.packer.Pack(t.Context(), m, from, f.them)
		if err != nil {
			t.Fatal(err)
		}
		envelopes[packing] = string(raw)
	}
	raw, err := json.Marshal(map[string]any{"did": id.String(), "envelopes": envelopes})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ours.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	judge(t, "", "veramo.js", "judge", dir)
	load(t, dir, "veramo-says.json", &f)
	return f
}

func load(t *testing.T, dir, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
