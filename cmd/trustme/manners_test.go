package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// commands calls f with the path of every command there is.
func commands(f func(path []string, cmd *cli.Command)) {
	var walk func(path []string, all []*cli.Command)
	walk = func(path []string, all []*cli.Command) {
		for _, cmd := range all {
			here := append(slices.Clone(path), cmd.Name)
			f(here, cmd)
			walk(here, cmd.Subcommands)
		}
	}
	walk(nil, app().Commands)
}

func TestEveryCommandHasHelpAnExampleAndJSON(t *testing.T) {
	n := 0
	commands(func(path []string, cmd *cli.Command) {
		n++
		name := strings.Join(path, " ")
		_, ex, ok := strings.Cut(cmd.Description, "Example:\n\n   ")
		if cmd.Usage == "" || !ok {
			t.Errorf("%s has no help with an example", name)
		}
		if !strings.HasPrefix(ex, "trustme "+path[0]) && name != "completion" {
			t.Errorf("the example of %s is of another command: %s", name, ex)
		}
		json := slices.ContainsFunc(cmd.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "json") })
		if group := len(cmd.Subcommands) > 0; !group && !json && name != "completion" {
			t.Errorf("%s has no --json", name)
		}
		for _, f := range cmd.Flags {
			if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() {
				t.Errorf("%s: the library refuses a missing %s without saying what to do", name, f.Names()[0])
			}
		}
	})
	if n < 40 {
		t.Errorf("only %d commands were looked at", n)
	}
}

func TestMistakesInWordsAreBadUsageInEveryCommand(t *testing.T) {
	commands(func(path []string, cmd *cli.Command) {
		args := slices.Concat([]string{"trustme"}, path, []string{"--no-such-flag"})
		if got := codeOf(runQuietly(args, io.Discard)); got != exitUsage {
			t.Errorf("%s: exit %d", strings.Join(args, " "), got)
		}
	})
	for _, line := range []string{
		"wallet export basics", "wallet backup", "node backup", "pack badge.json", "node revoke urn:uuid:1", "node issue basics", "node issue --csv x.csv --level 2",
		"verify", "verify --at noon x", "wallet connect", "explain no.such.code", "completion csh", "help frob", "frob", "node frob", "wallet list surplus",
	} {
		if got := codeOf(runQuietly(append([]string{"trustme"}, strings.Fields(line)...), io.Discard)); got != exitUsage {
			t.Errorf("trustme %s: exit %d", line, got)
		}
	}
}

// runQuietly runs a command line within this process.
func runQuietly(args []string, out io.Writer) error {
	a := app()
	a.Writer, a.ErrWriter = out, io.Discard
	return a.Run(args)
}

func TestAnEmptyListIsAListInJSON(t *testing.T) {
	var b bytes.Buffer
	c := cli.NewContext(&cli.App{Writer: &b}, flag.NewFlagSet("", 0), nil)
	for _, v := range []any{[]string(nil), []int{}} {
		b.Reset()
		if err := printJSON(c, v); err != nil || strings.TrimSpace(b.String()) != "[]" {
			t.Errorf("%#v became %s, %v", v, b.String(), err)
		}
	}
}

func TestExplainAnswersInJSON(t *testing.T) {
	var b bytes.Buffer
	if err := runQuietly([]string{"trustme", "explain", "--json"}, &b); err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(b.Bytes(), &texts); err != nil || len(texts) < 20 {
		t.Errorf("%d codes, %v", len(texts), err)
	}
}

func TestRefusalsAndDoubtsHaveTheirCodes(t *testing.T) {
	for _, r := range refusals {
		if got := codeOf(errors.Join(errors.New("about"), r)); got != exitNo {
			t.Errorf("%v: exit %d", r, got)
		}
	}
	if got := codeOf(errors.New("the network is away")); got != exitUndecided {
		t.Errorf("exit %d", got)
	}
}
