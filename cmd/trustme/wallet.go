package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/wallet"
)

func walletCommand() *cli.Command {
	return &cli.Command{
		Name: "wallet", Usage: "hold badges, and show them as you wish",
		Description: example("A wallet is one directory that belongs to the learner. It needs no account, and keeps working when every partner is gone.", "trustme wallet init\ntrustme wallet connect https://alder.example/i/K7Q2M-9XP4T"),
		Subcommands: []*cli.Command{
			walletInit(), walletDID(), walletConnect(), walletPartners(), walletSync(), walletWatch(), walletList(), walletShow(), walletVerify(), walletOffers(),
			walletAnswer("accept", "accept an offer that was put aside"), walletAnswer("decline", "turn an offer down", &cli.StringFlag{Name: "reason", Usage: "what the partner is told"}),
			walletPresent(), walletExport(), walletImport(), walletBackup(), walletRestore(),
			walletCatalogue(), walletPath(), walletRole(), walletEndorsement(), walletLearning(), walletRenew(), walletRenewals(), walletRecord(), walletPortfolio(),
			walletApply(), walletApplications(), walletClaim(), walletReview(),
		},
	}
}

func walletFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{dirFlag("wallet"), passphraseFileFlag, jsonFlag, verboseFlag, loopbackFlag, offlineFlag, refreshFlag}, more...)
}

func walletInit() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "make a wallet",
		Description: example("Makes the directory with a new key, sealed with a passphrase.", "trustme wallet init"),
		Flags:       walletFlags(&cli.BoolFlag{Name: "unattended", Usage: "seal with a file instead of a passphrase"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			o, err := sealOptions(c)
			if err != nil {
				return err
			}
			d, err := wallet.Init(c.Context, c.String("dir"), o)
			if err != nil {
				return err
			}
			return answer(c, fields{"did": d.String(), "dir": c.String("dir")}, "%s", d)
		},
	}
}

func walletDID() *cli.Command {
	return &cli.Command{
		Name: "did", Usage: "print the DID to which your badges are bound",
		Description: example("Tell it to who wants to give you a badge without a connection.", "trustme wallet did"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			return answer(c, fields{"did": w.DID().String()}, "%s", w.DID())
		}),
	}
}

// onWallet is the action of a verb that has operands and opens the wallet.
func onWallet(least, most int, names string, f func(*cli.Context, []string, *wallet.Wallet) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := operands(c, least, most, names)
		if err != nil {
			return err
		}
		return withWallet(c, func(_ context.Context, w *wallet.Wallet) error { return f(c, args, w) })
	}
}

// withWallet opens the wallet for one verb.
func withWallet(c *cli.Context, f func(context.Context, *wallet.Wallet) error) error {
	dir := c.String("dir")
	if !seal.Exists(dir) {
		return fmt.Errorf("%w: %s is no wallet; make one with: trustme wallet init --dir %s", wallet.ErrInput, dir, dir)
	}
	p, err := passphrase(c, dir)
	if err != nil {
		return err
	}
	w, err := wallet.Open(c.Context, wallet.Config{Dir: dir, Passphrase: p, Loopback: c.Bool("allow-loopback"), Offline: c.Bool("offline"), Refresh: c.Bool("refresh"), Hold: c.Bool("hold"), Endorsed: c.Bool("endorsed"), Now: now(), Log: logger(c)})
	if err != nil {
		return err
	}
	return errors.Join(f(c.Context, w), w.Close())
}

func walletConnect() *cli.Command {
	return &cli.Command{
		Name: "connect", Usage: "accept a partner's invitation", ArgsUsage: "LINK",
		Description: example("Makes a pair of keys for this partner alone, connects, and fetches what waits there. A claim link works the same.", "trustme wallet connect https://alder.example/i/K7Q2M-9XP4T"),
		Flags:       walletFlags(holdFlag),
		Action: onWallet(1, 1, "one LINK", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			r, err := w.Connect(c.Context, args[0])
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, r)
			}
			say(c, "connected with %s", r.Label)
			sayReceived(c, r.Sync)
			return nil
		}),
	}
}

var holdFlag = &cli.BoolFlag{Name: "hold", Usage: "put offers aside instead of accepting them"}

func sayReceived(c *cli.Context, r wallet.SyncResult) {
	for _, n := range r.Received {
		say(c, "received %s from %s", n, r.Partner)
	}
	for _, n := range r.News {
		say(c, "%s: %s", plain(r.Partner), plain(n))
	}
	if r.Waiting > 0 {
		say(c, "%d offers of %s wait for your decision: trustme wallet offers", r.Waiting, r.Partner)
	}
}

func walletSync() *cli.Command {
	return &cli.Command{
		Name: "sync", Usage: "fetch what partners have for you",
		Description: example("Visits every partner once, tells what issuers said of your badges after a look at their status, and fetches kept catalogues anew that are older than a day. Exit 2 when one did not answer; what waits there comes next time.", "trustme wallet sync"),
		Flags:       walletFlags(holdFlag),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			rs, err := w.Sync(c.Context)
			if c.Bool("json") {
				return errors.Join(printJSON(c, rs), err)
			}
			n := 0
			for _, r := range rs {
				sayReceived(c, r)
				n += len(r.Received) + len(r.News)
				if r.Problem != "" {
					say(c, "%s: %s", r.Partner, r.Problem)
				}
			}
			if n == 0 && err == nil {
				say(c, "nothing new")
			}
			due, also := w.Reminders(c.Context)
			if len(due) > 0 {
				fmt.Fprintf(os.Stderr, "%d of your badges are due for renewal; see: trustme wallet renewals\n", len(due))
			}
			return errors.Join(err, also)
		}),
	}
}

func walletWatch() *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "stay connected, so that badges come as they are issued",
		Description: example("Ends with Ctrl-C or SIGTERM, exit 0. A lost connection is made again.", "trustme wallet watch"),
		Flags:       walletFlags(holdFlag),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			cs, told := w.Connections(context.WithoutCancel(c.Context))
			if len(cs) > 0 { // else it is refused
				told = errors.Join(told, answer(c, fields{"watching": len(cs)}, "watching"))
			}
			err := w.Watch(c.Context, func(e wallet.Event) {
				if e.Received != "" {
					told = errors.Join(told, answer(c, e, "received %s", e.Received))
				} else {
					told = errors.Join(told, answer(c, e, "%s: %s", plain(e.Partner), plain(e.News)))
				}
			})
			return errors.Join(err, told)
		}),
	}
}

func walletList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the badges",
		Description: example("Each line: id, verdict of the last look, name and level, issuer, end of validity, and what its issuer said of one that was revoked or suspended.", "trustme wallet list"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			hs, err := w.List(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, hs)
			}
			for _, h := range hs {
				by := h.IssuerName
				if h.SelfAsserted {
					by = "self-asserted"
				}
				name := h.Name
				if h.Level != "" {
					name += ", " + h.Level
				}
				said := ""
				if h.Said != nil && h.Said.Standing != "active" {
					said = "  " + plain(h.Word())
				}
				say(c, "%s  %-9s  %-24s  %-16s  %s%s", h.ID, h.Verdict, name, by, date(h.ValidUntil), said)
			}
			return nil
		}),
	}
}

func walletVerify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check a badge as any verifier would", ArgsUsage: "BADGE",
		Description: example("Exit 0 valid, 1 invalid, 2 could not tell.", "trustme wallet verify \"Badge Designer\""),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			_, r, err := w.Verify(c.Context, args[0])
			if err != nil {
				return err
			}
			return printReport(c, r)
		}),
	}
}

func walletOffers() *cli.Command {
	return &cli.Command{
		Name: "offers", Usage: "list what partners offer",
		Description: example("Each line: id, state, badge, issuer.", "trustme wallet offers"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, err := w.Offers(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, all)
			}
			for _, o := range all {
				say(c, "%s  %-9s  %s  %s  %s", o.ID, o.State, plain(o.Preview.Name), plain(o.Preview.IssuerName), plain(o.Reason))
			}
			return nil
		}),
	}
}

func walletAnswer(name, usage string, flags ...cli.Flag) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "OFFER",
		Description: example("OFFER is an id from `trustme wallet offers`, or the badge's name.", "trustme wallet "+name+" \"Badge Designer\""),
		Flags:       walletFlags(flags...),
		Action: onWallet(1, 1, "one OFFER", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			r, err := w.Answer(c.Context, args[0], name == "accept", c.String("reason"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, r)
			}
			sayReceived(c, r)
			return nil
		}),
	}
}
