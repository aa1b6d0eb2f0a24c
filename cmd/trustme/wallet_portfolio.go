package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/trust-me/trustme/wallet"
	"github.com/trust-me/trustme/wallet/portfolio"
)

func walletPortfolio() *cli.Command {
	return &cli.Command{
		Name: "portfolio", Usage: "publish badges that you choose, without any server, and withdraw them",
		Description: example("Nothing is published unless you name it and look at every field of it first. What is published is listed, and can be withdrawn from where it was written; copies that others made cannot.", "trustme wallet portfolio export --badge \"Badge Designer\" --title \"My badges\" --out site"),
		Subcommands: []*cli.Command{portfolioExport(), portfolioList(), portfolioWithdraw(), portfolioCollection(), portfolioLinkedIn(), portfolioELM()},
	}
}

func portfolioExport() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write a static site of badges that you choose",
		Description: example("Writes index.html and a page for each badge, beside it the badge as it was signed and baked into PNG and SVG, and portfolio.json that lists all. The pages hold no script, ask no other site, and open from a stick or any web server.\n\nYou see every field of every file first, and confirm on the terminal; --preview shows them and writes nothing, --yes writes without asking. Your name and your DID stand on the pages only if you say so; the signed badge itself holds your DID in any case, and so do its images.",
			"trustme wallet portfolio export --badge \"Badge Designer\" --evidence \"Badge Designer=yes\" --title \"My badges\" --name Ana --out site"),
		Flags: leavingFlags(
			&cli.StringFlag{Name: "out", Usage: "`DIR` to write, new or empty"},
			textsFlag("badge", "`BADGE` to publish: id or name; give it again for more"),
			&cli.BoolFlag{Name: "all", Usage: "publish every badge of yours that verifies"},
			&cli.StringFlag{Name: "title", Usage: "title of the site", Value: "Badges"},
			&cli.StringFlag{Name: "name", Usage: "your `NAME` as it shall be shown; none, unless given"},
			textsFlag("evidence", "show the evidence of a badge, with the files of it that are here: `BADGE=yes`"),
			&cli.BoolFlag{Name: "endorsements", Usage: "add the endorsements that you keep of these badges"},
			&cli.BoolFlag{Name: "show-did", Usage: "show your DID on the pages"},
			&cli.BoolFlag{Name: "collection", Usage: "add the badges as one collection that you sign (CLR 2.0)"},
			&cli.StringFlag{Name: "url", Usage: "`ADDRESS` where the site will be served; prints a LinkedIn link for each badge"},
		),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			r := wallet.PortfolioRequest{Badges: textsOf(c, "badge"), All: c.Bool("all"), Title: c.String("title"), Name: c.String("name"), Endorsements: c.Bool("endorsements"),
				ShowDID: c.Bool("show-did"), Collection: c.Bool("collection"), URL: c.String("url")}
			for _, text := range textsOf(c, "evidence") {
				badge, answer, ok := cutLast(text, "=")
				if !ok || answer != "yes" && answer != "no" {
					return usagef("--evidence %q: write BADGE=yes, such as \"Badge Designer=yes\"", text)
				}
				if answer == "yes" {
					r.Evidence = append(r.Evidence, badge)
				}
			}
			if c.String("out") == "" && !c.Bool("preview") {
				return usagef("name the folder to write with --out DIR, or say --preview")
			}
			p, err := w.Portfolio(c.Context, r)
			if err != nil {
				return err
			}
			previews, err := portfolio.Previews(p.Files)
			if err != nil {
				return err
			}
			if write, err := leaves(c, c.String("out"), previews, p.LeftOut); err != nil || !write {
				return err
			}
			done, err := w.Publish(c.Context, c.String("out"), p)
			if err != nil {
				return err
			}
			return printPublished(c, done, p.LeftOut)
		}),
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

const seesFirst = "You see every field of it first, and confirm on the terminal; --preview shows them and writes nothing, --yes writes without asking."

// leavingFlags are those of a command by which something leaves the wallet.
func leavingFlags(more ...cli.Flag) []cli.Flag {
	return walletFlags(append(more, &cli.BoolFlag{Name: "preview", Usage: "show every field of every file, and write nothing"},
		&cli.BoolFlag{Name: "yes", Usage: "write without asking"})...)
}

// leaves shows each field of what would leave and asks, unless --yes was said;
// write is false where it was only to be shown.
func leaves(c *cli.Context, to string, previews []portfolio.Preview, leftOut []string) (write bool, err error) {
	switch {
	case c.Bool("preview") && c.Bool("json"):
		return false, printJSON(c, fields{"files": previews, "leftOut": leftOut})
	case c.Bool("preview"):
		sayPreviews(c, previews, leftOut)
		return false, nil
	case c.Bool("yes"):
		return true, nil
	case c.Bool("json") || to == "-" || !term.IsTerminal(int(os.Stdin.Fd())):
		return false, usagef("look at what would leave with --preview, then say --yes")
	}
	sayPreviews(c, previews, leftOut)
	if err := agreed(fmt.Sprintf("Write this to %s? [y/N] ", plain(to))); err != nil {
		return false, err
	}
	return true, nil
}

func sayPreviews(c *cli.Context, previews []portfolio.Preview, leftOut []string) {
	for _, f := range previews {
		say(c, "%s, %d bytes: %s", f.File, f.Bytes, f.What)
		for _, field := range f.Fields {
			say(c, "    %s: %s", field.Where, plain(field.Value))
		}
	}
	sayLeftOut(c, leftOut)
	say(c, "That is all. Your DID is in every signed badge and in its images, whether a page shows it or not.")
}

func sayLeftOut(c *cli.Context, leftOut []string) {
	for _, l := range leftOut {
		say(c, "left out: %s", plain(l))
	}
}

// agreed asks on the terminal; anything but yes is a no.
func agreed(question string) error {
	fmt.Fprint(os.Stderr, question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if line = strings.ToLower(strings.TrimSpace(line)); line == "y" || line == "yes" {
		return nil
	}
	if err != nil && line == "" {
		fmt.Fprintln(os.Stderr)
	}
	return fmt.Errorf("%w: you did not agree; nothing was written", wallet.ErrInput)
}

func printPublished(c *cli.Context, p wallet.Publication, leftOut []string) error {
	if c.Bool("json") {
		return printJSON(c, p)
	}
	sayLeftOut(c, leftOut)
	say(c, "wrote %d badges in %d files to %s; open index.html there", len(p.Badges), len(p.Files), p.Dir)
	for _, b := range p.Badges {
		if b.LinkedIn != "" {
			say(c, "%s: %s", plain(b.Name), b.LinkedIn)
		}
	}
	say(c, "take it back with: trustme wallet portfolio withdraw %s", p.ID)
	return nil
}

func portfolioList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list what you published, where and when",
		Description: example("Each line: id, day, published or withdrawn, folder, badges.", "trustme wallet portfolio list"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, err := w.Publications(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, p := range all {
				state := "published"
				if !p.Withdrawn.IsZero() {
					state = "withdrawn " + date(p.Withdrawn)
				}
				var names []string
				for _, b := range p.Badges {
					names = append(names, plain(b.Name))
				}
				say(c, "%s  %s  %s  %s  %s  %s", p.ID, date(p.Made), state, p.Dir, p.URL, strings.Join(names, ", "))
			}
			return nil
		}),
	}
}

func portfolioWithdraw() *cli.Command {
	return &cli.Command{
		Name: "withdraw", Usage: "remove the files of a publication, and nothing else", ArgsUsage: "PUBLICATION",
		Description: example("PUBLICATION is an id from the list, or the folder. Files that somebody changed since stay, and are named (exit 1). What you uploaded elsewhere, and what others copied, is not reached.", "trustme wallet portfolio withdraw 3f2a91b0c7d2"),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one PUBLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			p, err := w.WithdrawPublication(c.Context, args[0])
			if err != nil {
				return err
			}
			return answer(c, p, "withdrawn: %d files removed from %s", len(p.Files), p.Dir)
		}),
	}
}

func portfolioCollection() *cli.Command {
	return &cli.Command{
		Name: "collection", Usage: "sign badges as one collection (CLR 2.0)", ArgsUsage: "BADGE...",
		Description: example("A Comprehensive Learner Record 2.0 as a VC-JWT, signed by you: it says that you put these badges together, each of which stays signed by its issuer. Prints the credits of the badges together; those of records that you assert yourself are not counted.\n\n"+seesFirst, "trustme wallet portfolio collection -o mine.jwt --title \"My year\" \"Badge Designer\" \"Badge Issuer\""),
		Flags:       leavingFlags(&cli.StringFlag{Name: "title", Usage: "what it is called"}, &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before:      needsOutputOrPreview,
		Action: onWallet(1, 64, "BADGE...", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			s, err := w.Collection(c.Context, c.String("title"), args)
			if err != nil {
				return err
			}
			out := c.String("output")
			previews, err := portfolio.PreviewSigned(cmp.Or(out, "collection"), s.Credential)
			if err != nil {
				return err
			}
			if write, err := leaves(c, out, previews, nil); err != nil || !write {
				return err
			}
			if err := writeOutput(c, out, s.Credential); err != nil || out == "-" {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, fields{"file": out, "id": s.ID, "badges": s.Badges, "credits": s.Credits})
			}
			say(c, "wrote %d badges to %s", len(s.Badges), out)
			for _, sum := range s.Credits {
				say(c, "%s", sum)
			}
			return nil
		}),
	}
}

func portfolioLinkedIn() *cli.Command {
	return &cli.Command{
		Name: "linkedin", Usage: "print the link that adds a badge to your LinkedIn profile", ArgsUsage: "BADGE",
		Description: example("Nothing is sent: opening the link is your own click, and LinkedIn then learns what stands in it, which is listed before it. --url is the public page of the badge.", "trustme wallet portfolio linkedin --url https://ana.example/badges/badge-designer-3f2a91.html \"Badge Designer\""),
		Flags:       walletFlags(&cli.StringFlag{Name: "url", Usage: "public `ADDRESS` of the badge's page"}),
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			link, err := w.LinkedIn(c.Context, args[0], c.String("url"))
			if err != nil {
				return err
			}
			tells, err := portfolio.PreviewLink(link)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, fields{"link": link, "tells": tells})
			}
			for _, f := range tells {
				fmt.Fprintf(os.Stderr, "tells LinkedIn: %s: %s\n", f.Where, plain(f.Value))
			}
			say(c, "%s", link)
			return nil
		}),
	}
}
