package node_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/powertest"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

// What `init` and `restore` were told done is there after a power cut: the
// same settings, not the defaults, and the same DID.
func TestANewNodeAndARestoredOneOutliveAPowerCut(t *testing.T) {
	disk := powertest.Ext4(t)
	made, again := filepath.Join(disk.Dir, "made"), filepath.Join(disk.Dir, "again")
	o := seal.Options{Passphrase: "a long passphrase", WorkFactor: 10}
	if err := node.Init(node.InitRequest{Dir: made, Settings: node.Settings{Name: "Alder", Base: "https://alder.example"}, Seal: o}); err != nil {
		t.Fatal(err)
	}
	cut := func() {
		disk.CutPower()
		disk.Restart()
	}
	cut()
	backup, did := backedUp(t, made, o.Passphrase)
	if err := node.Restore(t.Context(), again, bytes.NewReader(backup), o); err != nil {
		t.Fatal(err)
	}
	cut()
	if _, same := backedUp(t, again, o.Passphrase); same != did {
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
