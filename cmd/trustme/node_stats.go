package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeStats() *cli.Command {
	return &cli.Command{
		Name: "stats", Usage: "count what happened and where learners stand, without naming anybody",
		Description: example("Counts this node's own acts and what others told it, from the journal; holders are not tracked. How far learners are on paths and with roles is told by the badges that this node gave: partners' badges that count by an agreement are not known here.\n\n"+
			"--shared hides groups under five, for partners to read: <5 is one to four, hidden is a number from which such a group could be told. Give a partner figures of times that do not overlap: two that do can be subtracted.\n\n"+
			"A serving node answers a scraper on its administration socket: curl --unix-socket admin.sock 'http://node/stats?format=prometheus'.", "trustme node stats --since 2026-09-01 --until 2026-12-31\ntrustme node stats --csv > stats.csv"),
		Flags: nodeFlags(&cli.StringFlag{Name: "since", Usage: "what happened from this `DAY` on, such as 2026-09-01"}, &cli.StringFlag{Name: "until", Usage: "what happened up to the end of this `DAY`, UTC"},
			&cli.BoolFlag{Name: "csv", Usage: "print CSV: metric, by, value"}, &cli.BoolFlag{Name: "prometheus", Usage: "print the text format of Prometheus"}, &cli.BoolFlag{Name: "shared", Usage: "hide groups under five"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			r, err := statsRequest(c)
			if err != nil {
				return err
			}
			s, err := cl.Stats(c.Context, r)
			switch {
			case err != nil:
				return err
			case c.Bool("json"):
				return printJSON(c, s)
			case c.Bool("csv"):
				return s.WriteCSV(c.App.Writer)
			case c.Bool("prometheus"):
				return s.WritePrometheus(c.App.Writer)
			}
			return s.WriteText(c.App.Writer)
		}),
	}
}

func statsRequest(c *cli.Context) (r node.StatsRequest, err error) {
	r.Shared = c.Bool("shared")
	var forms []string
	for _, form := range []string{"json", "csv", "prometheus"} {
		if c.Bool(form) {
			forms = append(forms, "--"+form)
		}
	}
	if len(forms) > 1 {
		return r, usagef("%s: figures are printed in one form; give one of them", strings.Join(forms, " and "))
	}
	for name, day := range map[string]*time.Time{"since": &r.Since, "until": &r.Until} {
		if s := c.String(name); s != "" {
			if *day, err = time.Parse(time.DateOnly, s); err != nil {
				return r, usagef("--%s %q is no day; write 2026-09-01", name, s)
			}
		}
	}
	if !r.Since.IsZero() && !r.Until.IsZero() && r.Until.Before(r.Since) {
		return r, usagef("--until %s is before --since %s", c.String("until"), c.String("since"))
	}
	return r, nil
}

func nodeLearners() *cli.Command {
	return &cli.Command{
		Name: "progress", Usage: "see where every learner stands with a path or role", ArgsUsage: "[PATH|ROLE]",
		Description: example("By the badges that this node gave. A line each: the learner's DID, how far, what comes next; with --json, an object on a line each.", "trustme node progress become-issuer"),
		Flags:       nodeFlags(),
		Action: onNode(0, 1, "at most one PATH or ROLE", func(c *cli.Context, args []string, cl *node.Client) error {
			return cl.Learners(c.Context, first(args), func(l node.Learner) error {
				if c.Bool("json") {
					return json.NewEncoder(c.App.Writer).Encode(l)
				}
				for _, p := range l.Paths {
					next := ""
					if steps := p.Progress.Next(); len(steps) > 0 {
						next = "  next: " + strings.Join(steps, ", ")
					}
					say(c, "%s  %s  %d of %d%s", l.DID, p.Path, p.Progress.Done, p.Progress.Of, next)
				}
				for _, r := range l.Roles {
					say(c, "%s  %s  %s%s", l.DID, r.Role, met(r.Now), soon(r))
				}
				return nil
			})
		}),
	}
}

func soon(r node.LearnerRole) string {
	if r.Now.OK() && !r.Soon.OK() {
		return "; lapses within 90 days: " + strings.Join(r.Soon.Missing, ", ")
	}
	return ""
}

func nodeAudit() *cli.Command {
	return &cli.Command{
		Name: "audit", Usage: "verify the journal, and let partners hold it to what they keep",
		Description: example("Each entry of the journal holds the hash of the one before. Partners of agreements keep each other's signed checkpoints, so that a journal which is rewritten no longer fits.", "trustme node audit verify --partner https://birch.example"),
		Subcommands: []*cli.Command{
			auditVerify(),
			auditExport(),
			auditCheck(),
			auditCheckpoints(),
		},
	}
}

func auditVerify() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "verify the whole journal",
		Description: example("Exit 1, naming the first broken entry, when it is not whole. With --partner it is held to the checkpoints that the partner keeps.", "trustme node audit verify"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "partner", Usage: "public address of a partner, such as `https://birch.example`"}),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			a, err := cl.VerifyJournal(c.Context, node.AuditRequest{Partner: c.String("partner")})
			if err != nil {
				return err
			}
			return sayAudit(c, a)
		}),
	}
}

func auditExport() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write the journal to a file, an entry a line",
		Description: example("What `audit check` verifies anywhere. It names ids and nobody.", "trustme node audit export -o journal.jsonl"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag),
		Before:      needsOutput,
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			var b strings.Builder
			n := 0
			err := cl.Journal(c.Context, 1, func(l node.JournalLine) error {
				f := l.Fact
				f.Hash = l.Hash
				line, err := f.Line()
				n++
				b.Write(line)
				b.WriteByte('\n')
				return err
			})
			if err != nil {
				return err
			}
			if err := writeOutput(c, c.String("output"), []byte(b.String())); err != nil || c.String("output") == "-" {
				return err
			}
			return answer(c, fields{"file": c.String("output"), "facts": n}, "wrote %d entries to %s", n, c.String("output"))
		}),
	}
}

func auditCheckpoints() *cli.Command {
	return &cli.Command{
		Name: "checkpoints", Usage: "list the checkpoints of partners that are kept here",
		Description: example("With --refresh, the partners are asked now; a serving node asks by itself.", "trustme node audit checkpoints --refresh"),
		Flags:       nodeFlags(refreshFlag),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			if c.Bool("refresh") {
				if err := cl.KeepCheckpoints(c.Context); err != nil {
					return err
				}
			}
			all, err := cl.Checkpoints(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, k := range all {
				say(c, "%s  entry %d  %s  %s", k.Of, k.Seq, date(k.Signed), k.Hash)
			}
			return nil
		}),
	}
}

func sayAudit(c *cli.Context, a node.Audit) error {
	if c.Bool("json") {
		if err := printJSON(c, a); err != nil {
			return err
		}
	} else if a.OK {
		fits := ""
		if a.Checkpoints > 0 {
			fits = fmt.Sprintf(", and %d checkpoints of the partner fit", a.Checkpoints)
		}
		say(c, "OK: %d entries, the last with the hash %s%s", a.Facts, a.Hash, fits)
	} else {
		say(c, "broken at seq %d: %s", a.Broken, a.Why)
	}
	if !a.OK {
		return &verdictError{exitNo}
	}
	return nil
}

func nodeErase() *cli.Command {
	return &cli.Command{
		Name: "erase", Usage: "remove what is kept about a person", ArgsUsage: "CONNECTION|DID|EMAIL",
		Description: example("Removes connections, applications, evidence, learning agreements and presentations, and the person from the records of badges. Badges stay valid in the learner's wallet, the journal stays whole. Backups of before still hold what they held.", "trustme node erase 3f9a1c22b0d4"),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one CONNECTION, DID or EMAIL", func(c *cli.Context, args []string, cl *node.Client) error {
			e, err := cl.Erase(c.Context, node.EraseRequest{Who: args[0]})
			if err != nil {
				return err
			}
			return answer(c, e, "erased %d connections, %d applications, %d files; %d badges name nobody now", e.Connections, e.Applications, e.Files, e.Badges)
		}),
	}
}
