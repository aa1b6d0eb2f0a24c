package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

func nodeAsk() *cli.Command {
	return &cli.Command{
		Name: "ask", Usage: "ask a learner to show a badge", ArgsUsage: "[BADGE]",
		Description: example("Prints a link. BADGE is a badge of yours, or the address of anybody's; without it, any badge will do. With --role the fewest badges that prove a role are asked for; --of names the catalogue of a partner who says what the role is. `trustme node asked ID` tells what came of it.", "trustme node ask --reason \"to enter the course\" https://alder.example/openbadges/a/basics"),
		Flags: nodeFlags(&cli.StringFlag{Name: "reason", Usage: "what it is asked for"}, &cli.StringFlag{Name: "role", Usage: "`ROLE` to be proven"}, &cli.StringFlag{Name: "of", Usage: "`URL` of the catalogue that has the role"},
			&cli.DurationFlag{Name: "for", Value: time.Hour, Usage: "how long the link is open"}, &cli.StringFlag{Name: "qr", Usage: "write the link as a QR code to `FILE` (PNG)"}, forceFlag),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one BADGE")
			if err != nil {
				return err
			}
			if c.Duration("for") <= 0 {
				return usagef("nobody could use it: --for %s is to be a while such as 1h", c.Duration("for"))
			}
			r := node.AskRequest{Reason: c.String("reason"), For: c.Duration("for"), Role: c.String("role"), Of: c.String("of")}
			if r.Role != "" && len(args) > 0 || r.Role == "" && r.Of != "" {
				return usagef("ask for a BADGE, or for a role with --role ROLE and, where it is a partner's, --of URL")
			}
			if len(args) == 1 {
				r.Achievement = args[0]
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				a, err := cl.Ask(ctx, r)
				if err != nil {
					return err
				}
				if err := printLink(c, a.Link, a, "present"); err != nil || c.Bool("json") {
					return err
				}
				fmt.Fprintf(os.Stderr, "what came of it: trustme node asked %s\n", a.ID)
				return nil
			})
		},
	}
}

func nodeAsked() *cli.Command {
	return &cli.Command{
		Name: "asked", Usage: "tell what came of a request, or list all", ArgsUsage: "[ID]",
		Description: example("Without ID each line is: id, state, when, what was asked for. With --again the presentation is checked once more, now. Exit 0 proven, 1 refused, 2 not answered yet or could not be told.", "trustme node asked --again 3f0c..."),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "again", Usage: "check the presentation again"}),
		Action: onNode(0, 1, "at most one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			if len(args) == 0 {
				return sayAsks(c, cl)
			}
			s, err := cl.AskStatus(c.Context, args[0], c.Bool("again"))
			if err != nil {
				return err
			}
			verdict, why := s.Ask.Verdict, s.Ask.Why
			if s.Now != nil {
				verdict, why = s.Now.Verdict, s.Now.Why
			}
			if c.Bool("json") {
				err = printJSON(c, s)
			} else {
				say(c, "%s: %s %s", s.Ask.State, verdict, why)
				if n, who := credentials.Endorsing(s.Endorsers); n > 0 {
					say(c, "endorsed by %d: %s", n, who)
				}
			}
			if err != nil {
				return err
			}
			return byVerdict(verdict)
		}),
	}
}

func sayAsks(c *cli.Context, cl *node.Client) error {
	all, err := cl.Asks(c.Context)
	if err != nil || c.Bool("json") {
		return orJSON(c, all, err)
	}
	for _, a := range all {
		what := cmp.Or(a.Achievement, "any badge")
		if a.Wants != nil {
			what = "a role"
		}
		say(c, "%s  %-8s  %s  %s  %s", a.ID, a.State, date(a.Updated), what, a.Reason)
	}
	return nil
}

func byVerdict(v string) error {
	switch v {
	case "valid":
		return nil
	case "invalid":
		return &verdictError{exitNo}
	}
	return &verdictError{exitUndecided}
}

func nodeJournal() *cli.Command {
	return &cli.Command{
		Name: "journal", Usage: "print the journal, checking its chain",
		Description: example("Each line: number, time, what happened: with the route by which a badge came, and who acted (operator, learner, node, a connection or a partner), never a name. Exit 2, naming the entry, when the chain is broken.", "trustme node journal --from 10"),
		Flags:       nodeFlags(&cli.Uint64Flag{Name: "from", Value: 1, Usage: "first entry"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			return cl.Journal(c.Context, c.Uint64("from"), func(l node.JournalLine) error {
				if c.Bool("json") {
					return printJSON(c, l)
				}
				say(c, "%6d  %s  %-22s %s", l.Seq, l.Time.Format(time.RFC3339), l.Kind, l.Body)
				return nil
			})
		}),
	}
}

func nodeRotate() *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "give the node a new signing key", ArgsUsage: "[KEY]",
		Description: example("Badges signed with the old key keep verifying. After a theft say --compromised: then they do not, and must be issued again. With it, KEY names an older key that was stolen, such as key-1; without KEY it is the one that signs now.", "trustme node rotate\ntrustme node rotate --compromised key-1"),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "compromised", Usage: "the key was stolen: nothing verifies by it any more"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one KEY")
			if err != nil {
				return err
			}
			r := node.RotateRequest{Compromised: c.Bool("compromised")}
			if len(args) == 1 {
				if r.Key = args[0]; !r.Compromised {
					return usagef("a KEY is named only with --compromised, before it; without both the node gets a new key")
				}
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				k, err := cl.Rotate(ctx, r)
				if err != nil {
					return err
				}
				if k.Compromised != "" {
					return answer(c, k, "%s verifies nothing any more; %s signs, and the DID document says so now", k.Compromised, k.Key)
				}
				return answer(c, k, "new signing key %s; the DID document lists it now", k.Key)
			})
		},
	}
}

func nodeBackup() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write everything into one sealed file, while the node runs",
		Description: example("The file is encrypted with a passphrase. Keep both, apart from each other.", "trustme node backup -o alder.backup"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if err := needsOutput(c); err != nil {
				return err
			}
			p, err := newPassphrase(c)
			if err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				i, err := cl.Info(ctx)
				if err != nil {
					return err
				}
				m := node.Manifest{Created: now()().UTC().Truncate(time.Second), DID: i.DID, Facts: i.Health.Facts}
				if err := writeStream(c, c.String("output"), func(f io.Writer) error {
					return node.SealBackup(ctx, cl, f, m, seal.Options{Passphrase: p, WorkFactor: workFactor()})
				}); err != nil {
					return err
				}
				return answer(c, m, "wrote %s", c.String("output"))
			})
		},
	}
}

func nodeRestore() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "make a node's directory from a backup", ArgsUsage: "FILE",
		Description: example("The directory must be new or empty. The whole backup is checked before anything is put in place.", "trustme node restore --unattended --dir /srv/alder alder.backup"),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "unattended", Usage: "seal the directory with a file instead of the backup's passphrase"}),
		Action: func(c *cli.Context) error {
			f, p, err := openBackup(c)
			if err != nil {
				return err
			}
			defer f.Close()
			o := seal.Options{WorkFactor: workFactor()}
			if !c.Bool("unattended") {
				o.Passphrase = p
			}
			m, err := node.OpenBackup(c.Context, c.String("dir"), f, p, o)
			if err != nil {
				return err
			}
			return answer(c, m, "restored %s, %d facts, as of %s, into %s", m.DID, m.Facts, date(m.Created), c.String("dir"))
		},
	}
}

func nodeFsck() *cli.Command {
	return &cli.Command{
		Name: "fsck", Usage: "check every record of a stopped node",
		Description: example("Opens every record, index and journal entry. Exit 1 and names what is wrong.", "trustme node fsck"),
		Flags:       nodeFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			p, err := passphrase(c, c.String("dir"))
			if err != nil {
				return err
			}
			r, err := node.Fsck(c.Context, c.String("dir"), p)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				err = printJSON(c, r)
			} else {
				say(c, "%d records and %d facts looked at, %d problems", r.Records, r.Facts, len(r.Problems))
				for _, p := range r.Problems {
					say(c, "  %s", p)
				}
			}
			if err == nil && len(r.Problems) > 0 {
				err = &verdictError{exitNo}
			}
			return err
		},
	}
}
