package main

import (
	"fmt"
	"os"
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
					for _, note := range l.Notes {
						fmt.Fprintln(os.Stderr, note)
					}
					return answer(c, l, "%s\nsent to the learner, who accepts it and brings it to the host", l.ID)
				}),
			},
			{
				Name: "list", Usage: "list the learning agreements",
				Description: example("Each line: id, whether as home or host, where it stands, from, until, name.", "trustme node learning list"),
				Flags:       nodeFlags(),
				Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
					all, err := cl.Learnings(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, all, err)
					}
					for _, l := range all {
						say(c, "%s  %s  %s  %s  %s  %s", strings.TrimPrefix(l.ID, "urn:uuid:")[:8], asWhom(l), l.State(now()()), date(l.From), date(l.Until), l.Name)
					}
					return nil
				}),
			},
			learningShow(), learningEnd(),
			{
				Name: "countersign", Usage: "agree as host", ArgsUsage: "ID",
				Description: example("ID is that of the list; the learner brought the agreement here. Read it first with `show`.", "trustme node learning countersign 4c1e"),
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

func asWhom(l node.LearningRecord) string {
	if l.AtHome {
		return "home"
	}
	return "host"
}

func learningShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a learning agreement in full", ArgsUsage: "ID",
		Description: example("What the badges of the host count for, who signed, and who has to yet. The beginning of the id is enough.", "trustme node learning show 4c1e"),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			l, err := cl.Learning(c.Context, args[0])
			if err != nil || c.Bool("json") {
				return orJSON(c, l, err)
			}
			say(c, "%s\n  %s, as %s\n  home     %s\n  learner  %s\n  from     %s until %s\n  under    %s", l.Name, l.Now, asWhom(l.LearningRecord), l.Home, l.Learner, date(l.From), date(l.Until), l.Under)
			for _, s := range l.Signers {
				say(c, "  signed by %s", s)
			}
			sayStatement(c, l.Statement)
			return nil
		}),
	}
}

func learningEnd() *cli.Command {
	return &cli.Command{
		Name: "end", Usage: "take back a learning agreement that this node signed as home", ArgsUsage: "ID",
		Description: example("For good, such as one with a mistake: it counts for nothing from then on, also for what was earned under it.", "trustme node learning end --reason 'wrong badge' 4c1e"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required, and kept in the journal"}),
		Before:      needsReason,
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			l, err := cl.EndLearning(c.Context, node.WithdrawRequest{ID: args[0], Reason: c.String("reason")})
			if err != nil {
				return err
			}
			return answer(c, l, "%s: %s, %s", l.ID, l.Now, l.Name)
		}),
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
