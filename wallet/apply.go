package wallet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/node/catalogue"
)

// EvidenceFrom is an item of evidence to be handed in. From is a file, a web
// address, badge:ID for a badge of this wallet, or text:WORDS. The other
// fields are what the learner says about it; Media, of a file, defaults to
// what its ending says.
type EvidenceFrom struct {
	From, Name, Narrative, Genre, Media string
}

// ApplyRequest applies for a badge. At names the partner: the id of a
// connection, its label or its DID; it may be empty where there is one partner
// only. Show names badges to show beside those that the partner gave itself.
type ApplyRequest struct {
	At          string
	Achievement string
	Level       int
	Route       string
	Say         string
	Private     bool
	Evidence    []EvidenceFrom
	Show        []string
	// Renews is the id of the credential that the badge shall renew.
	Renews string
	// Language is that of the badge; "" for the catalogue's own.
	Language string
}

// Apply hands in an application for a badge, with a presentation of the badges
// that the partner gave before, so that it sees what comes first. Once the
// record is kept the application goes out, if not now then with a later sync.
// The error wraps [ErrInput] where the partner refuses it.
func (w *Wallet) Apply(ctx context.Context, r ApplyRequest) (Application, error) {
	c, err := w.partner(ctx, r.At)
	if err != nil {
		return Application{}, err
	}
	if before, ok, err := w.onItsWay(ctx, c, r.Achievement); err != nil || ok {
		return before, err
	}
	now := w.cfg.Now().UTC()
	a := Application{ID: didcomm.NewID(), Connection: c.ID, Partner: partner(c), Name: r.Achievement, State: application.Draft, Created: now, Updated: now,
		Sent: application.Submission{Achievement: r.Achievement, Level: r.Level, Route: r.Route, Say: r.Say, Private: r.Private, Renews: r.Renews, Language: r.Language}}
	if a.Sent.Route == "" {
		a.Sent.Route = application.RouteRegular
	}
	return w.handIn(ctx, c, a, r)
}

// onItsWay finds an application for the same badge that waits here for an
// answer, such as after a crash, and visits the partner for it.
func (w *Wallet) onItsWay(ctx context.Context, c exchange.Connection, achievement string) (Application, bool, error) {
	all, err := w.Applications(ctx)
	if err != nil {
		return Application{}, false, err
	}
	for _, a := range all {
		if a.Connection != c.ID || a.Sent.Achievement != achievement || !a.Waiting {
			continue
		}
		_, visit := w.syncOne(ctx, c)
		a, err := w.Application(ctx, a.ID)
		if err == nil && a.Waiting {
			err = errors.Join(visit, errorf(ErrUndecided, "an application for this badge is on its way since %s; see: trustme wallet applications list", a.Created.Format("2006-01-02 15:04")))
		}
		if err == nil && a.Refused != "" {
			return a, false, nil // that one is over
		}
		return a, true, err
	}
	return Application{}, false, nil
}

// Resubmit hands in the next revision of an application that was returned.
// Fields of r that are empty stay as they were handed in before.
func (w *Wallet) Resubmit(ctx context.Context, what string, r ApplyRequest) (Application, error) {
	a, err := w.Application(ctx, what)
	if err != nil {
		return a, err
	}
	if a.Waiting { // such as after a crash
		c, err := w.connectionOf(ctx, a.Connection)
		if err != nil {
			return a, err
		}
		if before, ok, err := w.onItsWay(ctx, c, a.Sent.Achievement); err != nil || ok {
			return before, err
		}
	}
	if a.State != application.Returned {
		return a, errorf(ErrInput, "the application is %s; only one that was returned is handed in again", a.Standing())
	}
	c, err := w.connectionOf(ctx, a.Connection)
	if err != nil {
		return a, err
	}
	a.Sent.Revision = a.Revision
	if r.Say != "" {
		a.Sent.Say = r.Say
	}
	if r.Level != 0 {
		a.Sent.Level = r.Level
	}
	a.Sent.Private = a.Sent.Private || r.Private
	if len(r.Evidence) == 0 {
		for _, e := range a.Sent.Evidence { // credentials are shown again
			if e.Kind == application.Credential {
				r.Show = append(r.Show, e.Credential)
			}
		}
	}
	return w.handIn(ctx, c, a, r)
}

// handIn completes the submission of a and sends it.
func (w *Wallet) handIn(ctx context.Context, c exchange.Connection, a Application, r ApplyRequest) (Application, error) {
	a.Sent.Revision++
	show := r.Show
	if len(r.Evidence) > 0 {
		a.Sent.Evidence = []application.Evidence{}
	}
	for i, from := range r.Evidence {
		e, badge, err := w.evidence(ctx, from)
		if err != nil {
			return a, fmt.Errorf("%w: evidence %d: %w", ErrInput, i+1, err)
		}
		if badge != "" {
			show = append(show, badge)
		}
		a.Sent.Evidence = append(a.Sent.Evidence, e)
	}
	if a.Sent.Evidence == nil {
		a.Sent.Evidence = []application.Evidence{}
	}
	if err := a.Sent.Check(); err != nil {
		return a, errorf(ErrInput, "%v", err)
	}
	doc, err := jsondoc.Marshal(a.Sent)
	if err != nil {
		return a, err
	}
	if len(doc) > maxSubmission {
		return a, errorf(ErrInput, "the words of the application have %d bytes, at most %d are taken; put the longest in a file", len(doc), maxSubmission)
	}
	id := fmt.Sprintf("submit-%s-%d-%s", a.ID, a.Sent.Revision, didcomm.NewID()[:8])
	series, _, _ := strings.Cut(a.Sent.Achievement, "/")
	vp, err := w.shownTo(ctx, c, id, doc, series, show)
	if err != nil {
		return a, err
	}
	return w.send(ctx, a, application.TypeSubmit, id, doc, application.Shown(vp))
}

// maxSubmission bounds the document of an application, in bytes: with the
// presentation it fits one message.
const maxSubmission = 192 << 10

// evidence makes an item of what the learner named; badge is the credential to
// be shown with it.
func (w *Wallet) evidence(ctx context.Context, f EvidenceFrom) (e application.Evidence, badge string, err error) {
	e = application.Evidence{Name: f.Name, Narrative: f.Narrative, Genre: f.Genre}
	text, isText := strings.CutPrefix(f.From, "text:")
	id, isBadge := strings.CutPrefix(f.From, "badge:")
	switch {
	case isText:
		sum := sha256.Sum256([]byte(text))
		e.Kind, e.Text, e.Digest, e.Size = application.Text, text, hex.EncodeToString(sum[:]), int64(len(text))
		e.Name = or(e.Name, "Text")
	case isBadge:
		h, raw, err := w.Get(ctx, id)
		if err != nil {
			return e, "", err
		}
		sum := sha256.Sum256(raw)
		e.Kind, e.Credential, e.Digest, e.Size, e.Media = application.Credential, h.Credential, hex.EncodeToString(sum[:]), int64(len(raw)), "application/vc"
		e.Name = or(e.Name, h.Name)
		return e, h.ID, nil
	case strings.HasPrefix(f.From, "https://") || strings.HasPrefix(f.From, "http://"):
		e.Kind, e.URL, e.Name = application.Link, f.From, or(e.Name, f.From)
		if len(e.Name) > 100 {
			e.Name = e.Name[:100]
		}
	default:
		return w.file(ctx, e, f)
	}
	return e, "", nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// file keeps a copy of a file, so that it can be sent when the partner wants
// it, and as it is now.
func (w *Wallet) file(ctx context.Context, e application.Evidence, f EvidenceFrom) (application.Evidence, string, error) {
	e.Kind, e.Name, e.Media = application.File, or(e.Name, filepath.Base(f.From)), or(f.Media, application.MediaOf(f.From))
	if e.Media == "" {
		return e, "", fmt.Errorf("what %s is cannot be told from its ending; declare it with --type, as one of: %s", f.From, strings.Join(application.MediaTypes(), ", "))
	}
	in, err := os.Open(f.From)
	if err != nil {
		return e, "", fmt.Errorf("%v; give a file, https://..., badge:ID or text:WORDS", err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return e, "", err
	}
	if e.Size = st.Size(); e.Size > application.MaxFile {
		return e, "", application.Submission{Route: application.RouteRegular, Evidence: []application.Evidence{e}}.Check()
	}
	if err := application.CheckMedia(e.Media, in); err != nil {
		return e, "", fmt.Errorf("%s: %w", e.Name, err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return e, "", err
	}
	e.Digest, e.Size, err = w.db.PutBlob(ctx, in)
	return e, "", err
}

// Bounds on what is shown with a request.
const (
	maxShown      = 40
	maxShownBytes = 320 << 10
)

// shownTo makes the presentation that goes with a document: of the badges that
// this partner gave, which it knows, newest first, and those that the learner
// named. series, where it is the name of a catalogue, leaves out the partner's
// other catalogues.
func (w *Wallet) shownTo(ctx context.Context, c exchange.Connection, message string, doc []byte, series string, named []string) ([]byte, error) {
	var raws [][]byte
	sum := 0
	add := func(raw []byte) bool {
		for _, r := range raws {
			if bytes.Equal(r, raw) {
				return true
			}
		}
		if len(raws) == maxShown || sum+len(raw) > maxShownBytes {
			return false
		}
		raws, sum = append(raws, raw), sum+len(raw)
		return true
	}
	for _, what := range named {
		h, raw, err := w.Get(ctx, what)
		if err != nil {
			return nil, err
		}
		if h.Subject != w.id.String() || !add(raw) {
			return nil, errorf(ErrInput, "%s cannot be shown here: it is bound to another key, or there are too many; at most %d badges are shown at once", h.Name, maxShown)
		}
	}
	given, err := w.givenBy(ctx, c, series)
	if err != nil {
		return nil, err
	}
	for _, raw := range given {
		if !add(raw) {
			break
		}
	}
	s, err := w.signer(w.id)
	if err != nil {
		return nil, err
	}
	return credentials.BuildPresentation(ctx, credentials.PresentationOptions{Credentials: raws, Holder: w.id.String(), Challenge: application.Challenge(c.Own, message, doc), Domain: c.Peer,
		Now: w.cfg.Now(), Cryptosuite: dataintegrity.EdDSAJCS}, s)
}

// givenBy returns the badges that came from a partner and do not verify as
// invalid now, newest first.
func (w *Wallet) givenBy(ctx context.Context, c exchange.Connection, series string) ([][]byte, error) {
	offers, err := w.Offers(ctx)
	if err != nil {
		return nil, err
	}
	came := map[string]bool{}
	for _, o := range offers {
		if o.Connection == c.ID && o.State == exchange.Accepted {
			came[o.Credential] = true
		}
	}
	hs, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := w.countsAt(ctx, c, series)
	if err != nil {
		return nil, err
	}
	agreed := func(h Held) bool {
		return counts[h.Issuer+" "+h.Achievement] || counts[h.Issuer+" "+h.CountsAs]
	}
	var out [][]byte
	for i := len(hs) - 1; i >= 0 && len(out) < maxShown; i-- {
		h := hs[i]
		if h.Subject != w.id.String() || h.Form != string(credentials.FormJSON) || !came[h.Credential] && h.Issuer != c.Peer && !agreed(h) {
			continue
		}
		if series != "" && strings.Contains(h.Achievement, "/a/") && !strings.Contains(h.Achievement, "/"+series+"/a/") && !agreed(h) && w.isSeries(hs, series) {
			continue
		}
		_, raw, err := w.Get(ctx, h.ID)
		if err != nil {
			return nil, err
		}
		if w.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Offline: w.cfg.Offline}).Verdict != credentials.Invalid {
			out = append(out, raw)
		}
	}
	return out, nil
}

// countsAt returns the badges of others, by issuer and achievement, that count
// at a partner in a catalogue of it that is kept here.
func (w *Wallet) countsAt(ctx context.Context, c exchange.Connection, series string) (map[string]bool, error) {
	out := map[string]bool{}
	if series == "" {
		return out, nil
	}
	err := w.eachCatalogue(ctx, func(k Catalogue, cat *catalogue.Catalogue, _ catalogue.Issuer, names requirement.Names, _ *requirement.Holdings) error {
		if k.Slug != series || k.Issuer != c.Peer {
			return nil
		}
		for slug := range cat.Achievements.All() {
			wanted, _ := names(slug)
			for _, q := range wanted.Equivalents {
				out[q.Issuer+" "+q.Achievement] = true
			}
		}
		return nil
	})
	return out, err
}

// isSeries reports whether a badge of a catalogue of that name is held.
func (w *Wallet) isSeries(hs []Held, series string) bool {
	for _, h := range hs {
		if strings.Contains(h.Achievement, "/"+series+"/a/") {
			return true
		}
	}
	return false
}

// partner finds a connection by its id, label or DID, or the only one there is.
func (w *Wallet) partner(ctx context.Context, at string) (exchange.Connection, error) {
	cs, err := w.Connections(ctx)
	if err != nil {
		return exchange.Connection{}, err
	}
	var fits []exchange.Connection
	var labels []string
	for _, c := range cs {
		labels = append(labels, partner(c))
		if at == "" || c.ID == at || strings.EqualFold(c.Label, at) || c.Peer == at {
			fits = append(fits, c)
		}
	}
	switch {
	case len(cs) == 0:
		return exchange.Connection{}, errorf(ErrInput, "there is no partner yet; accept an invitation first: trustme wallet connect LINK")
	case len(fits) == 0:
		return exchange.Connection{}, errorf(ErrInput, "no partner %q; there are: %s", at, strings.Join(labels, ", "))
	case at == "" && slices.ContainsFunc(fits, func(c exchange.Connection) bool { return c.Peer != fits[0].Peer }):
		return exchange.Connection{}, errorf(ErrInput, "say at which partner with --at: %s", strings.Join(slices.Compact(slices.Sorted(slices.Values(labels))), ", "))
	}
	return fits[len(fits)-1], nil // the newest of several connections with one partner
}
