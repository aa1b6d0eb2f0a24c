package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A catalogue of the node's own directory is several files: its own, and those
// of its translations. They change together: what is to be there is written
// down first, and finished at the next start where a publication was
// interrupted. Else the node would find a version with another content than it
// published, and not start.

// placing is a published version whose files are being written.
type placing struct {
	Name    string `json:"name"` // of the catalogue's file, relative to the directory
	Slug    string `json:"catalogue"`
	Version string `json:"version"`
}

var placings = store.NewCollection("placing", func(p placing) string { return p.Name })

// place writes the files of a version that was published, and removes those of
// translations that it does not have.
func (n *Node) place(ctx context.Context, p placing, c *catalogue.Catalogue) error {
	if err := n.db.Update(ctx, func(tx *store.Tx) error { return placings.Put(tx, p) }); err != nil {
		return err
	}
	if err := write(filepath.Join(n.dir, p.Name), c); err != nil {
		return err
	}
	return n.db.Update(ctx, func(tx *store.Tx) error { return placings.Delete(tx, p.Name) })
}

func write(file string, c *catalogue.Catalogue) error {
	if err := durable.MkdirAll(filepath.Dir(file)); err != nil {
		return err
	}
	old, err := catalogue.Beside(file)
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(filepath.Join(filepath.Dir(file), f.Name)); err != nil {
			return err
		}
	}
	for name, raw := range filesNamed(filepath.Base(file), c) {
		if err := durable.WriteFile(filepath.Join(filepath.Dir(file), name), raw); err != nil {
			return err
		}
	}
	return nil
}

// filesNamed are the files of a catalogue and its translations, by the names
// that go with the name of the first.
func filesNamed(name string, c *catalogue.Catalogue) map[string][]byte {
	ext := filepath.Ext(name)
	out := map[string][]byte{name: c.Source()}
	for _, t := range c.Translations() {
		out[strings.TrimSuffix(name, ext)+"."+t.Language+ext] = t.Source()
	}
	return out
}

// finishPlacing writes the files that an interrupted publication left behind.
func (n *Node) finishPlacing(ctx context.Context) error {
	var open []placing
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for p, err := range placings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			open = append(open, p)
		}
		return nil
	})
	for _, p := range open {
		var c *catalogue.Catalogue
		if err == nil {
			c, err = n.publishedVersion(ctx, p.Slug, p.Version)
		}
		if err == nil {
			err = n.place(ctx, p, c)
		}
	}
	return err
}

// publishedVersion reads a version as it was published.
func (n *Node) publishedVersion(ctx context.Context, slug, version string) (*catalogue.Catalogue, error) {
	e, err := n.edition(ctx, slug, version)
	if err != nil {
		return nil, err
	}
	var file []byte
	var translations []catalogue.File
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		if file, err = store.GetLarge(tx, editionFile(slug, version)); err != nil {
			return err
		}
		for language := range e.Translations {
			raw, err := store.GetLarge(tx, editionFile(slug, version+"."+language))
			if err != nil {
				return err
			}
			translations = append(translations, catalogue.File{Name: slug + "." + language + ".yaml", Raw: raw})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return catalogue.Parse(file, translations...)
}
