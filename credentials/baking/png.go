package baking

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

const maxChunks = 20_000

const keyword = "openbadgecredential"

var signature = []byte("\x89PNG\r\n\x1a\n")

// IsPNG reports whether b begins as a PNG.
func IsPNG(b []byte) bool { return bytes.HasPrefix(b, signature) }

type chunk struct {
	kind  string
	data  []byte
	start int // of the whole chunk
	end   int
}

// walk yields the chunks of a PNG, checking lengths, CRCs, and that IHDR is
// first and IEND last with nothing behind it.
func walk(b []byte) ([]chunk, error) {
	if len(b) > MaxImage {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(b))
	}
	if !IsPNG(b) {
		return nil, fmt.Errorf("%w: not a PNG", ErrMalformed)
	}
	var out []chunk
	for at := len(signature); at < len(b); {
		if len(b)-at < 12 {
			return nil, fmt.Errorf("%w: PNG is cut", ErrMalformed)
		}
		n := binary.BigEndian.Uint32(b[at:])
		if n > 1<<31-1 || int(n) > len(b)-at-12 {
			return nil, fmt.Errorf("%w: a PNG chunk is longer than the file", ErrMalformed)
		}
		end := at + 12 + int(n)
		c := chunk{kind: string(b[at+4 : at+8]), data: b[at+8 : end-4], start: at, end: end}
		if crc32.ChecksumIEEE(b[at+4:end-4]) != binary.BigEndian.Uint32(b[end-4:]) {
			return nil, fmt.Errorf("%w: a PNG chunk with a wrong checksum", ErrMalformed)
		}
		if out = append(out, c); len(out) > maxChunks {
			return nil, fmt.Errorf("%w: more than %d PNG chunks", ErrLimit, maxChunks)
		}
		at = end
		if c.kind == "IEND" {
			if at != len(b) {
				return nil, fmt.Errorf("%w: data behind the end of the PNG", ErrMalformed)
			}
			break
		}
	}
	if len(out) < 2 || out[0].kind != "IHDR" || len(out[0].data) != 13 || out[len(out)-1].kind != "IEND" {
		return nil, fmt.Errorf("%w: PNG without beginning or end", ErrMalformed)
	}
	return out, nil
}

// isOurs reports whether a text chunk carries our keyword, and returns what
// follows it.
func isOurs(c chunk) ([]byte, bool) {
	if c.kind != "iTXt" && c.kind != "tEXt" && c.kind != "zTXt" {
		return nil, false
	}
	return bytes.CutPrefix(c.data, []byte(keyword+"\x00"))
}

// extractPNG returns the text of the one iTXt chunk of ours.
func extractPNG(b []byte) ([]byte, error) {
	chunks, err := walk(b)
	if err != nil {
		return nil, err
	}
	var found []byte
	for _, c := range chunks {
		rest, ok := isOurs(c)
		if !ok {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: two chunks %s", ErrAmbiguous, keyword)
		}
		if c.kind != "iTXt" {
			return nil, fmt.Errorf("%w: the credential must be in an iTXt chunk, not %s", ErrMalformed, c.kind)
		}
		if found, err = text(rest); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, ErrNone
	}
	return found, nil
}

// text reads compression flag and method, language and translated keyword,
// then the text (PNG §11.3.3.4). The specification forbids compression.
func text(rest []byte) ([]byte, error) {
	if len(rest) < 2 {
		return nil, fmt.Errorf("%w: iTXt chunk is cut", ErrMalformed)
	}
	if rest[0] != 0 {
		return nil, fmt.Errorf("%w: the credential is compressed, which Open Badges 3.0 §5.3.1 forbids", ErrMalformed)
	}
	rest = rest[2:]
	for range 2 {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return nil, fmt.Errorf("%w: iTXt chunk is cut", ErrMalformed)
		}
		rest = rest[i+1:]
	}
	if len(rest) == 0 {
		return nil, ErrNone
	}
	if len(rest) > MaxCredential {
		return nil, fmt.Errorf("%w: a credential of %d bytes", ErrLimit, len(rest))
	}
	return bytes.Clone(rest), nil
}

// bakePNG puts a chunk behind IHDR; one that is there already is replaced.
func bakePNG(b, credential []byte) ([]byte, error) {
	chunks, err := walk(b)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(b[:chunks[0].end])
	data := slices.Concat([]byte(keyword), []byte{0, 0, 0, 0, 0}, credential)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	from := len(out)
	out = append(append(out, "iTXt"...), data...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[from:]))
	for _, c := range chunks[1:] {
		if _, ours := isOurs(c); !ours {
			out = append(out, b[c.start:c.end]...)
		}
	}
	return out, nil
}
