package node_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

// The catalogue is served as a credential that names the file by its digest,
// and the file of each version as it was published.
func TestACatalogueIsPublishedSignedAndAVersionNeverChanges(t *testing.T) {
	n, base := serve(t)
	resp, signed := get(t, base+"/openbadges/catalogue.json", "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, signed)
	}
	var c struct {
		Issuer          struct{ ID string }
		RelatedResource []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(signed), &c); err != nil || c.Issuer.ID != n.DID().String() || len(c.RelatedResource) != 2 {
		t.Fatalf("%s, %v", signed, err)
	}
	resp, file := get(t, c.RelatedResource[0].ID, "")
	if resp.StatusCode != http.StatusOK || file != string(catalogue.OpenBadges) {
		t.Errorf("the file: %d, %d bytes", resp.StatusCode, len(file))
	}
	resp, french := get(t, c.RelatedResource[1].ID, "")
	if resp.StatusCode != http.StatusOK || c.RelatedResource[1].ID != base+"/openbadges/v/1.1.0.fr.yaml" || french != string(catalogue.ShippedTranslations()[0].Raw) {
		t.Errorf("the translation: %d, %d bytes at %s", resp.StatusCode, len(french), c.RelatedResource[1].ID)
	}
	judge := func(file, french string) credentials.Report {
		return strangerWith(t, []byte(signed), credentials.ReportOptions{Resources: map[string][]byte{c.RelatedResource[0].ID: []byte(file), c.RelatedResource[1].ID: []byte(french)}})
	}
	r := judge(file, french)
	if r.Verdict != credentials.Valid || r.Check(credentials.CheckEvidence).Answer != credentials.Yes {
		t.Errorf("%s: %s", r.Verdict, r.Why())
	}
	if r := judge(strings.Replace(file, "pass: 2", "pass: 1", 1), french); r.Verdict != credentials.Invalid {
		t.Errorf("with another file: %s", r.Verdict)
	}
	if r := judge(file, strings.Replace(french, "80 %", "60 %", 1)); r.Verdict != credentials.Invalid {
		t.Errorf("with another translation: %s", r.Verdict)
	}
	if resp, _ := get(t, base+"/openbadges/v/9.9.9.yaml", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown version: %d", resp.StatusCode)
	}
}

func TestAPublishedVersionWithAnotherContentIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "own.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own := strings.Replace(string(catalogue.OpenBadges), "catalogue: openbadges", "catalogue: own", 1)
	write(own)
	open := func() error {
		n, err := node.Open(t.Context(), node.Config{Dir: filepath.Join(dir, "n")})
		if err == nil {
			err = n.Close()
		}
		return err
	}
	if err := node.Init(node.InitRequest{Dir: filepath.Join(dir, "n"), Settings: node.Settings{Reserve: 1, Catalogues: []string{file}}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	changed := strings.Replace(own, "Knows what Open Badges are made of", "Knows what badges are made of", 1)
	write(changed)
	if err := open(); !errors.Is(err, node.ErrConfig) || !strings.Contains(err.Error(), "with another content; raise its version") {
		t.Errorf("another content: %v", err)
	}
	write(strings.Replace(changed, "version: 1.1.0", "version: 1.2.0", 1))
	if err := open(); err != nil {
		t.Errorf("another version: %v", err)
	}
	write(own)
	if err := open(); err != nil {
		t.Errorf("as it was: %v", err)
	}
}
