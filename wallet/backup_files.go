package wallet

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// The payload of a backup is a line of JSON, the content, and then the bytes
// of its files, one after the other as the content lists them: a wallet may
// hold more evidence than fits into memory.

// maxContent bounds the line of JSON, in bytes.
const maxContent = 1 << 30

// keptFile is a file of evidence in a backup.
type keptFile struct {
	Digest string `json:"digest"` // SHA-256 in hexadecimal
	Size   int64  `json:"size"`
}

// listFiles lists the files of records, and those that were handed in with
// applications as far as they are here, each once.
func (w *Wallet) listFiles(c *content) error {
	add := func(e application.Evidence, need bool) error {
		if e.Kind != application.File || slices.ContainsFunc(c.Files, func(f keptFile) bool { return f.Digest == e.Digest }) {
			return nil
		}
		in, err := w.db.OpenBlob(e.Digest)
		if errors.Is(err, store.ErrNotFound) && !need {
			return nil // restored from a backup that was made without it
		}
		if err != nil {
			return err
		}
		c.Files = append(c.Files, keptFile{e.Digest, e.Size})
		return in.Close()
	}
	for _, r := range c.Records {
		for _, e := range r.Evidence {
			if err := add(e, true); err != nil {
				return err
			}
		}
	}
	for _, a := range c.Applications {
		for _, e := range a.Sent.Evidence {
			if err := add(e, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeContent writes the payload of a backup.
func (w *Wallet) writeContent(out io.Writer, c content) error {
	if err := json.NewEncoder(out).Encode(c); err != nil {
		return err
	}
	for _, f := range c.Files {
		in, err := w.db.OpenBlob(f.Digest)
		if err != nil {
			return fmt.Errorf("a file of evidence: %w", err)
		}
		n, err := io.Copy(out, in)
		if err := errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("a file of evidence: %w", err)
		}
		if n != f.Size {
			return fmt.Errorf("a file of evidence has %d bytes, and its record says %d; run `trustme doctor --dir` with the directory of this wallet", n, f.Size)
		}
	}
	return nil
}

// readContent reads the payload of a backup: take gets each file after check
// found the content good. What follows the last file is damage.
func readContent(payload io.Reader, check func(content) error, take func(io.Reader) (digest string, err error)) (c content, err error) {
	in := bufio.NewReader(payload)
	head := json.NewDecoder(io.LimitReader(in, maxContent))
	if err := head.Decode(&c); err != nil {
		return c, damaged(err)
	}
	if err := check(c); err != nil {
		return c, err
	}
	rest := bufio.NewReader(io.MultiReader(head.Buffered(), in))
	if b, err := rest.ReadByte(); err != nil || b != '\n' {
		return c, damaged(cmp.Or(err, errors.New("its content has no end")))
	}
	for _, f := range c.Files {
		part := &io.LimitedReader{R: rest, N: f.Size}
		got, err := take(part)
		if err != nil {
			return c, damaged(err)
		}
		if part.N != 0 || got != f.Digest {
			return c, fmt.Errorf("%w: a file of evidence is not the one it was", seal.ErrAltered)
		}
	}
	if _, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
		return c, damaged(cmp.Or(err, errors.New("there is more in it than it lists")))
	}
	return c, nil
}

// damaged says of an error that the backup is not as it was written, unless it
// is our own store that cannot take it.
func damaged(err error) error {
	if errors.Is(err, seal.ErrAltered) || errors.Is(err, store.ErrNoSpace) || errors.Is(err, store.ErrReadOnly) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %v", seal.ErrAltered, err)
}

// measure reads a file for its digest alone.
func measure(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// checkFiles wants each file of each record.
func (c content) checkFiles() error {
	for _, r := range c.Records {
		for _, digest := range r.files() {
			if !slices.ContainsFunc(c.Files, func(f keptFile) bool { return f.Digest == digest && f.Size >= 0 }) {
				return fmt.Errorf("%w: a file of the record %q is missing", seal.ErrAltered, r.Name)
			}
		}
	}
	return nil
}
