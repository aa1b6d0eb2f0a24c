package status

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
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

// at returns entry i of a list whose entries have size bits.
func (b Bitmap) at(i, size int) (uint32, error) {
	if n := b.Len() / size; i < 0 || i >= n {
		return 0, fmt.Errorf("%w: %d of %d", ErrRange, i, n)
	}
	first := i * size
	return uint32(b[first/8]>>(8-size-first%8)) & (1<<size - 1), nil
}

// writers are kept, since each holds 800 KB.
var writers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// Encode returns the encodedList: gzip in base64url with the prefix u (§3.3).
// Equal lists give equal text.
func Encode(bits Bitmap) (string, error) {
	var b bytes.Buffer
	z, _ := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	z.Reset(&b)
	if _, err := z.Write(bits); err != nil {
		return "", fmt.Errorf("encoding the status list: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("encoding the status list: %w", err)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
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
	b, err := io.ReadAll(io.LimitReader(z, MaxBytes+1))
	switch {
	case len(b) > MaxBytes:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxBytes)
	case err != nil:
		return nil, fmt.Errorf("%w: encodedList: %v", ErrMalformed, err)
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: data behind the gzip stream", ErrMalformed)
	}
	return b, nil
}
