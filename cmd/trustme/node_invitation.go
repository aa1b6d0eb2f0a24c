package main

import (
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeInvitations() *cli.Command {
	return &cli.Command{
		Name: "invitations", Usage: "list and close the links and codes that are open",
		Description: example("Invitations to connect, claim codes, claim links and requests for badges.", "trustme node invitations list\ntrustme node invitations close K7Q2M-9XP4T"),
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list what is open",
				Description: example("Each line: code, uses left, until when, what it is for.", "trustme node invitations list"),
				Flags:       nodeFlags(),
				Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
					all, err := cl.Invitations(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, i := range all {
						say(c, "%s  %d  %s  %s", i.Code, i.Uses, date(i.Expires), leadsTo(i))
					}
					return nil
				}),
			},
			{
				Name: "close", Usage: "let nobody use a link or code any more", ArgsUsage: "CODE",
				Description: example("Who used it before keeps what came of it.", "trustme node invitations close K7Q2M-9XP4T"),
				Flags:       nodeFlags(),
				Action: onNode(1, 1, "one CODE", func(c *cli.Context, args []string, cl *node.Client) error {
					i, err := cl.CloseInvitation(c.Context, node.CloseRequest{Code: args[0]})
					if err != nil {
						return err
					}
					return answer(c, i, "closed: %s, %s", i.Code, leadsTo(i))
				}),
			},
		},
	}
}

// leadsTo says what a link or code is for.
func leadsTo(i node.Invite) string {
	switch {
	case i.Badge != "":
		return "earns " + i.Badge
	case i.Award != "":
		return "claims " + i.Award
	case i.Ask != "":
		return "asks for a badge, request " + i.Ask
	}
	return "connects " + i.Label
}
