package node

import (
	"net/http"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/node/catalogue"
)

// Below the address of an achievement lie its images, and the same achievement
// in other languages: /a/designer/image.png, /a/designer/fr, and of that
// /a/designer/fr/image.png.

func (n *Node) serveAchievement(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		slug, asJSON := strings.CutSuffix(r.PathValue("slug"), ".json")
		n.showAchievement(w, r, c, slug, asJSON)
	}
}

// serveBelow answers with an achievement in another language, or with its
// image.
func (n *Node) serveBelow(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		slug, part := r.PathValue("slug"), r.PathValue("part")
		language, asJSON := strings.CutSuffix(part, ".json")
		if in, ok := translation(c, slug, language); ok {
			n.showAchievement(w, r, in, slug, asJSON)
			return
		}
		n.showImage(w, r, c, slug, part)
	}
}

func (n *Node) serveImageIn(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, ok := translation(c, r.PathValue("slug"), r.PathValue("language"))
		if !ok {
			n.fail(w, r, http.StatusNotFound, "There is no such image.")
			return
		}
		n.showImage(w, r, in, r.PathValue("slug"), r.PathValue("image"))
	}
}

// translation is a catalogue in the language that an address names, written as
// it is in ids.
func translation(c *catalogue.Catalogue, slug, language string) (*catalogue.Catalogue, bool) {
	in, ok := c.Given(slug, language)
	return in, ok && in.Translated() == language && language != ""
}

func (n *Node) showAchievement(w http.ResponseWriter, r *http.Request, c *catalogue.Catalogue, slug string, asJSON bool) {
	a, ok := c.Find(slug)
	if !ok {
		n.fail(w, r, http.StatusNotFound, "There is no such badge in "+c.Name+".")
		return
	}
	w.Header().Set("Vary", "Accept")
	if asJSON || wantsJSON(r) {
		raw, err := c.Document(n.issuer(), slug)
		if err != nil {
			n.broken(w, r, err)
			return
		}
		send(w, r, "application/ld+json", time.Hour, raw)
		return
	}
	v := n.badge(c, slug, a)
	n.page(w, r, http.StatusOK, "badge", map[string]any{"Title": a.Name, "Description": a.Description, "Badge": v, "Image": v.ID + "/image.png", "Language": v.Language, "Languages": v.Languages})
}

func (n *Node) showImage(w http.ResponseWriter, r *http.Request, c *catalogue.Catalogue, slug, image string) {
	a, ok := c.Find(slug)
	d := baking.Drawing{Key: c.Slug + "/" + slug, Kind: a.Kind, Name: a.Name, Own: baking.OwnImage(a.Image)}
	switch {
	case ok && image == "image.svg":
		send(w, r, "image/svg+xml", 24*time.Hour, d.SVG())
	case ok && image == "image.png":
		b, err := d.PNG()
		if err != nil {
			n.broken(w, r, err)
			return
		}
		send(w, r, "image/png", 24*time.Hour, b)
	default:
		n.fail(w, r, http.StatusNotFound, "There is no such image.")
	}
}
