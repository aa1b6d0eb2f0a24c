package repotest

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/trust-me/trustme/"

// rows gives each package its level and the packages of ours that it may
// import. An import goes to a lower level: never level, never up. Changing a
// row is a design change: the commit says why.
var rows = map[string]struct {
	level int
	may   []string // a trailing /... allows what is below
}{
	"internal/bounded":         {-1, nil},
	"internal/jsondoc":         {0, []string{"internal/bounded"}},
	"internal/fetch":           {0, nil},
	"internal/durable":         {0, nil},
	"internal/seal":            {1, []string{"internal/durable"}},
	"internal/store":           {1, []string{"internal/durable"}},
	"internal/sharedtest":      {0, nil},
	"internal/repotest":        {0, nil},
	"internal/powertest":       {0, nil},
	"internal/store/storetest": {2, []string{"internal/store"}},
	"internal/cache":           {2, []string{"internal/fetch", "internal/store"}},
	"did":                      {1, []string{"internal/bounded", "internal/jsondoc"}},
	"did/key":                  {2, []string{"did"}},
	"did/jwk":                  {2, []string{"did", "internal/jsondoc"}},
	"did/peer":                 {2, []string{"did", "internal/jsondoc"}},
	"did/web":                  {2, []string{"did", "internal/bounded", "internal/fetch"}},
	"did/keys":                 {2, []string{"did", "internal/store"}},

	"credentials/jsonld":        {2, []string{"internal/bounded", "internal/jsondoc"}},
	"credentials/status":        {2, []string{"did", "internal/bounded", "internal/jsondoc"}},
	"credentials/baking":        {2, nil},
	"credentials/jose":          {3, []string{"did", "internal/jsondoc"}},
	"credentials/dataintegrity": {3, []string{"did", "internal/jsondoc", "credentials/jsonld"}},
	"credentials":               {4, []string{"did", "internal/bounded", "internal/jsondoc", "internal/fetch", "credentials/..."}},
	"credentials/elm":           {5, []string{"credentials", "internal/jsondoc"}},
	"internal/didcomm":          {3, []string{"did", "did/keys", "internal/jsondoc", "internal/store"}},
	"internal/exchange":         {5, []string{"did", "internal/jsondoc", "internal/store", "internal/didcomm"}},
	"internal/party":            {5, []string{"did", "did/...", "credentials", "credentials/...", "internal/cache", "internal/fetch", "internal/store"}},
	"internal/pack":             {6, []string{"did", "did/key", "did/keys", "credentials", "internal/jsondoc", "internal/fetch", "internal/store", "internal/party"}},
	"credentials/requirement":   {5, []string{"credentials", "internal/jsondoc"}},
	"internal/application":      {6, []string{"credentials/jsonld", "internal/didcomm", "internal/exchange", "internal/jsondoc"}},
	"credentials/recognition":   {6, []string{"credentials", "credentials/jsonld", "credentials/requirement", "credentials/status", "internal/jsondoc"}},
	"node/catalogue":            {6, []string{"credentials", "credentials/baking", "credentials/requirement", "did", "did/web", "internal/fetch"}},
	"node/drawing":              {6, []string{"credentials/requirement"}},
	"node":                      {7, []string{"node/...", "did", "did/...", "credentials", "credentials/...", "internal/..."}},
	"wallet/portfolio":          {6, []string{"credentials", "credentials/baking", "internal/jsondoc"}},
	"wallet":                    {7, []string{"node/catalogue", "wallet/portfolio", "did", "did/...", "credentials", "credentials/...", "internal/..."}},
	"testnet":                   {8, []string{"node", "wallet", "did", "did/...", "credentials", "credentials/...", "internal/..."}},
	"testnet/judges":            {9, []string{"testnet", "node", "wallet", "did", "did/...", "credentials", "credentials/...", "internal/..."}},
	"testnet/conformance":       {8, []string{"did", "did/...", "credentials", "credentials/...", "internal/jsondoc"}},
	"cmd/trustme":               {9, []string{"testnet", "testnet/conformance", "node", "node/...", "wallet", "wallet/...", "did", "did/...", "credentials", "credentials/...", "internal/..."}},
}

// doors say which package alone may import a framework.
var doors = map[string][]string{
	"github.com/dgraph-io/badger":               {"internal/store"},
	"github.com/hyperledger/aries-framework-go": {"did/keys"},
	"github.com/google/tink":                    {"did/keys"},
	"github.com/gorilla/websocket":              {"internal/didcomm"},
	"github.com/piprate/json-gold":              {"credentials/jsonld"},
	"github.com/urfave/cli":                     {"cmd/trustme"},
}

type pkg struct {
	ImportPath, Doc string
	Imports         []string
	TestImports     []string
	GoFiles         []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,TestImports,GoFiles", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func allowed(imp string, may []string) bool {
	for _, m := range may {
		if imp == m || strings.HasSuffix(m, "/...") && strings.HasPrefix(imp, strings.TrimSuffix(m, "...")) {
			return true
		}
	}
	return false
}

func TestImportsRunDownhillAndEveryPackageHasItsRow(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row in the table", name)
			continue
		}
		seen[name] = true
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", name)
		}
		for _, imp := range p.Imports {
			ours, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			if !allowed(ours, row.may) {
				t.Errorf("%s imports %s, which its row does not allow", name, ours)
			}
			if rows[ours].level >= row.level {
				t.Errorf("%s (level %d) imports %s (level %d): not downhill", name, row.level, ours, rows[ours].level)
			}
		}
	}
	for name := range rows {
		if !seen[name] && name != "testnet/judges" {
			t.Errorf("%s has a row and no package", name)
		}
	}
}

// What is shown to others as an example compiles in their module, too: it
// imports nothing internal.
func TestExamplesUseWhatOthersCan(t *testing.T) {
	shown := map[string]bool{}
	for _, tree := range []string{"credentials", "did"} {
		err := filepath.WalkDir(filepath.Join("../..", tree), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasPrefix(d.Name(), "example_") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			shown[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")] = true
			for _, imp := range f.Imports {
				if strings.HasPrefix(imp.Path.Value, `"`+module+"internal/") {
					t.Errorf("%s imports %s", path, imp.Path.Value)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"credentials", "credentials/dataintegrity", "credentials/jose", "credentials/status", "credentials/baking", "did/key", "did/web"} {
		if !shown[name] {
			t.Errorf("%s has no example", name)
		}
	}
}

func TestEachFrameworkHasOneDoor(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range slices.Concat(p.Imports, p.TestImports) {
			for framework, door := range doors {
				if strings.HasPrefix(imp, framework) && !slices.Contains(door, name) {
					t.Errorf("%s imports %s; its door is %v", name, imp, door)
				}
			}
		}
	}
}
