package main

import (
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/wallet"
)

func walletPartners() *cli.Command {
	return &cli.Command{
		Name: "partners", Usage: "list and forget the partners that you are connected with",
		Description: example("A partner is named by its label, its id or its DID wherever a command takes --at.", "trustme wallet partners list"),
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list the partners",
				Description: example("Each line: id, since, label, DID.", "trustme wallet partners list"),
				Flags:       walletFlags(),
				Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
					all, err := w.Connections(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, p := range all {
						say(c, "%s  %s  %s  %s", p.ID, date(p.Since), plain(p.Label), p.Peer)
					}
					return nil
				}),
			},
			{
				Name: "forget", Usage: "end the connection with a partner", ArgsUsage: "PARTNER",
				Description: example("It is not visited any more, and what waits for it is dropped. Badges stay; a new invitation makes a new connection.", "trustme wallet partners forget Alder"),
				Flags:       walletFlags(),
				Action: onWallet(1, 1, "one PARTNER", func(c *cli.Context, args []string, w *wallet.Wallet) error {
					p, err := w.ForgetPartner(c.Context, args[0])
					if err != nil {
						return err
					}
					return answer(c, p, "forgotten: %s, %s", p.ID, plain(p.Label))
				}),
			},
		},
	}
}
