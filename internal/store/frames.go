package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// A backup is a magic line, then frames: a kind, the length of the body (four
// bytes, big-endian), the body, and a CRC-32C of all three. The last frame
// holds the SHA-256 of every byte before it; nothing follows.
const (
	backupMagic = "trustme store backup 1\n"
	frameHead   = 'H' // backupHead, JSON
	frameRecord = 'R' // length of the key (two bytes), engine key, plain value
	frameBlob   = 'B' // SHA-256 of a blob whose pieces follow
	framePiece  = 'P' // the next piece of it
	frameEnd    = 'E' // backupEnd, JSON
	maxFrame    = 1 << 20
)

// frameWriter writes frames and hashes what it has written.
type frameWriter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newFrameWriter(w io.Writer) (*frameWriter, error) {
	f := &frameWriter{w: w, h: sha256.New()}
	return f, f.raw([]byte(backupMagic))
}

func (f *frameWriter) raw(b []byte) error {
	f.h.Write(b)
	f.n += int64(len(b))
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

func (f *frameWriter) frame(kind byte, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n+9)
	b = binary.BigEndian.AppendUint32(append(b, kind), uint32(n))
	for _, p := range parts {
		b = append(b, p...)
	}
	return f.raw(binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
}

// frameReader reads frames. Its errors wrap [ErrCorrupt] and give the place.
type frameReader struct {
	r   *bufio.Reader
	h   hash.Hash
	n   int64
	sum [32]byte // of everything before the frame read last
}

func newFrameReader(r io.Reader) (*frameReader, error) {
	f := &frameReader{r: bufio.NewReaderSize(r, 1<<20), h: sha256.New()}
	magic := make([]byte, len(backupMagic))
	if err := f.fill(magic); err != nil {
		return nil, err
	}
	if string(magic) != backupMagic {
		if string(magic[:len(magic)-2]) == backupMagic[:len(magic)-2] && magic[len(magic)-2] > '1' {
			return nil, fmt.Errorf("%w: the backup is of format %c, this program reads 1; use the newer program", ErrNewerVersion, magic[len(magic)-2])
		}
		return nil, fmt.Errorf("%w: this is no backup of a store", ErrCorrupt)
	}
	f.h.Write(magic)
	return f, nil
}

func (f *frameReader) fill(b []byte) error {
	n, err := io.ReadFull(f.r, b)
	f.n += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the backup is cut short at byte %d", ErrCorrupt, f.n)
	}
	if err != nil {
		return fmt.Errorf("reading the backup at byte %d: %w", f.n, err)
	}
	return nil
}

func (f *frameReader) frame() (kind byte, body []byte, err error) {
	f.sum = [32]byte(f.h.Sum(nil))
	at := f.n
	head := make([]byte, 5)
	if err := f.fill(head); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: the backup was altered at byte %d", ErrCorrupt, at)
	}
	rest := make([]byte, size+4)
	if err := f.fill(rest); err != nil {
		return 0, nil, err
	}
	body = rest[:size]
	if crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body) != binary.BigEndian.Uint32(rest[size:]) {
		return 0, nil, fmt.Errorf("%w: the backup was altered at byte %d", ErrCorrupt, at)
	}
	f.h.Write(head)
	f.h.Write(rest)
	return head[0], body, nil
}

// ended says whether nothing follows.
func (f *frameReader) ended() error {
	if _, err := f.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the end of the backup at byte %d (%v)", ErrCorrupt, f.n, err)
	}
	return nil
}
