// Package baking puts a credential into a PNG or SVG image and takes it out
// again, byte for byte (Open Badges 3.0 §5.3). Images of strangers are walked,
// never decoded.
package baking

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	// ErrNone says that an image holds no credential.
	ErrNone = errors.New("no credential in the image")
	// ErrAmbiguous says that an image holds more than one.
	ErrAmbiguous = errors.New("more than one credential in the image")
	// ErrMalformed says that an image is not well-formed, or that what is to be
	// baked is no credential.
	ErrMalformed = errors.New("malformed image")
	// ErrLimit says that an image or its credential is too large.
	ErrLimit = errors.New("image too large")
)

// Bounds on a stranger's image, in bytes.
const (
	MaxImage      = 16 << 20
	MaxCredential = 1 << 20
)

// Extract returns the credential in a PNG or SVG, exactly as it was put in:
// JSON or a compact JWT. The error wraps one of this package.
func Extract(image []byte) ([]byte, error) {
	if IsPNG(image) {
		return extractPNG(image)
	}
	return extractSVG(image)
}

// Bake puts a credential, JSON or a compact JWT, into a PNG or SVG; one that is
// there is replaced. [Extract] gives the same bytes again, or Bake fails. The
// error wraps [ErrMalformed], [ErrAmbiguous] or [ErrLimit].
func Bake(image, credential []byte) ([]byte, error) {
	switch {
	case len(credential) > MaxCredential:
		return nil, fmt.Errorf("%w: a credential of %d bytes, at most %d", ErrLimit, len(credential), MaxCredential)
	case !isToken(credential) && !bytes.HasPrefix(bytes.TrimSpace(credential), []byte("{")) || !utf8.Valid(credential):
		return nil, fmt.Errorf("%w: a credential is a JSON object in UTF-8 or a compact JWT", ErrMalformed)
	}
	bake := bakeSVG
	if IsPNG(image) {
		bake = bakePNG
	}
	baked, err := bake(image, credential)
	if err != nil {
		return nil, err
	}
	back, err := Extract(baked)
	if err != nil {
		return nil, fmt.Errorf("reading the baked image back: %w", err)
	}
	if !bytes.Equal(back, credential) {
		return nil, fmt.Errorf("%w: it does not give the credential back byte for byte", ErrMalformed)
	}
	return baked, nil
}

// isToken reports whether b is made of the characters of a compact JWT.
func isToken(b []byte) bool {
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return len(b) > 0
}
