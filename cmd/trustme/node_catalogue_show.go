package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

func catalogueShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a catalogue, or one of its badges in full", ArgsUsage: "[CATALOGUE [BADGE]]",
		Description: example("With BADGE and --json: the Open Badges 3.0 achievement, as badges embed it. With --language: in that translation.", "trustme node catalogue show openbadges designer\ntrustme node catalogue show --language fr openbadges"),
		Flags:       nodeFlags(languageFlag),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 2, "at most a CATALOGUE and a BADGE")
			if err != nil {
				return err
			}
			k, f, err := openCatalogue(c, first(args))
			if err == nil {
				k, err = spoken(k, c.String("language"))
			}
			if err != nil {
				return err
			}
			return show(c, k, f, args)
		},
	}
}

// show prints a catalogue, or the badge that args name behind it.
func show(c *cli.Context, k *catalogue.Catalogue, f node.CatalogueFile, args []string) error {
	switch {
	case len(args) == 2:
		return showBadge(c, k, f, args[1])
	case c.Bool("json"):
		return printJSON(c, catalogueJSON(k, f))
	}
	showCatalogue(c, k, f)
	return nil
}

var languageFlag = &cli.StringFlag{Name: "language", Usage: "`CODE` of the language, such as fr; that of the catalogue, unless given"}

// spoken is a catalogue in a language.
func spoken(k *catalogue.Catalogue, language string) (*catalogue.Catalogue, error) {
	in, ok := k.In(language)
	if !ok {
		return nil, fmt.Errorf("%w: the catalogue %s is not translated into %q; it is there in %s", node.ErrInput, k.Slug, language, orNone(strings.Join(k.Languages(""), ", ")))
	}
	return in, nil
}

func showCatalogue(c *cli.Context, k *catalogue.Catalogue, f node.CatalogueFile) {
	say(c, "%s %s  %s%s", k.Slug, k.Version, k.Name, inLanguages(k))
	if f.Address != "" {
		say(c, "published %s by %s %s\n  at %s", date(f.Published), f.Issuer, f.IssuerName, f.Address)
	}
	for _, e := range f.Endorsed {
		say(c, "%s", endorsedLine(e))
	}
	shown := map[string]bool{}
	line := func(slug string) {
		a, ok := k.Find(slug)
		if ok && !shown[slug] {
			shown[slug] = true
			say(c, "  %-14s %-13s %s%s", slug, a.Kind, a.Name, short(a))
		}
	}
	for _, s := range k.Series {
		say(c, "series %s: %s", s.ID, s.Name)
		for _, slug := range s.Of {
			line(slug)
		}
	}
	if len(shown) < len(k.Achievements) {
		say(c, "badges")
	}
	for slug := range k.Achievements.All() {
		line(slug)
	}
	for slug, p := range k.Paths.All() {
		say(c, "path %s: %s, %s", slug, p.Name, several(len(p.Steps), "step"))
	}
	for slug, r := range k.Roles.All() {
		say(c, "role %s: %s\n  requires %s", slug, r.Name, r.Requires)
	}
}

func endorsedLine(e node.EndorsedBy) string {
	of, held := "as it is at any time", "verified"
	if e.Version != "" {
		of = "version " + e.Version
	}
	if e.Why != "" {
		held = "does not count: " + e.Why
	}
	line := fmt.Sprintf("endorsed by %s %s, %s, %s", e.By, e.ByName, of, held)
	if e.Comment != "" {
		line += ": " + e.Comment
	}
	return line
}

// short are the facts of a badge in a few words.
func short(a catalogue.Achievement) string {
	var out []string
	if a.EQF > 0 {
		out = append(out, fmt.Sprintf("EQF %d", a.EQF))
	}
	if a.Workload != "" {
		out = append(out, a.Workload)
	}
	if a.Credits != nil {
		out = append(out, fmt.Sprintf("%g %s", a.Credits.Points, strings.ToUpper(a.Credits.System)))
	}
	if a.Valid != "" {
		out = append(out, "valid "+a.Valid)
	}
	if a.ReplacedBy != "" {
		out = append(out, "replaced by "+a.ReplacedBy)
	} else if a.Retired {
		out = append(out, "retired")
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// unpublished stands for the address of a catalogue that has none yet.
var unpublished = catalogue.Issuer{ID: "did:web:issuer.example", Name: "Not published yet", Base: "https://issuer.example"}

func issuerOf(f node.CatalogueFile) catalogue.Issuer {
	if f.Base == "" {
		return unpublished
	}
	return catalogue.Issuer{ID: f.Issuer, Name: f.IssuerName, Base: f.Base}
}

func showBadge(c *cli.Context, k *catalogue.Catalogue, f node.CatalogueFile, slug string) error {
	doc, err := k.Document(issuerOf(f), slug)
	if err != nil {
		return fmt.Errorf("%w: %v", node.ErrNotFound, err)
	}
	if c.Bool("json") {
		return printJSON(c, json.RawMessage(doc))
	}
	a, _ := k.Find(slug)
	say(c, "%s/%s  %s%s\n%s", k.Slug, slug, a.Name, short(a), a.Description)
	for name, text := range a.Criteria.All() {
		say(c, "  criterion %s: %s", name, text)
	}
	for _, o := range a.Outcomes {
		objective, _ := k.Objectives.Get(o)
		say(c, "  outcome %s: %s", o, objective.Text)
		for _, uri := range objective.Align {
			say(c, "    aligned with %s", uri)
		}
	}
	for _, uri := range a.Align {
		say(c, "  aligned with %s", uri)
	}
	for n, text := range a.Levels.All() {
		pass := ""
		if n == fmt.Sprint(a.Pass) {
			pass = " (the pass)"
		}
		say(c, "  level %s: %s%s", n, text, pass)
	}
	rule := a.Reviewed()
	by := "by " + a.Award.By
	if a.Award.By == "review" {
		by += fmt.Sprintf(" of %s: whoever holds %s, or has the role of one", several(rule.Quorum, "reviewer"), orNone(strings.Join(rule.By, ", ")))
	}
	say(c, "  awarded %s\n  assessment %s, form %s, setting %s, prior learning %s", by, orNone(a.Assessment), orNone(a.Mode), orNone(a.Setting), yes(a.Prior()))
	return nil
}

func yes(is bool) string {
	if is {
		return "counts"
	}
	return "does not count"
}

// shownCatalogue is a catalogue as JSON.
type shownCatalogue struct {
	Slug         string            `json:"catalogue"`
	Version      string            `json:"version"`
	Name         string            `json:"name"`
	Language     string            `json:"language,omitempty"`
	Languages    []string          `json:"languages,omitempty"`
	Address      string            `json:"address,omitempty"`
	Issuer       string            `json:"issuer,omitempty"`
	Endorsements []node.EndorsedBy `json:"endorsements"`
	Series       []shownSeries     `json:"series"`
	Achievements []shownBadge      `json:"achievements"`
	Paths        []shownPath       `json:"paths"`
	Roles        []shownRole       `json:"roles"`
}

type shownSeries struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Of   []string `json:"of"`
}

type shownBadge struct {
	Slug       string `json:"slug"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	EQF        int    `json:"eqf,omitempty"`
	Workload   string `json:"workload,omitempty"`
	Valid      string `json:"valid,omitempty"`
	Award      string `json:"award"`
	Retired    bool   `json:"retired,omitempty"`
	ReplacedBy string `json:"replacedBy,omitempty"`
}

type shownPath struct {
	Slug  string   `json:"slug"`
	Name  string   `json:"name"`
	Order string   `json:"order"`
	Steps []string `json:"steps"`
}

type shownRole struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Requires string `json:"requires"`
}

func catalogueJSON(k *catalogue.Catalogue, f node.CatalogueFile) shownCatalogue {
	out := shownCatalogue{Slug: k.Slug, Version: k.Version, Name: k.Name, Language: k.Language, Languages: k.Languages(""), Address: f.Address, Issuer: f.Issuer, Endorsements: f.Endorsed, Series: []shownSeries{}, Achievements: []shownBadge{}, Paths: []shownPath{}, Roles: []shownRole{}}
	if out.Endorsements == nil {
		out.Endorsements = []node.EndorsedBy{}
	}
	for _, s := range k.Series {
		out.Series = append(out.Series, shownSeries{s.ID, s.Name, s.Of})
	}
	for slug, a := range k.Achievements.All() {
		out.Achievements = append(out.Achievements, shownBadge{slug, a.Name, a.Kind, a.EQF, a.Workload, a.Valid, a.Award.By, a.Retired, a.ReplacedBy})
	}
	for slug, p := range k.Paths.All() {
		s := shownPath{Slug: slug, Name: p.Name, Order: p.Order}
		for step := range p.Steps.All() {
			s.Steps = append(s.Steps, step)
		}
		out.Paths = append(out.Paths, s)
	}
	for slug, r := range k.Roles.All() {
		out.Roles = append(out.Roles, shownRole{slug, r.Name, r.Requires.String()})
	}
	return out
}
