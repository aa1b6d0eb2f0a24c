package node_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

func TestAMistakeInTheSettingsIsToldWithLineAndKey(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"a number that is none", "name: Alder\nreserve_mib: much\n", "line 2: reserve_mib: write a whole number instead of `much`"},
		{"no truth value", "allow_loopback: perhaps\n", "line 1: allow_loopback: write true or false instead of `perhaps`"},
		{"no duration", "name: Alder\n\nstatus_ttl: soon\n", `line 3: status_ttl: "soon" is no duration; write 15m or 1h`},
		{"a list for a text", "name:\n  - Alder\n", "line 2: name: write one text"},
		{"a text for a list", "name: Alder\ncatalogues: club.yaml\n", "line 2: catalogues: write a list such as [openbadges] instead of `club.yaml`"},
		{"a mapping in a list", "catalogues:\n  - club.yaml\n  - {a: b}\n", "line 3: catalogues: write one text"},
		{"twice", "name: Alder\nname: Birch\n", `line 2: name: mapping key "name" already defined at line 1`},
		{"an unknown key", "name: Alder\nlissen: 127.0.0.1:1\n", "line 2: field lissen is no setting; `trustme node config` lists them"},
		{"two mistakes", "reserve_mib: x\nstatus_beat: y\n", "line 1: reserve_mib: write a whole number instead of `x`\n  line 2: status_beat:"},
		{"no settings", "- name\n", "line 1: write settings"},
		{"no YAML", "name: [\n", "line 1: did not find"},
		{"a second document", "name: Alder\n---\nname: Birch\n", "line 2: a second document begins; keep all settings in one"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		file := filepath.Join(dir, node.SettingsFile)
		if err := os.WriteFile(file, []byte(tt.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := node.ReadSettings(dir)
		if !errors.Is(err, node.ErrConfig) || !strings.Contains(err.Error(), file+": "+tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestAFalseOverridesATrueOfTheFile(t *testing.T) {
	dir := t.TempDir()
	file := node.Settings{Base: "https://alder.example", Loopback: new(true)}
	if err := file.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		over *bool
		want bool
	}{{nil, true}, {new(true), true}, {new(false), false}} {
		s, err := node.Effective(dir, node.Settings{Loopback: tt.over})
		if err != nil || *s.Loopback != tt.want {
			t.Errorf("%v: %+v, %v", tt.over, s, err)
		}
	}
	if _, err := node.Effective(dir, node.Settings{Base: "http://alder.example", Loopback: new(false)}); !errors.Is(err, node.ErrConfig) {
		t.Errorf("a base without TLS: %v", err)
	}
}

// What could not be opened is refused before anything is made.
func TestInitRefusesACatalogueThatCannotBeIssuedFrom(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name, catalogue string
		err             error
		want            string
	}{
		{"missing", filepath.Join(dir, "none.yaml"), node.ErrConfig, "none.yaml: no such file or directory; put the file there"},
		{"missing in the node's directory", "none.yaml", node.ErrConfig, filepath.Join(dir, "n", "none.yaml")},
		{"a folder", dir, node.ErrConfig, "is a directory"},
		{"empty", file("empty.yaml", ""), catalogue.ErrInvalid, "empty.yaml: catalogue refused:\n  line 1: the file holds no catalogue; begin with"},
		{"only a comment", file("comment.yaml", "# later\n"), catalogue.ErrInvalid, "holds no catalogue"},
		{"with a mistake", file("bad.yaml", strings.Replace(suspendable, "kind:", "kynd:", 1)), catalogue.ErrInvalid, "bad.yaml: catalogue refused:\n  line 8: unknown key kynd"},
		{"named as an address of the node's", file("status.yaml", strings.Replace(suspendable, "catalogue: club", "catalogue: status", 1)), node.ErrConfig, "rename it"},
	}
	for _, tt := range tests {
		err := node.Init(node.InitRequest{Dir: filepath.Join(dir, "n"), Settings: node.Settings{Catalogues: []string{tt.catalogue}}, Seal: seal.Options{}})
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "n")); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: a directory was made", tt.name)
		}
	}
}

// A backup holds the catalogues wherever they lie, so that the restored node
// issues from them where their files are not.
func TestARestoredNodeHasItsCataloguesOnAnotherMachine(t *testing.T) {
	here := t.TempDir()
	files := filepath.Join(here, "elsewhere")
	if err := os.MkdirAll(files, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(here, "n")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, slug string) string {
		if err := os.WriteFile(path, []byte(strings.Replace(suspendable, "catalogue: club", "language: en\ncatalogue: "+slug, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(filepath.Join(dir, "near.yaml"), "near")
	set := node.Settings{Name: "Alder", Base: "https://alder.example", Reserve: 1,
		Catalogues: []string{write(filepath.Join(files, "club.yaml"), "far"), node.ShippedCatalogue, "near.yaml", filepath.Join("..", "elsewhere", "up.yaml")}}
	write(filepath.Join(files, "up.yaml"), "up")
	if err := os.WriteFile(filepath.Join(files, "club.fr.yaml"), []byte("catalogue: far\nlanguage: fr\nachievements: {member: {name: Membre}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := node.Init(node.InitRequest{Dir: dir, Settings: set, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := os.RemoveAll(files); err != nil { // after the node has read it
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := n.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(t.TempDir(), "n")
	if err := node.Restore(t.Context(), there, &backup, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := node.ReadSettings(there)
	if want := "catalogues/far.yaml openbadges catalogues/near.yaml catalogues/up.yaml"; err != nil || strings.Join(s.Catalogues, " ") != want {
		t.Errorf("settings name %v, %v; want %s", s.Catalogues, err, want)
	}
	again, err := node.Open(t.Context(), node.Config{Dir: there})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, slug := range []string{"far", "near", "up"} {
		g, err := again.Grant(t.Context(), node.GrantRequest{Achievement: slug + "/member", To: node.Recipient{Email: "ana@example.org"}})
		if err != nil || g.Award.State != node.AwardIssued {
			t.Errorf("%s: %+v, %v", slug, g.Award, err)
		}
	}
	if g, err := again.Grant(t.Context(), node.GrantRequest{Achievement: "far/member", Language: "fr", Key: "fr", To: node.Recipient{Email: "ana@example.org"}}); err != nil || g.Award.Name != "Membre" {
		t.Errorf("with its translation: %+v, %v", g.Award, err)
	}
}
