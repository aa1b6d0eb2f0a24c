package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/store"
)

// Status lists come in pairs: a primary one (revocation or suspension) and its
// expiry list (refresh) over the same indexes. In the store:
//
//	list/<n>              purpose and how many indexes are given
//	bit/<n>/<p>/<index>   a set bit
//	published/<n>/<p>     the signed list credential
//
// Bits are kept in memory too, since all are needed at each publication.
type lists struct {
	publishing sync.Mutex // one publication at a time, or an older could be served last

	mu      sync.Mutex
	bits    map[string]status.Bitmap // by "<n>/<purpose>"
	begun   uint64                   // publications that have taken their copy of the bits
	beat    uint64                   // the last of those that is served
	beating bool                     // the beat goes on: there will be a next one
	wake    *sync.Cond
	fresh   map[string][]byte // published bytes, as served
	until   time.Time         // when they are over; zero where nobody looked

	renewing sync.Mutex // one asker at a time publishes what is over

	revoked     map[string]bool // ids of revoked badges; nil where no 1EdTechRevocationList is published
	revocations []byte          // that list, as served
}

// listRecord describes list n.
type listRecord struct {
	N       int    `json:"n"`
	Purpose string `json:"purpose"`
	Given   int    `json:"given"`
}

var listRecords = store.NewCollection("list", func(l listRecord) string { return fmt.Sprintf("%08d", l.N) },
	store.Index[listRecord]{Name: "purpose", Values: func(l listRecord) []string { return []string{l.Purpose} }})

func bitKey(n int, purpose string, index int) []byte {
	return binary.BigEndian.AppendUint32(fmt.Appendf(nil, "bit/%d/%s/", n, purpose), uint32(index))
}

func publishedKey(n int, purpose string) []byte {
	return fmt.Appendf(nil, "published/%d/%s", n, purpose)
}

func listName(n int, purpose string) string { return strconv.Itoa(n) + "/" + purpose }

// openLists reads the bits of all lists.
func (n *Node) openLists(ctx context.Context) (*lists, error) {
	l := &lists{bits: map[string]status.Bitmap{}, fresh: map[string][]byte{}}
	l.wake = sync.NewCond(&l.mu)
	err := n.db.View(ctx, func(tx *store.Tx) error {
		for r, err := range listRecords.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			for _, p := range []string{r.Purpose, status.Refresh} {
				if err := l.load(tx, r.N, p); err != nil {
					return err
				}
			}
		}
		if !*n.set.RevocationList {
			return nil
		}
		l.revoked = map[string]bool{}
		for a, err := range awards.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if a.Standing == Revoked {
				l.revoked[or(a.Credential, a.ID)] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the status lists: %w", err)
	}
	return l, nil
}

func (l *lists) load(tx *store.Tx, n int, purpose string) error {
	b := status.NewBitmap(ListSize)
	prefix := fmt.Appendf(nil, "bit/%d/%s/", n, purpose)
	for r, err := range tx.Scan(store.Range{Prefix: prefix}) {
		if err != nil {
			return err
		}
		if i := binary.BigEndian.Uint32(r.Key[len(prefix):]); len(r.Value) == 1 && r.Value[0] == 1 && i < ListSize {
			b.Set(int(i), true)
		}
	}
	l.bits[listName(n, purpose)] = b
	raw, err := tx.Get(publishedKey(n, purpose))
	if err == nil {
		l.fresh[listName(n, purpose)] = raw
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// allocate gives the next index of the newest list of a purpose, opening the
// next list when that is full.
func (n *Node) allocate(tx *store.Tx, purpose string) (list, index int, err error) {
	var last listRecord
	count := 0
	for r, err := range listRecords.List(tx, store.Range{}) {
		if err != nil {
			return 0, 0, err
		}
		count = max(count, r.N)
		if r.Purpose == purpose {
			last = r
		}
	}
	if last.N == 0 || last.Given >= ListSize {
		last = listRecord{N: count + 1, Purpose: purpose}
	}
	p := permutation{key: n.secret.Derive("status indexes of list " + strconv.Itoa(last.N))}
	index = int(p.index(uint32(last.Given)))
	last.Given++
	return last.N, index, listRecords.Put(tx, last)
}

// setBit records a bit; the list tells it at the next publication.
func (n *Node) setBit(tx *store.Tx, list int, purpose string, index int, on bool) error {
	v := []byte{0}
	if on {
		v[0] = 1
	}
	return tx.Put(bitKey(list, purpose, index), v)
}

// recall takes over a bit as it is in the store, for the next publication. It
// reads under the lock, so that of two changes at once the last one stays.
func (n *Node) recall(ctx context.Context, list int, purpose string, index int) error {
	l := n.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	return n.db.View(ctx, func(tx *store.Tx) error {
		v, err := tx.Get(bitKey(list, purpose, index))
		if err != nil {
			return ignoreMissing(err)
		}
		l.set(list, purpose, index, len(v) == 1 && v[0] == 1)
		return nil
	})
}

// revoke names a badge in the 1EdTechRevocationList, if there is one, from the
// next publication on.
func (l *lists) revoke(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revoked != nil {
		l.revoked[id] = true
	}
}

// remember keeps a bit that is durable for the next publication.
func (l *lists) remember(list int, purpose string, index int, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(list, purpose, index, on)
}

func (l *lists) set(list int, purpose string, index int, on bool) {
	b := l.bits[listName(list, purpose)]
	if b == nil {
		b = status.NewBitmap(ListSize)
		l.bits[listName(list, purpose)] = b
	}
	b.Set(index, on)
}

func (l *lists) has(list int, purpose string, index int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bits[listName(list, purpose)]
	return b != nil && b.Get(index)
}

func (n *Node) listURL(list int, purpose string) string {
	return fmt.Sprintf("%s/status/%d/%s", n.set.Base, list, purpose)
}

// listsValidFor bounds how long an offline verifier may believe a list.
const listsValidFor = 30 * 24 * time.Hour

// Publish signs every list anew, changed or not, keeps them, and serves them.
// It also sets the expiry bit of every badge whose end has come.
func (n *Node) Publish(ctx context.Context) error {
	n.lists.publishing.Lock()
	defer n.lists.publishing.Unlock()
	if err := n.expire(ctx); err != nil {
		return err
	}
	n.lists.mu.Lock()
	bits := map[string]status.Bitmap{}
	for name, b := range n.lists.bits {
		bits[name] = append(status.Bitmap(nil), b...)
	}
	revoked, one := slices.Sorted(maps.Keys(n.lists.revoked)), n.lists.revoked != nil
	n.lists.begun++
	turn := n.lists.begun
	n.lists.mu.Unlock()
	s, err := n.signer(ctx)
	if err != nil {
		return err
	}
	signed := map[string][]byte{}
	now := n.now().UTC()
	for name, b := range bits {
		num, purpose, _ := strings.Cut(name, "/")
		list, err := strconv.Atoi(num)
		if err != nil {
			return err
		}
		d := status.Description{ID: n.listURL(list, purpose), Issuer: n.id.String(), Purpose: purpose, TTL: time.Duration(n.set.StatusTTL), ValidFrom: now, ValidUntil: now.Add(listsValidFor)}
		raw, err := status.Unsigned(d, b)
		if err != nil {
			return fmt.Errorf("building the status list %s: %w", name, err)
		}
		if signed[name], err = dataintegrity.AddProof(ctx, raw, dataintegrity.Options{Created: now}, s); err != nil {
			return fmt.Errorf("signing the status list %s: %w", name, err)
		}
	}
	var revocations []byte
	if one {
		if revocations, err = status.Revocations(n.set.Base+"/status/revoked", n.id.String(), revoked); err != nil {
			return fmt.Errorf("building the 1EdTechRevocationList: %w", err)
		}
	}
	if err := n.keepPublished(ctx, signed); err != nil {
		return err
	}
	n.lists.mu.Lock()
	defer n.lists.mu.Unlock()
	for name, raw := range signed {
		n.lists.fresh[name] = raw
	}
	n.lists.revocations, n.lists.until = revocations, now.Add(listsValidFor)
	n.lists.beat = max(n.lists.beat, turn)
	n.lists.wake.Broadcast()
	return nil
}

// renewLists publishes at opening when the lists of a node that did not serve
// for long are over, or soon will be: nothing could be issued under them.
func (n *Node) renewLists(ctx context.Context) error {
	for name, raw := range n.lists.fresh {
		c, err := credentials.Parse(raw)
		if err != nil {
			return fmt.Errorf("reading the status list %s: %w", name, err)
		}
		if n.now().Add(listsValidFor / 2).After(c.ValidUntil()) {
			return n.Publish(ctx)
		}
		if n.lists.until.IsZero() || c.ValidUntil().Before(n.lists.until) {
			n.lists.until = c.ValidUntil()
		}
	}
	return nil
}

func (n *Node) keepPublished(ctx context.Context, signed map[string][]byte) error {
	for name, raw := range signed {
		err := n.db.Update(ctx, func(tx *store.Tx) error { return tx.Put([]byte("published/"+name), raw) })
		if err != nil {
			return fmt.Errorf("keeping the status list %s: %w", name, err)
		}
	}
	return nil
}

// beat publishes on the steady beat until ctx ends.
func (n *Node) beat(ctx context.Context) {
	t := time.NewTicker(time.Duration(n.set.StatusBeat))
	defer t.Stop()
	for {
		if err := n.Publish(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("status lists not published", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// beats says whether there will be a next publication to wait for.
func (l *lists) beats(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beating = on
	l.wake.Broadcast()
}

// published waits until a publication that began after now is served. It is
// false when there is none: the node is stopping, or does not serve.
func (n *Node) published(ctx context.Context) (bool, error) {
	l := n.lists
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wake.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	want := l.begun + 1 // one under way has taken its copy before
	for l.beating && l.beat < want && ctx.Err() == nil {
		l.wake.Wait()
	}
	if l.beat >= want || !l.beating {
		return l.beat >= want, nil
	}
	return false, ctx.Err()
}

// inTime publishes between two beats where the lists are over: the machine
// slept for long, or its clock was put right.
func (n *Node) inTime(ctx context.Context) error {
	l := n.lists
	l.renewing.Lock()
	defer l.renewing.Unlock()
	l.mu.Lock()
	over := !l.until.IsZero() && n.now().After(l.until)
	l.mu.Unlock()
	if !over {
		return nil
	}
	return n.Publish(ctx)
}

// StatusList returns a signed list as served. The error is [ErrNotFound] when
// there is none.
func (n *Node) StatusList(ctx context.Context, list int, purpose string) ([]byte, error) {
	if err := n.inTime(ctx); err != nil {
		return nil, err
	}
	n.lists.mu.Lock()
	defer n.lists.mu.Unlock()
	if raw := n.lists.fresh[listName(list, purpose)]; raw != nil {
		return raw, nil
	}
	return nil, fmt.Errorf("%w: status list %d/%s", ErrNotFound, list, purpose)
}

// RevocationList returns the 1EdTechRevocationList as served. The error is
// [ErrNotFound] where [Settings.RevocationList] is off.
func (n *Node) RevocationList() ([]byte, error) {
	n.lists.mu.Lock()
	defer n.lists.mu.Unlock()
	if n.lists.revocations == nil {
		return nil, fmt.Errorf("%w: a 1EdTechRevocationList; the signed lists say what is revoked", ErrNotFound)
	}
	return n.lists.revocations, nil
}

// ownList returns a list of this node to its own verifier. A list whose first
// index was just given is published at once.
func (n *Node) ownList(ctx context.Context, url string) ([]byte, bool, error) {
	rest, ok := strings.CutPrefix(url, n.set.Base+"/status/")
	if !ok {
		return nil, false, nil
	}
	num, purpose, _ := strings.Cut(rest, "/")
	list, err := strconv.Atoi(num)
	if err != nil {
		return nil, false, nil
	}
	raw, err := n.StatusList(ctx, list, purpose)
	if errors.Is(err, ErrNotFound) {
		return nil, true, fmt.Errorf("%w: %s", status.ErrNoList, url)
	}
	return raw, true, err
}

// expire sets the expiry bit of every badge past its end.
func (n *Node) expire(ctx context.Context) error {
	now := n.now().UTC().Format(time.RFC3339)
	for {
		var due []Award
		err := n.db.View(ctx, func(tx *store.Tx) error {
			for a, err := range awards.UpTo(tx, "expiry", now) {
				if err != nil {
					return err
				}
				if due = append(due, a); len(due) == 200 {
					return nil
				}
			}
			return nil
		})
		if err != nil || len(due) == 0 {
			return err
		}
		err = n.db.Update(ctx, func(tx *store.Tx) error {
			for _, old := range due {
				a, err := awards.Get(tx, old.ID) // it may have changed meanwhile, or be refused and gone
				if errors.Is(err, store.ErrNotFound) || err == nil && a.Lapsed {
					continue
				}
				if err != nil {
					return err
				}
				if err := n.setBit(tx, a.List, status.Refresh, a.Index, true); err != nil {
					return err
				}
				a.Lapsed = true // leaves the index of what is due
				if err := awards.Put(tx, a); err != nil {
					return err
				}
				if err := n.note(tx, "award.lapsed", map[string]any{"credential": a.ID, "achievement": a.Catalogue + "/" + a.Achievement}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, a := range due {
			n.lists.remember(a.List, status.Refresh, a.Index, true)
		}
	}
}
