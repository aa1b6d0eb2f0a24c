package application

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// media are the types that are taken, with how their bytes begin as
// [http.DetectContentType] tells it; text/plain is looked at whole.
var media = map[string]string{
	"application/pdf": "application/pdf", "application/zip": "application/zip",
	"image/png": "image/png", "image/jpeg": "image/jpeg", "image/gif": "image/gif", "image/webp": "image/webp",
	"video/mp4": "video/mp4", "video/webm": "video/webm", "audio/mpeg": "audio/mpeg", "audio/wave": "audio/wave", "application/ogg": "application/ogg",
	"text/plain": plain, "text/markdown": plain, "text/csv": plain, "application/yaml": plain, "application/json": plain,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   "application/zip",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         "application/zip",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "application/zip",
	"application/vnd.oasis.opendocument.text":                                   "application/zip",
	"application/vnd.oasis.opendocument.spreadsheet":                            "application/zip",
	"application/vnd.oasis.opendocument.presentation":                           "application/zip",
}

const plain = "text/plain"

var endings = map[string]string{
	".pdf": "application/pdf", ".zip": "application/zip", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".wav": "audio/wave", ".ogg": "application/ogg",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".yaml": "application/yaml", ".yml": "application/yaml", ".json": "application/json",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odp": "application/vnd.oasis.opendocument.presentation",
}

// MediaTypes lists the types of files that are taken.
func MediaTypes() []string { return slices.Sorted(maps.Keys(media)) }

// MediaOf tells the media type that a file's ending declares, "" for none that
// is taken.
func MediaOf(name string) string { return endings[strings.ToLower(filepath.Ext(name))] }

// CheckMedia reads a file and refuses one that is not what it is declared to
// be, with a [Refusal].
func CheckMedia(declared string, r io.Reader) error {
	want, ok := media[declared]
	if !ok {
		return refusef("%q is no type of file that is taken", declared)
	}
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the file: %w", err)
	}
	got, _, _ := strings.Cut(http.DetectContentType(head), ";")
	if want != plain {
		if got != want {
			return refusef("it is declared as %s, and its bytes are %s; declare what it is", declared, got)
		}
		return nil
	}
	if begin := strings.TrimSpace(string(head)); declared == "application/json" && !strings.HasPrefix(begin, "{") && !strings.HasPrefix(begin, "[") {
		return refusef("it is declared as application/json, and is neither an object nor a list; declare what it is")
	}
	if !strings.HasPrefix(got, "text/") {
		return refusef("it is declared as %s, and its bytes are %s; declare what it is", declared, got)
	}
	return checkText(declared, b)
}

// checkText wants UTF-8, and of JSON that it begins as an object or a list.
func checkText(declared string, b *bufio.Reader) error {
	for {
		c, n, err := b.ReadRune()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the file: %w", err)
		}
		if c == 0 || c == utf8.RuneError && n == 1 {
			return refusef("it is declared as %s, and is no text in UTF-8; declare what it is", declared)
		}
	}
}

// EndingOf returns the ending of files of a media type, "" for one that is not
// taken.
func EndingOf(media string) string {
	for _, ending := range slices.Sorted(maps.Keys(endings)) {
		if endings[ending] == media {
			return ending
		}
	}
	return ""
}
