package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

var untilFlag = &cli.StringFlag{Name: "until", Usage: "last `DAY`, such as 2027-12-31"}

// untilOf reads --until: the end of that day, UTC.
func untilOf(c *cli.Context) (time.Time, error) {
	s := c.String("until")
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usagef("--until %q is no day; write 2027-12-31", s)
	}
	return t.AddDate(0, 0, 1).Add(-time.Second), nil
}

func isAddress(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

func nodeEndorse() *cli.Command {
	return &cli.Command{
		Name: "endorse", Usage: "stand behind an achievement, a catalogue, an issuer or a badge by a signature", ArgsUsage: "URL|DID|FILE",
		Description: example("What is endorsed is looked at first: an achievement is found at its URL, an issuer by its DID, a badge verifies. A catalogue is named by its address with /catalogue.json, or, while it is a draft, by its YAML file and the address of its --publisher; the endorsement is of that version alone. The endorsement is served by this node until it is withdrawn.", "trustme node endorse --comment 'Meets our standard.' https://alder.example/openbadges/a/designer\ntrustme node endorse --comment 'We teach it so, too.' --publisher https://alder.example draft.yaml"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "comment", Usage: "why, as others read it"}, untilFlag, &cli.StringFlag{Name: "publisher", Usage: "`URL` of the node that will publish a draft"}, &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the endorsement to `FILE`"}, forceFlag),
		Action: onNode(1, 1, "one URL, DID or FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			r := node.EndorseRequest{Comment: c.String("comment")}
			var err error
			if r.Until, err = untilOf(c); err != nil {
				return err
			}
			isDraft := strings.HasSuffix(args[0], ".yaml") || strings.HasSuffix(args[0], ".yml")
			if !isAddress(args[0]) && isDraft != c.IsSet("publisher") {
				return usagef("endorse: a draft is the .yaml file of a catalogue and its --publisher, such as https://alder.example")
			}
			if isAddress(args[0]) || strings.HasPrefix(args[0], "did:") {
				r.Of = args[0]
			} else if isDraft {
				r.Of = c.String("publisher")
				if r.Draft, err = readInput(args[0], catalogue.MaxSize); err != nil {
					return err
				}
			} else if r.Credential, err = readInput(args[0], maxInput); err != nil {
				return err
			}
			e, err := cl.Endorse(c.Context, r)
			if err != nil {
				return err
			}
			if o := c.String("output"); o != "" {
				if err := writeOutput(c, o, e.Credential); err != nil {
					return err
				}
			}
			return answer(c, e, "%s\nat %s", e.ID, e.Address)
		}),
	}
}

func nodeEndorsement() *cli.Command {
	return &cli.Command{
		Name: "endorsement", Usage: "see, answer, take in and withdraw endorsements",
		Description: example("Endorsements of this node and of its achievements that were taken in are embedded in the badges to come.", "trustme node endorsement take https://guild.example/endorsements/77ab..."),
		Subcommands: []*cli.Command{
			endorsementList(),
			endorsementGive(),
			endorsementDecline(),
			endorsementWithdraw(),
			endorsementTake(),
			endorsementDrop(),
		},
	}
}

func endorsementList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list what was given, asked for, and taken in",
		Description: example("Each line: id, which of the three, state, what it is of.", "trustme node endorsement list"),
		Flags:       nodeFlags(),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			all, err := cl.Endorsements(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, a := range all.Wanted {
				say(c, "%s  asked  %s  %s  %s  %s", a.ID, a.State, a.Of, a.Name, a.Comment)
			}
			for _, d := range all.Given {
				say(c, "%s  given  %s  %s", d.ID, d.Standing, d.Of)
			}
			for _, e := range all.Ours {
				say(c, "%s  taken  by %s %s  %s", e.ID, e.By, e.ByName, e.Of)
			}
			return nil
		}),
	}
}

func endorsementGive() *cli.Command {
	return &cli.Command{
		Name: "give", Usage: "give what a wallet asked for", ArgsUsage: "REQUEST",
		Description: example("REQUEST is its id from the list.", "trustme node endorsement give --comment 'We worked together.' 5f2e..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "comment", Usage: "why, as others read it"}, untilFlag),
		Action: onNode(1, 1, "one REQUEST", func(c *cli.Context, args []string, cl *node.Client) error {
			until, err := untilOf(c)
			if err != nil {
				return err
			}
			a, err := cl.AnswerEndorsement(c.Context, node.AnswerEndorsementRequest{ID: args[0], Comment: c.String("comment"), Until: until})
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s", a.ID, a.State)
		}),
	}
}

func endorsementDecline() *cli.Command {
	return &cli.Command{
		Name: "decline", Usage: "decline what a wallet asked for", ArgsUsage: "REQUEST",
		Description: example("The reason is told to who asked.", "trustme node endorsement decline --reason 'We do not know your work.' 5f2e..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "what is told; required"}),
		Before:      needsReason,
		Action: onNode(1, 1, "one REQUEST", func(c *cli.Context, args []string, cl *node.Client) error {
			a, err := cl.AnswerEndorsement(c.Context, node.AnswerEndorsementRequest{ID: args[0], Decline: c.String("reason")})
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s", a.ID, a.State)
		}),
	}
}

func endorsementWithdraw() *cli.Command {
	return &cli.Command{
		Name: "withdraw", Usage: "take back an endorsement that was given", ArgsUsage: "ID",
		Description: example("For good; verifiers see it as soon as their copy of the status list is renewed.", "trustme node endorsement withdraw --reason 'standard changed' urn:uuid:77ab..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required, and kept in the journal"}),
		Before:      needsReason,
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			d, err := cl.WithdrawEndorsement(c.Context, node.WithdrawRequest{ID: args[0], Reason: c.String("reason")})
			if err != nil {
				return err
			}
			return answer(c, d, "%s: withdrawn", d.ID)
		}),
	}
}

func endorsementTake() *cli.Command {
	return &cli.Command{
		Name: "take", Usage: "take in somebody's endorsement of this node, an achievement or a badge of it", ArgsUsage: "URL|FILE",
		Description: example("It must verify. Badges to come hold it.", "trustme node endorsement take https://guild.example/endorsements/77ab..."),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one URL or FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			r := node.TakeEndorsementRequest{}
			var err error
			if isAddress(args[0]) {
				r.Address = args[0]
			} else if r.Credential, err = readInput(args[0], maxAgreement); err != nil {
				return err
			}
			e, err := cl.TakeEndorsement(c.Context, r)
			if err != nil {
				return err
			}
			return answer(c, e, "%s: endorsed by %s", e.Of, fmt.Sprintf("%s %s", e.By, e.ByName))
		}),
	}
}

func endorsementDrop() *cli.Command {
	return &cli.Command{
		Name: "drop", Usage: "leave an endorsement out of badges to come", ArgsUsage: "ID",
		Description: example("Badges that hold it keep it.", "trustme node endorsement drop urn:uuid:77ab..."),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			e, err := cl.DropEndorsement(c.Context, node.WithdrawRequest{ID: args[0]})
			if err != nil {
				return err
			}
			return answer(c, e, "%s: dropped", e.ID)
		}),
	}
}
