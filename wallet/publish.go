package wallet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/wallet/portfolio"
)

// PortfolioRequest says what shall be published. Zero fields publish nothing.
type PortfolioRequest struct {
	Badges []string // each as [Wallet.Get] takes it
	All    bool     // every badge that was given to this learner and is in order
	Title  string
	Name   string // shown name
	// Evidence names the badges whose evidence is shown, with copies of the
	// files that this wallet has.
	Evidence []string
	// Endorsements adds the signed endorsements that are kept of the badges.
	Endorsements bool
	ShowDID      bool
	Collection   bool // adds a CLR 2.0 of the badges
	URL          string
}

// Portfolio is a site that is made and not written yet.
type Portfolio struct {
	Title, URL string
	Badges     []PublishedBadge
	Files      []portfolio.File
	// LeftOut says which badges All left out, and why.
	LeftOut []string
}

// Portfolio makes a static site of badges; nothing is written. The error wraps
// [ErrNotHeld] or [ErrInput].
func (w *Wallet) Portfolio(ctx context.Context, r PortfolioRequest) (Portfolio, error) {
	hs, leftOut, err := w.chosen(ctx, r)
	if err != nil {
		return Portfolio{}, err
	}
	show, err := w.evidenceOf(ctx, r.Evidence, hs)
	if err != nil {
		return Portfolio{}, err
	}
	s := portfolio.Site{Title: r.Title, Name: r.Name, Made: w.cfg.Now().UTC(), URL: strings.TrimRight(r.URL, "/")}
	if r.ShowDID {
		s.DID = w.id.String()
	}
	out := Portfolio{Title: r.Title, URL: s.URL, LeftOut: leftOut}
	for _, h := range hs {
		b, err := w.publishable(ctx, h, show[h.ID], r.Endorsements)
		if err != nil {
			return Portfolio{}, err
		}
		at := PublishedBadge{ID: h.ID, Name: h.Name, Page: portfolio.PageOf(b), Evidence: show[h.ID]}
		if s.URL != "" {
			at.LinkedIn = portfolio.LinkedIn(b.Credential, s.URL+"/"+at.Page)
		}
		s.Badges, out.Badges = append(s.Badges, b), append(out.Badges, at)
	}
	if ids := collectable(hs); r.Collection && len(ids) > 0 {
		c, err := w.Collection(ctx, r.Title, ids)
		if err != nil {
			return Portfolio{}, err
		}
		s.Collection = c.Credential
	}
	out.Files, err = portfolio.Make(s)
	if errors.Is(err, portfolio.ErrSite) {
		err = errorf(ErrInput, "%v", err)
	}
	return out, err
}

// collectable returns the ids of the badges among what is held; a transcript is
// a collection itself.
func collectable(hs []Held) (ids []string) {
	for _, h := range hs {
		if h.Achievement != "" {
			ids = append(ids, h.ID)
		}
	}
	return ids
}

// chosen returns the badges that are to be published, each once.
func (w *Wallet) chosen(ctx context.Context, r PortfolioRequest) (hs []Held, leftOut []string, err error) {
	own, err := w.readIdentity(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, what := range r.Badges {
		h, _, err := w.Get(ctx, what)
		if err != nil {
			return nil, nil, err
		}
		if !slices.Contains(own.DIDs, h.Subject) {
			return nil, nil, errorf(ErrInput, "%s was not given to you; only its holder publishes it", h.Name)
		}
		if !slices.ContainsFunc(hs, func(o Held) bool { return o.ID == h.ID }) {
			hs = append(hs, h)
		}
	}
	if !r.All {
		return hs, nil, nil
	}
	if len(hs) > 0 {
		return nil, nil, errorf(ErrInput, "say either --all or --badge")
	}
	all, err := w.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range all {
		h, why, err := w.looked(ctx, h, own)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			leftOut = append(leftOut, h.Name+": "+why)
			continue
		}
		hs = append(hs, h)
	}
	return hs, leftOut, nil
}

// looked says why a badge is none for all to see, "" for one that is.
func (w *Wallet) looked(ctx context.Context, h Held, own identity) (Held, string, error) {
	if !slices.Contains(own.DIDs, h.Subject) {
		return h, "it was not given to you", nil
	}
	h, r, err := w.Verify(ctx, h.ID)
	if err != nil || r.Verdict != credentials.Invalid || r.Code() == credentials.CodeExpired {
		return h, "", err
	}
	return h, r.Why(), nil
}

// evidenceOf returns the ids of the badges whose evidence is shown.
func (w *Wallet) evidenceOf(ctx context.Context, named []string, hs []Held) (map[string]bool, error) {
	out := map[string]bool{}
	for _, what := range named {
		h, _, err := w.Get(ctx, what)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(hs, func(o Held) bool { return o.ID == h.ID }) {
			return nil, errorf(ErrInput, "the evidence of %s is to be shown, and the badge itself is not; add --badge %s", h.Name, h.ID)
		}
		out[h.ID] = true
	}
	return out, nil
}

// publishable makes a badge ready; one that a verifier would refuse is not
// published, unless only its time is over.
func (w *Wallet) publishable(ctx context.Context, h Held, evidence, endorsements bool) (b portfolio.Badge, err error) {
	_, raw, err := w.Get(ctx, h.ID)
	if err != nil {
		return b, err
	}
	b = portfolio.Badge{ID: h.ID[:6], Evidence: evidence}
	if b.Credential, _, err = credentials.ParseAny(raw); err != nil {
		return b, fmt.Errorf("reading the badge %s, which was readable when it was taken: %w", h.ID, err)
	}
	b.Report = w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline})
	if b.Report.Verdict == credentials.Invalid && b.Report.Code() != credentials.CodeExpired {
		return b, errorf(ErrInput, "%s does not verify: %s; leave it out", h.Name, b.Report.Why())
	}
	b.Drawing = drawing(b.Credential).SVG()
	if b.PNG, err = Form(raw, "png"); err == nil {
		b.SVG, err = Form(raw, "svg")
	}
	if err == nil && evidence {
		b.Files, err = w.evidenceFiles(b.Credential)
	}
	if err == nil && endorsements {
		b.Endorsements, err = w.EndorsementBytes(ctx, h)
	}
	return b, err
}

// evidenceFiles returns what this wallet has of the files whose digests a badge
// holds: those of a record, and those that were handed in for it.
func (w *Wallet) evidenceFiles(c credentials.Credential) (map[string]portfolio.Evidence, error) {
	out := map[string]portfolio.Evidence{}
	for e := range c.Doc().Get("relatedResource").Elements() {
		text, _ := e.Get("digestMultibase").Text()
		_, sum, err := multibase.Decode(text)
		if err != nil || len(sum) != 34 {
			continue // another digest than those that files are kept by
		}
		data, err := w.blob(hex.EncodeToString(sum[2:]))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading a file of evidence: %w", err)
		}
		media, _ := e.Get("mediaType").Text()
		out[e.ID()] = portfolio.Evidence{Ending: application.EndingOf(media), Data: data}
	}
	return out, nil
}

// PublishedBadge is a badge of a publication. LinkedIn adds it to a profile
// there, where the address of the site is known.
type PublishedBadge struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Page     string `json:"page"`
	Evidence bool   `json:"evidence,omitempty"`
	LinkedIn string `json:"linkedIn,omitempty"`
}

// PublishedFile is a file as it was written.
type PublishedFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Publication is the wallet's record of a site that was written.
type Publication struct {
	ID        string           `json:"id"`
	Dir       string           `json:"dir"`
	Title     string           `json:"title"`
	URL       string           `json:"url,omitempty"`
	Made      time.Time        `json:"made"`
	Withdrawn time.Time        `json:"withdrawn,omitzero"`
	Badges    []PublishedBadge `json:"badges"`
	Files     []PublishedFile  `json:"files"`
	// Folders are those that were made for it, outermost first.
	Folders []string `json:"folders,omitempty"`
}
