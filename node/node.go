// Package node is a partner's side: it defines badges, issues and delivers
// them, publishes status lists, and answers for what it signed.
package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

var (
	// ErrNotFound says that the node has no such record.
	ErrNotFound = errors.New("not found")
	// ErrInput says that what was asked is refused; the message says why.
	ErrInput = errors.New("refused")
	// ErrPortInUse says that an address is taken by another program.
	ErrPortInUse = errors.New("address in use")
)

// Config opens a node. Zero fields mean the defaults.
type Config struct {
	// Dir is the data directory, made by [Init].
	Dir string
	// Passphrase opens the keys; empty for a directory sealed by a file.
	Passphrase string
	// Settings win over those of the directory's file, field by field; they
	// come from flags and the environment.
	Settings Settings
	Now      func() time.Time
	Log      *slog.Logger
}

// Node is an opened data directory. One process holds it at a time.
type Node struct {
	set        Settings
	dir        string
	id         did.DID // who signs
	contact    did.DID // who speaks; the same unless id has no endpoint
	party      *party.Party
	db         *store.DB
	keys       *keys.Store
	agent      *didcomm.Agent
	issuing    *exchange.Issuer
	shelf      atomic.Pointer[shelf]
	publishing sync.Mutex
	lists      *lists
	praise     praise
	judged     judged
	partners   partners
	secret     seal.Secret
	now        func() time.Time
	log        *slog.Logger
	started    time.Time
	closeOnce  sync.Once
	csvRunning atomic.Bool
	counting   sync.Mutex
	keptDays   map[string]tally // counts of days that were read, under counting
	checkpoint checkpointing
	proving    chan struct{}
	stopping   chan struct{} // closed when Serve ends
	todo       chan struct{} // awards are due
}

// InitRequest makes a data directory.
type InitRequest struct {
	Dir      string
	Settings Settings
	Seal     seal.Options
}

// Init makes a data directory with a sealed secret and its settings. The node
// gets its keys when it is first opened. Settings that could not be opened are
// refused before anything is made, catalogues among them; the error wraps
// [ErrInput], [ErrConfig] or [catalogue.ErrInvalid].
func Init(r InitRequest) error {
	if seal.Exists(r.Dir) {
		return fmt.Errorf("%w: %s is a node already; `trustme node serve --dir %s` starts it", ErrInput, r.Dir, r.Dir)
	}
	set, err := r.Settings.Complete(r.Dir)
	if err != nil {
		return err
	}
	if _, err := loadCatalogues(r.Dir, set.Catalogues); err != nil {
		return err
	}
	if err := durable.MkdirAll(r.Dir); err != nil {
		return err
	}
	if err := r.Settings.Write(r.Dir); err != nil {
		return err
	}
	_, err = seal.Create(r.Dir, r.Seal)
	return err
}

// Open opens the data directory. The error wraps [seal.ErrWrongPassphrase],
// [store.ErrLocked] when another process holds it, [ErrConfig] or
// [catalogue.ErrInvalid]. Close the node when done.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	set, err := Effective(cfg.Dir, cfg.Settings)
	if err != nil {
		return nil, err
	}
	secret, err := seal.Open(cfg.Dir, cfg.Passphrase)
	if err != nil {
		return nil, err
	}
	n := &Node{set: set, dir: cfg.Dir, secret: secret, now: or2(cfg.Now, time.Now), log: cfg.Log, proving: make(chan struct{}, runtime.GOMAXPROCS(0)), stopping: make(chan struct{}), todo: make(chan struct{}, 1)}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.started = n.now()
	if n.db, err = store.Open(filepath.Join(cfg.Dir, "store"), store.Options{Key: secret.Derive("store"), ReserveBytes: int64(set.Reserve) << 20, Now: n.now, Log: n.log}); err != nil {
		return nil, err
	}
	if err := n.stock(ctx); err != nil {
		return nil, errors.Join(err, n.db.Close())
	}
	if err := errors.Join(sweepSpool(cfg.Dir), n.assemble(ctx)); err != nil {
		return nil, errors.Join(err, n.db.Close())
	}
	return n, nil
}

// stock puts the catalogues on the shelf that the settings name, after a
// publication that was interrupted has been finished.
func (n *Node) stock(ctx context.Context) error {
	if err := n.finishPlacing(ctx); err != nil {
		return err
	}
	all, err := loadCatalogues(n.dir, n.set.Catalogues)
	if err == nil {
		n.put(all, n.set.Catalogues)
	}
	return err
}

func or2(a, b func() time.Time) func() time.Time {
	if a != nil {
		return a
	}
	return b
}

func (n *Node) assemble(ctx context.Context) (err error) {
	if n.keys, err = keys.Open(ctx, n.db, n.secret.Derive("keys")); err != nil {
		return err
	}
	if err := n.identify(ctx); err != nil {
		return err
	}
	n.party, err = party.New(party.Config{DB: n.db, Loopback: n.set.loopback(), Now: n.now, Own: n.ownDocument, StatusLists: n.ownList})
	if err != nil {
		return err
	}
	if n.lists, err = n.openLists(ctx); err != nil {
		return err
	}
	if err := n.indexAtStart(ctx); err != nil {
		return err
	}
	n.issuing = &exchange.Issuer{DB: n.db, Now: n.now, Prove: n.prove, Issue: n.issueFor, Closed: n.closedOffer, Settled: n.wakeWork}
	verifying := &exchange.AskVerifier{DB: n.db, Now: n.now, Judge: n.judge}
	endorsing := &exchange.Endorser{Now: n.now, Keep: n.keepWanted}
	router := &exchange.Router{DB: n.db, Admit: n.admit, Roles: map[string]exchange.Handle{didcomm.TypeProblem: n.onProblem, exchange.TypeLearning: n.onLearning, exchange.TypeRenew: n.onRenew}}
	for _, roles := range []map[string]exchange.Handle{n.issuing.Roles(), verifying.Roles(), n.applying(), endorsing.Roles()} {
		for t, h := range roles {
			router.Roles[t] = h
		}
	}
	n.agent = didcomm.New(didcomm.Config{DB: n.db, Keys: n.keys, Resolver: n.party.Resolver, Own: n.isOwn, Handler: router, Log: n.log, Now: n.now})
	if err := n.publish(ctx); err != nil {
		return err
	}
	return n.renewLists(ctx)
}

// reserved are the first parts of the node's own addresses.
var reserved = []string{"badges", "catalogues", "status", "i", "didcomm", "health", "metrics", "agreements", "endorsements", "journal", "checkpoints"}

func loadCatalogues(dir string, names []string) ([]*catalogue.Catalogue, error) {
	var out []*catalogue.Catalogue
	for _, name := range names {
		c, err := loadCatalogue(dir, name)
		if err != nil {
			return nil, err
		}
		for _, o := range out {
			if o.Slug == c.Slug {
				return nil, fmt.Errorf("%w: two catalogues are called %q; rename one", ErrConfig, c.Slug)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func loadCatalogue(dir, name string) (c *catalogue.Catalogue, err error) {
	if name == ShippedCatalogue {
		c, err = catalogue.Parse(catalogue.OpenBadges, catalogue.ShippedTranslations()...)
	} else {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		c, err = catalogue.Load(name)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("%w: catalogues: %s: %v; put the file there, or name another", ErrConfig, name, path.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", name, err)
	}
	return c, nameable(c)
}

// nameable refuses a catalogue that would lie at an address of the node's own.
func nameable(c *catalogue.Catalogue) error {
	if slices.Contains(reserved, c.Slug) {
		return fmt.Errorf("%w: a catalogue cannot be called %q, which is an address of the node's own; rename it", ErrConfig, c.Slug)
	}
	return nil
}

// Close stops the connections and closes the store. It is safe to call twice.
func (n *Node) Close() (err error) {
	n.closeOnce.Do(func() {
		n.agent.Close()
		err = n.db.Close()
	})
	return err
}

// DID returns who signs.
func (n *Node) DID() did.DID { return n.id }

// Settings returns the effective settings.
func (n *Node) Settings() Settings { return n.set }

// Serve answers public, which it closes, and the administration socket until
// ctx ends, then stops gracefully: requests under way are finished, and long
// runs end after the row that they are at. ready, when not nil, is called once
// both accept. A node serves once.
func (n *Node) Serve(ctx context.Context, public net.Listener, ready func()) error {
	admin, err := n.listenAdmin()
	if err != nil {
		return errors.Join(err, public.Close())
	}
	pub := &http.Server{Handler: n.public(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelWarn)}
	adm := &http.Server{Handler: n.AdminHandler(), ReadHeaderTimeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	var wg sync.WaitGroup
	n.lists.beats(true)
	wg.Go(func() { failed <- pub.Serve(public) })
	wg.Go(func() { failed <- adm.Serve(admin) })
	wg.Go(func() {
		defer n.lists.beats(false)
		n.beat(ctx)
	})
	wg.Go(func() { n.keepUp(ctx) })
	wg.Go(func() { n.work(ctx) })
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	cancel()
	close(n.stopping)
	stop, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	n.agent.Close()
	err = errors.Join(err, pub.Shutdown(stop), adm.Shutdown(stop))
	wg.Wait()
	return err
}
