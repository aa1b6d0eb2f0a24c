package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/wallet"
	"github.com/trust-me/trustme/wallet/portfolio"
)

func walletShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show one badge in full", ArgsUsage: "BADGE",
		Description: example("BADGE is an id from the list, or a name. Prints what the badge says and how it stood at the last look; --json prints the badge as it was signed.", "trustme wallet show \"Badge Designer\""),
		Flags:       walletFlags(),
		Action: onWallet(1, 1, "one BADGE", func(c *cli.Context, args []string, w *wallet.Wallet) error {
			h, raw, err := w.Get(c.Context, args[0])
			if err != nil {
				return err
			}
			if c.Bool("json") {
				say(c, "%s", raw)
				return nil
			}
			b, _, err := credentials.ParseAny(raw)
			if err != nil {
				return err
			}
			say(c, "%s\n  issued by   %s (%s)\n  for         %s\n  badge       %s\n  credential  %s\n  awarded     %s\n  valid       %s to %s\n  received    %s\n  verdict     %s on %s: %s", h.Name, h.IssuerName, h.Issuer, h.Subject, h.Achievement, h.Credential,
				date(b.AwardedDate()), date(h.ValidFrom), date(h.ValidUntil), date(h.Received), h.Verdict, date(h.Checked), h.Why)
			if h.Said != nil {
				say(c, "  issuer says %s (on %s)", plain(h.Word()), date(h.Said.At))
			}
			sayBadge(c, b)
			return sayPraise(c, w, h)
		}),
	}
}

// sayBadge prints what a badge says of what was learned.
func sayBadge(c *cli.Context, b credentials.Credential) {
	line := func(name, value string) {
		if value != "" {
			say(c, "  %-11s %s", name, plain(value))
		}
	}
	a, f, subject := b.Achievement(), b.Facts(), b.Doc().Get("credentialSubject").First()
	line("level", f.Level)
	line("EQF", strings.TrimPrefix(f.EQF, "http://data.europa.eu/snb/eqf/"))
	if f.Credits > 0 {
		line("credits", portfolio.Points(f.Credits, f.CreditFramework))
	}
	line("workload", f.WorkloadName)
	line("about", a.Get("description").Words())
	for i, text := range strings.Split(a.Get("criteria").Get("narrative").Words(), "\n") {
		line([]string{"criteria", ""}[min(i, 1)], text)
	}
	for i, o := range f.Outcomes {
		line([]string{"outcomes", ""}[min(i, 1)], o.Name)
	}
	line("narrative", subject.Get("narrative").Words())
	n := 0
	for e := range b.Doc().Get("evidence").Elements() {
		n++
		id := ""
		if strings.HasPrefix(e.ID(), "http") {
			id = ", " + e.ID()
		}
		line(fmt.Sprintf("evidence %d", n), strings.TrimSuffix(e.Get("name").Words()+id+": "+e.Get("narrative").Words(), ": "))
	}
}

// sayPraise prints the endorsements that are kept of a badge.
func sayPraise(c *cli.Context, w *wallet.Wallet, h wallet.Held) error {
	all, _, err := w.Endorsements(c.Context)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Of == h.Credential || h.Awards(e.Of) || e.Of == h.Issuer {
			say(c, "  endorsed    %s by %s %s  %s", e.Verdict, e.By, e.ByName, plain(e.Comment))
		}
	}
	return nil
}
