package main

import (
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/wallet"
)

func walletEndorsement() *cli.Command {
	return &cli.Command{
		Name: "endorsement", Usage: "ask for, keep and give endorsements of badges",
		Description: example("A partner's node endorses on request; a colleague endorses with their own wallet, by a file. `present --endorsed` shows a badge with them.", "trustme wallet endorsement ask --at guild Teamwork"),
		Subcommands: []*cli.Command{
			walletEndorsementAsk(),
			walletEndorsementList(),
			walletEndorsementAdd(),
			walletEndorsementSign(),
		},
	}
}

func walletEndorsementAsk() *cli.Command {
	return &cli.Command{
		Name: "ask", Usage: "ask a partner to endorse a badge, an achievement or an issuer", ArgsUsage: "BADGE|URL|DID",
		Description: example("A badge is sent along, so that the partner can look at it. The answer comes with a later sync.", "trustme wallet endorsement ask --at guild --say 'You led the project.' Teamwork"),
		Flags:       walletFlags(&cli.StringFlag{Name: "at", Usage: "the `PARTNER`: label, id or DID"}, &cli.StringFlag{Name: "say", Usage: "what the partner is told"}),
		Action: onWallet(1, 1, "one BADGE, URL or DID", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			a, err := w.AskEndorsement(c.Context, wallet.EndorseRequest{At: c.String("at"), What: args[0], Comment: c.String("say")})
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s", a.ID, a.State)
		}),
	}
}

func walletEndorsementList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list endorsements, each verified now, and requests",
		Description: example("Each line: verdict or state, who, of what.", "trustme wallet endorsement list"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, asks, err := w.Endorsements(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if all == nil {
					all = []wallet.Endorsement{}
				}
				return printJSON(c, fields{"endorsements": all, "requests": asks})
			}
			for _, e := range all {
				say(c, "%s  %s %s  %s  %s%s", e.Verdict, e.By, e.ByName, e.Of, e.Comment, e.Why)
			}
			for _, a := range asks {
				say(c, "%s  %s  %s  %s", a.State, a.ID, a.Of, a.Reason)
			}
			return nil
		}),
	}
}

func walletEndorsementAdd() *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "keep an endorsement that came as a file", ArgsUsage: "FILE|-",
		Description: example("It must verify, and be about a badge that you hold, its achievement or its issuer.", "trustme wallet endorsement add from-ben.json"),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one FILE or -", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			raw, err := readInput(args[0], maxAgreement)
			if err != nil {
				return err
			}
			e, err := w.AddEndorsement(c.Context, raw)
			if err != nil {
				return err
			}
			return answer(c, e, "keeps the endorsement of %s by %s", e.Of, e.By)
		}),
	}
}

func walletEndorsementSign() *cli.Command {
	return &cli.Command{
		Name: "sign", Usage: "endorse a colleague's badge with your own key", ArgsUsage: "FILE|-",
		Description: example("FILE is the badge, which is verified first; the colleague keeps what is written with `endorsement add`. A wallet cannot withdraw an endorsement, so it has an end.", "trustme wallet endorsement sign --name Ben --comment 'We ran it together.' --until 2027-12-31 -o for-ana.json teamwork.json"),
		Flags: walletFlags(&cli.StringFlag{Name: "name", Usage: "your name, if it shall stand there"}, &cli.StringFlag{Name: "comment", Usage: "why, as others read it"}, untilFlag,
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before: needsOutput,
		Action: onWallet(1, 1, "one FILE or -", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			until, err := untilOf(c)
			if err != nil {
				return err
			}
			badge, err := readInput(args[0], maxInput)
			if err != nil {
				return err
			}
			raw, err := w.Endorse(c.Context, badge, c.String("name"), c.String("comment"), until)
			if err != nil {
				return err
			}
			if err := writeOutput(c, c.String("output"), raw); err != nil || c.String("output") == "-" {
				return err
			}
			return answer(c, fields{"file": c.String("output")}, "wrote %s", c.String("output"))
		}),
	}
}
