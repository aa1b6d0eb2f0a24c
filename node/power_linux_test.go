package node_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/powertest"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

var powerSeal = seal.Options{Passphrase: "a long passphrase", WorkFactor: 10}

// beforeTheCut does what a command does.
func beforeTheCut(dir, step, backup string) error {
	if step == "init" {
		return node.Init(node.InitRequest{Dir: filepath.Join(dir, "made"), Settings: node.Settings{Name: "Alder", Base: "https://alder.example"}, Seal: powerSeal})
	}
	raw, err := os.ReadFile(backup)
	if err != nil {
		return err
	}
	return node.Restore(context.Background(), filepath.Join(dir, "again"), bytes.NewReader(raw), powerSeal)
}

// The test binary is its own child, which does a step where it is watched.
func TestMain(m *testing.M) {
	step, child := os.LookupEnv("NODE_STEP")
	if !child {
		os.Exit(m.Run())
	}
	if err := beforeTheCut(os.Getenv("NODE_DIR"), step, os.Getenv("NODE_BACKUP")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// What `init` and `restore` were told done is there after a power cut: the
// same settings, not the defaults, and the same DID.
func TestANewNodeAndARestoredOneOutliveAPowerCut(t *testing.T) {
	d := powertest.Ext4(t)
	outliveCuts(t, d.Dir, d, func(step, backup string) error { return beforeTheCut(d.Dir, step, backup) })
}

// The same with nothing left but what they have synced.
func TestANewNodeAndARestoredOneAreSynced(t *testing.T) {
	d := powertest.Watch(t, os.Args[0])
	outliveCuts(t, d.Dir, d, func(step, backup string) error {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "NODE_DIR="+d.Dir, "NODE_STEP="+step, "NODE_BACKUP="+backup)
		out, err := child.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	})
}

type disk interface {
	CutPower()
	Restart()
}

func outliveCuts(t *testing.T, dir string, d disk, do func(step, backup string) error) {
	t.Helper()
	doAndCut := func(step, backup string) {
		if err := do(step, backup); err != nil {
			t.Fatal(err)
		}
		d.CutPower()
		d.Restart()
	}
	made, again := filepath.Join(dir, "made"), filepath.Join(dir, "again")
	doAndCut("init", "")
	raw, did := backedUp(t, made, powerSeal.Passphrase)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(backup, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	doAndCut("restore", backup)
	if _, same := backedUp(t, again, powerSeal.Passphrase); same != did {
		t.Errorf("the restored node is %s, not %s", same, did)
	}
	for _, dir := range []string{made, again} {
		if s, err := node.ReadSettings(dir); err != nil || s.Name != "Alder" || s.Base != "https://alder.example" {
			t.Errorf("%s: %+v, %v", dir, s, err)
		}
	}
}

func backedUp(t *testing.T, dir, passphrase string) (backup []byte, did string) {
	t.Helper()
	c, err := node.Connect(t.Context(), node.Config{Dir: dir, Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	i, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), i.DID
}
