package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/testnet"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "run the whole of it on this machine: partners, learners, reviewers, a verifier",
		Description: example("A learner walks a path, one step by prior learning and one earned at a partner of an agreement, renews a badge and proves a role; badges travel into wallets, are shown, verified, revoked and expired. Needs no configuration and no network. Exit 0 only if every step held.", "trustme demo\ntrustme demo --dir /tmp/badges"),
		Flags:       []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "keep everything in `DIR`, which must be new or empty; default: a new temporary directory"}, jsonFlag},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			dir := c.String("dir")
			if dir == "" {
				tmp, err := os.MkdirTemp("", "trustme-demo-")
				if err != nil {
					return err
				}
				dir = tmp
			}
			story := c.App.Writer
			if c.Bool("json") {
				story = os.Stderr
			}
			fmt.Fprint(story, "TRUST-ME, the main job, on loopback:\n\n")
			d, err := testnet.RunDemo(c.Context, testnet.DemoConfig{Dir: dir, Out: story})
			if err != nil {
				fmt.Fprintf(os.Stderr, "\nEverything is kept in %s; the nodes' logs are there.\n", d.Dir)
				return err
			}
			if c.Bool("json") {
				return printJSON(c, d)
			}
			summary(c, d)
			return nil
		},
	}
}

func summary(c *cli.Context, d testnet.Demo) {
	say(c, "\nAll %d steps held. What a verifier says of each badge now:", d.Steps)
	for _, b := range d.Badges {
		say(c, "  %-16s %s", b.Name, b.Verdict)
	}
	say(c, "\nFigures of this run:")
	for _, f := range d.Figures {
		say(c, "  %-52s %s", f.What, f.Value)
	}
	say(c, "\nFiles: %s\n  badges/       every badge as JSON, PNG and SVG; expect.json says what each should give\n  status/ did/  the lists and documents that a verifier needs; index.json maps their addresses", d.Dir)
	me := "trustme"
	if strings.Contains(os.Args[0], "go-build") { // started with go run
		me = "go run ./cmd/trustme"
	}
	say(c, "\nTry next:\n  %s verify --offline --allow-loopback --at %s --dir %s %s\n  %s wallet list --dir %s\n  %s explain revoked",
		me, d.At.UTC().Format(time.RFC3339), filepath.Join(d.Dir, "verifier"), filepath.Join(d.Dir, "badges", "ana-basics.png"), me, filepath.Join(d.Dir, "ana"), me)
}

func testnetCommand() *cli.Command {
	dir := &cli.StringFlag{Name: "dir", Usage: "directory `DIR` of the testnet", Value: filepath.Join(defaultDir("testnet"))}
	return &cli.Command{
		Name: "testnet", Usage: "keep a net of partners running on this machine",
		Description: example("For trying things out: nodes on loopback, each a process and a directory of its own.", "trustme testnet up\ntrustme testnet down"),
		Subcommands: []*cli.Command{
			{Name: "up", Usage: "start nodes and leave them running", ArgsUsage: "[NAME...]",
				Description: example("Without names: alder, birch and guild. Their addresses are printed.", "trustme testnet up --dir /tmp/net alder birch"),
				Flags:       []cli.Flag{dir, jsonFlag},
				Action: func(c *cli.Context) error {
					names, err := operands(c, 0, 20, "names of nodes")
					if err != nil {
						return err
					}
					if len(names) == 0 {
						names = []string{"alder", "birch", "guild"}
					}
					ms, err := testnet.Up(c.Context, testnet.Config{Dir: c.String("dir"), Nodes: names})
					if err != nil {
						return err
					}
					if c.Bool("json") {
						return printJSON(c, ms)
					}
					for _, m := range ms {
						say(c, "%-10s %s   trustme node status --dir %s", m.Name, m.Base, m.Dir)
					}
					return nil
				}},
			{Name: "status", Usage: "tell how the nodes do",
				Description: example("Exit 1 when one does not run.", "trustme testnet status --dir /tmp/net"),
				Flags:       []cli.Flag{dir, jsonFlag},
				Action: func(c *cli.Context) error {
					if _, err := operands(c, 0, 0, ""); err != nil {
						return err
					}
					ss, err := testnet.Status(c.Context, c.String("dir"))
					if err != nil {
						return err
					}
					if c.Bool("json") {
						err = printJSON(c, ss)
					}
					for _, s := range ss {
						if !c.Bool("json") {
							say(c, "%-10s running %-5v %s %s", s.Name, s.Running, s.Base, s.Health)
						}
						if !s.Running {
							err = &verdictError{exitNo}
						}
					}
					return err
				}},
			{Name: "down", Usage: "stop the nodes",
				Description: example("Their directories stay.", "trustme testnet down --dir /tmp/net"),
				Flags:       []cli.Flag{dir, jsonFlag},
				Action: func(c *cli.Context) error {
					if _, err := operands(c, 0, 0, ""); err != nil {
						return err
					}
					if err := testnet.Down(c.String("dir")); err != nil {
						return err
					}
					return answer(c, fields{"stopped": true}, "stopped")
				}},
		},
	}
}
