// Package durable writes files that outlive a loss of power: after it, a file
// is there whole, as it was before or as it was to be, and what was told done
// is the latter.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// NewSuffix ends the name under which [WriteFile] prepares a file; after a
// crash such a file may be left, and is replaced by the next writing.
const NewSuffix = ".new"

// WriteFile puts content under path, mode 0600, in place of what is there.
func WriteFile(path string, content []byte) error {
	f, err := os.OpenFile(path+NewSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return finish(f, path, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// Write puts what fill writes under path, mode 0600, in place of what is
// there. It is prepared under a name of its own beside it, so that no file of
// the user's is touched.
func Write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	return finish(f, path, fill)
}

func finish(f *os.File, path string, fill func(io.Writer) error) error {
	err := fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// Rename moves a file or a folder whose content is durable already.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// MkdirAll makes a folder, mode 0700, and those above it that are missing.
func MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(dir, 0o700) // which tells a file in the way
	}
	if err := MkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return SyncDir(filepath.Dir(dir))
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
