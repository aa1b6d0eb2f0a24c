package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/node"
)

// maxAgreement bounds an agreement's file.
const maxAgreement = 1 << 20

var writeToFlag = &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`"}

func nodeAgreement() *cli.Command {
	return &cli.Command{
		Name: "agreement", Usage: "recognise partners' badges by signed agreements",
		Description: example("Each partner signs what it recognises of the other's badges; the other countersigns. From then on the partner's badges count here as the agreement says. No registry takes part.",
			"trustme node agreement draft --with https://birch.example/design -o birch.yaml\ntrustme node agreement sign birch.yaml\n# at Birch:\ntrustme node agreement countersign https://alder.example/agreements/4c1e..."),
		Subcommands: []*cli.Command{
			agreementDraft(),
			agreementSign(),
			agreementReview(),
			agreementVerb("countersign", "countersign a partner's agreement about one's own badges", "Read it first with `review`. The partner's node fetches the countersignature from this one.", (*node.Client).Countersign),
			agreementVerb("take", "bring in a partner's countersignature", "For partners whose node cannot be reached: they hand over the file that `show --output` writes.", (*node.Client).TakeAgreement),
			agreementList(),
			agreementShow(),
			agreementRefresh(),
			agreementState("suspend", "suspend an agreement for a time", node.OnHold),
			agreementState("resume", "end a suspension", node.InForce),
			agreementState("end", "end an agreement, or one's countersignature, for good", node.WasEnded),
		},
	}
}

func agreementDraft() *cli.Command {
	return &cli.Command{
		Name: "draft", Usage: "compare a partner's catalogue with one's own and write an agreement to edit",
		Description: example("Pairs achievements by the alignments that both name, level and workload, best first; the table goes to standard error, the file to --output.", "trustme node agreement draft --with https://birch.example/design -o birch.yaml"),
		Flags: nodeFlags(&cli.StringFlag{Name: "with", Usage: "the partner's catalogue, such as `https://birch.example/design`, or the address or DID of a partner that publishes one"},
			&cli.StringFlag{Name: "from-catalogue", Usage: "one's own catalogue, where there are several"}, writeToFlag, forceFlag),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			if c.String("with") == "" {
				return usagef("draft: name the partner's catalogue, such as --with https://birch.example/design")
			}
			d, err := cl.DraftAgreement(c.Context, node.AgreementDraftRequest{With: c.String("with"), Catalogue: c.String("from-catalogue")})
			if err != nil {
				return err
			}
			if o := c.String("output"); o != "" {
				if err := writeOutput(c, o, []byte(d.File)); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return printJSON(c, d)
			}
			for _, p := range d.Pairs {
				say(c, "%.2f  %s ~ %s  %d alignments in common, EQF %d/%d, %g/%g hours", p.Score, p.A, p.B, len(p.Shared), p.EQF[0], p.EQF[1], p.Hours[0], p.Hours[1])
			}
			if c.String("output") == "" {
				say(c, "%s", d.File)
				return nil
			}
			say(c, "wrote %s; edit it, then: trustme node agreement sign %s", c.String("output"), c.String("output"))
			return nil
		}),
	}
}

func agreementSign() *cli.Command {
	return &cli.Command{
		Name: "sign", Usage: "sign an agreement", ArgsUsage: "FILE",
		Description: example("It is proposed until the partner countersigns it. While the node serves, it asks the partner for that by itself.", "trustme node agreement sign birch.yaml"),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			raw, err := readInput(args[0], maxAgreement)
			if err != nil {
				return err
			}
			a, err := cl.SignAgreement(c.Context, node.SignAgreementRequest{File: raw})
			if err != nil {
				return err
			}
			for _, note := range a.Notes {
				fmt.Fprintln(os.Stderr, note)
			}
			return answer(c, a, "%s\nproposed; the partner countersigns it with: trustme node agreement countersign %s", a.ID, a.Address)
		}),
	}
}

func agreementReview() *cli.Command {
	return &cli.Command{
		Name: "review", Usage: "verify and read a partner's agreement", ArgsUsage: "URL|FILE",
		Description: example("Agrees to nothing.", "trustme node agreement review https://alder.example/agreements/4c1e..."),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one URL or FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			r, err := agreementAt(args[0])
			if err != nil {
				return err
			}
			s, err := cl.ReviewAgreement(c.Context, r)
			if err != nil || c.Bool("json") {
				return orJSON(c, s, err)
			}
			say(c, "%s\n  signed by   %s %s\n  about       %s\n  from        %s until %s", s.Name, s.By, s.ByName, s.Of, date(s.From), date(s.Until))
			sayStatement(c, s)
			return nil
		}),
	}
}

func agreementList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the agreements",
		Description: example("Each line: id, state, whether ours or theirs, from, until, partner, name.", "trustme node agreement list"),
		Flags:       nodeFlags(),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			all, err := cl.Agreements(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, a := range all {
				say(c, "%s  %-9s  %s  %s  %s  %s  %s", strings.TrimPrefix(a.ID, "urn:uuid:")[:8], stands(a), whose(a), date(a.From), date(a.Until), cmp.Or(a.PartnerName, a.Partner), a.Name)
			}
			return nil
		}),
	}
}

func agreementShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show an agreement, or write what is signed to a file", ArgsUsage: "ID",
		Description: example("The beginning of the id is enough.", "trustme node agreement show -o birch.json 4c1e"),
		Flags:       nodeFlags(writeToFlag, forceFlag),
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			a, err := cl.AgreementBundle(c.Context, args[0])
			if err != nil {
				return err
			}
			if o := c.String("output"); o != "" {
				if err := writeOutput(c, o, a.Bundle); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return printJSON(c, a)
			}
			say(c, "%s\n  %s, %s\n  with  %s\n  from  %s until %s\n  at    %s", a.Name, stands(a.Agreement), whose(a.Agreement), a.Partner, date(a.From), date(a.Until), a.Address)
			if a.Reason != "" {
				say(c, "  because %s", a.Reason)
			}
			sayStatement(c, a.Statement)
			return nil
		}),
	}
}

func agreementRefresh() *cli.Command {
	return &cli.Command{
		Name: "refresh", Usage: "ask partners for countersignatures that are due",
		Description: example("A serving node asks every minute by itself.", "trustme node agreement refresh"),
		Flags:       nodeFlags(),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			all, err := cl.RefreshAgreements(c.Context)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, a := range all {
				say(c, "%s  %s  %s", a.ID, a.State, a.Name)
			}
			return nil
		}),
	}
}

// stands is the state of an agreement, also by its partner's word.
func stands(a node.Agreement) string {
	if a.AtPartner != "" && a.State == node.InForce {
		return string(a.AtPartner) + " by the partner"
	}
	return string(a.State)
}

func whose(a node.Agreement) string {
	if a.Ours {
		return "ours"
	}
	return "theirs"
}

// sayStatement prints what an agreement says.
func sayStatement(c *cli.Context, s recognition.Statement) {
	for _, line := range strings.Split(s.Comment, "\n") {
		say(c, "  %s", line)
	}
	for _, r := range s.Recognizes {
		say(c, "  recognises  %s\n              as %s (%s)%s", r.Source, r.Target, r.Association, terms(r.MinLevel, r.Within, r.EQF, r.Credits))
	}
	for _, a := range s.Authorizes {
		say(c, "  authorises to issue %s", a)
	}
}

func terms(level int, within, eqf string, credits float64) string {
	var parts []string
	add := func(cond bool, format string, args ...any) {
		if cond {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(level > 0, "from level %d on", level)
	add(within != "", "awarded within %s", within)
	add(eqf != "", "EQF %s", eqf[strings.LastIndex(eqf, "/")+1:])
	add(credits > 0, "%g points", credits)
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// agreementAt names an agreement by its address, or reads its file.
func agreementAt(from string) (node.TakeAgreementRequest, error) {
	if isAddress(from) {
		return node.TakeAgreementRequest{Address: from}, nil
	}
	raw, err := readInput(from, maxAgreement)
	return node.TakeAgreementRequest{Bundle: raw}, err
}

func agreementVerb(name, usage, text string, do func(*node.Client, context.Context, node.TakeAgreementRequest) (node.SignedAgreement, error)) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "URL|FILE",
		Description: example(text, "trustme node agreement "+name+" https://alder.example/agreements/4c1e..."),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one URL or FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			r, err := agreementAt(args[0])
			if err != nil {
				return err
			}
			a, err := do(cl, c.Context, r)
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s, %s", a.ID, a.State, a.Name)
		}),
	}
}

func agreementState(name, usage string, to node.AgreementState) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ID",
		Description: example("What was awarded while the agreement held keeps counting after its end.", "trustme node agreement "+name+" --reason 'yearly review' 4c1e"),
		Flags:       nodeFlags(&cli.StringFlag{Name: "reason", Usage: "why; required, and kept in the journal"}),
		Before:      needsReason,
		Action: onNode(1, 1, "one ID", func(c *cli.Context, args []string, cl *node.Client) error {
			a, err := cl.SetAgreement(c.Context, node.SetAgreementRequest{ID: args[0], To: to, Reason: c.String("reason")})
			if err != nil {
				return err
			}
			return answer(c, a, "%s: %s, %s", a.ID, a.State, a.Name)
		}),
	}
}

func nodeRecognise() *cli.Command {
	return &cli.Command{
		Name: "recognise", Usage: "verify a badge or a transcript and say whether it counts here, and as what", ArgsUsage: "FILE|-",
		Description: example("A badge counts by its issuer, by an authorisation, or by an agreement of this node; of a transcript, each badge is answered, by the learner's learning agreement first.\n\nExit 0 recognised, 1 not, 2 could not tell.", "trustme node recognise badge.json"),
		Flags:       nodeFlags(),
		Action: onNode(1, 1, "one FILE or -", func(c *cli.Context, args []string, cl *node.Client) error {
			raw, err := readInput(args[0], maxInput)
			if err != nil {
				return err
			}
			r, err := cl.Recognise(c.Context, node.RecogniseRequest{Credential: raw})
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if err := printJSON(c, r); err != nil {
					return err
				}
			} else {
				say(c, "%s\n%s", r.Verdict, r.Told)
				for _, u := range r.Units {
					say(c, "  %-7s %s: %s", u.Recognition.Answer, u.Name, u.Told)
				}
				for _, framework := range slices.Sorted(maps.Keys(r.Credits)) {
					say(c, "  %g points %s", r.Credits[framework], framework)
				}
				for _, m := range r.Missing {
					say(c, "  missing %s", m)
				}
				if r.Verdict != credentials.Valid {
					say(c, "%s", r.Why)
				}
			}
			return byRecognition(r)
		}),
	}
}

func byRecognition(r node.Recognised) error {
	switch {
	case r.Verdict == credentials.Valid && r.Recognition.Answer == credentials.Yes:
		return nil
	case r.Verdict == credentials.Invalid || r.Recognition.Answer == credentials.No:
		return &verdictError{exitNo}
	}
	return &verdictError{exitUndecided}
}
