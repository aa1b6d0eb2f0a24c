package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/pack"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/wallet"
)

func walletPresent() *cli.Command {
	return &cli.Command{
		Name: "present", Usage: "show badges to a verifier", ArgsUsage: "LINK [BADGE...]",
		Description: example("LINK is the verifier's request. Without BADGE, the one that is asked for is shown. With --challenge, --domain and -o, the presentation is written to a file instead, and only badges are named.\n\nExit 0 accepted, 1 refused.", "trustme wallet present https://birch.example/i/K7Q2M-9XP4T basics"),
		Flags:       walletFlags(&cli.BoolFlag{Name: "endorsed", Usage: "show the endorsements that you keep with it"}, &cli.StringFlag{Name: "challenge", Usage: "the verifier's challenge, for a file"}, &cli.StringFlag{Name: "domain", Usage: "the verifier's domain, for a file"}, &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
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
					if err := writeOutput(c, out, vp); err != nil || out == "-" {
						return err
					}
					return answer(c, fields{"file": out}, "wrote %s", out)
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
		Flags:       walletFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before:      needsOutput,
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			_, raw, err := w.Get(c.Context, args[0])
			if err != nil {
				return err
			}
			return writeForm(c, c.String("output"), raw)
		}),
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
	if err := writeOutput(c, name, out); err != nil || name == "-" {
		return err
	}
	return answer(c, fields{"file": name, "form": form}, "wrote %s", name)
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
			if pack.IsPack(raw) {
				return usagef("%s is a pack, which is for verifying; import the badge that it was made from", args[0])
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				h, _, err := w.Import(ctx, raw, c.Bool("unchecked"))
				if err != nil {
					return err
				}
				return answer(c, h, "%s  %s  %s", h.ID, h.Verdict, h.Name)
			})
		},
	}
}

func walletBackup() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write the whole wallet into one sealed file",
		Description: example("Keys, badges and connections, encrypted with a passphrase. `trustme wallet backup verify FILE` proves that it can be restored.", "trustme wallet backup -o ana.backup"),
		Flags:       walletFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag, backupFileFlag),
		Subcommands: []*cli.Command{walletBackupVerify()},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if err := needsOutput(c); err != nil {
				return err
			}
			return withWallet(c, func(ctx context.Context, w *wallet.Wallet) error {
				p, err := newBackupPassphrase(c)
				if err != nil {
					return err
				}
				var m wallet.Manifest
				err = writeStream(c, c.String("output"), func(f io.Writer) (err error) {
					m, err = w.Backup(ctx, f, seal.Options{Passphrase: p, WorkFactor: workFactor()})
					return err
				})
				if err != nil {
					return err
				}
				return answer(c, m, "wrote %d badges, %d keys, %d connections and %d files of evidence to %s", m.Badges, m.Keys, m.Connections, m.Files, c.String("output"))
			})
		},
	}
}

func walletBackupVerify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "prove that a backup can be restored, without restoring it", ArgsUsage: "FILE",
		Description: example("Opens every key and badge in it, and reads every file. Exit 1 when it is cut, altered, or the passphrase is wrong.", "trustme wallet backup verify ana.backup"),
		Flags:       []cli.Flag{passphraseFileFlag, backupFileFlag, jsonFlag},
		Action: func(c *cli.Context) error {
			f, p, err := openBackup(c)
			if err != nil {
				return err
			}
			defer f.Close()
			m, err := wallet.VerifyBackup(c.Context, f, p)
			if err != nil {
				return err
			}
			return answer(c, m, "whole: %d badges, %d keys, %d connections and %d files of evidence, as of %s", m.Badges, m.Keys, m.Connections, m.Files, date(m.Created))
		},
	}
}

func walletRestore() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "add a backup to this wallet", ArgsUsage: "FILE",
		Description: example("Into a new wallet it brings the same DIDs back; into one in use it adds what that lacks, so that two wallets become one, and a backup restored twice changes nothing. A directory that does not exist is made, sealed with the backup's passphrase; or with --backup-passphrase-file, with a passphrase of its own.", "trustme wallet restore ana.backup"),
		Flags:       walletFlags(backupFileFlag, &cli.BoolFlag{Name: "unattended", Usage: "seal a new directory with a file instead"}),
		Action: func(c *cli.Context) error {
			f, p, err := openBackup(c)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := wallet.VerifyBackup(c.Context, f, p); err != nil { // before a directory is made
				if errors.Is(err, seal.ErrWrongPassphrase) && !c.IsSet(backupFile) {
					err = fmt.Errorf("%w; where the wallet has another one than the backup, give the backup's with --%s", err, backupFile)
				}
				return err
			}
			if _, err := f.Seek(0, 0); err != nil {
				return err
			}
			if dir := c.String("dir"); !seal.Exists(dir) {
				o, err := restoreOptions(c, p)
				if err != nil {
					return err
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
				return answer(c, m, "restored %d badges, %d keys and %d connections; the wallet is %s", m.Badges, m.Keys, m.Connections, w.DID())
			})
		},
	}
}

// newBackupPassphrase finds the passphrase that a new backup is sealed with.
func newBackupPassphrase(c *cli.Context) (string, error) {
	if f := c.String(backupFile); f != "" {
		return readPassphrase(f)
	}
	return newPassphrase(c)
}

// restoreOptions decides how the directory is sealed that a restore makes.
func restoreOptions(c *cli.Context, backups string) (seal.Options, error) {
	if c.Bool("unattended") || c.IsSet(backupFile) {
		return sealOptions(c)
	}
	return seal.Options{Passphrase: backups, WorkFactor: workFactor()}, nil
}
