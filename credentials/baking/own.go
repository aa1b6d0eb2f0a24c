package baking

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"strings"
)

// Bounds on an image that a badge brings: each badge carries a copy, so that it
// shows without its issuer.
const (
	MaxOwn      = 32 << 10 // bytes
	minOwnPixel = 64
	maxOwnPixel = 2000
)

// ErrOwn says that an image cannot be that of a badge.
var ErrOwn = errors.New("not fit to be the image of a badge")

const dataPNG = "data:image/png;base64,"

// CheckOwn refuses what cannot be the image of a badge: it is a square PNG of
// 64 to 2000 pixels a side and at most [MaxOwn] bytes that holds no credential.
// The error wraps [ErrOwn] and says what to do.
func CheckOwn(b []byte) error {
	if len(b) > MaxOwn {
		return fmt.Errorf("%w: it has %d bytes, and each badge carries a copy; bring it to %d, such as 400 pixels a side with few colours", ErrOwn, len(b), MaxOwn)
	}
	if !IsPNG(b) {
		return fmt.Errorf("%w: it is no PNG; save it as one", ErrOwn)
	}
	size, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%w: %v; save it again as a PNG", ErrOwn, err)
	}
	if size.Width != size.Height || size.Width < minOwnPixel || size.Width > maxOwnPixel {
		return fmt.Errorf("%w: it is %d by %d pixels; make it square, %d to %d pixels a side", ErrOwn, size.Width, size.Height, minOwnPixel, maxOwnPixel)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		return fmt.Errorf("%w: %v; save it again as a PNG", ErrOwn, err)
	}
	chunks, err := walk(b)
	if err != nil {
		return fmt.Errorf("%w: %v; save it again as a PNG", ErrOwn, err)
	}
	for _, c := range chunks {
		if _, ours := isOurs(c); ours {
			return fmt.Errorf("%w: a credential is baked into it; use the image without one", ErrOwn)
		}
	}
	return nil
}

// DataURL returns an image as a badge carries it.
func DataURL(own []byte) string { return dataPNG + base64.StdEncoding.EncodeToString(own) }

// FromDataURL returns the bytes of a PNG in a data: URL, whether it is fit to
// be an image of a badge or not. The error wraps [ErrOwn].
func FromDataURL(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, dataPNG)
	if !ok {
		return nil, fmt.Errorf("%w: it is no %s", ErrOwn, strings.TrimSuffix(dataPNG, ","))
	}
	if len(text) > base64.StdEncoding.EncodedLen(MaxOwn) {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrOwn, MaxOwn)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrOwn, err)
	}
	return b, nil
}

// OwnImage returns the PNG that the image of a badge is, given its id: one that
// it carries and that [CheckOwn] takes; nil for any other, since images
// elsewhere are not fetched.
func OwnImage(id string) []byte {
	b, err := FromDataURL(id)
	if err != nil || CheckOwn(b) != nil {
		return nil
	}
	return b
}

// ownSVG frames a PNG.
func ownSVG(own []byte, name string) []byte {
	var title bytes.Buffer
	if err := xml.EscapeText(&title, []byte(name)); err != nil {
		title.Reset() // a bytes.Buffer does not fail; the title is an aid only
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img"><title>%s</title><image width="%d" height="%d" href="%s"/></svg>`+"\n",
		imageSize, imageSize, imageSize, imageSize, title.String(), imageSize, imageSize, DataURL(own))
}
