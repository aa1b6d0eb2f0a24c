package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/wallet"
)

func walletRecord() *cli.Command {
	return &cli.Command{
		Name: "record", Usage: "keep a record of what you learned and did, in your own words",
		Description: example("A record is a badge that you give to yourself: signed by your key, reported as self-asserted by every verifier, and counting for nothing by itself. Others can endorse it (`wallet endorsement`), and it can be evidence of an application (`wallet apply --evidence badge:ID`).", "trustme wallet record add --name \"Ran the club's website\" --setting informal --evidence site.png"),
		Subcommands: []*cli.Command{recordAdd(), recordList(), recordShow(), recordRemove()},
	}
}

func recordAdd() *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "write down something you learned or did",
		Description: example("Files of evidence are copied into the wallet, and the record holds their digests, so that a byte that changes later is noticed. A web address has no digest.", "trustme wallet record add --name \"Welding at home\" --setting informal --kind skill --from 2024-03-01 --to 2024-05-31 --role Helper --outcome \"Joins thin sheet\" --evidence photo.jpg --title \"1=The gate\""),
		Flags: walletFlags(append(itemFlags(),
			&cli.StringFlag{Name: "name", Usage: "`WHAT` you learned or did"},
			&cli.StringFlag{Name: "setting", Usage: "formal, non-formal or `informal`"},
			&cli.StringFlag{Name: "kind", Usage: "`KIND`: knowledge, skill, competence, participation, contribution, engagement or progress"},
			&cli.StringFlag{Name: "from", Usage: "first `DAY` of it, such as 2024-03-01"}, &cli.StringFlag{Name: "to", Usage: "last `DAY` of it"},
			&cli.StringFlag{Name: "role", Usage: "your `ROLE` in it"},
			&cli.StringFlag{Name: "description", Usage: "what it is, in a sentence or two"},
			&cli.StringFlag{Name: "say", Usage: "what you did, in your `WORDS`"},
			&cli.StringFlag{Name: "as", Usage: "your `NAME`, if it shall stand in the record"},
			textsFlag("outcome", "what you can do or know since, in a `SENTENCE`; give it again for more"),
			textsFlag("align", "an item of a framework that it fits: `URI and its name`"))...),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			q := wallet.RecordRequest{Name: c.String("name"), Kind: c.String("kind"), Setting: c.String("setting"), Description: c.String("description"), Role: c.String("role"), Narrative: c.String("say"),
				As: c.String("as"), Outcomes: textsOf(c, "outcome"), Align: textsOf(c, "align")}
			var err error
			if q.Evidence, err = itemsOf(c); err != nil {
				return err
			}
			for flag, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
				if s := c.String(flag); s != "" {
					if *into, err = time.Parse(time.DateOnly, s); err != nil {
						return usagef("--%s %q is no day; write 2024-03-01", flag, s)
					}
				}
			}
			r, err := w.AddRecord(c.Context, q)
			if err != nil {
				return err
			}
			return answer(c, r, "%s  %s, self-asserted, with %d items of evidence", r.ID, plain(r.Name), len(r.Evidence))
		}),
	}
}

func recordList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list your records",
		Description: example("Each line: id, setting, kind, name, items of evidence.", "trustme wallet record list"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, err := w.Records(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, r := range all {
				say(c, "%s  %-10s  %-13s  %s  %d", r.ID, r.Setting, r.Kind, plain(r.Name), len(r.Evidence))
			}
			return nil
		}),
	}
}

func recordShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a record and its evidence", ArgsUsage: "RECORD",
		Description: example("RECORD is an id from the list, or the name. --save writes the files of its evidence into a folder.", "trustme wallet record show --save files \"Welding at home\""),
		Flags:       walletFlags(&cli.StringFlag{Name: "save", Usage: "`DIR` to write the files of evidence to"}, forceFlag),
		Action: onWallet(1, 1, "one RECORD", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			r, _, err := w.Record(c.Context, args[0])
			if err != nil {
				return err
			}
			if dir := c.String("save"); dir != "" {
				if err := saveRecord(c, w, r, dir); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return printJSON(c, r)
			}
			say(c, "%s\n  id          %s\n  credential  %s\n  setting     %s\n  kind        %s\n  role        %s\n  from        %s\n  to          %s", plain(r.Name), r.ID, r.Credential, r.Setting, r.Kind, plain(r.Role), date(r.From), date(r.To))
			printEvidence(c, r.Evidence)
			return nil
		}),
	}
}

func saveRecord(c *cli.Context, w *wallet.Wallet, r wallet.Record, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return usagef("--save: %v", err)
	}
	for i, e := range r.Evidence {
		if e.Kind != application.File {
			continue
		}
		raw, ending, err := w.RecordFile(r, i+1)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("%s-%d%s", r.ID, i+1, ending))
		if err := writeOutput(c, name, raw); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "saved %s\n", name)
	}
	return nil
}

func recordRemove() *cli.Command {
	return &cli.Command{
		Name: "remove", Usage: "forget a record and its files", ArgsUsage: "RECORD",
		Description: example("Where you showed or published it, it stays known; `wallet portfolio list` tells what is published.", "trustme wallet record remove \"Welding at home\""),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one RECORD", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			r, err := w.RemoveRecord(c.Context, args[0])
			if err != nil {
				return err
			}
			return answer(c, r, "removed %s", plain(r.Name))
		}),
	}
}
