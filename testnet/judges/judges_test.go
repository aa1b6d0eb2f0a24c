package judges

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

// ready skips where Node or the packages are absent, unless TRUSTME_JUDGES
// says that somebody counts on them.
func ready(t *testing.T) string {
	t.Helper()
	_, errNode := exec.LookPath("node")
	_, errModules := os.Stat("node_modules")
	if errNode != nil || errModules != nil {
		if os.Getenv("TRUSTME_JUDGES") != "" {
			t.Fatalf("the judges are wanted and not there: %v, %v", errNode, errModules)
		}
		t.Skip("foreign judges are absent: run npm ci in testnet/judges")
	}
	bin := filepath.Join(t.TempDir(), "trustme")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/trustme").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func judge(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("%s: %s", args[0], bytes.TrimSpace(out))
	return string(out)
}

func TestDigitalBazaarSaysOfEveryBadgeWhatTheDemoExpects(t *testing.T) {
	bin := ready(t)
	dir := filepath.Join(t.TempDir(), "demo")
	var story strings.Builder
	if _, err := testnet.RunDemo(t.Context(), testnet.DemoConfig{Dir: dir, Binary: bin, Out: &story}); err != nil {
		t.Fatalf("%v\n%s", err, story.String())
	}
	if out := judge(t, "verify.js", dir); !strings.Contains(out, "21 passed, 0 failed") {
		t.Errorf("seven badges in three forms: %s", out)
	}
}

func TestBadgesThatDigitalBazaarSignsVerifyHere(t *testing.T) {
	bin := ready(t)
	dir := t.TempDir()
	judge(t, "sign.js", filepath.Join(dir, "signed"))
	files, err := filepath.Glob(filepath.Join(dir, "signed", "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if out, err := exec.Command(bin, "verify", "--dir", filepath.Join(dir, "v"), f).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(f), err, out)
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		spoiled := filepath.Join(dir, "spoiled.json")
		if err := os.WriteFile(spoiled, bytes.Replace(raw, []byte("Made elsewhere"), []byte("Made nowhere"), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(bin, "verify", "--dir", filepath.Join(dir, "v"), spoiled).CombinedOutput(); err == nil {
			t.Errorf("%s, spoiled, verifies:\n%s", filepath.Base(f), out)
		}
	}
}

// A wallet of foreign parts accepts an invitation, is offered a badge,
// requests, receives, verifies and acknowledges it, and shows it to another.
func TestAForeignWalletReceivesABadgeAndShowsIt(t *testing.T) {
	bin := ready(t)
	dir := t.TempDir()
	n, err := testnet.Start(t.Context(), testnet.Config{Dir: filepath.Join(dir, "net"), Binary: bin, Nodes: []string{"alder", "birch"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var l node.InviteLink
	if err := n.Node("alder").Must(t.Context(), &l, "invite", "--label", "foreign"); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state.json")
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err := exec.Command("node", "foreign-wallet.js", "receive", l.URL, state).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "received Open Badges Basics") {
			t.Errorf("%v\n%s", err, out)
		}
	}()
	for range 200 {
		var cs []exchange.Connection
		if err := n.Node("alder").Must(t.Context(), &cs, "connections"); err != nil {
			t.Fatal(err)
		}
		if len(cs) == 1 {
			if err := n.Node("alder").Must(t.Context(), nil, "issue", "--to", cs[0].ID, "basics"); err != nil {
				t.Fatal(err)
			}
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	<-done
	var awards []node.Award
	if err := n.Node("alder").Must(t.Context(), &awards, "list"); err != nil || len(awards) != 1 || awards[0].State != node.AwardHeld {
		t.Fatalf("%+v, %v", awards, err)
	}
	var a node.Asked
	if err := n.Node("birch").Must(t.Context(), &a, "ask"); err != nil {
		t.Fatal(err)
	}
	judge(t, "foreign-wallet.js", "present", a.Link.URL, state)
	if r := n.Node("birch").Run(t.Context(), "asked", a.ID); r.Code != 0 {
		t.Errorf("birch: %s%s", r.Out, r.Err)
	}
}
