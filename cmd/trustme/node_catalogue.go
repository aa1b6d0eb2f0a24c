package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

func nodeCatalogue() *cli.Command {
	return &cli.Command{
		Name: "catalogue", Usage: "write, check, compare and publish catalogues of badges, paths and roles",
		Description: example("A catalogue is one YAML file: learning objectives, badges, the paths that lay them out, the roles that they add up to. Where a verb wants a CATALOGUE it takes a file, the name of one of this node, or the address of a partner's published one.",
			"trustme node catalogue lint welding.yaml\ntrustme node catalogue diff welding.yaml https://birch.example/metal\ntrustme node catalogue publish welding.yaml"),
		Subcommands: []*cli.Command{catalogueLint(), catalogueShow(), catalogueDiff(), catalogueList(), catalogueNew(), catalogueImport(), catalogueImage(), cataloguePublish()},
	}
}

// catalogueFile is the file of a catalogue with those of its translations, and
// where it is published, if so. It is read without a node where it is a file,
// beside which the translations lie, or the one that ships.
func catalogueFile(c *cli.Context, name string) (f node.CatalogueFile, err error) {
	isNode := seal.Exists(c.String("dir"))
	switch {
	case !isAddress(name) && (name == "-" || isCatalogueFile(name)):
		f.File, f.Translations, err = readCatalogue(name)
		return f, err
	case name == node.ShippedCatalogue && !isNode:
		f.File, f.Translations = catalogue.OpenBadges, catalogue.ShippedTranslations()
		return f, nil
	case !isNode && !isAddress(name):
		return f, usagef("there is no file %q, and %s is no node that could have such a catalogue", name, c.String("dir"))
	}
	err = withNode(c, func(ctx context.Context, cl *node.Client) error {
		f, err = cl.ReadCatalogue(ctx, node.CatalogueRequest{Name: name})
		return err
	})
	return f, err
}

// readCatalogue reads the file of a catalogue, and of its translations those
// that lie beside it.
func readCatalogue(name string) (file []byte, translations []catalogue.File, err error) {
	if file, err = readInput(name, catalogue.MaxSize); err != nil || name == "-" {
		return file, nil, err
	}
	translations, err = catalogue.Beside(name)
	return file, translations, err
}

// isCatalogueFile tells a file from the name of a catalogue, which has neither
// a dot nor a slash.
func isCatalogueFile(name string) bool { return strings.ContainsAny(name, "./") }

func openCatalogue(c *cli.Context, name string) (*catalogue.Catalogue, node.CatalogueFile, error) {
	f, err := catalogueFile(c, name)
	if err != nil {
		return nil, f, err
	}
	k, err := catalogue.Parse(f.File, f.Translations...)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return k, f, err
}

// lintReport is what lint found. Profile is nil where none was asked for.
type lintReport struct {
	OK       bool                `json:"ok"`
	Errors   []catalogue.Problem `json:"errors"`
	Warnings []catalogue.Problem `json:"warnings"`
	*catalogue.Profile
}

func catalogueLint() *cli.Command {
	return &cli.Command{
		Name: "lint", Usage: "look for mistakes in a catalogue", ArgsUsage: "[CATALOGUE]",
		Description: example("Names each mistake with its line and what to do, also in the translations that lie beside the file (of welding.yaml: welding.fr.yaml). Needs no node for a file. With --profile eu-microcredential it also says which of the eleven elements of an EU micro-credential (2022/C 243/02, Annex I) each badge lacks.\n\nExit 0 no mistake, 1 mistakes, or a badge that lacks an element; warnings do not count.",
			"trustme node catalogue lint --profile eu-microcredential welding.yaml"),
		Flags: nodeFlags(&cli.StringFlag{Name: "profile", Usage: "also hold every badge to `PROFILE`: " + strings.Join(catalogue.Profiles, ", ")}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one CATALOGUE")
			if err != nil {
				return err
			}
			if p := c.String("profile"); p != "" && !slices.Contains(catalogue.Profiles, p) {
				return usagef("there is no profile %q; use %s", p, strings.Join(catalogue.Profiles, ", "))
			}
			name := first(args)
			f, err := catalogueFile(c, name)
			if err != nil {
				return err
			}
			k, found := catalogue.Examine(f.File, f.Translations...)
			r := lintReport{Errors: []catalogue.Problem{}, Warnings: []catalogue.Problem{}}
			for _, p := range found {
				if p.Warning {
					r.Warnings = append(r.Warnings, p)
				} else {
					r.Errors = append(r.Errors, p)
				}
			}
			if p := c.String("profile"); p != "" && k != nil {
				fit, err := k.Fit(p)
				if err != nil {
					return err
				}
				r.Profile = &fit
			}
			r.OK = len(r.Errors) == 0 && (r.Profile == nil || r.Complete() == len(r.Achievements))
			return sayLint(c, k, r)
		},
	}
}

func sayLint(c *cli.Context, k *catalogue.Catalogue, r lintReport) error {
	if c.Bool("json") {
		if err := printJSON(c, r); err != nil {
			return err
		}
	} else {
		for _, p := range slices.Concat(r.Errors, r.Warnings) {
			say(c, "%s", p)
		}
		if r.Profile != nil {
			sayProfile(c, *r.Profile)
		}
		if k != nil {
			say(c, "%s %s: %s, %s; %s, %s, %s%s", k.Slug, k.Version, several(len(r.Errors), "mistake"), several(len(r.Warnings), "warning"),
				several(len(k.Achievements), "badge"), several(len(k.Paths), "path"), several(len(k.Roles), "role"), inLanguages(k))
		}
	}
	if !r.OK {
		return &verdictError{exitNo}
	}
	return nil
}

// inLanguages tells the languages of a catalogue, where it has several.
func inLanguages(k *catalogue.Catalogue) string {
	if len(k.Translations()) == 0 {
		return ""
	}
	return ", in " + strings.Join(k.Languages(""), ", ")
}

func sayProfile(c *cli.Context, p catalogue.Profile) {
	for _, f := range p.Achievements {
		if len(f.Missing) == 0 {
			say(c, "%s: has every element", f.Achievement)
			continue
		}
		say(c, "%s: lacks %s", f.Achievement, strings.Join(f.Missing, ", "))
	}
	for _, problem := range p.Problems() {
		say(c, "%s", problem)
	}
	say(c, "%d of %s have every element of %s; each badge itself states the %s when it is issued", p.Complete(), several(len(p.Achievements), "badge"), p.Name, strings.Join(p.AtIssue, ", "))
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func catalogueList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the catalogues that this node publishes",
		Description: example("Each line: catalogue, version, address, how many badges, paths and roles, name.\n\n--partners lists partners' catalogues instead, of which you issue badges: address, version, issuer, when it was fetched and how old that is. They are fetched anew each day.", "trustme node catalogue list"),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "partners", Usage: "list the partners' catalogues that are kept"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			if c.Bool("partners") {
				return listPartners(c, cl)
			}
			all, err := cl.Catalogues(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, k := range all {
				say(c, "%s  %s  %s  %s, %s, %s  %s", k.Slug, k.Version, k.Address, several(k.Achievements, "badge"), several(k.Paths, "path"), several(k.Roles, "role"), k.Name)
			}
			return nil
		}),
	}
}

// listPartners prints the partners' catalogues that a node keeps.
func listPartners(c *cli.Context, cl *node.Client) error {
	all, err := cl.PartnerCatalogues(c.Context)
	if err != nil || c.Bool("json") {
		return orJSON(c, all, err)
	}
	for _, p := range all {
		say(c, "%s  %s  %s  %s, %s", p.Address, p.Version, plain(cmp.Or(p.Name, p.Issuer)), date(p.Fetched), aged(time.Duration(p.AgeSeconds)*time.Second, p.Problem))
	}
	return nil
}

// comparison is what diff found: units of two partners' catalogues, or the
// changes between two versions of one.
type comparison struct {
	A        string             `json:"a"`
	B        string             `json:"b"`
	Changes  *catalogue.Changes `json:"versions,omitempty"`
	Units    []catalogue.Match  `json:"units,omitempty"`
	MissingA []string           `json:"onlyInB,omitempty"`
	MissingB []string           `json:"onlyInA,omitempty"`
}

func catalogueDiff() *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "compare two catalogues, or two versions of one", ArgsUsage: "A B",
		Description: example("Two partners' catalogues: which badges are equal, near or missing, by the alignments that both name, EQF level and workload. Two versions of one catalogue: what was added, removed and changed, and which version that asks for.\n\nExit 1 when the newer version's number is too low.",
			"trustme node catalogue diff openbadges https://birch.example/design\ntrustme node catalogue diff welding-1.yaml welding.yaml"),
		Flags: nodeFlags(),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 2, 2, "two CATALOGUEs")
			if err != nil {
				return err
			}
			a, _, err := openCatalogue(c, args[0])
			if err != nil {
				return err
			}
			b, _, err := openCatalogue(c, args[1])
			if err != nil {
				return err
			}
			d := comparison{A: a.Slug + " " + a.Version, B: b.Slug + " " + b.Version}
			if a.Slug == b.Slug {
				changes := catalogue.Diff(a, b)
				d.Changes = &changes
			} else {
				d.Units, d.MissingB, d.MissingA = catalogue.Units(a, b)
			}
			if c.Bool("json") {
				err = printJSON(c, d)
			} else {
				sayDiff(c, d)
			}
			if err == nil && d.Changes != nil && !d.Changes.Enough {
				err = &verdictError{exitNo}
			}
			return err
		},
	}
}

func sayDiff(c *cli.Context, d comparison) {
	say(c, "%s beside %s", d.A, d.B)
	for _, m := range d.Units {
		word := "near "
		if m.Equal {
			word = "equal"
		}
		say(c, "  %s  %s ~ %s  %.2f: %s in common, EQF %s, %s", word, m.A, m.B, m.Score, several(len(m.Shared), "alignment"), besides(m.EQF[0], m.EQF[1], ""), besides(m.Hours[0], m.Hours[1], " hours"))
	}
	for _, slug := range d.MissingB {
		say(c, "  missing in %s: %s", d.B, slug)
	}
	for _, slug := range d.MissingA {
		say(c, "  missing in %s: %s", d.A, slug)
	}
	if d.Changes == nil {
		return
	}
	for _, change := range d.Changes.List {
		say(c, "  %s", change)
	}
	switch {
	case len(d.Changes.List) == 0:
		say(c, "nothing changed")
	case d.Changes.Enough:
		say(c, "a %s step: %s is enough, and it is %s", d.Changes.Step, d.Changes.Least, d.Changes.To)
	default:
		say(c, "%s", d.Changes.Warning)
	}
}

// besides writes two figures, one where they are the same.
func besides[T int | float64](a, b T, unit string) string {
	tell := func(x T) string {
		if x == 0 {
			return "not told"
		}
		return fmt.Sprint(x)
	}
	if a == b {
		return tell(a) + unit
	}
	return tell(a) + " and " + tell(b) + unit
}
