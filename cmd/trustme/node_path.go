package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/drawing"
)

func nodePath() *cli.Command {
	return &cli.Command{
		Name: "path", Usage: "see a learning path, and how many learners satisfied each step", ArgsUsage: "[PATH]",
		Description: example("By the badges that this node gave; `trustme node progress` tells of every learner. --draw and --svg draw it.", "trustme node path become-issuer\ntrustme node path --svg path.svg become-issuer"),
		Flags:       nodeFlags(drawFlag, svgFlag, forceFlag),
		Action: onNode(0, 1, "at most one PATH", func(c *cli.Context, args []string, cl *node.Client) error {
			all, err := cl.PathStandings(c.Context, first(args))
			if err != nil {
				return err
			}
			var drawn []drawing.Path
			for _, p := range all {
				drawn = append(drawn, p.Drawing())
			}
			if done, err := drawPaths(c, drawn, all); done || err != nil {
				return err
			}
			for _, p := range all {
				say(c, "%s (%s of %s; the order is %s)", p.Name, p.Path, p.Catalogue, orAdvice(p.Enforced))
				for _, s := range p.Steps {
					after, optional := "", ""
					if s.After != nil {
						after = "  after " + s.After.String()
					}
					if s.Optional {
						optional = "  optional"
					}
					say(c, "  %5d  %-12s %s%s%s", s.Satisfied, s.Badge, s.Name, after, optional)
				}
				say(c, "%s on the way, %d at the goal", several(p.Learners, "learner"), p.Arrived)
			}
			return nil
		}),
	}
}

func orAdvice(enforced bool) string {
	if enforced {
		return "enforced"
	}
	return "advice"
}

// roleStandings is the verb of `node role` without another: what the roles of
// the catalogues require, and who fulfils them.
func roleStandings() cli.ActionFunc {
	return onNode(0, 1, "at most one ROLE", func(c *cli.Context, args []string, cl *node.Client) error {
		all, err := cl.RoleStandings(c.Context, first(args))
		if err != nil || c.Bool("json") {
			return orJSON(c, all, err)
		}
		for _, r := range all {
			say(c, "%s (%s of %s)", r.Name, r.Role, r.Catalogue)
			sayRequirement(c, "  ", r.Requires)
			say(c, "%d of %s fulfil it; %d of them no longer in 90 days", r.Fulfilled, several(r.Learners, "learner"), r.Lapsing)
			for _, w := range r.Who {
				say(c, "  %s  will miss %s", w.DID, strings.Join(w.Missing, ", "))
			}
		}
		return nil
	})
}

// sayRequirement draws a requirement as a tree of lines.
func sayRequirement(c *cli.Context, indent string, r requirement.Requirement) {
	parts, head := r.All, "all of"
	switch {
	case r.Any != nil:
		parts, head = r.Any, "one of"
	case r.Of != nil:
		parts, head = r.Of, several(r.N, "badge")+" of"
	case r.All == nil:
		say(c, "%s- %s", indent, r)
		return
	}
	say(c, "%s%s", indent, head)
	for _, part := range parts {
		sayRequirement(c, indent+"  ", part)
	}
}
