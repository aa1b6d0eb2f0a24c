package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A catalogue is published as a signed credential: an endorsement by the node
// of the files of one version, the catalogue's and those of its translations,
// which it names by address and digest. So nothing
// but standard members says it, any verifier of Open Badges checks it, and a
// version never changes.

// Edition is a published version of a catalogue.
type Edition struct {
	Slug       string          `json:"catalogue"`
	Version    string          `json:"version"`
	Digest     string          `json:"sha256"` // of the file, in hex
	Published  time.Time       `json:"published"`
	Credential json.RawMessage `json:"credential"`
	// Translations are the digests of the translations by their languages.
	Translations map[string]string `json:"translations,omitempty"`
}

var editions = store.NewCollection("edition", func(e Edition) string { return e.Slug + " " + e.Version })

// editionFile is the key of the file of a version; that of a translation is
// the version, a dot and the language, as in its address.
func editionFile(slug, version string) []byte { return []byte("catalogue/" + slug + " " + version) }

func hexed(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// publish signs every catalogue of a version that was not published before. A
// published version with another content is refused: partners and learners
// hold what it said.
func (n *Node) publish(ctx context.Context) error {
	for _, c := range n.catalogues() {
		if _, err := n.publishOne(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// publishOne signs a version, and reports whether it was not published before.
func (n *Node) publishOne(ctx context.Context, c *catalogue.Catalogue) (bool, error) {
	e := Edition{Slug: c.Slug, Version: c.Version, Digest: hexed(c.Source()), Published: n.second(), Translations: map[string]string{}}
	for _, t := range c.Translations() {
		e.Translations[t.Language] = hexed(t.Source())
	}
	old, err := n.edition(ctx, c.Slug, c.Version)
	switch {
	case err == nil && old.Digest == e.Digest && maps.Equal(old.Translations, e.Translations):
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%w: the catalogue %s %s was published on %s with another content%s; raise its version, or put the file back as it was", ErrConfig, c.Slug, c.Version, old.Published.Format(time.DateOnly), inLanguages(old, e))
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	signed, err := n.signCatalogue(ctx, c)
	if err != nil {
		return false, fmt.Errorf("publishing the catalogue %s: %w", c.Slug, err)
	}
	e.Credential = signed
	return true, n.db.Update(ctx, func(tx *store.Tx) error {
		if err := editions.Put(tx, e); err != nil {
			return err
		}
		if err := store.PutLarge(tx, editionFile(c.Slug, c.Version), c.Source()); err != nil {
			return err
		}
		for _, t := range c.Translations() {
			if err := store.PutLarge(tx, editionFile(c.Slug, c.Version+"."+t.Language), t.Source()); err != nil {
				return err
			}
		}
		fact := map[string]any{"catalogue": c.Slug, "version": c.Version, "sha256": e.Digest}
		if len(e.Translations) > 0 {
			fact["translations"] = e.Translations
		}
		return n.note(tx, "catalogue.published", fact)
	})
}

// inLanguages names the translations in which two editions differ, where that
// is all.
func inLanguages(a, b Edition) string {
	if a.Digest != b.Digest {
		return ""
	}
	var out []string
	for language := range a.Translations {
		if a.Translations[language] != b.Translations[language] {
			out = append(out, language)
		}
	}
	for language := range b.Translations {
		if a.Translations[language] == "" {
			out = append(out, language)
		}
	}
	slices.Sort(out)
	return " in its translation into " + strings.Join(out, ", ")
}

func (n *Node) edition(ctx context.Context, slug, version string) (e Edition, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		e, err = editions.Get(tx, slug+" "+version)
		return err
	})
	return e, err
}

func (n *Node) signCatalogue(ctx context.Context, c *catalogue.Catalogue) ([]byte, error) {
	address := n.set.Base + "/" + c.Slug
	return n.signStatement(ctx, recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: address + "/catalogue.json", Name: "Catalogue: " + c.Name, Of: address, From: n.second(),
			Comment: "Version " + c.Version + " of the catalogue " + c.Name + ", as its publisher stands behind it."},
		Resources: fileResources(address, c),
	})
}

// serveEdition answers with the signed credential of the version in force.
func (n *Node) serveEdition(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e, err := n.edition(r.Context(), c.Slug, c.Version)
		if err != nil {
			n.broken(w, r, err)
			return
		}
		send(w, r, "application/vc", time.Hour, e.Credential)
	}
}

// serveEditionFile answers with the file of a version, which never changes.
func (n *Node) serveEditionFile(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var raw []byte
		version, yaml := strings.CutSuffix(r.PathValue("file"), ".yaml")
		err := n.db.View(r.Context(), func(tx *store.Tx) (err error) {
			if !yaml {
				return store.ErrNotFound
			}
			raw, err = store.GetLarge(tx, editionFile(c.Slug, version))
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound):
			n.fail(w, r, http.StatusNotFound, "There is no such version of "+c.Name+".")
		case err != nil:
			n.broken(w, r, err)
		default:
			send(w, r, "application/yaml", 365*24*time.Hour, raw)
		}
	}
}
