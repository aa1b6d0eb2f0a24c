package judges

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/testnet"
)

// wanted says that somebody counts on the judges: nothing may be skipped.
func wanted() bool { return os.Getenv("TRUSTME_JUDGES") == "1" }

// present skips where Node or the packages are absent, unless they are wanted.
func present(t *testing.T) {
	t.Helper()
	_, node := exec.LookPath("node")
	_, modules := os.Stat("node_modules")
	if err := errors.Join(node, modules); err != nil {
		if wanted() {
			t.Fatalf("TRUSTME_JUDGES=1 wants the foreign judges, but: %v", err)
		}
		t.Skipf("foreign judges are absent: install Node 20 and run npm ci in testnet/judges (%v)", err)
	}
}

// built returns the program, built from this checkout.
func built(t *testing.T) string {
	t.Helper()
	present(t)
	bin := filepath.Join(t.TempDir(), "trustme")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/trustme").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// run runs one judge and returns what it printed and its exit code.
func run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		t.Fatalf("node %s: %v", args[0], err)
	}
	return string(out), 0
}

// judge runs one judge, which must be content and say so.
func judge(t *testing.T, says string, args ...string) {
	t.Helper()
	out, code := run(t, args...)
	if code != 0 || !strings.Contains(out, says) {
		t.Errorf("node %s exits %d and does not say %q:\n%s", args[0], code, says, out)
		return
	}
	if out = strings.TrimSpace(out); out != "" {
		t.Logf("%s: %s", args[0], out)
	}
}

func TestForeignVerifiersSayOfEveryBadgeWhatTheDemoExpects(t *testing.T) {
	bin := built(t)
	dir := filepath.Join(t.TempDir(), "demo")
	var story strings.Builder
	if _, err := testnet.RunDemo(t.Context(), testnet.DemoConfig{Dir: dir, Binary: bin, Out: &story}); err != nil {
		t.Fatalf("%v\n%s", err, story.String())
	}
	const everyForm = "24 passed, 0 failed" // eight badges as JSON, PNG and SVG
	t.Run("Digital Bazaar's", func(t *testing.T) { judge(t, everyForm, "verify.js", dir) })
	t.Run("the Digital Credentials Consortium's", func(t *testing.T) { judge(t, everyForm, "core.js", dir) })
	t.Run("the consortium's, with the official schemas", func(t *testing.T) {
		judge(t, everyForm, "core.js", dir, sharedtest.Dir(t, "conformance", "schemas", "json-ld-compaction"))
	})
	t.Run("and they tell when it is otherwise", func(t *testing.T) { contradicted(t, dir) })
}

// contradicted turns every expectation around: no judge may be content then.
func contradicted(t *testing.T, dir string) {
	file := filepath.Join(dir, "expect.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var expect map[string]map[string]string
	if err := json.Unmarshal(raw, &expect); err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"valid": "revoked", "revoked": "valid", "expired": "valid", "forged": "valid"}
	for _, e := range expect {
		e["verdict"] = other[e["verdict"]]
	}
	if raw, err = json.Marshal(expect); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, js := range []string{"verify.js", "core.js"} {
		if out, code := run(t, js, dir); code != 1 || !strings.Contains(out, "0 passed, 24 failed") {
			t.Errorf("%s exits %d:\n%s", js, code, out)
		}
	}
}
