package status

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bitmap is an uncompressed list of one-bit entries. Index 0 is the most
// significant bit of byte 0 (§3.3).
type Bitmap []byte

// NewBitmap returns at least n clear entries, and never fewer than
// [MinLength].
func NewBitmap(n int) Bitmap { return make(Bitmap, (max(n, MinLength)+7)/8) }

// Len returns the number of entries.
func (b Bitmap) Len() int { return len(b) * 8 }

// Get reports whether entry i is set; an entry outside the list is not.
func (b Bitmap) Get(i int) bool {
	return i >= 0 && i < b.Len() && b[i/8]&(0x80>>(i%8)) != 0
}

// Set gives entry i a state. Like a slice, it panics outside the list.
func (b Bitmap) Set(i int, on bool) {
	if on {
		b[i/8] |= 0x80 >> (i % 8)
	} else {
		b[i/8] &^= 0x80 >> (i % 8)
	}
}

// at returns entry i of a list whose entries have size bits, 1 to [MaxSize].
// An entry may lie across two bytes.
func (b Bitmap) at(i, size int) (uint32, error) {
	if n := b.Len() / size; i < 0 || i >= n {
		return 0, fmt.Errorf("%w: %d of %d", ErrRange, i, n)
	}
	first := i * size
	two := uint32(b[first/8]) << 8
	if first/8+1 < len(b) {
		two |= uint32(b[first/8+1])
	}
	return two >> (16 - size - first%8) & (1<<size - 1), nil
}

// Encode returns the encodedList: gzip in base64url with the prefix u (§3.3).
// Equal lists give equal text.
func Encode(bits Bitmap) (string, error) {
	packed, err := pack(bits)
	if err != nil {
		return "", err
	}
	return string(appendEncoded(nil, packed)), nil
}

func appendEncoded(b, packed []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(append(b, 'u'), packed)
}

// Decode reads an encodedList. It must be one gzip member, and no more than
// [MaxBytes] are unpacked. The error wraps [ErrMalformed] or [ErrLimit].
func Decode(encoded string) (Bitmap, error) {
	text, ok := strings.CutPrefix(encoded, "u")
	if !ok {
		return nil, fmt.Errorf(`%w: encodedList must begin with the multibase prefix "u"`, ErrMalformed)
	}
	return decode(text)
}

func decode(text string) (Bitmap, error) {
	packed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: encodedList is not base64url without padding", ErrMalformed)
	}
	in := bytes.NewReader(packed)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: encodedList is not gzip: %v", ErrMalformed, err)
	}
	z.Multistream(false)
	b, err := inflate(z, packed)
	if err == nil && in.Len() > 0 {
		err = fmt.Errorf("%w: data behind the gzip stream", ErrMalformed)
	}
	return b, err
}

// maxRatio is above what deflate can pack, 1032 to 1.
const maxRatio = 1040

// inflate unpacks to the size that the last four bytes announce (RFC 1952
// §2.3.1), so that memory is taken once and a bomb is refused unopened.
func inflate(z io.Reader, packed []byte) (Bitmap, error) {
	announced := binary.LittleEndian.Uint32(packed[len(packed)-4:])
	if uint64(announced) > maxRatio*uint64(len(packed)) { // a stream that was cut announces anything
		return nil, fmt.Errorf("%w: encodedList announces %d bytes in %d", ErrMalformed, announced, len(packed))
	}
	if announced > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, announced, MaxBytes)
	}
	size := int(announced)
	b := make(Bitmap, size)
	if _, err := io.ReadFull(z, b); err != nil {
		return nil, fmt.Errorf("%w: encodedList: %v", ErrMalformed, err)
	}
	var more [1]byte
	switch n, err := io.ReadFull(z, more[:]); {
	case n > 0:
		return nil, fmt.Errorf("%w: encodedList holds more than the %d bytes that it announces", ErrMalformed, size)
	case !errors.Is(err, io.EOF): // the checksum is wrong
		return nil, fmt.Errorf("%w: encodedList: %v", ErrMalformed, err)
	}
	return b, nil
}
