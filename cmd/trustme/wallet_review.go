package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/wallet"
)

func walletReview() *cli.Command {
	return &cli.Command{
		Name: "review", Usage: "review applications of others, at a partner where you are a reviewer",
		Description: example("You are a reviewer by a badge that the catalogue names and that you hold today, or by a role that the partner gave you. A review is signed with your key.", "trustme wallet review list --at Alder"),
		Subcommands: []*cli.Command{
			reviewList(), reviewTake(), reviewShow(), reviewDecide(), reviewSign(),
		},
	}
}

func reviewList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list what awaits you",
		Description: example("Each line: id, state, since when, badge, and who has taken it.", "trustme wallet review list"),
		Flags:       walletFlags(atFlag),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			ts, err := w.Tasks(c.Context, c.String("at"))
			if err != nil || c.Bool("json") {
				return orJSON(c, ts, err)
			}
			for _, t := range ts {
				say(c, "%s  %-9s  %s  %s%s", t.ID, t.State, date(t.Since), t.Name, taken(t))
			}
			return nil
		}),
	}
}

// plain is a text of somebody else's as a terminal shows it: what would steer
// the terminal is left out.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return ' '
		}
		if unicode.IsControl(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, s)
}

func taken(t application.Task) string {
	switch {
	case t.Sign:
		return "  (to sign)"
	case t.Yours:
		return "  (yours until " + date(t.Taken) + ")"
	case !t.Taken.IsZero():
		return "  (taken until " + date(t.Taken) + ")"
	}
	return ""
}

func printTask(c *cli.Context, t application.Task, files []string) {
	say(c, "%s: %s\n  badge     %s\n  state     %s%s\n  revision  %d\n  route     %s", t.ID, t.Name, t.Achievement, t.State, taken(t), t.Revision, t.Route)
	if t.Waits != "" {
		say(c, "  it        %s", t.Waits)
	}
	if t.Level > 0 {
		say(c, "  level     %d", t.Level)
	}
	if t.Appeal != "" {
		say(c, "  appeal    %s\n  rejected  %s", plain(t.Appeal), plain(t.Reason))
	}
	if t.Submission.Say != "" {
		say(c, "  says      %s", plain(t.Submission.Say))
	}
	say(c, "criteria:")
	for _, k := range t.Criteria {
		say(c, "  %-10s %s", k.Slug, k.Text)
	}
	printEvidence(c, t.Submission.Evidence)
	for _, f := range files {
		if f != "" {
			say(c, "saved %s", f)
		}
	}
}

func printEvidence(c *cli.Context, all []application.Evidence) {
	if len(all) > 0 {
		say(c, "evidence:")
	}
	for i, e := range all {
		what := map[application.Kind]string{application.Link: e.URL, application.Text: e.Text, application.File: fmt.Sprintf("%s, %d bytes", e.Media, e.Size), application.Credential: e.Credential}[e.Kind]
		say(c, "  %d  %-10s %s: %s", i+1, e.Kind, plain(e.Name), plain(what))
		if e.Narrative != "" {
			say(c, "     %s", plain(e.Narrative))
		}
	}
}

func reviewTake() *cli.Command {
	return &cli.Command{
		Name: "take", Usage: "take an application, so that nobody else reviews it meanwhile", ArgsUsage: "APPLICATION",
		Description: example("It is yours for a day; after that another reviewer may take it.", "trustme wallet review take 3f2a91"),
		Flags:       walletFlags(atFlag),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			t, err := w.Take(c.Context, c.String("at"), args[0])
			if err != nil || c.Bool("json") {
				return orJSON(c, t, err)
			}
			printTask(c, t, nil)
			return nil
		}),
	}
}

func reviewShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show an application: criteria and evidence", ArgsUsage: "APPLICATION",
		Description: example("With --save the files are fetched, encrypted on the way, and held to their digests.", "trustme wallet review show --save evidence/ 3f2a91"),
		Flags:       walletFlags(atFlag, &cli.StringFlag{Name: "save", Usage: "save the files of the evidence in `DIR`"}),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			t, files, err := w.Task(c.Context, c.String("at"), args[0], c.String("save"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, fields{"task": t, "files": files})
			}
			printTask(c, t, files)
			return nil
		}),
	}
}

func reviewDecide() *cli.Command {
	return &cli.Command{
		Name: "decide", Usage: "sign a review: each criterion, or a rejection", ArgsUsage: "APPLICATION",
		Description: example("Judge each criterion with --yes or --no. A --no needs a comment that the learner can act on; the application is returned with it. With --reject the application ends; the learner may appeal once, to other reviewers.",
			"trustme wallet review decide --yes lint --yes align --no \"explain: the workload is missing\" 3f2a91\ntrustme wallet review decide --yes all --comment \"Well done\" 3f2a91"),
		Flags: walletFlags(atFlag, textsFlag("yes", "`CRITERION` that is satisfied, or all; also \"criterion: comment\""), textsFlag("no", "criterion that is not, as `\"CRITERION: COMMENT\"`"),
			&cli.StringFlag{Name: "comment", Usage: "`WORDS` about the whole"}, &cli.StringFlag{Name: "reject", Usage: "reject the application, for this `REASON`"}),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			if len(textsOf(c, "yes"))+len(textsOf(c, "no")) == 0 && c.String("reject") == "" {
				return usagef("judge the criteria with --yes and --no, or say --reject REASON; `trustme wallet review show` lists them")
			}
			d := wallet.Decision{Comment: c.String("comment"), Reject: c.String("reject")}
			for _, flag := range []string{"yes", "no"} {
				for _, text := range textsOf(c, flag) {
					slug, words, _ := strings.Cut(text, ":")
					d.Judged = append(d.Judged, application.Judged{Criterion: strings.TrimSpace(slug), Satisfied: flag == "yes", Comment: strings.TrimSpace(words)})
				}
			}
			o, err := w.Decide(c.Context, c.String("at"), args[0], d)
			if err != nil {
				return err
			}
			if o.Reason != "" {
				return answer(c, o, "reviewed: the application is %s: %s", o.State, o.Reason)
			}
			return answer(c, o, "reviewed: the application is %s", o.State)
		}),
	}
}

func reviewSign() *cli.Command {
	return &cli.Command{
		Name: "sign", Usage: "sign an accepted application, as an operator, so that its badge is issued", ArgsUsage: "APPLICATION",
		Description: example("Who reviewed an application does not sign it, unless the catalogue says foureyes: false.", "trustme wallet review sign 3f2a91"),
		Flags:       walletFlags(atFlag),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			o, err := w.SignTask(c.Context, c.String("at"), args[0])
			if err != nil {
				return err
			}
			if o.Award == "" {
				return answer(c, o, "not signed: %s is %s: %s", o.Name, o.State, plain(o.Reason))
			}
			return answer(c, o, "signed: %s is %s (%s)", o.Name, o.State, o.Award)
		}),
	}
}
