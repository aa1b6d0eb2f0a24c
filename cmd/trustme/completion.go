package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// completions are the scripts that make a shell ask the program itself. The
// word under the cursor is passed on only where it begins a flag: the program
// lists flags for one, and commands or nothing otherwise. A word "--" is passed
// as "-", since behind it the program would take our question for an operand.
// Where nothing of it fits, the shell completes file names. $0 is how the program
// tells a zsh, which alone shows what each command does.
var completions = map[string]string{
	"bash": `_trustme() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:0:COMP_CWORD}")
	COMPREPLY=()
	case $cur in
	--) words+=(-) ;;
	-*) words+=("$cur") ;;
	esac
	COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
}
complete -o default -F _trustme trustme`,
	"zsh": `#compdef trustme
_trustme() {
	local cur=${words[CURRENT]}
	local -a args=("${(@)words[1,CURRENT-1]}") opts
	case $cur in
	--) args+=(-) ;;
	-*) args+=("$cur") ;;
	esac
	opts=("${(@f)$(env 0=zsh "${(@)args}" --generate-bash-completion 2>/dev/null)}")
	_describe 'values' opts || _files
}
compdef _trustme trustme`,
	"fish": `function __trustme_words
	set -l words (commandline -opc)
	set -l cur (commandline -ct)
	switch $cur
		case --
			set -a words -
		case '-*'
			set -a words $cur
	end
	$words --generate-bash-completion 2>/dev/null | string match -- "$cur*"
end
complete -c trustme -f -n 'count (__trustme_words) >/dev/null' -a '(__trustme_words)'`,
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the completion script of a shell", ArgsUsage: "bash|zsh|fish",
		Description: example("Load it from the shell's start file; in fish: trustme completion fish | source", "source <(trustme completion bash)"),
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
