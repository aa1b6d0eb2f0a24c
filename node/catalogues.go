package node

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/node/catalogue"
)

// CatalogueInfo is a catalogue that this node publishes, in a line.
type CatalogueInfo struct {
	Slug         string    `json:"catalogue"`
	Version      string    `json:"version"`
	Name         string    `json:"name"`
	Address      string    `json:"address"`
	Published    time.Time `json:"published"`
	Achievements int       `json:"achievements"`
	Paths        int       `json:"paths"`
	Roles        int       `json:"roles"`
	Endorsements int       `json:"endorsements"` // in force, of the version in force
	Languages    []string  `json:"languages,omitempty"`
}

// CatalogueFile is a published catalogue: the file, and who stands behind it.
type CatalogueFile struct {
	Address    string    `json:"address"`
	Issuer     string    `json:"issuer"`
	IssuerName string    `json:"issuerName,omitempty"`
	Base       string    `json:"base"`
	Published  time.Time `json:"published"`
	File       []byte    `json:"file"`
	// Translations are the files of its translations.
	Translations []catalogue.File `json:"translations,omitempty"`
	// Endorsed are the endorsements of it that its publisher serves.
	Endorsed []EndorsedBy `json:"endorsements"`
}

// Catalogues lists the catalogues in force.
func (n *Node) Catalogues(ctx context.Context) ([]CatalogueInfo, error) {
	out := []CatalogueInfo{}
	for _, c := range n.catalogues() {
		e, err := n.edition(ctx, c.Slug, c.Version)
		if err != nil {
			return nil, err
		}
		praise, err := n.catalogueEndorsements(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, CatalogueInfo{Slug: c.Slug, Version: c.Version, Name: c.Name, Address: n.set.Base + "/" + c.Slug, Published: e.Published,
			Achievements: len(c.Achievements), Paths: len(c.Paths), Roles: len(c.Roles), Endorsements: len(praise), Languages: c.Languages("")})
	}
	return out, nil
}

// CatalogueRequest names a catalogue: one of this node by its slug, or a
// partner's published one by its address. Empty for the only one there is.
type CatalogueRequest struct {
	Name string `json:"name"`
}

// ReadCatalogue returns a published catalogue, this node's or, verified, a
// partner's.
func (n *Node) ReadCatalogue(ctx context.Context, r CatalogueRequest) (CatalogueFile, error) {
	if strings.Contains(r.Name, "://") {
		return n.readPartners(ctx, r.Name)
	}
	all := n.catalogues()
	i := slices.IndexFunc(all, func(c *catalogue.Catalogue) bool { return c.Slug == r.Name || r.Name == "" && len(all) == 1 })
	if i < 0 {
		var have []string
		for _, c := range all {
			have = append(have, c.Slug)
		}
		return CatalogueFile{}, fmt.Errorf("%w: this node has no catalogue %q; it has: %s", ErrInput, r.Name, strings.Join(have, ", "))
	}
	c := all[i]
	e, err := n.edition(ctx, c.Slug, c.Version)
	if err != nil {
		return CatalogueFile{}, err
	}
	out := CatalogueFile{Address: n.set.Base + "/" + c.Slug, Issuer: n.id.String(), IssuerName: n.set.Name, Base: n.set.Base, Published: e.Published, File: c.Source(), Translations: c.Files()}
	praise, err := n.catalogueEndorsements(ctx, c)
	out.Endorsed = n.judgeEndorsements(ctx, praise, out.Address, c)
	return out, err
}

func (n *Node) readPartners(ctx context.Context, address string) (CatalogueFile, error) {
	e, err := n.fetchCatalogue(ctx, address)
	if err != nil {
		return CatalogueFile{}, err
	}
	out := CatalogueFile{Address: strings.TrimSuffix(e.ID, "/catalogue.json"), Issuer: e.Issuer, IssuerName: e.IssuerName, Base: e.Base, Published: e.Published, File: e.Catalogue.Source(), Translations: e.Catalogue.Files()}
	praise, err := n.fetchEndorsements(ctx, out.Address)
	out.Endorsed = n.judgeEndorsements(ctx, praise, out.Address, e.Catalogue)
	return out, err
}

func (n *Node) adminCatalogues(mux *http.ServeMux) {
	mux.HandleFunc("GET /catalogues", func(w http.ResponseWriter, r *http.Request) {
		all, err := n.Catalogues(r.Context())
		answer(w, all, err)
	})
	handle(mux, "POST /catalogues/read", n.ReadCatalogue)
	mux.HandleFunc("POST /catalogues/publish", n.adminPublishCatalogue)
}

// Catalogues lists the catalogues in force.
func (c *Client) Catalogues(ctx context.Context) (all []CatalogueInfo, err error) {
	return all, c.call(ctx, http.MethodGet, "/catalogues", nil, &all)
}

// ReadCatalogue returns a published catalogue.
func (c *Client) ReadCatalogue(ctx context.Context, r CatalogueRequest) (f CatalogueFile, err error) {
	return f, c.call(ctx, http.MethodPost, "/catalogues/read", r, &f)
}
