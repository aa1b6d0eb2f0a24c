package testnet_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/testnet"
)

func TestDemoHoldsFromBeginningToEnd(t *testing.T) {
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "demo")
	out, err := exec.Command(bin, "demo", "--dir", dir).CombinedOutput()
	if err != nil || strings.Count(string(out), "\n  ok ") != 23 {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]string{
		"ana-basics": "valid", "ana-earner": "valid", "ben-by-email": "valid", "ben-contributor": "valid", "cleo-issuer": "valid",
		"ana-explorer": "revoked", "ana-reviewer": "expired", "forged": "forged",
	}
	var expect map[string]struct{ Verdict string }
	read(t, filepath.Join(dir, "expect.json"), &expect)
	if len(expect) != len(want) {
		t.Errorf("expect.json has %d badges", len(expect))
	}
	for name, verdict := range want {
		if expect[name].Verdict != verdict {
			t.Errorf("%s is to be %q, not %q", name, expect[name].Verdict, verdict)
		}
		for _, ext := range []string{".json", ".png", ".svg"} {
			if st, err := os.Stat(filepath.Join(dir, "badges", name+ext)); err != nil || st.Size() < 1000 {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
	}
	for folder, least := range map[string]int{"did": 3, "status": 4} {
		var index map[string]string
		read(t, filepath.Join(dir, folder, "index.json"), &index)
		if len(index) < least {
			t.Errorf("%s/index.json has %d addresses", folder, len(index))
		}
		for url, file := range index {
			var doc struct{ ID string }
			read(t, filepath.Join(dir, folder, file), &doc)
			if folder == "status" && doc.ID != url {
				t.Errorf("%s holds %s, not %s", file, doc.ID, url)
			}
		}
	}
	tried := 0
	_, next, _ := strings.Cut(string(out), "Try next:\n")
	for line := range strings.Lines(next) {
		args := strings.Fields(line)
		if len(args) == 0 || args[0] != "trustme" {
			continue
		}
		tried++
		if out, err := exec.Command(bin, args[1:]...).CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if tried != 3 {
		t.Errorf("%d commands to try next", tried)
	}
}

func read(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// A program that only pretends to revoke, or a verifier that finds everything
// valid, is told on.
func TestDemoFailsWhereAStepDoesNotHold(t *testing.T) {
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for verb, instead := range map[string]struct{ script, step string }{
		"revoke": {"exit 0", "NO 19."},
		"verify": {"echo valid; exit 0", "NO  8."},
	} {
		t.Run(verb, func(t *testing.T) {
			dir := t.TempDir()
			liar := filepath.Join(dir, "trustme")
			text := "#!/bin/sh\ncase \" $* \" in *\" " + verb + " \"*) " + instead.script + ";; esac\nexec " + bin + " \"$@\"\n"
			if err := os.WriteFile(liar, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			_, err := testnet.RunDemo(t.Context(), testnet.DemoConfig{Dir: filepath.Join(dir, "demo"), Binary: liar, Out: &out})
			if err == nil || !strings.Contains(out.String(), instead.step) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}
