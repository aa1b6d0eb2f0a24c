package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/seal"
)

var quick = seal.Options{Passphrase: "correct horse", WorkFactor: 10}

func TestTheSecretOpensWithItsPassphraseOnly(t *testing.T) {
	dir := t.TempDir()
	s, err := seal.Create(dir, quick)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.Open(dir, "correct horse"); err != nil || got != s {
		t.Errorf("right passphrase: %v", err)
	}
	for _, p := range []string{"correct horsf", ""} {
		if _, err := seal.Open(dir, p); !errors.Is(err, seal.ErrWrongPassphrase) {
			t.Errorf("passphrase %q: got %v", p, err)
		}
	}
	if bytes.Equal(s.Derive("a"), s.Derive("b")) {
		t.Error("two labels give one key")
	}
}

func TestAnUnattendedSecretLiesInAFileForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	s, err := seal.Create(dir, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.Open(dir, ""); err != nil || got != s {
		t.Error(err)
	}
	for _, f := range []string{"identity.txt", "secret.age"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
	}
	if _, err := seal.Create(dir, quick); err == nil {
		t.Error("a secret was replaced")
	}
}

func TestADamagedSecretIsNotAWrongPassphrase(t *testing.T) {
	dir := t.TempDir()
	if _, err := seal.Create(dir, quick); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secret.age")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(dir, "correct horse"); !errors.Is(err, seal.ErrAltered) {
		t.Errorf("got %v", err)
	}
	if _, err := seal.Open(t.TempDir(), "x"); !errors.Is(err, seal.ErrNoSecret) {
		t.Errorf("empty directory: got %v", err)
	}
}
