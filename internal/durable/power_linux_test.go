package durable_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/powertest"
)

// steps are done in a folder one after the other, each followed by a cut.
var steps = []struct {
	do   func(dir string) error
	then func(t *testing.T, dir string)
}{
	{
		func(dir string) error { return durable.MkdirAll(filepath.Join(dir, "a", "moving")) },
		func(t *testing.T, dir string) {
			if _, err := os.Stat(filepath.Join(dir, "a", "moving")); err != nil {
				t.Error(err)
			}
		},
	},
	{
		func(dir string) error {
			return durable.WriteFile(filepath.Join(dir, "a", "moving", "one"), []byte("one"))
		},
		func(t *testing.T, dir string) { is(t, filepath.Join(dir, "a", "moving", "one"), "one") },
	},
	{
		func(dir string) error {
			return durable.Rename(filepath.Join(dir, "a", "moving"), filepath.Join(dir, "a", "b"))
		},
		func(t *testing.T, dir string) { is(t, filepath.Join(dir, "a", "b", "one"), "one") },
	},
	{
		func(dir string) error { return durable.Write(filepath.Join(dir, "a", "b", "one"), write("two")) },
		func(t *testing.T, dir string) { is(t, filepath.Join(dir, "a", "b", "one"), "two") },
	},
}

// The test binary is its own child, which does one step where it is watched.
func TestMain(m *testing.M) {
	step, child := os.LookupEnv("DURABLE_STEP")
	if !child {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(step)
	if err == nil {
		err = steps[n].do(os.Getenv("DURABLE_DIR"))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func TestWhatIsDoneOutlivesAPowerCut(t *testing.T) {
	disk := powertest.Ext4(t)
	for _, s := range steps {
		if err := s.do(disk.Dir); err != nil {
			t.Fatal(err)
		}
		disk.CutPower()
		disk.Restart()
		s.then(t, disk.Dir)
	}
}

func TestWhatIsDoneIsSynced(t *testing.T) {
	folder := powertest.Watch(t, os.Args[0])
	for i, s := range steps {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "DURABLE_DIR="+folder.Dir, fmt.Sprintf("DURABLE_STEP=%d", i))
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		folder.CutPower()
		folder.Restart()
		s.then(t, folder.Dir)
	}
}
