package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// On a terminal every field is shown first, and nothing is written unless the
// learner agrees.
func TestAPortfolioIsWrittenOnlyOnceTheLearnerAgrees(t *testing.T) {
	dir := t.TempDir()
	ana, site := filepath.Join(dir, "ana"), filepath.Join(dir, "site")
	for _, args := range [][]string{{"wallet", "init", "--unattended", "--dir", ana}, {"wallet", "record", "add", "--dir", ana, "--name", "Ran the club", "--setting", "informal", "--say", "For two years"}} {
		if out, err := trustme(t, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, tt := range []struct {
		typed string
		code  int
		says  string
	}{
		{"\n", exitNo, "you did not agree; nothing was written"},
		{"no\n", exitNo, "you did not agree; nothing was written"},
		{"yes\n", exitYes, "Write this to " + site + "? [y/N] "},
	} {
		screen, end := terminal(t)
		cmd := trustme(t, "wallet", "portfolio", "export", "--dir", ana, "--badge", "Ran the club", "--out", site)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = end, &out, &errs
		if _, err := screen.WriteString(tt.typed); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Run() // its exit code is looked at
		if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%q: exit %d, %s", tt.typed, got, errs.String())
		}
		if !strings.Contains(out.String(), "    /credentialSubject/narrative: For two years\n") || !strings.Contains(out.String(), "index.html, ") {
			t.Errorf("%q: shown: %s", tt.typed, out.String())
		}
		if _, err := os.Stat(site); (err == nil) != (tt.code == exitYes) {
			t.Errorf("%q: the site: %v", tt.typed, err)
		}
	}
}
