package wallet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/wallet/portfolio"
)

var publications = store.NewCollection("publication", func(p publicationLine) string { return p.ID })

// publicationLine names a publication; each is kept apart, since it lists many
// files.
type publicationLine struct {
	ID string `json:"id"`
}

func publicationKey(id string) []byte { return []byte("publication/" + id) }

func putPublication(tx *store.Tx, p Publication) error {
	if err := putJSON(tx, publicationKey(p.ID), p); err != nil {
		return err
	}
	return publications.Put(tx, publicationLine{p.ID})
}

func eachPublication(tx *store.Tx, f func(Publication) error) error {
	for l, err := range publications.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		var p Publication
		if err := getJSON(tx, publicationKey(l.ID), &p); err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}

// Publish writes a site into dir, which is new or empty, and keeps a record of
// it. It is recorded before it is written, so that what a crash leaves can be
// withdrawn, too; where writing fails, what was written is removed again.
func (w *Wallet) Publish(ctx context.Context, dir string, p Portfolio) (Publication, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Publication{}, errorf(ErrInput, "--out %s: %v", dir, err)
	}
	out := Publication{ID: didcomm.NewID()[:12], Dir: dir, Title: p.Title, URL: p.URL, Made: w.cfg.Now().UTC(), Badges: p.Badges}
	if out.Folders, err = w.roomIn(ctx, dir); err != nil {
		return out, err
	}
	for _, f := range p.Files {
		out.Files = append(out.Files, PublishedFile{f.Name, f.SHA256()})
		if folder := path.Dir(f.Name); folder != "." && !slices.Contains(out.Folders, folder) {
			out.Folders = append(out.Folders, folder)
		}
	}
	if err := w.db.Update(ctx, func(tx *store.Tx) error { return putPublication(tx, out) }); err != nil {
		return out, err
	}
	err = write(dir, p.Files)
	if err == nil {
		return out, nil
	}
	_, removed := remove(out)
	return out, errors.Join(errorf(ErrUndecided, "writing the site: %v", err), removed, w.db.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(publications.Delete(tx, out.ID), store.DeleteLarge(tx, publicationKey(out.ID)))
	}))
}

// roomIn refuses a folder that has something in it already, and returns "."
// when it is to be made.
func (w *Wallet) roomIn(ctx context.Context, dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []string{"."}, nil
	case err != nil:
		return nil, errorf(ErrInput, "--out %s: %v", dir, err)
	case len(entries) == 0:
		return nil, nil
	}
	all, err := w.Publications(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Dir == dir && p.Withdrawn.IsZero() {
			return nil, errorf(ErrInput, "%s holds the publication %s; name another folder with --out, or withdraw that first: trustme wallet portfolio withdraw %s", dir, p.ID, p.ID)
		}
	}
	return nil, errorf(ErrInput, "%s is not empty; name a new folder with --out, so that nothing of yours is touched", dir)
}

// write writes files that everybody may read: they are made to be published.
func write(dir string, files []portfolio.File) error {
	if err := durable.MkdirAll(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if folder := path.Dir(f.Name); folder != "." {
			if err := root.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			if err := root.Chmod(folder, 0o755); err != nil {
				return err
			}
		}
		if err := writeNew(root, f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return durable.SyncDir(dir)
}

func writeNew(root *os.Root, f portfolio.File) error {
	out, err := root.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	return errors.Join(err, out.Chmod(0o644), out.Sync(), out.Close())
}

// remove removes what was written for a publication, and nothing else. changed
// are files that are not as they were written; they stay.
func remove(p Publication) (changed []string, err error) {
	root, err := os.OpenRoot(p.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errorf(ErrUndecided, "opening %s: %v", p.Dir, err)
	}
	defer root.Close()
	for _, f := range p.Files {
		sum, err := sumOf(root, f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return changed, errorf(ErrUndecided, "looking at %s: %v", f.Name, err)
		case sum != f.SHA256:
			changed = append(changed, f.Name)
			continue
		}
		if err := root.Remove(f.Name); err != nil {
			return changed, errorf(ErrUndecided, "removing %s: %v", f.Name, err)
		}
	}
	for _, folder := range slices.Backward(p.Folders) {
		// One that has something else in it, or is gone, is left as it is.
		if folder == "." {
			_ = os.Remove(p.Dir) // removes empty folders only
		} else {
			_ = root.Remove(folder)
		}
	}
	return changed, nil
}

func sumOf(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// Publications lists what was published and withdrawn, oldest first.
func (w *Wallet) Publications(ctx context.Context) (out []Publication, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		return eachPublication(tx, func(p Publication) error { out = append(out, p); return nil })
	})
	slices.SortFunc(out, func(a, b Publication) int { return a.Made.Compare(b.Made) })
	return out, err
}

// WithdrawPublication removes the files that were written for a publication,
// named by its id, the beginning of it, or its folder. Files that changed since
// stay, and the error, which wraps [ErrInput], names them. What others copied
// meanwhile cannot be taken back.
func (w *Wallet) WithdrawPublication(ctx context.Context, what string) (Publication, error) {
	all, err := w.Publications(ctx)
	if err != nil {
		return Publication{}, err
	}
	abs, err := filepath.Abs(what)
	if err != nil {
		return Publication{}, errorf(ErrInput, "%q: %v", what, err)
	}
	at := slices.IndexFunc(all, func(p Publication) bool {
		return len(what) >= 4 && strings.HasPrefix(p.ID, what) || p.Dir == abs && p.Withdrawn.IsZero()
	})
	if at < 0 {
		return Publication{}, errorf(ErrNotHeld, "no publication %q; `trustme wallet portfolio list` lists them", what)
	}
	p := all[at]
	if !p.Withdrawn.IsZero() {
		return p, nil
	}
	changed, err := remove(p)
	if err != nil {
		return p, err
	}
	if len(changed) > 0 {
		return p, errorf(ErrInput, "%s changed since they were written, and stay; the other files are removed. Look at them in %s, remove them, and withdraw again", strings.Join(changed, ", "), p.Dir)
	}
	p.Withdrawn = w.cfg.Now().UTC()
	return p, w.db.Update(ctx, func(tx *store.Tx) error { return putPublication(tx, p) })
}
