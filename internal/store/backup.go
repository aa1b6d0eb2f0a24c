package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A backup is a line of text, then frames, each with a checksum, then a
// trailer with the count and the SHA-256 of everything before it. Records are
// in the clear: the caller encrypts the stream.
//
//	frame    1, key length (4), value length (4), key, value, CRC-32 of all that
//	trailer  0, info length (4), info (JSON), SHA-256 (32)

const backupMagic = "trustme-store-backup 1\n"

// BackupInfo tells what a backup holds. Head is the hash of the last fact.
type BackupInfo struct {
	Records uint64    `json:"records"`
	Facts   uint64    `json:"facts"`
	Bytes   int64     `json:"bytes"`
	Head    string    `json:"head"`
	Created time.Time `json:"created"`
}

// Backup writes a consistent copy of the store to w while it is in use.
func (db *DB) Backup(ctx context.Context, w io.Writer) (BackupInfo, error) {
	info := BackupInfo{Created: db.opt.Now().UTC()}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	err := db.View(ctx, func(tx *Tx) error {
		if _, err := out.WriteString(backupMagic); err != nil {
			return err
		}
		for _, space := range []byte{spaceData, spaceJournal} {
			for rec, err := range tx.scan([]byte{space}, Range{}) {
				if err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := writeFrame(out, rec); err != nil {
					return err
				}
				info.add(rec)
			}
		}
		head, err := tx.lastFact()
		info.Head = hex.EncodeToString(head.hash[:])
		return err
	})
	if err != nil {
		return info, fmt.Errorf("writing the backup: %w", err)
	}
	raw, err := json.Marshal(info)
	if err != nil {
		return info, err
	}
	trailer := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(raw)))
	if _, err := out.Write(append(trailer, raw...)); err != nil {
		return info, err
	}
	if err := out.Flush(); err != nil {
		return info, err
	}
	_, err = w.Write(sum.Sum(nil))
	return info, err
}

func (i *BackupInfo) add(r Record) {
	i.Bytes += int64(len(r.Key) + len(r.Value))
	if r.Key[0] == spaceJournal {
		i.Facts++
	} else {
		i.Records++
	}
}

func writeFrame(w io.Writer, r Record) error {
	b := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(r.Key)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Value)))
	b = append(append(b, r.Key...), r.Value...)
	_, err := w.Write(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
	return err
}

// summing hashes what is read through it.
type summing struct {
	r *bufio.Reader
	h hash.Hash
}

func (s summing) read(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: the backup is cut", ErrCorrupt)
		}
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
	s.h.Write(b) // never fails (hash.Hash)
	return b, nil
}

// readBackup yields every record and returns what the trailer says, once all
// of it is proven.
func readBackup(r io.Reader, each func(Record) error) (BackupInfo, error) {
	s := summing{bufio.NewReaderSize(r, 256<<10), sha256.New()}
	magic, err := s.read(len(backupMagic))
	if err != nil {
		return BackupInfo{}, err
	}
	if string(magic) != backupMagic {
		return BackupInfo{}, fmt.Errorf("%w: not a backup of a store, or one of a newer version", ErrCorrupt)
	}
	var have BackupInfo
	for {
		kind, err := s.read(1)
		if err != nil {
			return have, err
		}
		if kind[0] == 0 {
			return s.trailer(have)
		}
		rec, err := s.frame()
		if err != nil {
			return have, err
		}
		have.add(rec)
		if err := each(rec); err != nil {
			return have, err
		}
	}
}

func (s summing) frame() (Record, error) {
	lens, err := s.read(8)
	if err != nil {
		return Record{}, err
	}
	k, v := binary.BigEndian.Uint32(lens), binary.BigEndian.Uint32(lens[4:])
	if k < 2 || k > MaxKey+1 || v > MaxValue {
		return Record{}, fmt.Errorf("%w: the backup is altered", ErrCorrupt)
	}
	body, err := s.read(int(k + v))
	if err != nil {
		return Record{}, err
	}
	sum, err := s.read(4)
	if err != nil {
		return Record{}, err
	}
	c := crc32.NewIEEE()
	c.Write([]byte{1})
	c.Write(lens)
	c.Write(body)
	if c.Sum32() != binary.BigEndian.Uint32(sum) {
		return Record{}, fmt.Errorf("%w: the backup is altered", ErrCorrupt)
	}
	return Record{body[:k:k], body[k:]}, nil
}

func (s summing) trailer(have BackupInfo) (BackupInfo, error) {
	n, err := s.read(4)
	if err != nil {
		return have, err
	}
	if binary.BigEndian.Uint32(n) > 4096 {
		return have, fmt.Errorf("%w: the backup is altered", ErrCorrupt)
	}
	raw, err := s.read(int(binary.BigEndian.Uint32(n)))
	if err != nil {
		return have, err
	}
	want := s.h.Sum(nil)
	got, err := s.read(len(want))
	if err != nil {
		return have, err
	}
	var told BackupInfo
	if json.Unmarshal(raw, &told) != nil || string(got) != string(want) || told.Records != have.Records || told.Facts != have.Facts || told.Bytes != have.Bytes {
		return have, fmt.Errorf("%w: the backup is altered", ErrCorrupt)
	}
	if _, err := s.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("%w: data behind the end of the backup", ErrCorrupt)
		}
		return told, err
	}
	return told, nil
}

// VerifyBackup proves that a backup is whole, without restoring it.
func VerifyBackup(r io.Reader) (BackupInfo, error) {
	return readBackup(r, func(Record) error { return nil })
}

// Restore makes a store in dir, which must not exist or be empty, from a
// backup. It is written beside dir, checked as a whole, journal chain
// included, and put in its place when it is right; otherwise nothing stays.
func Restore(ctx context.Context, dir string, r io.Reader, o Options) (info BackupInfo, err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return info, fmt.Errorf("%w: %s is not empty", ErrExists, dir)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o700); err != nil {
		return info, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".restoring-*")
	if err != nil {
		return info, fmt.Errorf("restoring: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if info, err = restoreInto(ctx, tmp, r, o); err != nil {
		return info, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return info, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return info, err
	}
	return info, syncDir(filepath.Dir(filepath.Clean(dir)))
}

func restoreInto(ctx context.Context, dir string, r io.Reader, o Options) (BackupInfo, error) {
	db, err := Open(dir, o)
	if err != nil {
		return BackupInfo{}, err
	}
	info, err := db.load(ctx, r)
	if err := errors.Join(err, db.Close()); err != nil {
		return info, err
	}
	db, err = Open(dir, o) // the journal's head is taken over from what was loaded
	if err != nil {
		return info, err
	}
	err = db.View(ctx, func(tx *Tx) error {
		head := ""
		for f, err := range tx.Facts(1) {
			if err != nil {
				return err
			}
			head = f.Hash
		}
		if info.Facts > 0 && head != info.Head {
			return fmt.Errorf("%w: the journal does not end as the backup says", ErrCorrupt)
		}
		return nil
	})
	return info, errors.Join(err, db.Close())
}

// load writes the records of a backup in transactions of bounded size.
func (db *DB) load(ctx context.Context, r io.Reader) (BackupInfo, error) {
	batch := map[string]*write{}
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := db.Update(ctx, func(tx *Tx) error {
			for k, w := range batch {
				tx.over[k] = w
			}
			return nil
		})
		batch, size = map[string]*write{}, 0
		return err
	}
	info, err := readBackup(r, func(rec Record) error {
		if rec.Key[0] != spaceData && rec.Key[0] != spaceJournal {
			return fmt.Errorf("%w: the backup is altered", ErrCorrupt)
		}
		batch[string(rec.Key)] = &write{value: rec.Value}
		if size += len(rec.Key) + len(rec.Value) + 64; size > groupBytes/2 || len(batch) >= groupWrites/2 {
			return flush()
		}
		return nil
	})
	if err != nil {
		return info, err
	}
	return info, flush()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
