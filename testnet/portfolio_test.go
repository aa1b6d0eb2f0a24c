package testnet_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/wallet"
)

// learnerOf fills a wallet with what may be published and what may not, each
// marked by words of its own, and returns those that must stay.
func learnerOf(t *testing.T, dir string) (site string, stay []string, held []wallet.Held) {
	t.Helper()
	n := start(t, dir, "alder birch", "ana ben")
	ctx, ana := t.Context(), n.Wallet("ana")
	do := func(verb string, args ...string) string {
		t.Helper()
		r := ana.Run(ctx, verb, args...)
		if r.Code != 0 {
			t.Fatalf("wallet %s %s: %s%s", verb, strings.Join(args, " "), r.Out, r.Err)
		}
		return r.Out
	}
	for _, name := range []string{"alder", "birch"} {
		link := strings.TrimSpace(n.Node(name).Run(ctx, "invite", "--label", "Private label of Ana").Out)
		do("connect", link)
		var cs []exchange.Connection
		if err := n.Node(name).Must(ctx, &cs, "connections"); err != nil {
			t.Fatal(err)
		}
		for _, badge := range []string{"basics", "explorer", "designer"} {
			if name == "birch" && badge != "explorer" {
				continue
			}
			if r := n.Node(name).Run(ctx, "issue", "--to", cs[0].ID, badge); r.Code != 0 {
				t.Fatal(r.Out, r.Err)
			}
		}
	}
	do("sync")
	file := func(name, words string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(words), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	do("apply", "--at", "alder", "--route", "prior-learning", "--say", "Private words of the application", "--evidence", file("applied.txt", "Private file of the application"), "--evidence", "text:Private text", "openbadges/evidence")
	addRecord := func(args ...string) {
		if r := n.Run(ctx, append([]string{"wallet", "record", "add", "--dir", ana.Dir}, args...)...); r.Code != 0 {
			t.Fatal(r.Out, r.Err)
		}
	}
	addRecord("--name", "Private record", "--setting", "informal", "--say", "Private narrative", "--as", "Private Person", "--evidence", file("kept.txt", "Private file of a record"))
	addRecord("--name", "Public record", "--setting", "informal", "--evidence", file("shown.txt", "Public file of a record"), "--title", "1=Public item")
	addRecord("--name", "Half public record", "--setting", "informal", "--evidence", file("digest.txt", "Private file of a published record"))
	do("export", "-o", filepath.Join(dir, "basics.json"), "Open Badges Basics")
	if r := n.Run(ctx, "wallet", "endorsement", "sign", "--dir", n.Wallet("ben").Dir, "--name", "Private endorser", "--comment", "Private praise", "--until", "2099-12-31", "-o", filepath.Join(dir, "praise.json"), filepath.Join(dir, "basics.json")); r.Code != 0 {
		t.Fatal(r.Out, r.Err)
	}
	if r := n.Run(ctx, "wallet", "endorsement", "add", "--dir", ana.Dir, filepath.Join(dir, "praise.json")); r.Code != 0 {
		t.Fatal(r.Out, r.Err)
	}
	site = filepath.Join(dir, "site")
	if r := n.Run(ctx, "wallet", "portfolio", "export", "--dir", ana.Dir, "--yes", "--collection", "--out", site, "--badge", "Open Badges Basics", "--badge", "Public record", "--badge", "Half public record", "--evidence", "Public record=yes"); r.Code != 0 {
		t.Fatal(r.Out, r.Err)
	}
	return site, append(stays(t, ana.Dir, &held), "Private", "applied.txt", "kept.txt", n.Wallet("ben").DID), held
}

// stays reads what a wallet keeps to itself: pairwise DIDs, connections, the
// other badges, and the secret that opens it.
func stays(t *testing.T, dir string, held *[]wallet.Held) (out []string) {
	t.Helper()
	w, err := wallet.Open(t.Context(), wallet.Config{Dir: dir, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cs, err := w.Connections(t.Context())
	if err != nil || len(cs) != 2 {
		t.Fatalf("%d connections, %v", len(cs), err)
	}
	for _, c := range cs {
		out = append(out, c.ID, c.Own)
	}
	if *held, err = w.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, h := range *held {
		if !slices.Contains([]string{"Open Badges Basics", "Public record", "Half public record"}, h.Name) {
			out = append(out, h.ID, h.Credential, h.Achievement, h.Name)
		}
	}
	identity, err := os.ReadFile(filepath.Join(dir, "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(identity)) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			out = append(out, l)
		}
	}
	return out
}

var anyDID = regexp.MustCompile(`did:[a-z]+:[A-Za-z0-9.%_-]+`)

// Nothing leaves with a portfolio that was not named: no other badge, record,
// evidence, application, endorsement or connection, and no key. Images are
// searched with the badges in them, and the collection with what its JWT says.
func TestNothingUnpublishedLeaksIntoAPortfolio(t *testing.T) {
	site, stay, held := learnerOf(t, t.TempDir())
	may := map[string]bool{}
	for _, h := range held {
		if h.Name == "Open Badges Basics" || h.Name == "Public record" {
			may[h.Issuer], may[h.Subject] = true, true
		}
	}
	files, shown := 0, 0
	err := filepath.WalkDir(site, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		raw = append(raw, inJWT(t, path, raw)...)
		if bytes.Contains(raw, []byte("Public file of a record")) {
			shown++
		}
		for _, secret := range stay {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		if filepath.Ext(path) == ".html" && bytes.Contains(raw, []byte("digest.txt")) { // it is under the signature, and on no page
			t.Errorf("%s shows evidence that was not chosen", path)
		}
		for _, id := range anyDID.FindAllString(string(raw), -1) {
			if !may[id] {
				t.Errorf("%s holds %s", path, id)
			}
		}
		if st, err := d.Info(); err != nil || st.Mode().Perm() != 0o644 {
			t.Errorf("%s has mode %v, %v", path, st.Mode(), err)
		}
		return nil
	})
	if err != nil || files != 16 || shown != 1 || len(stay) < 25 { // index, listing, collection; 3 pages with JSON, PNG, SVG; one file
		t.Errorf("%d files, %d with the evidence that was chosen, %d secrets looked for, %v", files, shown, len(stay), err)
	}
}

// inJWT returns what a compact JWT says.
func inJWT(t *testing.T, path string, raw []byte) []byte {
	t.Helper()
	if filepath.Ext(path) != ".jwt" {
		return nil
	}
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c.Doc().Raw()
}
