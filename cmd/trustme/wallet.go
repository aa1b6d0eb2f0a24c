package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/wallet"
)

func walletCommand() *cli.Command {
	return &cli.Command{
		Name: "wallet", Usage: "hold badges, and show them as you wish",
		Description: "A wallet is one directory that belongs to the learner. It needs no account, and keeps working when every partner is gone.",
		Subcommands: []*cli.Command{
			walletInit(), walletConnect(), walletSync(), walletWatch(), walletList(), walletShow(), walletVerify(), walletOffers(),
			walletAnswer("accept", "accept an offer that was put aside"), walletAnswer("decline", "turn an offer down"),
			walletPresent(), walletExport(), walletImport(), walletBackup(), walletRestore(),
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
			say(c, "%s", d)
			return nil
		},
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
	w, err := wallet.Open(c.Context, wallet.Config{Dir: dir, Passphrase: p, Loopback: c.Bool("allow-loopback"), Offline: c.Bool("offline"), Refresh: c.Bool("refresh"), Hold: c.Bool("hold"), Now: now(), Log: logger(c)})
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
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one LINK")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				r, err := w.Connect(ctx, args[0])
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, r)
				}
				say(c, "connected with %s", r.Label)
				sayReceived(c, r.Sync)
				return nil
			})
		},
	}
}

var holdFlag = &cli.BoolFlag{Name: "hold", Usage: "put offers aside instead of accepting them"}

func sayReceived(c *cli.Context, r wallet.SyncResult) {
	for _, n := range r.Received {
		say(c, "received %s from %s", n, r.Partner)
	}
	if r.Waiting > 0 {
		say(c, "%d offers of %s wait for your decision: trustme wallet offers", r.Waiting, r.Partner)
	}
}

func walletSync() *cli.Command {
	return &cli.Command{
		Name: "sync", Usage: "fetch what partners have for you",
		Description: example("Visits every partner once. Exit 2 when one did not answer; what waits there comes next time.", "trustme wallet sync"),
		Flags:       walletFlags(holdFlag),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				rs, err := w.Sync(ctx)
				if c.Bool("json") {
					return errors.Join(printJSON(c, rs), err)
				}
				n := 0
				for _, r := range rs {
					sayReceived(c, r)
					n += len(r.Received)
					if r.Problem != "" {
						say(c, "%s: %s", r.Partner, r.Problem)
					}
				}
				if n == 0 && err == nil {
					say(c, "nothing new")
				}
				return err
			})
		},
	}
}

func walletWatch() *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "stay connected, so that badges come as they are issued",
		Description: example("Ends with Ctrl-C. A lost connection is made again.", "trustme wallet watch"),
		Flags:       walletFlags(holdFlag),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				say(c, "watching")
				return w.Watch(ctx, func(name string) { say(c, "received %s", name) })
			})
		},
	}
}

func walletList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the badges",
		Description: example("Each line: id, verdict of the last look, name, issuer, end of validity.", "trustme wallet list"),
		Flags:       walletFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				hs, err := w.List(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					if hs == nil {
						hs = []wallet.Held{}
					}
					return printJSON(c, hs)
				}
				for _, h := range hs {
					say(c, "%s  %-9s  %-24s  %-16s  %s", h.ID, h.Verdict, h.Name, h.IssuerName, date(h.ValidUntil))
				}
				return nil
			})
		},
	}
}

func walletShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show one badge in full", ArgsUsage: "BADGE",
		Description: example("BADGE is an id from the list, or a name. Prints the record; --json prints the badge as it was signed.", "trustme wallet show \"Badge Designer\""),
		Flags:       walletFlags(),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one BADGE")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				h, raw, err := w.Get(ctx, args[0])
				if err != nil {
					return err
				}
				if c.Bool("json") {
					say(c, "%s", raw)
					return nil
				}
				say(c, "%s\n  issued by   %s (%s)\n  for         %s\n  badge       %s\n  credential  %s\n  valid       %s to %s\n  received    %s\n  verdict     %s on %s: %s", h.Name, h.IssuerName, h.Issuer, h.Subject, h.Achievement, h.Credential, date(h.ValidFrom), date(h.ValidUntil), date(h.Received), h.Verdict, date(h.Checked), h.Why)
				return nil
			})
		},
	}
}

func walletVerify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check a badge as any verifier would", ArgsUsage: "BADGE",
		Description: example("Exit 0 valid, 1 invalid, 2 could not tell.", "trustme wallet verify \"Badge Designer\""),
		Flags:       walletFlags(),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one BADGE")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				_, r, err := w.Verify(ctx, args[0])
				if err != nil {
					return err
				}
				return printReport(c, r)
			})
		},
	}
}

func walletOffers() *cli.Command {
	return &cli.Command{
		Name: "offers", Usage: "list what partners offer",
		Description: example("Each line: id, state, badge, issuer.", "trustme wallet offers"),
		Flags:       walletFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				os, err := w.Offers(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, os)
				}
				for _, o := range os {
					say(c, "%s  %-9s  %s  %s  %s", o.ID, o.State, o.Preview.Name, o.Preview.IssuerName, o.Reason)
				}
				return nil
			})
		},
	}
}

func walletAnswer(name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "OFFER",
		Description: example("OFFER is an id from `trustme wallet offers`, or the badge's name.", "trustme wallet "+name+" \"Badge Designer\""),
		Flags:       walletFlags(&cli.StringFlag{Name: "reason", Usage: "what the partner is told when you decline"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one OFFER")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				r, err := w.Answer(ctx, args[0], name == "accept", c.String("reason"))
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, r)
				}
				sayReceived(c, r)
				return nil
			})
		},
	}
}

func walletPresent() *cli.Command {
	return &cli.Command{
		Name: "present", Usage: "show badges to a verifier", ArgsUsage: "LINK [BADGE...]",
		Description: example("LINK is the verifier's request. Without BADGE, the one that is asked for is shown. With --challenge, --domain and -o, the presentation is written to a file instead, and only badges are named.\n\nExit 0 accepted, 1 refused.", "trustme wallet present https://birch.example/i/K7Q2M-9XP4T basics"),
		Flags:       walletFlags(&cli.StringFlag{Name: "challenge", Usage: "the verifier's challenge, for a file"}, &cli.StringFlag{Name: "domain", Usage: "the verifier's domain, for a file"}, &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 20, "LINK [BADGE...]")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				if out := c.String("output"); out != "" {
					vp, err := w.PresentFile(ctx, args, c.String("challenge"), c.String("domain"))
					if err != nil {
						return err
					}
					return writeOutput(c, out, vp)
				}
				s, err := w.Present(ctx, args[0], args[1:])
				if err != nil {
					return err
				}
				if c.Bool("json") {
					err = printJSON(c, s)
				} else {
					say(c, "%s by %s: %s", s.State, s.To, s.Answer)
				}
				switch {
				case err != nil:
					return err
				case s.State == wallet.ShownAccepted:
					return nil
				case s.State == wallet.ShownRefused:
					return &verdictError{exitNo}
				}
				return &verdictError{exitUndecided}
			})
		},
	}
}

func walletExport() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write a badge to a file", ArgsUsage: "BADGE",
		Description: example("The ending of the file decides: .json as signed, .png or .svg baked into its image.", "trustme wallet export -o designer.png \"Badge Designer\""),
		Flags:       walletFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Required: true, Usage: "`FILE` to write"}, &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one BADGE")
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				_, raw, err := w.Get(ctx, args[0])
				if err != nil {
					return err
				}
				return writeForm(c, c.String("output"), raw)
			})
		},
	}
}

// writeForm writes a badge in the form that the file's ending names.
func writeForm(c *cli.Context, name string, raw []byte) error {
	form := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
	if name == "-" {
		form = "json"
	}
	out, err := wallet.Form(raw, form)
	if err != nil {
		return err
	}
	return writeOutput(c, name, out)
}

func walletImport() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "take a badge from a file of anyone", ArgsUsage: "FILE",
		Description: example("Reads JSON, JWT, and badges baked into PNG or SVG. The badge is verified first; an invalid one is refused.", "trustme wallet import badge.png"),
		Flags:       walletFlags(&cli.BoolFlag{Name: "unchecked", Usage: "take a badge of which it could not be told whether it is valid"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			raw, err := readInput(args[0], 16<<20)
			if err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				h, _, err := w.Import(ctx, raw, c.Bool("unchecked"))
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, h)
				}
				say(c, "%s  %s  %s", h.ID, h.Verdict, h.Name)
				return nil
			})
		},
	}
}

func walletBackup() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write the whole wallet into one sealed file",
		Description: example("Keys, badges and connections, encrypted with a passphrase. `trustme wallet backup verify FILE` proves that it can be restored.", "trustme wallet backup -o ana.backup"),
		Flags:       walletFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}),
		Subcommands: []*cli.Command{walletBackupVerify()},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if c.String("output") == "" {
				return usagef("name the file with -o FILE")
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				p, err := newPassphrase(c)
				if err != nil {
					return err
				}
				var m wallet.Manifest
				err = writeStream(c, c.String("output"), func(f *os.File) (err error) {
					m, err = w.Backup(ctx, f, seal.Options{Passphrase: p, WorkFactor: workFactor()})
					return err
				})
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, m)
				}
				say(c, "wrote %d badges, %d keys and %d connections to %s", m.Badges, m.Keys, m.Connections, c.String("output"))
				return nil
			})
		},
	}
}

func walletBackupVerify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "prove that a backup can be restored, without restoring it", ArgsUsage: "FILE",
		Description: example("Opens every key and badge in it. Exit 1 when it is cut, altered, or the passphrase is wrong.", "trustme wallet backup verify ana.backup"),
		Flags:       []cli.Flag{passphraseFileFlag, jsonFlag},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			defer f.Close()
			p, err := askPassphrase(c, "Passphrase of the backup: ")
			if err != nil {
				return err
			}
			m, err := wallet.VerifyBackup(c.Context, f, p)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, m)
			}
			say(c, "whole: %d badges, %d keys and %d connections, as of %s", m.Badges, m.Keys, m.Connections, date(m.Created))
			return nil
		},
	}
}

func walletRestore() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "add a backup to this wallet", ArgsUsage: "FILE",
		Description: example("Into a new wallet it brings the same DIDs back; into one in use it adds what that lacks, so that two wallets become one. A directory that does not exist is made, sealed with the backup's passphrase.", "trustme wallet restore ana.backup"),
		Flags:       walletFlags(&cli.BoolFlag{Name: "unattended", Usage: "seal a new directory with a file instead"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			defer f.Close()
			p, err := askPassphrase(c, "Passphrase of the backup: ")
			if err != nil {
				return err
			}
			if _, err := wallet.VerifyBackup(c.Context, f, p); err != nil { // before a directory is made
				return err
			}
			if _, err := f.Seek(0, 0); err != nil {
				return err
			}
			if dir := c.String("dir"); !seal.Exists(dir) {
				o := seal.Options{Passphrase: p, WorkFactor: workFactor()}
				if c.Bool("unattended") {
					o = seal.Options{}
				}
				if _, err := wallet.Init(c.Context, dir, o); err != nil {
					return err
				}
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				m, err := w.Restore(ctx, f, p)
				if err != nil {
					return err
				}
				say(c, "restored %d badges, %d keys and %d connections; the wallet is %s", m.Badges, m.Keys, m.Connections, w.DID())
				return nil
			})
		},
	}
}
