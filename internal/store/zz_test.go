package store_test

import (
	"os/exec"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

func TestZZ(t *testing.T) {
	for i := range 25 {
		dir, acked := damagedSoon(t)
		exec.Command("rm", "-rf", "/tmp/zzcopy").Run()
		exec.Command("cp", "-r", dir, "/tmp/zzcopy").Run()
		db, err := store.Open(dir, tortureOptions)
		if err != nil {
			out, _ := exec.Command("ls", "-la", "/tmp/zzcopy/engine").CombinedOutput()
			t.Fatalf("%d: %v\n%s", i, err, out)
		}
		if err := missing(db, acked); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
}
