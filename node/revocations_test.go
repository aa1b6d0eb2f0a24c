package node

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// reached is a node that is reached under the address of a test server.
func reached(t *testing.T, dir string, change func(*Settings)) (*Node, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(nil)
	t.Cleanup(srv.Close)
	set := Settings{Name: "Alder", Base: strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), Loopback: new(true), Reserve: 1}
	change(&set)
	if err := Init(InitRequest{Dir: dir, Settings: set, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	n := opened(t, dir, nil)
	srv.Config.Handler = n.public()
	return n, srv
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := w.Body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, w.Body.Bytes()
}

// A badge that names the 1EdTechRevocationList, as one for the certification
// does, is valid until its id is in the list, and then revoked; also after the
// node was opened anew.
func TestTheRevocationListOf1EdTechNamesWhatIsRevoked(t *testing.T) {
	dir := t.TempDir()
	n, srv := reached(t, dir, func(s *Settings) { s.RevocationList = new(true) })
	one := grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{DID: ana}}).Award.ID
	two := grant(t, n, GrantRequest{Achievement: "basics", Key: "two", To: Recipient{DID: ana}}).Award.ID
	list := n.set.Base + "/status/revoked"
	certified := func(id string) credentials.Report {
		t.Helper()
		_, raw, err := n.Award(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		delete(doc, "proof")
		doc["@context"] = append(doc["@context"].([]any), "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json")
		doc["credentialStatus"] = map[string]any{"id": list, "type": "1EdTechRevocationList"}
		if raw, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
		s, err := n.signer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = dataintegrity.AddProof(t.Context(), raw, dataintegrity.Options{Created: n.now()}, s); err != nil {
			t.Fatal(err)
		}
		db, err := store.OpenMemory(store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		stranger, err := party.New(party.Config{DB: db, Loopback: true, Now: n.now})
		if err != nil {
			t.Fatal(err)
		}
		return stranger.Verifier.Report(t.Context(), raw, credentials.ReportOptions{})
	}
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := certified(one); r.Verdict != credentials.Valid {
		t.Errorf("before: %s: %s", r.Code(), r.Why())
	}
	setStanding(t, n, one, "revoked")
	code, body := get(t, srv.URL+"/status/revoked")
	var l struct {
		ID, Type, Issuer   string
		RevokedCredentials []struct {
			ID      string
			Revoked bool
		}
	}
	if err := json.Unmarshal(body, &l); err != nil || code != http.StatusOK || l.ID != list || l.Type != "1EdTechRevocationList" || l.Issuer != n.id.String() ||
		len(l.RevokedCredentials) != 1 || l.RevokedCredentials[0].ID != one || !l.RevokedCredentials[0].Revoked {
		t.Errorf("%d, %v: %s", code, err, body)
	}
	if strings.Contains(string(body), "a mistake") {
		t.Errorf("the list gives the reason: %s", body)
	}
	check := func() {
		t.Helper()
		if r := certified(one); r.Code() != credentials.CodeRevoked {
			t.Errorf("revoked: %s: %s", r.Code(), r.Why())
		}
		if r := certified(two); r.Verdict != credentials.Valid {
			t.Errorf("another: %s: %s", r.Code(), r.Why())
		}
	}
	check()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = opened(t, dir, nil)
	srv.Config.Handler = n.public()
	if err := n.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestARevocationListOf1EdTechIsPublishedOnRequestAlone(t *testing.T) {
	n, srv := reached(t, t.TempDir(), func(*Settings) {})
	one := grant(t, n, GrantRequest{Achievement: "basics", To: Recipient{DID: ana}}).Award.ID
	setStanding(t, n, one, "revoked")
	if code, body := get(t, srv.URL+"/status/revoked"); code != http.StatusNotFound || strings.Contains(string(body), one) {
		t.Errorf("%d: %s", code, body)
	}
}
