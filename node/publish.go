package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A catalogue is published as a signed credential: an endorsement by the node
// of the file of one version, which it names by address and digest. So nothing
// but standard members says it, any verifier of Open Badges checks it, and a
// version never changes.

// Edition is a published version of a catalogue.
type Edition struct {
	Slug       string          `json:"catalogue"`
	Version    string          `json:"version"`
	Digest     string          `json:"sha256"` // of the file, in hex
	Published  time.Time       `json:"published"`
	Credential json.RawMessage `json:"credential"`
}

var editions = store.NewCollection("edition", func(e Edition) string { return e.Slug + " " + e.Version })

func editionFile(slug, version string) []byte { return []byte("catalogue/" + slug + " " + version) }

// publish signs every catalogue of a version that was not published before. A
// published version with another content is refused: partners and learners
// hold what it said.
func (n *Node) publish(ctx context.Context) error {
	for _, c := range n.catalogues {
		sum := sha256.Sum256(c.Source())
		digest := hex.EncodeToString(sum[:])
		old, err := n.edition(ctx, c.Slug, c.Version)
		switch {
		case err == nil && old.Digest == digest:
			continue
		case err == nil:
			return fmt.Errorf("%w: the catalogue %s %s was published on %s with another content; raise its version, or put the file back as it was", ErrConfig, c.Slug, c.Version, old.Published.Format(time.DateOnly))
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		signed, err := n.signCatalogue(ctx, c, sum)
		if err != nil {
			return fmt.Errorf("publishing the catalogue %s: %w", c.Slug, err)
		}
		e := Edition{Slug: c.Slug, Version: c.Version, Digest: digest, Published: n.now().UTC().Truncate(time.Second), Credential: signed}
		err = n.db.Update(ctx, func(tx *store.Tx) error {
			if err := editions.Put(tx, e); err != nil {
				return err
			}
			if err := store.PutLarge(tx, editionFile(c.Slug, c.Version), c.Source()); err != nil {
				return err
			}
			return n.note(tx, "catalogue.published", map[string]any{"catalogue": c.Slug, "version": c.Version, "sha256": digest})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) edition(ctx context.Context, slug, version string) (e Edition, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		e, err = editions.Get(tx, slug+" "+version)
		return err
	})
	return e, err
}

func (n *Node) signCatalogue(ctx context.Context, c *catalogue.Catalogue, sum [sha256.Size]byte) ([]byte, error) {
	digest, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x12, sha256.Size}, sum[:]...))
	if err != nil {
		return nil, err
	}
	now := n.now().UTC().Truncate(time.Second)
	address := n.set.Base + "/" + c.Slug
	type typed struct {
		ID   string   `json:"id"`
		Type []string `json:"type"`
		Name string   `json:"name,omitempty"`
		Text string   `json:"endorsementComment,omitempty"`
	}
	type resource struct {
		ID     string `json:"id"`
		Media  string `json:"mediaType"`
		Digest string `json:"digestMultibase"`
	}
	unsigned, err := jsondoc.Marshal(struct {
		Context   []string   `json:"@context"`
		ID        string     `json:"id"`
		Type      []string   `json:"type"`
		Name      string     `json:"name"`
		Issuer    typed      `json:"issuer"`
		From      string     `json:"validFrom"`
		Subject   typed      `json:"credentialSubject"`
		Resources []resource `json:"relatedResource"`
	}{
		[]string{jsonld.CredentialsV2, jsonld.OpenBadges303}, address + "/catalogue.json", []string{"VerifiableCredential", "EndorsementCredential"},
		"Catalogue: " + c.Name, typed{ID: n.id.String(), Type: []string{"Profile"}, Name: n.set.Name}, jsondoc.Stamp(now),
		typed{ID: address, Type: []string{"EndorsementSubject"}, Text: "Version " + c.Version + " of the catalogue " + c.Name + ", as its publisher stands behind it."},
		[]resource{{fmt.Sprintf("%s/v/%s.yaml", address, c.Version), "application/yaml", digest}},
	})
	if err != nil {
		return nil, err
	}
	s, err := n.signer(ctx)
	if err != nil {
		return nil, err
	}
	v, err := credentials.Issue(ctx, n.party.Verifier, unsigned, s, now)
	if err != nil {
		return nil, err
	}
	return v.Credential().Bytes(), nil
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
