package seal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// An archive is a backup in one file: a line of JSON that anybody may read
// (the manifest), then an age stream under a passphrase. The stream begins
// with the digest of the manifest, so that neither can be exchanged.

var (
	// ErrNotArchive says that a file is no backup of this program.
	ErrNotArchive = errors.New("not a backup of this program")
	// ErrDamaged says that a backup is not as it was written; it is an
	// [ErrAltered] too.
	ErrDamaged error = &kin{"the backup is damaged", []error{ErrAltered}}
)

// Damaged returns an error that wraps [ErrDamaged], says what is wrong and
// what to do.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s; use another copy", ErrDamaged, fmt.Sprintf(format, args...))
}

const archiveFormat = "trustme-backup"

// maxManifest bounds the first line of a stranger's file.
const maxManifest = 64 << 10

type archiveHead struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Kind     string          `json:"kind"`
	Manifest json.RawMessage `json:"manifest"`
}

// WriteArchive writes a backup: manifest is marshalled as JSON and readable
// without the passphrase; what payload writes is not.
func WriteArchive(w io.Writer, kind string, manifest any, o Options, payload func(io.Writer) error) error {
	if o.Passphrase == "" {
		return fmt.Errorf("%w: a backup needs a passphrase", ErrWrongPassphrase)
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	head, err := json.Marshal(archiveHead{archiveFormat, 1, kind, raw})
	if err != nil {
		return err
	}
	if _, err := w.Write(append(head, '\n')); err != nil {
		return err
	}
	to, err := recipient("", o)
	if err != nil {
		return err
	}
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(head)
	if _, err := sealed.Write(sum[:]); err != nil {
		return err
	}
	if err := payload(sealed); err != nil {
		return err
	}
	return sealed.Close()
}

// Archive is an opened backup. Payload ends with an error unless the whole
// stream is as it was written.
type Archive struct {
	Manifest json.RawMessage
	Payload  io.Reader
}

// ReadManifest reads the readable part alone.
func ReadManifest(r io.Reader, kind string) (json.RawMessage, error) {
	_, h, err := readHead(bufio.NewReader(r), kind)
	return h.Manifest, err
}

func readHead(r *bufio.Reader, kind string) ([]byte, archiveHead, error) {
	var h archiveHead
	line, err := io.ReadAll(io.LimitReader(&lineReader{r: r}, maxManifest))
	if err != nil {
		return nil, h, err
	}
	if json.Unmarshal(line, &h) != nil || h.Format != archiveFormat {
		return nil, h, ErrNotArchive
	}
	switch {
	case h.Version > 1:
		return nil, h, fmt.Errorf("the backup was %w (format %d); use the newer program", ErrNewer, h.Version)
	case h.Version < 1:
		return nil, h, fmt.Errorf("%w: it has no format version", ErrNotArchive)
	case h.Kind != kind:
		return nil, h, fmt.Errorf("%w: it is the backup of a %s, not of a %s", ErrNotArchive, h.Kind, kind)
	}
	return line, h, nil
}

// lineReader reads up to a newline, which it consumes.
type lineReader struct {
	r    *bufio.Reader
	done bool
}

func (l *lineReader) Read(p []byte) (int, error) {
	if l.done || len(p) == 0 {
		return 0, io.EOF
	}
	b, err := l.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if b == '\n' {
		l.done = true
		return 0, io.EOF
	}
	p[0] = b
	return 1, nil
}

// OpenArchive opens a backup. The error wraps [ErrNotArchive], [ErrNewer],
// [ErrWrongPassphrase] or [ErrDamaged].
func OpenArchive(r io.Reader, kind, passphrase string) (Archive, error) {
	br := bufio.NewReader(r)
	line, h, err := readHead(br, kind)
	if err != nil {
		return Archive{}, err
	}
	if passphrase == "" {
		return Archive{}, fmt.Errorf("%w: the backup is sealed with a passphrase; give it %s", ErrWrongPassphrase, where)
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Archive{}, err
	}
	id.SetMaxWorkFactor(22)
	plain, err := age.Decrypt(br, id)
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &noMatch):
		return Archive{}, fmt.Errorf("%w for this backup; give the one that it was made with, %s", ErrWrongPassphrase, where)
	case err != nil:
		return Archive{}, errCut
	}
	var sum [sha256.Size]byte
	if _, err := io.ReadFull(plain, sum[:]); err != nil {
		return Archive{}, errCut
	}
	if want := sha256.Sum256(line); !bytes.Equal(sum[:], want[:]) {
		return Archive{}, Damaged("its readable part was altered")
	}
	return Archive{Manifest: h.Manifest, Payload: alteredReader{plain}}, nil
}

// errCut says so in our words; those of age speak of headers and nonces.
var errCut = Damaged("it is cut or altered")

// alteredReader names what a broken stream means.
type alteredReader struct{ r io.Reader }

func (a alteredReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errCut
	}
	return n, err
}
