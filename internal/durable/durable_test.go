package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/durable"
)

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

func is(t *testing.T, path, want string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil || string(raw) != want {
		t.Errorf("%s holds %q, %v; want %q", path, raw, err, want)
	}
	if st, err := os.Stat(path); err != nil {
		t.Error(err)
	} else if st.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v", path, st.Mode())
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("beside %s lies %v, %v", path, all, err)
	}
}

func TestAFileIsReplacedWholeOrStaysAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := durable.WriteFile(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	is(t, path, "one")
	if err := durable.Write(path, write("two")); err != nil {
		t.Fatal(err)
	}
	is(t, path, "two")
	broken := errors.New("broken")
	err := durable.Write(path, func(w io.Writer) error {
		return errors.Join(write("thr")(w), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	is(t, path, "two")
	if err := durable.WriteFile(filepath.Join(path, "below"), nil); err == nil {
		t.Error("a file became a folder")
	}
	is(t, path, "two")
}

func TestFoldersAreMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := durable.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "f"), nil); err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirAll(filepath.Join(dir, "f", "below")); err == nil {
		t.Error("a folder was made below a file")
	}
	if err := durable.MkdirAll(filepath.Join(dir, "f")); err == nil {
		t.Error("a file passed for a folder")
	}
}
