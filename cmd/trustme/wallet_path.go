package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node/drawing"
	"github.com/trust-me/trustme/wallet"
)

func walletCatalogue() *cli.Command {
	return &cli.Command{
		Name: "catalogue", Usage: "keep the catalogues of partners, for paths and roles",
		Description: example("A catalogue is signed by its publisher and checked before it is kept. One older than a day is fetched anew at a sync and when it is used; without a connection the one that is kept goes on, and its age is told.", "trustme wallet catalogue add https://alder.example/openbadges"),
		Subcommands: []*cli.Command{
			walletCatalogueShow(),
			{
				Name: "add", Usage: "fetch, verify and keep a catalogue, or its newer version", ArgsUsage: "URL|DID",
				Description: example("URL is the address of the catalogue's page; that of a partner, or its DID, will do where it publishes one alone.", "trustme wallet catalogue add https://alder.example/openbadges"),
				Flags:       walletFlags(),
				Action: onWallet(1, 1, "one URL", func(c *cli.Context, args []string, w *wallet.Wallet) error {
					k, err := w.AddCatalogue(c.Context, args[0])
					if err != nil {
						return err
					}
					return answer(c, k, "keeps %s %s by %s", k.Slug, k.Version, k.Issuer)
				}),
			},
			{
				Name: "list", Usage: "list the catalogues that are kept",
				Description: example("Each line: catalogue, version, name, publisher, when it was fetched and how old that is.", "trustme wallet catalogue list"),
				Flags:       walletFlags(),
				Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
					all, err := w.Catalogues(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, k := range all {
						say(c, "%s  %s  %s  %s  %s, %s", k.Slug, k.Version, k.Name, k.Issuer, date(k.Fetched), aged(w.AgeOf(k), k.Problem))
					}
					return nil
				}),
			},
			{
				Name: "remove", Usage: "forget a catalogue", ArgsUsage: "CATALOGUE",
				Description: example("CATALOGUE is its name from the list, or its address.", "trustme wallet catalogue remove openbadges"),
				Flags:       walletFlags(),
				Action: onWallet(1, 1, "one CATALOGUE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
					k, err := w.RemoveCatalogue(c.Context, args[0])
					if err != nil {
						return err
					}
					return answer(c, k, "forgot %s by %s", k.Slug, k.Issuer)
				}),
			},
		},
	}
}

// aged says how old a kept catalogue is, and why it is not newer.
func aged(age time.Duration, problem string) string {
	out := ""
	switch {
	case age < time.Hour:
		out = "less than an hour old"
	case age < 48*time.Hour:
		out = several(int(age.Hours()), "hour") + " old"
	default:
		out = several(int(age.Hours()/24), "day") + " old"
	}
	if problem != "" {
		out += "; not fetched anew: " + plain(problem)
	}
	return out
}

// sayOld tells on stderr which catalogues an answer rests on that should be
// newer.
func sayOld(w *wallet.Wallet, kept []wallet.Catalogue) {
	told := map[string]bool{}
	for _, k := range kept {
		if w.Old(k) && !told[k.ID] {
			told[k.ID] = true
			fmt.Fprintf(os.Stderr, "the catalogue %s is as of %s, %s\n", k.Slug, date(k.Fetched), aged(w.AgeOf(k), k.Problem))
		}
	}
}

func orJSON(c *cli.Context, v any, err error) error {
	if err != nil {
		return err
	}
	return printJSON(c, v)
}

func walletPath() *cli.Command {
	return &cli.Command{
		Name: "path", Usage: "see where you stand with a learning path, and what comes next", ArgsUsage: "[PATH]",
		Description: example("Answers from the badges that you hold, each verified now, and the catalogues that you keep. A step is satisfied, available, in progress (offered and not taken yet), locked with what comes before it, lapsed, or uncertain when its badge could not be judged. --draw and --svg draw it, readable without colours.", "trustme wallet path become-issuer\ntrustme wallet path --svg path.svg become-issuer"),
		Flags:       walletFlags(drawFlag, svgFlag, forceFlag, languageFlag),
		Action: onWallet(0, 1, "at most one PATH", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			all, err := w.Paths(c.Context, first(args), c.String("language"))
			if err != nil {
				return err
			}
			var drawn []drawing.Path
			var kept []wallet.Catalogue
			for _, p := range all {
				kept = append(kept, p.Kept)
				drawn = append(drawn, drawProgress(p))
			}
			sayOld(w, kept)
			if done, err := drawPaths(c, drawn, all); done || err != nil {
				return err
			}
			for i, p := range all {
				if i > 0 {
					say(c, "")
				}
				printPath(c, p)
			}
			return nil
		}),
	}
}

var (
	drawFlag = &cli.BoolFlag{Name: "draw", Usage: "draw it as text"}
	svgFlag  = &cli.StringFlag{Name: "svg", Usage: "draw it as an image to `FILE`"}
)

func drawProgress(p wallet.PathProgress) drawing.Path {
	d := drawing.Of(p.Name, p.Layout, func(badge string) string { return p.Names[badge] }).Mark(p.Progress)
	d.Summary = fmt.Sprintf("%d of %d steps; the goal is %s", p.Progress.Done, p.Progress.Of, met(p.Progress.Goal))
	return d
}

// drawPaths prints paths as --json, --draw or --svg ask for; done is false
// where none of them does.
func drawPaths(c *cli.Context, drawn []drawing.Path, v any) (done bool, err error) {
	if file := c.String("svg"); file != "" {
		if len(drawn) != 1 {
			return true, usagef("an image shows one path, and there are %d; name one", len(drawn))
		}
		if err := writeOutput(c, file, drawn[0].SVG()); err != nil || file == "-" {
			return true, err
		}
		return true, answer(c, fields{"file": file}, "wrote %s", file)
	}
	switch {
	case c.Bool("json"):
		return true, printJSON(c, v)
	case c.Bool("draw"):
		for _, d := range drawn {
			say(c, "%s", d.Text())
		}
		return true, nil
	}
	return false, nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func printPath(c *cli.Context, p wallet.PathProgress) {
	order := "the order is advice"
	if p.Enforced {
		order = "the order is enforced"
	}
	say(c, "%s (%s of %s; %s)", p.Name, p.Path, p.Catalogue, order)
	for _, s := range p.Progress.Steps {
		say(c, "  %-12s %-12s %s%s", s.State, s.Badge, p.Names[s.Badge], remark(s))
	}
	say(c, "%d of %d steps; the goal is %s", p.Progress.Done, p.Progress.Of, met(p.Progress.Goal))
	if next := p.Progress.Next(); len(next) > 0 {
		say(c, "next: %s", strings.Join(next, ", "))
	}
}

func remark(s requirement.StepProgress) string {
	var out []string
	switch {
	case len(s.Missing) > 0 && s.State == requirement.Locked:
		out = append(out, "needs "+strings.Join(s.Missing, ", "))
	case len(s.Missing) > 0:
		out = append(out, "better after "+strings.Join(s.Missing, ", "))
	case s.Why != "":
		out = append(out, s.Why)
	}
	switch {
	case s.State == requirement.Satisfied:
	case s.Instead != "":
		out = append(out, "given no more; earn "+s.Instead+" in its place")
	case s.Retired:
		out = append(out, "given no more")
	}
	if s.Optional {
		out = append(out, "optional")
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}

func met(o requirement.Outcome) string {
	switch o.Answer {
	case credentials.Yes:
		return "met"
	case credentials.Unknown:
		return "uncertain: " + strings.Join(o.Missing, ", ")
	}
	return "not met: " + strings.Join(o.Missing, ", ") + " missing"
}

func walletRole() *cli.Command {
	return &cli.Command{
		Name: "role", Usage: "see whether you fit a role, and what is missing", ArgsUsage: "[ROLE]",
		Description: example("Answers from the badges that you hold, each verified now, and the catalogues that you keep, and names the fewest badges that prove it.\n\nWith ROLE: exit 0 you fit it, 1 you do not, 2 could not tell.", "trustme wallet role open-badge-issuer"),
		Flags:       walletFlags(languageFlag),
		Action: onWallet(0, 1, "at most one ROLE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			all, err := w.Roles(c.Context, first(args), c.String("language"))
			if err != nil {
				return err
			}
			var kept []wallet.Catalogue
			for _, r := range all {
				kept = append(kept, r.Kept)
			}
			sayOld(w, kept)
			if c.Bool("json") {
				err = printJSON(c, all)
			} else {
				for _, r := range all {
					say(c, "%s (%s of %s): %s", r.Name, r.Role, r.Catalogue, met(r.Outcome))
					if r.Entitles != "" {
						say(c, "  entitles to %s", r.Entitles)
					}
					for _, b := range r.Shown {
						say(c, "  proven by %s", b.Achievement)
					}
				}
			}
			if err != nil || len(args) == 0 {
				return err
			}
			return byAnswers(all)
		}),
	}
}

// byAnswers gives the exit code of roles that were asked about by name.
func byAnswers(all []wallet.RoleFit) error {
	verdict := credentials.Valid
	for _, r := range all {
		switch {
		case r.Outcome.Answer == credentials.No:
			verdict = credentials.Invalid
		case r.Outcome.Answer == credentials.Unknown && verdict == credentials.Valid:
			verdict = credentials.Undecided
		}
	}
	return byVerdict(string(verdict))
}
