package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeLearning() *cli.Command {
	return &cli.Command{
		Name: "learning", Usage: "agree for one learner what badges earned at a partner count for",
		Description: example("Home signs, the learner and the host countersign; the learner's wallet carries the agreement. It is under a partner agreement that is in force. Afterwards `trustme node recognise` holds the host's transcript to it.", "trustme node learning sign mobility.yaml"),
		Subcommands: []*cli.Command{
			{
				Name: "sign", Usage: "sign a learning agreement as home and send it to the learner", ArgsUsage: "FILE",
				Description: example("FILE has the keys learning_agreement, learner (a connection), under (the partner agreement), from, until, text and recognizes, as in a partner agreement.", "trustme node learning sign mobility.yaml"),
				Flags:       nodeFlags(),
				Action: onNode(1, 1, "one FILE", func(c *cli.Context, args []string, cl *node.Client) error {
					raw, err := readInput(args[0], maxAgreement)
					if err != nil {
						return err
					}
					l, err := cl.SignLearning(c.Context, node.SignLearningRequest{File: raw})
					if err != nil {
						return err
					}
					return answer(c, l, "%s\nsent to the learner, who accepts it and brings it to the host", l.ID)
				}),
			},
			{
				Name: "list", Usage: "list the learning agreements",
				Description: example("Each line: id, whether as home or host, who countersigned, from, until, name.", "trustme node learning list"),
				Flags:       nodeFlags(),
				Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
					all, err := cl.Learnings(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, l := range all {
						as := "host"
						if l.AtHome {
							as = "home"
						}
						say(c, "%s  %s  %d countersigned  %s  %s  %s", strings.TrimPrefix(l.ID, "urn:uuid:")[:8], as, len(l.Signers), date(l.From), date(l.Until), l.Name)
					}
					return nil
				}),
			},
			{
				Name: "countersign", Usage: "agree as host", ArgsUsage: "ID",
				Description: example("ID is that of the list; the learner brought the agreement here.", "trustme node learning countersign 4c1e"),
				Flags:       nodeFlags(),
				Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
					l, err := cl.CountersignLearning(c.Context, node.CountersignLearningRequest{ID: args[0]})
					if err != nil {
						return err
					}
					return answer(c, l, "%s: countersigned, and on its way to the learner", l.ID)
				}),
			},
		},
	}
}

func nodeTranscript() *cli.Command {
	return &cli.Command{
		Name: "transcript", Usage: "sign a learner's transcript (CLR 2.0) of the badges of this node", ArgsUsage: "CONNECTION|DID",
		Description: example("Holds each badge as it was signed, and which comes before which on a path. It goes to the learner's wallet where there is a connection.", "trustme node transcript -o ana.jwt 3f9a1c22b0d4"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`"}, forceFlag),
		Action: onNode(1, 1, "one CONNECTION or DID", func(c *cli.Context, args []string, cl *node.Client) error {
			t, err := cl.IssueTranscript(c.Context, node.TranscriptRequest{To: args[0]})
			if err != nil {
				return err
			}
			if o := c.String("output"); o != "" {
				if err := writeOutput(c, o, t.Credential); err != nil {
					return err
				}
			}
			sent := ""
			if t.Sent {
				sent = ", and on its way to the learner"
			}
			return answer(c, t, "%s: %d badges%s", t.ID, t.Badges, sent)
		}),
	}
}
