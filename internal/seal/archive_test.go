package seal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/trust-me/trustme/internal/seal"
)

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	err := seal.WriteArchive(&b, "wallet", map[string]int{"badges": 1}, quick, func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("payload "), 20_000)) // over one chunk of age, which has 64 KiB
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readAll(raw []byte, passphrase string) error {
	a, err := seal.OpenArchive(bytes.NewReader(raw), "wallet", passphrase)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(a.Payload)
	return err
}

func TestADamagedBackupIsCalledThatAndAnotherCopyIsAdvised(t *testing.T) {
	good := archive(t)
	if err := readAll(good, "correct horse"); err != nil {
		t.Fatal(err)
	}
	line := bytes.IndexByte(good, '\n') + 1
	altered := func(at int) []byte { b := bytes.Clone(good); b[at] ^= 1; return b }
	const cut, told = "the backup is damaged: it is cut or altered; use another copy", "the backup is damaged: its readable part was altered; use another copy"
	for name, tt := range map[string]struct {
		raw  []byte
		text string
	}{
		"cut before the sealed part": {good[:line], cut},
		"cut within its header":      {good[:line+60], cut},
		"cut after its header":       {good[:line+200], cut},
		"cut within the payload":     {good[:len(good)-100_000], cut},
		"without its last byte":      {good[:len(good)-1], cut},
		"altered in the payload":     {altered(len(good) - 50), cut},
		"altered in the first chunk": {altered(line + 300), cut},
		"with something behind":      {append(bytes.Clone(good), "more"...), cut},
		"another manifest":           {bytes.Replace(good, []byte(`"badges":1`), []byte(`"badges":2`), 1), told},
	} {
		err := readAll(tt.raw, "correct horse")
		if !errors.Is(err, seal.ErrDamaged) || !errors.Is(err, seal.ErrAltered) || err.Error() != tt.text {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWrongPassphraseSaysWhereItIsGiven(t *testing.T) {
	dir := t.TempDir()
	if _, err := seal.Create(dir, quick); err != nil {
		t.Fatal(err)
	}
	raw := archive(t)
	for _, p := range []string{"correct horsf", ""} {
		_, err := seal.Open(dir, p)
		for what, err := range map[string]error{"directory": err, "backup": readAll(raw, p)} {
			if !errors.Is(err, seal.ErrWrongPassphrase) || !strings.HasSuffix(err.Error(), "at the prompt, in TRUSTME_PASSPHRASE or with --passphrase-file") {
				t.Errorf("%s with %q: %v", what, p, err)
			}
		}
	}
}

func TestABackupOfANewerFormatOrOfSomethingElseIsRefused(t *testing.T) {
	good := archive(t)
	for name, tt := range map[string]struct {
		from, to string
		err      error
		fix      string
	}{
		"a newer format": {`"version":1`, `"version":2`, seal.ErrNewer, "use the newer program"},
		"no format":      {`"version":1`, `"version":0`, seal.ErrNotArchive, "no format version"},
		"a node's":       {`"kind":"wallet"`, `"kind":"node"`, seal.ErrNotArchive, "the backup of a node, not of a wallet"},
		"another file":   {`trustme-backup`, `trustme-pack`, seal.ErrNotArchive, "not a backup"},
	} {
		bad := bytes.Replace(good, []byte(tt.from), []byte(tt.to), 1)
		_, head := seal.ReadManifest(bytes.NewReader(bad), "wallet")
		for _, err := range []error{head, readAll(bad, "correct horse")} {
			if !errors.Is(err, tt.err) || !errors.Is(err, seal.ErrNotArchive) || !strings.Contains(err.Error(), tt.fix) {
				t.Errorf("%s: %v", name, err)
			}
			if newer := tt.err == seal.ErrNewer; errors.Is(err, seal.ErrNewer) != newer {
				t.Errorf("%s: newer is %v", name, !newer)
			}
		}
	}
}

func TestASecretOfANewerFormatIsRefusedAsThat(t *testing.T) {
	dir := t.TempDir()
	if _, err := seal.Create(dir, quick); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secret.age")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(10)
	var longer bytes.Buffer
	w, err := age.Encrypt(&longer, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 33)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, newer := range map[string][]byte{
		"age in a later version": bytes.Replace(raw, []byte("age-encryption.org/v1"), []byte("age-encryption.org/v2"), 1),
		"more than the secret":   longer.Bytes(),
	} {
		if err := os.WriteFile(path, newer, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := seal.Open(dir, "correct horse")
		if !errors.Is(err, seal.ErrNewer) || !errors.Is(err, seal.ErrAltered) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "use the newer program") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, newer) {
			t.Errorf("%s: the file was touched: %v", name, err)
		}
	}
}
