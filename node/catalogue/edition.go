package catalogue

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
)

// Edition is a published version of somebody's catalogue, verified: the file
// is the one that its publisher signed for.
type Edition struct {
	ID         string // address of the signed credential
	Issuer     string
	IssuerName string
	Base       string // the addresses of its achievements begin with it
	Published  time.Time
	Catalogue  *Catalogue
	Credential []byte
}

// As returns the publisher as achievements name it.
func (e Edition) As() Issuer { return Issuer{ID: e.Issuer, Name: e.IssuerName, Base: e.Base} }

// Fetch gets the catalogue published at an address, such as
// https://alder.example/openbadges, by get, and verifies its signature and the
// digests of its file and translations. The error wraps [ErrInvalid], a
// [*credentials.UndecidedError], or that of get.
func Fetch(ctx context.Context, get func(ctx context.Context, address string) ([]byte, error), v *credentials.Verifier, address string) (Edition, error) {
	address = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(address), "/"), "/catalogue.json") + "/catalogue.json"
	raw, err := get(ctx, address)
	if err != nil {
		return Edition{}, err
	}
	c, _, err := credentials.ParseAny(raw)
	if err != nil {
		return Edition{}, refusef("%s is no published catalogue: %v", address, err)
	}
	names, err := filesOf(c)
	if err != nil {
		return Edition{}, refusef("%s is no published catalogue: %v", address, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = get(ctx, name); err != nil {
			return Edition{}, err
		}
	}
	r := v.Report(ctx, raw, credentials.ReportOptions{Resources: files})
	switch {
	case r.Verdict == credentials.Undecided:
		return Edition{}, fmt.Errorf("the signature of %s: %w", address, r.Err())
	case r.Verdict != credentials.Valid:
		return Edition{}, refusef("%s does not verify: %s", address, r.Why())
	case r.Check(credentials.CheckEvidence).Answer != credentials.Yes:
		return Edition{}, refusef("%s does not vouch for its file: %s", address, r.Check(credentials.CheckEvidence).Message)
	}
	e, err := describe(c, names, files)
	if err == nil && e.ID != address {
		err = refusef("the catalogue at %s says that it belongs at %s", address, e.ID)
	}
	return e, err
}

// refusef says that what was fetched is no catalogue to rely on.
func refusef(format string, args ...any) error {
	return &Problems{List: []Problem{{Message: fmt.Sprintf(format, args...)}}}
}

// EditionFile is the address of a published version's file, and of that of a
// translation of it.
func EditionFile(catalogue, version, language string) string {
	if language != "" {
		version += "." + language
	}
	return catalogue + "/v/" + version + ".yaml"
}

// filesOf returns the addresses of the files that a catalogue's credential is
// about: that of the catalogue, then those of its translations.
func filesOf(c credentials.Credential) (out []string, err error) {
	if !slices.Contains(c.Types(), "EndorsementCredential") {
		return nil, errors.New("it is not the endorsement of a file by its publisher")
	}
	for r := range c.Doc().Get("relatedResource").Elements() {
		id, _ := r.Get("id").Text()
		if id == "" || slices.Contains(out, id) {
			return nil, errors.New("it names a file without an address, or one twice")
		}
		out = append(out, id)
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("it names no file")
	case len(out) > MaxTranslations+1:
		return nil, fmt.Errorf("it names %d files; there is one catalogue, and at most %d translations", len(out), MaxTranslations)
	}
	return out, nil
}

// describe holds the files to what the credential says of them.
func describe(c credentials.Credential, names []string, files map[string][]byte) (Edition, error) {
	file := names[0]
	var translations []File
	for _, name := range names[1:] {
		translations = append(translations, File{path.Base(name), files[name]})
	}
	parsed, err := Parse(files[file], translations...)
	if err != nil {
		return Edition{}, fmt.Errorf("the file %s: %w", file, err)
	}
	e := Edition{ID: c.ID(), Issuer: c.IssuerID(), IssuerName: c.IssuerName(), Published: c.ValidFrom(), Catalogue: parsed, Credential: c.Bytes()}
	about := c.SubjectID()
	base, ok := strings.CutSuffix(about, "/"+parsed.Slug)
	if !ok || e.ID != about+"/catalogue.json" || file != EditionFile(about, parsed.Version, "") {
		return Edition{}, refusef("the file %s is of the catalogue %s %s, which is not the one that %s is about", file, parsed.Slug, parsed.Version, e.ID)
	}
	for i, f := range translations {
		if want := EditionFile(about, parsed.Version, f.language()); names[i+1] != want {
			return Edition{}, refusef("the file %s of a translation does not belong at %s", names[i+1], want)
		}
	}
	e.Base = base
	return e, nil
}
