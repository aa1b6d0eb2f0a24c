package wallet

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// RecordRequest is something that the learner learned or did, in their own
// words. Setting is formal, non-formal or informal; the rest may be empty but
// for Name.
type RecordRequest struct {
	Name, Kind, Setting, Description, Role, Narrative string
	As                                                string // the learner's name, if it shall stand in the badge
	From, To                                          time.Time
	Outcomes, Align                                   []string
	Evidence                                          []EvidenceFrom
}

// Record is a self-asserted badge of the learner, with what the wallet keeps
// beside it. ID is that of the badge in the list of badges.
type Record struct {
	ID         string                 `json:"id"`
	Credential string                 `json:"credential"`
	Name       string                 `json:"name"`
	Kind       string                 `json:"kind,omitempty"`
	Setting    string                 `json:"setting"`
	Role       string                 `json:"role,omitempty"`
	From       time.Time              `json:"from,omitzero"`
	To         time.Time              `json:"to,omitzero"`
	Evidence   []application.Evidence `json:"evidence,omitempty"`
	Made       time.Time              `json:"made"`
}

// maxRecordFiles bounds the files of all records together, in bytes: a backup
// takes them along.
const maxRecordFiles = 256 << 20

var records = store.NewCollection("record", func(r recordLine) string { return r.ID })

// recordLine names a record; each is kept apart, since it may be large.
type recordLine struct {
	ID string `json:"id"`
}

func recordKey(id string) []byte { return []byte("record/" + id) }

func putRecord(tx *store.Tx, r Record) error {
	if err := putJSON(tx, recordKey(r.ID), r); err != nil {
		return err
	}
	return records.Put(tx, recordLine{r.ID})
}

func eachRecord(tx *store.Tx, f func(Record) error) error {
	for l, err := range records.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		var r Record
		if err := getJSON(tx, recordKey(l.ID), &r); err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// files returns the digests of the files of a record.
func (r Record) files() []string { return filesOf(r.Evidence) }

// filesOf returns the digests of the files among items of evidence.
func filesOf(all []application.Evidence) (out []string) {
	for _, e := range all {
		if e.Kind == application.File {
			out = append(out, e.Digest)
		}
	}
	return out
}

// AddRecord makes a badge that the learner gives to themself (Open Badges 3.0,
// use case Self-Assertion), signs it with the key to which badges are bound,
// and keeps it among the badges, with copies of the files of evidence. It
// counts for no requirement by itself; it can be endorsed, and be handed in as
// evidence. The error wraps [ErrInput].
func (w *Wallet) AddRecord(ctx context.Context, q RecordRequest) (Record, error) {
	now := w.cfg.Now().UTC().Truncate(time.Second)
	if q.From.After(now) || !q.To.IsZero() && q.To.Before(q.From) {
		return Record{}, errorf(ErrInput, "the activity begins on %s and ends on %s; --from is no later than today, and --to no earlier than --from", date(q.From), date(q.To))
	}
	a := credentials.Award{ID: newURN(), Issuer: credentials.Profile{ID: w.id.String(), Name: q.As}, Subject: credentials.Subject{ID: w.id.String()},
		ValidFrom: now, ActivityStart: q.From, ActivityEnd: q.To, Role: q.Role, Narrative: q.Narrative}
	var err error
	if a.Achievement, err = (catalogue.SelfAsserted{ID: newURN(), Learner: w.id.String(), LearnerName: q.As, Name: q.Name, Description: q.Description, Kind: q.Kind, Setting: q.Setting,
		Outcomes: q.Outcomes, Align: q.Align}).Document(); err != nil {
		return Record{}, errorf(ErrInput, "%v", err)
	}
	r := Record{Credential: a.ID, Name: q.Name, Kind: q.Kind, Setting: q.Setting, Role: q.Role, From: q.From, To: q.To, Made: now}
	for i, from := range q.Evidence {
		e, _, err := w.evidence(ctx, from)
		if err == nil {
			err = addEvidence(&a, e)
		}
		if err != nil {
			return r, fmt.Errorf("%w: evidence %d: %w", ErrInput, i+1, err)
		}
		r.Evidence = append(r.Evidence, e)
	}
	if err := w.roomForFiles(ctx, r); err != nil {
		return r, err
	}
	return w.signRecord(ctx, r, a)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "no day"
	}
	return t.Format(time.DateOnly)
}

// addEvidence writes an item into the badge: words as they are, an address as
// its id, and of a file or a badge the digest (VC Data Model 2.0 §5.3).
func addEvidence(a *credentials.Award, e application.Evidence) error {
	item := credentials.Evidence{ID: newURN(), Name: e.Name, Narrative: e.Narrative, Genre: e.Genre}
	switch e.Kind {
	case application.Text:
		item.ID, item.Narrative = "", strings.TrimSpace(e.Narrative+"\n\n"+e.Text)
	case application.Link:
		item.ID = e.URL
	case application.Credential:
		item.ID = cmp.Or(e.Credential, item.ID)
	case application.File:
	}
	a.Evidence = append(a.Evidence, item)
	if e.Kind != application.File && e.Kind != application.Credential {
		return nil
	}
	sum, err := hex.DecodeString(e.Digest)
	if err != nil {
		return err
	}
	digest, err := application.Multibase(sum)
	a.Resources = append(a.Resources, credentials.Resource{ID: item.ID, MediaType: e.Media, DigestMultibase: digest})
	return err
}

// roomForFiles refuses what no application would take, and more than a backup
// is to hold.
func (w *Wallet) roomForFiles(ctx context.Context, r Record) error {
	if err := (application.Submission{Route: application.RouteRegular, Evidence: r.Evidence}).Check(); err != nil {
		return errorf(ErrInput, "%v", err)
	}
	all, err := w.Records(ctx)
	if err != nil {
		return err
	}
	var sum int64
	for _, one := range append(all, r) {
		for _, e := range one.Evidence {
			if e.Kind == application.File {
				sum += e.Size
			}
		}
	}
	if sum > maxRecordFiles {
		return errorf(ErrInput, "the files of your records have %d MiB together, at most %d are kept; give an address instead of a file", sum>>20, maxRecordFiles>>20)
	}
	return nil
}

func (w *Wallet) signRecord(ctx context.Context, r Record, a credentials.Award) (Record, error) {
	unsigned, err := credentials.Build(a)
	if err != nil {
		return r, errorf(ErrInput, "%v", err)
	}
	s, err := w.signer(w.id)
	if err != nil {
		return r, err
	}
	v, err := credentials.Issue(ctx, w.party.Verifier, unsigned, s, a.ValidFrom)
	if lint, ok := errors.AsType[*credentials.LintError](err); ok {
		return r, errorf(ErrInput, "%v", lint)
	}
	if err != nil {
		return r, err
	}
	h := w.describe(v.Credential(), credentials.FormJSON, v.Report())
	r.ID = h.ID
	return r, w.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := put(tx, h, v.Credential().Bytes()); err != nil {
			return err
		}
		return putRecord(tx, r)
	})
}

// Records lists the learner's own records, oldest first.
func (w *Wallet) Records(ctx context.Context) (out []Record, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) error {
		return eachRecord(tx, func(r Record) error { out = append(out, r); return nil })
	})
	slices.SortFunc(out, func(a, b Record) int { return cmp.Or(a.Made.Compare(b.Made), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// Record finds a record as [Wallet.Get] finds a badge, with its signed bytes.
func (w *Wallet) Record(ctx context.Context, what string) (r Record, raw []byte, err error) {
	h, raw, err := w.Get(ctx, what)
	if err != nil {
		return r, nil, err
	}
	err = w.db.View(ctx, func(tx *store.Tx) error { return getJSON(tx, recordKey(h.ID), &r) })
	if errors.Is(err, store.ErrNotFound) {
		err = errorf(ErrInput, "%s is no record of yours; `trustme wallet record list` lists those", h.Name)
	}
	return r, raw, err
}

// RemoveRecord forgets a record, its badge and those of its files that nothing
// else needs. Where it was shown it stays known.
func (w *Wallet) RemoveRecord(ctx context.Context, what string) (Record, error) {
	r, _, err := w.Record(ctx, what)
	if err != nil {
		return r, err
	}
	err = w.db.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(records.Delete(tx, r.ID), store.DeleteLarge(tx, recordKey(r.ID)), held.Delete(tx, r.ID), store.DeleteLarge(tx, bytesKey(r.ID)))
	})
	if err != nil {
		return r, err
	}
	return r, w.dropFiles(ctx, r.files())
}

// dropFiles removes those files of evidence that no record and no application
// names any more.
func (w *Wallet) dropFiles(ctx context.Context, digests []string) error {
	needed := map[string]bool{}
	all, err := w.Records(ctx)
	if err != nil {
		return err
	}
	applied, err := w.Applications(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		for _, digest := range other.files() {
			needed[digest] = true
		}
	}
	for _, a := range applied {
		for _, digest := range filesOf(a.Sent.Evidence) {
			needed[digest] = true
		}
	}
	for _, digest := range digests {
		if !needed[digest] {
			err = errors.Join(err, w.db.DeleteBlob(digest))
		}
	}
	return err
}

// blob reads a file of evidence whole.
func (w *Wallet) blob(digest string) (raw []byte, err error) {
	in, err := w.db.OpenBlob(digest)
	if err != nil {
		return nil, err
	}
	raw, err = io.ReadAll(io.LimitReader(in, application.MaxFile+1))
	return raw, errors.Join(err, in.Close())
}

// RecordFile returns a file of a record's evidence, by its number from 1, and
// the ending of its name.
func (w *Wallet) RecordFile(r Record, number int) (raw []byte, ending string, err error) {
	if number < 1 || number > len(r.Evidence) || r.Evidence[number-1].Kind != application.File {
		return nil, "", errorf(ErrInput, "item %d of %s is no file", number, r.Name)
	}
	e := r.Evidence[number-1]
	raw, err = w.blob(e.Digest)
	return raw, application.EndingOf(e.Media), err
}
