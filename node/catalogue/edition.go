package catalogue

import (
	"context"
	"errors"
	"fmt"
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
// digest of its file. The error wraps [ErrInvalid], a
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
	file, err := fileOf(c)
	if err != nil {
		return Edition{}, refusef("%s is no published catalogue: %v", address, err)
	}
	yaml, err := get(ctx, file)
	if err != nil {
		return Edition{}, err
	}
	r := v.Report(ctx, raw, credentials.ReportOptions{Resources: map[string][]byte{file: yaml}})
	switch {
	case r.Verdict == credentials.Undecided:
		return Edition{}, fmt.Errorf("the signature of %s: %w", address, r.Err())
	case r.Verdict != credentials.Valid:
		return Edition{}, refusef("%s does not verify: %s", address, r.Why())
	case r.Check(credentials.CheckEvidence).Answer != credentials.Yes:
		return Edition{}, refusef("%s does not vouch for its file: %s", address, r.Check(credentials.CheckEvidence).Message)
	}
	e, err := describe(c, file, yaml)
	if err == nil && e.ID != address {
		err = refusef("the catalogue at %s says that it belongs at %s", address, e.ID)
	}
	return e, err
}

// refusef says that what was fetched is no catalogue to rely on.
func refusef(format string, args ...any) error {
	return &Problems{List: []Problem{{Message: fmt.Sprintf(format, args...)}}}
}

// fileOf returns the address of the one file that a catalogue's credential is
// about.
func fileOf(c credentials.Credential) (string, error) {
	if !slices.Contains(c.Types(), "EndorsementCredential") {
		return "", errors.New("it is not the endorsement of a file by its publisher")
	}
	v := c.Doc().Get("relatedResource")
	id, _ := v.First().Get("id").Text()
	if v.Len() != 1 || id == "" {
		return "", errors.New("it names no file")
	}
	return id, nil
}

// describe holds the file to what the credential says of it.
func describe(c credentials.Credential, file string, yaml []byte) (Edition, error) {
	parsed, err := Parse(yaml)
	if err != nil {
		return Edition{}, fmt.Errorf("the file %s: %w", file, err)
	}
	e := Edition{ID: c.ID(), Issuer: c.IssuerID(), IssuerName: c.IssuerName(), Published: c.ValidFrom(), Catalogue: parsed, Credential: c.Bytes()}
	about := c.SubjectID()
	base, ok := strings.CutSuffix(about, "/"+parsed.Slug)
	if !ok || e.ID != about+"/catalogue.json" || file != about+"/v/"+parsed.Version+".yaml" {
		return Edition{}, refusef("the file %s is of the catalogue %s %s, which is not the one that %s is about", file, parsed.Slug, parsed.Version, e.ID)
	}
	e.Base = base
	return e, nil
}
