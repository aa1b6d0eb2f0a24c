package wallet

import (
	"context"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node/catalogue"
)

// PathProgress is where the learner stands with a path of a catalogue.
type PathProgress struct {
	Catalogue string               `json:"catalogue"`
	Issuer    string               `json:"issuer"`
	Path      string               `json:"path"`
	Name      string               `json:"name"`
	Enforced  bool                 `json:"enforced"`
	Progress  requirement.Progress `json:"progress"`
	// Names are the names of the steps' badges, by slug.
	Names map[string]string `json:"names"`
	// Kept is the catalogue that the answer rests on, with its age.
	Kept Catalogue `json:"kept"`
	// Layout is the path itself.
	Layout requirement.Path `json:"-"`
}

// RoleFit is whether the learner fits a role of a catalogue.
type RoleFit struct {
	Catalogue string              `json:"catalogue"`
	Issuer    string              `json:"issuer"`
	Role      string              `json:"role"`
	Name      string              `json:"name"`
	Requires  string              `json:"requires"`
	Entitles  string              `json:"entitles,omitempty"` // to what, such as occupation
	Outcome   requirement.Outcome `json:"outcome"`
	// Shown are the fewest badges that prove it.
	Shown []requirement.Held `json:"shown,omitempty"`
	// Kept is the catalogue that the answer rests on, with its age.
	Kept Catalogue `json:"kept"`
}

// spoken gives catalogues in the language in which somebody reads; one that is
// not translated into it stays in its own.
type spoken struct {
	language string
	some     bool     // one is
	others   []string // languages of those that are not
}

func (s *spoken) in(c *catalogue.Catalogue) *catalogue.Catalogue {
	in, ok := c.In(s.language)
	if !ok {
		s.others = append(s.others, c.Languages("")...)
		return c
	}
	s.some = true
	return in
}

// missing is an error where nothing that was read is in the language.
func (s *spoken) missing() error {
	if s.some || s.language == "" {
		return nil
	}
	slices.Sort(s.others)
	return errorf(ErrInput, "nothing of it is translated into %q; it is there in %s", s.language, or(strings.Join(slices.Compact(s.others), ", "), "the language of its catalogue"))
}

// Paths answers where the learner stands with the paths of the catalogues that
// are kept: all, or those of a name. Their texts are in a language, "" for that
// of each catalogue.
func (w *Wallet) Paths(ctx context.Context, name, language string) ([]PathProgress, error) {
	var out []PathProgress
	read := spoken{language: language}
	open, err := w.applied(ctx)
	if err != nil {
		return nil, err
	}
	err = w.eachCatalogue(ctx, func(k Catalogue, c *catalogue.Catalogue, is catalogue.Issuer, names requirement.Names, h *requirement.Holdings) error {
		for i, p := range c.Paths {
			if name != "" && p.Key != name && !strings.EqualFold(p.Value.Name, name) {
				continue
			}
			in := read.in(c)
			pp := PathProgress{Kept: k, Catalogue: k.Slug, Issuer: k.Issuer, Path: p.Key, Name: in.Paths[i].Value.Name, Enforced: p.Value.Order == "enforce", Names: map[string]string{}}
			pp.Layout = p.Value.Compile()
			pp.Progress = pp.Layout.Progress(h, names, func(badge string) bool { return open.of(c, is, badge) }, w.cfg.Now())
			for _, s := range pp.Progress.Steps {
				a, _ := in.Find(s.Badge)
				pp.Names[s.Badge] = a.Name
			}
			out = append(out, pp)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errorf(ErrInput, "no path%s in the catalogues that are kept; add one with: trustme wallet catalogue add https://alder.example/openbadges", called(name))
	}
	if err == nil {
		err = read.missing()
	}
	return out, err
}

// Roles answers whether the learner fits the roles of the catalogues that are
// kept: all, or those of a name. Their names are in a language, "" for that of
// each catalogue.
func (w *Wallet) Roles(ctx context.Context, name, language string) ([]RoleFit, error) {
	var out []RoleFit
	read := spoken{language: language}
	err := w.eachCatalogue(ctx, func(k Catalogue, c *catalogue.Catalogue, is catalogue.Issuer, names requirement.Names, h *requirement.Holdings) error {
		for i, r := range c.Roles {
			if name != "" && r.Key != name && !strings.EqualFold(r.Value.Name, name) {
				continue
			}
			f := RoleFit{Kept: k, Catalogue: k.Slug, Issuer: k.Issuer, Role: r.Key, Name: read.in(c).Roles[i].Value.Name, Requires: r.Value.Requires.String(), Entitles: r.Value.Entitles,
				Outcome: r.Value.Requires.Evaluate(h, names, w.cfg.Now())}
			f.Shown, _ = r.Value.Requires.Smallest(h, names, w.cfg.Now())
			out = append(out, f)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errorf(ErrInput, "no role%s in the catalogues that are kept; add one with: trustme wallet catalogue add https://alder.example/openbadges", called(name))
	}
	if err == nil {
		err = read.missing()
	}
	return out, err
}

func called(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}

// underWay are achievements, as [Wallet.applied] names them.
type underWay map[string]bool

// of reports whether a badge of a catalogue is under way, in any language.
func (u underWay) of(c *catalogue.Catalogue, is catalogue.Issuer, badge string) bool {
	if u[is.ID+" "+c.Slug+"/"+badge] {
		return true
	}
	for _, l := range append(c.Languages(badge), "") {
		if in, _ := c.In(l); u[in.ID(is, badge)] {
			return true
		}
	}
	return false
}

// applied returns the achievements that were offered and are not held yet, and
// those that are applied for, with the partner before catalogue/slug.
func (w *Wallet) applied(ctx context.Context) (underWay, error) {
	offers, err := w.Offers(ctx)
	if err != nil {
		return nil, err
	}
	out := underWay{}
	for _, o := range offers {
		if o.State == exchange.Offered || o.State == exchange.Requested {
			out[o.Preview.Achievement] = true
		}
	}
	all, err := w.Applications(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if !a.State.Open() || a.Refused != "" && a.State == application.Draft {
			continue
		}
		c, err := w.connectionOf(ctx, a.Connection)
		if err == nil { // one whose connection is gone is nowhere in progress
			out[c.Peer+" "+a.Sent.Achievement] = true
		}
	}
	return out, nil
}
