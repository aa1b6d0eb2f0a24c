// Package wallet is the learner's side: it keeps badges under the learner's
// own keys, fetches what partners offer, and shows what the learner chooses.
// No partner and no platform is needed to keep or to show a badge.
package wallet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

var (
	// ErrNotHeld says that the wallet has no such badge.
	ErrNotHeld = errors.New("not in this wallet")
	// ErrInput says that what was asked is refused; the message says why.
	ErrInput = errors.New("refused")
	// ErrUndecided says that something could not be told now.
	ErrUndecided = errors.New("could not tell")
)

// Config opens a wallet.
type Config struct {
	Dir        string
	Passphrase string
	// Loopback lets it reach this machine itself, as a testnet does.
	Loopback bool
	// Offline makes no request: copies of lists and documents serve.
	Offline bool
	// Refresh asks publishers whatever the age of a copy.
	Refresh bool
	// Endorsed shows badges with the endorsements that are kept of them.
	Endorsed bool
	// Hold keeps offers until they are accepted one by one.
	Hold bool
	// Patience is how long an answer waits for the partners' agreements that it
	// rests on, all of them together. Default 10 seconds.
	Patience time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Wallet is an opened directory. One process holds it at a time.
type Wallet struct {
	cfg    Config
	db     *store.DB
	keys   *keys.Store
	party  *party.Party
	agent  *didcomm.Agent
	holder *exchange.Holder
	id     did.DID // to which badges are bound
	once   sync.Once

	mu      sync.Mutex
	waiting map[string]chan int   // status requests under way, by thread
	replies map[string]chan reply // requests under way, by thread
	pieces  atomic.Int64          // of files, that were sent
	renewed map[string]bool       // catalogues that were tried since the wallet was opened
}

// identity names the keys to which badges are bound, the first being current;
// further ones came with restored backups.
type identity struct {
	DIDs []string `json:"dids"`
}

var identityKey = []byte("identity")

// Init makes a wallet in dir, sealed as o says, with a new DID.
func Init(ctx context.Context, dir string, o seal.Options) (did.DID, error) {
	if seal.Exists(dir) {
		return did.DID{}, fmt.Errorf("%w: %s is a wallet already; name another directory with --dir", ErrInput, dir)
	}
	if _, err := seal.Create(dir, o); err != nil {
		return did.DID{}, err
	}
	w, err := Open(ctx, Config{Dir: dir, Passphrase: o.Passphrase})
	if err != nil {
		return did.DID{}, err
	}
	return w.id, w.Close()
}

// Open opens the wallet in cfg.Dir. The error wraps [seal.ErrNoSecret],
// [seal.ErrWrongPassphrase], [seal.ErrNewer], or one of [store.Open]; then the
// directory is as it was. Close the wallet when done.
func Open(ctx context.Context, cfg Config) (*Wallet, error) {
	secret, err := seal.Open(cfg.Dir, cfg.Passphrase)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Patience = cmp.Or(cfg.Patience, 10*time.Second)
	w := &Wallet{cfg: cfg, waiting: map[string]chan int{}, replies: map[string]chan reply{}, renewed: map[string]bool{}}
	w.db, err = store.Open(filepath.Join(cfg.Dir, "store"), store.Options{Key: secret.Derive("store"), Now: cfg.Now, Log: cfg.Log})
	if errors.Is(err, store.ErrWrongKey) {
		return nil, fmt.Errorf("%w; its secret.age is of another directory: put the right one back, or restore the wallet from a backup", err)
	}
	if err != nil {
		return nil, err
	}
	if err := w.assemble(ctx, secret); err != nil {
		return nil, errors.Join(err, w.db.Close())
	}
	return w, nil
}

func (w *Wallet) assemble(ctx context.Context, secret seal.Secret) (err error) {
	if w.keys, err = keys.Open(ctx, w.db, secret.Derive("keys")); err != nil {
		return err
	}
	if err := w.identify(ctx); err != nil {
		return err
	}
	w.party, err = party.New(party.Config{DB: w.db, Loopback: w.cfg.Loopback, Offline: w.cfg.Offline, Refresh: w.cfg.Refresh, Now: w.cfg.Now})
	if err != nil {
		return err
	}
	w.holder = &exchange.Holder{DB: w.db, Now: w.cfg.Now, Wants: func(exchange.Offer) bool { return !w.cfg.Hold }, Proof: w.proof, Receive: w.receive}
	router := &exchange.Router{DB: w.db, Status: w.onStatus, Roles: map[string]exchange.Handle{
		exchange.TypePresentationAck: w.onShown, didcomm.TypeProblem: w.onProblem, exchange.TypePresentationRequest: w.onAsked,
		exchange.TypeLearning: w.onLearning, exchange.TypeTranscript: w.onTranscript, exchange.TypeStanding: w.onStanding}}
	endorsed := &exchange.Endorsed{DB: w.db, Now: w.cfg.Now, Receive: w.receiveEndorsement}
	for _, roles := range []map[string]exchange.Handle{w.holder.Roles(), w.applicant(), endorsed.Roles()} {
		for t, h := range roles {
			router.Roles[t] = h
		}
	}
	w.agent = didcomm.New(didcomm.Config{DB: w.db, Keys: w.keys, Resolver: w.party.Resolver, Own: w.isOwn, Handler: router, Log: w.cfg.Log, Now: w.cfg.Now, Dial: w.party.Dial, Retry: 5 * time.Second})
	return nil
}

func (w *Wallet) readIdentity(ctx context.Context) (id identity, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		id, err = getIdentity(tx)
		return err
	})
	return id, err
}

func getIdentity(tx *store.Tx) (id identity, err error) {
	raw, err := tx.Get(identityKey)
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(raw, &id); err != nil {
		return id, fmt.Errorf("%w: the wallet's identity: %v", store.ErrCorrupt, err)
	}
	return id, nil
}

func putIdentity(tx *store.Tx, id identity) error {
	raw, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return tx.Put(identityKey, raw)
}

func (w *Wallet) identify(ctx context.Context) error {
	id, err := w.readIdentity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		var k did.PublicKey
		if k, err = w.keys.Create(ctx, did.Ed25519); err != nil {
			return err
		}
		d, err := key.New(k)
		if err != nil {
			return err
		}
		id = identity{DIDs: []string{d.String()}}
		if err := w.db.Update(ctx, func(tx *store.Tx) error { return putIdentity(tx, id) }); err != nil {
			return err
		}
	} else if err != nil {
		return fmt.Errorf("reading the wallet's identity: %w", err)
	}
	if len(id.DIDs) == 0 {
		return fmt.Errorf("%w: the wallet has no DID; restore it from a backup", store.ErrCorrupt)
	}
	w.id, err = did.Parse(id.DIDs[0])
	return err
}

// Close ends connections and closes the store. It is safe to call twice.
func (w *Wallet) Close() (err error) {
	w.once.Do(func() {
		w.agent.Close()
		err = w.db.Close()
	})
	return err
}

// DID returns the identifier to which new badges are bound.
func (w *Wallet) DID() did.DID { return w.id }

// isOwn reports whether a DID is one of the wallet's: its connections' ends.
func (w *Wallet) isOwn(ctx context.Context, d did.DID) (bool, error) {
	found := false
	err := w.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Get(ownKey(d))
		found = err == nil
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return found, err
}

// signer returns the key of one of the wallet's did:key identifiers.
func (w *Wallet) signer(d did.DID) (keys.Signer, error) {
	k, err := did.ParseMultikey(d.SpecificID())
	if err != nil {
		return keys.Signer{}, err
	}
	return w.keys.Signer(k, key.MethodID(d)), nil
}
