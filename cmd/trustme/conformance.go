package main

import (
	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/testnet/conformance"
)

func conformanceCommand() *cli.Command {
	return &cli.Command{
		Name: "conformance", Usage: "let the public test suites at the engine",
		Description: example("A test tool and no part of a node; docs/conformance.md says how to point a suite at it.", "trustme conformance serve --listen 127.0.0.1:40443 --tls"),
		Subcommands: []*cli.Command{
			{Name: "serve", Usage: "answer the calls of the conformance suites on this machine",
				Description: example("Issues and verifies credentials of any kind with keys that are gone when it ends.\n"+
					"It prints the address of its manifest, and runs until it is stopped.\n"+
					"--no-issuer-binding is for suites whose recorded credentials have an issuer without keys.", "trustme conformance serve --listen 127.0.0.1:8040 --public https://localhost:40443"),
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "listen", Usage: "listen at `ADDRESS`, of this machine alone", Value: "127.0.0.1:0"},
					&cli.StringFlag{Name: "public", Usage: "hand out addresses under `URL`, where something stands in front (default: where it listens)"},
					&cli.BoolFlag{Name: "tls", Usage: "answer https, under a certificate that nobody has signed"},
					&cli.BoolFlag{Name: "no-issuer-binding", Usage: "accept credentials signed by a key that is not their issuer's"},
					jsonFlag,
				},
				Action: func(c *cli.Context) error {
					if _, err := operands(c, 0, 0, ""); err != nil {
						return err
					}
					d, err := conformance.New(conformance.Config{Listen: c.String("listen"), Public: c.String("public"), TLS: c.Bool("tls"), NoIssuerBinding: c.Bool("no-issuer-binding"), Now: now()})
					if err != nil {
						return err
					}
					manifest := d.Base() + "/conformance.json"
					if err := answer(c, fields{"base": d.Base(), "manifest": manifest}, "a test tool: its keys end with it, and it takes what no node takes\nmanifest %s", manifest); err != nil {
						return err
					}
					return d.Serve(c.Context)
				}},
		},
	}
}
