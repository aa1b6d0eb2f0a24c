package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// A node's backup is a line of JSON (secret, settings, catalogues), then the
// store's own backup. The command seals it with age before it reaches a file.
// Catalogues are those that the node has loaded, wherever their files lie; the
// settings in the backup name the copies, so that it restores on any machine.

type backupHead struct {
	Secret     []byte            `json:"secret"`
	Settings   Settings          `json:"settings"`
	Catalogues map[string][]byte `json:"catalogues"`
}

// Backup writes a consistent copy of the node to w while it runs. The copy
// holds the keys in the clear: the caller seals it.
func (n *Node) Backup(ctx context.Context, w io.Writer) error {
	h := backupHead{Secret: n.secret[:], Settings: n.set, Catalogues: map[string][]byte{}}
	shelf := n.shelf.Load()
	h.Settings.Catalogues = slices.Clone(shelf.names)
	for i, name := range shelf.names {
		if name == ShippedCatalogue {
			continue
		}
		c := shelf.all[i]
		h.Settings.Catalogues[i] = path.Join("catalogues", c.Slug+".yaml")
		for file, raw := range filesNamed(h.Settings.Catalogues[i], c) {
			h.Catalogues[file] = raw
		}
	}
	if err := json.NewEncoder(w).Encode(h); err != nil {
		return err
	}
	_, err := n.db.Backup(ctx, w)
	return err
}

// Restore makes the data directory dir from a backup that [Node.Backup] wrote.
// dir must not exist, or be empty; nothing stays of a backup that is not whole.
func Restore(ctx context.Context, dir string, r io.Reader, o seal.Options) (err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %s is not empty; restore into a new directory", ErrInput, dir)
	}
	br := bufio.NewReaderSize(r, 64<<10)
	line, err := br.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%w: the backup is cut", seal.ErrAltered)
	}
	var h backupHead
	if err := json.Unmarshal(line, &h); err != nil || len(h.Secret) != 32 {
		return fmt.Errorf("%w: the backup's beginning cannot be read", seal.ErrAltered)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".restore-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	secret := seal.Secret(h.Secret)
	if _, err := store.Restore(ctx, filepath.Join(tmp, "store"), br, store.Options{Key: secret.Derive("store")}); err != nil {
		return err
	}
	h.Settings.Admin = "" // a path of the old place
	if err := h.write(tmp); err != nil {
		return err
	}
	if err := seal.Write(tmp, secret, o); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.Rename(tmp, dir)
}

func (h backupHead) write(dir string) error {
	if err := h.Settings.Write(dir); err != nil {
		return err
	}
	for name, raw := range h.Catalogues {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%w: catalogue path %q", seal.ErrAltered, name)
		}
		file := filepath.Join(dir, name)
		if err := durable.MkdirAll(filepath.Dir(file)); err != nil {
			return err
		}
		if err := durable.WriteFile(file, raw); err != nil {
			return err
		}
	}
	return nil
}

// Manifest is what a node's backup tells without its passphrase.
type Manifest struct {
	Created time.Time `json:"created"`
	DID     string    `json:"did"`
	Facts   uint64    `json:"facts"`
}

const archiveKind = "node"

// SealBackup writes the backup of a node to w, sealed with a passphrase.
func SealBackup(ctx context.Context, c *Client, w io.Writer, m Manifest, o seal.Options) error {
	return seal.WriteArchive(w, archiveKind, m, o, func(s io.Writer) error { return c.Backup(ctx, s) })
}

// OpenBackup restores what [SealBackup] wrote into the directory dir.
func OpenBackup(ctx context.Context, dir string, r io.Reader, passphrase string, o seal.Options) (m Manifest, err error) {
	a, err := seal.OpenArchive(r, archiveKind, passphrase)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(a.Manifest, &m); err != nil {
		return m, fmt.Errorf("%w: %v", seal.ErrAltered, err)
	}
	return m, Restore(ctx, dir, a.Payload, o)
}

// Fsck checks the store of a stopped node.
func Fsck(ctx context.Context, dir, passphrase string) (store.Report, error) {
	secret, err := seal.Open(dir, passphrase)
	if err != nil {
		return store.Report{}, err
	}
	return store.Fsck(ctx, filepath.Join(dir, "store"), store.Options{Key: secret.Derive("store")}, nil)
}

// Effective returns the settings that a node in dir would run with.
func Effective(dir string, over Settings) (Settings, error) {
	file, err := ReadSettings(dir)
	if err != nil {
		return file, err
	}
	return file.over(over).Complete(dir)
}
