package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/node/catalogue"
)

// Partners who design together endorse each other's catalogues, also while
// they are drafts: an endorsement names the catalogue's credential, and the
// file of one version by its digest. So it says nothing about a version that
// is changed afterwards.

// EndorsedBy is somebody's endorsement of a catalogue.
type EndorsedBy struct {
	By      string `json:"by"`
	ByName  string `json:"byName,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Version is the one that is endorsed, by the digest of its file; empty for
	// the catalogue as it is at any time.
	Version string `json:"version,omitempty"`
	Why     string `json:"why,omitempty"` // it does not count; empty for one that is verified
}

// catalogueCredential is the id of the credential by which a catalogue is published.
func catalogueCredential(address string) string { return address + "/catalogue.json" }

// ownCatalogue reports whether an id is that of a catalogue of this node,
// published already or not.
func (n *Node) ownCatalogue(id string) bool {
	rest, ours := strings.CutPrefix(id, n.set.Base+"/")
	slug, is := strings.CutSuffix(rest, "/catalogue.json")
	return ours && is && slug != "" && !strings.Contains(slug, "/")
}

// endorsedThing returns the id and the name of what shall be endorsed, and the
// files that it is.
func (n *Node) endorsedThing(ctx context.Context, r EndorseRequest) (of, name string, files []credentials.Resource, err error) {
	switch {
	case len(r.Draft) > 0:
		c, err := catalogue.Parse(r.Draft)
		if err != nil {
			return "", "", nil, err
		}
		base := strings.TrimRight(r.Of, "/")
		if _, err := web.New(base); err != nil {
			return "", "", nil, fmt.Errorf("%w: %q is no address of who publishes the draft: %v", ErrInput, r.Of, err)
		}
		address := base + "/" + c.Slug
		return catalogueCredential(address), editionName(c), fileResources(address, c), nil
	case strings.HasSuffix(r.Of, "/catalogue.json"):
		e, err := n.fetchCatalogue(ctx, r.Of)
		if err != nil {
			return "", "", nil, err
		}
		return e.ID, editionName(e.Catalogue), fileResources(strings.TrimSuffix(e.ID, "/catalogue.json"), e.Catalogue), nil
	}
	of, name, err = n.endorsable(ctx, r)
	return of, name, nil, err
}

func editionName(c *catalogue.Catalogue) string { return c.Name + " " + c.Version }

// fileResources names the files of a version by address and digest: that of the
// catalogue, then those of its translations.
func fileResources(address string, c *catalogue.Catalogue) (out []credentials.Resource) {
	add := func(language string, raw []byte) {
		out = append(out, credentials.Resource{ID: catalogue.EditionFile(address, c.Version, language), MediaType: "application/yaml", DigestMultibase: recognition.Digest(raw)})
	}
	add("", c.Source())
	for _, t := range c.Translations() {
		add(t.Language, t.Source())
	}
	return out
}

// filesAt are the files of a version by their addresses.
func filesAt(address string, c *catalogue.Catalogue) map[string][]byte {
	out := map[string][]byte{catalogue.EditionFile(address, c.Version, ""): c.Source()}
	for _, t := range c.Translations() {
		out[catalogue.EditionFile(address, c.Version, t.Language)] = t.Source()
	}
	return out
}

// catalogueEndorsements returns the endorsements that were taken in and are in
// force: of the version in force, by its file's digest, or of any.
func (n *Node) catalogueEndorsements(ctx context.Context, c *catalogue.Catalogue) ([]json.RawMessage, error) {
	address := n.set.Base + "/" + c.Slug
	all, err := n.allEndorsementsOf(ctx, catalogueCredential(address))
	if err != nil {
		return nil, err
	}
	file := fileResources(address, c)[0]
	out := []json.RawMessage{}
	for _, raw := range all {
		parsed, err := credentials.Parse(raw)
		if err != nil {
			return nil, err
		}
		named, ours := filesOf(parsed, file.ID)
		if named == 0 || ours == file.DigestMultibase {
			out = append(out, raw)
		}
	}
	return out, nil
}

// filesOf counts the files that an endorsement names, and returns the digest of
// one.
func filesOf(c credentials.Credential, id string) (named int, digest string) {
	for r := range c.Doc().Get("relatedResource").Elements() {
		named++
		if got, _ := r.Get("id").Text(); got == id {
			digest, _ = r.Get("digestMultibase").Text()
		}
	}
	return named, digest
}

// maxPraise bounds the endorsements of a partner's catalogue that are read.
const maxPraise = 200

// fetchEndorsements asks a publisher for the endorsements of a catalogue; one
// that serves none has none.
func (n *Node) fetchEndorsements(ctx context.Context, address string) (all []json.RawMessage, err error) {
	raw, err := n.party.Get(ctx, address+"/endorsements")
	var code *fetch.StatusError
	if errors.As(err, &code) && code.Code == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all) > maxPraise {
		return nil, fmt.Errorf("%w: %s/endorsements is no list of at most %d endorsements", ErrInput, address, maxPraise)
	}
	return all, nil
}

func (n *Node) judgeEndorsements(ctx context.Context, all []json.RawMessage, address string, c *catalogue.Catalogue) []EndorsedBy {
	out := []EndorsedBy{}
	for _, raw := range all {
		out = append(out, n.judgeEndorsement(ctx, raw, address, c))
	}
	return out
}

// judgeEndorsement verifies an endorsement of a version of a catalogue, and
// holds it to the file of that.
func (n *Node) judgeEndorsement(ctx context.Context, raw []byte, address string, c *catalogue.Catalogue) EndorsedBy {
	parsed, err := credentials.Parse(raw)
	if err != nil {
		return EndorsedBy{Why: err.Error()}
	}
	s, err := recognition.Read(parsed)
	if err != nil {
		return EndorsedBy{Why: err.Error()}
	}
	e := EndorsedBy{By: s.By, ByName: s.ByName, Comment: s.Comment}
	file := catalogue.EditionFile(address, c.Version, "")
	named, digest := filesOf(parsed, file)
	if digest != "" {
		e.Version = c.Version
	}
	rep := n.party.Verifier.Report(ctx, raw, credentials.ReportOptions{Resources: filesAt(address, c)})
	switch {
	case s.Kind != recognition.Endorsement || s.Of != catalogueCredential(address):
		e.Why = "it is about " + s.Of
	case named > 0 && e.Version == "":
		e.Why = "it is of another version"
	case rep.Verdict != credentials.Valid:
		e.Why = rep.Why()
	}
	return e
}

// serveCatalogueEndorsements answers with the endorsements of the version in
// force, each as it was signed.
func (n *Node) serveCatalogueEndorsements(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		all, err := n.catalogueEndorsements(r.Context(), c)
		if err != nil {
			n.broken(w, r, err)
			return
		}
		list := []byte("[") // not encoded again, which would not give the same bytes
		for i, raw := range all {
			if i > 0 {
				list = append(list, ",\n"...)
			}
			list = append(list, raw...)
		}
		send(w, r, "application/json", time.Minute, append(list, "]\n"...))
	}
}
