package main

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/wallet"
)

// uncut are the values of a flag that may be given again. Unlike those of the
// library they are not cut at commas, which stand in what people write.
type uncut []string

func (t *uncut) Set(s string) error { *t = append(*t, s); return nil }

func (t *uncut) String() string { return strings.Join(*t, " ") }

func textsFlag(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &uncut{}}
}

func textsOf(c *cli.Context, name string) []string {
	t, ok := c.Generic(name).(*uncut)
	if !ok {
		return nil // a command without the flag
	}
	return *t
}

// evidenceFlags say what is handed in, and about which item what.
func evidenceFlags() []cli.Flag {
	return append(itemFlags(),
		&cli.StringFlag{Name: "say", Usage: "`WORDS` to the reviewers; they become the badge's narrative"},
		&cli.IntFlag{Name: "level", Usage: "level that you apply for; the one that is wanted, unless given"},
		&cli.BoolFlag{Name: "private", Usage: "keep names, words and addresses out of the badge: it has no more than digests of the evidence"},
		textsFlag("show", "`BADGE` of another partner to show as well"))
}

// itemFlags name items of evidence and describe them.
func itemFlags() []cli.Flag {
	return []cli.Flag{
		textsFlag("evidence", "`ITEM` of evidence: a file, https://..., badge:ID of a badge that you hold, or text:WORDS; give it again for more"),
		textsFlag("title", "name of an item, such as `2=Photo of the work`"),
		textsFlag("narrative", "what an item shows, such as `2=My part was the welding`"),
		textsFlag("genre", "sort of an item, such as `2=Photography`"),
		textsFlag("type", "media type of a file, such as `1=application/pdf`, where its ending does not tell"),
	}
}

func applyRequest(c *cli.Context) (wallet.ApplyRequest, error) {
	r := wallet.ApplyRequest{At: c.String("at"), Level: c.Int("level"), Route: c.String("route"), Say: c.String("say"), Private: c.Bool("private"), Show: textsOf(c, "show")}
	var err error
	r.Evidence, err = itemsOf(c)
	return r, err
}

// itemsOf reads what itemFlags say.
func itemsOf(c *cli.Context) (items []wallet.EvidenceFrom, err error) {
	for _, from := range textsOf(c, "evidence") {
		items = append(items, wallet.EvidenceFrom{From: from})
	}
	for _, flag := range []string{"title", "narrative", "genre", "type"} {
		for _, text := range textsOf(c, flag) {
			number, words, ok := strings.Cut(text, "=")
			i, err := strconv.Atoi(number)
			if !ok || err != nil || i < 1 || i > len(items) {
				return nil, usagef("--%s %q: write NUMBER=WORDS, with the number of an --evidence: there are %d", flag, text, len(items))
			}
			e := &items[i-1]
			*map[string]*string{"title": &e.Name, "narrative": &e.Narrative, "genre": &e.Genre, "type": &e.Media}[flag] = words
		}
	}
	return items, nil
}

var atFlag = &cli.StringFlag{Name: "at", Usage: "`PARTNER`: label, DID or id of the connection; needed where there are several"}

func walletApply() *cli.Command {
	return &cli.Command{
		Name: "apply", Usage: "apply for a badge, with evidence", ArgsUsage: "CATALOGUE/BADGE",
		Description: example("Hands in an application at a partner, with the badges that it gave you before, so that it sees what comes first in the path. Files are copied into the wallet, sent encrypted in pieces, and go on where they stopped. What the partner does not take in, it refuses with a sentence that says the way out (exit 1). With --language the badge comes in that language.\n\nWith --route prior-learning what you learned elsewhere is validated for the same badge, out of the order of the path.",
			"trustme wallet apply --at Alder --evidence plan.pdf --evidence https://example.org/work --say \"Made for our club\" openbadges/designer"),
		Flags: walletFlags(append(evidenceFlags(), atFlag, languageFlag, &cli.StringFlag{Name: "route", Usage: "regular, or `prior-learning`"})...),
		Action: onWallet(1, 1, "one CATALOGUE/BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			r, err := applyRequest(c)
			if err != nil {
				return err
			}
			r.Achievement, r.Language = args[0], c.String("language")
			a, err := w.Apply(c.Context, r)
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s at %s is %s", a.ID, a.Name, a.Partner, a.Standing())
		}),
	}
}

func walletApplications() *cli.Command {
	move := func(name, usage, done string, f func(c *cli.Context, w *wallet.Wallet, id string) (wallet.Application, error), flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, ArgsUsage: "APPLICATION",
			Description: example("APPLICATION is an id from the list, the beginning of it, or the badge's name.", "trustme wallet applications "+name+" 3f2a91"+done),
			Flags:       walletFlags(flags...),
			Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
				a, err := f(c, w, args[0])
				if err != nil {
					return err
				}
				return answer(c, a, "%s: %s at %s is %s", a.ID, a.Name, a.Partner, a.Standing())
			}),
		}
	}
	return &cli.Command{
		Name: "applications", Usage: "see and move your applications",
		Description: example("An application is submitted, in review, returned with reasons (hand it in again), accepted, issued, rejected (appeal once) or withdrawn.", "trustme wallet applications list"),
		Subcommands: []*cli.Command{
			applicationsList(), applicationsShow(),
			move("resubmit", "hand in again what was returned, with other evidence", "", func(c *cli.Context, w *wallet.Wallet, id string) (wallet.Application, error) {
				r, err := applyRequest(c)
				if err != nil {
					return wallet.Application{}, err
				}
				return w.Resubmit(c.Context, id, r)
			}, evidenceFlags()...),
			move("withdraw", "end an application, any time before the badge is issued", "", func(c *cli.Context, w *wallet.Wallet, id string) (wallet.Application, error) {
				return w.Withdraw(c.Context, id)
			}),
			move("appeal", "hand a rejected application to other reviewers, once", "", func(c *cli.Context, w *wallet.Wallet, id string) (wallet.Application, error) {
				if c.String("reason") == "" {
					return wallet.Application{}, usagef("give a --reason; the other reviewers read it")
				}
				return w.Appeal(c.Context, id, c.String("reason"))
			}, &cli.StringFlag{Name: "reason", Usage: "why; required"}),
			applicationsForget(),
		},
	}
}

func applicationsList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list your applications",
		Description: example("Each line: id, where it stands, badge, partner, reason. `trustme wallet sync` asks for news.", "trustme wallet applications list"),
		Flags:       walletFlags(),
		Action: onWallet(0, 0, "", func(c *cli.Context, _ []string, w *wallet.Wallet) error {
			all, err := w.Applications(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, a := range all {
				say(c, "%s  %-9s  %s  %s  %s", a.ID, a.Standing(), plain(a.Name), plain(a.Partner), plain(a.Why()))
			}
			return nil
		}),
	}
}

func applicationsForget() *cli.Command {
	return &cli.Command{
		Name: "forget", Usage: "remove an application that is over from this wallet", ArgsUsage: "APPLICATION",
		Description: example("With the files that nothing else here needs: a badge that came of it holds their digests, so keep them elsewhere. The partner keeps its record.", "trustme wallet applications forget 3f2a91"),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			a, err := w.Forget(c.Context, args[0])
			if err != nil {
				return err
			}
			return answer(c, a, "forgotten: %s, %s at %s", a.ID, a.Name, a.Partner)
		}),
	}
}

func applicationsShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show an application in full", ArgsUsage: "APPLICATION",
		Description: example("Prints what was handed in, and what reviewers said about each criterion.", "trustme wallet applications show 3f2a91"),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one APPLICATION", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			a, err := w.Application(c.Context, args[0])
			if err != nil || c.Bool("json") {
				return orJSON(c, a, err)
			}
			say(c, "%s at %s: %s\n  id        %s\n  badge     %s\n  revision  %d\n  route     %s", a.Name, a.Partner, a.Standing(), a.ID, a.Sent.Achievement, a.Revision, a.Sent.Route)
			if a.Reason != "" {
				say(c, "  reason    %s", plain(a.Reason))
			}
			if a.Refused != "" {
				say(c, "  refused   %s", plain(a.Refused))
			}
			for _, j := range a.Judged {
				say(c, "  %-8s  %s  %s", yesNo(j.Satisfied), j.Criterion, plain(j.Comment))
			}
			printEvidence(c, a.Sent.Evidence)
			return nil
		}),
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func walletClaim() *cli.Command {
	return &cli.Command{
		Name: "claim", Usage: "redeem a claim code at a partner that you are connected with", ArgsUsage: "CODE",
		Description: example("The code may also be opened as a link, by `trustme wallet connect`. With --language the badge comes in that language, if the partner gives it so.", "trustme wallet claim --at Alder --language fr K7Q2M-9XP4T"),
		Flags:       walletFlags(atFlag, languageFlag),
		Action: onWallet(1, 1, "one CODE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			o, res, err := w.Claim(c.Context, c.String("at"), args[0], c.String("language"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, fields{"name": o.Name, "award": o.Award, "sync": res})
			}
			say(c, "redeemed: %s", o.Name)
			sayReceived(c, res)
			return nil
		}),
	}
}
