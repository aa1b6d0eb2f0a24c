package wallet

import (
	"context"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/internal/store"
)

// Export returns a badge in a form of [Form].
func (w *Wallet) Export(ctx context.Context, what, form string) (Held, []byte, error) {
	h, raw, err := w.Get(ctx, what)
	if err != nil {
		return h, nil, err
	}
	out, err := Form(raw, form)
	return h, out, err
}

// Form turns the bytes of a badge into a form: json or jwt, whichever it was
// signed as; png or svg, baked into a drawn image. The empty form is the bytes
// as signed. The error wraps [ErrInput] when the badge does not have the form:
// a signature over one cannot be carried into the other.
func Form(raw []byte, form string) ([]byte, error) {
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return nil, errorf(ErrInput, "no badge can be read from it: %v; give one as JSON, JWT, PNG or SVG", err)
	}
	own := credentials.FormJSON
	if c.IsJWT() {
		own = credentials.FormJWT
	}
	var img []byte
	switch form {
	case "", string(own):
		return c.Bytes(), nil
	case "png":
		img, err = drawing(c).PNG()
	case "svg":
		img = drawing(c).SVG()
	default:
		return nil, errorf(ErrInput, "form %q of a badge that was signed as %s; use %s, png or svg", form, strings.ToUpper(string(own)), own)
	}
	if err != nil {
		return nil, err
	}
	return baking.Bake(img, c.Bytes())
}

// drawing finds in a badge what its image is drawn from.
func drawing(c credentials.Credential) baking.Drawing {
	a := c.Achievement()
	d := baking.Drawing{Key: c.CountsAs(), Name: c.Name(), Own: baking.OwnImage(a.Get("image").ID())}
	if code, ok := a.Get("humanCode").Text(); ok {
		d.Key = code
	}
	for t := range a.Get("tag").Elements() {
		if s, _ := t.Text(); strings.HasPrefix(s, "kind:") {
			d.Kind = strings.TrimPrefix(s, "kind:")
		}
	}
	return d
}

// Import takes a badge from a file of anyone: JSON, JWT, baked PNG or SVG. It
// is verified first; one that is invalid is refused, and one that could not be
// told (ErrUndecided) is taken only with unchecked.
func (w *Wallet) Import(ctx context.Context, raw []byte, unchecked bool) (Held, credentials.Report, error) {
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return Held{}, credentials.Report{}, errorf(ErrInput, "no badge can be read from it: %v; give one as JSON, JWT, PNG or SVG", err)
	}
	r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline})
	switch {
	case r.Verdict == credentials.Invalid:
		return Held{}, r, errorf(ErrInput, "the badge does not verify: %s; ask its issuer for a good copy", r.Why())
	case r.Verdict == credentials.Undecided && !unchecked:
		return Held{}, r, errorf(ErrUndecided, "%s; try again later, or take it as it is with --unchecked", r.Why())
	}
	h := w.describe(c, credentials.FormJSON, r)
	body := c.Bytes()
	if c.IsJWT() {
		h.Form = string(credentials.FormJWT)
	}
	h.ID = heldID(body)
	added := false
	err = w.db.Update(ctx, func(tx *store.Tx) (err error) {
		added, err = put(tx, h, body)
		return err
	})
	if err == nil && !added {
		err = fmt.Errorf("%w: the badge is in the wallet already, as %s", ErrInput, h.ID)
	}
	return h, r, err
}
