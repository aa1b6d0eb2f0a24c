package catalogue

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	_ "embed"

	"go.yaml.in/yaml/v3"
)

//go:embed openbadges.fr.yaml
var openBadgesFrench []byte

// ShippedTranslations are the translations of [OpenBadges].
func ShippedTranslations() []File { return []File{{"openbadges.fr.yaml", openBadgesFrench}} }

// File is the file of a translation. Its name ends in the language and .yaml:
// openbadges.fr.yaml.
type File struct {
	Name string `json:"name"`
	Raw  []byte `json:"raw"`
}

// language is the one that the file's name says.
func (f File) language() string {
	stem := strings.TrimSuffix(f.Name, filepath.Ext(f.Name))
	return strings.TrimPrefix(filepath.Ext(stem), ".")
}

// Pack writes the files of the translations as one compressed document, to be
// kept beside the catalogue's own; [Unpack] reads it.
func (c *Catalogue) Pack() ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	err := json.NewEncoder(z).Encode(c.Files())
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}

// maxPacked bounds what Unpack reads.
const maxPacked = 2 * MaxTranslations * MaxSize

// Unpack reads a catalogue that was kept, with what [Catalogue.Pack] wrote;
// nil for one that was kept before there were translations.
func Unpack(raw, packed []byte) (*Catalogue, error) {
	var files []File
	if packed != nil {
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err == nil {
			err = json.NewDecoder(io.LimitReader(z, maxPacked)).Decode(&files)
		}
		if err != nil {
			return nil, refusef("its translations, as they were kept, cannot be read: %v", err)
		}
	}
	return Parse(raw, files...)
}

// isCatalogue tells a catalogue of its own, such as welding.new.yaml, which is
// left out, from a translation that keeps too much of the catalogue that it was
// copied from, which is a mistake.
func (f File) isCatalogue() bool {
	var head struct{ Version, Language string }
	return yaml.Unmarshal(f.Raw, &head) == nil && head.Version != "" && head.Language != f.language()
}

// MaxTranslations bounds the translations of a catalogue.
const MaxTranslations = 50

// Beside reads the translations that lie beside a catalogue's file: of
// NAME.yaml every NAME.LANGUAGE.yaml.
func Beside(path string) ([]File, error) {
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), ext)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("looking for translations: %w", err)
	}
	var out []File
	for _, e := range entries {
		f := File{Name: e.Name()}
		if e.IsDir() || !strings.HasPrefix(f.Name, stem+".") || filepath.Ext(f.Name) != ext || f.Name != stem+"."+f.language()+ext || !languageLike.MatchString(f.language()) {
			continue
		}
		if f.Raw, err = readFile(filepath.Join(filepath.Dir(path), f.Name)); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// languageLike is what is taken for a language in the name of a file: more
// than there are, so that a wrong one is told and not passed over.
var languageLike = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// readFile reads a file up to a byte more than a catalogue may have.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the catalogue: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	return raw, nil
}

// decode reads the one document of a file strictly. what it is to hold, and how
// that begins, is said where it holds nothing.
func decode(raw []byte, into any, what, begin string) []Problem {
	if len(raw) > MaxSize {
		return []Problem{{Message: fmt.Sprintf("the file is larger than %d bytes", MaxSize), Fix: "make two catalogues of it"}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(into); errors.Is(err, io.EOF) {
		return []Problem{{Line: 1, Message: "the file holds no " + what, Fix: "begin with the keys " + begin}}
	} else if err != nil {
		return fromYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return []Problem{{Message: "the file holds more than one document", Fix: "keep one " + what + " a file"}}
	}
	return nil
}

// translate reads the files of translations and puts those without a mistake
// into the catalogue.
func (c *Catalogue) translate(files []File) (out []Problem) {
	if len(files) > MaxTranslations {
		return []Problem{{Message: fmt.Sprintf("the catalogue has %d translations; there are at most %d", len(files), MaxTranslations), Fix: "remove some"}}
	}
	for _, f := range files {
		t := &Translation{file: f}
		if len(f.Raw) > MaxSize {
			out = append(out, Problem{File: f.Name, Message: fmt.Sprintf("the file is larger than %d bytes", MaxSize), Fix: "shorten its texts"})
			continue
		}
		if f.isCatalogue() {
			out = append(out, Problem{File: f.Name, Warning: true, Message: "the file is a catalogue, and named as a translation of " + c.Slug + " would be", Fix: "rename it; it is left out here"})
			continue
		}
		found := decode(f.Raw, t, "translation", "catalogue, language and achievements")
		if found == nil {
			found = c.lintTranslation(t)
		}
		if !slices.ContainsFunc(found, Problem.fatal) {
			c.translations = append(c.translations, t)
		}
		for _, p := range found {
			p.File = f.Name
			out = append(out, p)
		}
	}
	slices.SortFunc(c.translations, func(a, b *Translation) int { return strings.Compare(a.Language, b.Language) })
	return out
}
