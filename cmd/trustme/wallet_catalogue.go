package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/wallet"
)

func walletCatalogueShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a catalogue that is kept, or one of its badges in full", ArgsUsage: "[CATALOGUE [BADGE]]",
		Description: example("Asks nobody. With BADGE and --json: the Open Badges 3.0 achievement. With --language: in that translation.", "trustme wallet catalogue show --language fr openbadges designer"),
		Flags:       walletFlags(languageFlag),
		Action: onWallet(0, 2, "at most a CATALOGUE and a BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			kept, k, err := w.ReadCatalogue(c.Context, first(args))
			if err != nil {
				return err
			}
			if k, err = spoken(k, c.String("language")); err != nil {
				return err
			}
			return show(c, k, node.CatalogueFile{Address: strings.TrimSuffix(kept.ID, "/catalogue.json"), Issuer: kept.Issuer, IssuerName: kept.IssuerName, Base: kept.Base, Published: kept.Published}, args)
		}),
	}
}
