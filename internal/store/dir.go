package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/durable"
)

// formatVersion is the version of what is written; a directory of a higher one
// is refused. It is also given to the engine, which checks it on its own.
const formatVersion = 1

// Names in a store's directory.
const (
	formatName = "FORMAT"
	headName   = "HEAD"
	lockName   = "LOCK"
	engineDir  = "engine"
	blobDir    = "blobs"
)

// takeDir makes dir if need be, closes it to others, and locks it.
func takeDir(dir string, readOnly bool) (io.Closer, error) {
	if readOnly {
		if _, err := os.Stat(filepath.Join(dir, formatName)); err != nil {
			return nil, fmt.Errorf("opening the store to read: %w", err)
		}
		return lockDir(dir, shared)
	}
	if err := durable.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // the engine makes its files 0644
		return nil, fmt.Errorf("closing the store to others: %w", err)
	}
	return lockDir(dir, exclusive)
}

// layOut checks FORMAT, or makes the files of a new store; FORMAT comes last,
// so that a crash in between leaves what the next opening completes.
func layOut(dir string, s sealer, readOnly bool) error {
	path := filepath.Join(dir, formatName)
	raw, err := os.ReadFile(path)
	if err == nil {
		return checkFormat(path, raw, s)
	}
	if !errors.Is(err, os.ErrNotExist) || readOnly {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := checkNew(dir); err != nil {
		return err
	}
	for _, sub := range []string{engineDir, blobDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("making the store: %w", err)
		}
	}
	if err := makeHead(filepath.Join(dir, headName), s); err != nil {
		return err
	}
	return durable.WriteFile(path, formatText(s))
}

// checkNew refuses to make a store among things it does not know.
func checkNew(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, engineDir, "MANIFEST")); err == nil {
		return fmt.Errorf("%w: %s is missing beside records; restore the directory from a backup", ErrCorrupt, filepath.Join(dir, formatName))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	known := []string{lockName, headName, headName + durable.NewSuffix, formatName + durable.NewSuffix, engineDir, blobDir, "lost+found"}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			return fmt.Errorf("making the store: %s holds %q already; choose an empty directory", dir, e.Name())
		}
	}
	return nil
}

// formatText is FORMAT: four lines, the last a checksum of the others. Newer
// versions keep the first two lines and the last.
func formatText(s sealer) []byte {
	key := "none"
	if s.hasRoot {
		key = hex.EncodeToString(s.tag("format", nil)[:16])
	}
	text := fmt.Sprintf("trustme store\nformat %d\nkey %s\n", formatVersion, key)
	return []byte(text + formatSum(text))
}

func formatSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sum " + hex.EncodeToString(sum[:8]) + "\n"
}

func checkFormat(path string, raw []byte, s sealer) error {
	text := string(raw)
	cut := strings.LastIndex(text, "sum ")
	if cut < 0 || formatSum(text[:cut]) != text[cut:] {
		return fmt.Errorf("%w: %s; restore it from a backup of the directory", ErrCorrupt, path)
	}
	lines := strings.Split(text, "\n")
	v, err := strconv.Atoi(strings.TrimPrefix(lines[1], "format "))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s holds no version", ErrCorrupt, path)
	case v > formatVersion:
		return fmt.Errorf("%w: %s has format %d, this program knows %d; use the newer program", ErrNewerVersion, filepath.Dir(path), v, formatVersion)
	case !bytes.Equal(raw, formatText(s)):
		return fmt.Errorf("%w: %s", ErrWrongKey, filepath.Dir(path))
	}
	return nil
}
