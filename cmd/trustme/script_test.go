package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trust-me/trustme/testnet"
)

// TestMain lets the scripts run this binary as trustme.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trustme": main})
}

// The scripts in testdata/script are the specification of the command line.
func TestCommandLineBehavesAsItsScriptsSay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	if testing.Short() { // those of the domain's clauses are half of the time, many times that under the race detector
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), "clause-") })
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(e *testscript.Env) error { return setup(t, e) },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"net": startNet, "spoil": spoil, "save": save, "clock": moveClock, "get": get},
	})
}

// Each refusal in a script says why: what fails for another reason than the
// one that is meant would go unnoticed.
func TestScriptsMatchTheReasonOfEachRefusal(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n")
		for i, l := range lines {
			if !strings.HasPrefix(l, "! trustme ") {
				continue
			}
			matched := false
			for _, next := range lines[i+1:] {
				if strings.HasPrefix(next, "stdout ") || strings.HasPrefix(next, "stderr ") {
					matched = true
				}
				if matched || !strings.HasPrefix(next, "! stdout ") && !strings.HasPrefix(next, "! stderr ") {
					break
				}
			}
			if !matched {
				t.Errorf("%s:%d: %s: what does it say?", f, i+1, l)
			}
		}
	}
}

func setup(_ *testing.T, e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
	e.Setenv("TRUSTME_CLOCK", filepath.Join(e.WorkDir, "net", "clock"))
	e.Setenv("TRUSTME_ALLOW_LOOPBACK", "true")
	return nil
}

// startNet starts nodes and wallets by name: net alder birch=design.yaml / ana.
// Their directories are net/alder and so on; a node may have catalogues of its
// own, separated by commas.
func startNet(ts *testscript.TestScript, _ bool, args []string) {
	cfg := testnet.Config{Dir: ts.MkAbs("net"), Binary: trustmeBinary(ts), Catalogues: map[string][]string{}}
	into := &cfg.Nodes
	for _, a := range args {
		if a == "/" {
			into = &cfg.Wallets
			continue
		}
		name, files, own := strings.Cut(a, "=")
		*into = append(*into, name)
		if own {
			for f := range strings.SplitSeq(files, ",") {
				if isFile(ts.MkAbs(f)) {
					f = ts.MkAbs(f)
				}
				cfg.Catalogues[name] = append(cfg.Catalogues[name], f)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := testnet.Start(ctx, cfg)
	ts.Check(err)
	ts.Defer(func() {
		if err := n.Stop(); err != nil {
			ts.Logf("stopping the net: %v", err)
		}
	})
}

// trustmeBinary is where testscript put this binary under the name trustme.
func trustmeBinary(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, "trustme"); isFile(p) {
			return p
		}
	}
	ts.Fatalf("trustme is not in PATH")
	return ""
}

func isFile(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular()
}

// save keeps the line of the last standard output that holds a text, from that
// text on, in a variable: save LINK http
func save(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout")
	if i := strings.Index(out, args[1]); i >= 0 {
		value, _, _ := strings.Cut(out[i:], "\n")
		value, _, _ = strings.Cut(value, "\"")
		value, _, _ = strings.Cut(value, " ")
		ts.Setenv(args[0], value)
		return
	}
	ts.Fatalf("no %q in %q", args[1], out)
}

// spoil changes one byte in the middle of a file.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	raw, err := os.ReadFile(path)
	ts.Check(err)
	raw[len(raw)/2] ^= 1
	ts.Check(os.WriteFile(path, raw, 0o600))
}

// moveClock moves the clock of the net.
func moveClock(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(testnet.ClockFile(ts.Getenv("TRUSTME_CLOCK")).Move(d))
}

// get asks an address of the net for JSON and keeps the answer in a file:
// get FILE URL
func get(ts *testscript.TestScript, _ bool, args []string) {
	r, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	r.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}
