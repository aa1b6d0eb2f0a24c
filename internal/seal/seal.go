// Package seal keeps the one secret of a data directory, sealed with age: by a
// passphrase, or by an identity file for a node that must start unattended.
package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/trust-me/trustme/internal/durable"
)

var (
	// ErrWrongPassphrase says that the passphrase does not open the seal.
	ErrWrongPassphrase = errors.New("wrong passphrase")
	// ErrNoSecret says that the directory has no sealed secret.
	ErrNoSecret = errors.New("no sealed secret here")
	// ErrAltered says that a sealed file is damaged: the secret of a directory,
	// or a backup ([ErrDamaged]).
	ErrAltered = errors.New("sealed secret is damaged")
	// ErrNewer says that a sealed file is of a format that a later version
	// writes. It is an [ErrAltered] and an [ErrNotArchive] too: who does not
	// look for it stops all the same.
	ErrNewer error = &kin{"written by a newer version of this program", []error{ErrAltered, ErrNotArchive}}
)

// kin is an error with words of its own that also answers to other errors.
type kin struct {
	text string
	of   []error
}

func (k *kin) Error() string        { return k.text }
func (k *kin) Is(target error) bool { return slices.Contains(k.of, target) }

// The files of a data directory. identityFile exists only for unattended use.
const (
	secretFile   = "secret.age"
	identityFile = "identity.txt"
)

// Files are the files in which the secret of a directory lies.
func Files() []string { return []string{secretFile, identityFile} }

// Secret is 32 random bytes from which every key of a directory derives.
type Secret [32]byte

// Derive returns a 32-byte key for one use, named by label (HKDF-SHA-256).
func (s Secret) Derive(label string) []byte {
	k, err := hkdf.Key(sha256.New, s[:], nil, "trustme "+label, 32)
	if err != nil {
		panic(err) // 32 bytes are within HKDF's bounds
	}
	return k
}

// Options say how a secret is sealed. An empty Passphrase means an identity
// file beside the secret: whoever reads the directory then reads the keys.
type Options struct {
	Passphrase string
	// WorkFactor is log2 of scrypt's N. Default 18, about a second; tests use less.
	WorkFactor int
}

// Create makes a new secret in dir, which must not have one.
func Create(dir string, o Options) (Secret, error) {
	var s Secret
	if _, err := rand.Read(s[:]); err != nil {
		return s, err
	}
	return s, Write(dir, s, o)
}

// Write seals s into dir, replacing nothing: an existing secret is an error.
func Write(dir string, s Secret, o Options) error {
	if Exists(dir) {
		return fmt.Errorf("%s already holds a sealed secret", dir)
	}
	if err := durable.MkdirAll(dir); err != nil {
		return err
	}
	to, err := recipient(dir, o)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return err
	}
	if _, err := w.Write(s[:]); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, secretFile), out.Bytes())
}

func recipient(dir string, o Options) (age.Recipient, error) {
	if o.Passphrase != "" {
		r, err := age.NewScryptRecipient(o.Passphrase)
		if err != nil {
			return nil, err
		}
		if o.WorkFactor != 0 {
			r.SetWorkFactor(o.WorkFactor)
		}
		return r, nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(filepath.Join(dir, identityFile), []byte(id.String()+"\n")); err != nil {
		return nil, err
	}
	return id.Recipient(), nil
}

// Exists reports whether dir has a sealed secret.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, secretFile))
	return err == nil
}

// Unattended reports whether dir opens without a passphrase.
func Unattended(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, identityFile))
	return err == nil
}

// Open reads the secret of dir. The error wraps [ErrNoSecret],
// [ErrWrongPassphrase], [ErrNewer] or [ErrAltered].
func Open(dir, passphrase string) (Secret, error) {
	var s Secret
	sealed, err := os.ReadFile(filepath.Join(dir, secretFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("%w: %s (make it with init)", ErrNoSecret, dir)
	}
	if err != nil {
		return s, err
	}
	name := filepath.Join(dir, secretFile)
	if v := ageVersion(sealed); v > 1 {
		return s, fmt.Errorf("%s was %w (age format %d); use the newer program", name, ErrNewer, v)
	}
	id, err := identity(dir, passphrase)
	if err != nil {
		return s, err
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &noMatch) && !Unattended(dir):
		return s, fmt.Errorf("%w for %s; give the one that it was sealed with, %s", ErrWrongPassphrase, dir, where)
	case err != nil:
		return s, fmt.Errorf("%w: %s: %v; restore it from a backup", ErrAltered, name, err)
	}
	if n, err := io.ReadFull(r, s[:]); err != nil {
		return s, fmt.Errorf("%w: %d of 32 bytes; restore it from a backup", ErrAltered, n)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		// Its seal is whole, so nobody damaged it.
		return s, fmt.Errorf("%s was %w (it holds more than 32 bytes); use the newer program", name, ErrNewer)
	}
	return s, nil
}

// where tells where a passphrase comes from.
const where = "at the prompt, in TRUSTME_PASSPHRASE or with --passphrase-file"

// ageVersion returns the version in the first line of an age file, 0 when it
// has none.
func ageVersion(sealed []byte) int {
	line, _, _ := bytes.Cut(sealed, []byte("\n"))
	text, ok := strings.CutPrefix(string(line), "age-encryption.org/v")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return 0
	}
	return n
}

func identity(dir, passphrase string) (age.Identity, error) {
	if b, err := os.ReadFile(filepath.Join(dir, identityFile)); err == nil {
		id, err := age.ParseX25519Identity(strings.TrimSpace(string(b)))
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %v", ErrAltered, filepath.Join(dir, identityFile), err)
		}
		return id, nil
	}
	if passphrase == "" {
		return nil, fmt.Errorf("%w: %s is sealed with a passphrase: give it %s", ErrWrongPassphrase, dir, where)
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(22)
	return id, nil
}
