package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/wallet"
)

func walletLearning() *cli.Command {
	return &cli.Command{
		Name: "learning", Usage: "see, accept and carry learning agreements",
		Description: example("A learning agreement says what badges that you earn at a host count for at home. You accept it and bring it to the host; your wallet carries the signatures to both.", "trustme wallet learning accept 4c1e\ntrustme wallet learning bring --at birch 4c1e"),
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list learning agreements and what they recognise",
				Description: example("Each agreement with who signed it beside home, and its units.", "trustme wallet learning list"),
				Flags:       walletFlags(),
				Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
					all, err := w.Learnings(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, l := range all {
						say(c, "%s  %s  by %s, %d countersigned  %s until %s", strings.TrimPrefix(l.ID, "urn:uuid:")[:8], l.Name, l.Home, len(l.Signers), date(l.From), date(l.Until))
						for _, r := range l.Rules {
							say(c, "  %s as %s%s", r.Source, r.Target, terms(r.MinLevel, r.Within, r.EQF, r.Credits))
						}
					}
					return nil
				}),
			},
			{
				Name: "accept", Usage: "countersign a learning agreement with your key", ArgsUsage: "ID",
				Description: example("ID is that of the list.", "trustme wallet learning accept 4c1e"),
				Flags:       walletFlags(),
				Action: onWallet(1, 1, "one ID", func(c *cli.Context, args []string, w *wallet.Wallet) error {
					l, err := w.AcceptLearning(c.Context, args[0])
					if err != nil {
						return err
					}
					return answer(c, l, "%s: accepted", l.Name)
				}),
			},
			{
				Name: "bring", Usage: "bring a learning agreement to the host", ArgsUsage: "ID",
				Description: example("ID is that of the list.", "trustme wallet learning bring --at birch 4c1e"),
				Flags:       walletFlags(&cli.StringFlag{Name: "at", Usage: "the host: label, id or DID of a `PARTNER`"}),
				Action: onWallet(1, 1, "one ID", func(c *cli.Context, args []string, w *wallet.Wallet) error {
					l, err := w.BringLearning(c.Context, args[0], c.String("at"))
					if err != nil {
						return err
					}
					return answer(c, l, "%s: brought", l.Name)
				}),
			},
		},
	}
}
