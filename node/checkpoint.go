package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
)

// A checkpoint is this node's signature under the last hash of its journal, as
// an endorsement of that entry by address and digest. Partners keep each
// other's checkpoints: a journal that is rewritten afterwards no longer fits
// what a partner holds, and no registry is needed to see it.

// Checkpoint is a signed state of a journal.
type Checkpoint struct {
	Of         string    `json:"of"` // DID of the node
	Seq        uint64    `json:"seq"`
	Hash       string    `json:"hash"` // of that entry, hex
	Signed     time.Time `json:"signed"`
	Credential []byte    `json:"credential"`
	// Against is a checkpoint that contradicts this one: both are signed.
	Against []byte `json:"against,omitempty"`
}

var checkpoints = store.NewCollection("checkpoint", func(c Checkpoint) string { return fmt.Sprintf("%s %020d", c.Of, c.Seq) })

// checkpointing keeps the last checkpoint that was signed.
type checkpointing struct {
	mu   sync.Mutex
	last Checkpoint
}

// checkpointEvery is how often a new checkpoint is signed at most.
const checkpointEvery = time.Minute

// Checkpoint signs the state of the journal, or returns the checkpoint that was
// signed less than a minute ago.
func (n *Node) Checkpoint(ctx context.Context) (Checkpoint, error) {
	k := &n.checkpoint
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := n.now(); k.last.Credential != nil && now.Sub(k.last.Signed) < checkpointEvery && now.Sub(k.last.Signed) >= 0 {
		return k.last, nil
	}
	stats, err := n.db.Stats()
	if err != nil {
		return Checkpoint{}, err
	}
	var f store.Fact
	err = n.Journal(ctx, max(stats.Journal, 1), func(have store.Fact) error { f = have; return nil })
	if err != nil {
		return Checkpoint{}, err
	}
	if f.Seq == 0 {
		return Checkpoint{}, fmt.Errorf("%w: the journal is empty", ErrNotFound)
	}
	sum, err := hex.DecodeString(f.Hash)
	if err != nil {
		return Checkpoint{}, err
	}
	digest, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x12, 32}, sum...))
	if err != nil {
		return Checkpoint{}, err
	}
	at := fmt.Sprintf("%s/journal#%d", n.set.Base, f.Seq)
	c := Checkpoint{Of: n.id.String(), Seq: f.Seq, Hash: f.Hash, Signed: n.second()}
	c.Credential, err = n.signStatement(ctx, recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Checkpoint of the journal of " + n.set.Name, Of: at, From: c.Signed, Comment: fmt.Sprintf("Entry %d of our journal has this digest.", f.Seq)},
		Resources: []credentials.Resource{{ID: at, DigestMultibase: digest}},
	})
	if err == nil {
		k.last = c
	}
	return c, err
}

// readCheckpoint verifies a checkpoint and returns what it says.
func (n *Node) readCheckpoint(ctx context.Context, raw []byte) (Checkpoint, error) {
	r := n.party.Verifier.Report(ctx, raw, credentials.ReportOptions{})
	if r.Verdict == credentials.Invalid {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint does not verify: %s", ErrInput, r.Why())
	}
	if err := r.Err(); err != nil {
		return Checkpoint{}, err
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		return Checkpoint{}, err
	}
	none := fmt.Errorf("%w: it is no checkpoint of a journal", ErrInput)
	at, seq, ok := strings.Cut(c.SubjectID(), "/journal#")
	number, err := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil {
		return Checkpoint{}, none
	}
	resource := c.Doc().Get("relatedResource").First()
	digest, _ := resource.Get("digestMultibase").Text()
	_, sum, err := multibase.Decode(digest)
	if id := resource.ID(); err != nil || len(sum) != 34 || id != fmt.Sprintf("%s/journal#%d", at, number) {
		return Checkpoint{}, none
	}
	return Checkpoint{Of: c.IssuerID(), Seq: number, Hash: hex.EncodeToString(sum[2:]), Signed: c.ValidFrom(), Credential: raw}, nil
}

// maxCheckpoints is how many checkpoints of one partner are kept.
const maxCheckpoints = 100

// KeepCheckpoint fetches a partner's checkpoint and keeps it; of, if it is not
// empty, is the partner's DID. One that contradicts what was kept is an error,
// and kept as well: it proves that the partner shows two journals.
func (n *Node) KeepCheckpoint(ctx context.Context, base, of string) (Checkpoint, error) {
	raw, err := n.party.Get(ctx, base+"/journal/checkpoint")
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := n.readCheckpoint(ctx, raw)
	if err != nil {
		return c, err
	}
	if of != "" && c.Of != of {
		return c, fmt.Errorf("%w: the checkpoint at %s is of %s, and not of %s", ErrInput, base, c.Of, of)
	}
	var found error
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		found = nil
		old, why, err := contradicted(tx, c)
		switch {
		case err != nil:
			return err
		case why != "":
			found = fmt.Errorf("%w: %s shows two journals: %s", ErrInput, c.Of, why)
			if old.Against != nil {
				return nil
			}
			old.Against = c.Credential
			return checkpoints.Put(tx, old)
		case old.Seq == c.Seq:
			return nil
		}
		if err := checkpoints.Insert(tx, c); err != nil {
			return err
		}
		return n.thinCheckpoints(tx, c.Of)
	})
	return c, errors.Join(err, found)
}

// contradicted finds the checkpoint that was kept and that another does not fit:
// the same entry with another hash, or a journal that got shorter. Without one
// it returns the kept checkpoint of the same entry, if there is one.
func contradicted(tx *store.Tx, c Checkpoint) (old Checkpoint, why string, err error) {
	for k, err := range checkpoints.List(tx, store.Range{Prefix: []byte(c.Of + " ")}) {
		switch {
		case err != nil:
			return old, "", err
		case k.Seq == c.Seq && k.Hash != c.Hash:
			return k, fmt.Sprintf("entry %d had the hash %s on %s, and has %s now", c.Seq, k.Hash[:16], k.Signed.Format(time.DateOnly), c.Hash[:16]), nil
		case k.Seq > c.Seq && c.Signed.After(k.Signed):
			return k, fmt.Sprintf("it had %d entries on %s, and later %d", k.Seq, k.Signed.Format(time.DateOnly), c.Seq), nil
		case k.Seq == c.Seq:
			old = k
		}
	}
	return old, "", nil
}

// thinCheckpoints forgets every other checkpoint of a partner when there are
// too many: the oldest and the newest stay.
func (n *Node) thinCheckpoints(tx *store.Tx, of string) error {
	var all []Checkpoint
	for c, err := range checkpoints.List(tx, store.Range{Prefix: []byte(of + " ")}) {
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if len(all) <= maxCheckpoints {
		return nil
	}
	for i := 1; i < len(all)-1; i += 2 {
		if all[i].Against != nil { // a proof stays
			continue
		}
		if err := checkpoints.Delete(tx, fmt.Sprintf("%s %020d", all[i].Of, all[i].Seq)); err != nil {
			return err
		}
	}
	return nil
}

// Checkpoints lists the checkpoints of partners that this node keeps.
func (n *Node) Checkpoints(ctx context.Context) (out []Checkpoint, err error) {
	out = []Checkpoint{}
	return out, n.db.View(ctx, func(tx *store.Tx) error {
		for c, err := range checkpoints.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
}

// AuditRequest asks to verify the journal. Partner is the public address of a
// partner whose checkpoints of this node it is held to as well.
type AuditRequest struct {
	Partner string `json:"partner,omitempty"`
}

// Audit is a journal that was verified.
type Audit struct {
	OK          bool   `json:"ok"`
	Facts       uint64 `json:"facts"`
	Hash        string `json:"hash"`
	Checkpoints int    `json:"checkpoints"` // of ours, that the partner holds and that fit
	Broken      uint64 `json:"broken,omitempty"`
	Why         string `json:"why,omitempty"`
}

// VerifyJournal reads the whole journal. An entry that is broken, or that does
// not fit a checkpoint which a partner keeps, is named.
func (n *Node) VerifyJournal(ctx context.Context, r AuditRequest) (Audit, error) {
	want := map[uint64]Checkpoint{}
	if r.Partner != "" {
		if err := n.keptBy(ctx, r.Partner, want); err != nil {
			return Audit{}, err
		}
	}
	a := Audit{OK: true}
	err := n.Journal(ctx, 1, func(f store.Fact) error {
		a.Facts, a.Hash = f.Seq, f.Hash
		if c, ok := want[f.Seq]; ok {
			if c.Hash != f.Hash {
				return &store.FactError{Seq: f.Seq, Err: fmt.Errorf("a partner keeps our checkpoint of %s with another hash", c.Signed.Format(time.RFC3339))}
			}
			a.Checkpoints++
			delete(want, f.Seq)
		}
		return nil
	})
	if err == nil {
		_, err = n.db.VerifyJournal(ctx)
	}
	for seq, c := range want {
		if err == nil {
			err = &store.FactError{Seq: seq, Err: fmt.Errorf("a partner keeps our checkpoint of %s, and the journal ends before", c.Signed.Format(time.RFC3339))}
		}
	}
	if broken, ok := errors.AsType[*store.FactError](err); ok {
		a.OK, a.Broken, a.Why = false, broken.Seq, broken.Err.Error()
		return a, nil
	}
	return a, err
}

// keptBy adds the checkpoints of this node that a partner keeps.
func (n *Node) keptBy(ctx context.Context, base string, into map[uint64]Checkpoint) error {
	raw, err := n.party.Get(ctx, strings.TrimRight(base, "/")+"/checkpoints")
	if err != nil {
		return err
	}
	var all []Checkpoint
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("%w: %s lists no checkpoints: %v", ErrInput, base, err)
	}
	for _, c := range all {
		if c.Of != n.id.String() {
			continue
		}
		read, err := n.readCheckpoint(ctx, c.Credential)
		if err != nil {
			return fmt.Errorf("a checkpoint that %s keeps: %w", base, err)
		}
		if read.Of == n.id.String() {
			into[read.Seq] = read
		}
	}
	return nil
}

func (n *Node) serveCheckpoint(w http.ResponseWriter, r *http.Request) {
	c, err := n.Checkpoint(r.Context())
	if errors.Is(err, ErrNotFound) {
		n.fail(w, r, http.StatusNotFound, "The journal is empty.")
		return
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	send(w, r, "application/vc", checkpointEvery, c.Credential)
}

func (n *Node) serveCheckpoints(w http.ResponseWriter, r *http.Request) {
	all, err := n.Checkpoints(r.Context())
	n.sendJSON(w, r, all, err)
}

// keepCheckpoints asks the partners of agreements in force for their
// checkpoints.
func (n *Node) keepCheckpoints(ctx context.Context) error {
	all, err := n.Agreements(ctx)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	var errs []error
	for _, a := range all {
		if a.State != InForce || a.PartnerBase == "" || asked[a.PartnerBase] {
			continue
		}
		asked[a.PartnerBase] = true
		if _, err := n.KeepCheckpoint(ctx, a.PartnerBase, a.Partner); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Partner, err))
		}
	}
	return errors.Join(errs...)
}
