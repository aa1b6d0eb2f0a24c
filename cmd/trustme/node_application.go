package main

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/node"
)

func nodeApplication() *cli.Command {
	decide := func(do, usage, text string, flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: do, Usage: usage, ArgsUsage: "APPLICATION",
			Description: example(text, "trustme node application "+do+" "+map[string]string{"issue": "--as 9c1f2ab04d7e ", "reject": "--reason \"not your own work\" "}[do]+"3f2a91"),
			Flags:       nodeFlags(flags...),
			Before: func(c *cli.Context) error {
				if do == "reject" {
					return needsReason(c)
				}
				return nil
			},
			Action: onNode(1, 1, "one APPLICATION", func(c *cli.Context, args []string, cl *node.Client) error {
				a, err := cl.DecideApplication(c.Context, node.ApplicationDecision{ID: args[0], Do: do, As: c.String("as"), Reason: c.String("reason")})
				if err != nil {
					return err
				}
				if do == "issue" && a.Reason != "" {
					return answer(c, a, "%s: %s is %s: %s", a.ID, a.Name, a.State, plain(a.Reason))
				}
				return answer(c, a, "%s: %s is %s", a.ID, a.Name, a.State)
			}),
		}
	}
	return &cli.Command{
		Name: "application", Usage: "see applications, and decide what is an operator's to decide",
		Description: example("Reviewers decide from their wallets; an operator signs, or ends an application.", "trustme node application list"),
		Subcommands: []*cli.Command{
			applicationList(), applicationShow(),
			decide("issue", "sign an accepted application in the name of an operator's connection, so that its badge is issued", "Who reviewed an application does not sign it, unless the catalogue says foureyes: false.", &cli.StringFlag{Name: "as", Usage: "`CONNECTION` with the role operator; required"}),
			decide("reject", "end an application", "The learner is told the reason, and may appeal once.", &cli.StringFlag{Name: "reason", Usage: "why; required"}),
			decide("keep", "keep an application open although a criterion was found not satisfied", "One more reviewer than the quorum may then overrule who found it so."),
		},
	}
}

func words[T ~string](all []T) string {
	var out []string
	for _, w := range all {
		out = append(out, string(w))
	}
	return strings.Join(out, ", ")
}

func applicationList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the applications",
		Description: example("Each line: id, state, revision, badge, route, what it waits for.", "trustme node application list --state submitted"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "state", Usage: "only those in this `STATE`"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			if s := application.State(c.String("state")); s != "" && !slices.Contains(application.States, s) {
				return usagef("--state %q is none; there are: %s", s, words(application.States))
			}
			all := []node.ApplicationLine{}
			err := cl.Applications(c.Context, c.String("state"), func(a node.ApplicationLine) error {
				if c.Bool("json") {
					all = append(all, a)
					return nil
				}
				say(c, "%s  %-9s  %d  %s  %s  %s", a.ID, a.State, a.Revision, a.Name, a.Route, a.Waits)
				return nil
			})
			if err == nil && c.Bool("json") {
				err = printJSON(c, all)
			}
			return err
		}),
	}
}

func applicationShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show one application in full, or one of its reviews as it was signed", ArgsUsage: "APPLICATION",
		Description: example("Prints the record as JSON, with its reviews.", "trustme node application show 3f2a91"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "review", Usage: "print the signed credential and the document of this `REVIEW`"}),
		Action: onNode(1, 1, "one APPLICATION", func(c *cli.Context, args []string, cl *node.Client) error {
			if id := c.String("review"); id != "" {
				s, err := cl.Review(c.Context, args[0], id)
				return orJSON(c, s, err)
			}
			a, err := cl.Application(c.Context, args[0])
			return orJSON(c, a, err)
		}),
	}
}

func nodeEvidence() *cli.Command {
	return &cli.Command{
		Name: "evidence", Usage: "take out evidence that was handed in",
		Description: example("Files are kept encrypted in the node's store, under their digest.", "trustme node evidence get -o plan.pdf 3f2a91 1"),
		Subcommands: []*cli.Command{{
			Name: "get", Usage: "write a file of an application's evidence", ArgsUsage: "APPLICATION NUMBER",
			Description: example("NUMBER counts the items from 1.", "trustme node evidence get -o plan.pdf 3f2a91 1"),
			Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
			Action: func(c *cli.Context) error {
				if err := needsOutput(c); err != nil {
					return err
				}
				return onNode(2, 2, "APPLICATION NUMBER", getEvidence)(c)
			},
		}},
	}
}

func getEvidence(c *cli.Context, args []string, cl *node.Client) error {
	number, err := strconv.Atoi(args[1])
	if err != nil {
		return usagef("%q is no number of an item of evidence", args[1])
	}
	var whole bytes.Buffer
	if err := cl.Evidence(c.Context, args[0], number, &whole); err != nil {
		return err
	}
	if err := writeOutput(c, c.String("output"), whole.Bytes()); err != nil {
		return err
	}
	return answer(c, fields{"file": c.String("output"), "bytes": whole.Len()}, "wrote %s, %d bytes", c.String("output"), whole.Len())
}

func nodeRole() *cli.Command {
	set := func(name, usage string, take bool) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, ArgsUsage: "reviewer|operator CONNECTION",
			Description: example("CONNECTION is an id of `trustme node connections`.", "trustme node role "+name+" reviewer 9c1f2ab04d7e"),
			Flags:       nodeFlags(),
			Action: onNode(2, 2, "reviewer or operator, and a CONNECTION", func(c *cli.Context, args []string, cl *node.Client) error {
				r, err := cl.SetRole(c.Context, node.RoleRequest{Role: args[0], Connection: args[1], Take: take})
				if err != nil {
					return err
				}
				return answer(c, r, "%s has the roles: %s", r.Connection, orNone(strings.Join(r.Roles, ", ")))
			}),
		}
	}
	return &cli.Command{
		Name: "role", Usage: "see who fulfils a role of the catalogues, and say who reviews and signs here", ArgsUsage: "[ROLE]",
		Description: example("With a ROLE of a catalogue, or without one for all: what it requires, how many learners fulfil it, and whose fit lapses within 90 days.\n\nadd, remove and list are about the node itself: a reviewer decides about applications, an operator signs accepted ones, also without a badge for it.", "trustme node role open-badge-issuer\ntrustme node role add reviewer 9c1f2ab04d7e"),
		Flags:       nodeFlags(),
		Action:      roleStandings(),
		Subcommands: []*cli.Command{
			set("add", "give a role to a connection", false), set("remove", "take a role from a connection", true),
			{
				Name: "list", Usage: "list the roles",
				Description: example("Each line: connection, roles.", "trustme node role list"),
				Flags:       nodeFlags(),
				Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
					rs, err := cl.Roles(c.Context)
					if err != nil || c.Bool("json") {
						return orJSON(c, rs, err)
					}
					for _, r := range rs {
						say(c, "%s  %s", r.Connection, strings.Join(r.Roles, ", "))
					}
					return nil
				}),
			},
		},
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func nodeClaimCode() *cli.Command {
	return &cli.Command{
		Name: "claim-code", Usage: "make a code that earns a badge for whoever redeems it", ArgsUsage: "BADGE",
		Description: example("For badges that the catalogue awards by claim-code. A wallet opens the link, or, when it is connected already, redeems the code: trustme wallet claim CODE. One person redeems a code once.", "trustme node claim-code --uses 25 --for 168h explorer"),
		Flags: nodeFlags(&cli.IntFlag{Name: "uses", Value: 1, Usage: "how many may redeem it"}, &cli.DurationFlag{Name: "for", Value: 7 * 24 * time.Hour, Usage: "how long it is open"},
			&cli.IntFlag{Name: "level", Usage: "level that it earns"}, &cli.StringFlag{Name: "qr", Usage: "write the link as a QR code to `FILE` (PNG)"}, forceFlag),
		Action: func(c *cli.Context) error {
			if c.Int("uses") < 1 || c.Duration("for") <= 0 {
				return usagef("nobody could use it: --uses %d is to be at least 1, and --for %s a while such as 168h", c.Int("uses"), c.Duration("for"))
			}
			return onNode(1, 1, "one BADGE", func(c *cli.Context, args []string, cl *node.Client) error {
				l, err := cl.ClaimCode(c.Context, node.ClaimCodeRequest{Achievement: args[0], Level: c.Int("level"), Uses: c.Int("uses"), For: c.Duration("for")})
				if err != nil {
					return err
				}
				return printLink(c, l, l, "connect")
			})(c)
		},
	}
}
