package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/node/catalogue"
)

// shelf holds the catalogues in force, by which names the settings know them,
// and the addresses at which they are served. A publication puts another in
// its place; requests under way end with the one that they began with.
type shelf struct {
	all    []*catalogue.Catalogue
	names  []string
	routes http.Handler
}

// catalogues returns the catalogues in force. Nobody changes the slice.
func (n *Node) catalogues() []*catalogue.Catalogue { return n.shelf.Load().all }

func (n *Node) put(all []*catalogue.Catalogue, names []string) {
	n.shelf.Store(&shelf{all, names, n.catalogueRoutes(all)})
}

func (n *Node) catalogueRoutes(all []*catalogue.Catalogue) http.Handler {
	mux := http.NewServeMux()
	for _, c := range all {
		mux.HandleFunc("GET /"+c.Slug, n.serveCatalogue(c))
		mux.HandleFunc("GET /"+c.Slug+"/catalogue.json", n.serveEdition(c))
		mux.HandleFunc("GET /"+c.Slug+"/endorsements", n.serveCatalogueEndorsements(c))
		mux.HandleFunc("GET /"+c.Slug+"/v/{file}", n.serveEditionFile(c))
		mux.HandleFunc("GET /"+c.Slug+"/p/{image}", n.servePath(c))
		mux.HandleFunc("GET /"+c.Slug+"/a/{slug}", n.serveAchievement(c))
		mux.HandleFunc("GET /"+c.Slug+"/a/{slug}/{part}", n.serveBelow(c))
		mux.HandleFunc("GET /"+c.Slug+"/a/{slug}/{language}/{image}", n.serveImageIn(c))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n.fail(w, r, http.StatusNotFound, "There is no page at this address.")
	})
	return mux
}

// Publication is what came of publishing a catalogue.
type Publication struct {
	Catalogue string `json:"catalogue"`
	Version   string `json:"version"`
	Address   string `json:"address"`
	File      string `json:"file"` // in the settings
	// New says that this version was not published before.
	New     bool               `json:"new"`
	Changes *catalogue.Changes `json:"changes,omitempty"` // since the version that was in force
	// Restart says why the next start would not serve it; empty when it would.
	Restart string `json:"restart,omitempty"`
}

// PublishCatalogue publishes a catalogue's file and its translations: they are
// checked, signed as an edition, kept in the data directory, named in the
// settings, and in force when PublishCatalogue returns nil, also while the node
// serves. A published version never changes, and an older one does not come back; the error wraps
// [ErrConfig] or [catalogue.ErrInvalid], and nothing is changed.
func (n *Node) PublishCatalogue(ctx context.Context, file []byte, translations ...catalogue.File) (Publication, error) {
	c, err := catalogue.Parse(file, translations...)
	if err != nil {
		return Publication{}, err
	}
	n.publishing.Lock()
	defer n.publishing.Unlock()
	return n.publishAs(ctx, c, path.Join("catalogues", c.Slug+".yaml"))
}

// PublishAgain publishes the catalogues whose files, as the settings name
// them, have changed.
func (n *Node) PublishAgain(ctx context.Context) ([]Publication, error) {
	n.publishing.Lock()
	defer n.publishing.Unlock()
	out := []Publication{}
	old := n.shelf.Load()
	for i, name := range old.names {
		c, err := loadCatalogue(n.dir, name)
		if err != nil {
			return out, err
		}
		if c.Same(old.all[i]) {
			continue
		}
		if c.Slug != old.all[i].Slug {
			return out, fmt.Errorf("%w: %s was the catalogue %s, and is %s now; publish it by its own file", ErrConfig, name, old.all[i].Slug, c.Slug)
		}
		p, err := n.publishAs(ctx, c, name)
		if err != nil {
			return out, err
		}
		out = append(out, p)
	}
	return out, nil
}

// publishAs publishes a catalogue under the name of a file in the settings.
func (n *Node) publishAs(ctx context.Context, c *catalogue.Catalogue, name string) (Publication, error) {
	old := n.shelf.Load()
	p := Publication{Catalogue: c.Slug, Version: c.Version, Address: n.set.Base + "/" + c.Slug, File: name}
	if err := nameable(c); err != nil {
		return p, err
	}
	all, names := slices.Clone(old.all), slices.Clone(old.names)
	i := slices.IndexFunc(all, func(o *catalogue.Catalogue) bool { return o.Slug == c.Slug })
	if i < 0 {
		all, names = append(all, c), append(names, name)
	} else {
		if catalogue.Less(c.Version, all[i].Version) {
			return p, fmt.Errorf("%w: version %s of the catalogue %s is older than %s, which is in force; raise it above that", ErrConfig, c.Version, c.Slug, all[i].Version)
		}
		changes := catalogue.Diff(all[i], c)
		p.Changes = &changes
		all[i], names[i] = c, name
	}
	var err error
	if p.New, err = n.publishOne(ctx, c); err != nil {
		return p, err
	}
	if !filepath.IsAbs(name) && name != ShippedCatalogue {
		if err := n.place(ctx, placing{Name: name, Slug: c.Slug, Version: c.Version}, c); err != nil {
			return p, err
		}
	}
	if p.Restart, err = n.rememberCatalogues(old.names, names); err != nil {
		return p, err
	}
	n.put(all, names)
	return p, nil
}

// rememberCatalogues names the catalogues in the settings' file; the rest of
// it, comments too, stays. It says why where a start would not heed it.
func (n *Node) rememberCatalogues(old, names []string) (restart string, err error) {
	file, err := ReadSettings(n.dir)
	if err != nil {
		return "", err
	}
	before := file.Catalogues
	if len(before) == 0 {
		before = []string{ShippedCatalogue}
	}
	if !slices.Equal(before, old) {
		restart = "this node was told its catalogues by --catalogue or TRUSTME_CATALOGUE, which win over " + SettingsFile + "; start it without them, and it serves this one again"
	}
	if slices.Equal(file.Catalogues, names) {
		return restart, nil
	}
	where := filepath.Join(n.dir, SettingsFile)
	raw, err := os.ReadFile(where)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the settings: %w", err)
	}
	raw, err = withCatalogues(raw, names)
	if err != nil {
		return "", err
	}
	return restart, durable.WriteFile(where, raw)
}

// withCatalogues sets the key catalogues in the file of settings.
func withCatalogues(raw []byte, names []string) ([]byte, error) {
	var doc, list yaml.Node
	if err := errors.Join(yaml.Unmarshal(raw, &doc), list.Encode(names)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrConfig, err)
	}
	if doc.Kind == 0 || doc.Content[0].Kind != yaml.MappingNode { // no file, or an empty one
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	root := doc.Content[0]
	at := -1
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "catalogues" {
			at = i + 1
		}
	}
	if at < 0 {
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "catalogues"}, &list)
	} else {
		list.HeadComment, list.LineComment, list.FootComment = root.Content[at].HeadComment, root.Content[at].LineComment, root.Content[at].FootComment
		root.Content[at] = &list
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := errors.Join(enc.Encode(&doc), enc.Close())
	return b.Bytes(), err
}

// publishRequest is a catalogue to be published; without a file, those that the
// settings name are read again.
type publishRequest struct {
	File         []byte           `json:"file,omitempty"`
	Translations []catalogue.File `json:"translations,omitempty"`
}

// maxPublication bounds a request to publish, in bytes: files stand in it in
// base64.
const maxPublication = 2 * (catalogue.MaxTranslations + 1) * catalogue.MaxSize

func (n *Node) adminPublishCatalogue(w http.ResponseWriter, r *http.Request) {
	var q publishRequest
	if err := readRequest(r.Body, &q, maxPublication); err != nil {
		answer(w, nil, err)
		return
	}
	if len(q.File) == 0 {
		all, err := n.PublishAgain(r.Context())
		answer(w, all, err)
		return
	}
	p, err := n.PublishCatalogue(r.Context(), q.File, q.Translations...)
	answer(w, []Publication{p}, err)
}

// PublishCatalogue publishes a catalogue's file and its translations; without
// one, the files that the settings name and that have changed.
func (c *Client) PublishCatalogue(ctx context.Context, file []byte, translations ...catalogue.File) (all []Publication, err error) {
	return all, c.call(ctx, http.MethodPost, "/catalogues/publish", publishRequest{file, translations}, &all)
}
