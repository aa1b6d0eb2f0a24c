package application

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/trust-me/trustme/internal/didcomm"
)

// Bounds on what a learner hands in, in bytes unless named otherwise.
const (
	MaxFile     = 32 << 20
	MaxFiles    = 64 << 20 // of one application
	MaxText     = 16 << 10
	MaxSay      = 8 << 10
	maxName     = 200
	maxEvidence = 20
	maxLanguage = 35 // BCP 47 §4.4.1
)

// Kind is what an item of evidence is.
type Kind string

// The kinds of evidence, as catalogues name them.
const (
	File       Kind = "file"
	Link       Kind = "url"
	Text       Kind = "text"
	Credential Kind = "credential"
)

// Evidence is one item that a learner hands in. Digest is the SHA-256, in hex,
// of a file, a text or a credential; the bytes of a file travel apart.
type Evidence struct {
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"`
	Narrative  string `json:"narrative,omitempty"`
	Genre      string `json:"genre,omitempty"`
	URL        string `json:"url,omitempty"`
	Text       string `json:"text,omitempty"`
	Credential string `json:"credential,omitempty"` // its id
	Digest     string `json:"digest,omitempty"`
	Size       int64  `json:"size,omitempty"`
	Media      string `json:"mediaType,omitempty"`
}

// Routes to a badge.
const (
	RouteRegular = "regular"
	RoutePrior   = "prior-learning"
)

// languageTag is what a language looks like (BCP 47).
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// Submission is what a learner hands in for a badge. Achievement is
// catalogue/slug. Private keeps names, words and addresses out of the badge.
// Renews names the credential that the badge shall renew. Language is that of
// the badge wanted, "" for the catalogue's own.
type Submission struct {
	Achievement string     `json:"achievement"`
	Revision    int        `json:"revision"`
	Level       int        `json:"level,omitempty"`
	Route       string     `json:"route"`
	Renews      string     `json:"renews,omitempty"`
	Language    string     `json:"language,omitempty"`
	Say         string     `json:"say,omitempty"`
	Private     bool       `json:"private,omitempty"`
	Evidence    []Evidence `json:"evidence"`
}

// ReadSubmission reads the document of a submit message, with its bytes as
// they came. The error is a [*didcomm.Problem].
func ReadSubmission(m didcomm.Message) (Submission, []byte, error) {
	r, raw, err := open(m)
	if err != nil {
		return Submission{}, nil, err
	}
	s := r.submission()
	return s, raw, r.done()
}

func (r *reader) submission() Submission {
	s := Submission{Achievement: r.text("achievement", 2*maxName), Revision: int(r.number("revision")), Level: int(r.number("level")), Route: r.text("route", maxName),
		Renews: r.text("renews", 2*maxName), Language: r.text("language", maxLanguage), Say: r.text("say", MaxSay), Private: r.yes("private")}
	r.each("evidence", maxEvidence, func(e *reader) {
		s.Evidence = append(s.Evidence, Evidence{Kind: Kind(e.text("kind", maxName)), Name: e.text("name", maxName), Narrative: e.text("narrative", MaxSay),
			Genre: e.text("genre", maxName), URL: e.text("url", 4<<10), Text: e.text("text", MaxText), Credential: e.text("credential", 4<<10),
			Digest: e.text("digest", 64), Size: e.number("size"), Media: e.text("mediaType", maxName)})
	})
	return s
}

// Check refuses what nobody could take in; the error is a [Refusal] that names
// the item.
func (s Submission) Check() error {
	if s.Route != RouteRegular && s.Route != RoutePrior {
		return refusef("the route %q is not known: it is %s or %s", s.Route, RouteRegular, RoutePrior)
	}
	if s.Language != "" && !languageTag.MatchString(s.Language) {
		return refusef("the language %q is no code of a language; write fr, or pt-BR", s.Language)
	}
	if len(s.Evidence) > maxEvidence {
		return refusef("%d items of evidence; at most %d are taken: put some together in one file", len(s.Evidence), maxEvidence)
	}
	if len(s.Say) > MaxSay {
		return refusef("what you say has %d bytes, at most %d are taken; put it in a file", len(s.Say), MaxSay)
	}
	var sum int64
	for i, e := range s.Evidence {
		if err := e.check(); err != nil {
			return refusef("evidence %d: %v", i+1, err)
		}
		if e.Kind == File {
			sum += e.Size
		}
	}
	if sum > MaxFiles {
		return refusef("the files have %s together; at most %s are taken: make them smaller, or give links", size(sum), size(MaxFiles))
	}
	return nil
}

func (e Evidence) check() error {
	switch {
	case e.Name == "" || len(e.Name) > maxName || !utf8.ValidString(e.Name):
		return fmt.Errorf("give it a name of at most %d bytes", maxName)
	case len(e.Narrative) > MaxSay:
		return fmt.Errorf("its narrative has %d bytes; at most %d are taken", len(e.Narrative), MaxSay)
	}
	switch e.Kind {
	case File:
		if e.Size < 1 {
			return fmt.Errorf("%s is empty; give the file that shows your work", e.Name)
		}
		if e.Size > MaxFile {
			return fmt.Errorf("%s has %s; a file has at most %s: make it smaller, or give a link", e.Name, size(e.Size), size(MaxFile))
		}
		if _, ok := media[e.Media]; !ok {
			return fmt.Errorf("%s is declared as %q, which is not taken; taken are: %s", e.Name, e.Media, strings.Join(MediaTypes(), ", "))
		}
		return e.checkDigest()
	case Link:
		if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Count(e.URL, "#") > 1 {
			return fmt.Errorf("%q is no address; write one such as https://example.org/work", e.URL)
		}
		return nil
	case Text:
		if e.Text == "" || len(e.Text) > MaxText || !utf8.ValidString(e.Text) {
			return fmt.Errorf("the text has %d bytes; 1 to %d are taken: put a longer one in a file", len(e.Text), MaxText)
		}
		return e.checkDigest()
	case Credential:
		return e.checkDigest()
	}
	return fmt.Errorf("the kind %q is not known: it is %s, %s, %s or %s", e.Kind, File, Link, Text, Credential)
}

func (e Evidence) checkDigest() error {
	if b, err := hex.DecodeString(e.Digest); err != nil || len(b) != 32 || hex.EncodeToString(b) != e.Digest {
		return fmt.Errorf("its digest %q is no SHA-256 in lower-case hexadecimal", e.Digest)
	}
	return nil
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
