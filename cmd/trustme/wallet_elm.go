package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/trust-me/trustme/credentials/elm"
	"github.com/trust-me/trustme/wallet"
)

func portfolioELM() *cli.Command {
	return &cli.Command{
		Name: "elm", Usage: "write a badge as a European Digital Credential for Europass (ELM 3)", ArgsUsage: "BADGE",
		Description: example("Europass reads the file; in it is the original badge, which stays the proof. The model asks for your legal name and the issuer's legal identifier, which no badge holds: they are added only when you agree, on the terminal or with --yes.\n\nOut of reach: the electronic seal that Europass shows as verified. Only the awarding body can make it, with a qualified certificate.",
			"trustme wallet portfolio elm -o designer.json --legal-name \"Ana Andromeda\" --issuer-id BE-126839 \"Badge Designer\""),
		Flags: walletFlags(&cli.StringFlag{Name: "legal-name", Usage: "your full legal `NAME`"},
			&cli.StringFlag{Name: "issuer-id", Usage: "legal `IDENTIFIER` of the issuer, such as BE-126839"},
			&cli.StringFlag{Name: "issuer-name", Usage: "legal `NAME` of the issuer, where it is not that in the badge"},
			&cli.StringFlag{Name: "country", Usage: "the issuer's `COUNTRY`, such as BEL, where its identifier does not begin with it"},
			&cli.BoolFlag{Name: "yes", Usage: "add the legal data without asking"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before: needsOutput,
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			raw, err := w.ELM(c.Context, args[0], elm.Legal{Learner: c.String("legal-name"), Issuer: c.String("issuer-name"), Identifier: c.String("issuer-id"), Country: c.String("country")})
			if err != nil {
				return err
			}
			if err := legalAgreed(c); err != nil {
				return err
			}
			out := c.String("output")
			if err := writeOutput(c, out, raw); err != nil || out == "-" {
				return err
			}
			fmt.Fprintln(os.Stderr, "not sealed: only the awarding body can do that, with a qualified certificate; the badge in it is the proof")
			return answer(c, fields{"file": out, "sealed": false}, "wrote %s", out)
		}),
	}
}

// legalAgreed asks before legal data is added.
func legalAgreed(c *cli.Context) error {
	if c.Bool("yes") {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usagef("this adds your legal name and the issuer's legal identifier to the file; if you agree, say --yes")
	}
	fmt.Fprintf(os.Stderr, "Added to the badge:\n  your legal name            %s\n  issuer's legal identifier  %s\n", plain(c.String("legal-name")), plain(c.String("issuer-id")))
	return agreed("Write them? [y/N] ")
}
