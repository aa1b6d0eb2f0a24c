package wallet

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/elm"
	"github.com/trust-me/trustme/wallet/portfolio"
)

// SignedCollection is a CLR 2.0 of badges that their holder put together, as a
// VC-JWT.
type SignedCollection struct {
	ID      string   `json:"id"`
	Badges  []string `json:"badges"`
	Credits []string `json:"credits,omitempty"` // sums, a line for each system
	// Credential is the compact JWT.
	Credential []byte `json:"-"`
}

// Collection signs a collection of badges with the key to which they are
// bound. It adds nothing to what each of them says; credits that the learner
// asserts themself are not summed. The error wraps [ErrNotHeld] or
// [ErrInput].
func (w *Wallet) Collection(ctx context.Context, name string, badges []string) (SignedCollection, error) {
	out := SignedCollection{ID: newURN()}
	d := credentials.ClrDraft{ID: out.ID, Name: or(name, "Collection"), Issuer: credentials.Profile{ID: w.id.String()}, Subject: w.id.String(), From: w.cfg.Now().UTC(), Partial: true}
	var facts []credentials.Facts
	for _, what := range badges {
		h, raw, err := w.Get(ctx, what)
		if err != nil {
			return out, err
		}
		if h.Subject != d.Subject {
			return out, errorf(ErrInput, "%s is bound to another key than %s; a collection is of one subject", h.Name, d.Subject)
		}
		if slices.Contains(out.Badges, h.Name+" "+h.ID) {
			continue
		}
		c, _, err := credentials.ParseAny(raw)
		if err != nil {
			return out, err
		}
		if slices.Contains(c.Types(), "ClrCredential") {
			return out, errorf(ErrInput, "%s is a collection itself; name the badges in it", h.Name)
		}
		if !c.IsSelfAsserted() {
			facts = append(facts, c.Facts())
		}
		d.Credentials, out.Badges = append(d.Credentials, raw), append(out.Badges, h.Name+" "+h.ID)
	}
	if n := len(d.Credentials); n == 0 || n > credentials.MaxRecords {
		return out, errorf(ErrInput, "%d badges; a collection holds 1 to %d", n, credentials.MaxRecords)
	}
	out.Credits = portfolio.Sum(facts)
	unsigned, err := credentials.BuildCLR(d)
	if err != nil {
		return out, errorf(ErrInput, "%v", err)
	}
	s, err := w.signer(w.id)
	if err != nil {
		return out, err
	}
	v, err := credentials.IssueJWT(ctx, w.party.Verifier, unsigned, s, w.cfg.Now())
	if err != nil {
		return out, errorf(ErrInput, "the collection: %v", err)
	}
	out.Credential = v.Credential().Bytes()
	return out, nil
}

// LinkedIn returns the link that adds a badge to a profile there; page is the
// public address of the badge's page.
func (w *Wallet) LinkedIn(ctx context.Context, what, page string) (string, error) {
	_, raw, err := w.Get(ctx, what)
	if err != nil {
		return "", err
	}
	if u, err := url.Parse(page); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errorf(ErrInput, "--url %q is no public address; give that of the badge's page, such as https://ana.example/badges/designer.html", page)
	}
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return "", err
	}
	return portfolio.LinkedIn(c, page), nil
}

// ELM converts a badge into a European Digital Credential, as Europass reads
// it; see package elm for what that needs and what it is not.
func (w *Wallet) ELM(ctx context.Context, what string, l elm.Legal) ([]byte, error) {
	h, raw, err := w.Get(ctx, what)
	if err != nil {
		return nil, err
	}
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return nil, err
	}
	if r := w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline}); r.Verdict == credentials.Invalid {
		return nil, errorf(ErrInput, "%s does not verify: %s", h.Name, r.Why())
	}
	image, err := drawing(c).PNG()
	if err != nil {
		return nil, err
	}
	out, err := elm.Build(c, l, image)
	if errors.Is(err, elm.ErrConvert) {
		err = errorf(ErrInput, "%v", err)
	}
	return out, err
}
