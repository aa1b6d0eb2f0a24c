package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/node/catalogue"
)

// agreementFile is an agreement as people edit it. Unknown keys are refused.
type agreementFile struct {
	Agreement  string     `yaml:"agreement"`
	With       string     `yaml:"with"`     // the partner's DID
	Partner    string     `yaml:"partner"`  // the partner's public address
	From       string     `yaml:"from"`     // day; default now
	Until      string     `yaml:"until"`    // day
	Text       string     `yaml:"text"`     // Markdown
	Replaces   string     `yaml:"replaces"` // id of the agreement that it amends
	Recognizes []ruleFile `yaml:"recognizes"`
	Authorizes []string   `yaml:"authorizes"`
}

// ruleFile is one line of what an agreement recognises.
type ruleFile struct {
	Source  string       `yaml:"source"`
	Target  string       `yaml:"target"`
	As      string       `yaml:"as"`
	Level   int          `yaml:"level"`
	Within  string       `yaml:"within"`
	EQF     int          `yaml:"eqf"`
	Credits *creditsFile `yaml:"credits"`
}

type creditsFile struct {
	System string  `yaml:"system"`
	Points float64 `yaml:"points"`
}

func readAgreementFile(raw []byte) (f agreementFile, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%w: the agreement: %s", ErrInput, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "type node.agreementFile", "it; correct its spelling or remove it"))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%w: the agreement: a second document begins; keep one agreement a file", ErrInput)
	}
	if f.With == "" || f.Agreement == "" {
		return f, fmt.Errorf("%w: the agreement needs the keys agreement, its name, and with, the partner's DID; `trustme node agreement draft` writes a file", ErrInput)
	}
	return f, nil
}

// statement turns the file into what is signed. Targets may be slugs of the
// node's own catalogues.
func (n *Node) statement(f agreementFile) (recognition.Statement, error) {
	s := recognition.Statement{Kind: recognition.Agreement, ID: n.newURN(), Name: f.Agreement, Of: f.With, Comment: strings.TrimSpace(f.Text), From: n.second()}
	for _, d := range []struct {
		text string
		into *time.Time
		key  string
	}{{f.From, &s.From, "from"}, {f.Until, &s.Until, "until"}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return s, fmt.Errorf("%w: %s: %q is no day; write 2026-11-01", ErrInput, d.key, d.text)
		}
		*d.into = t
	}
	if !s.Until.IsZero() && !s.Until.After(n.now()) {
		return s, fmt.Errorf("%w: until: the agreement would have ended on %s; give a later day", ErrInput, f.Until)
	}
	for i, r := range f.Recognizes {
		rule, err := n.ruleOf(r)
		if err != nil {
			return s, fmt.Errorf("%w (rule %d of recognizes)", err, i+1)
		}
		s.Recognizes = append(s.Recognizes, rule)
	}
	for _, slug := range f.Authorizes {
		id, err := n.ownAchievement(slug)
		if err != nil {
			return s, fmt.Errorf("%w (authorizes)", err)
		}
		s.Authorizes = append(s.Authorizes, id)
	}
	return s, nil
}

func (n *Node) ruleOf(r ruleFile) (recognition.Rule, error) {
	out := recognition.Rule{Source: r.Source, Association: recognition.Association(cmp.Or(r.As, string(recognition.ExactMatch))), MinLevel: r.Level, Within: r.Within}
	var err error
	if out.Target, err = n.ownAchievement(r.Target); err != nil {
		return out, err
	}
	if !strings.Contains(r.Source, "://") {
		return out, fmt.Errorf("%w: source: %q is no address of an achievement of the partner", ErrInput, r.Source)
	}
	if r.EQF < 0 || r.EQF > 8 {
		return out, fmt.Errorf("%w: eqf: level %d; there are 1 to 8", ErrInput, r.EQF)
	}
	if r.EQF > 0 {
		out.EQF = catalogue.EQF(r.EQF)
	}
	if r.Credits != nil {
		var ok bool
		if out.Framework, ok = catalogue.CreditFramework(r.Credits.System); !ok || r.Credits.Points < 0 {
			return out, fmt.Errorf("%w: credits: {system: ecvet or ects, points: a number that is not negative}", ErrInput)
		}
		out.Credits = r.Credits.Points
	}
	if err := out.Check(); err != nil {
		return out, fmt.Errorf("%w: %v", ErrInput, err)
	}
	return out, nil
}

// ownAchievement returns the address of an achievement of this node, by its
// address, its slug, or catalogue and slug.
func (n *Node) ownAchievement(name string) (string, error) {
	for _, c := range n.catalogues() {
		for slug := range c.Achievements.All() {
			if c.ID(n.issuer(), slug) == name {
				return name, nil
			}
		}
	}
	c, slug, _, err := n.achievement(name)
	if err != nil {
		return "", err
	}
	return c.ID(n.issuer(), slug), nil
}

// AgreementDraftRequest asks for a draft with a partner.
type AgreementDraftRequest struct {
	// With is the address of the partner's catalogue, or of a partner that
	// publishes one, or its did:web.
	With string `json:"with"`
	// Catalogue is one's own, by its slug. Default: the first.
	Catalogue string `json:"catalogue,omitempty"`
}

// AgreementDraft is a file to edit, and what it rests on.
type AgreementDraft struct {
	Partner string           `json:"partner"`
	Pairs   []catalogue.Pair `json:"pairs"`
	File    string           `json:"file"`
}

// DraftAgreement compares a partner's signed catalogue with one of this node's
// and writes the agreement that the best pairs suggest, to be edited.
func (n *Node) DraftAgreement(ctx context.Context, r AgreementDraftRequest) (AgreementDraft, error) {
	own := n.catalogues()
	if r.Catalogue != "" {
		own = slices.DeleteFunc(slices.Clone(own), func(c *catalogue.Catalogue) bool { return c.Slug != r.Catalogue })
	}
	if len(own) == 0 {
		return AgreementDraft{}, fmt.Errorf("%w: no catalogue %q here", ErrInput, r.Catalogue)
	}
	with, err := catalogue.Locate(ctx, n.party.Get, r.With)
	if err != nil {
		return AgreementDraft{}, err
	}
	e, err := n.fetchCatalogue(ctx, with)
	if err != nil {
		return AgreementDraft{}, err
	}
	d := AgreementDraft{Partner: e.Issuer, Pairs: catalogue.Compare(own[0], e.Catalogue)}
	var b strings.Builder
	now := n.second()
	fmt.Fprintf(&b, "# What %s recognises of %s's badges. Edit, then: trustme node agreement sign FILE\n", n.set.Name, cmp.Or(e.IssuerName, e.Issuer))
	name := fmt.Sprintf("Memorandum of Understanding %s–%s", n.set.Name, cmp.Or(e.IssuerName, e.Issuer))
	fmt.Fprintf(&b, "agreement: %q\nwith: %q\npartner: %q\nfrom: %s\nuntil: %s\n", name, e.Issuer, e.Base, now.Format(time.DateOnly), now.AddDate(3, 0, 0).Format(time.DateOnly))
	b.WriteString("text: |\n  We accept the partner's quality assurance, assessment and validation procedures for the units below.\n")
	b.WriteString("# as: exactMatchOf satisfies the target, isPartOf adds its credits only; level: the least level;\n# within: how recent, such as P3Y; eqf and credits {system, points}: what it counts for here\nrecognizes:\n")
	taken := map[string]bool{}
	for _, p := range d.Pairs {
		if taken[p.A] { // one proposal for each; the table shows the others
			continue
		}
		taken[p.A] = true
		writeRule(&b, own[0], e, p)
	}
	if len(taken) == 0 {
		b.WriteString("  [] # no pair shares an alignment; add rules by hand: {source: URL, target: slug}\n")
	}
	b.WriteString("# our achievements that the partner may issue\nauthorizes: []\n")
	d.File = b.String()
	return d, nil
}

func writeRule(b *strings.Builder, own *catalogue.Catalogue, e catalogue.Edition, p catalogue.Pair) {
	a, _ := own.Find(p.A)
	fmt.Fprintf(b, "  # %s: score %.2f, %d alignments in common, EQF %s and %s, workload %s and %s hours\n", a.Name, p.Score, len(p.Shared),
		orDash(p.EQF[0]), orDash(p.EQF[1]), orDash(p.Hours[0]), orDash(p.Hours[1]))
	fmt.Fprintf(b, "  - source: %q\n    target: %s\n    as: exactMatchOf\n", e.Catalogue.ID(e.As(), p.B), p.A)
	if theirs, _ := e.Catalogue.Find(p.B); a.Pass > 0 && a.Pass <= len(theirs.Levels) {
		fmt.Fprintf(b, "    level: %d\n", a.Pass)
	}
	if a.EQF > 0 {
		fmt.Fprintf(b, "    eqf: %d\n", a.EQF)
	}
	if a.Credits != nil {
		fmt.Fprintf(b, "    credits: {system: %s, points: %g}\n", a.Credits.System, a.Credits.Points)
	}
}

func orDash[T comparable](v T) string {
	var zero T
	if v == zero {
		return "-"
	}
	return fmt.Sprint(v)
}

// fetchCatalogue gets and verifies a partner's published catalogue.
func (n *Node) fetchCatalogue(ctx context.Context, address string) (catalogue.Edition, error) {
	return catalogue.Fetch(ctx, n.party.Get, n.party.Verifier, address)
}
