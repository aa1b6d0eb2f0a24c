package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/trust-me/trustme/internal/durable"
)

// state counts what a store holds. It is a record of its own, rewritten with
// every commit, and is told to HEAD after it: less in the engine than in HEAD
// means that acknowledged writes are gone; more, that the process ended
// between the two.
type state struct {
	commits  uint64
	keys     uint64 // live keys of the engine but for this record
	records  uint64 // those of callers, without index entries and facts
	facts    uint64
	factHash [32]byte // of the last fact
}

const stateSize = 4*8 + 32

func (s state) encode() []byte {
	b := make([]byte, 0, stateSize)
	for _, n := range []uint64{s.commits, s.keys, s.records, s.facts} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, s.factHash[:]...)
}

func decodeState(b []byte) (state, error) {
	if len(b) != stateSize {
		return state{}, fmt.Errorf("%w: the state has %d bytes", ErrCorrupt, len(b))
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	return state{n(0), n(1), n(2), n(3), [32]byte(b[32:])}, nil
}

// headInfo is the content of HEAD: the state, and how the engine's own list of
// its tables began.
type headInfo struct {
	turn uint64
	state
	manifestSize uint64
	manifestHash [32]byte
}

// headFile is HEAD: two slots in pages of their own, written in turn and
// synced, so that a torn write leaves the other.
type headFile struct {
	f    *os.File // nil in memory and when read only
	seal sealer
	last headInfo
}

const (
	headBody  = 8 + stateSize + 8 + 32
	headSlot  = headBody + 32 // and a MAC
	slotEvery = 4096
)

func (h headInfo) encode(s sealer) []byte {
	b := binary.BigEndian.AppendUint64(nil, h.turn)
	b = append(b, h.state.encode()...)
	b = binary.BigEndian.AppendUint64(b, h.manifestSize)
	b = append(b, h.manifestHash[:]...)
	return append(b, s.tag(headName, b)...)
}

func decodeHead(b []byte, s sealer) (headInfo, bool) {
	body := b[:headBody]
	if string(s.tag(headName, body)) != string(b[headBody:headSlot]) {
		return headInfo{}, false
	}
	st, err := decodeState(body[8 : 8+stateSize])
	if err != nil {
		return headInfo{}, false
	}
	rest := body[8+stateSize:]
	return headInfo{binary.BigEndian.Uint64(body), st, binary.BigEndian.Uint64(rest), [32]byte(rest[8:])}, true
}

// makeHead writes the HEAD of an empty store.
func makeHead(path string, s sealer) error {
	page := make([]byte, 2*slotEvery)
	copy(page, headInfo{}.encode(s))
	copy(page[slotEvery:], headInfo{}.encode(s))
	return durable.WriteFile(path, page)
}

// openHead reads HEAD. The error wraps [ErrCorrupt] when neither slot is good.
func openHead(path string, s sealer, readOnly bool) (*headFile, error) {
	flag := os.O_RDWR
	if readOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing, so nobody can tell whether the store is whole; restore the directory from a backup", ErrCorrupt, path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	h := &headFile{f: f, seal: s}
	good := 0
	for i := range int64(2) {
		b := make([]byte, headSlot)
		if _, err := f.ReadAt(b, i*slotEvery); err != nil && !errors.Is(err, io.EOF) {
			return nil, errors.Join(fmt.Errorf("reading %s: %w", path, err), f.Close())
		}
		if info, ok := decodeHead(b, s); ok {
			good++
			if info.turn >= h.last.turn {
				h.last = info
			}
		}
	}
	if good == 0 {
		return nil, errors.Join(fmt.Errorf("%w: %s; restore the directory from a backup", ErrCorrupt, path), f.Close())
	}
	return h, nil
}

// write replaces the older slot, durably.
func (h *headFile) write(info headInfo) error {
	info.turn = h.last.turn + 1
	if h.f == nil {
		h.last = info
		return nil
	}
	if _, err := h.f.WriteAt(info.encode(h.seal), int64(info.turn%2)*slotEvery); err != nil {
		return fmt.Errorf("writing the head: %w", err)
	}
	if err := syncData(h.f); err != nil {
		return fmt.Errorf("writing the head: %w", err)
	}
	h.last = info
	return nil
}

func (h *headFile) close() error {
	if h.f == nil {
		return nil
	}
	return h.f.Close()
}

// saveHead tells HEAD the state, if it has changed.
func (db *DB) saveHead() error {
	info := db.head.last
	info.state = db.state
	if db.dir != "" {
		if err := db.watch.advance(); err != nil {
			return err
		}
		info.manifestSize, info.manifestHash = db.watch.size, db.watch.sum()
	}
	if info == db.head.last {
		return nil
	}
	return db.head.write(info)
}

// checkState compares engine, journal and HEAD at opening, and keeps the
// engine's state even when it is refused.
func (db *DB) checkState() error {
	return db.View(context.Background(), db.compareState)
}

func (db *DB) compareState(tx *Tx) error {
	have, err := tx.state()
	if err != nil {
		return err
	}
	db.state = have
	told := db.head.last.state
	switch {
	case have.commits < told.commits:
		return fmt.Errorf("%w: %d commits were acknowledged in %s and %d are there, %d of %d facts; restore the directory from a backup", ErrTruncated, told.commits, db.dir, have.commits, have.facts, told.facts)
	case have.commits == told.commits && have != told && db.dir != "":
		return fmt.Errorf("%w: the engine's state in %s is not the one of HEAD; restore the directory from a backup", ErrCorrupt, db.dir)
	}
	if err := tx.checkJournalEnd(have, told); err != nil {
		return err
	}
	return tx.checkSpaces()
}
