package main

import (
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/node"
)

func nodeEvent() *cli.Command {
	return &cli.Command{
		Name: "event", Usage: "record outside facts that earn badges",
		Description: example("A catalogue says which facts earn which badge (award: {by: event, on: ...}).", "trustme node event record --verb http://adlnet.gov/expapi/verbs/passed --object https://lms.example/ob-basics --scaled 0.9 --who ana@example.org"),
		Subcommands: []*cli.Command{{
			Name: "record", Usage: "record that somebody did something, and give the badges that it earns",
			Description: example("The same --id is one fact, however often it is recorded; without one, the same words are. A badge that somebody has already is not given again, which is told; of a fact that no rule is about the rules that there are are listed. To an e-mail address it prints the link that claims the badge.",
				"trustme node event record --id quiz-4711 --verb http://adlnet.gov/expapi/verbs/passed --object https://lms.example/ob-basics --scaled 0.9 --who ana@example.org"),
			Flags: nodeFlags(&cli.StringFlag{Name: "id", Usage: "`ID` that the fact has where it comes from"}, &cli.StringFlag{Name: "verb", Usage: "what was done, as an address; required"},
				&cli.StringFlag{Name: "object", Usage: "with what, as an address; required"}, &cli.Float64Flag{Name: "scaled", Usage: "result between -1 and 1"},
				&cli.StringFlag{Name: "who", Usage: "connection id, DID or e-mail address; required"}),
			Action: onNode(0, 0, "", recordEvent),
		}},
	}
}

func recordEvent(c *cli.Context, _ []string, cl *node.Client) error {
	for _, name := range []string{"verb", "object", "who"} {
		if c.String(name) == "" {
			return usagef("give --%s", name)
		}
	}
	r := node.EventRequest{ID: c.String("id"), Verb: c.String("verb"), Object: c.String("object"), Who: c.String("who")}
	if c.IsSet("scaled") {
		r.Scaled = new(c.Float64("scaled"))
	}
	out, err := cl.RecordEvent(c.Context, r)
	if err != nil || c.Bool("json") {
		return orJSON(c, out, err)
	}
	word := "recorded"
	if !out.New {
		word = "recorded before"
	}
	had := 0
	for _, g := range out.Given {
		if !g.New {
			had++
		}
	}
	say(c, "%s: %s, %d badges", word, out.ID, len(out.Awards)-had)
	for _, g := range out.Given {
		switch {
		case g.New && g.Award.Credential != "":
			say(c, "renewed %s: %s (%s)", g.Award.Name, g.Award.ID, g.Award.State)
		case g.New:
			say(c, "awarded %s: %s (%s)", g.Award.Name, g.Award.ID, g.Award.State)
		case g.Award.State == node.AwardOffered:
			say(c, "%s was offered already: %s", g.Award.Name, g.Award.ID)
		default:
			say(c, "%s: holds it already: %s (%s)", g.Award.Name, g.Award.ID, g.Award.State)
		}
		if g.Claim != nil {
			say(c, "claim: %s", g.Claim.Link)
		}
	}
	for _, why := range out.Why {
		say(c, "not awarded: %s", why)
	}
	if len(out.Awards) == 0 && len(out.Why) == 0 && len(out.Rules) > 0 {
		say(c, "no rule is about this fact; there are:")
		for _, rule := range out.Rules {
			say(c, "  %s", rule)
		}
	}
	return nil
}
