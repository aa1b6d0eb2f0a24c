package wallet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

const archiveKind = "wallet"

// Manifest is what a backup tells without its passphrase.
type Manifest struct {
	Created     time.Time `json:"created"`
	Badges      int       `json:"badges"`
	Keys        int       `json:"keys"`
	Connections int       `json:"connections"`
	Files       int       `json:"files"` // of evidence
}

// content is what is sealed.
type content struct {
	Transfer    []byte                `json:"transfer"`
	Keys        []keys.Portable       `json:"keys"`
	DIDs        []string              `json:"dids"`
	Connections []exchange.Connection `json:"connections"`
	Offers      []exchange.Offer      `json:"offers"`
	Shown       []Shown               `json:"shown"`
	Badges      []badge               `json:"badges"`
	// Applications are those that a partner took in.
	Applications []Application `json:"applications,omitempty"`
	// Endorsements are missing in backups of older versions.
	Endorsements []keptEndorsement `json:"endorsements,omitempty"`
	// What follows is missing in backups of older versions, too. Catalogues are
	// not in any: they are fetched again.
	EndorseAsks  []exchange.EndorseAsk `json:"endorseAsks,omitempty"`
	Learnings    []keptLearning        `json:"learnings,omitempty"`
	Records      []Record              `json:"records,omitempty"`
	Files        []keptFile            `json:"files,omitempty"` // evidence; their bytes follow
	Publications []Publication         `json:"publications,omitempty"`
}

type keptLearning struct {
	Learning Learning           `json:"learning"`
	Bundle   recognition.Bundle `json:"bundle"`
}

type keptEndorsement struct {
	Endorsement Endorsement `json:"endorsement"`
	Bytes       []byte      `json:"bytes"`
}

type badge struct {
	Held  Held   `json:"held"`
	Bytes []byte `json:"bytes"`
}

// Backup writes everything that cannot be fetched again into one file, sealed
// with a passphrase: keys, badges, connections, applications and evidence.
func (w *Wallet) Backup(ctx context.Context, out io.Writer, o seal.Options) (Manifest, error) {
	c := content{Transfer: make([]byte, 32)}
	rand.Read(c.Transfer) // never fails (crypto/rand)
	var err error
	if c.Keys, err = w.keys.Export(ctx, c.Transfer); err != nil {
		return Manifest{}, err
	}
	id, err := w.readIdentity(ctx)
	if err != nil {
		return Manifest{}, err
	}
	c.DIDs = id.DIDs
	if err := w.db.View(ctx, c.collect); err != nil {
		return Manifest{}, fmt.Errorf("collecting the backup: %w", err)
	}
	if err := w.listFiles(&c); err != nil {
		return Manifest{}, fmt.Errorf("collecting files of evidence: %w", err)
	}
	m := Manifest{Created: w.cfg.Now().UTC().Truncate(time.Second), Badges: len(c.Badges), Keys: len(c.Keys), Connections: len(c.Connections), Files: len(c.Files)}
	return m, seal.WriteArchive(out, archiveKind, m, o, func(s io.Writer) error { return w.writeContent(s, c) })
}

func (c *content) collect(tx *store.Tx) error {
	for h, err := range held.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		raw, err := store.GetLarge(tx, bytesKey(h.ID))
		if err != nil {
			return err
		}
		c.Badges = append(c.Badges, badge{h, raw})
	}
	for v, err := range exchange.Connections.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		c.Connections = append(c.Connections, v)
	}
	for v, err := range exchange.Got.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		c.Offers = append(c.Offers, v)
	}
	for v, err := range shown.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		c.Shown = append(c.Shown, v)
	}
	for e, err := range endorsements.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		raw, err := store.GetLarge(tx, endorsementKey(e.ID))
		if err != nil {
			return err
		}
		c.Endorsements = append(c.Endorsements, keptEndorsement{e, raw})
	}
	return errors.Join(c.collectApplications(tx), c.collectRecords(tx))
}

// collectRecords takes along what nobody but the learner has, or what a partner
// would not send again.
func (c *content) collectRecords(tx *store.Tx) error {
	for a, err := range exchange.EndorseAsks.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		c.EndorseAsks = append(c.EndorseAsks, a)
	}
	for l, err := range learnings.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		b, err := getLearningBundle(tx, l.ID)
		if err != nil {
			return err
		}
		c.Learnings = append(c.Learnings, keptLearning{l, b})
	}
	if err := eachRecord(tx, func(r Record) error { c.Records = append(c.Records, r); return nil }); err != nil {
		return err
	}
	return eachPublication(tx, func(p Publication) error { c.Publications = append(c.Publications, p); return nil })
}

// collectApplications takes along what a partner has; what is on its way is
// not, since the outbox stays behind.
func (c *content) collectApplications(tx *store.Tx) error {
	for l, err := range applied.List(tx, store.Range{}) {
		if err != nil {
			return err
		}
		a, err := getApplied(tx, l.ID)
		if err != nil {
			return err
		}
		if a.State != application.Draft {
			a.Waiting = false
			c.Applications = append(c.Applications, a)
		}
	}
	return nil
}

// ReadManifest returns the readable part of a backup.
func ReadManifest(r io.Reader) (m Manifest, err error) {
	raw, err := seal.ReadManifest(r, archiveKind)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(raw, &m)
}

// open reads a backup whole, and proves that every part of it can be used; take
// is given each file of evidence.
func open(ctx context.Context, r io.Reader, passphrase string, take func(io.Reader) (digest string, err error)) (c content, m Manifest, err error) {
	a, err := seal.OpenArchive(r, archiveKind, passphrase)
	if err != nil {
		return c, m, err
	}
	if err := json.Unmarshal(a.Manifest, &m); err != nil {
		return c, m, fmt.Errorf("%w: %v", seal.ErrAltered, err)
	}
	c, err = readContent(a.Payload, func(c content) error {
		if len(c.DIDs) == 0 || m.Badges != len(c.Badges) || m.Keys != len(c.Keys) || m.Connections != len(c.Connections) || m.Files != len(c.Files) {
			return fmt.Errorf("%w: it does not hold what its manifest says", seal.ErrAltered)
		}
		return c.check(ctx)
	}, take)
	return c, m, err
}

// check opens every key and compares every badge with its record.
func (c content) check(ctx context.Context) error {
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	ks, err := keys.Open(ctx, db, c.Transfer)
	if err != nil {
		return err
	}
	if _, err := ks.Imports(ctx, c.Transfer, c.Keys); err != nil {
		return fmt.Errorf("%w: %v", seal.ErrAltered, err)
	}
	for _, s := range c.DIDs {
		d, err := did.Parse(s)
		if err != nil {
			return fmt.Errorf("%w: %v", seal.ErrAltered, err)
		}
		if !slices.ContainsFunc(c.Keys, func(k keys.Portable) bool { return k.Public == d.SpecificID() }) {
			return fmt.Errorf("%w: the key of %s is missing", seal.ErrAltered, s)
		}
	}
	if err := c.checkFiles(); err != nil {
		return err
	}
	for _, b := range c.Badges {
		if heldID(b.Bytes) != b.Held.ID {
			return fmt.Errorf("%w: badge %s is not the one it was", seal.ErrAltered, b.Held.ID)
		}
		if _, _, err := credentials.ParseAny(b.Bytes); err != nil {
			return fmt.Errorf("%w: badge %s cannot be read: %v", seal.ErrAltered, b.Held.ID, err)
		}
	}
	return nil
}

// VerifyBackup proves that a backup can be restored, without restoring it.
func VerifyBackup(ctx context.Context, r io.Reader, passphrase string) (Manifest, error) {
	_, m, err := open(ctx, r, passphrase, measure)
	return m, err
}
