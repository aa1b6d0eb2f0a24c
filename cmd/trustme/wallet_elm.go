package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials/elm"
	"github.com/trust-me/trustme/wallet"
	"github.com/trust-me/trustme/wallet/portfolio"
)

func portfolioELM() *cli.Command {
	return &cli.Command{
		Name: "elm", Usage: "write a badge as a European Digital Credential for Europass (ELM 3)", ArgsUsage: "BADGE",
		Description: example("Europass reads the file; in it is the original badge, which stays the proof. The model asks for your legal name and the issuer's legal identifier, which no badge holds: they are added only when you agree.\n\n"+seesFirst+"\n\nOut of reach: the electronic seal that Europass shows as verified. Only the awarding body can make it, with a qualified certificate.",
			"trustme wallet portfolio elm -o designer.json --legal-name \"Ana Andromeda\" --issuer-id BE-126839 \"Badge Designer\""),
		Flags: leavingFlags(&cli.StringFlag{Name: "legal-name", Usage: "your full legal `NAME`"},
			&cli.StringFlag{Name: "issuer-id", Usage: "legal `IDENTIFIER` of the issuer, such as BE-126839"},
			&cli.StringFlag{Name: "issuer-name", Usage: "legal `NAME` of the issuer, where it is not that in the badge"},
			&cli.StringFlag{Name: "country", Usage: "the issuer's `COUNTRY`, such as BEL, where its identifier does not begin with it"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before: needsOutputOrPreview,
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			raw, err := w.ELM(c.Context, args[0], elm.Legal{Learner: c.String("legal-name"), Issuer: c.String("issuer-name"), Identifier: c.String("issuer-id"), Country: c.String("country")})
			if err != nil {
				return err
			}
			out := c.String("output")
			previews, err := portfolio.PreviewELM(cmp.Or(out, "elm.json"), raw)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "added to the badge: your legal name %s, the issuer's legal identifier %s\n", plain(c.String("legal-name")), plain(c.String("issuer-id")))
			if write, err := leaves(c, out, previews, nil); err != nil || !write {
				return err
			}
			if err := writeOutput(c, out, raw); err != nil || out == "-" {
				return err
			}
			fmt.Fprintln(os.Stderr, "not sealed: only the awarding body can do that, with a qualified certificate; the badge in it is the proof")
			return answer(c, fields{"file": out, "sealed": false}, "wrote %s", out)
		}),
	}
}
