package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeBadges() *cli.Command {
	return &cli.Command{
		Name: "badges", Usage: "show badges that were given to this organisation",
		Description: example("A partner awards one to this node's DID (`trustme node issue --to did:web:birch.example ...`) and hands it over as a file (`trustme node show -o`). Those that are taken in stand on this node's page for everybody.", "trustme node badges take quality.json"),
		Subcommands: []*cli.Command{
			{
				Name: "take", Usage: "keep and show a badge of this organisation", ArgsUsage: "FILE|-",
				Description: example("It must be valid, and its subject be this node's DID. A newer version takes the place of an older.", "trustme node badges take quality.json"),
				Flags:       nodeFlags(),
				Action: onNode(1, 1, "one FILE or -", func(c *cli.Context, args []string, cl *node.Client) error {
					raw, err := readInput(args[0], maxInput)
					if err != nil {
						return err
					}
					h, err := cl.TakeHonour(c.Context, node.TakeHonourRequest{Credential: raw})
					if err != nil {
						return err
					}
					return answer(c, h, "%s by %s\nat %s", h.Name, strings.TrimSpace(h.Issuer+" "+h.IssuerName), h.Address)
				}),
			},
			{
				Name: "list", Usage: "list the badges of this organisation, each verified now",
				Description: example("Each line: id, verdict, name, issuer, why.", "trustme node badges list"),
				Flags:       nodeFlags(),
				Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
					all, err := cl.Honours(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, h := range all {
						say(c, "%s  %-9s  %s  %s %s  %s", h.ID, h.Verdict, plain(h.Name), h.Issuer, plain(h.IssuerName), h.Why)
					}
					return nil
				}),
			},
			{
				Name: "drop", Usage: "show a badge no more", ArgsUsage: "ID",
				Description: example("ID is that of the list.", "trustme node badges drop 9c1f2ab04d7e"),
				Flags:       nodeFlags(),
				Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
					h, err := cl.DropHonour(c.Context, node.WithdrawRequest{ID: args[0]})
					if err != nil {
						return err
					}
					return answer(c, h, "dropped: %s, %s", h.ID, h.Name)
				}),
			},
		},
	}
}
