package store

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/trust-me/trustme/internal/durable"
)

// A blob's file: a header that is sealed together with the file's name and
// holds digest, size and a random prefix; then pieces of 64 KiB, each sealed
// under prefix, number and whether it is the last. So neither a piece nor a
// file can be altered, swapped or cut unseen. The name is a MAC of the digest,
// since a digest would tell which known document is here.
const (
	blobPiece  = 64 << 10
	blobPrefix = 16
	blobHead   = sha256.Size + 8 + blobPrefix
	tempPrefix = "new-"
)

type blobFiles struct {
	dir  string
	seal sealer
}

// openBlobDir removes what an interrupted write left.
func openBlobDir(dir string, s sealer, readOnly bool) (*blobFiles, error) {
	b := &blobFiles{dir, s}
	left, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil || readOnly {
		return b, err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("opening the blobs: %w", err)
		}
	}
	return b, nil
}

func (b *blobFiles) name(digest string) string {
	return hex.EncodeToString(b.seal.tag("blob", []byte(digest)))
}

func (b *blobFiles) sealedHead() int {
	return b.seal.blob.NonceSize() + blobHead + b.seal.blob.Overhead()
}

func (b *blobFiles) put(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	f, err := os.CreateTemp(b.dir, tempPrefix+"*") // mode 0600
	if err != nil {
		return "", 0, fmt.Errorf("writing a blob: %w", err)
	}
	digest, size, err = b.fill(ctx, f, r)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(b.dir, b.name(digest)))
	}
	if err == nil {
		return digest, size, durable.SyncDir(b.dir)
	}
	if isNoSpace(err) {
		err = fmt.Errorf("%w: %v", ErrNoSpace, err)
	}
	return "", 0, errors.Join(fmt.Errorf("writing a blob: %w", err), os.Remove(f.Name()))
}

// fill writes the pieces, then the header in front of them, and syncs.
func (b *blobFiles) fill(ctx context.Context, f *os.File, r io.Reader) (string, int64, error) {
	prefix := make([]byte, blobPrefix)
	rand.Read(prefix) // never fails (crypto/rand)
	if _, err := f.Seek(int64(b.sealedHead()), io.SeekStart); err != nil {
		return "", 0, err
	}
	hash := sha256.New()
	in := io.TeeReader(r, hash)
	size, last := int64(0), false
	piece := make([]byte, blobPiece)
	for i := uint64(0); !last; i++ {
		n, err := io.ReadFull(in, piece)
		last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return "", 0, err
		}
		if err := ctx.Err(); err != nil {
			return "", 0, err
		}
		size += int64(n)
		if _, err := f.Write(b.seal.blob.Seal(nil, pieceNonce(prefix, i, last), piece[:n], nil)); err != nil {
			return "", 0, err
		}
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	head := append(binary.BigEndian.AppendUint64(hash.Sum(nil), uint64(size)), prefix...)
	nonce := make([]byte, b.seal.blob.NonceSize())
	rand.Read(nonce)
	if _, err := f.WriteAt(b.seal.blob.Seal(nonce, nonce, head, []byte(b.name(digest))), 0); err != nil {
		return "", 0, err
	}
	return digest, size, f.Sync()
}

func pieceNonce(prefix []byte, i uint64, last bool) []byte {
	n := binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), i<<1)
	if last {
		n[len(n)-1] |= 1
	}
	return n
}

func (b *blobFiles) open(digest string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(b.dir, b.name(digest)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: blob %s", ErrNotFound, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("opening blob %s: %w", digest, err)
	}
	told, size, prefix, err := b.readHead(f)
	if err == nil && told != digest {
		err = fmt.Errorf("%w: it holds another content", ErrCorrupt)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening blob %s: %w", digest, err), f.Close())
	}
	return &blobReader{f: f, aead: b.seal.blob, prefix: prefix, digest: digest, left: size}, nil
}

func (b *blobFiles) readHead(f *os.File) (digest string, size int64, prefix []byte, err error) {
	sealed := make([]byte, b.sealedHead())
	if _, err := io.ReadFull(f, sealed); err != nil {
		return "", 0, nil, fmt.Errorf("%w: its header is cut short", ErrCorrupt)
	}
	n := b.seal.blob.NonceSize()
	head, err := b.seal.blob.Open(nil, sealed[:n], sealed[n:], []byte(filepath.Base(f.Name())))
	if err != nil {
		return "", 0, nil, fmt.Errorf("%w: its header was altered", ErrCorrupt)
	}
	size = int64(binary.BigEndian.Uint64(head[sha256.Size:]))
	return hex.EncodeToString(head[:sha256.Size]), size, head[sha256.Size+8:], nil
}

func (b *blobFiles) remove(digest string) error {
	err := os.Remove(filepath.Join(b.dir, b.name(digest)))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("deleting blob %s: %w", digest, err)
	}
	return nil
}

func (b *blobFiles) list() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		entries, err := os.ReadDir(b.dir)
		if err != nil {
			yield("", fmt.Errorf("listing the blobs: %w", err))
			return
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), tempPrefix) {
				continue
			}
			if digest, err := b.digestOf(e.Name()); !yield(digest, err) {
				return
			}
		}
	}
}

func (b *blobFiles) digestOf(name string) (_ string, err error) {
	f, err := os.Open(filepath.Join(b.dir, name))
	if err != nil {
		return "", fmt.Errorf("blob file %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	digest, _, _, err := b.readHead(f)
	if err != nil {
		return "", fmt.Errorf("blob file %s: %w", name, err)
	}
	return digest, nil
}

// blobReader gives out checked pieces.
type blobReader struct {
	f      *os.File
	aead   cipher.AEAD
	prefix []byte
	digest string
	i      uint64
	piece  []byte
	left   int64
	err    error
}

func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.piece) == 0 && r.err == nil {
		r.err = r.advance()
	}
	if len(r.piece) == 0 {
		return 0, r.err
	}
	n := copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}

func (r *blobReader) advance() error {
	last := r.left < blobPiece // the last piece is never full
	size := min(r.left, blobPiece)
	sealed := make([]byte, int(size)+r.aead.Overhead())
	if _, err := io.ReadFull(r.f, sealed); err != nil {
		return fmt.Errorf("%w: blob %s is cut short", ErrCorrupt, r.digest)
	}
	piece, err := r.aead.Open(nil, pieceNonce(r.prefix, r.i, last), sealed, nil)
	if err != nil {
		return fmt.Errorf("%w: blob %s was altered after %d pieces", ErrCorrupt, r.digest, r.i)
	}
	r.piece, r.i, r.left = piece, r.i+1, r.left-size
	if !last {
		return nil
	}
	if n, err := r.f.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows blob %s", ErrCorrupt, r.digest)
	}
	return io.EOF
}

func (r *blobReader) Close() error { return r.f.Close() }
