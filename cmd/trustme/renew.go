package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/wallet"
)

func nodeRenewals() *cli.Command {
	return &cli.Command{
		Name: "renewals", Usage: "list the badges whose renewal is due",
		Description: example("Each line: state, valid until, badge, recipient, how it is renewed. The state is due, overdue (it has lapsed and can still be renewed), or with --within also not due yet.", "trustme node renewals --within 720h"),
		Flags:       nodeFlags(&cli.DurationFlag{Name: "within", Usage: "also those whose renewal opens within that time"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			if c.Duration("within") < 0 {
				return usagef("--within %s is no time to look ahead; write 720h", c.Duration("within"))
			}
			all, err := cl.Renewals(c.Context, node.RenewalsRequest{Within: c.Duration("within")})
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, r := range all {
				say(c, "%-7s  %s  %s  %s  %s  by %s", r.State, r.Award.ValidUntil.Format(time.DateOnly), r.Award.ID, r.Award.Name, r.Award.Recipient.Display(), r.How)
			}
			return nil
		}),
	}
}

func nodeRenew() *cli.Command {
	return &cli.Command{
		Name: "renew", Usage: "renew a badge by your own decision", ArgsUsage: "ID",
		Description: example("Offers the same badge with newer dates: same id, kept date of award. The older one goes on the expiry list once the learner holds the new one. Badges that are renewed by activity or by a test renew by themselves.", "trustme node renew urn:uuid:0c1e..."),
		Flags:       nodeFlags(untilFlag),
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			until, err := untilOf(c)
			if err != nil {
				return err
			}
			g, err := cl.Renew(c.Context, node.RenewRequest{ID: args[0], ValidUntil: until})
			if err != nil {
				return err
			}
			return answer(c, g, "%s: renewed until %s (%s)", g.Award.Name, g.Award.ValidUntil.Format(time.DateOnly), g.Award.State)
		}),
	}
}

func nodeWithdraw() *cli.Command {
	return &cli.Command{
		Name: "withdraw", Usage: "revoke every badge of an achievement", ArgsUsage: "ACHIEVEMENT",
		Description: example("For good, such as after a mistake in its assessment. Milestones that were awarded for them stay. Set retired: true in the catalogue as well, so that no more are given.", "trustme node withdraw --reason 'the assessment was wrong' openbadges/basics"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required, and kept in the journal"}),
		Before:      needsReason,
		Action: onNode(1, 1, "one ACHIEVEMENT", func(c *cli.Context, args []string, cl *node.Client) error {
			w, err := cl.WithdrawAll(c.Context, node.WithdrawAllRequest{Achievement: args[0], Reason: c.String("reason")})
			if err != nil {
				return err
			}
			return answer(c, w, "%s: %d badges revoked", w.Achievement, w.Revoked)
		}),
	}
}

func walletRenewals() *cli.Command {
	return &cli.Command{
		Name: "renewals", Usage: "list your badges that end soon or have ended",
		Description: example("Asks nobody. Each line: end, badge, how it is renewed, where a catalogue that you keep tells it.", "trustme wallet renewals"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, err := w.Reminders(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			sayReminders(c, all)
			return nil
		}),
	}
}

func sayReminders(c *cli.Context, all []wallet.Reminder) {
	for _, r := range all {
		ends, how := "ends", r.How
		if r.Over {
			ends = "ended"
		}
		if how != "" {
			how = "; it is renewed " + how
		}
		say(c, "%s %s on %s%s: trustme wallet renew %s", r.Name, ends, r.ValidUntil.Format(time.DateOnly), how, r.ID)
	}
}

func walletRenew() *cli.Command {
	return &cli.Command{
		Name: "renew", Usage: "ask for a badge with newer dates", ArgsUsage: "BADGE",
		Description: example("Where the badge is renewed by activity, it comes at once if you were active enough; where it is renewed by fresh evidence, give that, and it is reviewed like an application. What the renewal wants is said when it is not there (exit 1).", "trustme wallet renew --evidence report.pdf \"Badge Issuer\""),
		Flags:       walletFlags(append(evidenceFlags(), atFlag)...),
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			a, err := applyRequest(c)
			if err != nil {
				return err
			}
			r, err := w.Renew(c.Context, wallet.RenewRequest{What: args[0], ApplyRequest: a})
			switch {
			case err != nil:
				return err
			case r.Application != nil:
				return answer(c, r, "%s: %s at %s is %s", r.Application.ID, r.Application.Name, r.Application.Partner, r.Application.Standing())
			}
			return answer(c, r, "%s is valid until %s now", r.Badge.Name, r.Badge.ValidUntil.Format(time.DateOnly))
		}),
	}
}
