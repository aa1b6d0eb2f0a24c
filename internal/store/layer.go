package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Spaces of the engine's keys: the first byte says what a record is.
const (
	spaceMember  = 'c' // collection "/" key
	spaceData    = 'd' // a caller's key
	spaceJournal = 'j' // number of the fact, 8 bytes
	spaceState   = 'm'
	spacePart    = 'p' // a caller's key, number of the part, 2 bytes
	spaceEntry   = 'x' // collection "/" index "/" value NUL key
)

var spaces = []byte{spaceMember, spaceData, spaceJournal, spaceState, spacePart, spaceEntry}

func isRecord(key string) bool { return key[0] == spaceData || key[0] == spaceMember }

// describe names an engine key to people.
func describe(key []byte) string {
	rest := key[1:]
	switch key[0] {
	case spaceMember:
		name, k, _ := strings.Cut(string(rest), "/")
		return fmt.Sprintf("%s %q", name, k)
	case spaceJournal:
		if len(rest) == 8 {
			return fmt.Sprintf("journal entry %d", binary.BigEndian.Uint64(rest))
		}
	case spacePart:
		if cut := len(rest) - 2; cut > 0 {
			return fmt.Sprintf("part %d of %q", binary.BigEndian.Uint16(rest[cut:]), rest[:cut])
		}
	case spaceState:
		return "the state of the store"
	case spaceEntry:
		return fmt.Sprintf("index entry %q", rest)
	}
	return fmt.Sprintf("%q", rest)
}

// write is a pending one: a value, or the removal of a key. before says
// whether the snapshot has the key.
type write struct {
	value        []byte
	gone, before bool
}

// layer holds pending writes in key order.
type layer struct {
	writes map[string]write
	keys   []string
	bytes  int
}

func newLayer() *layer { return &layer{writes: map[string]write{}} }

func (l *layer) set(key string, w write) {
	old, found := l.writes[key]
	if !found {
		at, _ := slices.BinarySearch(l.keys, key)
		l.keys = slices.Insert(l.keys, at, key)
		l.bytes += len(key)
	}
	if found {
		w.before = old.before
	}
	l.bytes += len(w.value) - len(old.value)
	l.writes[key] = w
}

// add lays the writes of over on top.
func (l *layer) add(over *layer) {
	for _, k := range over.keys {
		l.set(k, over.writes[k])
	}
}

// pending is a write with its key.
type pending struct {
	key string
	write
}

// span collects the pending writes within b, in the order of the scan; those of
// a later layer hide those of an earlier one.
func span(b bounds, layers ...*layer) []pending {
	var out []pending
	for i, l := range layers {
		if l == nil {
			continue
		}
		at, _ := slices.BinarySearch(l.keys, string(b.low))
		for _, k := range l.keys[at:] {
			if !b.holds([]byte(k)) {
				break
			}
			if !hidden(k, layers[i+1:]) {
				out = append(out, pending{k, l.writes[k]})
			}
		}
	}
	slices.SortFunc(out, func(x, y pending) int { return strings.Compare(x.key, y.key) })
	if b.reverse {
		slices.Reverse(out)
	}
	return out
}

func hidden(key string, later []*layer) bool {
	for _, l := range later {
		if l != nil {
			if _, found := l.writes[key]; found {
				return true
			}
		}
	}
	return false
}

// bounds are the keys of a scan: all with a prefix from low to high, both
// included.
type bounds struct {
	prefix, low, high []byte
	reverse           bool
}

func newBounds(prefix []byte, r Range) bounds {
	top := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, MaxKey+2)...)
	b := bounds{prefix: prefix, low: prefix, high: top, reverse: r.Reverse}
	if r.From == nil {
		return b
	}
	from := append([]byte{prefix[0]}, r.From...)
	if r.Reverse {
		if bytes.Compare(from, top) < 0 {
			b.high = from
		}
	} else if bytes.Compare(from, prefix) > 0 {
		b.low = from
	}
	return b
}

func (b bounds) holds(key []byte) bool {
	return bytes.HasPrefix(key, b.prefix) && bytes.Compare(key, b.low) >= 0 && bytes.Compare(key, b.high) <= 0
}
