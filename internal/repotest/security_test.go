package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each defence in the threat model names the tests that prove it, and each of
// them is in the tree.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	there := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				there[fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z0-9]\w*`)
	section, rows := "", map[string]int{}
	for i, line := range strings.Split(string(raw), "\n") {
		if after, ok := strings.CutPrefix(line, "## "); ok {
			section = after
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| tries") {
			continue
		}
		rows[section]++
		named := name.FindAllString(line, -1)
		if len(named) == 0 {
			t.Errorf("docs/security.md:%d names no test", i+1)
		}
		for _, n := range named {
			if !there[n] {
				t.Errorf("docs/security.md:%d names %s, which is no test here", i+1, n)
			}
		}
	}
	if len(rows) < 7 {
		t.Errorf("threats are told of %d attackers: %v", len(rows), rows)
	}
}
