package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

func nodeCommand() *cli.Command {
	return &cli.Command{
		Name: "node", Usage: "run a partner's node: issue, deliver, publish, revoke",
		Description: "A node is one data directory and one process. While it serves, the other verbs speak to it over a socket; while it is stopped, they open the directory themselves.",
		Subcommands: []*cli.Command{
			nodeInit(), nodeServe(), nodeStatus(), nodeConfig(), nodeInvite(), nodeConnections(), nodeIssue(), nodeList(), nodeShow(),
			standing("revoke", "revoked", "withdraw a badge for good"), standing("suspend", "suspended", "suspend a badge for a time"), standing("reinstate", "active", "end a suspension"),
			nodeAsk(), nodeAsked(), nodeJournal(), nodeRotate(), nodeBackup(), nodeRestore(), nodeFsck(),
		},
	}
}

// settingFlags are the settings that a command line or the environment can
// override.
var settingFlags = []cli.Flag{
	&cli.StringFlag{Name: "name", Usage: "`NAME` of the organisation", EnvVars: []string{"TRUSTME_NAME"}},
	&cli.StringFlag{Name: "base", Usage: "public address, such as `https://alder.example`", EnvVars: []string{"TRUSTME_BASE"}},
	&cli.StringFlag{Name: "method", Usage: "DID method, `web` or key", EnvVars: []string{"TRUSTME_METHOD"}},
	&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` to serve on", EnvVars: []string{"TRUSTME_LISTEN"}},
	&cli.StringFlag{Name: "admin", Usage: "`PATH` of the administration socket", EnvVars: []string{"TRUSTME_ADMIN"}},
	&cli.StringSliceFlag{Name: "catalogue", Usage: "catalogue `FILE`, or openbadges for the one that ships", EnvVars: []string{"TRUSTME_CATALOGUE"}},
	&cli.DurationFlag{Name: "status-ttl", Usage: "how long verifiers may reuse a status list", EnvVars: []string{"TRUSTME_STATUS_TTL"}},
	&cli.DurationFlag{Name: "status-beat", Usage: "how often the lists are signed anew", EnvVars: []string{"TRUSTME_STATUS_BEAT"}},
	&cli.IntFlag{Name: "reserve-mib", Usage: "free space below which nothing is written", EnvVars: []string{"TRUSTME_RESERVE_MIB"}},
	loopbackFlag,
}

func settings(c *cli.Context) node.Settings {
	return node.Settings{Name: c.String("name"), Base: c.String("base"), Method: c.String("method"), Listen: c.String("listen"), Admin: c.String("admin"),
		Catalogues: c.StringSlice("catalogue"), StatusTTL: node.Duration(c.Duration("status-ttl")), StatusBeat: node.Duration(c.Duration("status-beat")),
		Reserve: c.Int("reserve-mib"), Loopback: c.Bool("allow-loopback")}
}

func nodeFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{dirFlag("node"), passphraseFileFlag, jsonFlag, verboseFlag}, more...)
}

func nodeInit() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "make a node's data directory",
		Description: example("Makes the directory with a sealed secret and node.yaml. The node gets its keys at the first start.", "trustme node init --unattended --name Alder --base https://alder.example"),
		Flags:       nodeFlags(append(settingFlags, &cli.BoolFlag{Name: "unattended", Usage: "seal with a file instead of a passphrase, so that the node starts by itself"})...),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			o, err := sealOptions(c)
			if err != nil {
				return err
			}
			if err := node.Init(node.InitRequest{Dir: c.String("dir"), Settings: settings(c), Seal: o}); err != nil {
				return err
			}
			say(c, "made %s", c.String("dir"))
			say(c, "next: trustme node serve --dir %s", c.String("dir"))
			return nil
		},
	}
}

func nodeConfigOf(c *cli.Context) (node.Config, error) {
	dir := c.String("dir")
	p, err := passphrase(c, dir)
	return node.Config{Dir: dir, Passphrase: p, Settings: settings(c), Now: now(), Log: logger(c)}, err
}

func nodeServe() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the node until it is stopped",
		Description: example("Serves public pages, status lists and the DIDComm websocket on one address. Put a web server with TLS in front of it. A directory that does not exist is made, unattended.", "trustme node serve"),
		Flags:       nodeFlags(settingFlags...),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if !seal.Exists(c.String("dir")) {
				if err := node.Init(node.InitRequest{Dir: c.String("dir"), Settings: settings(c)}); err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "trustme: made %s, sealed by a file in it\n", c.String("dir"))
			}
			cfg, err := nodeConfigOf(c)
			if err != nil {
				return err
			}
			n, err := node.Open(c.Context, cfg)
			if err != nil {
				return err
			}
			err = n.Serve(c.Context, func(net.Addr) {
				say(c, "%s serves %s", n.Settings().Name, n.Settings().Base)
				say(c, "did %s", n.DID())
			})
			if closeErr := n.Close(); err == nil {
				err = closeErr
			}
			return err
		},
	}
}

// withNode runs f with a client of the node, running or not.
func withNode(c *cli.Context, f func(context.Context, *node.Client) error) error {
	if !seal.Exists(c.String("dir")) {
		return fmt.Errorf("%w: %s is no node; make one with: trustme node init --dir %s", node.ErrInput, c.String("dir"), c.String("dir"))
	}
	cfg, err := nodeConfigOf(c)
	if err != nil {
		return err
	}
	cl, err := node.Connect(c.Context, cfg)
	if err != nil {
		return err
	}
	err = f(c.Context, cl)
	if closeErr := cl.Close(); err == nil {
		err = closeErr
	}
	return err
}

func nodeStatus() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show who the node is and how it does",
		Description: example("Shows DID, address, health, free space and connections.", "trustme node status"),
		Flags:       nodeFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				i, err := cl.Info(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, i)
				}
				state := "stopped"
				if cl.Running {
					state = "running for " + i.Health.Uptime
				}
				say(c, "%s (%s)\n  did          %s\n  address      %s\n  connections  %d open\n  journal      %d facts\n  free space   %d MiB", i.Name, state, i.DID, i.Base, i.Health.Connections, i.Health.Facts, i.Health.FreeMiB)
				if !i.Health.OK {
					return fmt.Errorf("%w: %s", node.ErrInput, i.Health.Problem)
				}
				return nil
			})
		},
	}
}

func nodeConfig() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "print the effective settings",
		Description: example("Flags win over the environment (TRUSTME_...), this over node.yaml in the data directory, this over the defaults.", "trustme node config --listen 127.0.0.1:9000"),
		Flags:       nodeFlags(settingFlags...),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			s, err := node.Effective(c.String("dir"), settings(c))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, s)
			}
			out, err := yaml.Marshal(s)
			if err == nil {
				say(c, "%s", strings.TrimRight(string(out), "\n"))
			}
			return err
		},
	}
}

func nodeInvite() *cli.Command {
	return &cli.Command{
		Name: "invite", Usage: "make an invitation for a learner's wallet",
		Description: example("Prints a short link, and the whole invitation behind it. The first wallet that opens it is connected.", "trustme node invite --label Ana --qr ana.png"),
		Flags: nodeFlags(&cli.StringFlag{Name: "label", Usage: "what you call the connection"}, &cli.IntFlag{Name: "uses", Value: 1, Usage: "how many wallets may use it"},
			&cli.DurationFlag{Name: "for", Value: 7 * 24 * time.Hour, Usage: "how long it is open"}, &cli.StringFlag{Name: "qr", Usage: "write the link as a QR code to `FILE` (PNG)"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				l, err := cl.Invite(ctx, node.InviteRequest{Label: c.String("label"), Uses: c.Int("uses"), For: c.Duration("for")})
				if err != nil {
					return err
				}
				return printLink(c, l, l)
			})
		},
	}
}

// printLink prints an invitation link, and draws it where a file is named.
func printLink(c *cli.Context, l node.InviteLink, whole any) error {
	if f := c.String("qr"); f != "" {
		png, err := node.QR(l.Link)
		if err != nil {
			return err
		}
		if err := writeOutput(c, f, png); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return printJSON(c, whole)
	}
	say(c, "%s", l.Link)
	fmt.Fprintf(os.Stderr, "open until %s; a wallet accepts it with: trustme wallet connect %s\n", date(l.Expires), l.Link)
	return nil
}

func nodeConnections() *cli.Command {
	return &cli.Command{
		Name: "connections", Usage: "list the connected wallets",
		Description: example("Each line: id, since, label.", "trustme node connections"),
		Flags:       nodeFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				cs, err := cl.Connections(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, cs)
				}
				for _, x := range cs {
					say(c, "%s  %s  %s", x.ID, date(x.Since), x.Label)
				}
				return nil
			})
		},
	}
}

func nodeIssue() *cli.Command {
	return &cli.Command{
		Name: "issue", Usage: "award a badge to a connection, a DID, an e-mail address, or a CSV file of them", ArgsUsage: "BADGE",
		Description: example("To a connection the badge is offered and signed when the wallet proves its key. To an e-mail address it is signed at once, and a link is printed that claims it. Awarding the same badge to the same recipient again changes nothing.\n\nA CSV file has a header; its columns are badge, and email, did or connection, and optionally level, date, until, narrative, evidence. All rows are checked before anything is issued.",
			"trustme node issue --to ana@example.org basics\ntrustme node issue --csv course.csv"),
		Flags: nodeFlags(&cli.StringFlag{Name: "to", Usage: "connection id, DID or e-mail address"}, &cli.IntFlag{Name: "level", Usage: "level that was reached"},
			&cli.StringFlag{Name: "narrative", Usage: "what the learner did"}, &cli.StringSliceFlag{Name: "evidence", Usage: "`URL` of evidence"},
			&cli.StringFlag{Name: "date", Usage: "day of the award, such as 2026-11-27"}, &cli.TimestampFlag{Name: "until", Layout: time.RFC3339, Usage: "end of validity (RFC 3339)"},
			&cli.StringFlag{Name: "key", Usage: "name of this award; the same key awards once"}, &cli.StringFlag{Name: "csv", Usage: "award every row of `FILE`"},
			&cli.StringFlag{Name: "claims", Usage: "write the claim links of a CSV run to `FILE`"}),
		Action: func(c *cli.Context) error {
			if c.String("csv") != "" {
				return issueCSV(c)
			}
			args, err := operands(c, 1, 1, "one BADGE")
			if err != nil {
				return err
			}
			r, err := grantRequest(c, args[0])
			if err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				g, err := cl.Grant(ctx, r)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, g)
				}
				word := "awarded"
				if !g.New {
					word = "awarded before"
				}
				say(c, "%s %s to %s: %s (%s)", word, g.Award.Name, g.Award.Recipient.Display(), g.Award.ID, g.Award.State)
				if g.Claim != nil {
					say(c, "claim: %s", g.Claim.Link)
				}
				return nil
			})
		},
	}
}

func grantRequest(c *cli.Context, badge string) (node.GrantRequest, error) {
	r := node.GrantRequest{Achievement: badge, Level: c.Int("level"), Narrative: c.String("narrative"), Evidence: c.StringSlice("evidence"), Key: c.String("key")}
	switch to := c.String("to"); {
	case to == "":
		return r, usagef("say to whom with --to: a connection id (trustme node connections), a DID or an e-mail address")
	case strings.HasPrefix(to, "did:"):
		r.To.DID = to
	case strings.Contains(to, "@"):
		r.To.Email = to
	default:
		r.To.Connection = to
	}
	if d := c.String("date"); d != "" {
		t, err := time.Parse(time.DateOnly, d)
		if err != nil {
			return r, usagef("--date %q is no day; write 2026-11-27", d)
		}
		r.Awarded = t
	}
	if u := c.Timestamp("until"); u != nil {
		r.ValidUntil = *u
	}
	return r, nil
}

func issueCSV(c *cli.Context) error {
	if _, err := operands(c, 0, 0, ""); err != nil {
		return err
	}
	f, err := os.Open(c.String("csv"))
	if err != nil {
		return usagef("%v", err)
	}
	defer f.Close()
	return withNode(c, func(ctx context.Context, cl *node.Client) error {
		var bar func(int)
		res, err := cl.IssueCSV(ctx, f, func(p node.Progress) {
			if bar == nil {
				bar = progress(p.Total, "issuing")
			}
			bar(p.Done)
		})
		if err != nil {
			return err
		}
		if name := c.String("claims"); name != "" {
			if err := writeOutput(c, name, []byte("row,email,link\n"+strings.Join(res.Claims, "\n")+"\n")); err != nil {
				return err
			}
		}
		if c.Bool("json") {
			return printJSON(c, res)
		}
		say(c, "%d issued, %d issued before, in %.1f s (%.0f a second; %.0f%% of the machine went into building, signing and verifying)", res.Issued, res.Existing, res.Seconds, float64(res.Done)/res.Seconds, 100*res.Proofs)
		return nil
	})
}

func nodeList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the badges that were awarded", ArgsUsage: "[BADGE]",
		Description: example("Each line: id, state, standing, badge, recipient.", "trustme node list basics"),
		Flags:       nodeFlags(),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one BADGE")
			if err != nil {
				return err
			}
			want := ""
			if len(args) == 1 {
				want = args[0]
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				all := []node.Award{}
				err := cl.Awards(ctx, "", func(a node.Award) error {
					if want != "" && a.Achievement != want && a.Catalogue+"/"+a.Achievement != want {
						return nil
					}
					if c.Bool("json") {
						all = append(all, a)
						return nil
					}
					say(c, "%s  %-8s  %-9s  %s  %s", a.ID, a.State, a.Standing, a.Name, a.Recipient.Display())
					return nil
				})
				if err == nil && c.Bool("json") {
					err = printJSON(c, all)
				}
				return err
			})
		},
	}
}

func nodeShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show one award, or write its badge", ArgsUsage: "ID",
		Description: example("Prints the record; with -o writes the signed badge as JSON, or baked into an image by the file's ending.", "trustme node show -o badge.png urn:uuid:..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the badge to `FILE` (.json, .png or .svg)"}, &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one ID")
			if err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				a, err := cl.Award(ctx, args[0])
				if err != nil {
					return err
				}
				if out := c.String("output"); out != "" {
					if a.Credential == nil {
						return fmt.Errorf("%w: the badge is not signed yet: it is %s", node.ErrInput, a.Award.State)
					}
					return writeForm(c, out, a.Credential)
				}
				return printJSON(c, a.Award)
			})
		},
	}
}

func standing(name, to, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ID",
		Description: example("The reason is kept in the journal. Once the command returns, the new status list is published; verifiers may use the old one until its ttl is over.", "trustme node "+name+" --reason \"issued by mistake\" urn:uuid:..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one ID")
			if err != nil {
				return err
			}
			if c.String("reason") == "" {
				return usagef("give a --reason; it is kept in the journal")
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				a, err := cl.SetStanding(ctx, node.StandingRequest{ID: args[0], To: to, Reason: c.String("reason")})
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c, a)
				}
				say(c, "%s is %s; published", a.Name, a.Standing)
				return nil
			})
		},
	}
}

func nodeAsk() *cli.Command {
	return &cli.Command{
		Name: "ask", Usage: "ask a learner to show a badge", ArgsUsage: "[BADGE]",
		Description: example("Prints a link. BADGE is a badge of yours, or the address of anybody's; without it, any badge will do. `trustme node asked ID` tells what came of it.", "trustme node ask --reason \"to enter the course\" https://alder.example/openbadges/a/basics"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "what it is asked for"}, &cli.DurationFlag{Name: "for", Value: time.Hour, Usage: "how long the link is open"}, &cli.StringFlag{Name: "qr", Usage: "write the link as a QR code to `FILE` (PNG)"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one BADGE")
			if err != nil {
				return err
			}
			r := node.AskRequest{Reason: c.String("reason"), For: c.Duration("for")}
			if len(args) == 1 {
				r.Achievement = args[0]
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				a, err := cl.Ask(ctx, r)
				if err != nil {
					return err
				}
				return printLink(c, a.Link, a)
			})
		},
	}
}

func nodeAsked() *cli.Command {
	return &cli.Command{
		Name: "asked", Usage: "tell what came of a request", ArgsUsage: "ID",
		Description: example("With --again the presentation is checked once more, now. Exit 0 proven, 1 refused, 2 not answered yet or could not be told.", "trustme node asked --again 3f0c..."),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "again", Usage: "check the presentation again"}),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one ID")
			if err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				s, err := cl.AskStatus(ctx, args[0], c.Bool("again"))
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
				}
				if err != nil {
					return err
				}
				return byVerdict(verdict)
			})
		},
	}
}

// byVerdict turns a verdict that is printed into an exit code.
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
		Description: example("Each line: number, time, what happened. Exit 2, naming the entry, when the chain is broken.", "trustme node journal --from 10"),
		Flags:       nodeFlags(&cli.Uint64Flag{Name: "from", Value: 1, Usage: "first entry"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				return cl.Journal(ctx, c.Uint64("from"), func(l node.JournalLine) error {
					if c.Bool("json") {
						return printJSON(c, l)
					}
					say(c, "%6d  %s  %-22s %s", l.Seq, l.Time.Format(time.RFC3339), l.Kind, l.Body)
					return nil
				})
			})
		},
	}
}

func nodeRotate() *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "give the node a new signing key",
		Description: example("Badges signed with the old key keep verifying. After a theft say --compromised: then they do not, and must be issued again.", "trustme node rotate"),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "compromised", Usage: "the old key was stolen: stop listing it"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				if err := cl.Rotate(ctx, c.Bool("compromised")); err != nil {
					return err
				}
				say(c, "new signing key; the DID document lists it now")
				return nil
			})
		},
	}
}

func nodeBackup() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write everything into one sealed file, while the node runs",
		Description: example("The file is encrypted with a passphrase. Keep both, apart from each other.", "trustme node backup -o alder.backup"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Required: true, Usage: "`FILE` to write"}, &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
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
				if err := writeStream(c, c.String("output"), func(f *os.File) error {
					return node.SealBackup(ctx, cl, f, m, seal.Options{Passphrase: p, WorkFactor: workFactor()})
				}); err != nil {
					return err
				}
				say(c, "wrote %s", c.String("output"))
				return nil
			})
		},
	}
}

// writeStream writes a file that appears only when it is whole.
func writeStream(c *cli.Context, name string, f func(*os.File) error) error {
	if _, err := os.Stat(name); err == nil && !c.Bool("force") {
		return usagef("%s exists already; choose another name or say --force", name)
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already after a rename
	if err := f(tmp); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Sync(); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

func nodeRestore() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "make a node's directory from a backup", ArgsUsage: "FILE",
		Description: example("The directory must be new or empty. The whole backup is checked before anything is put in place.", "trustme node restore --unattended --dir /srv/alder alder.backup"),
		Flags:       nodeFlags(&cli.BoolFlag{Name: "unattended", Usage: "seal the directory with a file instead of the backup's passphrase"}),
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
			o := seal.Options{WorkFactor: workFactor()}
			if !c.Bool("unattended") {
				o.Passphrase = p
			}
			m, err := node.OpenBackup(c.Context, c.String("dir"), f, p, o)
			if err != nil {
				return err
			}
			say(c, "restored %s, %d facts, as of %s, into %s", m.DID, m.Facts, date(m.Created), c.String("dir"))
			return nil
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
