package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// BackupInfo tells what a backup holds.
type BackupInfo struct {
	Created time.Time `json:"created"`
	Records uint64    `json:"records"` // records and members of collections
	Facts   uint64    `json:"facts"`   // of the journal
	Head    string    `json:"head"`    // hash of the last fact, in hexadecimal
	Blobs   uint64    `json:"blobs"`
	Bytes   int64     `json:"-"` // of the backup
}

// backupHead is the first frame, the state as the snapshot has it.
type backupHead struct {
	Created time.Time `json:"created"`
	Commits uint64    `json:"commits"`
	Keys    uint64    `json:"keys"`
	Records uint64    `json:"records"`
	Facts   uint64    `json:"facts"`
	Head    string    `json:"head"`
}

// backupEnd is the last frame.
type backupEnd struct {
	Keys   uint64 `json:"keys"`
	Blobs  uint64 `json:"blobs"`
	Digest string `json:"digest"` // SHA-256 of everything before this frame
}

// Backup writes a consistent copy of the store to w while it is in use, blobs
// included. Its content is not encrypted, so that it can be restored under
// another key: give it a w that encrypts. The error wraps [ErrCorrupt] and
// names the record when one is damaged; such a backup is not finished.
func (db *DB) Backup(ctx context.Context, w io.Writer) (BackupInfo, error) {
	var info BackupInfo
	db.keep.RLock()
	defer db.keep.RUnlock()
	err := db.View(ctx, func(tx *Tx) error {
		st, err := tx.state()
		if err != nil {
			return err
		}
		info = BackupInfo{Created: db.opt.Now().UTC(), Records: st.records, Facts: st.facts, Head: hex.EncodeToString(st.factHash[:])}
		f, err := newFrameWriter(w)
		if err != nil {
			return err
		}
		head, err := json.Marshal(backupHead{info.Created, st.commits, st.keys, st.records, st.facts, info.Head})
		if err != nil {
			return fmt.Errorf("writing the backup: %w", err)
		}
		if err := f.frame(frameHead, head); err != nil {
			return err
		}
		keys, err := tx.backupRecords(ctx, f)
		if err == nil && keys != st.keys {
			err = fmt.Errorf("%w: %d records are there and %d were written; run fsck", ErrTruncated, keys, st.keys)
		}
		if err == nil {
			info.Blobs, err = db.backupBlobs(ctx, f)
		}
		if err != nil {
			return err
		}
		end, err := json.Marshal(backupEnd{keys, info.Blobs, hex.EncodeToString(f.h.Sum(nil))})
		if err != nil {
			return fmt.Errorf("writing the backup: %w", err)
		}
		err = f.frame(frameEnd, end)
		info.Bytes = f.n
		return err
	})
	return info, err
}

func (tx *Tx) backupRecords(ctx context.Context, f *frameWriter) (uint64, error) {
	n := uint64(0)
	for _, space := range spaces {
		if space == spaceState {
			continue
		}
		for rec, err := range tx.scan([]byte{space}, Range{}) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return n, err
			}
			size := binary.BigEndian.AppendUint16(nil, uint16(len(rec.Key)))
			if err := f.frame(frameRecord, size, rec.Key, rec.Value); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

func (db *DB) backupBlobs(ctx context.Context, f *frameWriter) (uint64, error) {
	n := uint64(0)
	for digest, err := range db.blobs.list() {
		if err != nil {
			return n, err
		}
		if err := db.backupBlob(ctx, f, digest); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (db *DB) backupBlob(ctx context.Context, f *frameWriter, digest string) (err error) {
	raw, err := hex.DecodeString(digest)
	if err != nil {
		return fmt.Errorf("%w: blob %s", ErrCorrupt, digest)
	}
	r, err := db.blobs.open(digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := f.frame(frameBlob, raw); err != nil {
		return err
	}
	piece := make([]byte, blobPiece)
	for {
		n, err := io.ReadFull(r, piece)
		if n > 0 {
			if err := f.frame(framePiece, piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ctx.Err()
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// VerifyBackup reads a backup to its end and says what it holds. The error
// wraps [ErrCorrupt] when it was cut or altered, or [ErrNewerVersion].
func VerifyBackup(r io.Reader) (BackupInfo, error) {
	return readBackup(context.Background(), r, func(_, _ []byte) error { return nil }, discardBlob)
}

func discardBlob(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// backupReader checks a backup while others take what it holds.
type backupReader struct {
	f     *frameReader
	head  backupHead
	keys  uint64
	blobs uint64
	last  []byte // key
	chain [32]byte
	facts uint64
	recs  uint64
	held  *heldFrame
}

type heldFrame struct {
	kind byte
	body []byte
}

// readBackup reads a backup, giving every record to record and every blob to
// blob, which returns the digest of what it read.
func readBackup(ctx context.Context, r io.Reader, record func(key, value []byte) error, blob func(io.Reader) (string, error)) (BackupInfo, error) {
	f, err := newFrameReader(r)
	if err != nil {
		return BackupInfo{}, err
	}
	b := &backupReader{f: f}
	kind, body, err := f.frame()
	if err == nil && (kind != frameHead || json.Unmarshal(body, &b.head) != nil) {
		err = fmt.Errorf("%w: the backup does not begin with its head", ErrCorrupt)
	}
	for err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		if kind, body, err = b.next(); err != nil {
			break
		}
		switch kind {
		case frameRecord:
			err = b.record(body, record)
		case frameBlob:
			err = b.blob(body, blob)
		case frameEnd:
			return b.end(body)
		default:
			err = fmt.Errorf("%w: a frame of kind %q stands at byte %d of the backup", ErrCorrupt, kind, f.n)
		}
	}
	return BackupInfo{}, err
}

func (b *backupReader) next() (byte, []byte, error) {
	if h := b.held; h != nil {
		b.held = nil
		return h.kind, h.body, nil
	}
	return b.f.frame()
}

func (b *backupReader) record(body []byte, take func(key, value []byte) error) error {
	if len(body) < 2 || len(body) < 2+int(binary.BigEndian.Uint16(body)) {
		return fmt.Errorf("%w: a record is cut at byte %d of the backup", ErrCorrupt, b.f.n)
	}
	n := 2 + int(binary.BigEndian.Uint16(body))
	key, value := body[2:n], body[n:]
	if len(key) < 2 || len(key) > MaxKey+1 || len(value) > MaxValue || !bytes.Contains(spaces, key[:1]) || key[0] == spaceState || bytes.Compare(key, b.last) <= 0 {
		return fmt.Errorf("%w: a record stands where it cannot at byte %d of the backup", ErrCorrupt, b.f.n)
	}
	b.last = key
	b.keys++
	if isRecord(string(key)) {
		b.recs++
	}
	if key[0] == spaceJournal {
		if _, err := readFact(Record{key, value}, b.facts+1, hexOf(b.chain)); err != nil {
			return &FactError{b.facts + 1, err}
		}
		b.facts, b.chain = b.facts+1, sha256.Sum256(value)
	}
	return take(key, value)
}

func (b *backupReader) blob(want []byte, take func(io.Reader) (string, error)) error {
	digest, err := take(&pieceReader{b: b})
	if err != nil {
		return err
	}
	if digest != hex.EncodeToString(want) {
		return fmt.Errorf("%w: blob %x is another one in the backup", ErrCorrupt, want)
	}
	b.blobs++
	return nil
}

// pieceReader reads the pieces of one blob; the frame after them is held back.
type pieceReader struct {
	b    *backupReader
	rest []byte
}

func (p *pieceReader) Read(out []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.b.held != nil {
			return 0, io.EOF
		}
		kind, body, err := p.b.f.frame()
		if err != nil {
			return 0, err
		}
		if kind != framePiece {
			p.b.held = &heldFrame{kind, body}
			return 0, io.EOF
		}
		p.rest = body
	}
	n := copy(out, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// end compares the last frame with what was read.
func (b *backupReader) end(body []byte) (BackupInfo, error) {
	var e backupEnd
	if err := json.Unmarshal(body, &e); err != nil {
		return BackupInfo{}, fmt.Errorf("%w: the end of the backup: %v", ErrCorrupt, err)
	}
	var wrong []string
	for name, differs := range map[string]bool{
		"digest":  e.Digest != hex.EncodeToString(b.f.sum[:]),
		"keys":    e.Keys != b.keys || b.head.Keys != b.keys,
		"records": b.head.Records != b.recs,
		"facts":   b.head.Facts != b.facts,
		"head":    b.head.Head != hex.EncodeToString(b.chain[:]),
		"blobs":   e.Blobs != b.blobs,
	} {
		if differs {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		return BackupInfo{}, fmt.Errorf("%w: the backup's end does not fit what it holds: %s", ErrCorrupt, strings.Join(wrong, ", "))
	}
	info := BackupInfo{b.head.Created, b.recs, b.facts, b.head.Head, b.blobs, b.f.n}
	return info, b.f.ended()
}
