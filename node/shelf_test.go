package node_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

// A catalogue is put in force while the node serves, another version takes its
// place, and both outlive a restart; the settings' comments stay.
func TestACatalogueIsPutInForceWhileTheNodeServes(t *testing.T) {
	dir := t.TempDir()
	s := serveWith(t, dir, nil, nil)
	settings := filepath.Join(dir, node.SettingsFile)
	raw, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, append([]byte("# ours\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	base := s.Settings().Base
	own := strings.Replace(string(catalogue.OpenBadges), "catalogue: openbadges", "catalogue: own", 1)
	if resp, _ := get(t, base+"/own", "text/html"); resp.StatusCode != http.StatusNotFound {
		t.Fatalf("before: %d", resp.StatusCode)
	}
	publish := func(text string) (node.Publication, error) { return s.PublishCatalogue(t.Context(), []byte(text)) }
	p, err := publish(own)
	if err != nil || !p.New || p.Changes != nil || p.Restart != "" {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err = publish(own); err != nil || p.New {
		t.Errorf("a second time: %+v, %v", p, err)
	}
	next := strings.NewReplacer("version: 1.1.0 ", "version: 1.1.1 ", "Took part in an introduction to Open Badges.", "Took part.").Replace(own)
	if p, err = publish(next); err != nil || !p.New || !p.Changes.Enough || len(p.Changes.List) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	for path, want := range map[string]string{"/own/a/explorer.json": `"description":"Took part."`, "/own/v/1.1.0.yaml": "Took part in an introduction", "/own/v/1.1.1.yaml": "Took part.", "/own/catalogue.json": "/own/v/1.1.1.yaml", "/openbadges": "Badge Designer"} {
		if resp, body := get(t, base+path, "text/html"); resp.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, and no %q", path, resp.StatusCode, want)
		}
	}
	for name, tt := range map[string]struct {
		text, want string
		is         error
	}{
		"an older version":       {own, "is older than 1.1.1, which is in force", node.ErrConfig},
		"another content":        {strings.Replace(next, "Took part.", "Took no part.", 1), "with another content; raise its version", node.ErrConfig},
		"an address of the node": {strings.Replace(own, "catalogue: own", "catalogue: status", 1), "an address of the node's own", node.ErrConfig},
		"a mistake":              {strings.Replace(own, "kind: skill", "kind: fun", 1), `unknown kind "fun"`, catalogue.ErrInvalid},
	} {
		if _, err := publish(tt.text); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.stop()
	n, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	all, err := n.Catalogues(t.Context())
	if err != nil || len(all) != 2 || all[1].Slug != "own" || all[1].Version != "1.1.1" {
		t.Errorf("after a restart: %+v, %v", all, err)
	}
	if raw, err := os.ReadFile(settings); err != nil || !strings.HasPrefix(string(raw), "# ours\n") || !strings.Contains(string(raw), "catalogues/own.yaml") {
		t.Errorf("%s, %v", raw, err)
	}
	file := filepath.Join(dir, "catalogues", "own.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(next, "version: 1.1.1 ", "version: 1.1.2 ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := n.PublishAgain(t.Context())
	if err != nil || len(again) != 1 || again[0].Version != "1.1.2" {
		t.Errorf("edited where it is: %+v, %v", again, err)
	}
}
