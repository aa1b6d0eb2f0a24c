package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
)

// blobStore keeps contents under their SHA-256, in hexadecimal.
type blobStore interface {
	put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
	open(digest string) (io.ReadCloser, error)
	remove(digest string) error
	// list yields the digests of all blobs, or why one cannot be told.
	list() iter.Seq2[string, error]
}

// PutBlob keeps the content of r and returns its SHA-256 in hexadecimal and
// its size in bytes. Once it returns nil the blob is on disk, so that a
// transaction may name it; a blob that nobody names is waste, not damage.
// Putting the same content again is no error. The error wraps [ErrNoSpace].
func (db *DB) PutBlob(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	if !db.writable() {
		return "", 0, ErrReadOnly
	}
	if err := db.enter(); err != nil {
		return "", 0, err
	}
	defer db.leave()
	if err := db.roomToWrite(); err != nil {
		return "", 0, err
	}
	return db.blobs.put(ctx, &guardedReader{db: db, r: r})
}

// guardedReader asks for free space as the content flows.
type guardedReader struct {
	db *DB
	r  io.Reader
	n  int
}

func (g *guardedReader) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if g.n += n; g.n > 8<<20 {
		g.n = 0
		if room := g.db.roomToWrite(); room != nil {
			return 0, room
		}
	}
	return n, err
}

// OpenBlob reads a blob. Every piece is checked before it is given out; the
// reader's error wraps [ErrCorrupt] where the content is not what was put, and
// what was read before is good. The error wraps [ErrNotFound].
func (db *DB) OpenBlob(digest string) (io.ReadCloser, error) {
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	return db.blobs.open(digest)
}

// DeleteBlob removes a blob; a missing one is no error. Remove the records
// that name it first, in a transaction, and mind that equal contents share one
// blob. While a backup runs it waits.
func (db *DB) DeleteBlob(digest string) error {
	if err := checkDigest(digest); err != nil {
		return err
	}
	if !db.writable() {
		return ErrReadOnly
	}
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	db.keep.Lock()
	defer db.keep.Unlock()
	return db.blobs.remove(digest)
}

func checkDigest(digest string) error {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != digest {
		return fmt.Errorf("%w: %q is no SHA-256 in lower-case hexadecimal", ErrNotFound, digest)
	}
	return nil
}

// memoryBlobs keeps blobs as long as the store is open.
type memoryBlobs struct {
	mu sync.Mutex
	m  map[string][]byte
}

func newMemoryBlobs() *memoryBlobs { return &memoryBlobs{m: map[string][]byte{}} }

func (b *memoryBlobs) put(ctx context.Context, r io.Reader) (string, int64, error) {
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return "", 0, fmt.Errorf("writing a blob: %w", err)
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[digest] = raw
	return digest, int64(len(raw)), nil
}

func (b *memoryBlobs) open(digest string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	raw, ok := b.m[digest]
	if !ok {
		return nil, fmt.Errorf("%w: blob %s", ErrNotFound, digest)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

func (b *memoryBlobs) remove(digest string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.m, digest)
	return nil
}

func (b *memoryBlobs) list() iter.Seq2[string, error] {
	b.mu.Lock()
	digests := slices.Sorted(maps.Keys(b.m))
	b.mu.Unlock()
	return func(yield func(string, error) bool) {
		for _, d := range digests {
			if !yield(d, nil) {
				return
			}
		}
	}
}
