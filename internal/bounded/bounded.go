// Package bounded keeps what is dear to make again, up to a number of them.
package bounded

import (
	"sync"
	"sync/atomic"
)

// Map is a map for many goroutines that holds at most so many entries. A new
// one beyond that makes it forget all: what is in use is soon back, and a
// stranger who floods it gains nothing but that. Make one with [NewMap].
type Map[K comparable, V any] struct {
	mu   sync.RWMutex
	m    map[K]V
	most int
}

// NewMap returns an empty map of at most so many entries.
func NewMap[K comparable, V any](most int) *Map[K, V] {
	return &Map[K, V]{m: map[K]V{}, most: most}
}

// Get returns the value of a key.
func (b *Map[K, V]) Get(k K) (V, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, ok := b.m[k]
	return v, ok
}

// Put sets the value of a key.
func (b *Map[K, V]) Put(k K, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room(k)
	b.m[k] = v
}

// Update sets the value of a key to what f makes of the one that is there, and
// returns it.
func (b *Map[K, V]) Update(k K, f func(old V, ok bool) V) V {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.m[k]
	v := f(old, ok)
	b.room(k)
	b.m[k] = v
	return v
}

func (b *Map[K, V]) room(k K) {
	if _, there := b.m[k]; !there && len(b.m) >= b.most {
		clear(b.m)
	}
}

// Len returns how many entries there are.
func (b *Map[K, V]) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.m)
}

// Twice tells what comes back from what comes once: of a stream in which much
// is new each time, what is kept is then worth its place. It may forget, and
// holds digests alone. The zero value has seen nothing.
type Twice struct {
	seen [1 << 10]atomic.Uint64
}

// Again notes a digest and reports whether it was noted before.
func (t *Twice) Again(digest uint64) bool {
	return t.seen[digest%uint64(len(t.seen))].Swap(digest) == digest
}
