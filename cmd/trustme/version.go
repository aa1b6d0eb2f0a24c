package main

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials/jsonld"
)

// version is set at release with -ldflags "-X main.version=1.2.3".
var version = "development"

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version, and the digests of the JSON-LD contexts it trusts",
		Description: example("A badge is canonicalised with these bytes and no others.", "trustme version --json"),
		Flags:       []cli.Flag{jsonFlag},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			revision := ""
			if b, ok := debug.ReadBuildInfo(); ok {
				for _, s := range b.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			digests := jsonld.Digests()
			if c.Bool("json") {
				return printJSON(c, map[string]any{"version": version, "revision": revision, "go": runtime.Version(), "contexts": digests})
			}
			say(c, "trustme %s %s (%s, %s/%s)", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			say(c, "contexts (SHA-256 of the embedded bytes):")
			for _, url := range slices.Sorted(maps.Keys(digests)) {
				say(c, "  %s  %s", digests[url][:16], url)
			}
			return nil
		},
	}
}

// completions are the scripts that make a shell ask the program itself.
var completions = map[string]string{
	"bash": `_trustme() { local cur opts; COMPREPLY=(); cur="${COMP_WORDS[COMP_CWORD]}"; opts=$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null); COMPREPLY=($(compgen -W "${opts}" -- "${cur}")); }; complete -o default -F _trustme trustme`,
	"zsh":  `#compdef trustme` + "\n" + `_trustme() { local -a opts; opts=("${(@f)$(${words[@]:0:#words[@]-1} --generate-bash-completion 2>/dev/null)}"); _describe 'values' opts; }; compdef _trustme trustme`,
	"fish": `complete -c trustme -f -a '(set -l words (commandline -opc); $words --generate-bash-completion 2>/dev/null)'`,
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the completion script of a shell", ArgsUsage: "bash|zsh|fish",
		Description: example("Load it from the shell's start file.", "source <(trustme completion bash)"),
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one of bash, zsh and fish")
			if err != nil {
				return err
			}
			script, ok := completions[args[0]]
			if !ok {
				return usagef("no completion for %q; there is bash, zsh and fish", args[0])
			}
			fmt.Fprintln(c.App.Writer, script)
			return nil
		},
	}
}
