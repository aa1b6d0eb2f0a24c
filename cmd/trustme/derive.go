package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/jsonld"
)

func deriveCommand() *cli.Command {
	return &cli.Command{
		Name: "derive", Usage: "make of your badge one that shows a part of it", ArgsUsage: "FILE|-",
		Description: example("For badges that their issuer signed with ecdsa-sd-2023 for selective disclosure. Shows what the issuer made mandatory and each part that --show names by its JSON pointer; identifiers and types on the way there go with it. Anyone can verify the result; the file that you have is for you alone.", "trustme derive -o shown.json --show /credentialSubject/achievement --show /evidence/0 badge.json"),
		Flags:       []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write, or - for standard output"}, forceFlag, jsonFlag, &cli.StringSliceFlag{Name: "show", Usage: "JSON `POINTER` to a part that is shown"}},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE or -")
			if err != nil {
				return err
			}
			if err := needsOutput(c); err != nil {
				return err
			}
			raw, err := readInput(args[0], maxInput)
			if err != nil {
				return err
			}
			badge, err := credentials.Parse(raw)
			if err != nil {
				return err
			}
			out, err := dataintegrity.Derive(badge.Doc(), c.StringSlice("show"))
			if errors.Is(err, jsonld.ErrPointer) {
				return usagef("%v; --show wants a pointer such as /credentialSubject/achievement or /evidence/0", err)
			}
			if err != nil {
				return err
			}
			name := c.String("output")
			if err := writeOutput(c, name, append(out, '\n')); err != nil || name == "-" {
				return err
			}
			return answer(c, fields{"file": name}, "wrote %s, which anyone can verify", name)
		},
	}
}
