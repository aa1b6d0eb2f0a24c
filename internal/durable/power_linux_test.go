package durable_test

import (
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/powertest"
)

func TestWhatWasWrittenOutlivesAPowerCut(t *testing.T) {
	disk := powertest.Ext4(t)
	dir := filepath.Join(disk.Dir, "a", "b")
	if err := durable.MkdirAll(filepath.Join(dir, "moving")); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "moving", "one"), []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Rename(filepath.Join(dir, "moving"), filepath.Join(dir, "first")); err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirAll(filepath.Join(dir, "second")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(filepath.Join(dir, "second", "two"), write("two")); err != nil {
		t.Fatal(err)
	}
	disk.CutPower()
	disk.Restart()
	is(t, filepath.Join(dir, "first", "one"), "one")
	is(t, filepath.Join(dir, "second", "two"), "two")
}
