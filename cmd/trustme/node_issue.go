package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeInvite() *cli.Command {
	return &cli.Command{
		Name: "invite", Usage: "make an invitation for a learner's wallet",
		Description: example("Prints a short link, and the whole invitation behind it. The first wallet that opens it is connected.", "trustme node invite --label Ana --qr ana.png"),
		Flags: nodeFlags(&cli.StringFlag{Name: "label", Usage: "what you call the connection"}, &cli.IntFlag{Name: "uses", Value: 1, Usage: "how many wallets may use it"},
			&cli.DurationFlag{Name: "for", Value: 7 * 24 * time.Hour, Usage: "how long it is open"}, &cli.StringFlag{Name: "qr", Usage: "write the link as a QR code to `FILE` (PNG)"}, forceFlag),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if c.Int("uses") < 1 || c.Duration("for") <= 0 {
				return usagef("nobody could use it: --uses %d is to be at least 1, and --for %s a while such as 168h", c.Int("uses"), c.Duration("for"))
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				l, err := cl.Invite(ctx, node.InviteRequest{Label: c.String("label"), Uses: c.Int("uses"), For: c.Duration("for")})
				if err != nil {
					return err
				}
				return printLink(c, l, l, "connect")
			})
		},
	}
}

// printLink prints a link; accept is the wallet's command that accepts it.
func printLink(c *cli.Context, l node.InviteLink, whole any, accept string) error {
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
	fmt.Fprintf(os.Stderr, "open until %s; a wallet accepts it with: trustme wallet %s %s\n", date(l.Expires), accept, l.Link)
	return nil
}

func nodeConnections() *cli.Command {
	return &cli.Command{
		Name: "connections", Usage: "list the connected wallets",
		Description: example("Each line: id, since, label.", "trustme node connections"),
		Flags:       nodeFlags(),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			cs, err := cl.Connections(c.Context)
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
		}),
	}
}

func nodeIssue() *cli.Command {
	return &cli.Command{
		Name: "issue", Usage: "award a badge to a connection, a DID, an e-mail address, or a CSV file of them", ArgsUsage: "BADGE",
		Description: example("To a connection the badge is offered and signed when the wallet proves its key. To an e-mail address it is signed at once, and a link is printed that claims it. Awarding the same badge to the same recipient again changes nothing while the first stands; once that is revoked, lapsed or declined, a new one is issued. A higher --level is issued beside the lower one, which stays valid; of one that is held at that level or above the level is told, and nothing issued. For an e-mail address it prints the claim link again, a new one when that has expired, none when it was used. With --key the award is made once for good. With --language the badge is in that language, where the catalogue has a translation; it counts as the same badge.\n\nA CSV file has a header; its columns are badge, and email, did or connection, and optionally level, date, until, narrative, evidence, language. All rows are checked before anything is issued. The same badge to the same recipient is issued once however often a file is given, also after a revocation: to award it anew, issue it alone, without --csv.",
			"trustme node issue --to ana@example.org basics\ntrustme node issue --csv course.csv"),
		Flags: nodeFlags(&cli.StringFlag{Name: "to", Usage: "connection id, DID or e-mail address"}, &cli.IntFlag{Name: "level", Usage: "level that was reached"}, languageFlag,
			&cli.StringFlag{Name: "narrative", Usage: "what the learner did"}, &cli.StringSliceFlag{Name: "evidence", Usage: "`URL` of evidence"},
			&cli.StringFlag{Name: "date", Usage: "day of the award, such as 2026-11-27, from which its validity counts"}, &cli.TimestampFlag{Name: "until", Layout: time.RFC3339, Usage: "end of validity (RFC 3339)"},
			&cli.StringFlag{Name: "key", Usage: "name of this award; the same key awards once"}, &cli.StringFlag{Name: "csv", Usage: "award every row of `FILE`"},
			&cli.StringFlag{Name: "claims", Usage: "write the claim links of a CSV run to `FILE`"}, forceFlag),
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
				sayGranted(c, g)
				if g.Claim != nil {
					say(c, "claim: %s", g.Claim.Link)
				}
				if r.To.DID != "" && g.Award.Recipient.Connection == "" {
					fmt.Fprintf(os.Stderr, "there is no connection to deliver it by; hand it over as a file: trustme node show -o FILE %s\n", g.Award.ID)
				}
				return nil
			})
		},
	}
}

func sayGranted(c *cli.Context, g node.Granted) {
	if holds := g.Holds(); holds != "" {
		say(c, "%s: %s (%s)", holds, g.Award.ID, g.Award.State)
		return
	}
	word := "awarded"
	if !g.New {
		word = "awarded before"
	}
	level := ""
	if g.Award.Level > 0 {
		level = fmt.Sprintf(" at level %d", g.Award.Level)
	}
	say(c, "%s %s%s to %s: %s (%s)", word, g.Award.Name, level, g.Award.Recipient.Display(), g.Award.ID, g.Award.State)
}

func grantRequest(c *cli.Context, badge string) (node.GrantRequest, error) {
	r := node.GrantRequest{Achievement: badge, Language: c.String("language"), Level: c.Int("level"), Narrative: c.String("narrative"), Evidence: c.StringSlice("evidence"), Key: c.String("key")}
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
	for _, f := range []string{"to", "level", "language", "narrative", "evidence", "date", "until", "key"} {
		if c.IsSet(f) {
			return usagef("--%s does not go with --csv: give it for each row, as a column of the file", f)
		}
	}
	if name := c.String("claims"); name != "" && name != "-" {
		if err := mayWrite(c, name); err != nil { // before anything is issued
			return err
		}
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
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return fmt.Errorf("the node stopped in the middle (%w): start it and give the same command again; nothing is issued twice", err)
		}
		if err != nil {
			return err
		}
		if name := c.String("claims"); name != "" {
			lines := append([]string{"row,email,link"}, res.Claims...)
			if err := writeOutput(c, name, []byte(strings.Join(lines, "\n")+"\n")); err != nil {
				return err
			}
		}
		if res.LeftOut > 0 {
			fmt.Fprintf(os.Stderr, "trustme: %d claim links are left out, since one answer holds %d; for the others split the file and issue its parts: nothing is issued twice, and the links are the same\n", res.LeftOut, len(res.Claims))
		}
		if c.Bool("json") {
			return printJSON(c, res)
		}
		for i, r := range res.Held {
			if i == 20 {
				fmt.Fprintf(os.Stderr, "and %d rows more; --json lists them\n", len(res.Held)-i)
				break
			}
			fmt.Fprintf(os.Stderr, "row %d: %s\n", r.Row, plain(r.Message))
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
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the badge to `FILE` (.json, .png or .svg)"}, forceFlag),
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			a, err := cl.Award(c.Context, args[0])
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
		}),
	}
}

func standing(name, to, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ID",
		Description: example("The reason is kept in the journal, and a holder with a connection is told it. A milestone that was awarded for the badge stays: revoke it as well if it is not to count. Once the command returns, the new status list is published, unless it says that this waits for the node to serve; verifiers may use the old one until its ttl is over.", "trustme node "+name+" --reason \"issued by mistake\" urn:uuid:..."),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required"}),
		Before:      needsReason,
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one ID")
			if err != nil {
				return err
			}
			return withNode(c, func(ctx context.Context, cl *node.Client) error {
				a, err := cl.SetStanding(ctx, node.StandingRequest{ID: args[0], To: to, Reason: c.String("reason")})
				if err != nil {
					return err
				}
				if !a.Published {
					return answer(c, a, "%s is %s: recorded, and published once the node serves again", a.Name, a.Standing)
				}
				return answer(c, a, "%s is %s; published", a.Name, a.Standing)
			})
		},
	}
}
