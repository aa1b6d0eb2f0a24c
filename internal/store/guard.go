package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// The engine trusts the end of its files: it cuts a log at the first bad entry
// and forgets tables that its MANIFEST no longer names. Both are right after a
// crash and wrong after damage, so the difference is told here, before the
// engine touches anything.

// manifestWatch follows the engine's MANIFEST, which only grows until it is
// written anew. size and the hash cover whole entries that are synced.
type manifestWatch struct {
	path string
	info os.FileInfo
	size uint64
	h    hash.Hash
}

func (w *manifestWatch) sum() [32]byte {
	if w.h == nil {
		return [32]byte{}
	}
	return [32]byte(w.h.Sum(nil))
}

// advance takes in what was added. It costs one stat when nothing was.
func (w *manifestWatch) advance() (err error) {
	info, err := os.Stat(w.path)
	if err != nil {
		return fmt.Errorf("watching the engine's tables: %w", err)
	}
	if w.info != nil && os.SameFile(w.info, info) && uint64(info.Size()) == w.size {
		return nil
	}
	f, err := os.Open(w.path)
	if err != nil {
		return fmt.Errorf("watching the engine's tables: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return fmt.Errorf("watching the engine's tables: %w", err)
	}
	if w.info == nil || !os.SameFile(w.info, info) {
		w.size, w.h = 0, sha256.New()
	}
	w.info = info
	rest, err := io.ReadAll(io.NewSectionReader(f, int64(w.size), info.Size()-int64(w.size)))
	if err != nil {
		return fmt.Errorf("watching the engine's tables: %w", err)
	}
	if err := f.Sync(); err != nil { // its end may still be on the way to the disk
		return fmt.Errorf("watching the engine's tables: %w", err)
	}
	whole := rest[:wholeEntries(rest, w.size == 0)]
	w.h.Write(whole)
	w.size += uint64(len(whole))
	return nil
}

// wholeEntries returns the length of the complete entries of a MANIFEST:
// length, CRC-32C, body. The file begins with eight bytes of magic.
func wholeEntries(b []byte, start bool) int {
	n := 0
	if start {
		n = 8
	}
	for len(b) >= n+8 {
		size := int(binary.BigEndian.Uint32(b[n:]))
		if size > len(b)-n-8 || crc32.Checksum(b[n+8:n+8+size], castagnoli) != binary.BigEndian.Uint32(b[n+4:]) {
			break
		}
		n += 8 + size
	}
	return min(n, len(b))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openEngineFiles checks the files whose damage the engine would take for the
// end of a log. The error wraps [ErrCorrupt] or [ErrTruncated].
func openEngineFiles(dir string, told headInfo, s sealer) (manifestWatch, error) {
	w := manifestWatch{path: filepath.Join(dir, "MANIFEST")}
	raw, err := os.ReadFile(w.path)
	if errors.Is(err, os.ErrNotExist) {
		if told.commits > 0 {
			return w, fmt.Errorf("%w: %s is missing, and with it %d commits; restore the directory from a backup", ErrTruncated, w.path, told.commits)
		}
		return w, nil
	}
	if err != nil {
		return w, fmt.Errorf("opening the store: %w", err)
	}
	m, whole, err := readManifest(w.path)
	if err != nil {
		return w, err
	}
	if !whole && !continues(raw, told) { // nor was it written anew just before the process ended
		return w, fmt.Errorf("%w: %s; restore the directory from a backup", ErrCorrupt, w.path)
	}
	return w, errors.Join(checkTables(dir, m, s), checkLogs(dir))
}

// continues says whether a MANIFEST begins as HEAD remembers it.
func continues(raw []byte, told headInfo) bool {
	if told.manifestSize == 0 {
		return true
	}
	return uint64(len(raw)) >= told.manifestSize && sha256.Sum256(raw[:told.manifestSize]) == told.manifestHash
}

// checkLogs walks the write-ahead logs that were full: only the newest may end
// in the middle of an entry, and what it lacks is seen by the count of commits.
func checkLogs(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil || len(logs) < 2 {
		return err
	}
	slices.Sort(logs)
	for _, path := range logs[:len(logs)-1] {
		whole, err := wholeLog(path)
		if err != nil {
			return fmt.Errorf("opening the store: %w", err)
		}
		if !whole {
			return fmt.Errorf("%w: %s; restore the directory from a backup", ErrCorrupt, path)
		}
	}
	return nil
}

// wholeLog says whether nothing but zeros follows the last good entry of a
// log: 20 bytes of header, then entries of two bytes of flags, three varints
// (key length, value length, expiry), key, value and a CRC-32C of it all.
func wholeLog(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	if _, err := r.Discard(20); err != nil {
		return errors.Is(err, io.EOF), nil // empty
	}
	for {
		head, err := r.Peek(2 + 3*binary.MaxVarintLen64)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		n, ok := entrySize(head)
		if !ok {
			return onlyZeros(r)
		}
		entry, err := r.Peek(n)
		if err != nil || crc32.Checksum(entry[:n-4], castagnoli) != binary.BigEndian.Uint32(entry[n-4:]) {
			return onlyZeros(r)
		}
		if _, err := r.Discard(n); err != nil {
			return false, err
		}
	}
}

func entrySize(head []byte) (int, bool) {
	if len(head) < 5 {
		return 0, false
	}
	n := 2
	var lens [3]uint64
	for i := range lens {
		v, used := binary.Uvarint(head[min(n, len(head)):])
		if used <= 0 {
			return 0, false
		}
		lens[i], n = v, n+used
	}
	if lens[0] == 0 || lens[0] > 2*MaxKey || lens[1] > 2*MaxValue {
		return 0, false
	}
	return n + int(lens[0]+lens[1]) + 4, true
}

func onlyZeros(r io.Reader) (bool, error) {
	buf := make([]byte, 64<<10)
	zero := make([]byte, len(buf))
	for {
		n, err := r.Read(buf)
		if !bytes.Equal(buf[:n], zero[:n]) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}
