package node

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// givenIn returns a catalogue in the language in which a badge of it is wanted,
// "" for its own. The error wraps [ErrInput] and names the languages there are.
func givenIn(c *catalogue.Catalogue, slug, language string) (*catalogue.Catalogue, error) {
	if in, ok := c.Given(slug, language); ok {
		return in, nil
	}
	return nil, fmt.Errorf("%w: %s is not given in the language %q; it is given in %s", ErrInput, slug, jsondoc.Clip(language), or(strings.Join(c.Languages(slug), ", "), "one language, which its catalogue does not name"))
}

// speak puts an award into a language, where its achievement is given in that;
// else it is in the catalogue's own.
func (n *Node) speak(a Award, language string) Award {
	c := n.catalogue(a.Catalogue)
	if c == nil { // a partner's, or one that is no longer loaded
		return a
	}
	in, ok := c.Given(a.Achievement, language)
	if !ok {
		in = c
	}
	x, _ := in.Find(a.Achievement)
	a.Name, a.Language = x.Name, in.Translated()
	return a
}

// newer reports whether an award was made after another; of two of the same
// second, to which that is told, whether the wallet took it later.
func (a Award) newer(than Award) bool {
	return cmp.Or(a.Made.Compare(than.Made), a.Updated.Compare(than.Updated)) > 0
}

// languageOf is the language in which somebody gets what comes by itself: that
// of the newest badge of the catalogue which they hold from this node.
func (n *Node) languageOf(ctx context.Context, who Recipient, c *catalogue.Catalogue, slug string) (language string, err error) {
	id := or(who.DID, who.Connection)
	if id == "" {
		return "", nil
	}
	err = n.db.View(ctx, func(tx *store.Tx) error {
		var newest Award
		for a, err := range awards.By(tx, "recipient", id) {
			if err != nil {
				return err
			}
			if a.Catalogue != c.Slug || a.State != AwardIssued && a.State != AwardHeld || !a.newer(newest) {
				continue
			}
			over, err := n.over(tx, a)
			if err != nil {
				return err
			}
			if !over {
				newest = a
			}
		}
		language = newest.Language
		return nil
	})
	if _, ok := c.Given(slug, language); !ok {
		language = ""
	}
	return language, err
}
